/**
 * Pages of rows on one connection: the same code on the main thread and in the reader thread. A page is read in one
 * synchronous piece, so that no transaction stays open while others work.
 */
import { FhirError } from '../../fhir/error.js';
import type { Cursor } from '../../search/query.js';
import { encodeId } from '../codec.js';
import type { Plan } from '../plan.js';
import type { HistoryQuery } from '../store.js';
import { compile, type Leg } from './compile.js';
import { compileProbe } from './compile-all.js';
import type { Connection, Row, Value } from './driver.js';
import { BESIDE, COLUMNS, N, readRows, UPDATED, VERSION } from './row.js';
import { join, raw, type Sql, sql } from './sql.js';

export interface RowPage {
  readonly rows: readonly Row[];
  readonly more: boolean;
}

/** Where a row of `findPage` stands: the values of the order; the last is always n. */
export const cursorOf = (row: Row): Cursor => [...row.slice(BESIDE), row[N]!] as (string | number | null)[];

/** Where a row of `historyPage` stands. */
export const historyCursor = (row: Row): Cursor => [row[UPDATED], row[N], row[VERSION]] as number[];

/** Duplicates are removed here, not by DISTINCT, which would end the walk's order: a few more rows are asked for. */
const SPARE = 20;

/** What a page may cost that nothing bounds: time for a walk, candidates where all must be seen before one is shown. */
export interface Patience {
  /** ms since 1970. */
  readonly until: number;
  readonly candidates: number;
  /** Candidates of a piece of a walk, between looks at the clock. */
  readonly piece: number;
}

/** Ten milliseconds or so. */
export const PIECE = 4000;

export const tooCostly = (): FhirError =>
  new FhirError(
    'too-costly',
    'The query takes too long: too many resources would have to be looked at. Add criteria (a patient, a code, a date range) or leave out _sort.',
  );

/** Throws `too-costly` where more candidates would have to be seen than `patience` allows. */
export function checkCandidates(connection: Connection, plan: Pick<Plan, 'driver' | 'filter'>, most: number): void {
  const probe = compileProbe(plan, most + 1);
  if (probe && Number(connection.prepare(probe.text).all(...probe.values)[0]![0]) > most) throw tooCostly();
}

/** The rows of a leg, in pieces where there is a limit to the time. */
function walkLeg(
  connection: Connection,
  leg: Leg,
  limit: number,
  beside: number,
  patience: Patience | undefined,
): readonly Row[] {
  const page = (most: number, from?: Cursor, until?: Cursor) =>
    readRows(connection, leg.page(most, from, until), most, beside);
  if (!patience || !leg.edge) return page(limit);
  const rows: Row[] = [];
  let from: Cursor | undefined;
  for (;;) {
    const { text, values } = leg.edge(patience.piece, from);
    const edge = connection.prepare(text).all(...values)[0] as Cursor | undefined;
    rows.push(...page(limit - rows.length, from, edge));
    if (!edge || rows.length >= limit) return rows;
    if (Date.now() > patience.until) throw tooCostly();
    from = edge;
  }
}

/** `patience`: the page may be long in coming, and nobody waits for longer than this. Throws `too-costly`. */
export function findPage(connection: Connection, plan: Plan, patience?: Patience): RowPage {
  const wanted = plan.limit + 1;
  const found = new Map<Value, Row>();
  const back = plan.before !== undefined;
  let cursor = plan.after ?? plan.before;
  checkCursor(cursor, plan.order.length);
  const walk = (): void => {
    for (;;) {
      const page = compile(cursor ? { ...plan, [back ? 'before' : 'after']: cursor } : plan);
      let exhausted = true;
      for (const leg of page.legs) {
        const limit = wanted - found.size + (page.repeats ? SPARE : 0);
        if (patience && !leg.edge) checkCandidates(connection, plan, patience.candidates);
        const rows = walkLeg(connection, leg, limit, plan.order.length - 1, patience);
        for (const row of rows) if (!found.has(row[N]!)) found.set(row[N]!, row);
        if (rows.length === limit) {
          exhausted = false;
          cursor = cursorOf(rows.at(-1)!);
          break;
        }
      }
      if (exhausted || found.size >= wanted) return;
    }
  };
  connection.snapshot(walk);
  const rows = [...found.values()].slice(0, plan.limit);
  if (back) rows.reverse();
  return { rows, more: found.size > plan.limit };
}

