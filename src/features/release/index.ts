/**
 * Release of information: requests for records of a patient, by whoever has a right to them. The work itself is a process of profiles/work/processes.
 * docs/records-desk.md
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { textSetting } from '../../interactions/feature-settings.js';
import type { Feature, FeatureGround } from '../../interactions/feature.js';
import { requestRecordsOperation, requestStatusOperation } from './request-operation.js';
import { readPermitRules } from './authorization-rules.js';
import { acceptanceHook, checkAuthorizationOperation } from './check-operation.js';
import { deliverOperation, type DeliveryWays, WAYS_ON_PAPER } from './delivery/deliver-operation.js';
import { ehrSender, ehrWay, hostsOf, networksOf, readReceivers } from './delivery/ehr-way.js';
import { EMAIL_WAY, emailSender } from './delivery/email-way.js';
import { healthLinkRoutes } from './delivery/health-link-route.js';
import { HEALTH_LINK_WAY } from './delivery/health-link-way.js';
import { LINK_WAY } from './delivery/link-way.js';
import { releasedRecordsRoute } from './delivery/link-route.js';
import { closingHook, deliveryHook } from './delivery/kept-deliveries.js';
import { deliveryOutcomeOperation } from './delivery/outcome-operation.js';
import { type DeliverySenders, sendingJob } from './delivery/sending.js';
import { chargeOperation, estimateFeeOperation } from './fees/fee-operations.js';
import { readFeeSchedules } from './fees/fee-schedules.js';
import { invoiceHook, paymentHook } from './fees/payment-hook.js';
import { letterOperation } from './letters/letter-operation.js';
import { readLetterTemplates } from './letters/letter-templates.js';
import { readRefusalGrounds } from './letters/refusal-grounds.js';
import { refusalHook } from './letters/refusal-hook.js';
import { releaseConfirmOperation } from './confirm-operation.js';
import { frozenHook, keptHook, packageHook } from './kept-hook.js';
import type { PackageGround } from './package-ground.js';
import { packageJob, releasePackageOperation } from './package-job.js';
import { theItemPool } from './package/read/read-item.js';
import { releasePreviewOperation } from './preview-operation.js';
import { releaseOperation } from './release-operation.js';
import { releaseSelectOperation } from './select-operation.js';
import { readReasonWords } from './reasons.js';
import { withdrawingHook } from './unreleased.js';
import { readRequesterClasses } from './requester-classes.js';

const folder = new URL('../../../../profiles/release/', import.meta.url);

const DESK_ROLES = ['writer', 'records-specialist', 'privacy-officer', 'service'];
const DESK_OPERATIONS = [
  ...['charge', 'check-authorization', 'deliver', 'delivery-outcome', 'estimate-fee', 'letter'],
  ...['release-confirm', 'release-preview', 'request-records', 'request-status'],
];
/** What goes out is chosen, packed and released by those whose transitions these are: to do it again leads to no other state, which the process would judge. */
const CLERKS: ReadonlySet<string> = new Set(['writer', 'records-specialist']);
const CLERK_OPERATIONS = [...DESK_OPERATIONS, 'release', 'release-package', 'release-select'];

const settings = {
  fees: textSetting(
    'FEES',
    '',
    'File with the schedules of fees for copies of records, instead of those that the server brings along, of which few are compared with the law of a state.',
  ),
  recordsDesk: textSetting('RECORDS_DESK', '', 'Name, address and telephone of the records desk, as letters end.'),
  complaintsTo: textSetting(
    'COMPLAINTS_TO',
    'the privacy officer',
    'Who takes complaints about a denial, as letters name them: name or title, and telephone (45 CFR 164.524(d)(2)(iii)).',
  ),
  requesterClasses: textSetting(
    'REQUESTER_CLASSES',
    '',
    'File with the classes of those who ask for records, instead of those that the server brings along: of how many requests somebody else looks at what goes out, for one.',
  ),
  receivers: textSetting(
    'RECEIVERS',
    '',
    'JSON file with the record systems that released records may be sent to: by name, each with `base` (its FHIR address), and `authorization` and `network` where it needs them.',
  ),
};

