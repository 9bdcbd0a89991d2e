/**
 * Content-addressed bytes. A small blob is one document; a larger one is cut into chunks under a name of its own, and
 * the document with the hash is written last: until then nothing can be read. Equal bytes are stored once. While an
 * upload is under way a row in `fact` names it, so that a migration can remove what a broken one left behind. How bytes come
 * stands in put-blobs.ts, how they are erased in erase-blobs.ts.
 */
import { turn } from '../../platform/pieces.js';
import { realNow } from '../../platform/real-time.js';
import { checkedChunk, DamagedBlob, nothingToKeep, proveChunks, UNREFERRED_MS } from '../blobs.js';
import { bytesBefore, type Shelf, type ShelfOfMoves } from '../shelf.js';
import type { BlobRange } from '../store.js';
import type { Connected } from './connection.js';
import { INDEX } from './schema.js';
import { chunkId, chunkRange, noteMoved, NOTED_OBJECT, sweepBytes, IN_BLOB_ROW } from './erase-blobs.js';
import { endOrphanedTransactions } from './orphaned-transactions.js';
import { guarded } from './errors.js';
import { createChunkPlaces, putBytes } from './put-blobs.js';

/** Bytes of a chunk where the blob does not say it. */
const OLD_CHUNK_BYTES = 1_000_000;

/** Chunks that are read together. */
const BATCH = 8;

interface ChunkedBytes extends BlobRange {
  readonly chunks: string;
  readonly size: number;
  readonly each: number | undefined;
}

export function openBlobs(connected: () => Promise<Connected>, maxTimeMS: number): Shelf {
  const places = createChunkPlaces();
  const put: Shelf['put'] = (bytes, maxBytes = Infinity, onlyAnew = false) =>
    guarded(async () => {
      const all = await connected();
      const ground = { all, places, onlyAnew, before: (hash: string) => bytesBefore(get, hash) };
      return putBytes(ground, bytes, maxBytes);
    });

  /** The bytes were stored before there were checksums: they are read once more, and get them. */
  const prove = async (hash: string, chunks: string): Promise<void> => {
    const { chunk } = await connected();
    const old = chunk.find(chunkRange(chunks), { sort: { _id: 1 }, batchSize: BATCH }).map(({ x }) => x);
    const checksums = await proveChunks(hash, old);
    await chunk.bulkWrite(
      checksums.map((c, i) => ({ updateOne: { filter: { _id: chunkId(chunks, i) }, update: { $set: { c } } } })),
    );
  };

  const get: Shelf['get'] = (hash, range) =>
    guarded(async () => {
      const { blob } = await connected();
      const found = await blob.findOne({ _id: hash }, { maxTimeMS });
      if (!found) return undefined;
      const start = Math.max(0, range?.start ?? 0);
      const end = Math.min(found.size - 1, range?.end ?? found.size - 1);
      const { x, chunks, size, each, object, sums } = found;
      if (object && sums) return { size, place: object, bytes: { hash, size, object, checksums: sums } };
      const bytes = async function* (): AsyncGenerator<Buffer> {
        if (start > end) return;
        if (chunks) yield* bytesBetween(hash, { chunks, size, each, start, end });
        else yield checkedChunk(hash, { bytes: x, checksum: undefined, size, only: true })!.subarray(start, end + 1);
      };
      return { size, place: chunks ?? IN_BLOB_ROW, bytes: bytes() };
    });

  /** Each chunk is checked as a whole before any byte of it is given. */
  async function* bytesBetween(hash: string, { chunks, size, each = OLD_CHUNK_BYTES, start, end }: ChunkedBytes) {
    const { chunk } = await connected();
    const from = Math.floor(start / each);
    const to = Math.floor(end / each);
    const head = await chunk.findOne({ _id: chunkId(chunks, from) }, { projection: { c: 1 } });
    if (head && !head.c) await prove(hash, chunks);
    let part = from;
    for await (const { _id, x, c } of chunk.find(chunkRange(chunks, from, to), {
      sort: { _id: 1 },
      batchSize: BATCH,
    })) {
      // A batch has several, and the next one may be here before the loop has turned.
      if (part > from) await turn();
      const at = part * each;
      const whole = _id === chunkId(chunks, part) ? x : undefined;
      const wanted = { bytes: whole, checksum: c, size: Math.min(size - at, each), only: false };
      const bytes = checkedChunk(hash, wanted);
      if (!bytes) throw new DamagedBlob(hash, 'a chunk has no checksum');
      yield bytes.subarray(Math.max(0, start - at), end + 1 - at);
      part++;
    }
    if (part <= to) throw new DamagedBlob(hash, 'a chunk is missing');
  }

  async function* hashes(): AsyncGenerator<string> {
    const { blob } = await connected();
    for await (const { _id } of blob.find({}, { projection: { _id: 1 } })) yield _id;
  }

  const keep: Shelf['keep'] = (hash, until) =>
    guarded(async () => {
      const { blob } = await connected();
      if ((await blob.updateOne({ _id: hash }, { $max: { until } })).matchedCount === 0) throw nothingToKeep();
    });

  const endDead = endOrphanedTransactions(connected);
  const sweep: Shelf['sweep'] = (now, putBefore = realNow() - UNREFERRED_MS) =>
    guarded(async () => sweepBytes(await connected(), { now, putBefore, endDead }));

  return { put, get, all: hashes, keep, sweep, ...shelfOfMoves(connected) };
}

const shelfOfMoves = (connected: () => Promise<Connected>): ShelfOfMoves => ({
  movable: (limit, besides) =>
    guarded(async () => {
      const { blob } = await connected();
      const here = blob.find(
        { chunks: { $exists: true }, _id: { $nin: [...besides] } },
        { projection: { _id: 1 }, sort: { chunks: 1 }, hint: INDEX.here, limit },
      );
      return (await here.toArray()).map(({ _id }) => _id);
    }),
  inBucket: (limit, besides) =>
    guarded(async () => {
      const { blob } = await connected();
      const moved = blob.find(
        { object: { $exists: true }, _id: { $nin: [...besides] } },
        { projection: { _id: 1 }, sort: { object: 1 }, hint: INDEX.moved, limit },
      );
      return (await moved.toArray()).map(({ _id }) => _id);
    }),
  noteObject: (name, at) =>
    guarded(async () => void (await (await connected()).fact.insertOne({ _id: NOTED_OBJECT + name, at }))),
  moved: bytes => guarded(async () => noteMoved(await connected(), bytes)),
  leftObjects: (before, besides) =>
    guarded(async () => {
      const { fact } = await connected();
      const left = fact.find(
        {
          _id: { $gte: NOTED_OBJECT, $lt: `${NOTED_OBJECT}~`, $nin: besides.map(name => NOTED_OBJECT + name) },
          at: { $lt: before },
        },
        { limit: 1000 },
      );
      return (await left.toArray()).map(({ _id }) => _id.slice(NOTED_OBJECT.length));
    }),
  forgetObjects: names =>
    guarded(async () => {
      const { fact } = await connected();
      await fact.deleteMany({ _id: { $in: names.map(name => NOTED_OBJECT + name) } });
    }),
});
