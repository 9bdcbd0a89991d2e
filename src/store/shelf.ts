/**
 * Bytes as a store has them itself, without those that were moved to a bucket (move-bytes.ts): what it does for moves, and how it comes to take
 * bytes anew that it had before.
 */
import { areWhole } from './blobs.js';
import type { MovedBytes } from './bucket.js';
import type { BlobRange, Blobs } from './store.js';

/** What a store has of bytes. */
export interface ShelvedBytes {
  readonly size: number;
  /** Where they are: another name once they were put anew or moved. */
  readonly place: string;
  readonly bytes: AsyncIterable<Buffer> | MovedBytes;
}

/** `get` says where those are that were moved. */
export interface Shelf extends Omit<Blobs, 'get' | 'put' | 'lackBucket'> {
  /** `onlyAnew`: nothing is stored where there is no row of these bytes any more. */
  put(
    bytes: Buffer | AsyncIterable<Uint8Array>,
    maxBytes?: number,
    onlyAnew?: boolean,
  ): Promise<{ hash: string; size: number }>;
  get(hash: string, range?: BlobRange): Promise<ShelvedBytes | undefined>;
  /** Hashes of bytes that are here and could be moved, at most `limit`, always in the same order. */
  movable(limit: number, besides: readonly string[]): Promise<readonly string[]>;
  /** The same of those that were moved. */
  inBucket(limit: number, besides: readonly string[]): Promise<readonly string[]>;
  /** Notes that an object of this name may come to be, durable before it does. `at`: ms, by the machine's clock. */
  noteObject(name: string, at: number): Promise<void>;
  /** The bytes are there from now on, and no longer here. False: they were erased, or moved by somebody else, and the object is one to drop. */
  moved(bytes: MovedBytes): Promise<boolean>;
  /** Names of objects that no row has, noted before that time; those of bytes that were erased or put anew are noted at 0. At most a thousand. */
  leftObjects(before: number, besides: readonly string[]): Promise<readonly string[]>;
  forgetObjects(names: readonly string[]): Promise<void>;
}

/** What it does for moves alone. */
export type ShelfOfMoves = Omit<Shelf, keyof Blobs>;

export const isMoved = (bytes: ShelvedBytes['bytes']): bytes is MovedBytes => 'object' in bytes;

/** What is here of bytes that are put, as it was when it was looked at: they may be erased, moved or put by others at any time. */
export interface BytesBefore {
  /** They are here, and were read for that. */
  readonly areWhole: boolean;
  /** The place that the new ones are to take: what is there is damaged, or lies in a bucket. */
  readonly placeToTake?: string;
}

/** A bucket is not asked, as whoever writes does not wait for one. */
export async function bytesBefore(get: Shelf['get'], hash: string): Promise<BytesBefore> {
  const found = await get(hash);
  if (!found) return { areWhole: false };
  if (!isMoved(found.bytes) && (await areWhole(found.bytes))) return { areWhole: true };
  return { areWhole: false, placeToTake: found.place };
}
