/**
 * A page of two kinds in the order of a time: resources of the store, and events of the trail. At the same time it is by ids where that is asked for; else
 * resources are the older ones.
 * The place of a row of the store is `i`, its time and the store's cursor; that of an event is `d` and where it stands in the trail. Whichever
 * kind a place is of, the other kind goes on from its time.
 *
 * Both are read in the direction of travel, which the store's cursors allow: an order turned round has the same places.
 */
import type { Cursor } from '../../search/query.js';
import { encodeId } from '../../store/codec.js';
import { pageExpired } from '../../store/plan.js';
import type { Page, Version } from '../../store/store.js';
import { eventId } from './deed.js';
import type { RecordedEvent } from './events.js';
import { compareNamed, eventCursor, type NamedPlace, nameOfEvent, placeInCursor, type Way } from './walk.js';

export interface TimeOrder {
  readonly descending: boolean;
  /** Of what has the same time, where it is asked for. */
  readonly idsDescending?: boolean;
}

/** Where rows begin beside an event: beyond its time, ms, on the way up, at it or beyond it on the way down, and where it is included also on the way up. */
export interface RowsBound {
  readonly at: number;
  readonly isIncluded: boolean;
}

interface RowsFrom {
  readonly cursor?: Cursor;
  readonly bound?: RowsBound;
}

export interface TwoSources {
  /** Events on the way. */
  events(way: Way): AsyncGenerator<RecordedEvent>;
  /** Rows of the store in the order of the way: behind its cursor, or from a bound on, or all. */
  rows(way: Pick<Way, 'oldestFirst' | 'ids'>, from: RowsFrom, limit: number): Promise<Page>;
  /** ms: by which rows are in order. */
  timeOf(row: Version): number;
}

interface Asked {
  readonly limit: number;
  readonly bytes?: number;
  readonly after?: Cursor;
  readonly before?: Cursor;
}

interface PlacedRow {
  readonly row: Version;
  readonly cursor: Cursor;
}

export async function mergedPage(asked: Asked, order: TimeOrder, sources: TwoSources): Promise<Page> {
  const { limit, bytes = Infinity, after, before } = asked;
  const isTurned = before !== undefined;
  const ids = order.idsDescending === undefined ? undefined : order.idsDescending === isTurned ? 'up' : 'down';
  const both = new TwoFeeds(sources, { oldestFirst: order.descending === isTurned, ids }, limit, after ?? before);
  const found: PlacedRow[] = [];
  let left = bytes;
  try {
    for (let one = await both.peek(); one && found.length < limit; one = await both.peek()) {
      // A text is made to be counted.
      if (bytes < Infinity) {
        const size = one.row.text?.length ?? 0;
        if (size > left) break;
        left -= size;
      }
      found.push(one);
      await both.take();
    }
    const further = await both.peek();
    const next = found.length < limit ? (further ? further.row.text?.length : both.needed) : undefined;
    if (before) found.reverse();
    return {
      rows: found.map(({ row }) => row),
      cursors: found.map(({ cursor }) => cursor),
      more: further !== undefined || both.needed !== undefined,
      ...(next === undefined ? {} : { next }),
    };
  } finally {
    await both.close();
  }
}

/** Both sources in one order. */
class TwoFeeds {
  readonly #sources: TwoSources;
  readonly #way: Way;
  readonly #rows: RowFeed;
  readonly #events: AsyncGenerator<RecordedEvent>;
  #event: IteratorResult<RecordedEvent> | undefined;
  #isEvent = false;

  constructor(sources: TwoSources, way: Way, limit: number, start: Cursor | undefined) {
    this.#sources = sources;
    this.#way = way;
    this.#rows = new RowFeed(sources, way, start, limit);
    this.#events = sources.events({ ...way, behind: way.ids === undefined ? eventsFrom(start) : namedIn(start) });
  }

