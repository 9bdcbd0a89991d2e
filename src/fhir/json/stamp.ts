/**
 * A resource that was read → the exact bytes that are stored, with the id, the version and the time that the server gives.
 * https://hl7.org/fhir/R4/resource.html#Meta
 */
import {
  type Decimals,
  isObject,
  type Json,
  type JsonObject,
  type Member,
  type Parsed,
  type Resource,
} from '../resource.js';
import { print } from './print.js';

export interface Stamp {
  readonly id: string;
  readonly versionId: string;
  /** FHIR instant. */
  readonly lastUpdated: string;
  /** What meta says otherwise, instead of that of the resource. */
  readonly meta?: Json | undefined;
}

/**
 * Sets id and meta on the resource and returns the bytes to store: one line of UTF-8 without a byte order mark.
 * A compact body keeps every other byte as it was sent; any other is printed with its digits. `id` and `meta` keep their
 * place, or follow `resourceType` (then `id`). All of meta but versionId and lastUpdated (and their `_` siblings) stays.
 *
 * Whoever changed the resource after it was read has to leave out `text`, or the change is not stored.
 */
export function stamp(parsed: Parsed, { id, versionId, lastUpdated, meta: given }: Stamp): Buffer {
  const { resource, decimals, text, compact, members } = parsed;
  const old = given ?? resource['meta'];
  const meta: JsonObject = { versionId, lastUpdated };
  if (isObject(old)) {
    for (const key of Object.keys(old))
      if (!STAMPED.has(key))
        Object.defineProperty(meta, key, { value: old[key]!, enumerable: true, writable: true, configurable: true });
    const texts = decimals?.get(old);
    if (texts) decimals!.set(meta, texts);
  }
  const [hadId, hadMeta] = [Object.hasOwn(resource, 'id'), Object.hasOwn(resource, 'meta')];
  resource['id'] = id;
  resource['meta'] = meta;
  if (text !== undefined && compact && members)
    return Buffer.from(splice(text, members, JSON.stringify(id), print(meta, decimals)));
  return Buffer.from(print(hadId && hadMeta ? resource : reorder(resource, hadId, hadMeta, decimals), decimals));
}

const STAMPED = new Set(['versionId', '_versionId', 'lastUpdated', '_lastUpdated']);

function splice(text: string, members: readonly Member[], id: string, meta: string): string {
  let [atType, atId, atMeta]: (Member | undefined)[] = [];
  for (const member of members) {
    if (member.key === 'resourceType') atType = member;
    else if (member.key === 'id') atId = member;
    else if (member.key === 'meta') atMeta = member;
  }
  const idMember = atId ? id : `,"id":${id}`;
  const idText = atMeta ? idMember : `${idMember},"meta":${meta}`;
  const edits = [{ start: atId?.start ?? atType!.end, end: (atId ?? atType!).end, text: idText }];
  if (atMeta) edits.push({ start: atMeta.start, end: atMeta.end, text: meta });
  if (atMeta && edits[0]!.start > atMeta.start) edits.reverse();
  let out = '';
  let from = 0;
  for (const edit of edits) {
    out += text.slice(from, edit.start) + edit.text;
    from = edit.end;
  }
  return (out + text.slice(from)).trim();
}

/** A shallow copy for printing, with a new id and meta where a splice would have put them. */
function reorder(resource: Resource, hadId: boolean, hadMeta: boolean, decimals: Decimals | undefined): JsonObject {
  const { id, meta } = resource;
  const entries: [string, Json][] = [];
  for (const [key, value] of Object.entries(resource)) {
    if ((key === 'id' && !hadId) || (key === 'meta' && !hadMeta)) continue;
    entries.push([key, value]);
    if (key === 'resourceType' && !hadId) entries.push(['id', id!]);
    if (key === (hadId ? 'id' : 'resourceType') && !hadMeta) entries.push(['meta', meta!]);
  }
  const copy = Object.fromEntries(entries); // defines own properties: `__proto__` stays a key
  const texts = decimals?.get(resource);
  if (texts) decimals!.set(copy, texts);
  return copy;
}
