/**
 * A Plan as SQL. Three rules, all of them measured: the driver comes first (CROSS JOIN keeps it there); a walk that is
 * in the order of its index reads texts as it goes; where something must be sorted, keys alone are, and the texts of one
 * page are joined to the result.
 *
 * A page is one or more scans, run one after the other until there are enough rows. Two scans are needed where the
 * index would deliver resources without a date (or sort string) at the wrong end: they come last in both directions.
 */
import type { Cursor } from '../../search/query.js';
import { NO_DATE } from '../key.js';
import type { Order, Plan } from '../plan.js';
import { indexBounds } from '../choose-path.js';
import { keysIn } from './held-keys.js';
import { COLUMNS } from './rows.js';
import {
  candidateConditions,
  filters,
  resourceIfUsed,
  type RowSource,
  sortString,
  rowSource,
  whereSql,
  wholeOf,
  withResource,
} from './source.js';
import { joinSql, raw, type Sql, sql } from './sql.js';

export interface IndexScan {
  /** At most so many rows. A walk can be taken in pieces: after the place `from` in its index, as far as `until`. */
  page(limit: number, from?: Cursor, until?: Cursor): Sql;
  /** Of a walk: one row with the number of resources after `from`, as far as `until`. */
  readonly count?: (from?: Cursor, until?: Cursor) => Sql;
  /** Of a walk: one row, the place of the candidate that comes so many after `from`. */
  readonly edge?: (skip: number, from?: Cursor) => Sql;
}

export interface PageScans {
  readonly scans: readonly IndexScan[];
  /** A resource may come more than once, always with the same values of the order. */
  readonly repeats: boolean;
}

export function compile(plan: Plan): PageScans {
  const source = rowSource(plan);
  if (!source) return { scans: [], repeats: false };
  return { scans: indexWalk(source, plan) ?? sortingScan(source, plan), repeats: source.repeats };
}

/** How many patients these keys name, if they are all patient keys or those of references to Patients (index-layout.ts). */
function patientCount(keys: readonly string[]): number {
  const patients = new Set<string>();
  for (const key of keys) {
    const head = key.startsWith('p') ? 1 : key.startsWith('rPa') ? 3 : 0;
    if (head === 0) return Infinity;
    patients.add(key.slice(head, key.indexOf('>')));
  }
  return patients.size;
}

/** Rows of a page that is read in one piece: five milliseconds or so. */
const MAX_BOUNDED_ROWS = 2500;

