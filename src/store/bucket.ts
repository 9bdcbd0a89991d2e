/**
 * Bytes in a bucket: the port to one, and how what lies there is read. A store has the rows of all bytes, and those of smaller ones; larger ones
 * are moved to a bucket where there is one (move-bytes.ts). Their checksums stay in the row, and every chunk is held against its own before a byte
 * of it is given.
 */
import { FhirError } from '../fhir/error.js';
import { checksumOf, DamagedBlob } from './blobs.js';
import type { BlobRange } from './store.js';

/** The bucket has not answered in time: whoever asks again would wait as long once more. */
export class SilentBucket extends FhirError {
  constructor() {
    super('unavailable', 'The bucket of stored bytes does not answer. Try again later.');
  }
}

/** Objects by their names, which are never used twice. Throws `unavailable` where the bucket is away, or does not let us. */
export interface Bucket {
  /** Durable when it resolves, and then alone there. `bytes`: in pieces whose memory may be used again. */
  put(name: string, size: number, bytes: AsyncIterable<Buffer>): Promise<void>;
  /** Undefined: there is no such object, or it has no such bytes. */
  get(name: string, range: BlobRange): Promise<AsyncIterable<Uint8Array> | undefined>;
  /** Those that are not there are no fault. The names of those that stay, as the bucket does not let us drop them. */
  drop(names: readonly string[]): Promise<readonly string[]>;
  list(): AsyncIterable<string>;
  /** Breaks off what is under way. */
  close(): void;
}

/** Bytes of a chunk that has a checksum of its own. */
export const MOVED_CHUNK_BYTES = 262_144;
const CHECKSUM_BYTES = checksumOf(Buffer.alloc(0)).length;

/** What the row of bytes says that were moved. */
export interface MovedBytes {
  readonly hash: string;
  readonly size: number;
  /** The name of the object. */
  readonly object: string;
  /** Those of all chunks, one behind the other. */
  readonly checksums: Buffer;
}

/** Connections that may break before the bucket counts as away; none since the last whole chunk. */
const ATTEMPTS = 3;

/** The bytes of a range, chunk by chunk, none of them before its chunk was checked. */
export async function* bytesMoved(
  bucket: Bucket | undefined,
  moved: MovedBytes,
  { start, end }: BlobRange,
): AsyncGenerator<Buffer> {
  if (!bucket)
    throw new FhirError(
      'unavailable',
      'These bytes are in a bucket, and this server knows of none: CHARTROOM_BLOBS names it.',
    );
  const last = Math.min(end, moved.size - 1);
  let part = Math.floor(start / MOVED_CHUNK_BYTES);
  for (let failed = 0; part * MOVED_CHUNK_BYTES <= last; ) {
    const from = part;
    try {
      for await (const chunk of checkedChunks(bucket, moved, { from, last })) {
        const at = part * MOVED_CHUNK_BYTES;
        part++;
        yield chunk.subarray(Math.max(0, start - at), last - at + 1);
      }
    } catch (error) {
      if (error instanceof DamagedBlob || error instanceof SilentBucket) throw error;
      if (part > from) failed = 0;
      if (++failed === ATTEMPTS) throw error;
    }
  }
}

/** Whole chunks from one on, until the one with the last byte. Throws `unavailable` where the connection breaks. */
async function* checkedChunks(
  bucket: Bucket,
  { hash, size, object, checksums }: MovedBytes,
  { from, last }: { readonly from: number; readonly last: number },
): AsyncGenerator<Buffer> {
  const until = Math.min(size, (Math.floor(last / MOVED_CHUNK_BYTES) + 1) * MOVED_CHUNK_BYTES);
  let at = from * MOVED_CHUNK_BYTES;
  const pieces = await bucket.get(object, { start: at, end: until - 1 });
  if (!pieces) throw new DamagedBlob(hash, `the object ${object} is missing or too short`);
  for await (const chunk of chunksOf(pieces, until - at)) {
    const part = at / MOVED_CHUNK_BYTES;
    const checksum = checksums.subarray(part * CHECKSUM_BYTES, (part + 1) * CHECKSUM_BYTES);
    if (!checksumOf(chunk).equals(checksum))
      throw new DamagedBlob(hash, `a chunk of the object ${object} has another checksum`);
    at += chunk.length;
    yield chunk;
  }
  // A connection that breaks throws by itself.
  if (at < until) throw new DamagedBlob(hash, `the object ${object} is too short`);
}

/** Chunks of their size, each in memory of its own; the last one has what is left of `size`, and one that is broken off is none. */
async function* chunksOf(pieces: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Buffer> {
  let left = size;
  let chunk = Buffer.allocUnsafeSlow(Math.min(left, MOVED_CHUNK_BYTES));
  let filled = 0;
  for await (let piece of pieces)
    while (piece.length > 0 && left > 0) {
      const some = piece.subarray(0, chunk.length - filled);
      chunk.set(some, filled);
      filled += some.length;
      piece = piece.subarray(some.length);
      if (filled < chunk.length) continue;
      left -= filled;
      yield chunk;
      chunk = Buffer.allocUnsafeSlow(Math.min(left, MOVED_CHUNK_BYTES));
      filled = 0;
    }
}
