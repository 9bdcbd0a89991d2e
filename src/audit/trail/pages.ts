/** Pages of events that were recorded and of those that are resources, in one order: see index.ts. */
import { OPEN, parseDateTime } from '../../fhir/datetime.js';
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import type { Indexing } from '../../search/index-resource.js';
import { all, type Cursor, type Query, type SortKey, type Where } from '../../search/query.js';
import type { HistoryOf, HistoryQuery, Page, Store, Version } from '../../store/store.js';
import { EVENT } from './events.js';
import { type RowsBound, mergedPage } from './merge.js';
import { sortedPage } from './sorted.js';
import type { TrailEvents } from './source.js';
import { eventCursor } from './walk.js';

export interface BothKinds {
  /** Of resources. */
  readonly store: Pick<Store, 'find' | 'history'>;
  readonly events: TrailEvents;
  readonly indexing: Indexing;
}

/** `_lastUpdated` of what was recorded is the time at which it was. */
const TIMES: ReadonlySet<string> = new Set(['date', '_lastUpdated']);

/** Events among other types too. Throws `too-costly` where another order than that of a time is asked for of too many. */
export function eventPage(both: BothKinds, query: Query): Promise<Page> {
  const isAlone = query.types.length === 1;
  const usual: SortKey = { code: isAlone ? 'date' : '_lastUpdated', descending: true };
  const [key = usual, second] = query.sort;
  const isTimed = TIMES.has(key.code) && (isAlone || key.code === '_lastUpdated');
  if (isTimed && (!second || second.code === '_id')) return timedPage(both, query, key, second);
  const sorted = query.sort.map(({ code }) => code);
  return sortedPage(query, query.sort, { ...both, events: both.events.matches(query.where, undefined, sorted) });
}

/** `second`: of ids; nothing further makes a difference behind it. */
function timedPage(
  { store, events }: BothKinds,
  asked: Query,
  { code, descending }: SortKey,
  second: SortKey | undefined,
): Promise<Page> {
  const { after, before, ...query } = asked;
  const order = { descending, ...(second ? { idsDescending: second.descending } : {}) };
  return mergedPage({ ...query, ...place(after, before) }, order, {
    events: way => events.matches(query.where, way),
    rows: ({ oldestFirst, ids }, { cursor, bound }, limit) => {
      const range = bound && bounded(code, oldestFirst, bound);
      const sort: SortKey[] = [{ code, descending: !oldestFirst }];
      if (ids !== undefined) sort.push({ code: '_id', descending: ids === 'down' });
      return store.find({
        ...query,
        where: range ? all(query.where, range) : query.where,
        sort,
        limit,
        ...place(cursor),
      });
    },
    timeOf: row => (code === 'date' ? recordedOf(row) : row.updated),
  });
}

/** Of the system, of some types with events among them, or of events alone. */
export function eventHistory({ store, events }: BothKinds, asked: HistoryQuery): Promise<Page> {
  const { after, before, oldestFirst, ...query } = asked;
  // An event is current for ever.
  const needed = { keys: [], from: query.since ?? -Infinity, to: query.at?.high ?? Infinity };
  return mergedPage(
    { ...query, ...place(after, before) },
    { descending: oldestFirst !== true },
    {
      events: way => events.walk(needed, way),
      rows: (way, { cursor, bound }, limit) =>
        store.history({
          ...{ ...query, ...boundedHistory(query, way.oldestFirst, bound) },
          ...(way.oldestFirst ? { oldestFirst: true } : {}),
          ...{ limit, ...place(cursor) },
        }),
      timeOf: row => row.updated,
    },
  );
}

/** Where a follower of the trail goes on. */
export interface TrailPlace {
  /** ms; nothing before it. */
  readonly since: number;
  readonly after?: Cursor | undefined;
}

/**
 * What was recorded or received, oldest first, before a time that is a horizon of the store: nothing comes there any more. Rows of deeds
 * that cannot be read are passed over (faults.ts tells of them).
 */
export function trailBehind(
  { store, events }: BothKinds,
  { since, after }: TrailPlace,
  before: number,
  size: { readonly limit: number; readonly bytes: number },
): Promise<Page> {
  const needed = { keys: [], from: since, to: before - 1 };
  return mergedPage(
    { ...size, ...place(after) },
    { descending: false },
    {
      events: ({ behind }) => events.onward(needed, behind),
      rows: async (_way, { cursor, bound }, limit) =>
        store.history({
          ...{
            type: EVENT,
            since: Math.max(since, (bound?.at ?? -Infinity) + 1),
            oldestFirst: true,
            limit,
            bytes: size.bytes,
          },
          ...{ at: { low: -OPEN, high: before - 1 }, ...place(cursor) },
        }),
      timeOf: row => row.updated,
    },
  );
}

/** Of one event. */
export async function historyOfEvent(
  { store, events }: BothKinds,
  query: HistoryQuery & { id: string },
): Promise<Page> {
  const page = await store.history(query);
  if (page.rows.length > 0 || query.after || query.before) return page;
  const event = await events.find(query.id);
  if (!event || event.updated < (query.since ?? -Infinity) || event.updated > (query.at?.high ?? Infinity)) return page;
  return { rows: [event.version()], cursors: [eventCursor(event)], more: false };
}

export const isOfEvents = ({ type, types }: HistoryOf): boolean =>
  type === undefined ? (types?.includes(EVENT) ?? true) : type === EVENT;

const place = (after: Cursor | undefined, before?: Cursor) => ({
  ...(after ? { after } : {}),
  ...(before ? { before } : {}),
});

/** That a time is on the way from a bound on. */
function bounded(code: string, oldestFirst: boolean, { at, isIncluded }: RowsBound): Where {
  const bounds = oldestFirst ? { lowMin: isIncluded ? at : at + 1 } : { lowMax: at };
  return { kind: 'param', code, test: { kind: 'date', any: [bounds] } };
}

function boundedHistory({ since, at }: HistoryOf, oldestFirst: boolean, bound: RowsBound | undefined) {
  if (bound === undefined) return {};
  if (oldestFirst) return { since: Math.max(since ?? -Infinity, bound.at + 1) };
  return { at: { low: at?.low ?? -OPEN, high: Math.min(at?.high ?? Infinity, bound.at) } };
}

/** ms at which an event that is a resource says that it was recorded. */
function recordedOf({ text, id }: Version): number {
  if (!text) throw new FhirError('fault', `AuditEvent/${id} was read without its text.`);
  const { recorded } = parseJson(text, STORED_JSON).resource as { readonly recorded?: unknown };
  return (typeof recorded === 'string' ? parseDateTime(recorded)?.low : undefined) ?? -Infinity;
}
