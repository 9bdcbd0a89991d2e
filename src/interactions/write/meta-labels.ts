/**
 * Tags, security labels and profiles of a resource: https://hl7.org/fhir/R4/resource.html#tags, #tag-updates
 *
 * An update keeps the tags and security labels that it does not mention; its profiles replace those that were there,
 * because they are claims about the content that it brings. Only $meta-delete and a patch take a tag or a security label away.
 *
 * Choices: two labels are the same by system and code (without a code: if they are equal), two profiles by their URL.
 * Of a label that both sides have, what the later one says (display, version) counts, and what it leaves out stays. What
 * was there keeps its order, what is added follows.
 */
import { parseAnyJson, STORED_JSON } from '../../fhir/json/json.js';
import { type Decimals, type Json, type JsonObject, isObject, itemsOf } from '../../fhir/resource.js';
import { scan } from '../../fhir/json/scan.js';
import { SUBSETTED } from '../../fhir/subsetted.js';
import type { Version } from '../../store/store.js';

/** Of meta, what is a set. */
const SETS = ['profile', 'security', 'tag'] as const;

const labelName = (label: Json): string =>
  isObject(label) && label['code'] !== undefined
    ? JSON.stringify([label['system'] ?? '', label['code']])
    : JSON.stringify(label);

/** The mark of an answer that is not the whole resource; some servers still use its system of STU3. */
const SUBSET_SYSTEMS: ReadonlySet<Json | undefined> = new Set([
  SUBSETTED.system,
  'http://hl7.org/fhir/v3/ObservationValue',
]);
const isMark = (label: Json): boolean =>
  isObject(label) && label['code'] === SUBSETTED.code && SUBSET_SYSTEMS.has(label['system']);

/** Whether what has this meta is a part of a resource: https://hl7.org/fhir/R4/search.html#summary */
export const isSubset = (meta: Json | undefined): boolean => isObject(meta) && itemsOf(meta['tag']).some(isMark);

/** The same meta without the mark, which was stored in the past. */
export function withoutMark(meta: JsonObject): JsonObject {
  if (!isSubset(meta)) return meta;
  const { tag, ...rest } = meta;
  const left = itemsOf(tag).filter(label => !isMark(label));
  return left.length > 0 ? { ...rest, tag: left } : rest;
}

export const hasLabels = (meta: JsonObject): boolean => SETS.some(name => itemsOf(meta[name]).length > 0);

/** The meta with what `more` has in addition; itself where that is nothing. */
export function addLabels(meta: JsonObject, more: JsonObject): JsonObject {
  const made = { ...meta };
  for (const name of SETS) {
    const set = [...itemsOf(meta[name])];
    const places = new Map(set.map((label, at) => [labelName(label), at]));
    for (const label of itemsOf(more[name])) {
      const at = places.get(labelName(label));
      if (at === undefined) places.set(labelName(label), set.push(label) - 1);
      else if (isObject(label)) set[at] = { ...(set[at] as JsonObject), ...label };
    }
    if (set.length > 0) made[name] = set;
  }
  return JSON.stringify(made) === JSON.stringify(meta) ? meta : made;
}

/** The meta without what `less` has; itself where that is nothing. */
export function removeLabels(meta: JsonObject, less: JsonObject): JsonObject {
  const made = { ...meta };
  let changed = false;
  for (const name of SETS) {
    const gone = new Set(itemsOf(less[name]).map(labelName));
    const set = itemsOf(meta[name]);
    const left = set.flatMap((label, at) => (gone.has(labelName(label)) ? [] : [at]));
    if (left.length === set.length) continue;
    changed = true;
    // Extensions of a profile stand beside it, at the same place of a list of their own.
    for (const key of [name, `_${name}`]) {
      const list = left.map(at => itemsOf(meta[key])[at] ?? null);
      if (list.some(value => value !== null)) made[key] = list;
      else delete made[key];
    }
  }
  return changed ? made : meta;
}

/** What an update keeps of the version before it, with the digits of its numbers. */
export interface Kept {
  readonly labels: JsonObject;
  readonly decimals: Decimals | undefined;
}

/** Undefined: neither tags nor security labels, as with most resources. */
export function keptOf({ text }: Version): Kept | undefined {
  const meta = text && metaOf(text);
  if (!meta || !(meta.includes('"tag"') || meta.includes('"security"'))) return undefined;
  const { value, decimals } = parseAnyJson(meta, STORED_JSON);
  const { security, tag } = withoutMark(value as JsonObject);
  const labels = { ...(security ? { security } : {}), ...(tag ? { tag } : {}) };
  return hasLabels(labels) ? { labels, decimals } : undefined;
}

/** How `stamp` begins a meta, and nothing else in a resource begins. */
const STAMPED_META = '{"versionId":"';

/** The JSON of meta. Nearly always it is the first object inside: then nothing behind it is looked at. */
export function metaOf(text: Buffer): Buffer | undefined {
  const first = text.indexOf(123, 1); // {
  if (text.toString('latin1', first, first + STAMPED_META.length) === STAMPED_META)
    return text.subarray(first, endOf(text, first));
  const whole = text.toString();
  const member = scan(whole, STORED_JSON.maxDepth).members.find(({ key }) => key === 'meta');
  return member && Buffer.from(whole.slice(member.start, member.end));
}

/** Offset behind the object that begins at `from`. */
export function endOf(text: Buffer, from: number): number {
  let depth = 0;
  let quoted = false;
  for (let at = from; at < text.length; at++) {
    const byte = text[at];
    if (quoted && byte === 92)
      at++; // \
    else if (byte === 34)
      quoted = !quoted; // "
    else if (!quoted && byte === 123)
      depth++; // {
    else if (!quoted && byte === 125 && --depth === 0) return at + 1; // }
  }
  return text.length;
}

/** The meta of an update, known to be valid, with what is kept. */
export const keep = (meta: Json | undefined, { labels }: Kept): JsonObject => {
  const own = isObject(meta) ? meta : {};
  return { ...own, ...addLabels(labels, own) };
};
