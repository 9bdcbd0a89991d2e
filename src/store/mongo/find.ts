/**
 * Runs compiled plans. Every query has a time limit, one hint, and reads its page in one batch. `until`, by
 * `performance.now()`, is when the time of one call to the store is over, however many queries it takes.
 */
import type { ClientSession, Document, Filter } from 'mongodb';
import type { Cursor } from '../../search/query.js';
import { type IndexedArray, NO_DATE } from '../key.js';
import type { Order, Plan } from '../plan.js';
import { foundIds, matchesFor, type Pointing } from '../pointing.js';
import { chooseAccessPath, type ChoosingOptions } from '../choose-path.js';
import type { FoundIds, Counted, Page } from '../store.js';
import { compile, type Compiled, compileMatch, compileProbe, type IndexScan, type SortField } from './compile.js';
import type { Connected } from './connection.js';
import { AS_BYTES, fitRows, type Fitted, gatherRows, LISTED, toPage, type Row } from './rows.js';
import { FIELD, INDEX, type ResourceDocument } from './schema.js';

/** What is left of the time, in whole ms; a query without any would have no limit. */
const timeLeft = (until: number): number => Math.max(1, Math.ceil(until - performance.now()));

/** Chunks of one scan asked at once. */
const CHUNKS_AT_ONCE = 4;

type FoundRow = Row & Pick<ResourceDocument, 'd' | 's'>;

const DATED = { ...LISTED, d: 1 } as const;
const TEXTED = { ...LISTED, s: 1 } as const;
const DATED_AND_TEXTED = { ...LISTED, d: 1, s: 1 } as const;

function projectionOf(order: readonly Order[]) {
  const dated = order.some(({ by }) => by === 'date');
  const texted = order.some(({ by }) => by === 'sort-string');
  if (dated) return texted ? DATED_AND_TEXTED : DATED;
  return texted ? TEXTED : LISTED;
}

