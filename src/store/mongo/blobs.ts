/**
 * Content-addressed bytes. A small blob is one document; a larger one is cut into chunks under a name of its own, and
 * the document with the hash is written last: until then nothing can be read. Equal bytes are stored once. While an
 * upload is under way a row in `fact` names it, so that a migration can remove what a broken one left behind. How bytes are
 * erased stands in erase-blobs.ts.
 */
import { createHash, randomUUID } from 'node:crypto';
import { FhirError } from '../../fhir/error.js';
import { turn } from '../../platform/pieces.js';
import { realNow } from '../../platform/real-time.js';
import { nothingToKeep } from '../blobs.js';
import type { BlobRange, Blobs } from '../store.js';
import type { Connected } from './connection.js';
import { chunkId, chunkRange, removeChunks, sweepBytes, UPLOAD } from './erase-blobs.js';
import { guarded, isDuplicate } from './errors.js';
import type { Collections } from './schema.js';

const DOCUMENT_BYTES = 1_000_000;

/** Pieces of exactly CHUNK bytes, the last one shorter. */
async function* inChunks(bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Buffer> {
  let parts: Uint8Array[] = [];
  let size = 0;
  for await (let part of bytes) {
    while (size + part.length >= DOCUMENT_BYTES) {
      const head = part.subarray(0, DOCUMENT_BYTES - size);
      yield Buffer.concat([...parts, head]);
      part = part.subarray(head.length);
      parts = [];
      size = 0;
    }
    if (part.length === 0) continue;
    parts.push(part);
    size += part.length;
  }
  if (size > 0) yield Buffer.concat(parts);
}

/** True where the blob is there. A write, though it changes nothing: it waits until a majority has the document. */
const isKept = async ({ blob }: Collections, _id: string, size: number): Promise<boolean> =>
  (await blob.updateOne({ _id }, { $set: { size } })).matchedCount === 1;

async function keepWhole(all: Collections, _id: string, size: number, x: Buffer): Promise<void> {
  if (await isKept(all, _id, size)) return;
  await all.blob.insertOne({ _id, size, x }).catch(async (error: unknown) => {
    if (!isDuplicate(error)) throw error;
    await isKept(all, _id, size);
  });
}
async function keepChunks(all: Collections, chunks: string, _id: string, size: number): Promise<void> {
  await all.fact.updateOne({ _id: UPLOAD + chunks }, { $set: { hash: _id } });
  const drop = () => all.chunk.deleteMany(chunkRange(chunks));
  if (await isKept(all, _id, size)) await drop();
  else
    await all.blob.insertOne({ _id, size, chunks }).catch(async (error: unknown) => {
      if (!isDuplicate(error)) throw error;
      await isKept(all, _id, size);
      await drop();
    });
  await all.fact.deleteOne({ _id: UPLOAD + chunks });
}

export function openBlobs(connected: () => Promise<Connected>, maxTimeMS: number): Blobs {
  const put: Blobs['put'] = (bytes, maxBytes = Infinity) =>
    guarded(async () => {
      const all = await connected();
      const hash = createHash('sha256');
      let size = 0;
      let first: Buffer | undefined;
      let chunks: string | undefined;
      let count = 0;
      const write = async (x: Buffer) => {
        if (chunks === undefined) {
          chunks = randomUUID();
          await all.fact.insertOne({ _id: UPLOAD + chunks, at: realNow() });
        }
        // Durable with the document that ends the upload: it is later in the same log.
        await all.chunk.insertOne({ _id: chunkId(chunks, count++), x }, { writeConcern: { w: 1 } });
      };
      try {
        for await (const piece of inChunks(Buffer.isBuffer(bytes) ? [bytes] : bytes)) {
          size += piece.length;
          if (size > maxBytes)
            throw new FhirError('too-large', `The content is larger than the ${maxBytes} bytes that are allowed.`);
          hash.update(piece);
          // The first piece waits: it may be all there is.
          if (size === piece.length) first = piece;
          else {
            if (first && count === 0) await write(first);
            await write(piece);
          }
        }
        const name = hash.digest('hex');
        if (chunks === undefined) await keepWhole(all, name, size, first ?? Buffer.alloc(0));
        else await keepChunks(all, chunks, name, size);
        return { hash: name, size };
      } catch (error) {
        if (chunks !== undefined && error instanceof FhirError) await removeChunks(all, chunks).catch(() => {});
        throw error;
      }
    });

  const get = (hash: string, range?: BlobRange) =>
    guarded(async () => {
      const { blob } = await connected();
      const found = await blob.findOne({ _id: hash }, { maxTimeMS });
      if (!found) return undefined;
      const start = Math.max(0, range?.start ?? 0);
      const end = Math.min(found.size - 1, range?.end ?? found.size - 1);
      const { x, chunks } = found;
      const bytes = async function* (): AsyncGenerator<Buffer> {
        if (start > end) return;
        if (x) yield x.subarray(start, end + 1);
        if (!chunks) return;
        const { chunk } = await connected();
        const from = Math.floor(start / DOCUMENT_BYTES);
        let at = from * DOCUMENT_BYTES;
        const pieces = chunk.find(chunkRange(chunks, from, Math.floor(end / DOCUMENT_BYTES)), {
          sort: { _id: 1 },
          batchSize: 4,
        });
        for await (const piece of pieces) {
          // A batch has several, and the next one may be here before the loop has turned.
          if (at > from * DOCUMENT_BYTES) await turn();
          yield piece.x.subarray(Math.max(0, start - at), Math.min(piece.x.length, end + 1 - at));
          at += piece.x.length;
        }
        if (at <= end) throw new FhirError('fault', 'A stored attachment is incomplete.');
      };
      return { size: found.size, bytes: bytes() };
    });

  async function* hashes(): AsyncGenerator<string> {
    const { blob } = await connected();
    for await (const { _id } of blob.find({}, { projection: { _id: 1 } })) yield _id;
  }

  const keep: Blobs['keep'] = (hash, until) =>
    guarded(async () => {
      const { blob } = await connected();
      if ((await blob.updateOne({ _id: hash }, { $max: { until } })).matchedCount === 0) throw nothingToKeep();
    });

  const sweep: Blobs['sweep'] = now => guarded(async () => sweepBytes(await connected(), now));

  return { put, get, all: hashes, keep, sweep };
}
