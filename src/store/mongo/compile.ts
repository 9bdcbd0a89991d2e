/**
 * A Plan as MongoDB queries: one hinted index, everything else as filters, the order said aloud. Pure.
 *
 * A page is one or more scans, asked one after the other until there are enough rows: resources without a date or a
 * sort string come last in both directions, and where the index would deliver them first they are a scan of their own.
 * Continuing at a cursor puts the driver into every branch of the $or, so that each branch is a scan in order.
 *
 * Merged scans keep their order up to 200 points (internalQueryMaxScansToExplode): longer lists are asked in chunks,
 * whose rows the caller merges.
 */
import type { Cursor } from '../../search/query.js';
import { encodeId, successor } from '../codec.js';
import { OPEN_PERIOD } from '../encode.js';
import { type IndexedArray, NO_DATE } from '../key.js';
import type { AccessPathDriver } from '../access-path.js';
import type { Order, Plan } from '../plan.js';
import { indexBounds } from '../choose-path.js';
import { type QueryFilter, filterOf, type Interval, intervalFilter, intervalsOf, narrower, oneOrIn } from './filter.js';
import { FIELD, INDEX, sortIndex, typeCode } from './schema.js';

const MAX_SCANS = 200;
const UNLIMITED = Number.MAX_SAFE_INTEGER;

export type SortField = readonly [field: string, direction: 1 | -1];

export interface IndexScan {
  /** One, or one per chunk of a long list of points: their rows are to be merged by `sort`, each once. */
  readonly filters: readonly QueryFilter[];
  readonly sort: readonly SortField[];
}

export type Compiled =
  | { readonly by: 'scans'; readonly hint: string; readonly scans: readonly IndexScan[] }
  /** After `match`, rows `{_id, o: values of the order}`; the caller fetches the texts of those that are left. */
  | {
      readonly by: 'pipeline';
      readonly hint: string;
      readonly match: QueryFilter;
      readonly stages: readonly QueryFilter[];
    };

/** A part of what the driver yields, with the bounds on the date that belong to it alone. */
interface DriverPart {
  readonly filter: QueryFilter;
  readonly d?: Interval;
}

interface DriverSource {
  readonly hint: string;
  readonly own?: IndexedArray;
  /** Chunks of at most `scans` points each. */
  parts(scans: number): readonly DriverPart[];
}

const unbounded = (filter: QueryFilter): DriverPart => ({ filter });

function chunks<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.max(1, Math.ceil(all.length / size)) }, (_, i) =>
    all.slice(i * size, (i + 1) * size),
  );
}

const idOf = ({ type, id }: { readonly type: string; readonly id: string }): string => encodeId(type, id);

/** What a tombstone lacks: only drivers that meet tombstones need it. */
const ALIVE: QueryFilter = { z: null };

function driverSource(driver: Exclude<AccessPathDriver, { by: 'nothing' }>): DriverSource {
  switch (driver.by) {
    case 'key': {
      const { in: array, openBefore } = driver;
      const points = [...new Set(driver.keys)];
      const pieces = (scans: number, head: string) =>
        chunks(points, scans).map((chunk): QueryFilter => ({ [FIELD[array]]: oneOrIn(chunk.map(key => head + key)) }));
      return {
        hint: INDEX[array],
        own: array,
        parts: scans =>
          openBefore === undefined
            ? pieces(scans, '').map(unbounded)
            : [
                ...pieces(scans, '').map((filter): DriverPart => ({ filter, d: { low: openBefore } })),
                ...pieces(scans, OPEN_PERIOD).map((filter): DriverPart => ({ filter, d: { high: openBefore - 1 } })),
              ],
      };
    }
    case 'range': {
      const array = driver.in;
      const ranges = driver.ranges.map(({ low, high }) => ({
        [FIELD[array]]: { $elemMatch: { $gte: low, $lt: high } },
      }));
      return { hint: INDEX[array], own: array, parts: () => [unbounded(disjunction(ranges))] };
    }
    case 'id':
      return { hint: INDEX.id, parts: () => [unbounded({ _id: oneOrIn(driver.of.map(idOf)), ...ALIVE })] };
    case 'type': {
      const head = typeCode(driver.type);
      return { hint: INDEX.id, parts: () => [unbounded({ _id: { $gte: head, $lt: successor(head) }, ...ALIVE })] };
    }
    case 'updated':
      return {
        hint: INDEX.updated,
        parts: scans =>
          chunks(driver.types.map(typeCode), scans).map(chunk => unbounded({ t: oneOrIn(chunk), ...ALIVE })),
      };
    case 'sort-string':
      return { hint: sortIndex(driver.prefix), parts: () => [unbounded({ t: typeCode(driver.type), ...ALIVE })] };
  }
}

