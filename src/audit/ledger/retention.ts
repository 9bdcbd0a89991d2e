/**
 * Takes what old deeds say out of the trail. The ledger is told first what goes; the hashes of their leaves stay where the deeds were, so that proofs
 * and verification go on working. It is done in whole tiles (lane.ts), of deeds that are all old enough and whose patients nobody holds, so
 * that who is under hold is not told by what is left beside them.
 *
 * What the ledger has said of itself in such deeds and what is still needed to verify the rest it says again.
 */
import { breathe } from '../../platform/pieces.js';
import { bytesOfRemoved, deedsIn, hashesOfRemoved } from '../../store/deeds.js';
import { TILE_LEAVES } from '../../store/lane.js';
import { type Hash, treeRoot } from '../../store/ledger.js';
import { headOfRow, type SealedDeedRow } from '../../store/seals.js';
import type { Store } from '../../store/store.js';
import type { KeptDeed } from '../trail/deed.js';
import { keysOfDeed } from '../trail/keys.js';
import { eventsOfDeed } from '../trail/parts.js';
import { type LedgerEntry, readLedgerEntry } from './entry.js';
import { lastNote, textNote } from './kept-notes.js';
import { ShapeBook } from './shape-book.js';

const ROWS_A_STEP = 64;
/** `emptied/STREAM`: the first deed that was not removed. */
const EMPTIED = 'emptied/';
/** What is still needed when the deed that said it is gone. */
const LASTING: ReadonlySet<LedgerEntry['what']> = new Set<LedgerEntry['what']>([
  'key',
  'removed',
  'before',
  'restored',
]);

export interface Retention {
  readonly store: Pick<Store, 'deeds'>;
  /** Writes entries into the ledger. Durable when it resolves. */
  readonly say: (entries: readonly LedgerEntry[]) => Promise<void>;
  /** Deeds of before this time are old, ms since 1970. */
  readonly before: number;
  /** Whether somebody is held who has one of these keys (trail/keys.ts). */
  readonly isHeld: (keys: readonly number[]) => boolean;
  /** Whether to go on: another process may have taken over. */
  readonly goesOn: () => Promise<boolean>;
}

export interface RemovedCount {
  readonly events: number;
  readonly deeds: number;
}

/** Removes what is old in all streams. Done again, it goes on where it was. */
export async function removeOldDeeds(retention: Retention): Promise<RemovedCount> {
  const { deeds } = retention.store;
  const shapes = new ShapeBook();
  for (const { text } of await deeds.shapes()) shapes.add(text);
  const writing = new Set((await deeds.heads()).map(({ stream }) => stream));
  let sum: RemovedCount = { events: 0, deeds: 0 };
  for (const stream of await deeds.streams()) {
    const one = new StreamRetention(retention, shapes, stream);
    const done = await one.remove(writing.has(stream));
    sum = { events: sum.events + done.events, deeds: sum.deeds + done.deeds };
    if (!(await retention.goesOn())) break;
  }
  return sum;
}

/** A row whose deeds go. */
interface GoingRow {
  readonly row: SealedDeedRow;
  readonly kept: readonly KeptDeed[];
  readonly leaves: readonly Hash[];
}

class StreamRetention {
  readonly #retention: Retention;
  readonly #shapes: ShapeBook;
  readonly #stream: string;
  #events = 0;
  #deeds = 0;

  constructor(retention: Retention, shapes: ShapeBook, stream: string) {
    this.#retention = retention;
    this.#shapes = shapes;
    this.#stream = stream;
  }

