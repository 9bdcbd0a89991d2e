/** The reading half of the port: short reads on the main thread, others in the reader threads. */
import { FhirError } from '../../fhir/error.js';
import type { Cursor } from '../../search/query.js';
import { decodeId, encodeId } from '../codec.js';
import type { IndexCatalog } from '../index-catalog.js';
import type { IndexLayout } from '../index-layout.js';
import { targetTypes } from '../key-test.js';
import type { Plan } from '../plan.js';
import { foundIds, joinFound, matchesFor, pointingKeys } from '../pointing.js';
import type { Stamps } from '../stamps.js';
import type { Explanation, FoundIds, Page, StoreReads } from '../store.js';
import { isBounded } from './compile.js';
import { compileCount, compileNames, compilePointing } from './compile-all.js';
import type { Connection, SqlRow } from './connection.js';
import { listingOf } from '../listing.js';
import { findCursor, findPage, type RowPage, walkPage } from './find.js';
import { compileHistoryCount, historyCursor, historyPage } from './history.js';
import { listPage } from './list.js';
import type { Planner } from './planning.js';
import type { Readers } from './readers.js';
import { COLUMNS, NUMBER_COLUMN, textBytes, toVersion, VERSION_COLUMN, withLargeText } from './rows.js';
import { raw, type Sql, sql } from './sql.js';
import { filterWeight } from './weight.js';
import { compileWords } from './words.js';

/** Filters so much dearer than ordinary ones are not for the main thread (weight.ts). */
const MAX_WEIGHT = 5;

/** Rows of a step of a scan. */
const SCAN_ROWS = 100;

/** What the parts of an open store have in common. */
export interface OpenedStore {
  readonly connection: Connection;
  readonly layout: IndexLayout;
  readonly catalog: IndexCatalog;
  readonly planner: Planner;
  readonly readers: Readers;
  readonly smallWalk: number;
  /** Types of which there are resources, or may be soon. */
  readonly types: Set<string>;
  readonly stamps: Stamps;
  /** Every call passes here: nothing after close, the driver's errors as FhirErrors. */
  readonly answer: <T>(work: () => T | Promise<T>) => Promise<T>;
  /** The same for what is read on this thread: a hundred searches of one request let others in between. */
  readonly look: <T>(work: () => T | Promise<T>) => Promise<T>;
}

export function openReads(opened: OpenedStore): StoreReads {
  const { connection, layout, catalog, planner, readers, types, stamps, answer, look } = opened;
  const { patience, waiting } = readers;
  const find = async (planned: Plan): Promise<Page> => {
    const elsewhere = planned.ordered ? readers.walk : readers.sort;
    return toPage(
      findNow(opened, planned) ?? (await elsewhere({ kind: 'find', plan: planned, patience, ...waiting() })),
      findCursor,
    );
  };
  return {
    read: (type, id, version, most = Infinity) =>
      look(() => {
        const row = readRow(connection, type, id, version);
        return row && toVersion(textBytes(row) > most ? row : withLargeText(connection, row));
      }),
    find: query => look(() => find(planner.planOf(query))),
    list: query =>
      look(async () => {
        const planned = planner.planOf(query);
        return (isSurelyShort(planned) ? listPage(connection, planned) : undefined) ?? listingOf(await find(planned));
      }),
    history: query =>
      look(async () => {
        const known = [...types];
        // Without a time to look back at, a page is a walk along an index.
        return toPage(
          query.at === undefined && query.limit <= 1000
            ? historyPage(connection, query, known)
            : await readers.sort({ kind: 'history', query, types: known }),
          historyCursor,
        );
      }),
    countHistory: of =>
      answer(async () => {
        const statement = compileHistoryCount(connection, of, [...types]);
        return statement ? Number((await readers.rows(statement))[0]![0]) : 0;
      }),
    findIds: (query, limit, by) =>
      look(async () => {
        const parts: FoundIds[] = [];
        for (const planned of planner.plansOf(query))
          parts.push(await collectIds(opened, planned, query.types, limit, by));
        return joinFound(parts, limit);
      }),
    explain: query =>
      answer(async () => {
        const page = await readers.sort({ kind: 'explain', plan: planner.planOf(query), patience, ...waiting() });
        return JSON.parse(page.rows[0]![0] as string) as Explanation;
      }),
    count: (query, limit) =>
      look(async () => {
        const planned = planner.planOf({ ...query, sort: [], limit: 1 }, true);
        const count = await countUpTo(opened, planned, limit === undefined ? undefined : limit + 1);
        return limit !== undefined && count > limit ? { count: limit, exact: false } : { count, exact: true };
      }),
    searchText: (query, limit) =>
      answer(async () => {
        const ids = await readers.rows(compileWords(query, limit + 1));
        const found = ids.slice(0, limit).map(([id]) => decodeId(id as string));
        return { found, complete: ids.length <= limit, sure: true };
      }),
    scan: ({ type, after } = {}) => scanAll(opened, type, after),
    targetsOf: (type, code) => answer(() => targetTypes(catalog, layout, type, code)),
    horizon: () => stamps.horizon(),
    sizes: () =>
      answer(async () => {
        const sizes = await readers.rows(sql`SELECT t,count(*) FROM resource WHERE f IS NOT NULL GROUP BY t`);
        return new Map(sizes.map(([type, count]) => [type as string, count as number]));
      }),
  };
}

