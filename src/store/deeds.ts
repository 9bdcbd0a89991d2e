/**
 * Deeds: what the audit trail keeps of each thing that was done (src/audit/trail/). To a store a deed is bytes with a time and a few
 * keys; it never changes. Deeds that are committed at the same time are kept as one row, because there is one for every read: a row
 * with its keys for each of them would cost more than the read.
 *
 * A row holds deeds of one second at most, so that whoever walks rows by the time of their newest deed knows how far back the
 * deeds of all further rows can reach.
 */

import { type Hash, HASH_BYTES } from './ledger.js';
import type { RowSeal, Seals } from './seals.js';

/** What many deeds have in common; its id is the hash of its text. */
export interface DeedShape {
  /** A whole number of up to 48 bits. */
  readonly id: number;
  readonly text: string;
}

export interface Deed {
  /** ms since 1970. */
  readonly at: number;
  /** How many events it stands for. */
  readonly events: number;
  /** Kept before the deed is. */
  readonly shape: DeedShape;
  readonly bytes: Uint8Array;
  /** What it is found by: whole numbers of up to 53 bits, each once. */
  readonly keys: readonly number[];
}

/** What a row keeps of a deed. */
export type DeedOfRow = Pick<Deed, 'at' | 'events' | 'bytes' | 'keys'>;

/** Deeds as they are kept together. */
export interface DeedRow {
  /** Time of the newest; none is more than ROW_SPAN_MS older. */
  readonly last: number;
  readonly events: number;
  /** One after the other, each behind its length. */
  readonly bytes: Uint8Array;
  /** Of all of them, each once. */
  readonly keys: readonly number[];
  /** Undefined: there is no ledger. */
  readonly seal?: RowSeal;
}

/** A row that is kept, in the order of `last` and then of `sequence`. */
export interface KeptDeedRow extends Omit<DeedRow, 'keys' | 'seal'> {
  readonly sequence: number;
  /** It says something else than what was written (digest.ts). */
  readonly altered: boolean;
}
export type DeedPlace = readonly [last: number, sequence: number];

export interface DeedQuery {
  /** Rows that have a key of each of these lists; none: all. The first is to be that of the fewest rows. */
  readonly keys?: readonly (readonly number[])[];
  /** Bounds of `last`, inclusive. */
  readonly from?: number;
  readonly to?: number;
  /** Newest first where it is not given. */
  readonly oldestFirst?: true;
  /** The rows behind this place. */
  readonly after?: DeedPlace | undefined;
  readonly limit: number;
}

export interface Deeds extends Seals {
  /** Those that are there already stay. Durable when it resolves. */
  keepShapes(shapes: readonly DeedShape[]): Promise<void>;
  /** All of them. */
  shapes(): Promise<readonly DeedShape[]>;
  find(query: DeedQuery): Promise<readonly KeptDeedRow[]>;
  /** How many events there are, of that many rows at most: each has one. */
  events(most?: number): Promise<number>;
}

/** What the digest of a row is of, beside its bytes. */
export const deedDigestHead = (last: number, events: number): string => `${last} ${events}`;

export const ROW_SPAN_MS = 1000;
/** A row may be longer by one deed. */
const ROW_BYTES = 65_536;

/** Deeds in the order of their times, those of a row together. */
export function groupDeeds<D extends DeedOfRow>(deeds: readonly D[]): D[][] {
  if (deeds.length === 0) return [];
  const rows: D[][] = [];
  let row: D[] = [];
  let bytes = 0;
  const inOrder = deeds.length === 1 ? deeds : deeds.toSorted((a, b) => a.at - b.at);
  for (const deed of inOrder) {
    if (row.length > 0 && (bytes > ROW_BYTES || deed.at - row[0]!.at > ROW_SPAN_MS)) {
      rows.push(row);
      row = [];
      bytes = 0;
    }
    row.push(deed);
    bytes += deed.bytes.length + lengthBytes(deed.bytes.length);
  }
  rows.push(row);
  return rows;
}

/** One row of deeds that `groupDeeds` has put together. */
export function deedRow(deeds: readonly DeedOfRow[]): DeedRow {
  let length = 0;
  for (const deed of deeds) length += deed.bytes.length + lengthBytes(deed.bytes.length);
  const bytes = new Uint8Array(length);
  let at = 0;
  let events = 0;
  for (const deed of deeds) {
    let rest = deed.bytes.length;
    for (; rest > 127; rest = Math.floor(rest / 128)) bytes[at++] = (rest % 128) | 128;
    bytes[at++] = rest;
    bytes.set(deed.bytes, at);
    at += deed.bytes.length;
    events += deed.events;
  }
  const keys = deeds.length === 1 ? deeds[0]!.keys : [...new Set(deeds.flatMap(deed => deed.keys))];
  return { last: deeds.at(-1)!.at, events, bytes, keys };
}

/** Of a number of seven bits a byte, the last one without the high bit. */
const lengthBytes = (length: number): number => (length < 128 ? 1 : length < 16_384 ? 2 : length < 2_097_152 ? 3 : 4);

/** What is left of a row whose deeds were removed: no deed has this length, behind which the hashes of their leaves stand. */
const REMOVED = 0;

export const bytesOfRemoved = (leaves: readonly Hash[]): Uint8Array => Buffer.concat([Buffer.of(REMOVED), ...leaves]);

/** The hashes of the leaves of a row whose deeds were removed, one after the other; undefined: its deeds are there. */
export const hashesOfRemoved = (bytes: Uint8Array): Uint8Array | undefined =>
  bytes[0] === REMOVED && bytes.length % HASH_BYTES === 1 ? bytes.subarray(1) : undefined;

/** How many deeds a row has, or had. Throws RangeError where the bytes are no deeds. */
export function countDeeds(bytes: Uint8Array): number {
  const removed = hashesOfRemoved(bytes);
  return removed ? removed.length / HASH_BYTES : deedsIn(bytes).length;
}

/** The deeds of a row, in their order; none where they were removed. Throws RangeError where the bytes are no deeds. */
export function deedsIn(bytes: Uint8Array): Uint8Array[] {
  if (hashesOfRemoved(bytes)) return [];
  const deeds: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    let length = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++];
      if (byte === undefined || factor > 2 ** 28)
        throw new RangeError('A row of deeds has no length where there should be one.');
      length += (byte & 127) * factor;
      if (byte < 128) break;
    }
    if (at + length > bytes.length) throw new RangeError('A row of deeds ends within one.');
    deeds.push(bytes.subarray(at, at + length));
    at += length;
  }
  return deeds;
}
