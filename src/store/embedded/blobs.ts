/**
 * Bytes that live outside resource texts, in the same file: chunks under an upload number, which becomes the blob of
 * a hash by one step at the end. Nobody sees an upload before; what an interrupted one left is taken away at the next
 * start.
 */
import { createHash } from 'node:crypto';
import { FhirError } from '../../fhir/error.js';
import { breathe, turn } from '../../platform/pieces.js';
import { realNow } from '../../platform/real-time.js';
import { Slots } from '../../platform/slots.js';
import { checkedChunk, DamagedBlob, nothingToKeep, proveChunks, type ReadChunk, UNREFERRED_MS } from '../blobs.js';
import { bytesBefore, type Shelf, type ShelfOfMoves } from '../shelf.js';
import type { BlobRange } from '../store.js';
import { blobBytes, type Connection } from './connection.js';
import { fromDriver } from './errors.js';
import type { Job } from './job.js';
import type { Thread } from './thread.js';

const CHUNK_BYTES = 262_144;
/** Chunks that are on their way at a time: of one upload, and of all together. */
const PARTS_UNDER_WAY = 4;
const ALL_UNDER_WAY = 32;

/** Takes away what uploads have left that did not end. */
export function dropUploads(connection: Connection): void {
  connection.atomic(() => {
    connection.exec('DELETE FROM chunk WHERE i IN (SELECT i FROM blob WHERE hash IS NULL)');
    connection.exec('DELETE FROM blob WHERE hash IS NULL');
  });
}

export function createBlobs(connection: Connection, writer: Pick<Thread<Job, number>, 'ask'>): Shelf {
  const stored = connection.prepare('SELECT i,size,o,c FROM blob WHERE hash=?');
  // AUTOINCREMENT's own counter: a number that once was used never comes again.
  const [last] = connection.prepare("SELECT seq FROM sqlite_sequence WHERE name='blob'").all();
  let next = Number(last?.[0] ?? 0) + 1;
  // Shared with the thread and used again: neither of the two would collect what is not its own before there is much of it. Nobody has one
  // while a sender is waited for.
  const places = new Slots(ALL_UNDER_WAY, () => new Uint8Array(new SharedArrayBuffer(CHUNK_BYTES)));

  /** Resolves when the chunk is on its way, with how that ends: the caller may use its memory again. */
  const send = async (upload: number, part: number, chunk: Uint8Array) => {
    const place = await places.take();
    place.set(chunk);
    const kept = writer
      .ask({ kind: 'part', upload, part, bytes: place.subarray(0, chunk.length) })
      .finally(() => places.give(place));
    // Its failure is met where it is awaited; an upload that ends early must not leave it unheard.
    kept.catch(() => undefined);
    return { kept };
  };

  const put: Shelf['put'] = async (bytes, maxBytes = Number.POSITIVE_INFINITY, onlyAnew = false) => {
    if (bytes instanceof Uint8Array) {
      if (bytes.length > maxBytes) throw contentTooLarge(maxBytes);
      const hash = await hashOfBytes(bytes);
      if ((await bytesBefore(get, hash)).areWhole) return { hash, size: bytes.length };
    }
    const upload = next++;
    const digest = createHash('sha256');
    const underWay: Promise<number>[] = [];
    let size = 0;
    let part = 0;
    try {
      for await (const chunk of chunksOf(bytes)) {
        size += chunk.length;
        if (size > maxBytes) throw contentTooLarge(maxBytes);
        digest.update(chunk);
        if (underWay.length === PARTS_UNDER_WAY) await underWay.shift();
        underWay.push((await send(upload, part++, chunk)).kept);
      }
      await Promise.all(underWay);
      const hash = digest.digest('hex');
      const { placeToTake } = await bytesBefore(get, hash);
      const anew = placeToTake === undefined ? undefined : Number(placeToTake);
      await writer.ask({ kind: 'seal', upload, hash, size, at: realNow(), anew, onlyAnew });
      return { hash, size };
    } catch (error) {
      await writer.ask({ kind: 'drop', upload }).catch(() => undefined);
      throw error;
    }
  };

  const get: Shelf['get'] = async (hash, range) => {
    const [row] = stored.all(hash);
    if (!row) return undefined;
    const size = row[1] as number;
    const object = row[2];
    const upload = row[0] as number;
    const place = String(upload);
    if (typeof object === 'string')
      return { size, place, bytes: { hash, size, object, checksums: blobBytes(row[3])! } };
    return { size, place, bytes: bytesBetween(connection, { hash, upload, size }, range, prove) };
  };

  /** The bytes were stored before there were checksums: they are read once more, and get them. */
  const prove = async (of: StoredBytes): Promise<void> => {
    const checksums = await proveChunks(of.hash, chunksOfOld(connection, of));
    await writer.ask({ kind: 'prove', upload: of.upload, checksums });
  };

  const keep: Shelf['keep'] = async (hash, until) => {
    if ((await writer.ask({ kind: 'keep', hash, until })) === 0) throw nothingToKeep();
  };

  const sweep: Shelf['sweep'] = async (now, putBefore = realNow() - UNREFERRED_MS) => {
    for (let swept = 0; ; swept++) {
      const upload = await writer.ask({ kind: 'unseal', now, putBefore });
      if (upload === 0) return swept;
      await dropParts(writer, upload);
    }
  };

  return { put, get, all: () => allHashes(connection), keep, sweep, ...shelfOfMoves(connection, writer, () => next++) };
}

async function* allHashes(connection: Connection): AsyncGenerator<string> {
  const listed = connection.prepare('SELECT hash FROM blob WHERE hash>? ORDER BY hash LIMIT 200');
  for (let after = ''; ; ) {
    const hashes = listed.all(after).map(([hash]) => hash as string);
    yield* hashes;
    if (hashes.length < 200) return;
    after = hashes.at(-1)!;
  }
}

