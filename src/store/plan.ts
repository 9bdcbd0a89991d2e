/**
 * From a typed query to one plan that both stores execute: exactly one indexed driver, everything else as filters on
 * the resource's own keys, one total order. Adapters only translate a Plan into their language (compile.ts); they
 * never look at a Where. Pure: no I/O.
 *
 * Two access paths are often both sensible: a walk in the order wanted, which a broad condition ends after a page, and an
 * index range, which a narrow condition makes short. Only the data knows which, so a plan names them all (`others`), and
 * a store counts their candidates up to a limit before it takes one (choose-path.ts). Rows and their order are the same
 * whichever it takes, so that pages of one search fit together although each takes another path:
 *
 * - What is few by nature (an id, an identifier, an encounter, a patient) has no others.
 * - Without `_sort` the order is the natural one of the first driver, and which is first depends on the query alone: the
 *   best condition by rank, if it is one of points; else the walk along the type. (That a parameter has never been used
 *   may change it: then nothing was found before, or the page link is over.)
 * - With `_sort` the first driver is the best one that delivers the order; where none does, everything is sorted.
 * - A driver that does not deliver the order has its candidates sorted. It is taken only where they are few.
 */
import { FhirError } from '../fhir/error.js';
import type { Cursor, Query, SortKey } from '../search/query.js';
import { compareKeys, encodeId } from './codec.js';
import { driverChoices, type DriverChoice, type AccessPathDriver } from './access-path.js';
import { checkKeys } from './expense.js';
import type { IndexCatalog } from './index-catalog.js';
import { type KeyArray, type Keys, type KeyTest, NO_DATE } from './key.js';
import type { IndexLayout } from './index-layout.js';

/** One key of the total order; the last is always `n` (order of arrival), which is unique. */
export type Order =
  | { readonly by: 'date' | 'n' | 'updated' | 'id'; readonly descending: boolean }
  /** The stored sort string `s[prefix]`. */
  | { readonly by: 'sort-string'; readonly prefix: string; readonly descending: boolean }
  // A missing date or key comes last in both directions.
  /** Smallest (ascending) or largest (descending) key with the prefix in the array; resources without one come last. */
  | { readonly by: 'key'; readonly in: KeyArray; readonly prefix: string; readonly descending: boolean };

/** One way to the rows of a plan. */
export interface AccessPath {
  readonly driver: AccessPathDriver;
  /** All must hold. Bounds on the date that the driver's index can use are given here too (`is: 'date'`). */
  readonly filter: readonly KeyTest[];
  /** The driver delivers the order by itself: no sort step is needed. */
  readonly ordered: boolean;
}

export interface Plan extends AccessPath {
  /** The same rows by other drivers, better where those have few candidates. */
  readonly others?: readonly AccessPath[];
  readonly order: readonly Order[];
  readonly limit: number;
  readonly bytes?: number;
  readonly after?: Cursor;
  readonly before?: Cursor;
}

/** What a row must show to make its cursor. */
export interface OrderedRow {
  readonly type: string;
  readonly id: string;
  /** Order of arrival. */
  readonly n: number;
  readonly updated: number;
  readonly keys: Pick<Keys, 'byDate' | 'byArrival' | 'filterOnly' | 'mainDate' | 'sortTexts'>;
}

/** The value of a row under one key of the order; null: it has none, and comes last. */
export function orderValue(order: Order, row: OrderedRow): string | number | null {
  switch (order.by) {
    case 'n':
      return row.n;
    case 'date':
      return row.keys.mainDate === NO_DATE ? null : row.keys.mainDate;
    case 'updated':
      return row.updated;
    case 'id':
      return encodeId(row.type, row.id);
    case 'sort-string':
      return row.keys.sortTexts[order.prefix] ?? null;
    case 'key': {
      const keys = row.keys[order.in].filter(key => key.startsWith(order.prefix)).toSorted(compareKeys);
      return (order.descending ? keys.at(-1) : keys[0]) ?? null;
    }
  }
}

/** The cursor of a row: one value for every key of the order. */
export const cursorOfRow = (order: readonly Order[], row: OrderedRow): Cursor => order.map(by => orderValue(by, row));

