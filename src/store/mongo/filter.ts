/**
 * A KeyTest as a MongoDB filter. Two rules, both measured: a range on an array is an $elemMatch, else its two bounds
 * may be met by different keys; and a test on the array that drives the query hides in $expr, else it competes with the
 * driver for the index. Negations go under $nor, which never becomes index bounds.
 */
import { type IndexedArray, type KeyArray, type KeyTest, NO_DATE } from '../key.js';
import { FIELD } from './schema.js';

export type QueryFilter = Readonly<Record<string, unknown>>;

/** Passes nothing. */
export const PASSES_NOTHING: QueryFilter = { $nor: [{}] };

/** One of these values. */
export const oneOrIn = (values: readonly string[]): unknown => (values.length === 1 ? values[0] : { $in: values });

/** Inclusive bounds of a number. */
export interface Interval {
  readonly low?: number;
  readonly high?: number;
}

export const intervalFilter = ({ low, high }: Interval): QueryFilter => ({
  ...(low === undefined ? {} : { $gte: low }),
  ...(high === undefined ? {} : { $lte: high }),
});

export const narrower = (a: Interval, b: Interval): Interval => ({
  ...(a.low === undefined && b.low === undefined ? {} : { low: Math.max(a.low ?? -Infinity, b.low ?? -Infinity) }),
  ...(a.high === undefined && b.high === undefined ? {} : { high: Math.min(a.high ?? Infinity, b.high ?? Infinity) }),
});

const isBinding = ({ low, high }: Interval): boolean => low !== undefined || high !== undefined;

/** Bounds on `d`, `e` and `u` that a test alone is made of; undefined for other tests. */
export function intervalsOf(
  test: KeyTest,
): { readonly d?: Interval; readonly e?: Interval; readonly u?: Interval } | undefined {
  if (test.is === 'updated') return { u: interval(test.min, test.max) };
  if (test.is !== 'date') return undefined;
  const e = interval(test.highMin, test.highMax);
  return {
    // A resource without a main date never passes.
    d: interval(Math.max(test.lowMin ?? NO_DATE + 1, NO_DATE + 1), test.lowMax),
    ...(isBinding(e) ? { e } : {}),
  };
}

const interval = (low: number | undefined, high: number | undefined): Interval => ({
  ...(low === undefined ? {} : { low }),
  ...(high === undefined ? {} : { high }),
});

const escapePattern = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

/** Whether some element of the array satisfies an aggregation expression over `$$this`. */
const someElement = (array: string, condition: unknown): QueryFilter => ({
  $expr: { $anyElementTrue: [{ $map: { input: `$${array}`, in: condition } }] },
});

/** Holds one of these keys. */
function keyFilter(array: KeyArray, keys: readonly string[], own: IndexedArray | undefined): QueryFilter {
  if (keys.length === 0) return PASSES_NOTHING;
  if (array !== own) return { [FIELD[array]]: oneOrIn(keys) };
  return keys.length === 1
    ? { $expr: { $in: [keys[0], `$${FIELD[own]}`] } }
    : { $expr: { $gt: [{ $size: { $setIntersection: [`$${FIELD[own]}`, keys] } }, 0] } };
}

/** Holds a range with this prefix and its ends within the bounds. */
function spanFilter({ prefix, lowMin, lowMax, highMin, highMax }: KeyTest & { readonly is: 'span' }): QueryFilter {
  const l = interval(lowMin, lowMax);
  const h = interval(highMin, highMax);
  const ends = {
    ...(isBinding(l) ? { l: intervalFilter(l) } : {}),
    ...(isBinding(h) ? { h: intervalFilter(h) } : {}),
  };
  return { w: { $elemMatch: { p: prefix, ...ends } } };
}

/** `own`: the array that drives the query, if any. `idOf` gives the `_id` of a resource. */
export function filterOf(
  test: KeyTest,
  own: IndexedArray | undefined,
  idOf: (resource: { readonly type: string; readonly id: string }) => string,
): QueryFilter {
  switch (test.is) {
    case 'all':
      return test.of.length === 0 ? {} : { $and: test.of.map(part => filterOf(part, own, idOf)) };
    case 'any':
      if (test.of.length === 0) return PASSES_NOTHING;
      // As $or they would compete with the driver for its index, where they bound the date.
      return { $nor: [{ $nor: test.of.map(part => filterOf(part, own, idOf)) }] };
    case 'not':
      return { $nor: [filterOf(test.of, own, idOf)] };
    case 'key':
      return keyFilter(test.in, test.keys, own);
    case 'range': {
      const { low, high } = test;
      return test.in === own
        ? someElement(FIELD[own], { $and: [{ $gte: ['$$this', low] }, { $lt: ['$$this', high] }] })
        : { [FIELD[test.in]]: { $elemMatch: { $gte: low, $lt: high } } };
    }
    case 'contains': {
      const regex = `^${escapePattern(test.prefix)}.*${escapePattern(test.text)}`;
      return test.in === own
        ? someElement(FIELD[own], { $regexMatch: { input: '$$this', regex, options: 's' } })
        : { [FIELD[test.in]]: { $regex: regex, $options: 's' } };
    }
    case 'span':
      return spanFilter(test);
    case 'date':
    case 'updated':
      return Object.fromEntries(
        Object.entries(intervalsOf(test)!).flatMap(([field, bounds]) =>
          isBinding(bounds) ? [[field, intervalFilter(bounds)]] : [],
        ),
      );
    case 'id':
      return { _id: { $in: test.of.map(idOf) } };
  }
}
