/**
 * A page of two kinds in the order of a time: resources of the store, and events of the trail. At the same time resources come first.
 * The place of a row of the store is `i`, its time and the store's cursor; that of an event is `d` and where it stands in the trail. Whichever
 * kind a place is of, the other kind goes on from its time.
 *
 * Both are read in the direction of travel, which the store's cursors allow: an order turned round has the same places.
 */
import type { Cursor } from '../../search/query.js';
import { pageExpired } from '../../store/plan.js';
import type { Page, Version } from '../../store/store.js';
import type { RecordedEvent } from './events.js';
import { eventCursor, type EventPlace, placeInCursor } from './walk.js';

/** From older to newer, or the other way. */
export type Travel = 'up' | 'down';

export interface TwoSources {
  /** Events behind a place; none: all. */
  events(travel: Travel, behind: EventPlace | undefined): AsyncGenerator<RecordedEvent>;
  /** Rows of the store in the order of travel: behind its cursor, or beyond a time (`up`: above it; `down`: at it or below), or all. */
  rows(travel: Travel, from: { readonly cursor?: Cursor; readonly bound?: number }, limit: number): Promise<Page>;
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

export async function mergedPage(asked: Asked, descending: boolean, sources: TwoSources): Promise<Page> {
  const { limit, bytes = Infinity, after, before } = asked;
  const travel: Travel = descending === (before === undefined) ? 'down' : 'up';
  const start = after ?? before;
  const both = new TwoFeeds(sources, travel, limit, start);
  const found: PlacedRow[] = [];
  let left = bytes;
  try {
    for (let one = await both.peek(); one && found.length < limit; one = await both.peek()) {
      const size = one.row.text?.length ?? 0;
      if (size > left) break;
      left -= size;
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
  readonly #travel: Travel;
  readonly #rows: RowFeed;
  readonly #events: AsyncGenerator<RecordedEvent>;
  #event: IteratorResult<RecordedEvent> | undefined;
  #isEvent = false;

  constructor(sources: TwoSources, travel: Travel, limit: number, start: Cursor | undefined) {
    this.#sources = sources;
    this.#travel = travel;
    this.#rows = new RowFeed(sources, travel, rowsFrom(start), limit);
    this.#events = sources.events(travel, eventsFrom(start));
  }

  /** What comes next; undefined: there is nothing, or nothing that has room. */
  async peek(): Promise<PlacedRow | undefined> {
    const row = await this.#rows.peek();
    if (!row && this.needed !== undefined) return undefined;
    this.#event ??= await this.#events.next();
    const { done, value: event } = this.#event;
    this.#isEvent = done !== true && (!row || comesFirst(this.#travel, event.updated, this.#sources.timeOf(row.row)));
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
}

/** Whether the event comes before the row. */
const comesFirst = (travel: Travel, event: number, row: number): boolean =>
  travel === 'up' ? event < row : event >= row;

const placedEvent = (event: RecordedEvent): PlacedRow => ({
  row: event.version(),
  cursor: eventCursor(event),
});
const placedRow = (sources: TwoSources, { row, cursor }: PlacedRow): PlacedRow => ({
  row,
  cursor: ['i', sources.timeOf(row), ...cursor],
});

function eventsFrom(start: Cursor | undefined): EventPlace | undefined {
  if (!start) return undefined;
  const place = placeInCursor(start);
  if (place) return place;
  // All events of its time are behind it on the way up, and none on the way down.
  if (start[0] === 'i') return [start[1] as number, '', -1];
  throw pageExpired();
}

const rowsFrom = (start: Cursor | undefined): { readonly cursor?: Cursor; readonly bound?: number } =>
  start ? (start[0] === 'd' ? { bound: start[1] as number } : { cursor: start.slice(2) }) : {};

/** Rows of the store one by one, read in pages. */
class RowFeed {
  readonly #sources: TwoSources;
  readonly #travel: Travel;
  readonly #limit: number;
  #from: { readonly cursor?: Cursor; readonly bound?: number };
  #page: readonly PlacedRow[] = [];
  #at = 0;
  #ended = false;
  /** Bytes of the next row, where it has no room. */
  needed: number | undefined;

  constructor(
    sources: TwoSources,
    travel: Travel,
    from: { readonly cursor?: Cursor; readonly bound?: number },
    limit: number,
  ) {
    this.#sources = sources;
    this.#travel = travel;
    this.#from = from;
    this.#limit = limit;
  }

  /** The row that comes next; undefined: there is none, or none that has room. */
  async peek(): Promise<PlacedRow | undefined> {
    if (this.#at >= this.#page.length && !this.#ended) {
      const { rows, cursors, more, next } = await this.#sources.rows(this.#travel, this.#from, this.#limit);
      this.#page = rows.map((row, i) => ({ row, cursor: cursors[i]! }));
      this.#at = 0;
      this.#ended = !more || rows.length === 0;
      if (rows.length === 0) this.needed = next;
      else this.#from = { cursor: cursors.at(-1)! };
    }
    return this.#page[this.#at];
  }

  take(): void {
    this.#at += 1;
  }
}
