/** patch and conditional patch: https://hl7.org/fhir/R4/http.html#patch */
import { FhirError } from '../fhir/error.js';
import type { Context, Of, Outcome } from './interaction.js';

export async function patch(_context: Context, _ask: Of<'patch'>, _without: readonly string[]): Promise<Outcome> {
  throw new FhirError('not-supported', 'Patch is not offered.');
}
