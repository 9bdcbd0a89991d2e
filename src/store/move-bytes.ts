/**
 * Moves larger bytes from the database to a bucket, in the background and one after the other: whoever puts them waits for the database alone,
 * and a bucket that is away refuses nobody's write. A move changes one row, so that references, erasing and keeping know nothing of it:
 *
 *     the name of the object is noted → it is written, from chunks that were checked → the row says where they are, and the note goes
 *
 * An object whose note has stayed is one that no row names: it is dropped at once where its bytes were erased, else a day later.
 *
 * The way back is a put of what is there (shelf.ts): whatever is put while its bytes lie in the bucket takes their place, so that an object
 * that was lost comes back with whoever sends the bytes again.
 */
import { randomUUID } from 'node:crypto';
import { asFhirError, FhirError } from '../fhir/error.js';
import { realNow, realTimeout } from '../platform/real-time.js';
import { checksumOf, DamagedBlob, UNREFERRED_MS } from './blobs.js';
import { type Bucket, bytesMoved, MOVED_CHUNK_BYTES } from './bucket.js';
import { isMoved, type Shelf, type ShelvedBytes } from './shelf.js';
import type { BlobRange, Blobs, Commit } from './store.js';

/** The bucket of a store, and who is told what becomes of moves. */
export interface BucketGround {
  readonly bucket: Bucket;
  /** Nothing is moved there any more, and what is there is moved back. */
  readonly isLeft?: boolean;
  /** After a move, and where there was nothing to move; `error`: it is tried again with the next sweep. Without a hash: of dropping objects. */
  told(outcome: MoveOutcome): void;
}
export interface MoveOutcome {
  readonly hash?: string;
  readonly error?: FhirError;
  /**
   * Of a bucket that is left, once no row names an object there: objects that are there still, or may be, as it does not let them be dropped,
   * or a move to it broke off within the last day. 0 is told once.
   */
  readonly left?: number;
}

export interface BytesInTwoPlaces {
  readonly blobs: Blobs;
  /** To be called after each commit: what it erased is dropped from the bucket, too, and waited for as long as that takes no time to speak of. */
  committed(this: void, commit: Pick<Commit, 'changes'>): Promise<void>;
  /** Resolves when nothing is being moved any more; what does not end by itself soon is broken off. */
  close(this: void): Promise<void>;
}

const MOVABLE_AT_ONCE = 200;
/** ms for which a commit waits for the bucket to drop what it erased: the note of it is durable. */
const DROP_PATIENCE = 2000;
/** ms in which a move may break off by itself when the store is closed. */
const CLOSE_PATIENCE = 2000;

export function bytesInTwoPlaces(shelf: Shelf, ground: BucketGround | undefined): BytesInTwoPlaces {
  const mover = ground && new Mover(shelf, ground);
  const bucket = ground?.bucket;

  const get: Blobs['get'] = async (hash, range) => {
    const found = await shelf.get(hash, range);
    if (!found) return undefined;
    const { size } = found;
    const wanted = { start: Math.max(0, range?.start ?? 0), end: Math.min(size - 1, range?.end ?? size - 1) };
    return { size, bytes: followed(found, hash, wanted) };
  };

  /** Goes on where they are now, when they are moved or put anew while they are read. */
  async function* followed(found: ShelvedBytes, hash: string, { start, end }: BlobRange): AsyncGenerator<Buffer> {
    for (let at = start, now = found; ; )
      try {
        for await (const piece of isMoved(now.bytes) ? bytesMoved(bucket, now.bytes, { start: at, end }) : now.bytes) {
          at += piece.length;
          yield piece;
        }
        return;
      } catch (error) {
        const next = error instanceof DamagedBlob ? await shelf.get(hash, { start: at, end }) : undefined;
        if (!next || next.place === now.place) throw error;
        now = next;
      }
  }

  return {
    blobs: {
      get,
      all: () => shelf.all(),
      keep: (hash, until) => shelf.keep(hash, until),
      async put(bytes, maxBytes) {
        const stored = await shelf.put(bytes, maxBytes);
        if (stored.size > MOVED_CHUNK_BYTES && !ground?.isLeft) mover?.add([stored.hash]);
        return stored;
      },
      lackBucket: async () => !ground && (await shelf.inBucket(1, [])).length > 0,
      async sweep(now, putBefore = realNow() - UNREFERRED_MS) {
        const swept = await shelf.sweep(now, putBefore);
        mover?.look(putBefore);
        await mover?.dropLeft(putBefore);
        return swept;
      },
    },
    async committed({ changes }) {
      if (mover && changes.some(({ erases }) => erases)) await mover.dropErased();
    },
    close: async () => mover?.close(),
  };
}

