/**
 * The trail as lines that can be verified on any machine (verify.ts). It is read while others write on: how far it goes is settled at the
 * beginning, so that no checkpoint, anchor or entry in it knows of more than is in it.
 *
 * Of a time it has whole rows, from the first one of each stream with a deed of that time, on to the next checkpoint.
 */
import { deedsIn, type DeedShape } from '../../store/deeds.js';
import { TILE_LEAVES } from '../../store/lane.js';
import { Frontier, type Hash, HASH_BYTES, leafHash, hashesIn } from '../../store/ledger.js';
import type { WitnessedLog } from './witness.js';
import { shapeIdOf } from '../trail/deed.js';
import { eventsOfDeed, eventTextsOf } from '../trail/parts.js';
import { type KeptAnchor, timeOfAnchor } from './anchor-check.js';
import {
  EXPORT_KIND,
  EXPORT_VERSION,
  type ExportedRow,
  type ExportLine,
  exportLineText,
  LinesDigest,
} from './export-line.js';
import { openCheckpoint } from './note.js';
import { readReceivedEvent } from './received-check.js';
import { ShapeBook } from './shape-book.js';

/** Deeds that were sealed together, as they are kept. */
export interface SourceRow {
  /** ms since 1970 of the newest deed. */
  readonly last: number;
  /** One after the other, each behind its length; or of deeds that were removed the hashes of their leaves. */
  readonly bytes?: Uint8Array;
  readonly hashes?: Uint8Array;
}

export interface SourceSealedRow extends SourceRow {
  readonly first: number;
  readonly root: Hash;
}

/** What there is to export, in the order in which it is asked for here. */
export interface TrailSource {
  readonly base: string;
  /** Texts of keys. */
  keys(): Promise<readonly string[]>;
  shapes(): Promise<readonly DeedShape[]>;
  /** All anchors up to now, oldest first. */
  anchors(): AsyncIterable<Required<KeptAnchor>>;
  /** What a witness has signed last; undefined: there is none. */
  witnessed(): Promise<WitnessedLog | undefined>;
  /** All streams in order, with the number of their deeds up to now. */
  streams(): Promise<readonly { readonly stream: string; readonly size: number }[]>;
  /** Rows of a stream in order, from the one with this deed. */
  sealed(stream: string, from: number): AsyncIterable<SourceSealedRow>;
  /** Hashes of the 256 leaves of a full tile, by number. */
  tile(stream: string, number: number): Promise<Uint8Array | undefined>;
  /** Notes of a stream in the order of their sizes, up to now. */
  checkpoints(stream: string): AsyncIterable<string>;
  /** Rows of before the ledger, by time. */
  unsealed(): AsyncIterable<SourceRow>;
  /** Texts of AuditEvents that are resources, by id. */
  received(): AsyncIterable<string>;
}

export interface ExportAsked {
  /** ms since 1970, inclusive; absent: from the beginning, to the end. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** ms since 1970. */
  readonly made: number;
  /** Whether the texts of events are to stand behind their rows. */
  readonly texts: boolean;
}

const isoTime = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString());
const inBase64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');

/** The texts of all lines, without their ends; memory does not grow with them. */
export async function* exportTrail(source: TrailSource, asked: ExportAsked): AsyncGenerator<string> {
  const shapes = new ToldShapes(source);
  const digest = new LinesDigest();
  let [rows, received] = [0, 0];
  const told = (line: ExportLine): string => {
    if (line.kind === 'row') rows += 1;
    if (line.kind === 'received') received += 1;
    const text = exportLineText(line);
    digest.add(text);
    return text;
  };
  yield told(headerLine(source.base, asked));
  for await (const line of partsOf(source, asked, shapes)) yield told(line);
  const { lines, sha256 } = digest.taken();
  yield exportLineText({ kind: 'end', rows, events: shapes.events + received, lines: lines + 1, sha256 });
}

const headerLine = (base: string, { from, to, made, texts }: ExportAsked): ExportLine => ({
  kind: 'header',
  header: {
    ...{ chartroom: EXPORT_KIND, version: EXPORT_VERSION, base },
    ...{ from: isoTime(from), to: isoTime(to), made: isoTime(made)!, texts },
  },
});

