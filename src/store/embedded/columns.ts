/**
 * The index of a resource as the columns of its row: a few flat strings, made on the main thread, because arrays of keys
 * would be copied one by one on their way to the writer. What the columns mean stands in schema.ts.
 */
import { type IndexedArray, type KeyArray, type Keys, NO_DATE } from '../key.js';
import { finite } from './sql.js';

export interface Columns {
  readonly d: number;
  readonly e: number;
  readonly s: string | null;
  readonly w: string | null;
  /** All keys; null: a tombstone. */
  readonly f: string | null;
}

export const NO_COLUMNS: Columns = { d: NO_DATE, e: NO_DATE, s: null, w: null, f: null };

/** How the arrays of keys are called inside the column `f`. */
export const LETTER = { byDate: 'k', byArrival: 'g', filterOnly: 'f' } as const satisfies Record<KeyArray, string>;

export const columnsOf = (keys: Keys): Columns => ({
  d: keys.mainDate,
  e: keys.mainDateEnd,
  s: Object.keys(keys.sortTexts).length === 0 ? null : JSON.stringify(keys.sortTexts),
  w:
    keys.ranges.length === 0
      ? null
      : JSON.stringify(keys.ranges.map(({ prefix, low, high }) => [prefix, finite(low), finite(high)])),
  f: JSON.stringify({ k: [0, ...keys.byDate], g: [0, ...keys.byArrival], f: [0, ...keys.filterOnly] }),
});

type KeyLists = Readonly<Record<'k' | 'g' | 'f', readonly [0, ...string[]]>>;

/** The keys that an index has, and the strings to sort by: what an update compares. */
export function indexedKeys({
  s,
  f,
}: Pick<Columns, 's' | 'f'>): Readonly<Record<IndexedArray, readonly string[]>> & Pick<Keys, 'sortTexts'> {
  if (f === null) return { byDate: [], byArrival: [], sortTexts: {} };
  const { k, g } = JSON.parse(f) as KeyLists;
  return {
    byDate: k.slice(1) as string[],
    byArrival: g.slice(1) as string[],
    sortTexts: s === null ? {} : (JSON.parse(s) as Record<string, string>),
  };
}

/** All keys of a resource. */
export function allKeys({ f }: Pick<Columns, 'f'>): ReadonlySet<unknown> {
  if (f === null) return new Set();
  const { k, g, f: further } = JSON.parse(f) as KeyLists;
  return new Set([...k, ...g, ...further]);
}
