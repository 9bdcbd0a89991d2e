/**
 * The patch that an entry of a Bundle brings: https://hl7.org/fhir/R4/http.html#patch. An entry can only hold a resource, so a JSON
 * Patch travels in a Binary ("a Binary resource with the appropriate content type"), a FHIRPath Patch as what it is.
 */
import { FhirError } from '../fhir/error.js';
import { parseAnyJson } from '../fhir/json.js';
import type { Decimals, Resource } from '../fhir/resource.js';
import type { Patch } from './interaction.js';

/** The Bundle around it was no longer than a body may be. */
const LIMITS = { maxDepth: 64 };

/** Throws `invalid` for a resource that is no patch. */
export function patchFromEntry(resource: Resource, decimals: Decimals | undefined): Patch {
  if (resource.resourceType === 'Parameters') return { form: 'fhirpath', parameters: { resource, decimals } };
  const { resourceType, contentType, data } = resource;
  const type = typeof contentType === 'string' ? contentType.split(';')[0]!.trim().toLowerCase() : '';
  if (resourceType !== 'Binary' || type !== 'application/json-patch+json' || typeof data !== 'string')
    throw new FhirError(
      'invalid',
      'The resource of a PATCH must be Parameters, or a Binary with data of type application/json-patch+json.',
      { detail: 'no-patch' },
    );
  const read = parseAnyJson(Buffer.from(data, 'base64'), LIMITS);
  return { form: 'json', operations: read.value, ...(read.decimals ? { decimals: read.decimals } : {}) };
}