const isSurelyShort = (planned: Plan): boolean => filterWeight(planned.filter) <= MAX_WEIGHT && isBounded(planned);

/** A page on this thread, if it is sure to be short, or turns out to be: a walk's first candidates may fill it. */
function findNow({ connection, planner, smallWalk }: OpenedStore, planned: Plan): RowPage | undefined {
  if (filterWeight(planned.filter) > MAX_WEIGHT) return undefined;
  if (isSurelyShort(planned) || (!planned.ordered && planner.isSmall(planned))) return findPage(connection, planned);
  if (!planned.ordered || smallWalk === 0) return undefined;
  try {
    const walk = walkPage(connection, planned, { milliseconds: 0, candidates: 0, piece: smallWalk });
    const { done, value } = connection.snapshot(() => walk.next());
    return done ? value : undefined;
  } catch (error) {
    if (error instanceof FhirError && error.kind === 'too-costly') return undefined;
    throw error;
  }
}

/** Names of the matches, or of what they refer to by `by`. */
async function collectIds(
  { connection, layout, planner, readers }: OpenedStore,
  planned: Plan,
  types: readonly string[],
  limit: number,
  by: string | undefined,
): Promise<FoundIds> {
  const most = matchesFor(limit);
  if (by !== undefined && planner.candidates(planned, most) >= most) return { found: [], complete: false };
  const pointing = by === undefined ? [] : pointingKeys(layout, types, by);
  const statement = by === undefined ? compileNames(planned, limit + 1) : compilePointing(planned, pointing, limit + 1);
  if (!statement) return { found: [], complete: true };
  const keys = planner.isSmall(planned)
    ? connection.prepare(statement.text).all(...statement.values)
    : await readers.rows(statement, { among: planned });
  return foundIds(
    keys.map(([key]) => key as string),
    pointing,
    limit,
  );
}

/** Whether its matches can be counted piece by piece. */
const isWalk = ({ driver }: Plan): boolean => driver.by !== 'range' && driver.by !== 'id';

/** How many match, at most `most`. */
async function countUpTo(
  { connection, planner, readers }: OpenedStore,
  planned: Plan,
  most: number | undefined,
): Promise<number> {
  const statement = compileCount(planned, most);
  if (!statement) return 0;
  if (planner.isSmall(planned)) return Number(connection.prepare(statement.text).first(...statement.values)![0]);
  const { patience, waiting, walk, sort } = readers;
  const elsewhere = isWalk(planned) ? walk : sort;
  const { rows } = await elsewhere({ kind: 'count', plan: planned, limit: most, patience, ...waiting() });
  return Number(rows[0]![0]);
}

async function* scanAll(
  { connection, readers, types, answer }: OpenedStore,
  type: string | undefined,
  after: Cursor | undefined,
) {
  let n = Number(after?.[0] ?? 0);
  for (;;) {
    const of =
      type === undefined
        ? sql`FROM resource r WHERE`
        : sql`FROM resource r INDEXED BY resource_t WHERE r.t=${type} AND`;
    const statement = sql`SELECT ${raw(COLUMNS)} ${of} r.f IS NOT NULL AND r.n>${n} ORDER BY r.n LIMIT ${SCAN_ROWS}`;
    // Every start asks for types of which there is nothing: no thread begins for that.
    const isThere = type === undefined || types.has(type);
    const chunk = await answer(() => (isThere ? readers.rows(statement, { limit: SCAN_ROWS }) : []));
    for (const row of chunk) {
      n = row[NUMBER_COLUMN] as number;
      yield { row: await answer(() => toVersion(withLargeText(connection, row))), cursor: [n] };
    }
    if (chunk.length < SCAN_ROWS) return;
  }
}

function readRow(connection: Connection, type: string, id: string, version: number | undefined): SqlRow | undefined {
  const first = ({ text, values }: Sql) => connection.prepare(text).first(...values);
  const current = first(sql`SELECT ${raw(COLUMNS)} FROM resource r WHERE r.id=${encodeId(type, id)}`);
  if (!current) return undefined;
  if (version === undefined || current[VERSION_COLUMN] === version) return current;
  return first(
    sql`SELECT ${raw(COLUMNS.replace('r.id', 'c.id'))} FROM version r CROSS JOIN resource c ON c.n=r.n WHERE r.n=${current[NUMBER_COLUMN]!} AND r.v=${version}`,
  );
}

const toPage = ({ rows, more, next }: RowPage, cursor: (row: SqlRow) => Cursor): Page => ({
  rows: rows.map(toVersion),
  cursors: rows.map(cursor),
  more,
  ...(next === undefined ? {} : { next }),
});
