/**
 * Release of information: requests for records of a patient, by whoever has a right to them. The work itself is a process of profiles/work/processes.
 * docs/records-desk.md
 */
import type { Feature } from '../../interactions/feature.js';
import { requestRecordsOperation, requestStatusOperation } from './request-operation.js';
import { readPermitRules } from './authorization-rules.js';
import { acceptanceHook, checkAuthorizationOperation } from './check-operation.js';
import { readLetters } from './letter.js';
import { type PreviewGround, releasePreviewOperation } from './preview-operation.js';
import { readReasonWords } from './reasons.js';
import { readRequesterClasses } from './requester-classes.js';

const folder = new URL('../../../../profiles/release/', import.meta.url);

const DESK_ROLES = ['writer', 'records-specialist', 'privacy-officer', 'service'];
const DESK_OPERATIONS = ['check-authorization', 'release-preview', 'request-records', 'request-status'];

export const releaseOfInformation: Feature = {
  name: 'release',
  profiles: folder,
  open({ clock, settings }) {
    const rules = new URL('rules/', folder);
    const classes = readRequesterClasses(new URL('requester-classes.json', rules));
    const ground: PreviewGround = {
      ...{ classes, now: () => clock.now(), bases: settings.bases },
      rules: readPermitRules(new URL('authorization.json', rules)),
      letters: readLetters(new URL('letters.json', rules)),
      reasons: readReasonWords(new URL('reasons.json', rules)),
    };
    return {
      hooks: [acceptanceHook(ground)],
      operations: {
        'check-authorization': checkAuthorizationOperation(ground),
        'release-preview': releasePreviewOperation(ground),
        'request-records': requestRecordsOperation(classes),
        'request-status': requestStatusOperation,
      },
      duties: Object.fromEntries(DESK_ROLES.map(role => [role, { operations: DESK_OPERATIONS }])),
    };
  },
};
