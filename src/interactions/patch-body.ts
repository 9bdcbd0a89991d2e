/**
 * A patch as an entry of a Bundle carries it: a Binary around a JSON Patch, or the Parameters of a FHIRPath Patch.
 * https://hl7.org/fhir/R4/http.html#patch
 */
import { FhirError } from '../fhir/error.js';
import { parseAnyJson } from '../fhir/json.js';
import type { Decimals, Resource } from '../fhir/resource.js';
import type { Patch } from './interaction.js';

/** Throws `invalid` for any other resource. */
export function patchFromEntry(resource: Resource, decimals: Decimals | undefined): Patch {
  if (resource.resourceType === 'Parameters') return { form: 'fhirpath', parameters: { resource, decimals } };
  const { contentType, data } = resource;
  const isJsonPatch =
    typeof contentType === 'string' && contentType.split(';')[0]!.trim() === 'application/json-patch+json';
  if (resource.resourceType !== 'Binary' || !isJsonPatch || typeof data !== 'string')
    throw new FhirError(
      'invalid',
      'The resource of a PATCH must be Parameters (FHIRPath Patch), or a Binary whose data is a JSON Patch and whose contentType is application/json-patch+json.',
      { expression: resource.resourceType, detail: 'no-patch' },
    );
  const body = parseAnyJson(Buffer.from(data, 'base64'), { maxDepth: 64 });
  return { form: 'json', operations: body.value, ...(body.decimals ? { decimals: body.decimals } : {}) };
}
