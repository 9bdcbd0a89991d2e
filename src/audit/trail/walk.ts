/**
 * A walk along the trail: the events of all deeds that a condition may mean, in the order of their times, each once, whichever
 * process has kept them. Rows of deeds (store/deeds.ts) come by the time of their newest deed; deeds are held back here until no
 * further row can have one that comes before them.
 */
import { FhirError } from '../../fhir/error.js';
import { breathe, paced } from '../../platform/pieces.js';
import type { Cursor } from '../../search/query.js';
import { encodeId } from '../../store/codec.js';
import { deedsIn, type DeedPlace, type Deeds, type KeptDeedRow, ROW_SPAN_MS } from '../../store/deeds.js';
import { type IsMeant, type KeptDeed, splitEventId } from './deed.js';
import { EVENT, type EventMaker, type RecordedEvent } from './events.js';
import { type Needed, shapeFits } from './keys.js';

/** Where an event stands: time, id of its deed, and which of its events it is. */
export type EventPlace = readonly [at: number, deed: string, number: number];

/** Among events and resources of one time: the time, and the key of type and id (store/codec.ts). */
export interface NamedPlace {
  readonly at: number;
  readonly name: string;
}

/** The way of a walk. */
export interface Way {
  readonly oldestFirst: boolean;
  /** By their ids, where the time is the same, in this direction; else as they are kept. */
  readonly ids?: 'up' | 'down' | undefined;
  /** Behind this place, on this way: a named one where it is by ids. */
  readonly behind?: EventPlace | NamedPlace | undefined;
}

export interface Walk extends Needed, Way {
  /** performance.now() at which it is too long. */
  readonly until: number;
  /** Parameters that whoever asks looks for in entries. */
  readonly asked?: ReadonlySet<string>;
  /** Rows that cannot be read are passed over: whoever asks is told of them otherwise. */
  readonly passesDamage?: true;
}

export interface WalkedTrail {
  readonly deeds: Pick<Deeds, 'find'>;
  /** Undefined: its shape is not meant. Throws RangeError where the bytes are no deed. */
  readonly read: (bytes: Uint8Array, isMeant?: IsMeant) => KeptDeed | undefined | Promise<KeptDeed | undefined>;
  readonly eventsOf: EventMaker;
}

/** Rows that are read in one step: few where a page may end early. */
const FIRST_ROWS = 8;
const MOST_ROWS = 128;
/** Deeds whose events are made before a look at how long it took. */
const DEEDS_A_LOOK = 16;

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

export const nameOfEvent = (id: string): string => encodeId(EVENT, id);

/** Less than 0 where `a` comes before `b` on a way by ids. */
export const compareNamed = (
  { oldestFirst, ids }: Pick<Way, 'oldestFirst' | 'ids'>,
  a: NamedPlace,
  b: NamedPlace,
): number => (oldestFirst ? 1 : -1) * (a.at - b.at) || (ids === 'down' ? -1 : 1) * compareText(a.name, b.name);

type AtPlace = Pick<RecordedEvent, 'updated' | 'id'>;

/** Less than 0 where `a` comes before `b` on this way. */
export function compareOnWay(way: Pick<Way, 'oldestFirst' | 'ids'>, a: AtPlace, b: AtPlace): number {
  if (way.ids !== undefined) return compareNamed(way, namedPlaceOf(a), namedPlaceOf(b));
  return (way.oldestFirst ? 1 : -1) * compareEventPlaces(eventPlaceOf(a), eventPlaceOf(b));
}

/** Whether an event does not stand behind the place where the way begins. */
export function isPassed({ behind, ...way }: Way, event: AtPlace): boolean {
  if (behind === undefined) return false;
  if ('name' in behind) return compareNamed(way, namedPlaceOf(event), behind) <= 0;
  return (way.oldestFirst ? 1 : -1) * compareEventPlaces(eventPlaceOf(event), behind) <= 0;
}

const namedPlaceOf = ({ updated, id }: AtPlace): NamedPlace => ({ at: updated, name: nameOfEvent(id) });

/** Throws FhirError `too-costly` where it takes too long. */
export async function* walkTrail(trail: WalkedTrail, walk: Walk): AsyncGenerator<RecordedEvent> {
  const { oldestFirst, ids, behind, until, keys, asked } = walk;
  const sign = oldestFirst ? 1 : -1;
  const begin = behind && ('name' in behind ? behind.at : behind[0]);
  const from = Math.max(walk.from, oldestFirst && begin !== undefined ? begin : -Infinity);
  const to = Math.min(walk.to, !oldestFirst && begin !== undefined ? begin : Infinity);
  if (from > to) return;
  const isWithin = ({ at }: KeptDeed): boolean => at >= from && at <= to;
  const order = (a: KeptDeed, b: KeptDeed): number => sign * (a.at - b.at || compareText(a.id, b.id));

  const isTurn = paced(DEEDS_A_LOOK);
  const eventsOf: EventsOf = kept => {
    if (performance.now() > until) throw tooLong();
    const events = trail.eventsOf(kept, keys, asked);
    return oldestFirst ? events : events.toReversed();
  };

  const held: KeptDeed[] = [];
  for await (const { records, edge } of rowsOf(trail, walk, from, to)) {
    // Not spread: there may be more than a call has room for.
    for (const kept of records) if (isWithin(kept)) held.push(kept);
    held.sort(order);
    const settled = held.findIndex(({ at }) => (oldestFirst ? at >= edge : at <= edge));
    const ready = held.splice(0, settled === -1 ? held.length : settled);
    for (const events of ids === undefined ? eachAlone(ready, eventsOf) : eachTime(ready, eventsOf, walk)) {
      if (isTurn()) await breathe();
      for (const event of events) if (!isPassed(walk, event)) yield event;
    }
  }
}

type EventsOf = (kept: KeptDeed) => readonly RecordedEvent[];

function* eachAlone(deeds: readonly KeptDeed[], eventsOf: EventsOf): Generator<readonly RecordedEvent[]> {
  for (const kept of deeds) yield eventsOf(kept);
}

/** All events of each time, by their ids. Deeds of one time are settled together. */
function* eachTime(deeds: readonly KeptDeed[], eventsOf: EventsOf, way: Way): Generator<readonly RecordedEvent[]> {
  let together: RecordedEvent[] = [];
  for (const [i, kept] of deeds.entries()) {
    for (const event of eventsOf(kept)) together.push(event);
    if (deeds[i + 1]?.at === kept.at) continue;
    yield together.toSorted((a, b) => compareOnWay(way, a, b));
    together = [];
  }
}

/** What a step has read; all that comes later is at the edge or beyond it. */
interface WalkedRows {
  readonly records: readonly KeptDeed[];
  readonly edge: number;
}

async function* rowsOf(
  { deeds, read }: WalkedTrail,
  { keys, fixed, oldestFirst, passesDamage }: Walk,
  from: number,
  to: number,
): AsyncGenerator<WalkedRows> {
  const isMeant = shapeFits(fixed);
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
        await addDeeds(records, row, row.altered ? read : bytes => read(bytes, isMeant));
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
      const reading = read(deed);
      const kept = reading instanceof Promise ? await reading : reading;
      if (kept) records.push(kept);
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
