/**
 * Tags, security labels and profiles of a resource: https://hl7.org/fhir/R4/resource.html#Meta. An update adds to them; only
 * $meta-delete and a patch take one away. Two labels are the same by system and code, two profiles by their URL; where both
 * sides have one, the later word for it (display, version) counts.
 */
import { scan } from '../fhir/scan.js';
import type { Json, JsonObject, Parsed } from '../fhir/resource.js';
import type { Version } from '../store/store.js';
import type { RawBody } from './interaction.js';
import { isRaw } from './prepare.js';

/** Of meta, what is a set. */
export type Labels = { readonly [K in (typeof SETS)[number]]?: readonly Json[] };

const SETS = ['profile', 'security', 'tag'] as const;
const MARKS = SETS.map(name => `"${name}"`);

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Of stored text. Most resources have none: three looks at their bytes say so. */
export function labelsOf({ text }: Version): Labels | undefined {
  if (!text || !MARKS.some(mark => text.includes(mark))) return undefined;
  const whole = text.toString('utf8');
  const member = scan(whole, 200).members.find(({ key }) => key === 'meta');
  return member && labelsIn(JSON.parse(whole.slice(member.start, member.end)) as Json);
}

export function labelsIn(meta: Json | undefined): Labels | undefined {
  if (!isObject(meta)) return undefined;
  const found: Partial<Record<(typeof SETS)[number], Json[]>> = {};
  for (const name of SETS) {
    const set = meta[name];
    if (Array.isArray(set) && set.length > 0) found[name] = set;
  }
  return Object.keys(found).length > 0 ? found : undefined;
}

const nameOf = (label: Json): string =>
  isObject(label) ? JSON.stringify([label['system'] ?? '', label['code'] ?? '']) : JSON.stringify(label);

/** What was there, in its order, then what comes in addition. */
export function addLabels(before: Labels, more: Labels): Labels {
  return eachSet(name => {
    const set = new Map((before[name] ?? []).map(label => [nameOf(label), label]));
    for (const label of more[name] ?? []) set.set(nameOf(label), label);
    return [...set.values()];
  });
}

export function removeLabels(before: Labels, less: Labels): Labels {
  return eachSet(name => {
    const gone = new Set((less[name] ?? []).map(nameOf));
    return (before[name] ?? []).filter(label => !gone.has(nameOf(label)));
  });
}

function eachSet(make: (name: (typeof SETS)[number]) => Json[]): Labels {
  const made: Partial<Record<(typeof SETS)[number], Json[]>> = {};
  for (const name of SETS) {
    const set = make(name);
    if (set.length > 0) made[name] = set;
  }
  return made;
}

/** The meta with these labels instead of its own. */
export function withLabels(meta: Json | undefined, labels: Labels): JsonObject {
  const own = isObject(meta) ? Object.entries(meta).filter(([key]) => !(SETS as readonly string[]).includes(key)) : [];
  return { ...Object.fromEntries(own), ...(labels as JsonObject) };
}

/** The body of an update with the labels that are kept. The body given stays as it is. */
export function keepLabels(body: Parsed | RawBody, current: Version | undefined): Parsed | RawBody {
  const kept = current && labelsOf(current);
  if (!kept) return body;
  if (isRaw(body)) return { ...body, meta: withLabels(undefined, kept) };
  const { meta } = body.resource;
  return withMeta(body, withLabels(meta, addLabels(kept, labelsIn(meta) ?? {})));
}

/** The same body with another meta; digits of numbers go along. */
export function withMeta(body: Parsed, meta: JsonObject): Parsed {
  const resource = { ...body.resource, meta };
  for (const [from, to] of [
    [body.resource, resource],
    [body.resource['meta'], meta],
  ] as const) {
    const texts = isObject(from) ? body.decimals?.get(from) : undefined;
    if (texts) body.decimals!.set(to, texts);
  }
  return { ...body, resource };
}