async function* partsOf(source: TrailSource, asked: ExportAsked, shapes: ToldShapes): AsyncGenerator<ExportLine> {
  // In this order: a witness knows no anchors that are not here, an anchor no streams, and a stream that began knows no more of others than is here.
  const witnessed = await source.witnessed();
  let newest = -Infinity;
  for await (const { note } of source.anchors()) newest = Math.max(newest, anchoredAt(note) ?? -Infinity);
  const streams = await source.streams();
  const sizes = new Map((await source.streams()).map(({ stream, size }) => [stream, size]));
  for (const key of await source.keys()) yield { kind: 'key', key };
  for (const { stream, size } of streams)
    yield* streamLines(source, asked, shapes, { stream, size: sizes.get(stream) ?? size });
  for await (const row of source.unsealed())
    if (isWithin(row.last, asked)) yield* rowLines(shapes, asked, { last: row.last }, row);
  for await (const received of source.received())
    if (isWithin(readReceivedEvent(received).at, asked)) yield { kind: 'received', received };
  if (witnessed) {
    const { note, shown, begun } = witnessed;
    yield { kind: 'witnessed', witnessed: note, shown, begun };
  }
  for await (const { note, heads } of source.anchors()) {
    const at = anchoredAt(note);
    // One that was made meanwhile may know more of streams than is here.
    if ((at === undefined || at <= newest) && isAnchorWithin(at, asked)) yield { kind: 'anchor', anchor: note, heads };
  }
}

/** A row with the shapes before it that were not told yet, and its events behind it. */
async function* rowLines(
  shapes: ToldShapes,
  { texts }: ExportAsked,
  head: ExportedRow,
  { bytes, hashes }: SourceRow,
): AsyncGenerator<ExportLine> {
  if (hashes) return yield { kind: 'row', row: { ...head, hashes: hashesIn(hashes).map(inBase64) } };
  const deeds = deedsOf(bytes!);
  for (const shape of await shapes.newOf(deeds)) yield { kind: 'shape', shape };
  yield { kind: 'row', row: { ...head, deeds: deeds.map(inBase64) } };
  const kept = deeds.flatMap(deed => shapes.book.read(deed) ?? []);
  for (const one of kept) {
    shapes.events += eventsOfDeed(one);
    if (texts) for (const event of eventTextsOf(one)) yield { kind: 'event', event, of: one.id };
  }
}

async function* streamLines(
  source: TrailSource,
  asked: ExportAsked,
  shapes: ToldShapes,
  { stream, size: limit }: { readonly stream: string; readonly size: number },
): AsyncGenerator<ExportLine> {
  const { to = Infinity } = asked;
  const start = asked.from === undefined ? 0 : await firstSince(source, stream, limit, asked.from);
  if (start >= limit) return;
  const notes = source.checkpoints(stream)[Symbol.asyncIterator]();
  let next = await noteBeyond(notes, start);
  let [size, signed] = [start, start];
  const tiles = new ToldTiles(source, stream, start);
  for await (const row of rowsSince(source, stream, start, () => next !== undefined)) {
    // What is past the end is there for the sake of the next checkpoint.
    if ((row.first >= limit || row.last > to) && (signed === size || !next)) return;
    if (size === start && start > 0) yield await edgeLine(source, shapes, stream, start);
    const count = row.hashes ? row.hashes.length / HASH_BYTES : deedsOf(row.bytes!).length;
    size = row.first + count;
    yield* tiles.upTo(size);
    const { first, last, root } = row;
    yield* rowLines(shapes, asked, { stream, first, last, root: inBase64(root) }, row);
    for (; next && next.size <= size; next = await noteBeyond(notes, next.size)) {
      yield { kind: 'checkpoint', checkpoint: next.note };
      signed = next.size;
    }
  }
  // There are no such deeds: rows are there before a checkpoint is.
  for (; next; next = await noteBeyond(notes, next.size)) yield { kind: 'checkpoint', checkpoint: next.note };
}

/** The rows of a stream from that of one deed on; those that came while they were read, too, where there is something that says more of them. */
async function* rowsSince(
  source: TrailSource,
  stream: string,
  start: number,
  isMoreSaid: () => boolean,
): AsyncGenerator<SourceSealedRow> {
  let [last, before] = [-1, -2];
  for (let from = start; last !== before && (before === -2 || isMoreSaid()); from = last) {
    before = last;
    for await (const row of source.sealed(stream, from)) {
      if (before !== -1 && row.first <= before) continue;
      last = row.first;
      yield row;
    }
  }
}

/** The next note of a stream that is of more deeds than so many; what is no checkpoint is told all the same. */
async function noteBeyond(
  notes: AsyncIterator<string>,
  size: number,
): Promise<{ readonly note: string; readonly size: number } | undefined> {
  for (let step = await notes.next(); step.done !== true; step = await notes.next()) {
    const note = step.value;
    const of = sizeOfNote(note);
    if (of === undefined || of > size) return { note, size: of ?? size };
  }
  return undefined;
}

function sizeOfNote(note: string): number | undefined {
  try {
    return openCheckpoint(note, []).checkpoint.size;
  } catch {
    return undefined;
  }
}

