/**
 * How bytes come into the database: a small blob is one document; a larger one is cut into chunks, some of which are on their way at a
 * time, and the document with the hash is written last.
 */
import { createHash, randomUUID } from 'node:crypto';
import { FhirError } from '../../fhir/error.js';
import { breathe } from '../../platform/pieces.js';
import { realNow } from '../../platform/real-time.js';
import { Slots } from '../../platform/slots.js';
import { checksumOf } from '../blobs.js';
import type { BytesBefore } from '../shelf.js';
import type { Connected } from './connection.js';
import { chunkId, chunkRange, exchangeBytes, removeChunks, UPLOAD } from './erase-blobs.js';
import { isDuplicate } from './errors.js';
import type { Collections } from './schema.js';

/** Bytes of a chunk; of fewer the document of the blob itself has them. An upload has one in memory, and many come at a time. */
const CHUNK_BYTES = 262_144;

/** Pieces of exactly CHUNK bytes, the last one shorter. The first one stays as it is; of a stream, each other one is in the memory of the one before. */
async function* inChunks(bytes: Buffer | AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  if (Buffer.isBuffer(bytes)) {
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
    return;
  }
  // What is small takes no more memory than it has bytes.
  const first: Uint8Array[] = [];
  let chunk: Buffer | undefined;
  let size = 0;
  for await (let part of bytes)
    while (part.length > 0) {
      const some = part.subarray(0, CHUNK_BYTES - size);
      if (chunk) chunk.set(some, size);
      else first.push(some);
      size += some.length;
      part = part.subarray(some.length);
      if (size < CHUNK_BYTES) continue;
      yield chunk ?? Buffer.concat(first.splice(0));
      chunk ??= Buffer.allocUnsafeSlow(CHUNK_BYTES);
      size = 0;
    }
  if (size > 0) yield chunk ? chunk.subarray(0, size) : Buffer.concat(first);
}

/**
 * True where the blob is there. A write: it waits until a majority has the document. Bytes that nothing has referred to yet are put
 * anew by it.
 */
const isKept = async ({ blob }: Collections, _id: string, size: number): Promise<boolean> => {
  const at = { $cond: [{ $gt: ['$at', null] }, realNow(), '$$REMOVE'] };
  return (await blob.updateOne({ _id }, [{ $set: { size, at } }])).matchedCount === 1;
};

/** What putting needs. */
export interface PuttingGround {
  readonly all: Connected;
  readonly places: ChunkPlaces;
  /** See `put` of Shelf. */
  readonly onlyAnew: boolean;
  /** See bytesBefore. */
  before(this: void, hash: string): Promise<BytesBefore>;
}

/** What became of bytes that are put: they are `here`, the new ones `took` the place of what was, or there are none, and they are new. */
type Again = 'here' | 'took' | 'new';

async function putAgain(
  { all, before }: PuttingGround,
  _id: string,
  size: number,
  take: (place: string) => Promise<boolean>,
): Promise<Again> {
  if (!(await isKept(all, _id, size))) return 'new';
  const { areWhole, placeToTake } = await before(_id);
  if (placeToTake !== undefined && (await take(placeToTake))) return 'took';
  // They may have been erased while they were looked at.
  return areWhole || (await isKept(all, _id, size)) ? 'here' : 'new';
}

async function keepWhole(ground: PuttingGround, _id: string, size: number, x: Buffer): Promise<void> {
  const { all } = ground;
  const inRow = { _id, chunks: { $exists: false }, object: { $exists: false } };
  const take = async () => (await all.blob.updateOne(inRow, { $set: { x } })).matchedCount === 1;
  if ((await putAgain(ground, _id, size, take)) !== 'new') return;
  await all.blob.insertOne({ _id, size, x, at: realNow() }).catch(async (error: unknown) => {
    if (!isDuplicate(error)) throw error;
    await isKept(all, _id, size);
  });
}

