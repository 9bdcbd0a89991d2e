/**
 * Takes what old deeds say out of the trail. Ledger and trail are told first what goes, step by step; the hashes of their leaves stay where the deeds were, so that proofs
 * and verification go on working. It is done in whole tiles (lane.ts), of deeds that are all old enough and whose patients nobody holds, so
 * that who is under hold is not told by what is left beside them.
 *
 * What the ledger has said of itself in such deeds and what is still needed to verify the rest it says again, and so what was stored of events
 * that others have sent, which stay.
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
import { type ReceivedEvent, receivedOf } from './received-check.js';
import { ShapeBook } from './shape-book.js';

const ROWS_A_STEP = 64;
/** `emptied/STREAM`: the first deed that was not removed. */
const EMPTIED = 'emptied/';
/**
 * `passed/STREAM`: who was held, the first deed that was not looked at, and whether its tile stays. Until others are held, what stayed before
 * it stays.
 */
const PASSED = 'passed/';
const STAYS = 'stays';
const EVENTS_AN_ENTRY = 500;
/** What is still needed when the deed that said it is gone. */
const LASTING: ReadonlySet<LedgerEntry['what']> = new Set<LedgerEntry['what']>([
  'key',
  'removed',
  'received',
  'before',
  'restored',
]);

export interface Retention {
  readonly store: Pick<Store, 'deeds'>;
  /** Writes entries into the ledger, and tells in the same commit what goes by them. Durable when it resolves. */
  readonly say: (entries: readonly LedgerEntry[], going: RemovedCount) => Promise<void>;
  /** Deeds of before this time are old, ms since 1970. */
  readonly before: number;
  /** Who is held now: asked before each step, as somebody may be held since the last one. */
  readonly held: () => Promise<HeldKeys>;
  /** Whether to go on: another process may have taken over, or this one is to end. Asked before each step. */
  readonly goesOn: () => Promise<boolean>;
}

