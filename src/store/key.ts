/** The physical form of a resource's index entries, and filters on it. What keys say is in encode.ts, what tests mean in both adapters. */

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

export type KeyArray = 'k' | 'g' | 'f';

/** A filter on one resource's physical form. */
export type KeyTest =
  | { readonly is: 'any'; readonly of: readonly KeyTest[] }
  /** `leads`: the last part implies the others, which are there for an index to drive by. */
  | { readonly is: 'all'; readonly of: readonly KeyTest[]; readonly leads?: true }
  | { readonly is: 'not'; readonly of: KeyTest }
  /** Holds at least one of these keys. */
  | { readonly is: 'key'; readonly in: KeyArray; readonly keys: readonly string[] }
  /** Holds some key with low ≤ key < high (the same key). */
  | { readonly is: 'range'; readonly in: KeyArray; readonly low: string; readonly high: string }
  /** Holds some key that starts with `prefix` and contains `text` after it. */
  | { readonly is: 'contains'; readonly in: KeyArray; readonly prefix: string; readonly text: string }
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