/** A cursor may come back from a client's link. Throws `invalid` where no statement could take it. */
function checkCursor(cursor: Cursor | undefined, length: number): void {
  if (!cursor) return;
  const usable = (value: unknown): boolean => value === null || typeof value === 'string' || Number.isFinite(value);
  if (!Array.isArray(cursor) || cursor.length !== length || !cursor.every(usable))
    throw new FhirError('invalid', 'The paging link does not belong to this search. Start from its first page.');
}

/**
 * Newest first: by lastUpdated, then by the resource's order of arrival, then by version; one resource by version
 * alone. `types`: every type that the store may hold.
 */
export function historyPage(connection: Connection, query: HistoryQuery, types: readonly string[]): RowPage {
  checkCursor(query.after, 3);
  const rows = connection.snapshot(() =>
    query.id === undefined ? ofTypes(connection, query, types) : ofOne(connection, query),
  );
  return { rows: rows.slice(0, query.limit), more: rows.length > query.limit };
}

function ofOne(connection: Connection, query: HistoryQuery): Row[] {
  const { id, type, limit, after } = query;
  const all = (statement: Sql) => readRows(connection, statement, limit + 1, 0);
  const before = after === undefined ? [] : [sql`r.v<${after[2]!}`];
  const n = connection.prepare('SELECT n FROM resource WHERE id=?').all(encodeId(type!, id!))[0]?.[0];
  if (n === undefined) return [];
  const where = (old: boolean): Sql => join([sql`r.n=${n}`, ...before, ...within(query, old)], ' AND ');
  const current = all(sql`SELECT ${raw(COLUMNS)} FROM resource r WHERE ${where(false)} LIMIT 1`);
  const old = all(
    sql`SELECT ${raw(OLD_COLUMNS)} FROM version r CROSS JOIN resource c ON c.n=r.n WHERE ${where(true)} ORDER BY r.v DESC LIMIT ${limit + 1}`,
  );
  return [...current, ...old];
}

const OLD_COLUMNS = COLUMNS.replace('r.id', 'c.id');

function ofTypes(connection: Connection, query: HistoryQuery, types: readonly string[]): Row[] {
  const { type, limit, after } = query;
  const all = (statement: Sql) => readRows(connection, statement, limit + 1, 0);
  const list = JSON.stringify(type === undefined ? (query.types ?? types) : [type]);
  const further = (columns: string, old: boolean): Sql[] =>
    after === undefined
      ? []
      : [
          sql`(${raw(columns)})<(${join(
            (old ? after : after.slice(0, 2)).map(value => sql`${value}`),
            ',',
          )})`,
        ];
  const where = (conditions: readonly Sql[]): Sql =>
    conditions.length === 0 ? raw('') : sql` WHERE ${join(conditions, ' AND ')}`;
  // A current version has no second one of the same resource beside it: (u, n) is enough.
  const current = all(
    sql`SELECT ${raw(COLUMNS)} FROM (SELECT r.n AS n FROM json_each(${list}) j CROSS JOIN resource r INDEXED BY resource_u ON r.t=j.value${where([...further('r.u,r.n', false), ...within(query, false)])} ORDER BY r.u DESC,r.n DESC LIMIT ${limit + 1}) q CROSS JOIN resource r ON r.n=q.n`,
  );
  const old = all(
    sql`SELECT ${raw(OLD_COLUMNS)} FROM (SELECT r.n AS n,r.v AS v FROM json_each(${list}) j CROSS JOIN version r INDEXED BY version_u ON r.t=j.value${where([...further('r.u,r.n,r.v', true), ...within(query, true)])} ORDER BY r.u DESC,r.n DESC,r.v DESC LIMIT ${limit + 1}) q CROSS JOIN version r ON r.n=q.n AND r.v=q.v CROSS JOIN resource c ON c.n=q.n`,
  );
  return [...current, ...old].toSorted(newestFirst);
}

const newestFirst = (a: Row, b: Row): number => {
  for (const column of [UPDATED, N, VERSION]) {
    const difference = Number(b[column]) - Number(a[column]);
    if (difference !== 0) return difference;
  }
  return 0;
};

/** A version is current from its own time until, and without, that of its successor. */
function within({ since, at }: HistoryQuery, old: boolean): Sql[] {
  return [
    ...(since === undefined ? [] : [sql`r.u>=${since}`]),
    ...(at === undefined ? [] : [sql`r.u<=${at.high}`]),
    ...(at === undefined || !old ? [] : [sql`r.until>${at.low}`]),
  ];
}