export interface HeldKeys {
  /** Whether somebody is held who has one of these keys (trail/keys.ts). */
  readonly has: (keys: readonly number[]) => boolean;
  /** The same as long as the same are held; without spaces. */
  readonly mark: string;
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

interface Look {
  /** Of a deed: where it begins. */
  readonly start: number;
  /** Whether more may come. */
  readonly isWritten: boolean;
  /** Numbers of tiles that stay, to which others are added. */
  readonly staying: Set<number>;
  readonly held: HeldKeys;
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
    const { store, held, goesOn } = this.#retention;
    const { notes } = store.deeds;
    const before = await held();
    const emptied = Number((await lastNote(notes, EMPTIED + this.#stream)) ?? 0);
    const passed = await this.#passed(before.mark);
    const start = Math.max(emptied, passed.at);
    const staying = new Set(passed.staying);
    const looked = await this.#look({ start, isWritten, staying, held: before });
    if (!looked) return this.#count();
    let isWhole = start === emptied;
    for (let at = start; ; ) {
      const step = await this.#step(at, looked.end, staying);
      if (!(await goesOn())) return this.#count();
      const now = await held();
      for (const { row, kept } of step.going)
        if (kept.some(deed => now.has(keysOfDeed(deed)))) stay(staying, rowPlace(row));
      const going = step.going.filter(({ row }) => !isStaying(staying, rowPlace(row)));
      await this.#empty(going);
      isWhole &&= step.isWhole && going.length === step.going.length;
      at = step.at;
      const far = [before.mark, at, ...(staying.has(tileOf(at)) ? [STAYS] : [])].join(' ');
      const done = isWhole ? [textNote(EMPTIED + this.#stream, String(at))] : [];
      if (at > start) await notes.keep([...done, textNote(PASSED + this.#stream, far)]);
      if (step.isLast) return this.#count();
    }
  }

  #count(): RemovedCount {
    return { events: this.#events, deeds: this.#deeds };
  }

  /** How far it has come while the same were held. */
  async #passed(mark: string): Promise<{ readonly at: number; readonly staying: readonly number[] }> {
    const [of, far, stays] = ((await lastNote(this.#retention.store.deeds.notes, PASSED + this.#stream)) ?? '').split(
      ' ',
    );
    const at = of === mark ? Number(far) : 0;
    return { at, staying: of === mark && stays === STAYS ? [tileOf(at)] : [] };
  }

  /** What may go of the next rows, up to where they go, and whether nothing stays of them. */
  async #step(from: number, end: number, staying: ReadonlySet<number>) {
    const going: GoingRow[] = [];
    let [at, isWhole] = [from, true];
    let walked = 0;
    for await (const row of this.#rows(from)) {
      if (row.seal.first >= end) break;
      const place = rowPlace(row);
      // One that lies across the end is looked at again when its tile is old.
      if (place.size > end) break;
      const isGoing = !isStaying(staying, place);
      if (isGoing && !hashesOfRemoved(row.bytes)) going.push(this.#read(row));
      isWhole &&= isGoing;
      at = place.size;
      if (++walked === ROWS_A_STEP) return { going, at, isWhole, isLast: false };
    }
    return { going, at, isWhole, isLast: true };
  }

  /** Up to where the deeds are old, and which tiles stay; undefined: it is not to go on. */
  async #look({ start, isWritten, staying, held: { has } }: Look): Promise<{ readonly end: number } | undefined> {
    const { before, goesOn } = this.#retention;
    let size = start;
    let walked = 0;
    for await (const row of this.#rows(start)) {
      if (walked++ % ROWS_A_STEP === 0 && !(await goesOn())) return undefined;
      if (row.last >= before) return { end: wholeTiles(row.seal.first) };
      size = headOfRow(row).size;
      // What somebody has altered is left as it is, and so is what cannot be read.
      const deeds = hashesOfRemoved(row.bytes) ? [] : deedsIn(row.bytes).map(deed => this.#shapes.read(deed));
      if (row.altered || !deeds.every(deed => deed && !has(keysOfDeed(deed)))) stay(staying, rowPlace(row));
    }
    // Nothing comes any more: the last tile is as whole as it will be.
    return { end: isWritten ? wholeTiles(size) : size };
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
    const received = going.flatMap(({ kept }) => kept.flatMap(({ record }) => (record && receivedOf(record)) ?? []));
    const count: RemovedCount = {
      events: going.reduce((sum, { kept }) => kept.reduce((before, deed) => before + eventsOfDeed(deed), sum), 0),
      deeds: going.reduce((sum, { leaves }) => sum + leaves.length, 0),
    };
    await say([...this.#told(going), ...lasting, ...entriesOf(received)], count);
    await store.deeds.emptyRows(
      going.map(({ row: { sequence, last }, kept, leaves }) => ({
        ...{ sequence, last, bytes: bytesOfRemoved(leaves) },
        keys: [...new Set(kept.flatMap(keysOfDeed))],
      })),
    );
    this.#deeds += count.deeds;
    this.#events += count.events;
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

function* entriesOf(events: readonly ReceivedEvent[]): Generator<LedgerEntry> {
  for (let at = 0; at < events.length; at += EVENTS_AN_ENTRY)
    yield { what: 'received', events: events.slice(at, at + EVENTS_AN_ENTRY) };
}

interface RowPlace {
  readonly first: number;
  readonly size: number;
}

const rowPlace = (row: SealedDeedRow): RowPlace => ({ first: row.seal.first, size: headOfRow(row).size });

function* tilesOf({ first, size }: RowPlace): Generator<number> {
  for (let tile = tileOf(first); tile <= tileOf(size - 1); tile++) yield tile;
}

function stay(staying: Set<number>, place: RowPlace): void {
  for (const tile of tilesOf(place)) staying.add(tile);
}

const isStaying = (staying: ReadonlySet<number>, place: RowPlace): boolean =>
  [...tilesOf(place)].some(tile => staying.has(tile));

const tileOf = (index: number): number => Math.floor(index / TILE_LEAVES);
const wholeTiles = (size: number): number => tileOf(size) * TILE_LEAVES;