class Mover {
  readonly #shelf: Shelf;
  readonly #ground: BucketGround;
  readonly #waiting = new Set<string>();
  /** Damaged: nobody moves them. */
  readonly #damaged = new Set<string>();
  #dropping: Promise<void> | undefined;
  #dropAgain = false;
  #underWay: Promise<void> | undefined;
  #looking = false;
  /** Objects that were noted before, and that no row has, are of moves that broke off. */
  #brokenOffBefore = 0;
  /** Nothing was in the bucket any more, which is told once. */
  #isLeft = false;
  #closed = false;

  constructor(shelf: Shelf, ground: BucketGround) {
    this.#shelf = shelf;
    this.#ground = ground;
  }

  add(hashes: readonly string[]): void {
    for (const hash of hashes) this.#waiting.add(hash);
    if (!this.#closed) this.#underWay ??= this.#moveAll().finally(() => (this.#underWay = undefined));
  }

  /** Moves whatever there is to move, there or back. `before`: see `dropLeft`. */
  look(before: number): void {
    this.#brokenOffBefore = before;
    this.#looking = true;
    this.add([]);
  }

  async #moveAll(): Promise<void> {
    const { isLeft } = this.#ground;
    let hash: string | undefined;
    try {
      for (;;) {
        if (this.#waiting.size === 0 && this.#looking) {
          const besides = [...this.#damaged];
          const found = isLeft
            ? await this.#shelf.inBucket(MOVABLE_AT_ONCE, besides)
            : await this.#shelf.movable(MOVABLE_AT_ONCE, besides);
          for (const each of found) this.#waiting.add(each);
          this.#looking = isLeft ? found.length > 0 : found.length === MOVABLE_AT_ONCE;
          if (isLeft && found.length === 0) await this.#leave();
        }
        [hash] = this.#waiting;
        if (hash === undefined || this.#closed) return;
        this.#waiting.delete(hash);
        this.#ground.told({ hash, ...(await this.#moveOrNote(hash)) });
      }
    } catch (error) {
      // What is left is found with the next sweep.
      this.#waiting.clear();
      this.#looking = false;
      if (!this.#closed) this.#ground.told({ ...(hash === undefined ? {} : { hash }), error: asFhirError(error) });
    }
  }

  /** What is damaged is no reason not to move what comes behind it. */
  async #moveOrNote(hash: string): Promise<{ readonly error?: FhirError }> {
    try {
      await (this.#ground.isLeft ? this.#moveBack(hash) : this.#moveOne(hash));
      return {};
    } catch (error) {
      if (!(error instanceof DamagedBlob)) throw error;
      // Another process may have moved or erased them while they were read.
      const now = await this.#shelf.get(hash);
      if (!now || isMoved(now.bytes) === !this.#ground.isLeft) return {};
      this.#damaged.add(hash);
      return { error };
    }
  }

  async #moveOne(hash: string): Promise<void> {
    const found = await this.#shelf.get(hash);
    if (!found || isMoved(found.bytes)) return;
    const object = randomUUID();
    const checksums: Buffer[] = [];
    await this.#shelf.noteObject(object, realNow());
    const chunks = inMovedChunks(unlessClosed(found.bytes, () => this.#closed));
    await this.#ground.bucket.put(object, found.size, noted(chunks, checksums)).catch(async (error: unknown) => {
      // Nobody knows what the bucket has of it.
      await this.#ground.bucket
        .drop([object])
        .then(kept => (kept.length === 0 ? this.#shelf.forgetObjects([object]) : undefined))
        .catch(() => {});
      throw error;
    });
    const bytes = { hash, size: found.size, object, checksums: Buffer.concat(checksums) };
    if (!(await this.#shelf.moved(bytes))) await this.dropErased();
  }

  async #moveBack(hash: string): Promise<void> {
    const found = await this.#shelf.get(hash);
    if (!found || !isMoved(found.bytes)) return;
    const bytes = bytesMoved(this.#ground.bucket, found.bytes, { start: 0, end: found.size - 1 });
    await this.#shelf.put(
      unlessClosed(bytes, () => this.#closed),
      undefined,
      true,
    );
  }

  /** Everything was moved back that could be: what is in the bucket still is dropped, or damaged. */
  async #leave(): Promise<void> {
    await this.dropLeft(Math.max(1, this.#brokenOffBefore));
    if (this.#isLeft || this.#closed || (await this.#shelf.inBucket(1, [])).length > 0) return;
    const left = await this.#countLeft();
    this.#isLeft = left === 0;
    this.#ground.told({ left });
  }

  /** Objects that no row has, whenever they were noted. */
  async #countLeft(): Promise<number> {
    const left: string[] = [];
    for (;;) {
      const names = await this.#shelf.leftObjects(Number.MAX_SAFE_INTEGER, left);
      if (names.length === 0) return left.length;
      left.push(...names);
    }
  }

  /** Drops objects that no row has, and that were noted before that time; of what stays others know, and it is tried again with the next sweep. */
  async dropLeft(before: number): Promise<void> {
    const stay: string[] = [];
    try {
      for (;;) {
        const names = await this.#shelf.leftObjects(before, stay);
        if (names.length === 0) break;
        const kept = new Set(await this.#ground.bucket.drop(names));
        await this.#shelf.forgetObjects(names.filter(name => !kept.has(name)));
        stay.push(...kept);
      }
      if (stay.length > 0) throw notDropped(stay.length);
    } catch (error) {
      if (!this.#closed) this.#ground.told({ error: asFhirError(error) });
    }
  }

  /** Drops those of bytes that were erased; one who asks meanwhile is served by the same round, or the next. Resolves soon, in any case. */
  async dropErased(): Promise<void> {
    if (this.#closed) return;
    this.#dropAgain = true;
    this.#dropping ??= this.#dropAll();
    await atMost(DROP_PATIENCE, this.#dropping);
  }

  async #dropAll(): Promise<void> {
    while (this.#dropAgain && !this.#closed) {
      this.#dropAgain = false;
      await this.dropLeft(1);
    }
    this.#dropping = undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await atMost(CLOSE_PATIENCE, Promise.all([this.#underWay, this.#dropping]));
    this.#ground.bucket.close();
    await Promise.all([this.#underWay, this.#dropping]);
  }
}

const notDropped = (count: number): FhirError =>
  new FhirError('unavailable', `The bucket does not let ${count} objects be dropped. Try again later.`);

/** Resolves with the work, or when the time is over. */
async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise<void>(done => void (timer = realTimeout(ms, done)))]);
  clearTimeout(timer);
}

async function* noted(chunks: AsyncIterable<Buffer>, checksums: Buffer[]): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    checksums.push(checksumOf(chunk));
    yield chunk;
  }
}

/** Breaks off where the store is closed. */
async function* unlessClosed(pieces: AsyncIterable<Buffer>, isClosed: () => boolean): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    if (isClosed()) throw new Error('The store is being closed.');
    yield piece;
  }
}

/** Chunks of the size in which they are read again, always in the same memory. */
async function* inMovedChunks(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const chunk = Buffer.allocUnsafeSlow(MOVED_CHUNK_BYTES);
  let filled = 0;
  for await (let piece of pieces)
    while (piece.length > 0) {
      const some = piece.subarray(0, MOVED_CHUNK_BYTES - filled);
      chunk.set(some, filled);
      filled += some.length;
      piece = piece.subarray(some.length);
      if (filled < MOVED_CHUNK_BYTES) continue;
      yield chunk;
      filled = 0;
    }
  if (filled > 0) yield chunk.subarray(0, filled);
}
