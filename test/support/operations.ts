/** The operations that a server on the embedded store has, without a server: its own, and with those of its features. */
import { fileURLToPath } from 'node:url';
import { chartOperation } from '../../src/features/documents/chart.js';
import { documentOperation } from '../../src/features/documents/composition/operation.js';
import { createDocref } from '../../src/features/documents/docref/operation.js';
import { generateOperation } from '../../src/features/documents/mhd/generate.js';
import { renderOperation } from '../../src/features/documents/render/operation.js';
import { arrangePagesOperation } from '../../src/features/intake/arrange/arrange-operation.js';
import { intakeOperation } from '../../src/features/intake/batch-operation.js';
import { indexOperation } from '../../src/features/intake/index-operation.js';
import { separatorSheetOperation } from '../../src/features/intake/sheets/sheet-operation.js';
import { intakeRatesOperation } from '../../src/features/intake/rates-operation.js';
import { privacyOperations } from '../../src/features/privacy/index.js';
import { checkAuthorizationOperation } from '../../src/features/release/check-operation.js';
import { deliverOperation, WAYS_ON_PAPER } from '../../src/features/release/delivery/deliver-operation.js';
import { deliveryOutcomeOperation } from '../../src/features/release/delivery/outcome-operation.js';
import { chargeOperation, estimateFeeOperation } from '../../src/features/release/fees/fee-operations.js';
import { letterOperation } from '../../src/features/release/letters/letter-operation.js';
import { releaseConfirmOperation } from '../../src/features/release/confirm-operation.js';
import { releasePackageOperation } from '../../src/features/release/package-job.js';
import { theItemPool } from '../../src/features/release/package/read/read-item.js';
import { releaseOperation } from '../../src/features/release/release-operation.js';
import { releaseSelectOperation } from '../../src/features/release/select-operation.js';
import { releasePreviewOperation } from '../../src/features/release/preview-operation.js';
import { requestRecordsOperation, requestStatusOperation } from '../../src/features/release/request-operation.js';
import { createCalendar } from '../../src/features/work/calendar.js';
import { custodyOperation } from '../../src/features/work/custody.js';
import { moveOperation } from '../../src/features/work/move.js';
import { transitionOperation, transitionsOperation } from '../../src/features/work/operation.js';
import { decideOperation } from '../../src/http/asked-about.js';
import type { Resource } from '../../src/fhir/resource.js';
import { createClock } from '../../src/platform/clock.js';
import { createLog } from '../../src/platform/log.js';
import { readProfiles } from '../../src/fhir/package.js';
import { composeOperations, FILE_OPERATIONS, OPERATIONS } from '../../src/interactions/operations/index.js';

const definitionsIn = async (folder: string): Promise<Resource[]> => {
  const found: Resource[] = [];
  const at = fileURLToPath(new URL(`../../../${folder}`, import.meta.url));
  for await (const { resource } of readProfiles(at, new Set(['OperationDefinition']))) found.push(resource);
  return found;
};
const definitions = await definitionsIn('profiles');

export const operations = composeOperations(
  { ...OPERATIONS, decide: decideOperation, ...FILE_OPERATIONS },
  definitions,
);

const work = {
  processes: new Map(),
  calendar: createCalendar('UTC', ''),
  bases: [],
  clock: createClock(createLog('silent')),
};
const ofWork = composeOperations(
  {
    custody: custodyOperation(work),
    move: moveOperation(work),
    transition: transitionOperation(work),
    transitions: transitionsOperation(work),
  },
  await definitionsIn('profiles/work'),
);

const ofFeatures = composeOperations(
  {
    chart: chartOperation,
    docref: createDocref(new Map()),
    document: documentOperation,
    render: renderOperation,
    'generate-metadata': generateOperation,
  },
  await definitionsIn('profiles/documents'),
);
const releaseGround = {
  ...{ classes: new Map(), rules: new Map(), reasons: new Map() },
  letters: { templates: new Map(), grounds: new Map(), head: { desk: '', complaints: '' } },
  ...{ now: () => 0, bases: [], pool: theItemPool },
};
const feeGround = { ...releaseGround, fees: { currency: 'USD', schedules: [] } };
const ofRelease = composeOperations(
  {
    'request-records': requestRecordsOperation(new Map()),
    'request-status': requestStatusOperation,
    'check-authorization': checkAuthorizationOperation(releaseGround),
    letter: letterOperation(releaseGround),
    charge: chargeOperation(feeGround),
    deliver: deliverOperation(releaseGround, WAYS_ON_PAPER),
    'delivery-outcome': deliveryOutcomeOperation(releaseGround),
    'estimate-fee': estimateFeeOperation(feeGround),
    release: releaseOperation(releaseGround),
    'release-confirm': releaseConfirmOperation(releaseGround),
    'release-package': releasePackageOperation(releaseGround),
    'release-preview': releasePreviewOperation(releaseGround),
    'release-select': releaseSelectOperation(releaseGround),
  },
  await definitionsIn('profiles/release'),
);
const ofIntake = composeOperations(
  {
    'arrange-pages': arrangePagesOperation(new WeakMap()),
    intake: intakeOperation({ lookFor: 1 }),
    'separator-sheet': separatorSheetOperation,
    'intake-rates': intakeRatesOperation,
    index: indexOperation({
      rules: { required: [], withoutEncounter: [] },
      sample: { percent: 100, newStaff: 0 },
      ...{ bases: [], now: () => 0, newId: () => '', together: new Map(), copied: new WeakMap() },
      arranged: new WeakMap(),
    }),
  },
  await definitionsIn('profiles/intake'),
);
const ofPrivacy = composeOperations(privacyOperations({ now: () => 0 }), await definitionsIn('profiles/privacy'));
export const allOperations = new Map([
  ...operations,
  ...ofFeatures,
  ...ofPrivacy,
  ...ofWork,
  ...ofRelease,
  ...ofIntake,
]);