/** Takes away the parts of an upload. */
async function dropParts(writer: Pick<Thread<Job, number>, 'ask'>, upload: number): Promise<void> {
  while ((await writer.ask({ kind: 'shorten', upload })) > 0);
  await writer.ask({ kind: 'drop', upload });
}

/** `number`: the next one of an upload. */
function shelfOfMoves(
  connection: Connection,
  writer: Pick<Thread<Job, number>, 'ask'>,
  number: () => number,
): ShelfOfMoves {
  const here = connection.prepare(
    `SELECT hash FROM blob WHERE o IS NULL AND size>262144 AND hash IS NOT NULL
     AND hash NOT IN (SELECT value FROM json_each(?)) ORDER BY hash LIMIT ?`,
  );
  const away = connection.prepare(
    `SELECT hash FROM blob WHERE o IS NOT NULL AND hash IS NOT NULL
     AND hash NOT IN (SELECT value FROM json_each(?)) ORDER BY hash LIMIT ?`,
  );
  const left = connection.prepare(
    'SELECT name FROM object WHERE at<? AND name NOT IN (SELECT value FROM json_each(?)) LIMIT 1000',
  );
  return {
    movable: async (limit, besides) => here.all(JSON.stringify(besides), limit).map(([hash]) => hash as string),
    inBucket: async (limit, besides) => away.all(JSON.stringify(besides), limit).map(([hash]) => hash as string),
    noteObject: async (name, at) => void (await writer.ask({ kind: 'note-object', name, at })),
    async moved(bytes) {
      const upload = await writer.ask({ kind: 'moved', bytes, upload: number() });
      if (upload > 0) await dropParts(writer, upload);
      return upload > 0;
    },
    leftObjects: async (before, besides) => left.all(before, JSON.stringify(besides)).map(([name]) => name as string),
    forgetObjects: async names => void (await writer.ask({ kind: 'forget-objects', names })),
  };
}

/** Bytes that are hashed before others have their turn, if it has taken long. */
const HASHED_AT_ONCE = 1024 * 1024;

async function hashOfBytes(bytes: Uint8Array): Promise<string> {
  const digest = createHash('sha256');
  for (let at = 0; at < bytes.length; at += HASHED_AT_ONCE) {
    if (at > 0) await breathe();
    digest.update(bytes.subarray(at, at + HASHED_AT_ONCE));
  }
  return digest.digest('hex');
}

const contentTooLarge = (most: number): FhirError =>
  new FhirError('too-large', `The content is larger than ${most} bytes.`);

/** Exactly CHUNK bytes, the last time fewer, always in the same memory. */
async function* chunksOf(bytes: Buffer | AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const chunk = new Uint8Array(CHUNK_BYTES);
  let filled = 0;
  for await (const piece of bytes instanceof Uint8Array ? [bytes] : bytes) {
    for (let from = 0; from < piece.length; ) {
      const some = piece.subarray(from, from + CHUNK_BYTES - filled);
      chunk.set(some, filled);
      filled += some.length;
      from += some.length;
      if (filled === CHUNK_BYTES) {
        yield chunk;
        filled = 0;
      }
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}

/** A blob as the file has it. */
interface StoredBytes {
  readonly hash: string;
  readonly upload: number;
  readonly size: number;
}

function readChunk(connection: Connection, { hash, upload, size }: StoredBytes, part: number): ReadChunk {
  try {
    const row = connection.prepare('SELECT x,c FROM chunk WHERE i=? AND part=?').first(upload, part);
    const left = size - part * CHUNK_BYTES;
    return {
      bytes: blobBytes(row?.[0]),
      checksum: blobBytes(row?.[1]),
      size: Math.min(left, CHUNK_BYTES),
      only: size <= CHUNK_BYTES,
    };
  } catch (error) {
    const failure = fromDriver(error);
    throw failure.kind === 'fault' ? new DamagedBlob(hash, 'a chunk cannot be read') : failure;
  }
}

/** The chunks of older bytes, as they are. */
async function* chunksOfOld(connection: Connection, stored: StoredBytes): AsyncGenerator<Buffer> {
  for (let part = 0; part * CHUNK_BYTES < stored.size; part++) {
    const { bytes, size } = readChunk(connection, stored, part);
    if (bytes?.length !== size) throw new DamagedBlob(stored.hash, 'a chunk is missing or broken off');
    yield bytes;
  }
}

/**
 * One chunk per step, which is checked as a whole before any byte of it is given, and no statement left open between steps; others are
 * let in, because nothing else here waits. `prove`: sees to it that there are checksums.
 */
async function* bytesBetween(
  connection: Connection,
  stored: StoredBytes,
  { start, end }: BlobRange = { start: 0, end: stored.size - 1 },
  prove: (of: StoredBytes) => Promise<void>,
): AsyncGenerator<Buffer> {
  const { hash, size } = stored;
  const last = Math.min(end, size - 1);
  const first = Math.floor(start / CHUNK_BYTES);
  for (let part = first; part * CHUNK_BYTES <= last; part++) {
    if (part > first) await turn();
    const read = (): Buffer | undefined => checkedChunk(hash, readChunk(connection, stored, part));
    let chunk = read();
    if (!chunk) {
      await prove(stored);
      chunk = read();
    }
    if (!chunk) throw new DamagedBlob(hash, 'a chunk has no checksum');
    const at = part * CHUNK_BYTES;
    yield chunk.subarray(Math.max(0, start - at), last - at + 1);
  }
}