/** Ways that the server delivers by itself, as far as they are configured. */
function sentWays({ own, outgoing, mail }: FeatureGround<typeof settings>): {
  readonly ways: DeliveryWays;
  readonly senders: DeliverySenders;
} {
  const receivers = readReceivers(own.receivers);
  // A system that takes a large package may answer late: to give it up early is to send it twice.
  const patience = { firstByte: 100_000, whole: 100_000, maxBytes: 4 * 1024 * 1024 };
  const policy = { hosts: hostsOf(receivers), networks: networksOf(receivers), ...patience };
  return {
    ways: { ...(mail ? { email: EMAIL_WAY } : {}), ...(receivers.size > 0 ? { ehr: ehrWay(receivers) } : {}) },
    senders: {
      ...(mail ? { email: emailSender(mail, own.recordsDesk) } : {}),
      ...(receivers.size > 0 ? { ehr: ehrSender(receivers, outgoing(policy)) } : {}),
    },
  };
}

export const releaseOfInformation: Feature<typeof settings> = {
  name: 'release',
  settings,
  profiles: folder,
  open(around) {
    const { own, clock, settings: server } = around;
    const rules = new URL('rules/', folder);
    const { ways, senders } = sentWays(around);
    const classes = readRequesterClasses(
      own.requesterClasses === ''
        ? new URL('requester-classes.json', rules)
        : pathToFileURL(resolve(own.requesterClasses)),
    );
    const ground: PackageGround = {
      ...{ classes, now: () => clock.now(), bases: server.bases },
      rules: readPermitRules(new URL('authorization.json', rules)),
      letters: {
        templates: readLetterTemplates(new URL('letters/', folder)),
        grounds: readRefusalGrounds(new URL('refusal-grounds.json', rules)),
        head: { desk: own.recordsDesk, complaints: own.complaintsTo },
      },
      reasons: readReasonWords(new URL('reasons.json', rules)),
      pool: theItemPool,
    };
    const schedules = own.fees === '' ? new URL('fees/schedules.json', folder) : pathToFileURL(resolve(own.fees));
    const fees = { ...ground, fees: readFeeSchedules(schedules, classes) };
    return {
      hooks: [
        acceptanceHook(ground),
        refusalHook(ground.letters, ground.now),
        paymentHook(fees),
        invoiceHook(),
        deliveryHook(),
        closingHook(server.bases),
        keptHook(),
        frozenHook(),
        packageHook(server.bases),
        withdrawingHook(server.bases),
      ],
      jobs: [packageJob(ground), sendingJob(senders, server.bases)],
      operations: {
        'check-authorization': checkAuthorizationOperation(ground),
        charge: chargeOperation(fees),
        deliver: deliverOperation(ground, {
          ...{ ...WAYS_ON_PAPER, link: LINK_WAY, 'health-link': HEALTH_LINK_WAY },
          ...ways,
        }),
        'delivery-outcome': deliveryOutcomeOperation(ground),
        'estimate-fee': estimateFeeOperation(fees),
        letter: letterOperation(ground),
        release: releaseOperation(ground),
        'release-confirm': releaseConfirmOperation(ground),
        'release-package': releasePackageOperation(ground),
        'release-preview': releasePreviewOperation(ground),
        'release-select': releaseSelectOperation(ground),
        'request-records': requestRecordsOperation(classes),
        'request-status': requestStatusOperation,
      },
      routes: [releasedRecordsRoute, ...healthLinkRoutes],
      duties: Object.fromEntries(
        DESK_ROLES.map(role => [role, { operations: CLERKS.has(role) ? CLERK_OPERATIONS : DESK_OPERATIONS }]),
      ),
    };
  },
};
