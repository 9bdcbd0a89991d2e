/**
 * Runs compiled plans. Every query has a time limit, one hint, and reads its page in one batch.
 */
import type { ClientSession } from 'mongodb';
import type { Cursor } from '../../search/query.js';
import { NO_DATE, type Order, type Plan } from '../plan.js';
import type { Counted, Page } from '../store.js';
import { compile, type Compiled, compileMatch, type Leg, type SortField } from './compile.js';
import type { Connected } from './connection.js';
import { ROW, type Row, toVersion } from './reads.js';
import type { ResourceDocument } from './schema.js';

/** Chunks of one leg asked at once. */
const AT_ONCE = 4;

type Found = Row & Pick<ResourceDocument, 'd' | 's'>;

const projectionOf = (order: readonly Order[]) => ({
  ...ROW,
  ...(order.some(({ by }) => by === 'date') ? { d: 1 } : {}),
  ...(order.some(({ by }) => by === 'sort-string') ? { s: 1 } : {}),
});

function cursorOf(order: readonly Order[], row: Found): Cursor {
  return order.map(one => {
    switch (one.by) {
      case 'date':
        return row.d === undefined || row.d === NO_DATE ? null : row.d;
      case 'n':
        return row.n;
      case 'updated':
        return row.u;
      case 'id':
        return row._id;
      case 'sort-string':
        return row.s?.[one.prefix] ?? null;
      case 'key':
        return null;
    }
  });
}

const sortValue = (row: Found, field: string): string | number =>
  (field.startsWith('s.') ? row.s?.[field.slice(2)] : (row as unknown as Record<string, string | number>)[field]) ?? '';

/** Only numbers reach this: legs sorted by texts have one filter. */
const compare =
  (sort: readonly SortField[]) =>
  (a: Found, b: Found): number => {
    for (const [field, direction] of sort) {
      const x = sortValue(a, field);
      const y = sortValue(b, field);
      if (x !== y) return (x < y ? -1 : 1) * direction;
    }
    return 0;
  };

async function runLeg(
  { resource }: Connected,
  leg: Leg,
  hint: string,
  order: readonly Order[],
  limit: number,
  maxTimeMS: number,
): Promise<Found[]> {
  const ask = (filter: Leg['filters'][number]) =>
    resource
      .find<Found>(filter as object, {
        projection: projectionOf(order),
        sort: leg.sort.map(([field, direction]): [string, 1 | -1] => [field, direction]),
        hint,
        limit,
        batchSize: limit + 1,
        maxTimeMS,
        allowDiskUse: true,
      })
      .toArray();
  if (leg.filters.length === 1) return ask(leg.filters[0]!);
  // A resource that has points of two chunks comes with both.
  let best = new Map<string, Found>();
  for (let i = 0; i < leg.filters.length; i += AT_ONCE) {
    for (const rows of await Promise.all(leg.filters.slice(i, i + AT_ONCE).map(ask)))
      for (const row of rows) best.set(row._id, row);
    best = new Map(
      [...best.values()]
        .toSorted(compare(leg.sort))
        .slice(0, limit)
        .map(row => [row._id, row]),
    );
  }
  return [...best.values()];
}

async function runLegs(
  all: Connected,
  { legs, hint }: Extract<Compiled, { by: 'legs' }>,
  plan: Plan,
  maxTimeMS: number,
): Promise<{ row: Row; cursor: Cursor }[]> {
  const rows: Found[] = [];
  for (const leg of legs) {
    if (rows.length > plan.limit) break;
    rows.push(...(await runLeg(all, leg, hint, plan.order, plan.limit + 1 - rows.length, maxTimeMS)));
  }
  return rows.map(row => ({ row, cursor: cursorOf(plan.order, row) }));
}

async function runPipeline(
  { resource }: Connected,
  { stages, hint }: Extract<Compiled, { by: 'pipeline' }>,
  maxTimeMS: number,
): Promise<{ row: Row; cursor: Cursor }[]> {
  const sorted = await resource
    .aggregate<{ _id: string; o: Cursor }>(
      stages.map(stage => ({ ...stage })),
      { hint, maxTimeMS, allowDiskUse: true },
    )
    .toArray();
  const ids = sorted.map(({ _id }) => _id);
  const rows = await resource
    .find<Row>({ _id: { $in: ids }, z: null } as object, { projection: ROW, maxTimeMS, batchSize: ids.length + 1 })
    .toArray();
  const byId = new Map(rows.map(row => [row._id, row]));
  // What was deleted between the two is left out.
  return sorted.flatMap(({ _id, o }) => {
    const row = byId.get(_id);
    return row ? [{ row, cursor: o }] : [];
  });
}

/** One page. Rows in the order of the plan, whichever way it travels. */
export async function findPage(all: Connected, plan: Plan, maxTimeMS: number): Promise<Page> {
  const compiled = compile(plan);
  if (!compiled) return { rows: [], cursors: [], more: false };
  const found =
    compiled.by === 'legs'
      ? await runLegs(all, compiled, plan, maxTimeMS)
      : await runPipeline(all, compiled, maxTimeMS);
  const more = found.length > plan.limit;
  const page = found.slice(0, plan.limit);
  if (plan.before !== undefined) page.reverse();
  return { rows: page.map(({ row }) => toVersion(row)), cursors: page.map(({ cursor }) => cursor), more };
}

/** By the count command: points with date bounds are counted without touching a document. */
export async function countMatches(
  { db }: Connected,
  plan: Pick<Plan, 'driver' | 'filter'>,
  limit: number | undefined,
  maxTimeMS: number,
): Promise<Counted> {
  const compiled = compileMatch(plan);
  if (!compiled) return { count: 0, exact: true };
  const { n } = await db.command({
    count: 'resource',
    query: compiled.filter,
    hint: compiled.hint,
    maxTimeMS,
    ...(limit === undefined ? {} : { limit: limit + 1 }),
  });
  const count = Number(n);
  return limit !== undefined && count > limit ? { count: limit, exact: false } : { count, exact: true };
}

/** Whether anything matches, inside a transaction. */
export async function existsMatch(
  { resource }: Connected,
  plan: Pick<Plan, 'driver' | 'filter'>,
  session: ClientSession,
  maxTimeMS: number,
): Promise<boolean> {
  const compiled = compileMatch(plan);
  if (!compiled) return false;
  const row = await resource.findOne(compiled.filter as object, {
    session,
    projection: { _id: 1 },
    hint: compiled.hint,
    maxTimeMS,
  });
  return row !== null;
}