function cursorOfDocument(order: readonly Order[], row: FoundRow): Cursor {
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

const sortValue = (row: FoundRow, field: string): string | number =>
  (field.startsWith('s.') ? row.s?.[field.slice(2)] : (row as unknown as Record<string, string | number>)[field]) ?? '';

/** Only numbers reach this: scans sorted by texts have one filter. */
const compareBy =
  (sort: readonly SortField[]) =>
  (a: FoundRow, b: FoundRow): number => {
    for (const [field, direction] of sort) {
      const x = sortValue(a, field);
      const y = sortValue(b, field);
      if (x !== y) return (x < y ? -1 : 1) * direction;
    }
    return 0;
  };

async function runScan(
  { resource }: Connected,
  scan: IndexScan,
  hint: string,
  order: readonly Order[],
  { limit, bytes }: Pick<Plan, 'limit' | 'bytes'>,
  until: number,
): Promise<readonly Fitted<FoundRow>[]> {
  const ask = (filter: IndexScan['filters'][number]) =>
    gatherRows(
      resource.find<FoundRow>(filter as Filter<ResourceDocument>, {
        projection: projectionOf(order),
        sort: scan.sort.map(([field, direction]): [string, 1 | -1] => [field, direction]),
        hint,
        limit,
        batchSize: limit + 1,
        maxTimeMS: timeLeft(until),
        allowDiskUse: true,
        ...AS_BYTES,
      }),
      bytes,
    );
  if (scan.filters.length === 1) return ask(scan.filters[0]!);
  // A resource that has points of two chunks comes with both.
  let best = new Map<string, Fitted<FoundRow>>();
  for (let i = 0; i < scan.filters.length; i += CHUNKS_AT_ONCE) {
    for (const rows of await Promise.all(scan.filters.slice(i, i + CHUNKS_AT_ONCE).map(ask)))
      for (const row of rows) best.set(row._id, row);
    const first = [...best.values()].toSorted(compareBy(scan.sort)).slice(0, limit);
    best = new Map(fitRows(first, bytes).map(row => [row._id, row]));
  }
  return [...best.values()];
}

async function runScans(
  all: Connected,
  { scans, hint }: Extract<Compiled, { by: 'scans' }>,
  plan: Plan,
  until: number,
): Promise<Page> {
  const rows: Fitted<FoundRow>[] = [];
  let bytes = plan.bytes;
  for (const scan of scans) {
    if (rows.length > plan.limit || rows.at(-1)?.withheld !== undefined) break;
    const limit = plan.limit + 1 - rows.length;
    const found = await runScan(
      all,
      scan,
      hint,
      plan.order,
      { limit, ...(bytes === undefined ? {} : { bytes }) },
      until,
    );
    rows.push(...found);
    bytes &&= bytes - found.reduce((sum, { x }) => sum + (x?.length ?? 0), 0);
  }
  return toPage(rows, plan, row => cursorOfDocument(plan.order, row));
}

async function runPipeline(
  { resource }: Connected,
  { match, stages, hint }: Extract<Compiled, { by: 'pipeline' }>,
  plan: Plan,
  until: number,
): Promise<Page> {
  const { limit, bytes } = plan;
  const sorted = await resource
    .aggregate<{ _id: string; o: Cursor }>([{ $match: match }, ...stages] as Document[], {
      hint,
      maxTimeMS: timeLeft(until),
      allowDiskUse: true,
    })
    .toArray();
  const ids = sorted.slice(0, limit).map(({ _id }) => _id);
  // The condition again: what has changed meanwhile and satisfies it no longer must not be shown.
  const find = (of: readonly string[], most: number | undefined) =>
    gatherRows(
      resource.find<Row>({ $and: [{ _id: { $in: of } }, match] } as Filter<ResourceDocument>, {
        hint: INDEX.id,
        projection: LISTED,
        maxTimeMS: timeLeft(until),
        batchSize: of.length + 1,
        ...AS_BYTES,
      }),
      most,
    );
  const cursors = new Map(sorted.map(({ _id, o }) => [_id, o]));
  const found: Fitted<Row>[] = [];
  let room = bytes;
  let together = bytes === undefined ? ids.length : TEXTS_AT_ONCE;
  for (let at = 0; at < ids.length && found.at(-1)?.withheld === undefined; ) {
    const batch = ids.slice(at, at + together);
    const rows = await find(batch, room);
    if (rows.at(-1)?.withheld !== undefined && batch.length > 1) {
      // They come in no order, and have no room together.
      together = 1;
      continue;
    }
    const byId = new Map(rows.map(row => [row._id, row]));
    found.push(...batch.flatMap(_id => byId.get(_id) ?? []));
    room &&= room - rows.reduce((sum, { x }) => sum + (x?.length ?? 0), 0);
    at += batch.length;
  }
  const page = toPage(found, plan, ({ _id }) => cursors.get(_id)!);
  return { ...page, more: page.more || (sorted.length > limit && found.length > 0) };
}

/** Rows that are asked for together where their texts have a limit. */
const TEXTS_AT_ONCE = 256;

/** One page. Rows in the order of the plan, whichever way it travels. */
export async function findPage(all: Connected, plan: Plan, until: number): Promise<Page> {
  const compiled = compile(plan);
  if (!compiled) return { rows: [], cursors: [], more: false };
  return compiled.by === 'scans' ? runScans(all, compiled, plan, until) : runPipeline(all, compiled, plan, until);
}

/** Names of the matches, or of what they point at. */
export async function collectIds(
  { resource }: Connected,
  plan: Pick<Plan, 'driver' | 'filter'>,
  pointing: readonly Pointing[],
  limit: number,
  until: number,
): Promise<FoundIds> {
  const compiled = compileMatch(plan);
  if (!compiled) return { found: [], complete: true };
  const { match, hint } = compiled;
  if (pointing.length === 0) {
    const rows = await resource
      .find<{ _id: string }>(match as Filter<ResourceDocument>, {
        projection: { _id: 1 },
        hint,
        limit: limit + 1,
        batchSize: limit + 2,
        maxTimeMS: timeLeft(until),
      })
      .toArray();
    return foundIds(
      rows.map(({ _id }) => _id),
      pointing,
      limit,
    );
  }
  const tails = pointing.map(({ head, tail }) => `${head}[^\\^>][^>]*${tail}`);
  const arrays = [...new Set(pointing.map(({ in: array }) => array))];
  const input = { $concatArrays: arrays.map(array => ({ $ifNull: [`$${FIELD[array]}`, []] })) };
  const regex = `^(?:${[...new Set(tails)].join('|')})$`;
  const most = matchesFor(limit);
  const groups = await resource
    .aggregate<{ _id: string | null; c: number }>(
      [
        { $match: match },
        { $limit: most },
        { $project: { _id: 0, key: { $filter: { input, cond: { $regexMatch: { input: '$$this', regex } } } } } },
        // A match without such a key counts, too: else nobody could tell whether the limit was reached.
        { $unwind: { path: '$key', preserveNullAndEmptyArrays: true } },
        { $group: { _id: '$key', c: { $sum: 1 } } },
      ],
      { hint, maxTimeMS: timeLeft(until), allowDiskUse: true },
    )
    .toArray();
  if (groups.reduce((sum, { c }) => sum + c, 0) >= most) return { found: [], complete: false };
  return foundIds(
    groups.flatMap(({ _id }) => _id ?? []),
    pointing,
    limit,
  );
}
/** Takes one way of a plan, by counts of keys. */
export const chooseByCounts = (all: Connected, plan: Plan, until: number, settling: ChoosingOptions): Promise<Plan> =>
  chooseAccessPath(
    plan,
    async (path, limit) => {
      const compiled = compileProbe(path);
      if (!compiled || limit === 0) return 0;
      const { match: query, hint } = compiled;
      const { n } = await all.db.command({ count: 'resource', query, hint, limit, maxTimeMS: timeLeft(until) });
      return Number(n);
    },
    settling,
  );

/** By the count command: points with date bounds are counted without touching a document. */
export async function countMatches(
  { db }: Connected,
  plan: Pick<Plan, 'driver' | 'filter'>,
  limit: number | undefined,
  until: number,
): Promise<Counted> {
  const compiled = compileMatch(plan);
  if (!compiled) return { count: 0, exact: true };
  const { n } = await db.command({
    count: 'resource',
    query: compiled.match,
    hint: compiled.hint,
    maxTimeMS: timeLeft(until),
    ...(limit === undefined ? {} : { limit: limit + 1 }),
  });
  const count = Number(n);
  return limit !== undefined && count > limit ? { count: limit, exact: false } : { count, exact: true };
}

type MatchPath = Pick<Plan, 'driver' | 'filter'>;

/** Those that are points of an index and nothing else, as one for each index; the others as they are. */
function joinPoints(paths: readonly MatchPath[]): readonly MatchPath[] {
  const points: Record<IndexedArray, string[]> = { byDate: [], byArrival: [] };
  const others: MatchPath[] = [];
  for (const { driver, filter } of paths)
    if (driver.by === 'key' && driver.openBefore === undefined && filter.length === 0)
      points[driver.in].push(...driver.keys);
    else others.push({ driver, filter });
  const joined = (['byDate', 'byArrival'] as const).filter(array => points[array].length > 0);
  return [
    ...joined.map((array): MatchPath => ({ driver: { by: 'key', in: array, keys: points[array] }, filter: [] })),
    ...others,
  ];
}

/** Whether anything matches one of these, inside a transaction. A thousand identifiers are one question. */
export async function existsMatch(
  { resource }: Connected,
  paths: readonly MatchPath[],
  session: ClientSession,
  until: number,
): Promise<boolean> {
  for (const compiled of joinPoints(paths).flatMap(path => compileMatch(path) ?? [])) {
    const options = { session, projection: { _id: 1 }, hint: compiled.hint, maxTimeMS: timeLeft(until) };
    if (await resource.findOne(compiled.match as Filter<ResourceDocument>, options)) return true;
  }
  return false;
}
