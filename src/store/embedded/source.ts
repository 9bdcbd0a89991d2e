/**
 * Where the rows of a plan come from in SQL: the driver as a FROM with its conditions, what its index orders, and the
 * filters on top. Pages (compile.ts) and statements about all matches (compile-all.ts) are made of these.
 */
import { encodeId, successor } from '../codec.js';
import { OPEN_PERIOD } from '../encode.js';
import { type IndexedArray, type KeyTest, NO_DATE } from '../key.js';
import type { Plan } from '../plan.js';
import { dateSql, filterSql, idList } from './filter.js';
import { joinSql, raw, type Sql, sql } from './sql.js';

/** Where rows come from, and which order the index gives. */
export interface RowSource {
  readonly from: Sql;
  /** What the driver says, as far as `from` does not. For g keys also d = 0: only then `n` is known to be in order. */
  readonly where: readonly Sql[];
  /** `from` has the row of the resource already, not only its number. */
  readonly resource: boolean;
  readonly n: string;
  /** Column before `n` in the index, if any; rows where it is `missing` belong at the end. */
  readonly first?: {
    readonly by: 'date' | 'updated' | 'sort-string' | 'id';
    readonly column: string;
    readonly missing: boolean;
  };
  readonly repeats: boolean;
  /** `from` has the bounds on the date already. */
  readonly bounded?: true;
  /** Where the resources are that the index does not hold: those without the sort string. */
  readonly rest?: RowSource;
}

const PRESENT = raw('r.f IS NOT NULL');
const RESOURCES_BY_UPDATED = 'resource r INDEXED BY resource_u';

/** Undefined: nothing can match. */
export function rowSource({ driver, filter }: Pick<Plan, 'driver' | 'filter'>): RowSource | undefined {
  switch (driver.by) {
    case 'nothing':
      return undefined;
    case 'key':
      return driver.openBefore === undefined
        ? pointSource(driver.in, driver.keys)
        : openPeriodSource(driver.keys, driver.openBefore, filter);
    case 'range':
      return rangeSource(driver.ranges);
    case 'id':
      return {
        from: sql`json_each(${idList(driver.of)}) j CROSS JOIN resource r ON r.id=j.value`,
        where: [PRESENT],
        resource: true,
        n: 'r.n',
        repeats: true,
      };
    case 'type':
      return typeSource(driver.type);
    case 'updated':
      return updatedSource(driver.types);
    case 'sort-string':
      return sortedSource(driver.type, driver.prefix);
  }
}

function pointSource(array: IndexedArray, keys: readonly string[]): RowSource {
  const single = keys.length === 1;
  return {
    from: single ? raw('entry k') : sql`json_each(${JSON.stringify(keys)}) j CROSS JOIN entry k ON k.key=j.value`,
    where: [...(single ? [sql`k.key=${keys[0]!}`] : []), ...(array === 'byArrival' ? [raw('k.d=0')] : [])],
    resource: false,
    n: 'k.n',
    ...(array === 'byDate' ? { first: { by: 'date', column: 'k.d', missing: true } } : {}),
    repeats: !single,
  };
}

function rangeSource(ranges: readonly { readonly low: string; readonly high: string }[]): RowSource {
  const [range, another] = ranges;
  const single = range && !another;
  return {
    from: single
      ? raw('entry k')
      : sql`json_each(${JSON.stringify(ranges.map(({ low, high }) => [low, high]))}) j CROSS JOIN entry k ON k.key>=j.value->>0 AND k.key<j.value->>1`,
    where: single ? [sql`k.key>=${range.low} AND k.key<${range.high}`] : [],
    resource: false,
    n: 'k.n',
    repeats: true,
  };
}

function typeSource(type: string): RowSource {
  const head = encodeId(type, '.').slice(0, 2);
  return {
    from: raw('resource r INDEXED BY resource_id'),
    where: [sql`r.id>=${head} AND r.id<${successor(head)}`, PRESENT],
    resource: true,
    n: 'r.n',
    first: { by: 'id', column: 'r.id', missing: false },
    repeats: false,
  };
}

