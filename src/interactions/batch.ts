/** batch: https://hl7.org/fhir/R4/http.html#transaction */
import { FhirError } from '../fhir/error.js';
import type { Context, Of, Outcome } from './interaction.js';
import type { Door } from './transaction.js';

export async function batch(_context: Context, _ask: Of<'batch'>, _door: Door): Promise<Outcome> {
  throw new FhirError('not-supported', 'Batches are not offered.');
}
