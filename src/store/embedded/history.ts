/**
 * Histories on one connection: by lastUpdated, then by the resource's order of arrival, then by version; one resource by
 * version alone. The current version of each resource is in `resource`, replaced ones are in `version`; both are read in
 * the direction of travel and merged. https://hl7.org/fhir/R4/http.html#history
 */
import type { Cursor } from '../../search/query.js';
import { encodeId } from '../codec.js';
import type { HistoryOf, HistoryQuery } from '../store.js';
import type { Connection, SqlRow, SqlValue } from './connection.js';
import { checkCursor, fittingPage, type RowPage } from './find.js';
import { COLUMNS, NUMBER_COLUMN, readRows, UPDATED_COLUMN, VERSION_COLUMN } from './rows.js';
import { joinSql, raw, type Sql, sql } from './sql.js';

/** Where a row of `historyPage` stands. */
export const historyCursor = (row: SqlRow): Cursor =>
  [row[UPDATED_COLUMN], row[NUMBER_COLUMN], row[VERSION_COLUMN]] as number[];

/** What is read on the way: `down` from newer to older versions, from `place` on. */
interface HistoryWalk {
  readonly of: HistoryOf;
  readonly down: boolean;
  readonly place: readonly SqlValue[] | undefined;
  /** Rows that are wanted of each of the two tables. */
  readonly most: number;
}

/** `types`: every type that the store may hold. */
export function historyPage(connection: Connection, query: HistoryQuery, types: readonly string[]): RowPage {
  const { limit, after, before, oldestFirst } = query;
  const place = after ?? before;
  checkCursor(place, 3);
  const back = before !== undefined;
  const walk: HistoryWalk = {
    of: query,
    down: (oldestFirst === true) === back,
    place,
    most: limit + 1,
  };
  return connection.snapshot(() => {
    const found = query.id === undefined ? historyOfTypes(connection, walk, types) : historyOfOne(connection, walk);
    return fittingPage(connection, found, query, back);
  });
}

const OLD_COLUMNS = COLUMNS.replace('r.id', 'c.id');

const numberOf = (connection: Connection, { type, id }: HistoryOf): SqlValue | undefined =>
  connection.prepare('SELECT n FROM resource WHERE id=?').first(encodeId(type!, id!))?.[0];

function historyOfOne(connection: Connection, { of, down, place, most }: HistoryWalk): readonly SqlRow[] {
  const n = numberOf(connection, of);
  if (n === undefined) return [];
  const further = place === undefined ? [] : [sql`r.v${raw(down ? '<' : '>')}${place[2]!}`];
  const where = (old: boolean): Sql => joinSql([sql`r.n=${n}`, ...further, ...timeBounds(of, old)], ' AND ');
  const current = readRows(connection, sql`SELECT ${raw(COLUMNS)} FROM resource r WHERE ${where(false)} LIMIT 1`, 1, 0);
  const old = readRows(
    connection,
    sql`SELECT ${raw(OLD_COLUMNS)} FROM version r CROSS JOIN resource c ON c.n=r.n WHERE ${where(true)} ORDER BY r.v ${raw(down ? 'DESC' : 'ASC')} LIMIT ${most}`,
    most,
    0,
  );
  return down ? [...current, ...old] : [...old, ...current];
}

function historyOfTypes(
  connection: Connection,
  { of, down, place, most }: HistoryWalk,
  types: readonly string[],
): readonly SqlRow[] {
  const direction = raw(down ? 'DESC' : 'ASC');
  const further = (columns: string, comparison: string, width: number): Sql[] =>
    place === undefined
      ? []
      : [
          sql`(${raw(columns)})${raw(comparison)}(${joinSql(
            place.slice(0, width).map(value => sql`${value}`),
            ',',
          )})`,
        ];
  // A current version has no later one of the same resource: going up, the one at the place itself is taken out below.
  const inResource = further('r.u,r.n', down ? '<' : '>=', 2);
  const current = readRows(
    connection,
    sql`SELECT ${raw(COLUMNS)} FROM (SELECT r.n AS n FROM ${typed(of, types, 'resource')}${historyWhere([...inResource, ...timeBounds(of, false)])} ORDER BY r.u ${direction},r.n ${direction} LIMIT ${most + 1}) q CROSS JOIN resource r ON r.n=q.n`,
    most + 1,
    0,
  );
  const inVersion = further('r.u,r.n,r.v', down ? '<' : '>', 3);
  const old = readRows(
    connection,
    sql`SELECT ${raw(OLD_COLUMNS)} FROM (SELECT r.n AS n,r.v AS v FROM ${typed(of, types, 'version')}${historyWhere([...inVersion, ...timeBounds(of, true)])} ORDER BY r.u ${direction},r.n ${direction},r.v ${direction} LIMIT ${most}) q CROSS JOIN version r ON r.n=q.n AND r.v=q.v CROSS JOIN resource c ON c.n=q.n`,
    most,
    0,
  );
  const isPlace = (row: SqlRow): boolean => place !== undefined && comparePlaces(row, place) === 0;
  const sign = down ? -1 : 1;
  return [...current.filter(row => !isPlace(row)), ...old].toSorted(
    (a, b) => sign * comparePlaces(a, historyCursor(b)),
  );
}

/** The rows of the types by the index on their time. */
const typed = ({ type, types: some }: HistoryOf, types: readonly string[], table: 'resource' | 'version'): Sql =>
  sql`json_each(${JSON.stringify(type === undefined ? (some ?? types) : [type])}) j CROSS JOIN ${raw(`${table} r INDEXED BY ${table}_u`)} ON r.t=j.value`;

const historyWhere = (conditions: readonly Sql[]): Sql =>
  conditions.length === 0 ? raw('') : sql` WHERE ${joinSql(conditions, ' AND ')}`;

function comparePlaces(row: SqlRow, place: readonly SqlValue[]): number {
  for (const [i, column] of [UPDATED_COLUMN, NUMBER_COLUMN, VERSION_COLUMN].entries()) {
    const difference = Number(row[column]) - Number(place[i]);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** A version is current from its own time until, and without, that of its successor. */
function timeBounds({ since, at }: HistoryOf, old: boolean): Sql[] {
  return [
    ...(since === undefined ? [] : [sql`r.u>=${since}`]),
    ...(at === undefined ? [] : [sql`r.u<=${at.high}`]),
    ...(at === undefined || !old ? [] : [sql`r.until>${at.low}`]),
  ];
}

/** One row, the number. Undefined: the resource that is meant never was. */
export function compileHistoryCount(connection: Connection, of: HistoryOf, types: readonly string[]): Sql | undefined {
  const n = of.id === undefined ? undefined : numberOf(connection, of);
  if (of.id !== undefined && n === undefined) return undefined;
  const count = (table: 'resource' | 'version'): Sql => {
    const conditions = timeBounds(of, table === 'version');
    return n === undefined
      ? sql`(SELECT count(*) FROM ${typed(of, types, table)}${historyWhere(conditions)})`
      : sql`(SELECT count(*) FROM ${raw(table)} r${historyWhere([sql`r.n=${n}`, ...conditions])})`;
  };
  return sql`SELECT ${count('resource')}+${count('version')}`;
}