async function keepChunks(ground: PuttingGround, chunks: string, _id: string, size: number): Promise<void> {
  const { all, onlyAnew } = ground;
  await all.fact.updateOne({ _id: UPLOAD + chunks }, { $set: { hash: _id } });
  const drop = () => all.chunk.deleteMany(chunkRange(chunks));
  const kept = { size, chunks, each: CHUNK_BYTES };
  const again = await putAgain(ground, _id, size, place => exchangeBytes(all, { hash: _id, place }, kept));
  if (again === 'here' || (again === 'new' && onlyAnew)) await drop();
  else if (again === 'new')
    await all.blob.insertOne({ _id, ...kept, at: realNow() }).catch(async (error: unknown) => {
      if (!isDuplicate(error)) throw error;
      await isKept(all, _id, size);
      await drop();
    });
  await all.fact.deleteOne({ _id: UPLOAD + chunks });
}

/** Chunks that are on their way at a time: of one upload, and of all together. */
const CHUNKS_UNDER_WAY = 4;
const ALL_CHUNKS_UNDER_WAY = 32;

/** Memory of those that are on their way. Nobody has some while a sender is waited for. */
export type ChunkPlaces = Slots<Buffer>;
export const createChunkPlaces = (): ChunkPlaces =>
  new Slots<Buffer>(ALL_CHUNKS_UNDER_WAY, () => Buffer.allocUnsafeSlow(CHUNK_BYTES));

/** The chunks of one upload that may become a blob. Nobody sees them before. */
class Upload {
  readonly #ground: PuttingGround;
  readonly #chunks = randomUUID();
  readonly #underWay: Promise<unknown>[] = [];
  #count = 0;

  constructor(ground: PuttingGround) {
    this.#ground = ground;
  }

  /** `x` may be used otherwise afterwards. */
  async add(x: Buffer): Promise<void> {
    const { all, places } = this.#ground;
    const { fact, chunk } = all;
    if (this.#count === 0) await fact.insertOne({ _id: UPLOAD + this.#chunks, at: realNow() });
    if (this.#underWay.length === CHUNKS_UNDER_WAY) await this.#underWay.shift();
    const place = await places.take();
    x.copy(place);
    const document = { _id: chunkId(this.#chunks, this.#count++), x: place.subarray(0, x.length), c: checksumOf(x) };
    // Durable with the document that ends the upload: it is later in the same log.
    const written = chunk.insertOne(document, { writeConcern: { w: 1 } }).finally(() => places.give(place));
    // Its failure is met where it is awaited; an upload that ends early must not leave it unheard.
    written.catch(() => undefined);
    this.#underWay.push(written);
  }

  async seal(hash: string, size: number): Promise<void> {
    await Promise.all(this.#underWay);
    await keepChunks(this.#ground, this.#chunks, hash, size);
  }

  async drop(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    if (this.#count > 0) await removeChunks(this.#ground.all, this.#chunks);
  }
}

/** See `put` of the port. */
export async function putBytes(
  ground: PuttingGround,
  bytes: Buffer | AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<{ hash: string; size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  let first: Buffer | undefined;
  let upload: Upload | undefined;
  try {
    for await (const piece of inChunks(bytes)) {
      size += piece.length;
      if (size > maxBytes)
        throw new FhirError('too-large', `The content is larger than the ${maxBytes} bytes that are allowed.`);
      // A socket may have megabytes at hand, each of which is hashed and made into a document.
      await breathe();
      hash.update(piece);
      // The first piece waits: it may be all there is.
      if (size === piece.length) first = piece;
      else {
        if (!upload) {
          upload = new Upload(ground);
          await upload.add(first!);
        }
        await upload.add(piece);
      }
    }
    const name = hash.digest('hex');
    if (upload) await upload.seal(name, size);
    else await keepWhole(ground, name, size, first ?? Buffer.alloc(0));
    return { hash: name, size };
  } catch (error) {
    if (error instanceof FhirError) await upload?.drop().catch(() => {});
    throw error;
  }
}
