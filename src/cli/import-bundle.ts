/**
 * A Bundle as a list of updates: fullUrls become ids, `urn:uuid:` references follow them, conditional references
 * (`Practitioner?identifier=…`) are looked up. Entries are written one by one, not as one transaction.
 * https://hl7.org/fhir/R4/http.html#trules
 */
import { FhirError } from '../fhir/error.js';
import { parseJson } from '../fhir/json.js';
import type { Json, JsonObject, Parsed, Resource } from '../fhir/resource.js';
import type { Context } from '../interactions/interaction.js';
import { perform } from '../interactions/perform.js';
import { newId } from '../platform/ids.js';

/** Criterion → `Type/id`. */
export type Resolved = Map<string, string>;

/** A reference that nothing answers yet; another file may bring its target. */
export class Unresolved extends Error {}

const ID = /^[A-Za-z0-9\-.]{1,64}$/;
const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isResource = (value: Json | undefined): value is Resource =>
  isObject(value) && typeof value['resourceType'] === 'string';

/** The resources of a body: its entries if it is a Bundle to be loaded, else itself. References are final. */
export async function resourcesOf(bytes: Buffer, context: Context, known: Resolved): Promise<Parsed[]> {
  const parsed = parseJson(bytes, { maxDepth: 64, portable: true });
  const { resource, decimals } = parsed;
  if (resource.resourceType !== 'Bundle' || resource['type'] === 'document') return [parsed];
  const entries = Array.isArray(resource['entry']) ? resource['entry'].filter(isObject) : [];
  const targets = new Map<string, string>();
  const resources: Resource[] = [];
  for (const entry of entries) {
    const inner = entry['resource'];
    if (!isResource(inner)) continue;
    const id = typeof inner['id'] === 'string' && ID.test(inner['id']) ? inner['id'] : newId();
    inner['id'] = id;
    if (typeof entry['fullUrl'] === 'string') targets.set(entry['fullUrl'], `${inner.resourceType}/${id}`);
    resources.push(inner);
  }
  const conditional = new Set<string>();
  for (const inner of resources) visitReferences(inner, text => void (text.includes('?') && conditional.add(text)));
  for (const criterion of conditional)
    if (!known.has(criterion)) known.set(criterion, await lookUp(criterion, context));
  return resources.map(inner => {
    visitReferences(inner, text => targets.get(text) ?? known.get(text));
    return { resource: inner, decimals };
  });
}

/** Calls `visit` with every Reference.reference; a string that it gives back takes its place. */
function visitReferences(value: Json, visit: (text: string) => string | undefined | void): void {
  if (Array.isArray(value)) for (const item of value) visitReferences(item, visit);
  else if (isObject(value))
    for (const [key, inner] of Object.entries(value)) {
      if (key !== 'reference' || typeof inner !== 'string') visitReferences(inner, visit);
      else value[key] = visit(inner) ?? inner;
    }
}

/** Exactly one match, as in a transaction; none may only mean "not yet". */
async function lookUp(criterion: string, context: Context): Promise<string> {
  const at = criterion.indexOf('?');
  const type = criterion.slice(0, at);
  if (!context.engine.definitions.resourceTypes.includes(type))
    throw new FhirError('invalid', 'A conditional reference names an unknown resource type.');
  const parameters = [...new URLSearchParams(criterion.slice(at + 1)), ['_count', '2'] as [string, string]];
  const found = await perform(context, { kind: 'search', type, parameters, lenient: false });
  const bundle = parseJson(found.text!, { maxDepth: 200 }).resource;
  const ids = (Array.isArray(bundle['entry']) ? bundle['entry'] : [])
    .map(entry => (isObject(entry) && isResource(entry['resource']) ? entry['resource']['id'] : undefined))
    .filter(id => typeof id === 'string');
  if (ids.length === 0) throw new Unresolved();
  if (ids.length > 1) throw new FhirError('multiple-matches', 'A conditional reference matches several resources.');
  return `${type}/${ids[0]}`;
}