/** The filters of a plan: bounds on single fields, which may become index bounds, and the rest. */
interface Conditions {
  readonly bounds: Readonly<Partial<Record<string, Interval>>>;
  readonly clauses: readonly QueryFilter[];
}

function planConditions(filter: Plan['filter'], own: IndexedArray | undefined): Conditions {
  const bounds: Partial<Record<string, Interval>> = {};
  const clauses: QueryFilter[] = [];
  for (const test of filter) {
    const intervals = intervalsOf(test);
    if (intervals)
      for (const [field, bound] of Object.entries(intervals)) bounds[field] = narrower(bounds[field] ?? {}, bound);
    else clauses.push(filterOf(test, own, idOf));
  }
  return { bounds, clauses };
}

const boundsFilter = (bounds: Conditions['bounds']): QueryFilter =>
  Object.fromEntries(
    Object.entries(bounds).flatMap(([field, bound]) => {
      const filter = intervalFilter(bound ?? {});
      return Object.keys(filter).length > 0 ? [[field, filter]] : [];
    }),
  );

const conjunction = (base: QueryFilter, clauses: readonly QueryFilter[]): QueryFilter =>
  clauses.length === 0 ? base : { ...base, $and: clauses };

type OrderValue = string | number | null;

/** What lies strictly beyond the values in this order: one branch per field. */
function branches(sort: readonly SortField[], values: readonly OrderValue[]): QueryFilter[] {
  return sort.map(([field, direction], i) => ({
    ...Object.fromEntries(sort.slice(0, i).map(([before], j) => [before, values[j]])),
    [field]: { [direction > 0 ? '$gt' : '$lt']: values[i] },
  }));
}

const withDate = (bounds: Conditions['bounds'], d: Interval | undefined): Conditions['bounds'] =>
  d ? { ...bounds, d: narrower(bounds['d'] ?? {}, d) } : bounds;

const isWithin = (value: number, { low = -Infinity, high = Infinity }: Interval = {}): boolean =>
  low <= value && value <= high;

/** A branch with the bounds of the query on its own fields; an equality lies within them already. */
function bounded(branch: QueryFilter, bounds: Conditions['bounds']): QueryFilter {
  const own = Object.entries(branch).map(([field, condition]) => [
    field,
    typeof condition === 'object' && condition !== null
      ? { ...intervalFilter(bounds[field] ?? {}), ...condition }
      : condition,
  ]);
  return { ...boundsFilter(bounds), ...Object.fromEntries(own) };
}

/** The field of an order that a find can sort by. `split`: missing values need a scan of their own. */
function fieldOf(order: Exclude<Order, { by: 'key' }>): { readonly field: string; readonly split: boolean } {
  switch (order.by) {
    // NO_DATE is the smallest number: descending, it comes last by itself.
    case 'date':
      return { field: 'd', split: !order.descending };
    case 'n':
      return { field: 'n', split: false };
    case 'updated':
      return { field: 'u', split: false };
    case 'id':
      return { field: '_id', split: false };
    case 'sort-string':
      return { field: `s.${order.prefix}`, split: true };
  }
}

