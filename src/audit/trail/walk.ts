/**
 * A walk along the trail: the events of all deeds that a condition may mean, in the order of their times, each once, whichever
 * process has kept them. Rows of deeds (store/deeds.ts) come by the time of their newest deed; deeds are held back here until no
 * further row can have one that comes before them.
 */
import { FhirError } from '../../fhir/error.js';
import { breathe } from '../../platform/pieces.js';
import type { Cursor } from '../../search/query.js';
import { deedsIn, type DeedPlace, type Deeds, type KeptDeedRow, ROW_SPAN_MS } from '../../store/deeds.js';
import { type KeptDeed, splitEventId } from './deed.js';
import type { EventMaker, RecordedEvent } from './events.js';
import type { Needed } from './keys.js';

/** Where an event stands: time, id of its deed, and which of its events it is. */
export type EventPlace = readonly [at: number, deed: string, number: number];

export interface Walk extends Needed {
  readonly oldestFirst: boolean;
  /** Behind this place, in the direction of the walk. */
  readonly behind?: EventPlace | undefined;
  /** performance.now() at which it is too long. */
  readonly until: number;
  /** Parameters that whoever asks looks for in entries. */
  readonly asked?: ReadonlySet<string>;
  /** Rows that cannot be read are passed over: whoever asks is told of them otherwise. */
  readonly passesDamage?: true;
}

export interface WalkedTrail {
  readonly deeds: Pick<Deeds, 'find'>;
  /** Throws RangeError where the bytes are no deed. */
  readonly read: (bytes: Uint8Array) => KeptDeed | Promise<KeptDeed>;
  readonly eventsOf: EventMaker;
}

/** Rows that are read in one step: few where a page may end early. */
const FIRST_ROWS = 8;
const MOST_ROWS = 128;

export const eventPlaceOf = ({ updated, id }: Pick<RecordedEvent, 'updated' | 'id'>): EventPlace => {
  const deed = splitEventId(id);
  return [updated, deed.id, deed.number];
};

/** As a cursor: told from those of rows of the store by its head. */
export const eventCursor = (event: Pick<RecordedEvent, 'updated' | 'id'>): Cursor => ['d', ...eventPlaceOf(event)];
export function placeInCursor([head, at, deed, number]: Cursor): EventPlace | undefined {
  return head === 'd' ? [at as number, deed as string, number as number] : undefined;
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Oldest first. */
export const compareEventPlaces = (a: EventPlace, b: EventPlace): number =>
  a[0] - b[0] || compareText(a[1], b[1]) || a[2] - b[2];

/** Throws FhirError `too-costly` where it takes too long. */
export async function* walkTrail(trail: WalkedTrail, walk: Walk): AsyncGenerator<RecordedEvent> {
  const { oldestFirst, behind, until, keys, asked } = walk;
  const sign = oldestFirst ? 1 : -1;
  const from = Math.max(walk.from, oldestFirst && behind ? behind[0] : -Infinity);
  const to = Math.min(walk.to, !oldestFirst && behind ? behind[0] : Infinity);
  if (from > to) return;
  const isWithin = ({ at }: KeptDeed): boolean => at >= from && at <= to;
  const order = (a: KeptDeed, b: KeptDeed): number => sign * (a.at - b.at || compareText(a.id, b.id));
  const passed = (event: RecordedEvent): boolean =>
    behind !== undefined && sign * compareEventPlaces(eventPlaceOf(event), behind) <= 0;

  const held: KeptDeed[] = [];
  for await (const { records, edge } of rowsOf(trail, walk, from, to)) {
    // Not spread: there may be more than a call has room for.
    for (const kept of records) if (isWithin(kept)) held.push(kept);
    held.sort(order);
    const settled = held.findIndex(({ at }) => (oldestFirst ? at >= edge : at <= edge));
    const ready = held.splice(0, settled === -1 ? held.length : settled);
    for (const kept of ready) {
      await breathe();
      if (performance.now() > until) throw tooLong();
      const events = trail.eventsOf(kept, keys, asked);
      for (const event of oldestFirst ? events : events.toReversed()) if (!passed(event)) yield event;
    }
  }
}

/** What a step has read; all that comes later is at the edge or beyond it. */
interface WalkedRows {
  readonly records: readonly KeptDeed[];
  readonly edge: number;
}

async function* rowsOf(
  { deeds, read }: WalkedTrail,
  { keys, oldestFirst, passesDamage }: Walk,
  from: number,
  to: number,
): AsyncGenerator<WalkedRows> {
  let after: DeedPlace | undefined;
  for (let limit = FIRST_ROWS; ; limit = Math.min(2 * limit, MOST_ROWS)) {
    const rows = await deeds.find({
      ...(keys.length > 0 ? { keys } : {}),
      ...(from === -Infinity ? {} : { from }),
      ...(to === Infinity ? {} : { to: to + ROW_SPAN_MS }),
      ...(oldestFirst ? { oldestFirst } : {}),
      ...{ after, limit },
    });
    const records: KeptDeed[] = [];
    for (const row of rows) {
      await breathe();
      try {
        await addDeeds(records, row, read);
      } catch (error) {
        if (!passesDamage || !isDamage(error)) throw error;
      }
    }
    const last = rows.at(-1);
    const isEnd = rows.length < limit || last === undefined;
    if (isEnd) return yield { records, edge: oldestFirst ? Infinity : -Infinity };
    after = [last.last, last.sequence];
    yield { records, edge: oldestFirst ? last.last - ROW_SPAN_MS : last.last };
  }
}

/** ms since 1970 for people, also where they were altered to what no clock has. */
export const timeTold = (ms: number): string => {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? 'an unknown time' : time.toISOString();
};

/** Throws `fault` for a row that cannot be read: what was in it is not left out in silence. */
async function addDeeds(records: KeptDeed[], { bytes, last }: KeptDeedRow, read: WalkedTrail['read']): Promise<void> {
  try {
    for (const deed of deedsIn(bytes)) {
      const kept = read(deed);
      records.push(kept instanceof Promise ? await kept : kept);
    }
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new FhirError(
      'fault',
      `What the audit trail keeps of ${timeTold(last)} is damaged: run chartroom verify. Other times can be searched by _lastUpdated.`,
      { detail: DAMAGED, cause },
    );
  }
}

const DAMAGED = 'trail-damaged';
const isDamage = (error: unknown): boolean =>
  error instanceof FhirError && error.issues.some(({ detail }) => detail === DAMAGED);

const tooLong = (): FhirError =>
  new FhirError(
    'too-costly',
    'The search takes too long: too many events would have to be looked at. Add a patient, a user, an outcome or a date range.',
  );
