/**
 * Privacy: questions that a privacy officer asks of the audit trail, in words. docs/audit.md
 */
import type { OperationImplementation } from '../../interactions/engine.js';
import type { Feature } from '../../interactions/feature.js';
import { ACCOUNTING, accountingOperation } from './accounting-operation.js';
import { ANOMALIES, anomaliesOperation } from './anomalies.js';
import { questionOperation } from './answer.js';
import { QUESTIONS, WHO_SAW } from './questions.js';

/** All that it offers, by code. */
export const privacyOperations = (): Readonly<Record<string, OperationImplementation>> => ({
  ...Object.fromEntries(Object.entries(QUESTIONS).map(([code, question]) => [code, questionOperation(code, question)])),
  [ACCOUNTING]: accountingOperation,
  [ANOMALIES]: anomaliesOperation,
});

export const privacy: Feature = {
  name: 'privacy',
  profiles: new URL('../../../../profiles/privacy/', import.meta.url),
  open: () => ({
    operations: privacyOperations(),
    duties: {
      'privacy-officer': { operations: [...Object.keys(QUESTIONS), ACCOUNTING, ANOMALIES] },
      // Patients of themselves. Tokens of other issuers that name no role have that of services.
      ...Object.fromEntries(['patient', 'service'].map(role => [role, { operations: [WHO_SAW] }])),
    },
  }),
};