/** The first deed of the first row that has one of this time or later; times in a stream run forward, but for some minutes. */
async function firstSince(source: TrailSource, stream: string, size: number, from: number): Promise<number> {
  const rowAt = async (index: number): Promise<SourceSealedRow | undefined> => {
    for await (const row of source.sealed(stream, index)) return row;
    return undefined;
  };
  let [low, high] = [0, size];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const row = await rowAt(middle);
    if (row && row.last < from) low = Math.max(middle, row.first) + 1;
    else high = middle;
  }
  return low >= size ? size : ((await rowAt(low))?.first ?? size);
}

/** The right edge of the tree over the deeds before one. */
async function edgeLine(source: TrailSource, shapes: ToldShapes, stream: string, size: number): Promise<ExportLine> {
  const tree = new Frontier();
  for (let number = 0; (number + 1) * TILE_LEAVES <= size; number++) {
    const tile = await source.tile(stream, number);
    if (!tile) break;
    for (const hash of hashesIn(tile)) tree.add(hash);
  }
  const from = tree.size;
  if (from < size)
    for await (const row of source.sealed(stream, from)) {
      const leaves = row.hashes ? hashesIn(row.hashes) : await shapes.leavesOf(deedsOf(row.bytes!));
      for (const [at, leaf] of leaves.entries()) if (row.first + at >= from && row.first + at < size) tree.add(leaf);
      if (tree.size >= size) break;
    }
  return { kind: 'frontier', stream, size, perfect: tree.perfect.map(inBase64) };
}

/** Tiles, each before the first row that has one of its leaves. */
class ToldTiles {
  readonly #source: TrailSource;
  readonly #stream: string;
  readonly #start: number;
  #next: number;

  constructor(source: TrailSource, stream: string, start: number) {
    this.#source = source;
    this.#stream = stream;
    this.#start = start;
    this.#next = Math.floor(start / TILE_LEAVES);
  }

  async *upTo(size: number): AsyncGenerator<ExportLine> {
    for (; this.#next * TILE_LEAVES < size; this.#next++) {
      const tile = await this.#source.tile(this.#stream, this.#next);
      if (!tile) continue;
      const at = this.#next * TILE_LEAVES;
      const from = Math.max(at, this.#start);
      const hashes = inBase64(tile.subarray((from - at) * HASH_BYTES));
      yield { kind: 'tile', stream: this.#stream, from, hashes };
    }
  }
}

/** Shapes, each told before its first deed. */
class ToldShapes {
  readonly book = new ShapeBook();
  /** Of the deeds that were told. */
  events = 0;
  readonly #source: TrailSource;
  readonly #kept = new Map<number, string>();
  readonly #told = new Set<number>();

  constructor(source: TrailSource) {
    this.#source = source;
  }

  /** Texts of those that stand before these deeds. One that is not kept is not told. */
  async newOf(deeds: readonly Uint8Array[]): Promise<readonly string[]> {
    const ids = new Set(deeds.flatMap(idIn));
    const texts: string[] = [];
    for (const id of ids) {
      if (this.#told.has(id)) continue;
      const text = await this.#textOf(id);
      if (text === undefined) continue;
      this.#told.add(id);
      this.book.add(text);
      texts.push(text);
    }
    return texts;
  }

  /** Of one without a shape the leaf is another one. */
  async leavesOf(deeds: readonly Uint8Array[]): Promise<Hash[]> {
    for (const id of new Set(deeds.flatMap(idIn))) {
      const text = await this.#textOf(id);
      if (text !== undefined) this.book.add(text);
    }
    return deeds.map(deed => this.book.leafOf(deed) ?? leafHash(deed));
  }

  async #textOf(id: number): Promise<string | undefined> {
    if (!this.#kept.has(id)) for (const { id: kept, text } of await this.#source.shapes()) this.#kept.set(kept, text);
    return this.#kept.get(id);
  }
}

/** Bytes that are no deeds are told as one, which then is none. */
function deedsOf(bytes: Uint8Array): readonly Uint8Array[] {
  try {
    return deedsIn(bytes);
  } catch {
    return [bytes];
  }
}

function idIn(deed: Uint8Array): number[] {
  try {
    return [shapeIdOf(deed)];
  } catch {
    return [];
  }
}

const isWithin = (at: number | undefined, { from = -Infinity, to = Infinity }: ExportAsked): boolean =>
  at === undefined || (at >= from && at <= to);

/** Anchors that vouch for the end are made after it. */
const ANCHORED_WITHIN = 3_600_000;

const isAnchorWithin = (at: number | undefined, { from = -Infinity, to = Infinity }: ExportAsked): boolean =>
  at === undefined || (at >= from && at <= to + ANCHORED_WITHIN);

/** ms since 1970; undefined: it does not say it. */
function anchoredAt(note: string): number | undefined {
  try {
    return timeOfAnchor(openCheckpoint(note, []).checkpoint);
  } catch {
    return undefined;
  }
}
