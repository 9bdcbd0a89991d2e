/** What `verify` asks of the MongoDB store (Check in store.ts). */
import type { IndexEntry } from '../../search/entry.js';
import { decodeId, encodeId } from '../codec.js';
import { digestOf, isAltered } from '../digest.js';
import type { Encoding } from '../encode.js';
import { missingParameters } from '../lacking.js';
import type { Check, Renewed, Version } from '../store.js';
import type { Connected } from './connection.js';
import { documentDigestHead } from './documents.js';
import { versionId } from './rows.js';
import { INDEX, KEY_FIELDS, keyFields, typeCode, type VersionFields } from './schema.js';
import { wordsHash, wordDocument } from './words.js';

export interface CheckSurroundings {
  readonly connected: () => Promise<Connected>;
  readonly encode: (type: string, entries: readonly IndexEntry[]) => Promise<Encoding>;
}

export function createCheck({ connected, encode }: CheckSurroundings): Check {
  const altered = async ({ type, id, version }: Version): Promise<boolean> => {
    const all = await connected();
    const _id = encodeId(type, id);
    const row: (VersionFields & { readonly _id: string }) | null =
      (await all.resource.findOne({ _id, v: version })) ??
      (await all.version.findOne({ _id: versionId(_id, version) }));
    return row !== null && isAltered(row.c, digestOf(documentDigestHead(_id, row), row.x));
  };

  const misindexed = async ({ row: { type, id, version }, entries, words }: Renewed) => {
    const { resource, word } = await connected();
    const _id = encodeId(type, id);
    const kept = await resource.findOne({ _id, v: version, z: null } as object);
    if (!kept) return undefined;
    const { keys, missing } = await encode(type, entries);
    const wanted = keyFields(keys);
    const said = wordDocument(_id, typeCode(type), words);
    const found = await word.findOne({ _id });
    const same =
      missing.length === 0 &&
      KEY_FIELDS.every(field => JSON.stringify(kept[field]) === JSON.stringify(wanted[field])) &&
      kept.h === (said && wordsHash(said)) &&
      (found ? wordsHash(found) : undefined) === kept.h;
    if (same) return undefined;
    const own = new Set([kept.k, kept.g, kept.f].flatMap(keysOf => keysOf ?? []));
    const there = new Map<IndexEntry, boolean>();
    for (const entry of entries) {
      const one = await encode(type, [entry]);
      const { byDate, byArrival, filterOnly } = one.keys;
      there.set(entry, one.missing.length === 0 && [byDate, byArrival, filterOnly].flat().every(key => own.has(key)));
    }
    return missingParameters(entries, entry => there.get(entry)!);
  };

  /** Keys are in the documents that they index; words are kept apart: both walks in the order of ids. */
  async function* broken(): AsyncGenerator<string> {
    const { resource, word } = await connected();
    const speakers = resource.find(
      { h: { $exists: true } },
      { sort: { _id: 1 }, hint: INDEX.id, projection: { h: 1 } },
    );
    const words = word.find({}, { sort: { _id: 1 }, hint: INDEX.id });
    try {
      let [speaker, said] = [await speakers.next(), await words.next()];
      while (speaker || said) {
        const order = !speaker ? 1 : !said ? -1 : compareIds(speaker._id, said._id);
        const { _id } = (order > 0 ? said : speaker)!;
        // The walks see no one moment: what they disagree on is looked at again.
        if ((order !== 0 || wordsHash(said!) !== speaker!.h) && (await disagree(_id))) yield nameOfId(_id);
        if (order <= 0) speaker = await speakers.next();
        if (order >= 0) said = await words.next();
      }
    } finally {
      await Promise.all([speakers.close(), words.close()]);
    }
  }

  const disagree = async (_id: string): Promise<boolean> => {
    const { resource, word } = await connected();
    const [row, said] = await Promise.all([resource.findOne({ _id }, { projection: { h: 1 } }), word.findOne({ _id })]);
    return row?.h !== (said ? wordsHash(said) : undefined);
  };

  return { altered, misindexed, broken };
}

/** As MongoDB orders strings: by their bytes. */
const compareIds = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

const nameOfId = (_id: string): string => {
  const { type, id } = decodeId(_id);
  return `${type}/${id}`;
};