/** One scan; where the first order may lack a value, one for those that have it and one for those that do not. */
function scansOf(plan: Plan, source: DriverSource, all: readonly Exclude<Order, { by: 'key' }>[]): IndexScan[] {
  const back = plan.before !== undefined;
  // An id is unique: what comes after it in the order would only be sorted.
  const orders = all[0]!.by === 'id' ? all.slice(0, 1) : all;
  const cursor: Cursor | undefined = (plan.after ?? plan.before)?.slice(0, orders.length);
  const { bounds, clauses } = planConditions(plan.filter, source.own);
  const { field, split } = fieldOf(orders[0]!);
  // A condition on the date holds for no resource without one.
  const forwards = split && !(field === 'd' && bounds['d']) ? [true, false] : [true];
  const order = back ? forwards.toReversed() : forwards;
  const start = cursor && split ? Math.max(0, order.indexOf(cursor[0] !== null)) : 0;

  return order.slice(start).map((present, position): IndexScan => {
    const sorted = orders.slice(present ? 0 : 1);
    const sort = sorted.map((each): SortField => [fieldOf(each).field, each.descending !== back ? -1 : 1]);
    const dated = split && field === 'd';
    const scanBounds = dated && present ? { ...bounds, d: narrower(bounds['d'] ?? {}, { low: NO_DATE + 1 }) } : bounds;
    const extra: QueryFilter =
      !split || (dated && present) ? {} : { [field]: present ? { $gte: '' } : dated ? NO_DATE : null };
    const continued = cursor !== undefined && position === 0;
    const values = continued ? cursor.slice(present ? 0 : 1).map(value => value ?? NO_DATE) : [];
    const bases = source.parts(plan.ordered ? (continued ? 1 : MAX_SCANS) : UNLIMITED);
    if (!continued)
      return {
        sort,
        filters: merged(bases).map(of =>
          conjunction(
            disjunction(of.map(({ filter, d }) => ({ ...filter, ...boundsFilter(withDate(scanBounds, d)), ...extra }))),
            clauses,
          ),
        ),
      };
    const beyond = (d?: Interval): QueryFilter[] =>
      branches(sort, values)
        .filter(({ d: date }) => typeof date !== 'number' || isWithin(date, d))
        .map(branch => bounded({ ...extra, ...branch }, withDate(scanBounds, d)));
    if (!plan.ordered) return { sort, filters: [conjunction(wholeFilter(bases, {}), [{ $or: beyond() }, ...clauses])] };
    // Every point with every branch: then each is one scan in order, and the scans are merged.
    const scans = bases.flatMap(({ filter, d }) => beyond(d).map((branch): QueryFilter => conjoin(filter, branch)));
    return { sort, filters: chunks(scans, MAX_SCANS).map(chunk => conjunction(disjunction(chunk), clauses)) };
  });
}

/** Both, where an `_id` may be bounded by each. */
const conjoin = (a: QueryFilter, b: QueryFilter): QueryFilter =>
  Object.keys(b).some(key => key in a)
    ? { ...a, ...Object.fromEntries(Object.entries(b).map(([key, value]) => [key, both(a[key], value)])) }
    : { ...a, ...b };
const both = (a: unknown, b: unknown): unknown =>
  typeof a === 'object' && a !== null && typeof b === 'object' && b !== null ? { ...a, ...b } : b;

/** Bases that one query merges: those with bounds of their own are few. */
const merged = (bases: readonly DriverPart[]): (readonly DriverPart[])[] =>
  bases.some(({ d }) => d) && bases.length <= 2 ? [bases] : bases.map(base => [base]);

/** All bases as one filter. */
const wholeFilter = (bases: readonly DriverPart[], bounds: Conditions['bounds']): QueryFilter =>
  disjunction(bases.map(({ filter, d }) => ({ ...filter, ...boundsFilter(withDate(bounds, d)) })));

const disjunction = (of: readonly QueryFilter[]): QueryFilter => (of.length === 1 ? of[0]! : { $or: of });

