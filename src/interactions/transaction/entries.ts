/**
 * What a Bundle of requests must be before its entries are looked at, and what the resource of an entry may stand for.
 * https://hl7.org/fhir/R4/http.html#transaction
 */
import { FhirError, type Issue } from '../../fhir/error.js';
import { type AnyJson, isLarge, MAX_DEPTH, readAnyJson } from '../../fhir/json/json.js';
import { type Json, type JsonObject, type Parsed, type Resource, isObject } from '../../fhir/resource.js';
import { validateStructure } from '../../validation/gate/structure.js';
import { hasErrors } from '../../validation/gate/validate.js';
import { turn } from '../../platform/pieces.js';
import { entryAt } from '../response/transaction-response.js';
import type { Engine } from '../engine.js';
import type { Parameters, Patch } from '../interaction.js';

/** Entries that are checked in one piece. */
const SHELLS_AT_ONCE = 500;

/**
 * Checks the Bundle without the resources of its entries, each of which is checked when it is written. `around`: without
 * its entries, where they are an array. Throws `invalid`.
 */
export async function checkShell(
  { definitions }: Engine,
  around: Resource,
  entries: readonly Json[] | undefined,
): Promise<void> {
  for (let from = 0; from === 0 || from < (entries?.length ?? 0); from += SHELLS_AT_ONCE) {
    if (from > 0) await turn();
    const shell = entries
      ? { ...around, entry: entries.slice(from, from + SHELLS_AT_ONCE).map(withoutResource) }
      : around;
    const issues = validateStructure(shell, definitions);
    if (hasErrors(issues))
      throw new FhirError('invalid', 'The Bundle is not valid FHIR R4.', { issues: issues.map(shiftedBy(from)) });
  }
}

const withoutResource = (entry: Json): Json =>
  isObject(entry) && isObject(entry['resource']) ? { ...entry, resource: STAND_IN } : entry;

/** An issue that counts entries from the beginning of the Bundle. */
const shiftedBy =
  (from: number) =>
  (issue: Issue): Issue => ({
    ...issue,
    ...(issue.expression === undefined
      ? {}
      : { expression: issue.expression.replace(/^Bundle\.entry\[(\d+)\]/, (_, at) => entryAt(Number(at) + from)) }),
  });

/** An entry that had nothing but its resource is not empty. */
const STAND_IN: JsonObject = { resourceType: 'Parameters' };

/** Of a JSON Patch. */
const PATCHES: ReadonlySet<string> = new Set(['application/json-patch+json', 'application/json']);

/**
 * A patch as an entry carries it: a Binary around a JSON Patch, or the Parameters of a FHIRPath Patch. Throws `invalid` for
 * any other resource. https://hl7.org/fhir/R4/http.html#patch
 */
export async function patchFromEntry({ settings }: Engine, parsed: Parsed): Promise<Patch> {
  const { resource } = parsed;
  if (resource.resourceType === 'Parameters') return { form: 'fhirpath', parameters: parsed };
  const { contentType, data } = resource;
  const type = typeof contentType === 'string' ? contentType.split(';')[0]!.trim() : '';
  if (resource.resourceType !== 'Binary' || !PATCHES.has(type) || typeof data !== 'string')
    throw new FhirError(
      'invalid',
      'The resource of a PATCH must be Parameters (FHIRPath Patch), or a Binary whose data is a JSON Patch and whose contentType is application/json-patch+json.',
      { expression: resource.resourceType, detail: 'no-patch' },
    );
  const { maxValues } = settings;
  return patchOf(await readAnyJson(Buffer.from(data, 'base64'), { maxDepth: MAX_DEPTH, maxValues, portable: true }));
}

/** A JSON Patch that was read. */
export const patchOf = ({ value, decimals, text, found }: AnyJson): Patch => ({
  form: 'json',
  operations: value,
  ...(decimals ? { decimals } : {}),
  ...(isLarge(found, text) ? { large: true } : {}),
});

/**
 * The parameters of a search by POST as an entry carries them: Parameters whose parameters have one simple value each. Throws
 * `invalid` for anything else, because a search without them would find more than was asked for.
 * https://hl7.org/fhir/R4/http.html#search (by POST it means the same)
 */
export function searchFromEntry({ definitions }: Engine, { resource, decimals }: Parsed): Parameters {
  if (resource.resourceType !== 'Parameters')
    throw new FhirError('invalid', 'A search by POST has its parameters in a Parameters resource, or in the url.', {
      expression: resource.resourceType,
      detail: 'no-search',
    });
  const issues = validateStructure(resource, definitions, decimals);
  if (hasErrors(issues)) throw new FhirError('invalid', 'The Parameters are not valid FHIR R4.', { issues });
  const { parameter } = resource;
  return (Array.isArray(parameter) ? (parameter as JsonObject[]) : []).map((each, at) => {
    const name = Object.keys(each).find(key => key.startsWith('value'));
    const value = name === undefined ? undefined : each[name];
    if (name === undefined || typeof value === 'object')
      throw new FhirError('invalid', 'A parameter of a search needs one simple value, such as a valueString.', {
        expression: `Parameters.parameter[${at}]`,
        detail: 'bad-parameter-value',
      });
    return [each['name'] as string, decimals?.get(each)?.[name] ?? String(value)];
  });
}
