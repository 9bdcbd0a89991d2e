/**
 * How bytes kept apart (blobs.ts) go: with the last resource that refers to them, when the time is over for which they were
 * kept, or because their upload never ended. Whoever begins to refer to bytes, or keeps them, writes to their document, so that
 * the database lets nobody erase them at the same time.
 */
import type { ClientSession, Collection, Filter } from 'mongodb';
import { realNow } from '../../platform/real-time.js';
import { UNREFERRED_MS } from '../blobs.js';
import type { MovedBytes } from '../bucket.js';
import type { Connected } from './connection.js';
import { isWriteConflict } from './errors.js';
import { type BlobDocument, type Collections, INDEX, type ResourceDocument, type VersionDocument } from './schema.js';
import { transact } from './transaction.js';

/** How long the sweeper waits for others who hold a document that it would erase. */
const CONFLICT_PATIENCE_MS = 1000;
/** And for the transaction of a process that was killed, which holds it for a minute unless it is ended. */
const HELD_MS = 10_000;

export const chunkId = (chunks: string, i: number): string => `${chunks}:${String(i).padStart(6, '0')}`;
export const chunkRange = (chunks: string, from = 0, to = 999_999) => ({
  _id: { $gte: chunkId(chunks, from), $lte: chunkId(chunks, to) },
});

/** Rows in `fact`, of chunks that may belong to no blob; `hash` is set before the blob's document is written. */
export const UPLOAD = 'upload/';

/**
 * Inside a transaction: whether these are there. They are written to, so that nobody erases them at the same time.
 */
export async function holdBytes({ blob }: Collections, hashes: readonly string[], session: ClientSession) {
  const { matchedCount } = await blob.updateMany(
    { _id: { $in: [...hashes] } },
    { $inc: { q: 1 }, $unset: { at: 1 } },
    { session },
  );
  return matchedCount === hashes.length;
}

/** Hashes of the bytes that versions of a resource refer to, as the transaction sees them. */
export async function heldHashes(
  { version }: Collections,
  versions: Filter<VersionDocument>,
  session: ClientSession,
): Promise<readonly string[]> {
  const rows = version.find(
    { ...versions, b: { $exists: true } },
    { session, projection: { 'b.h': 1 }, hint: INDEX.id },
  );
  return (await rows.toArray()).flatMap(({ b = [] }) => b.map(({ h }) => h));
}

/** Whether a version refers to these bytes, as the transaction sees it. */
async function isReferredTo(
  { resource, version }: Collections,
  hash: string,
  session: ClientSession,
): Promise<boolean> {
  const refers = async (of: Collection<ResourceDocument> | Collection<VersionDocument>) =>
    (await (of as Collection<ResourceDocument>).findOne(
      { 'b.h': hash, b: { $exists: true } },
      { session, projection: { _id: 1 }, hint: INDEX.bytes },
    )) !== null;
  return (await refers(resource)) || (await refers(version));
}

/** Inside a transaction: removes those of these bytes that no version refers to, as the transaction sees it, and nobody keeps. */
export async function eraseBytes(all: Collections, hashes: readonly string[], session: ClientSession): Promise<void> {
  const { blob, chunk } = all;
  for (const hash of new Set(hashes)) {
    if (await isReferredTo(all, hash, session)) continue;
    // What somebody keeps is swept when that is over.
    const unkept = { _id: hash, until: { $exists: false } };
    const found = await blob.findOneAndDelete(unkept, { session, projection: { chunks: 1, object: 1 } });
    if (found?.chunks) await chunk.deleteMany(chunkRange(found.chunks), { session });
    if (found?.object) await leaveObject(all, found.object, session);
  }
}

/** See `sweep` of the port. `endDead`: ends transactions of processes that are no more, in the background. */
export async function sweepBytes(
  all: Connected,
  { now, putBefore, endDead }: { readonly now: number; readonly putBefore: number; readonly endDead: () => void },
): Promise<number> {
  let swept = 0;
  for (const [which, hint] of [
    [{ until: { $lte: now } }, INDEX.until],
    [{ at: { $lt: putBefore }, until: { $exists: false } }, INDEX.at],
  ] as const)
    for await (const { _id } of all.blob.find(which, { projection: { _id: 1 }, hint }))
      if (await sweepHeld(all, { _id, ...which }, endDead)) swept++;
  return swept;
}

async function sweepHeld(all: Connected, overdue: OverdueBlob, endDead: () => void): Promise<boolean> {
  const started = performance.now();
  for (;;)
    try {
      return await sweepOne(all, overdue);
    } catch (error) {
      if (!isWriteConflict(error) || performance.now() - started > HELD_MS) throw error;
      endDead();
    }
}

type OverdueBlob = Filter<BlobDocument> & { readonly _id: string };