function updatedSource(types: readonly string[]): RowSource {
  const [type, another] = types;
  const single = type !== undefined && another === undefined;
  return {
    from: single
      ? raw(RESOURCES_BY_UPDATED)
      : sql`json_each(${JSON.stringify(types)}) j CROSS JOIN ${raw(RESOURCES_BY_UPDATED)} ON r.t=j.value`,
    where: single ? [sql`r.t=${type}`, PRESENT] : [PRESENT],
    resource: true,
    n: 'r.n',
    first: { by: 'updated', column: 'r.u', missing: false },
    repeats: false,
  };
}

function sortedSource(type: string, prefix: string): RowSource {
  return {
    from: raw('sorted k'),
    where: [sql`k.p=${prefix}`],
    resource: false,
    n: 'k.n',
    first: { by: 'sort-string', column: 'k.s', missing: false },
    repeats: false,
    rest: {
      from: raw('resource r INDEXED BY resource_t'),
      where: [sql`r.t=${type}`, PRESENT, sql`${sortString(prefix)} IS NULL`],
      resource: true,
      n: 'r.n',
      repeats: false,
    },
  };
}

/**
 * Every key from the time on, and before it the keys of what is open alone. The bounds of the filters are put into the
 * list: beside another bound on the same column SQLite would take one of them, and not the better one.
 */
function openPeriodSource(keys: readonly string[], before: number, filter: readonly KeyTest[]): RowSource {
  const dates = filter.filter(test => test.is === 'date');
  const low = Math.max(NO_DATE, ...dates.map(({ lowMin = NO_DATE }) => lowMin));
  const high = Math.min(Number.MAX_SAFE_INTEGER, ...dates.map(({ lowMax = Number.MAX_SAFE_INTEGER }) => lowMax + 1));
  const spans = keys.flatMap(key => [
    [key, Math.max(before, low), high],
    [OPEN_PERIOD + key, low, Math.min(before, high)],
  ]);
  return {
    from: sql`json_each(${JSON.stringify(spans)}) j CROSS JOIN entry k ON k.key=j.value->>0 AND k.d>=j.value->>1 AND k.d<j.value->>2`,
    where: [],
    resource: false,
    n: 'k.n',
    first: { by: 'date', column: 'k.d', missing: false },
    bounded: true,
    repeats: keys.length > 1,
  };
}

export const sortString = (prefix: string): Sql => sql`json_extract(r.s,${`$.${JSON.stringify(prefix)}`})`;

/** Everything that the index holds, and the rest. */
export const wholeOf = (source: RowSource): RowSource =>
  source.rest ? { ...source.rest, where: source.rest.where.slice(0, -1) } : source;

export const filters = (tests: readonly KeyTest[], source: RowSource): Sql[] =>
  tests.map(test =>
    test.is === 'date' && source.first?.by === 'date' && !source.bounded ? dateSql(test, 'k.d') : filterSql(test),
  );

/**
 * What the index of a source says, without what is looked up in each row: tombstones and, where those without a sort
 * string are sought, those with one are candidates, too.
 */
export const candidateConditions = (source: RowSource): readonly Sql[] =>
  source.where.filter(
    ({ text }) =>
      // An index that holds nothing else can only be used where this is said.
      (text !== PRESENT.text || source.from.text.includes('INDEXED BY resource_t')) && !text.startsWith('json_extract'),
  );

export const withResource = (source: RowSource): Sql =>
  raw(source.resource ? '' : ` CROSS JOIN resource r ON r.n=${source.n}`);

/** Everything here is our own text: a column of `r` is used where it is named. */
export const resourceIfUsed = (source: RowSource, parts: readonly Sql[]): Sql =>
  parts.some(part => /\br\./.test(part.text)) ? withResource(source) : raw('');

export const whereSql = (where: readonly Sql[]): Sql =>
  where.length === 0 ? raw('') : sql` WHERE ${joinSql(where, ' AND ')}`;
