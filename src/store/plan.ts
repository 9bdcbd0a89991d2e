/**
 * From a typed query to one plan that both stores execute: exactly one indexed driver, everything else as filters on
 * the resource's own keys, one total order. Adapters only translate a Plan into their language (compile.ts); they
 * never look at a Where. Pure: no I/O.
 */
import type { Cursor } from '../search/query.js';

/**
 * The physical form of a resource's index entries (encode.ts). All keys are short, order-preserving strings.
 * `k`: keys ordered by the main date (type key, dated tokens, patient-scoped keys 'p…'); `g`: keys ordered by arrival;
 * `f`: filter-only keys, not indexed. Patient-scoped keys are in `k` alone.
 */
export interface Keys {
  readonly k: readonly string[];
  readonly g: readonly string[];
  readonly f: readonly string[];
  /** Ranges that no key can say: p = parameter prefix, l/h = low/high. Unindexed. */
  readonly w: readonly { readonly p: string; readonly l: number; readonly h: number }[];
  /** Main date, low and high (ms). NO_DATE for both where the resource has none. */
  readonly d: number;
  readonly e: number;
  /** Sort string of the type's sortable parameters: parameter prefix → value. */
  readonly s: Readonly<Record<string, string>>;
}

/** d and e of a resource without a main date. */
export const NO_DATE = -9_007_199_254_740_991;

export type Where3 = 'k' | 'g' | 'f';

/** A filter on one resource's physical form. */
export type KeyTest =
  | { readonly is: 'all' | 'any'; readonly of: readonly KeyTest[] }
  | { readonly is: 'not'; readonly of: KeyTest }
  /** Holds at least one of these keys. */
  | { readonly is: 'key'; readonly in: Where3; readonly keys: readonly string[] }
  /** Holds some key with low ≤ key < high (the same key). */
  | { readonly is: 'range'; readonly in: Where3; readonly low: string; readonly high: string }
  /** Holds some key that starts with `prefix` and contains `text` after it. */
  | { readonly is: 'contains'; readonly in: Where3; readonly prefix: string; readonly text: string }
  /** Some `w` with p = prefix and l, h within the inclusive bounds. */
  | {
      readonly is: 'span';
      readonly prefix: string;
      readonly lowMin?: number;
      readonly lowMax?: number;
      readonly highMin?: number;
      readonly highMax?: number;
    }
  /** Inclusive bounds on d and e; a resource without a main date never passes. */
  | {
      readonly is: 'date';
      readonly lowMin?: number;
      readonly lowMax?: number;
      readonly highMin?: number;
      readonly highMax?: number;
    }
  /** Inclusive bounds on lastUpdated. */
  | { readonly is: 'updated'; readonly min?: number; readonly max?: number }
  /** The resource is one of these (type + id pairs). */
  | { readonly is: 'id'; readonly of: readonly { readonly type: string; readonly id: string }[] };

export type Driver =
  /** Points of `k` (ordered by date, then n) or `g` (ordered by n). */
  | { readonly by: 'key'; readonly in: 'k' | 'g'; readonly keys: readonly string[] }
  /** Key ranges, each low ≤ key < high; no order. */
  | {
      readonly by: 'range';
      readonly in: 'k' | 'g';
      readonly ranges: readonly { readonly low: string; readonly high: string }[];
    }
  | { readonly by: 'id'; readonly of: readonly { readonly type: string; readonly id: string }[] }
  /** By lastUpdated of the types. */
  | { readonly by: 'updated'; readonly types: readonly string[] }
  /** By a sort string of one type (partial index), prefix = its parameter prefix. */
  | { readonly by: 'sort-string'; readonly type: string; readonly prefix: string }
  /** Nothing can match. */
  | { readonly by: 'nothing' };

/** One key of the total order; the last is always `n` (order of arrival), which is unique. */
export type Order =
  | { readonly by: 'date' | 'n' | 'updated' | 'id'; readonly descending: boolean }
  /** The stored sort string `s[prefix]`. */
  | { readonly by: 'sort-string'; readonly prefix: string; readonly descending: boolean }
  // A missing date or key comes last in both directions.
  /** Smallest (ascending) or largest (descending) key with the prefix in the array; resources without one come last. */
  | { readonly by: 'key'; readonly in: Where3; readonly prefix: string; readonly descending: boolean };

export interface Plan {
  readonly driver: Driver;
  /** All must hold. Bounds on the date that the driver's index can use are given here too (`is: 'date'`). */
  readonly filter: readonly KeyTest[];
  readonly order: readonly Order[];
  /** The driver delivers the order by itself: no sort step is needed. */
  readonly ordered: boolean;
  readonly limit: number;
  readonly after?: Cursor;
  readonly before?: Cursor;
}
