/** The reading half of a store with the trail in it: see index.ts. */
import type { Query, Where } from '../../search/query.js';
import { listingOf } from '../../store/listing.js';
import type { Counted, FoundIds, HistoryOf, Store, StoreReads } from '../../store/store.js';
import type { KeptShape } from './deed.js';
import { EVENT, type RecordedEvent } from './events.js';
import { type BothKinds, eventPage, historyOfEvent, eventHistory, isOfEvents } from './pages.js';
import { ALL_DEEDS } from './keys.js';
import { eventCursor, placeInCursor } from './walk.js';

export interface TrailSurroundings extends BothKinds {
  readonly store: Store;
  /** All shapes that there are. */
  readonly shapes: () => Promise<readonly KeptShape[]>;
}

export function openTrailReads(around: TrailSurroundings): Omit<StoreReads, 'searchText' | 'horizon' | 'explain'> {
  const { store, events, shapes } = around;
  const find: Store['find'] = query => (query.types.includes(EVENT) ? eventPage(around, query) : store.find(query));
  return {
    find,
    list: async query => (query.types.includes(EVENT) ? listingOf(await find(query)) : store.list(query)),
    async read(type, id, version, most) {
      const row = await store.read(type, id, version, most);
      if (row || type !== EVENT || (version ?? 1) !== 1) return row;
      return (await events.find(id))?.version();
    },
    async history(query) {
      if (!isOfEvents(query)) return store.history(query);
      const { id } = query;
      return id === undefined ? eventHistory(around, query) : historyOfEvent(around, { ...query, id });
    },
    countHistory: async of => (await store.countHistory(of)) + (isOfEvents(of) ? await countRecorded(around, of) : 0),
    async count(query, limit) {
      const counted = await store.count(query, limit);
      return query.types.includes(EVENT) && counted.exact
        ? countAlso(around, query.where, counted.count, limit)
        : counted;
    },
    async findIds(query, limit, by) {
      const kept = await store.findIds(query, limit, by);
      return query.types.includes(EVENT) && kept.complete ? findAlso(around, query, limit, by, kept.found) : kept;
    },
    async targetsOf(type, code) {
      const targets = await store.targetsOf(type, code);
      if (type !== EVENT || (code !== 'entity' && code !== 'patient')) return targets;
      const told = (await shapes()).flatMap(shape =>
        typeof shape === 'object' && shape.data && code === 'entity' ? [shape.data.type] : [],
      );
      return [...new Set([...targets, 'Patient', ...told])];
    },
    async *scan({ type, after } = {}) {
      const behind = after && placeInCursor(after);
      if (!behind) yield* store.scan({ ...(type === undefined ? {} : { type }), ...(after ? { after } : {}) });
      if (type !== undefined && type !== EVENT) return;
      for await (const event of events.all(behind)) yield { row: event.version(), cursor: eventCursor(event) };
    },
    async sizes() {
      const [sizes, recorded] = await Promise.all([store.sizes(), store.deeds.events()]);
      return recorded === 0 ? sizes : new Map([...sizes, [EVENT, (sizes.get(EVENT) ?? 0) + recorded]]);
    },
  };
}

async function countRecorded({ store, events }: TrailSurroundings, { id, since, at }: HistoryOf): Promise<number> {
  if (id !== undefined) return (await store.read(EVENT, id)) || !(await events.find(id)) ? 0 : 1;
  if (since === undefined && at === undefined) return store.deeds.events();
  let count = 0;
  const needed = { ...ALL_DEEDS, from: since ?? -Infinity, to: at?.high ?? Infinity };
  for await (const _ of events.walk(needed, { oldestFirst: false })) count += 1;
  return count;
}

/** `before`: how many there are already. */
async function countAlso(
  { store, events }: TrailSurroundings,
  where: Where,
  before: number,
  limit = Infinity,
): Promise<Counted> {
  let count = before;
  if (isEverything(where)) count += await store.deeds.events(limit === Infinity ? undefined : limit + 1);
  else
    for await (const _ of events.matches(where)) {
      count += 1;
      if (count > limit) break;
    }
  return count > limit ? { count: limit, exact: false } : { count, exact: true };
}

async function findAlso(
  { events }: TrailSurroundings,
  { where }: Pick<Query, 'where'>,
  limit: number,
  by: string | undefined,
  before: FoundIds['found'],
): Promise<FoundIds> {
  const found = new Map(before.map(name => [`${name.type}/${name.id}`, name]));
  for await (const event of events.matches(where, undefined, by === undefined ? [] : [by])) {
    for (const name of by === undefined ? [{ type: EVENT, id: event.id }] : referredTo(event, by))
      found.set(`${name.type}/${name.id}`, name);
    if (found.size > limit) return { found: [...found.values()].slice(0, limit), complete: false };
  }
  return { found: [...found.values()], complete: true };
}

const referredTo = ({ entries }: RecordedEvent, by: string): FoundIds['found'] =>
  entries.flatMap(entry =>
    entry.parameter === by && entry.kind === 'reference' ? [{ type: entry.type, id: entry.id }] : [],
  );

const isEverything = (where: Where): boolean => where.kind === 'all' && where.of.every(isEverything);
