/** What both stores say of messages, and how whoever deals with them goes on when somebody else was faster. */
import { asFhirError, FhirError } from '../fhir/error.js';

/** Times that work is begun anew: each time somebody else has got ahead. */
const ATTEMPTS = 100;

const ACKNOWLEDGED = 'A message was dealt with by somebody else meanwhile. Read what is pending and try again.';

export const acknowledgedMeanwhile = (): FhirError => new FhirError('conflict', ACKNOWLEDGED);

/** Whether a commit was refused for its messages: it will be again. The text is all that comes through from a store's thread. */
export const isAcknowledgedMeanwhile = (error: unknown): boolean =>
  error instanceof FhirError && error.kind === 'conflict' && error.message === ACKNOWLEDGED;

/** Does the work again as long as it meets a conflict: it reads what is pending, and commits what follows from that. */
export async function untilUncontested<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++)
    try {
      return await work();
    } catch (error) {
      if (asFhirError(error).kind !== 'conflict' || attempt === ATTEMPTS) throw error;
    }
}