/** Whether few rows are looked at per row returned: the index gives the order, and nothing is passed over. */
export function isBounded({ driver, filter, ordered, limit }: Plan): boolean {
  if (limit > MAX_BOUNDED_ROWS) return false;
  switch (driver.by) {
    case 'nothing':
      return true;
    case 'id':
      return driver.of.length <= 1000;
    case 'key':
      // Within single patients everything is small. A compartment is keys of one patient, of many types.
      if (patientCount(driver.keys) <= 50) return true;
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

/** Whether the driver's index has the order of the plan, forwards or backwards. */
function isInIndexOrder({ first }: RowSource, plan: Plan): boolean {
  const orders = plan.order.slice(0, -1);
  const last = plan.order.at(-1)!;
  if (plan.driver.by === 'range' || plan.driver.by === 'id' || last.by !== 'n') return false;
  if (orders.length !== (first ? 1 : 0) || (first && !sameOrder(orders[0]!, first.by, plan))) return false;
  return orders.every(order => order.descending === last.descending);
}

/** The scans of a walk along the driver's index, or undefined where its order is another one. */
function indexWalk(source: RowSource, plan: Plan): PageScans['scans'] | undefined {
  if (!isInIndexOrder(source, plan)) return undefined;
  const { first, rest } = source;
  const down = plan.order.at(-1)!.descending !== (plan.before !== undefined);
  const n: OrderColumn = { column: source.n, down };
  const cursor = plan.after ?? plan.before;
  if (!first) return [scanFrom(source, plan, [n], cursor)];
  const columns: readonly OrderColumn[] = [{ column: first.column, down }, n];
  if (rest) return walkWithRest(source, rest, plan, columns);
  if (first.missing && !plan.filter.some(test => test.is === 'date')) return walkByDate(source, plan, columns);
  return [scanFrom(source, plan, columns, cursor)];
}

/** A walk along an index that does not hold what has no value: the rest comes last in both directions. */
function walkWithRest(
  source: RowSource,
  rest: RowSource,
  plan: Plan,
  columns: readonly OrderColumn[],
): PageScans['scans'] {
  const cursor = plan.after ?? plan.before;
  const isAtValue = cursor !== undefined && cursor[0] !== null;
  const isAtRest = cursor !== undefined && !isAtValue;
  const byNumber: OrderColumn[] = [{ column: rest.n, down: columns[0]!.down }];
  const restScan = scanFrom(rest, plan, byNumber, isAtRest ? cursor.slice(1) : undefined, true);
  const valueScan = scanFrom(source, plan, columns, isAtValue ? cursor : undefined);
  // Forwards: those with a value, then the rest. Backwards from a value there is nothing of the rest before it.
  if (plan.before === undefined) return isAtRest ? [restScan] : [valueScan, restScan];
  return isAtValue ? [valueScan] : [restScan, valueScan];
}

/** A walk by the main date: NO_DATE is the smallest number, and what has it comes last in both directions. */
function walkByDate(source: RowSource, plan: Plan, columns: readonly OrderColumn[]): PageScans['scans'] {
  const [{ column, down }] = columns as readonly [OrderColumn, ...OrderColumn[]];
  const back = plan.before !== undefined;
  const cursor = plan.after ?? plan.before;
  // Downwards it comes last by itself, which is right unless we go backwards.
  if (down === !back) return [scanFrom(source, plan, columns, cursor && [cursor[0] ?? NO_DATE, cursor[1]!])];
  const dated: RowSource = { ...source, where: [...source.where, sql`${raw(column)}>${NO_DATE}`] };
  const undated: RowSource = { ...source, where: [...source.where, sql`${raw(column)}=${NO_DATE}`] };
  const isAtUndated = cursor !== undefined && cursor[0] === null;
  const undatedScan = scanFrom(undated, plan, columns, isAtUndated ? [NO_DATE, cursor[1]!] : undefined);
  const datedScan = scanFrom(dated, plan, columns, isAtUndated ? undefined : cursor);
  if (!back) return isAtUndated ? [undatedScan] : [datedScan, undatedScan];
  return isAtUndated || !cursor ? [undatedScan, datedScan] : [datedScan];
}

const sameOrder = (order: Order, by: string, { driver }: Plan): boolean =>
  order.by === by && (order.by !== 'sort-string' || (driver.by === 'sort-string' && driver.prefix === order.prefix));

interface OrderColumn {
  readonly column: string;
  readonly down: boolean;
}

/** One walk along an index, from the cursor on. All bounds have one direction. `nothing`: the first value is NULL. */
function scanFrom(
  source: RowSource,
  plan: Plan,
  bounds: readonly OrderColumn[],
  cursor: Cursor | undefined,
  nothing = false,
): IndexScan {
  const { down } = bounds[0]!;
  const columns = raw(bounds.map(bound => bound.column).join(','));
  /** What lies beyond a place, or not beyond it. A row value is an index bound. */
  const beside = (place: Cursor | undefined, strictly: boolean): Sql[] => {
    if (!place) return [];
    const values = joinSql(
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
  const between = (from?: Cursor, until?: Cursor): Sql[] => [
    ...source.where,
    ...filters(plan.filter, source),
    ...beside(from, true),
    ...beside(until, false),
  ];
  return {
    page(limit, from = cursor, until) {
      const where = between(from, until);
      return merges
        ? pageStatement(source, where, selected, orderBy, limit)
        : sql`SELECT ${joinSql([raw(COLUMNS), ...selected], ',')} FROM ${source.from}${withResource(source)}${whereSql(where)} ORDER BY ${orderBy} LIMIT ${limit}`;
    },
    count(from = cursor, until) {
      // What comes by several keys has one place in the order.
      const where = between(from, until);
      const number = raw(`${source.repeats ? 'DISTINCT ' : ''}${source.n}`);
      return sql`SELECT count(${number}) FROM ${source.from}${resourceIfUsed(source, where)}${whereSql(where)}`;
    },
    edge(skip, from = cursor) {
      const dates = source.bounded ? [] : filters(indexBounds(plan), source);
      const where = [...candidateConditions(source), ...dates, ...beside(from, true)];
      return sql`SELECT ${columns} FROM ${source.from}${resourceIfUsed(source, [...where, columns])}${whereSql(where)} ORDER BY ${orderBy} LIMIT 1 OFFSET ${skip}`;
    },
  };
}

/** Keys are sorted inside, texts are joined outside. `selected`: the values of the order but for n. */
function pageStatement(
  source: RowSource,
  where: readonly Sql[],
  selected: readonly Sql[],
  orderBy: Sql,
  limit: number,
): Sql {
  const values = selected.map((value, i) => sql`${value} AS ${raw(`o${i}`)}`);
  const from = sql`${source.from}${resourceIfUsed(source, [...where, ...selected, orderBy])}`;
  const inner = sql`SELECT ${joinSql([raw(`${source.n} AS n`), ...values], ',')} FROM ${from}${whereSql(where)} ORDER BY ${orderBy} LIMIT ${limit}`;
  const outer = [COLUMNS, ...values.map((_, i) => `q.o${i}`)].join(',');
  return sql`SELECT ${raw(outer)} FROM (${inner}) q CROSS JOIN resource r ON r.n=q.n`;
}

/** Any order: expressions over the resource, all candidates sorted. */
function sortingScan(source: RowSource, plan: Plan): PageScans['scans'] {
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
  const orderBy = joinSql(
    terms.flatMap(({ value, down, nullable: may }) => [
      ...(may ? [sql`(${value} IS NULL)${raw(back ? ' DESC' : '')}`] : []),
      sql`${value}${raw(down ? ' DESC' : '')}`,
    ]),
    ',',
  );
  const selected = terms.slice(0, -1).map(({ value }) => value);
  return [{ page: limit => pageStatement(whole, where, selected, orderBy, limit) }];
}

function orderSql(order: Order, source: RowSource): Sql {
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
