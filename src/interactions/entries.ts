/**
 * What a Bundle of requests must be before its entries are looked at, and what the resource of an entry may stand for.
 * https://hl7.org/fhir/R4/http.html#transaction
 */
import { FhirError } from '../fhir/error.js';
import { parseAnyJson } from '../fhir/json.js';
import type { Decimals, Json, JsonObject, Resource } from '../fhir/resource.js';
import { validateStructure } from '../validation/structure.js';
import type { Engine, Patch } from './interaction.js';

/** Checks the Bundle without the resources of its entries, each of which is checked when it is written. Throws `invalid`. */
export function checkShell({ definitions }: Engine, bundle: Resource): void {
  const issues = validateStructure(withoutResources(bundle), definitions);
  if (issues.some(({ severity }) => severity === 'error' || severity === 'fatal'))
    throw new FhirError('invalid', 'The Bundle is not valid FHIR R4.', { issues });
}

function withoutResources(bundle: Resource): Resource {
  const { entry } = bundle;
  if (!Array.isArray(entry)) return bundle;
  const shells = entry.map(
    (each): Json => (isObject(each) && isObject(each['resource']) ? { ...each, resource: STAND_IN } : each),
  );
  return { ...bundle, entry: shells };
}

/** An entry that had nothing but its resource is not empty. */
const STAND_IN: JsonObject = { resourceType: 'Parameters' };

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * A patch as an entry carries it: a Binary around a JSON Patch, or the Parameters of a FHIRPath Patch. Throws `invalid` for
 * any other resource. https://hl7.org/fhir/R4/http.html#patch
 */
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
  const body = parseAnyJson(Buffer.from(data, 'base64'), { maxDepth: 64, portable: true });
  return { form: 'json', operations: body.value, ...(body.decimals ? { decimals: body.decimals } : {}) };
}
