/**
 * A Plan as SQL. Three rules, all of them measured: the driver comes first (CROSS JOIN keeps it there); a walk that is
 * in the order of its index reads texts as it goes; where something must be sorted, keys alone are, and the texts of one
 * page are joined to the result.
 *
 * A page is one or more legs, run one after the other until there are enough rows. Two legs are needed where the
 * index would deliver resources without a date (or sort string) at the wrong end: they come last in both directions.
 */
import type { Cursor } from '../../search/query.js';
import { encodeId, successor } from '../codec.js';
import { OPEN } from '../encode.js';
import { type KeyTest, NO_DATE } from '../key.js';
import type { Pointing } from '../pointing.js';
import type { Order, Plan } from '../plan.js';
import { indexBounds } from '../settle.js';
import { dateSql, filterSql, idList, keysIn } from './filter.js';
import { COLUMNS } from './row.js';
import { join, raw, type Sql, sql } from './sql.js';

export interface Leg {
  /** At most so many rows. A walk can be taken in pieces: after the place `from` in its index, as far as `until`. */
  page(limit: number, from?: Cursor, until?: Cursor): Sql;
  /** Of a walk: one row, the place of the candidate that comes so many after `from`. */
  readonly edge?: (skip: number, from?: Cursor) => Sql;
}

export interface Page {
  readonly legs: readonly Leg[];
  /** A resource may come more than once, always with the same values of the order. */
  readonly repeats: boolean;
}

/** Where rows come from, and which order the index gives. */
interface Source {
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
  readonly rest?: Source;
}

const PRESENT = raw('r.f IS NOT NULL');
const TYPES = 'resource r INDEXED BY resource_u';

function sourceOf({ driver, filter }: Pick<Plan, 'driver' | 'filter'>): Source | undefined {
  const present = PRESENT;
  switch (driver.by) {
    case 'nothing':
      return undefined;
    case 'key': {
      if (driver.openBefore !== undefined) return openSource(driver.keys, driver.openBefore, filter);
      const single = driver.keys.length === 1;
      return {
        from: single
          ? raw('entry k')
          : sql`json_each(${JSON.stringify(driver.keys)}) j CROSS JOIN entry k ON k.key=j.value`,
        where: [...(single ? [sql`k.key=${driver.keys[0]!}`] : []), ...(driver.in === 'g' ? [raw('k.d=0')] : [])],
        resource: false,
        n: 'k.n',
        ...(driver.in === 'k' ? { first: { by: 'date', column: 'k.d', missing: true } } : {}),
        repeats: !single,
      };
    }
    case 'range': {
      const [range] = driver.ranges;
      const single = driver.ranges.length === 1;
      return {
        from: single
          ? raw('entry k')
          : sql`json_each(${JSON.stringify(driver.ranges.map(({ low, high }) => [low, high]))}) j CROSS JOIN entry k ON k.key>=j.value->>0 AND k.key<j.value->>1`,
        where: single ? [sql`k.key>=${range!.low} AND k.key<${range!.high}`] : [],
        resource: false,
        n: 'k.n',
        repeats: true,
      };
    }
    case 'id':
      return {
        from: sql`json_each(${idList(driver.of)}) j CROSS JOIN resource r ON r.id=j.value`,
        where: [present],
        resource: true,
        n: 'r.n',
        repeats: true,
      };
    case 'type': {
      const head = encodeId(driver.type, '.').slice(0, 2);
      return {
        from: raw('resource r INDEXED BY resource_id'),
        where: [sql`r.id>=${head} AND r.id<${successor(head)}`, present],
        resource: true,
        n: 'r.n',
        first: { by: 'id', column: 'r.id', missing: false },
        repeats: false,
      };
    }
    case 'updated': {
      const single = driver.types.length === 1;
      return {
        from: single
          ? raw(TYPES)
          : sql`json_each(${JSON.stringify(driver.types)}) j CROSS JOIN ${raw(TYPES)} ON r.t=j.value`,
        where: single ? [sql`r.t=${driver.types[0]!}`, present] : [present],
        resource: true,
        n: 'r.n',
        first: { by: 'updated', column: 'r.u', missing: false },
        repeats: false,
      };
    }
    case 'sort-string':
      return {
        from: raw('sorted k'),
        where: [sql`k.p=${driver.prefix}`],
        resource: false,
        n: 'k.n',
        first: { by: 'sort-string', column: 'k.s', missing: false },
        repeats: false,
        rest: {
          from: raw('resource r INDEXED BY resource_t'),
          where: [sql`r.t=${driver.type}`, present, sql`${sortString(driver.prefix)} IS NULL`],
          resource: true,
          n: 'r.n',
          repeats: false,
        },
      };
  }
}

