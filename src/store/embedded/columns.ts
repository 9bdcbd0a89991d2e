/**
 * The index of a resource as the columns of its row: a few flat strings, made on the main thread, because arrays of keys
 * would be copied one by one on their way to the writer. What the columns mean stands in schema.ts.
 */
import { type Keys, NO_DATE } from '../key.js';
import { finite } from './filter.js';

export interface Columns {
  readonly d: number;
  readonly e: number;
  readonly s: string | null;
  readonly w: string | null;
  /** All keys; null: a tombstone. */
  readonly f: string | null;
}

export const NOTHING: Columns = { d: NO_DATE, e: NO_DATE, s: null, w: null, f: null };

export const columnsOf = ({ d, e, k, g, f, s, w }: Keys): Columns => ({
  d,
  e,
  s: Object.keys(s).length === 0 ? null : JSON.stringify(s),
  w: w.length === 0 ? null : JSON.stringify(w.map(({ p, l, h }) => [p, finite(l), finite(h)])),
  f: JSON.stringify({ k: [0, ...k], g: [0, ...g], f: [0, ...f] }),
});

/** The keys that have entries, and the strings to sort by: what an update compares. */
export function keysIn({ s, f }: Pick<Columns, 's' | 'f'>): {
  readonly k: readonly string[];
  readonly g: readonly string[];
  readonly s: Readonly<Record<string, string>>;
} {
  if (f === null) return { k: [], g: [], s: {} };
  const { k, g } = JSON.parse(f) as { k: [0, ...string[]]; g: [0, ...string[]] };
  return {
    k: k.slice(1) as string[],
    g: g.slice(1) as string[],
    s: s === null ? {} : (JSON.parse(s) as Record<string, string>),
  };
}
