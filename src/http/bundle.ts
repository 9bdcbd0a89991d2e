/** A Bundle of requests as a batch or transaction: https://hl7.org/fhir/R4/http.html#transaction */
import { FhirError } from '../fhir/error.js';
import type { Parsed } from '../fhir/resource.js';
import type { Engine, Interaction } from '../interactions/interaction.js';

export async function readBundle(_body: Parsed, _engine: Engine, _prefer: string | undefined): Promise<Interaction> {
  throw new FhirError('not-supported', 'Batches and transactions are not offered.');
}