/** The value of a resource under one order, null where it has none. */
function orderExpression(order: Order): unknown {
  switch (order.by) {
    case 'date':
      return { $cond: [{ $eq: ['$d', NO_DATE] }, null, '$d'] };
    case 'n':
      return '$n';
    case 'updated':
      return '$u';
    case 'id':
      return '$_id';
    case 'sort-string':
      return { $ifNull: [`$s.${order.prefix}`, null] };
    case 'key': {
      const starts = { $and: [{ $gte: ['$$this', order.prefix] }, { $lt: ['$$this', successor(order.prefix)] }] };
      const keys = { $filter: { input: { $ifNull: [`$${FIELD[order.in]}`, []] }, cond: starts } };
      return { [order.descending ? '$max' : '$min']: keys };
    }
  }
}

/** Any order: small documents are sorted, with a mark before each value that says whether it is missing. */
function sortingStages(plan: Plan): QueryFilter[] {
  const back = plan.before !== undefined;
  const cursor = plan.after ?? plan.before;
  const values = Object.fromEntries(plan.order.map((order, i) => [`o${i}`, orderExpression(order)]));
  const marks = Object.fromEntries(plan.order.map((_, i) => [`m${i}`, { $cond: [{ $eq: [`$o${i}`, null] }, 1, 0] }]));
  const sort = plan.order.flatMap(({ descending }, i): SortField[] => [
    [`m${i}`, back ? -1 : 1],
    [`o${i}`, descending !== back ? -1 : 1],
  ]);
  const positions = cursor?.flatMap((value): OrderValue[] => [value === null ? 1 : 0, value]);
  // Nothing lies beyond a missing value but what differs further on.
  const beyond = positions && branches(sort, positions).filter((_, i) => positions[i] !== null);
  return [
    { $project: values },
    { $set: marks },
    ...(beyond ? [{ $match: { $or: beyond } }] : []),
    { $sort: Object.fromEntries(sort) },
    { $limit: plan.limit + 1 },
    { $project: { o: plan.order.map((_, i) => `$o${i}`) } },
  ];
}

const isPlain = (order: Order): order is Exclude<Order, { by: 'key' }> => order.by !== 'key';

/** Legs follow one another: that is the order only where no field but the first needs one for its missing values. */
const isInScans = (order: readonly Order[]): order is readonly Exclude<Order, { by: 'key' }>[] =>
  order.every((each, i) => isPlain(each) && (i === 0 || !fieldOf(each).split));

/** Undefined: nothing can match. */
export function compile(plan: Plan): Compiled | undefined {
  if (plan.driver.by === 'nothing') return undefined;
  const source = driverSource(plan.driver);
  return isInScans(plan.order)
    ? { by: 'scans', hint: source.hint, scans: scansOf(plan, source, plan.order) }
    : { by: 'pipeline', ...compileMatch(plan)!, stages: sortingStages(plan) };
}

/** The whole condition without order. Undefined: nothing can match. */
export function compileMatch({
  driver,
  filter,
}: Pick<Plan, 'driver' | 'filter'>): { readonly match: QueryFilter; readonly hint: string } | undefined {
  if (driver.by === 'nothing') return undefined;
  const source = driverSource(driver);
  const { bounds, clauses } = planConditions(filter, source.own);
  return {
    hint: source.hint,
    match: conjunction(wholeFilter(source.parts(UNLIMITED), bounds), clauses),
  };
}

/** What is to be counted to know how many candidates a driver has: keys alone. */
export const compileProbe = (path: Pick<Plan, 'driver' | 'filter'>): ReturnType<typeof compileMatch> => {
  if (path.driver.by === 'nothing') return undefined;
  // The index of a sort string does not have the type: its documents would be read.
  if (path.driver.by === 'sort-string') return { hint: INDEX.updated, match: { t: typeCode(path.driver.type) } };
  const source = driverSource(path.driver);
  const { bounds } = planConditions(indexBounds(path), source.own);
  // Tombstones are in the documents: they are counted, too.
  const { z: _, ...match } = wholeFilter(source.parts(UNLIMITED), bounds) as QueryFilter & { readonly z?: null };
  return { hint: source.hint, match };
};
