/**
 * Release of information: requests for records of a patient, by whoever has a right to them. The work itself is a process of profiles/work/processes.
 * docs/records-desk.md
 */
import type { Feature } from '../../interactions/feature.js';
import { requestRecordsOperation, requestStatusOperation } from './request-operation.js';
import { readRequesterClasses } from './requester-classes.js';

const folder = new URL('../../../../profiles/release/', import.meta.url);

const DESK_ROLES = ['writer', 'records-specialist', 'privacy-officer', 'service'];

export const releaseOfInformation: Feature = {
  name: 'release',
  profiles: folder,
  open() {
    const classes = readRequesterClasses(new URL('rules/requester-classes.json', folder));
    return {
      operations: {
        'request-records': requestRecordsOperation(classes),
        'request-status': requestStatusOperation,
      },
      duties: Object.fromEntries(DESK_ROLES.map(role => [role, { operations: ['request-records', 'request-status'] }])),
    };
  },
};
