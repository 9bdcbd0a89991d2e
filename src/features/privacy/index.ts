/**
 * Privacy: questions that a privacy officer asks of the audit trail, in words, and what deserves a look in it. docs/audit.md
 */
import type { OperationImplementation } from '../../interactions/engine.js';
import { wholeNumber } from '../../interactions/feature-settings.js';
import type { Feature } from '../../interactions/feature.js';
import { AUDIT_LOG_USED } from '../../interactions/subtypes.js';
import type { Clock } from '../../platform/clock.js';
import { ACCOUNTING, accountingOperation } from './accounting-operation.js';
import { ANOMALIES, anomaliesOperation } from './anomalies.js';
import { anomalyClock } from './anomaly-clock.js';
import { anomalyReviewHook } from './anomaly-review.js';
import { questionOperation } from './answer.js';
import { KeptAnswers } from './answer-pages.js';
import { QUESTIONS, WHO_SAW } from './questions.js';
import { PRIVACY_FEATURE } from './told-event.js';

/** All that it offers, by code. */
export function privacyOperations(clock: Pick<Clock, 'now'>): Readonly<Record<string, OperationImplementation>> {
  const kept = new KeptAnswers(clock);
  return {
    ...Object.fromEntries(
      Object.entries(QUESTIONS).map(([code, question]) => [code, questionOperation(code, question, kept)]),
    ),
    [ACCOUNTING]: accountingOperation,
    [ANOMALIES]: anomaliesOperation,
  };
}

const settings = {
  anomaliesEvery: wholeNumber(
    'ANOMALIES_EVERY',
    24,
    'Hours after which the server looks again for what deserves a look in its audit trail, as `$audit-anomalies` does. 0: only when it is asked; so does a server in test-harness mode.',
    0,
    744,
  ),
};

export const privacy: Feature<typeof settings> = {
  name: PRIVACY_FEATURE,
  settings,
  profiles: new URL('../../../../profiles/privacy/', import.meta.url),
  open: ({ own: { anomaliesEvery }, clock, log }) => ({
    operations: privacyOperations(clock),
    hooks: [anomalyReviewHook],
    jobs: anomaliesEvery === 0 ? [] : [anomalyClock(anomaliesEvery, { clock, log })],
    subtypes: Object.fromEntries(Object.keys(privacyOperations(clock)).map(code => [code, AUDIT_LOG_USED])),
    duties: {
      'privacy-officer': { operations: [...Object.keys(QUESTIONS), ACCOUNTING, ANOMALIES] },
      // Patients of themselves. Tokens of other issuers that name no role have that of services.
      ...Object.fromEntries(['patient', 'service'].map(role => [role, { operations: [WHO_SAW] }])),
    },
  }),
};