  async remove(isWritten: boolean): Promise<RemovedCount> {
    const { deeds } = this.#retention.store;
    const start = Number((await lastNote(deeds.notes, EMPTIED + this.#stream)) ?? 0);
    const { end, staying } = await this.#look(start, isWritten);
    const stays = ({ first, size }: { readonly first: number; readonly size: number }): boolean => {
      for (let tile = tileOf(first); tile <= tileOf(size - 1); tile++) if (staying.has(tile)) return true;
      return size > end;
    };
    let emptied = start;
    let isWhole = true;
    for (let going: GoingRow[] = []; ; going = []) {
      let at = emptied;
      let isLast = true;
      for await (const row of this.#rows(at)) {
        if (row.seal.first >= end) break;
        const place = { first: row.seal.first, size: headOfRow(row).size };
        const isGoing = !stays(place);
        if (isGoing && !hashesOfRemoved(row.bytes)) going.push(this.#read(row));
        isWhole &&= isGoing;
        at = place.size;
        if (going.length < ROWS_A_STEP) continue;
        isLast = false;
        break;
      }
      await this.#empty(going);
      emptied = at;
      if (isWhole && at > start) await deeds.notes.keep([textNote(EMPTIED + this.#stream, String(at))]);
      if (isLast || !(await this.#retention.goesOn())) return { events: this.#events, deeds: this.#deeds };
    }
  }

  /** Up to where the deeds are old, and which tiles stay. */
  async #look(start: number, isWritten: boolean): Promise<{ readonly end: number; readonly staying: Set<number> }> {
    const { before, isHeld } = this.#retention;
    const staying = new Set<number>();
    let size = start;
    for await (const row of this.#rows(start)) {
      if (row.last >= before) return { end: wholeTiles(row.seal.first), staying };
      size = headOfRow(row).size;
      // What somebody has altered is left as it is, and so is what cannot be read.
      const deeds = hashesOfRemoved(row.bytes) ? [] : deedsIn(row.bytes).map(deed => this.#shapes.read(deed));
      if (!row.altered && deeds.every(deed => deed && !isHeld(keysOfDeed(deed)))) continue;
      for (let tile = tileOf(row.seal.first); tile <= tileOf(size - 1); tile++) staying.add(tile);
    }
    // Nothing comes any more: the last tile is as whole as it will be.
    return { end: isWritten ? wholeTiles(size) : size, staying };
  }

  async *#rows(from: number): AsyncGenerator<SealedDeedRow> {
    const { deeds } = this.#retention.store;
    const stream = this.#stream;
    let rows = await deeds.sealed({ stream, upTo: from, limit: 1 });
    while (rows.length > 0) {
      for (const row of rows) {
        await breathe();
        yield row;
      }
      rows = await deeds.sealed({ stream, after: [stream, rows.at(-1)!.seal.first], limit: ROWS_A_STEP });
    }
  }

  #read(row: SealedDeedRow): GoingRow {
    const bytes = deedsIn(row.bytes);
    return {
      row,
      kept: bytes.flatMap(deed => this.#shapes.read(deed) ?? []),
      leaves: bytes.map(deed => this.#shapes.leafOf(deed)!),
    };
  }

  async #empty(going: readonly GoingRow[]): Promise<void> {
    if (going.length === 0) return;
    const { store, say } = this.#retention;
    const lasting = going
      .flatMap(({ kept }) => kept.flatMap(({ entry }) => (entry === undefined ? [] : (readLedgerEntry(entry) ?? []))))
      .filter(({ what }) => LASTING.has(what));
    await say([...this.#told(going), ...lasting]);
    await store.deeds.emptyRows(
      going.map(({ row: { sequence, last }, kept, leaves }) => ({
        ...{ sequence, last, bytes: bytesOfRemoved(leaves) },
        keys: [...new Set(kept.flatMap(keysOfDeed))],
      })),
    );
    for (const { kept, leaves } of going) {
      this.#deeds += leaves.length;
      for (const deed of kept) this.#events += eventsOfDeed(deed);
    }
  }

  /** Neighbours are told as one. */
  #told(going: readonly GoingRow[]): LedgerEntry[] {
    const ranges: { from: number; to: number; leaves: Hash[] }[] = [];
    for (const { row, leaves } of going) {
      const { first } = row.seal;
      const last = ranges.at(-1);
      if (last?.to === first) {
        last.to += leaves.length;
        last.leaves.push(...leaves);
      } else ranges.push({ from: first, to: first + leaves.length, leaves: [...leaves] });
    }
    return ranges.map(({ from, to, leaves }) => ({
      ...{ what: 'removed', stream: this.#stream, from, to },
      root: treeRoot(leaves).toString('base64'),
    }));
  }
}

const tileOf = (index: number): number => Math.floor(index / TILE_LEAVES);
const wholeTiles = (size: number): number => tileOf(size) * TILE_LEAVES;