function sortOrder(layout: IndexLayout, types: readonly string[], { code, descending }: SortKey): Order {
  if (code === '_lastUpdated') return { by: 'updated', descending };
  if (code === '_id') return { by: 'id', descending };
  const parameters = types.map(type => layout.find(type, code));
  if (parameters.every(parameter => parameter.main)) return { by: 'date', descending };
  const [parameter, another] = parameters;
  if (!parameter || another)
    throw new FhirError(
      'not-supported',
      `Results of several types cannot be sorted by ${code}; use _lastUpdated or _id.`,
    );
  const { prefix, array: home } = parameter;
  const array = home === 'none' ? 'filterOnly' : home;
  // Two parameters together have no keys of their own.
  if (parameter.union) throw new FhirError('not-supported', `Results cannot be sorted by ${code}.`);
  if (parameter.sorts) return { by: 'sort-string', prefix, descending };
  switch (parameter.kind) {
    case 'date':
      return { by: 'key', in: 'filterOnly', prefix: `${prefix}<`, descending };
    case 'number':
    case 'quantity':
      return { by: 'key', in: array, prefix: `${prefix}n`, descending };
    case 'string':
      return { by: 'key', in: array, prefix: `${prefix}:`, descending };
    case 'token':
    case 'uri':
      return { by: 'key', in: array, prefix, descending };
  }
  throw new FhirError('not-supported', `Results cannot be sorted by ${code}.`);
}

/** The order in which a driver's index delivers rows. It depends on the query alone, so pages fit together. */
export function naturalOrder(driver: AccessPathDriver): Order[] {
  const n: Order = { by: 'n', descending: true };
  if (driver.by === 'key' && driver.in === 'byDate') return [{ by: 'date', descending: true }, n];
  return driver.by === 'updated' ? [{ by: 'updated', descending: true }, n] : [n];
}

/** Whether the driver's index delivers rows in this order, forwards or backwards. */
function delivers(driver: AccessPathDriver, order: readonly Order[]): boolean {
  const [first, second, third] = order;
  if (driver.by === 'nothing') return true;
  if (!first || third) return false;
  if (!second) return driver.by === 'key' && driver.in === 'byArrival';
  if (first.descending !== second.descending || second.by !== 'n') return false;
  if (first.by === 'date') return driver.by === 'key' && driver.in === 'byDate';
  if (first.by === 'updated') return driver.by === 'updated';
  if (first.by === 'id') return driver.by === 'type';
  return first.by === 'sort-string' && driver.by === 'sort-string' && driver.prefix === first.prefix;
}

/** A plan without the page that is wanted. */
export type Approach = Pick<Plan, 'driver' | 'filter' | 'ordered' | 'others' | 'order'>;

/**
 * The plan of a query. Driver and filters together are exact. Throws `not-supported` for conditions and orders that
 * the keys cannot answer, `unknown-type` for types that do not exist, `too-costly` for too many keys.
 */
export const plan = (layout: IndexLayout, query: Query, catalog: IndexCatalog): Plan =>
  pageOf(approach(layout, query, catalog), query);

/** How the query is answered, whichever page of it is wanted. Throws what `plan` throws. */
export function approach(layout: IndexLayout, query: Query, catalog: IndexCatalog): Approach {
  const { types, sort } = query;
  checkKeys({ layout, catalog, types }, query.where);
  const keys = sort.map(key => sortOrder(layout, types, key));
  const wanted: Order[] = [...keys, { by: 'n', descending: keys.at(-1)?.descending ?? true }];
  const [first, ...others] = driverChoices(
    { layout, catalog, types },
    query,
    sort.length === 0 ? undefined : driver => delivers(driver, wanted),
  );
  const order = sort.length === 0 ? naturalOrder(first.driver) : wanted;
  const path = ({ driver, filter }: DriverChoice): AccessPath => ({ driver, filter, ordered: delivers(driver, order) });
  return { order, ...path(first), ...(others.length === 0 ? {} : { others: others.map(path) }) };
}

export const pageExpired = (): FhirError =>
  new FhirError('expired', 'This page link no longer fits the data. Search again.');

/** The page that the query wants. Throws `expired` where its place is none in this order. */
export function pageOf(made: Approach, { limit, bytes, after, before }: Query): Plan {
  // The order can depend on what the data uses by now, in rare cases: such a page link is over.
  const cursor = after ?? before;
  if (cursor && made.driver.by !== 'nothing' && cursor.length !== made.order.length) throw pageExpired();
  return {
    limit,
    ...made,
    ...(bytes === undefined ? {} : { bytes }),
    ...(after === undefined ? {} : { after }),
    ...(before === undefined ? {} : { before }),
  };
}