async function sweepOne(all: Connected, overdue: OverdueBlob): Promise<boolean> {
  const { blob } = all;
  let erased = false;
  let chunks: string | undefined;
  await transact(all.client, CONFLICT_PATIENCE_MS, async session => {
    // The body may run again: somebody may have kept them for longer, or begun to refer to them.
    erased = false;
    if (await isReferredTo(all, overdue._id, session))
      return (await blob.updateOne(overdue, { $unset: { until: 1, at: 1 } }, { session })).matchedCount > 0;
    const found = await blob.findOneAndDelete(overdue, { session, projection: { chunks: 1, object: 1 } });
    if (!found) return false;
    erased = true;
    chunks = found.chunks;
    if (chunks !== undefined) await leaveChunks(all, chunks, session);
    if (found.object) await leaveObject(all, found.object, session);
    return true;
  });
  if (erased && chunks !== undefined) await removeChunks(all, chunks);
  return erased;
}

/**
 * Gigabytes are more than a transaction should take; should this process end before they are gone, a migration removes them.
 * Whoever put them may have ended before it took its own row away.
 */
const leaveChunks = ({ fact }: Collections, chunks: string, session: ClientSession) =>
  fact.updateOne({ _id: UPLOAD + chunks }, { $set: { at: realNow() }, $unset: { hash: 1 } }, { session, upsert: true });

/** Rows in `fact`, of objects in a bucket that no blob may have. */
export const NOTED_OBJECT = 'object/';

/** No row has it any more: it is dropped as soon as the bucket is there. */
const leaveObject = ({ fact }: Collections, name: string, session: ClientSession) =>
  fact.updateOne({ _id: NOTED_OBJECT + name }, { $set: { at: 0 } }, { session, upsert: true });

/** See `moved` of Shelf. */
export async function noteMoved(all: Connected, { hash, object, checksums }: MovedBytes): Promise<boolean> {
  let chunks: string | undefined;
  await transact(all.client, CONFLICT_PATIENCE_MS, async session => {
    chunks = undefined;
    const here = { _id: hash, chunks: { $exists: true } };
    const noted = await all.fact.deleteOne({ _id: NOTED_OBJECT + object }, { session });
    const found =
      noted.deletedCount === 1 &&
      (await all.blob.findOneAndUpdate(
        here,
        { $set: { object, sums: checksums }, $unset: { chunks: 1, each: 1 } },
        { session, projection: { chunks: 1 } },
      ));
    if (!found || found.chunks === undefined) {
      await leaveObject(all, object, session);
      return true;
    }
    chunks = found.chunks;
    await leaveChunks(all, chunks, session);
    return true;
  });
  if (chunks !== undefined) await removeChunks(all, chunks);
  return chunks !== undefined;
}

/** The place of bytes that stand in their document: chunks and objects have names. */
export const IN_BLOB_ROW = '';

/** The chunks take the place of what was damaged or lies in a bucket. False: that is there no more. */
export async function exchangeBytes(
  all: Connected,
  { hash, place }: { readonly hash: string; readonly place: string },
  kept: Pick<BlobDocument, 'size' | 'chunks' | 'each'>,
): Promise<boolean> {
  const there = {
    _id: hash,
    ...(place === IN_BLOB_ROW ? { x: { $exists: true } } : { $or: [{ chunks: place }, { object: place }] }),
  };
  let found: BlobDocument | null = null;
  await transact(all.client, CONFLICT_PATIENCE_MS, async session => {
    found = await all.blob.findOneAndUpdate(
      there,
      { $set: kept, $unset: { object: 1, sums: 1, x: 1 } },
      { session, projection: { chunks: 1, object: 1, size: 1 } },
    );
    if (found?.chunks) await leaveChunks(all, found.chunks, session);
    if (found?.object) await leaveObject(all, found.object, session);
    return found !== null;
  });
  const before = found as BlobDocument | null;
  if (before?.chunks) await removeChunks(all, before.chunks);
  return before !== null;
}

/** Row in `fact`: bytes that no commit ever named were looked for, once. */
const NEVER_NAMED = 'bytes/never-named';

/**
 * Once for a database that was written before it was noted when bytes are put: those that no commit has named are taken as put now. What
 * does refer to them all the same is found before they are swept.
 */
export async function noteNeverNamed({ blob, fact }: Collections, now: number): Promise<void> {
  if (await fact.findOne({ _id: NEVER_NAMED })) return;
  const lacking = { q: { $exists: false }, until: { $exists: false }, at: { $exists: false } };
  await blob.updateMany(lacking, { $set: { at: now } });
  await fact.updateOne({ _id: NEVER_NAMED }, { $set: { at: now } }, { upsert: true });
}

export async function removeChunks({ chunk, fact }: Collections, chunks: string): Promise<void> {
  await chunk.deleteMany(chunkRange(chunks));
  await fact.deleteOne({ _id: UPLOAD + chunks });
}

/** Removes the chunks of uploads that began a day ago and never ended. */
export async function removeAbandoned(all: Collections, now: number): Promise<void> {
  const before = now - UNREFERRED_MS;
  const uploads = await all.fact.find({ _id: { $gte: UPLOAD, $lt: `${UPLOAD}~` }, at: { $lt: before } }).toArray();
  for (const { _id, hash } of uploads) {
    const chunks = _id.slice(UPLOAD.length);
    const used = hash !== undefined && (await all.blob.findOne({ _id: hash, chunks }, { projection: { _id: 1 } }));
    if (used) await all.fact.deleteOne({ _id });
    else await removeChunks(all, chunks);
  }
}