  /** What comes next; undefined: there is nothing, or nothing that has room. */
  async peek(): Promise<PlacedRow | undefined> {
    const row = await this.#rows.peek();
    if (!row && this.needed !== undefined) return undefined;
    this.#event ??= await this.#events.next();
    const { done, value: event } = this.#event;
    this.#isEvent = done !== true && (!row || this.#comesFirst(event, row.row));
    if (this.#isEvent) return placedEvent(event as RecordedEvent);
    return row && placedRow(this.#sources, row);
  }

  async take(): Promise<void> {
    if (this.#isEvent) this.#event = await this.#events.next();
    else this.#rows.take();
  }

  /** Bytes of the next row of the store, where that has no room. */
  get needed(): number | undefined {
    return this.#rows.needed;
  }

  async close(): Promise<void> {
    await this.#events.return(undefined);
  }

  /** The event before the row. */
  #comesFirst({ updated, id }: RecordedEvent, row: Version): boolean {
    const at = this.#sources.timeOf(row);
    if (this.#way.ids !== undefined)
      return compareNamed(this.#way, { at: updated, name: nameOfEvent(id) }, { at, name: nameOf(row) }) < 0;
    return this.#way.oldestFirst ? updated < at : updated >= at;
  }
}

const nameOf = ({ type, id }: Version): string => encodeId(type, id);

const placedEvent = (event: RecordedEvent): PlacedRow => ({
  row: event.version(),
  cursor: eventCursor(event),
});
const placedRow = (sources: TwoSources, { row, cursor }: PlacedRow): PlacedRow => ({
  row,
  cursor: ['i', sources.timeOf(row), ...cursor],
});

function eventsFrom(start: Cursor | undefined): Way['behind'] {
  if (!start) return undefined;
  const place = placeInCursor(start);
  if (place) return place;
  // All events of its time are behind it on the way up, and none on the way down.
  if (start[0] === 'i') return [start[1] as number, '', -1];
  throw pageExpired();
}

/** Where it is by ids: of a row it stands in the cursor of the store, behind the time. */
function namedIn(start: Cursor | undefined): NamedPlace | undefined {
  if (!start) return undefined;
  const place = placeInCursor(start);
  if (place) return { at: place[0], name: nameOfEvent(eventId(place[1], place[2])) };
  const [head, at, , name] = start;
  if (head === 'i' && typeof at === 'number' && typeof name === 'string') return { at, name };
  throw pageExpired();
}

function rowsFrom({ ids }: Way, start: Cursor | undefined): RowsFrom {
  if (!start) return {};
  if (start[0] === 'd') return { bound: { at: start[1] as number, isIncluded: ids !== undefined } };
  return { cursor: start.slice(2) };
}

/** Rows of the store one by one, read in pages. */
class RowFeed {
  readonly #sources: TwoSources;
  readonly #way: Way;
  readonly #limit: number;
  /** Rows of the time of an event are read from the first on, where it is by ids: those before it are passed over. */
  readonly #behind: NamedPlace | undefined;
  #from: RowsFrom;
  #page: readonly PlacedRow[] = [];
  #at = 0;
  #ended = false;
  /** Bytes of the next row, where it has no room. */
  needed: number | undefined;

  constructor(sources: TwoSources, way: Way, start: Cursor | undefined, limit: number) {
    this.#sources = sources;
    this.#way = way;
    this.#from = rowsFrom(way, start);
    this.#behind = this.#from.bound?.isIncluded ? namedIn(start) : undefined;
    this.#limit = limit;
  }

  /** The row that comes next; undefined: there is none, or none that has room. */
  async peek(): Promise<PlacedRow | undefined> {
    for (;;) {
      if (this.#at >= this.#page.length && !this.#ended) await this.#read();
      const next = this.#page[this.#at];
      if (!next || !this.#isPassed(next.row)) return next;
      this.#at += 1;
    }
  }

  async #read(): Promise<void> {
    const { rows, cursors, more, next } = await this.#sources.rows(this.#way, this.#from, this.#limit);
    this.#page = rows.map((row, i) => ({ row, cursor: cursors[i]! }));
    this.#at = 0;
    this.#ended = !more || rows.length === 0;
    if (rows.length === 0) this.needed = next;
    else this.#from = { cursor: cursors.at(-1)! };
  }

  #isPassed(row: Version): boolean {
    if (!this.#behind) return false;
    return compareNamed(this.#way, { at: this.#sources.timeOf(row), name: nameOf(row) }, this.#behind) <= 0;
  }

  take(): void {
    this.#at += 1;
  }
}
