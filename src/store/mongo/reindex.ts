/**
 * New keys and words for resources that are still what they were. Each piece is a transaction that writes every document
 * it looks at, so that a commit at the same time either comes before and is seen, or conflicts and one of them repeats.
 */
import type { AnyBulkWriteOperation } from 'mongodb';
import type { ResourceText } from '../../search/words.js';
import { encodeId } from '../codec.js';
import type { Version } from '../store.js';
import type { Connected } from './connection.js';
import { INDEX, type KeyFields, type ResourceDocument, typeCode, type WordDocument } from './schema.js';
import { transact } from './transaction.js';
import { wordsHash, wordDocument, writeWords } from './words.js';

export interface NewKeys {
  readonly row: Version;
  readonly words: ResourceText | undefined;
  readonly fields: KeyFields;
}

/** Small, so that it seldom meets a commit. */
const REINDEX_PIECE = 50;
/** How long a piece tries again while others change its resources. */
const REINDEX_PATIENCE_MS = 10_000;

/** Returns how many were still current. */
export async function writeKeysAnew(all: Connected, rows: readonly NewKeys[]): Promise<number> {
  let done = 0;
  for (let i = 0; i < rows.length; i += REINDEX_PIECE) done += await renew(all, rows.slice(i, i + REINDEX_PIECE));
  return done;
}

async function renew({ client, resource, word }: Connected, rows: readonly NewKeys[]): Promise<number> {
  let done = 0;
  await transact(client, REINDEX_PATIENCE_MS, async session => {
    const named = new Map(rows.map(one => [encodeId(one.row.type, one.row.id), one]));
    const current = await resource
      .find<Pick<ResourceDocument, '_id' | 'v' | 'z'>>(
        { _id: { $in: [...named.keys()] } },
        { session, hint: INDEX.id, projection: { v: 1, z: 1 }, batchSize: rows.length + 1 },
      )
      .toArray();
    const keys: AnyBulkWriteOperation<ResourceDocument>[] = [];
    const said: AnyBulkWriteOperation<WordDocument>[] = [];
    for (const { _id, v, z } of current) {
      const { row, fields, words } = named.get(_id)!;
      if (z || v !== row.version) continue;
      const document = wordDocument(_id, typeCode(row.type), words);
      keys.push({
        updateOne: { filter: { _id }, update: updateOf({ ...fields, ...(document && { h: wordsHash(document) }) }) },
      });
      said.push(...writeWords(_id, document, false));
    }
    done = keys.length;
    if (done === 0) return false;
    await resource.bulkWrite(keys, { session, ordered: false });
    await word.bulkWrite(said, { session, ordered: false });
    return true;
  });
  return done;
}

function updateOf(fields: NewKeys['fields'] & Pick<ResourceDocument, 'h'>) {
  const absent = (['k', 'g', 'f', 'w', 's', 'h'] as const).filter(field => fields[field] === undefined);
  const $unset = Object.fromEntries(absent.map(field => [field, true as const]));
  // Counted, because an update that changes nothing is no write, and nobody would notice it.
  return { $set: fields, $inc: { q: 1 }, ...(absent.length > 0 ? { $unset } : {}) };
}