/**
 * Every key from the time on, and before it the keys of what is open alone. The bounds of the filters are put into the
 * list: beside another bound on the same column SQLite would take one of them, and not the better one.
 */
function openSource(keys: readonly string[], before: number, filter: readonly KeyTest[]): Source {
  const dates = filter.filter(test => test.is === 'date');
  const low = Math.max(NO_DATE, ...dates.map(({ lowMin = NO_DATE }) => lowMin));
  const high = Math.min(Number.MAX_SAFE_INTEGER, ...dates.map(({ lowMax = Number.MAX_SAFE_INTEGER }) => lowMax + 1));
  const spans = keys.flatMap(key => [
    [key, Math.max(before, low), high],
    [OPEN + key, low, Math.min(before, high)],
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

const sortString = (prefix: string): Sql => sql`json_extract(r.s,${`$.${JSON.stringify(prefix)}`})`;

export function compile(plan: Plan): Page {
  const source = sourceOf(plan);
  if (!source) return { legs: [], repeats: false };
  return { legs: indexWalk(source, plan) ?? sortedLegs(source, plan), repeats: source.repeats };
}

/** Whether few rows are looked at per row returned: the index gives the order, and nothing is passed over. */
export function isBounded({ driver, filter, ordered, limit }: Plan): boolean {
  if (limit > 1000) return false;
  switch (driver.by) {
    case 'nothing':
      return true;
    case 'id':
      return driver.of.length <= 1000;
    case 'key':
      // Within single patients everything is small.
      if (driver.keys.length <= 50 && driver.keys.every(key => key.startsWith('p'))) return true;
      return ordered && driver.keys.length <= 200 && filter.every(test => test.is === 'date');
    case 'updated':
      return ordered && filter.every(test => test.is === 'updated');
    case 'type':
      return ordered && filter.length === 0;
    case 'range':
    case 'sort-string':
      return false;
  }
}

/** The legs of a walk along the driver's index, or undefined where its order is another one. */
function indexWalk(source: Source, plan: Plan): Page['legs'] | undefined {
  const { first } = source;
  const orders = plan.order.slice(0, -1);
  const last = plan.order.at(-1)!;
  if (plan.driver.by === 'range' || plan.driver.by === 'id' || last.by !== 'n') return undefined;
  if (orders.length !== (first ? 1 : 0) || (first && !sameOrder(orders[0]!, first.by, plan))) return undefined;
  if (orders.some(order => order.descending !== last.descending)) return undefined;

  const back = plan.before !== undefined;
  const down = last.descending !== back;
  const cursor = plan.after ?? plan.before;
  const dated = plan.filter.some(test => test.is === 'date');
  const n: Bound = { column: source.n, down };
  if (!first) return [leg(source, plan, [n], cursor)];

  const bounds: readonly Bound[] = [{ column: first.column, down }, n];
  if (source.rest) {
    const present = cursor && cursor[0] === null ? undefined : leg(source, plan, bounds, cursor);
    const missing: Bound[] = [{ column: source.rest.n, down }];
    const absent =
      cursor && cursor[0] !== null
        ? leg(source.rest, plan, missing, undefined, true)
        : leg(source.rest, plan, missing, cursor?.slice(1), true);
    // Forwards: those with a value, then the rest. Backwards from a value there is nothing of the rest before it.
    if (!back) return present ? [present, absent] : [absent];
    if (cursor && cursor[0] !== null) return [present!];
    return [absent, leg(source, plan, bounds, undefined)];
  }
  if (!first.missing || dated) return [leg(source, plan, bounds, cursor)];
  // NO_DATE is the smallest number: downwards it comes last by itself, which is right unless we go backwards.
  if (down === !back) return [leg(source, plan, bounds, cursor && [cursor[0] ?? NO_DATE, cursor[1]!])];
  const some: Source = { ...source, where: [...source.where, sql`${raw(first.column)}>${NO_DATE}`] };
  const none: Source = { ...source, where: [...source.where, sql`${raw(first.column)}=${NO_DATE}`] };
  const atNone = cursor !== undefined && cursor[0] === null;
  const noneLeg = leg(none, plan, bounds, atNone ? [NO_DATE, cursor[1]!] : undefined);
  const someLeg = leg(some, plan, bounds, atNone ? undefined : cursor);
  if (!back) return atNone ? [noneLeg] : [someLeg, noneLeg];
  return atNone || !cursor ? [noneLeg, someLeg] : [someLeg];
}

const sameOrder = (order: Order, by: string, { driver }: Plan): boolean =>
  order.by === by && (order.by !== 'sort-string' || (driver.by === 'sort-string' && driver.prefix === order.prefix));

interface Bound {
  readonly column: string;
  readonly down: boolean;
}

/** One walk along an index, from the cursor on. All bounds have one direction. `nothing`: the first value is NULL. */
function leg(source: Source, plan: Plan, bounds: readonly Bound[], cursor: Cursor | undefined, nothing = false): Leg {
  const { down } = bounds[0]!;
  const columns = raw(bounds.map(bound => bound.column).join(','));
  /** What lies beyond a place, or not beyond it. A row value is an index bound. */
  const beside = (place: Cursor | undefined, strictly: boolean): Sql[] => {
    if (!place) return [];
    const values = join(
      place.map(value => sql`${value}`),
      ',',
    );
    const is = raw(down === strictly ? (strictly ? '<' : '<=') : strictly ? '>' : '>=');
    return [bounds.length === 1 ? sql`${columns}${is}${values}` : sql`(${columns})${is}(${values})`];
  };
  const orderBy = raw(bounds.map(({ column }) => `${column}${down ? ' DESC' : ''}`).join(','));
  const selected = [
    ...(nothing ? [raw('NULL')] : []),
    ...bounds.slice(0, -1).map(({ column }) => raw(column === 'k.d' ? `nullif(k.d,${NO_DATE})` : column)),
  ];
  const merges = source.from.text.startsWith('json_each');
  return {
    page(limit, from = cursor, until) {
      const where = [...source.where, ...filters(plan.filter, source), ...beside(from, true), ...beside(until, false)];
      return merges
        ? pageOf(source, where, selected, orderBy, limit)
        : sql`SELECT ${join([raw(COLUMNS), ...selected], ',')} FROM ${source.from}${withResource(source)}${whereSql(where)} ORDER BY ${orderBy} LIMIT ${limit}`;
    },
    edge(skip, from = cursor) {
      const dates = source.bounded ? [] : filters(indexBounds(plan), source);
      const where = [...candidatesOf(source), ...dates, ...beside(from, true)];
      return sql`SELECT ${columns} FROM ${source.from}${resourceIfUsed(source, [...where, columns])}${whereSql(where)} ORDER BY ${orderBy} LIMIT 1 OFFSET ${skip}`;
    },
  };
}

/** Keys are sorted inside, texts are joined outside. `selected`: the values of the order but for n. */
function pageOf(source: Source, where: readonly Sql[], selected: readonly Sql[], orderBy: Sql, limit: number): Sql {
  const values = selected.map((value, i) => sql`${value} AS ${raw(`o${i}`)}`);
  const from = sql`${source.from}${resourceIfUsed(source, [...where, ...selected, orderBy])}`;
  const inner = sql`SELECT ${join([raw(`${source.n} AS n`), ...values], ',')} FROM ${from}${whereSql(where)} ORDER BY ${orderBy} LIMIT ${limit}`;
  const outer = [COLUMNS, ...values.map((_, i) => `q.o${i}`)].join(',');
  return sql`SELECT ${raw(outer)} FROM (${inner}) q CROSS JOIN resource r ON r.n=q.n`;
}

/** Everything that the index holds, and the rest. */
const wholeOf = (source: Source): Source =>
  source.rest ? { ...source.rest, where: source.rest.where.slice(0, -1) } : source;

/** Any order: expressions over the resource, all candidates sorted. */
function sortedLegs(source: Source, plan: Plan): Page['legs'] {
  const whole = wholeOf(source);
  const back = plan.before !== undefined;
  const terms = plan.order.map(order => ({
    value: orderSql(order, whole),
    down: order.descending !== back,
    nullable: nullable(order),
  }));
  const where = [...whole.where, ...filters(plan.filter, whole)];
  const cursor = plan.after ?? plan.before;
  if (cursor) where.push(beyond(terms, cursor, back));
  const orderBy = join(
    terms.flatMap(({ value, down, nullable: may }) => [
      ...(may ? [sql`(${value} IS NULL)${raw(back ? ' DESC' : '')}`] : []),
      sql`${value}${raw(down ? ' DESC' : '')}`,
    ]),
    ',',
  );
  const selected = terms.slice(0, -1).map(({ value }) => value);
  return [{ page: limit => pageOf(whole, where, selected, orderBy, limit) }];
}

function orderSql(order: Order, source: Source): Sql {
  switch (order.by) {
    case 'date':
      return raw(`nullif(${source.first?.by === 'date' ? 'k.d' : 'r.d'},${NO_DATE})`);
    case 'n':
      return raw(source.n);
    case 'updated':
      return raw('r.u');
    case 'id':
      return raw('r.id');
    case 'sort-string':
      return sortString(order.prefix);
    case 'key': {
      const end =
        order.prefix.slice(0, -1) + String.fromCodePoint(order.prefix.codePointAt(order.prefix.length - 1)! + 1);
      return sql`(SELECT ${raw(order.descending ? 'max' : 'min')}(j.value) FROM ${keysIn(order.in)} j WHERE j.value>=${order.prefix} AND j.value<${end})`;
    }
  }
}

const nullable = (order: Order): boolean => order.by === 'date' || order.by === 'sort-string' || order.by === 'key';

/** Strictly after the cursor in the direction of travel; forwards a missing value comes last, backwards first. */
function beyond(
  terms: readonly { readonly value: Sql; readonly down: boolean; readonly nullable: boolean }[],
  cursor: Cursor,
  back: boolean,
): Sql {
  const [term, ...others] = terms;
  if (!term) return raw('0');
  const at = cursor[0] ?? null;
  const deeper = beyond(others, cursor.slice(1), back);
  if (at === null)
    return back ? sql`(${term.value} IS NOT NULL OR ${deeper})` : sql`(${term.value} IS NULL AND ${deeper})`;
  const further = sql`${term.value}${raw(term.down ? '<' : '>')}${at}`;
  const same = sql`(${term.value}=${at} AND ${deeper})`;
  return term.nullable && !back ? sql`(${further} OR ${term.value} IS NULL OR ${same})` : sql`(${further} OR ${same})`;
}

const filters = (tests: readonly KeyTest[], source: Source): Sql[] =>
  tests.map(test =>
    test.is === 'date' && source.first?.by === 'date' && !source.bounded ? dateSql(test, 'k.d') : filterSql(test),
  );

/**
 * What the index of a source says, without what is looked up in each row: tombstones and, where those without a sort
 * string are sought, those with one are candidates, too.
 */
const candidatesOf = (source: Source): readonly Sql[] =>
  source.where.filter(
    ({ text }) =>
      // An index that holds nothing else can only be used where this is said.
      (text !== PRESENT.text || source.from.text.includes('INDEXED BY resource_t')) && !text.startsWith('json_extract'),
  );

const withResource = (source: Source): Sql => raw(source.resource ? '' : ` CROSS JOIN resource r ON r.n=${source.n}`);

/** Everything here is our own text: a column of `r` is used where it is named. */
const resourceIfUsed = (source: Source, parts: readonly Sql[]): Sql =>
  parts.some(part => /\br\./.test(part.text)) ? withResource(source) : raw('');

const whereSql = (where: readonly Sql[]): Sql => (where.length === 0 ? raw('') : sql` WHERE ${join(where, ' AND ')}`);

/** The numbers of all resources that the driver yields and the filters let pass, up to a limit. */
function matching(
  { driver, filter }: Pick<Plan, 'driver' | 'filter'>,
  distinct: boolean,
  limit?: number,
): Sql | undefined {
  const found = sourceOf({ driver, filter });
  if (!found) return undefined;
  const source = wholeOf(found);
  const where = [...source.where, ...filters(filter, source)];
  const select = raw(distinct && source.repeats ? 'SELECT DISTINCT' : 'SELECT');
  return sql`${select} ${raw(source.n)} AS n FROM ${source.from}${resourceIfUsed(source, where)}${whereSql(where)}${limit === undefined ? raw('') : sql` LIMIT ${limit}`}`;
}

const counted = (inner: Sql | undefined): Sql | undefined => inner && sql`SELECT count(*) FROM (${inner})`;

/** One row with the number of matches, at most `limit`; undefined: nothing can match. */
export const compileCount = (plan: Pick<Plan, 'driver' | 'filter'>, limit?: number): Sql | undefined =>
  counted(matching(plan, true, limit));

/** Names (encodeId) of the matches, at most `limit` rows. */
export function compileNames(plan: Pick<Plan, 'driver' | 'filter'>, limit: number): Sql | undefined {
  const inner = matching(plan, true, limit);
  return inner && sql`SELECT r.id FROM (${inner}) q CROSS JOIN resource r ON r.n=q.n`;
}

/** Distinct keys of the matches by which they point at others, at most `limit` rows. */
export function compilePointing(
  plan: Pick<Plan, 'driver' | 'filter'>,
  pointing: readonly Pointing[],
  limit: number,
): Sql | undefined {
  const inner = matching(plan, true);
  if (!inner) return undefined;
  const legs = pointing.map(
    ({ in: array, head, tail }) =>
      sql`SELECT j.value AS key FROM (${inner}) q CROSS JOIN resource r ON r.n=q.n CROSS JOIN ${keysIn(array)} j WHERE substr(j.value,1,1)=${head} AND substr(j.value,-${tail.length})=${tail} AND substr(j.value,2,1)<>'^' AND instr(j.value,'>')=length(j.value)-${tail.length - 1}`,
  );
  return sql`SELECT DISTINCT key FROM (${join(legs, ' UNION ALL ')}) LIMIT ${limit}`;
}

/**
 * One row with the number of candidates that the filters would look at, at most `limit`: by keys alone, which tombstones
 * may have, too.
 */
export function compileProbe({ driver, filter }: Pick<Plan, 'driver' | 'filter'>, limit: number): Sql | undefined {
  const found = sourceOf({ driver, filter });
  if (!found) return undefined;
  const source = wholeOf(found);
  const bounds = source.bounded ? [] : filters(indexBounds({ driver, filter }), source);
  const where = [...candidatesOf(source), ...bounds];
  return counted(sql`SELECT 1 FROM ${source.from}${whereSql(where)} LIMIT ${limit}`);
}

/** A row if anything matches. */
export const compileAny = (plan: Pick<Plan, 'driver' | 'filter'>): Sql | undefined => matching(plan, false, 1);
