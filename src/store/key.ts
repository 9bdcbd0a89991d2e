/** The physical form of a resource's index entries, and filters on it. What keys say is in encode.ts, what tests mean in both adapters. */

/**
 * The physical form of a resource's index entries (encode.ts). All keys are short, order-preserving strings. On disk the
 * fields have one letter each: mongo/schema.ts and embedded/columns.ts say which.
 */
export interface Keys {
  /** Indexed in the order of the main date: the type key, dated tokens, and all patient-scoped keys ('p…'). */
  readonly byDate: readonly string[];
  /** Indexed in the order of arrival. */
  readonly byArrival: readonly string[];
  /** Not indexed. */
  readonly filterOnly: readonly string[];
  /** Ranges that no key can say. Not indexed. */
  readonly ranges: readonly KeyRange[];
  /** Low and high end of the main date (ms). NO_DATE for both where the resource has none. */
  readonly mainDate: number;
  readonly mainDateEnd: number;
  /** Sort string of the type's sortable parameters: parameter prefix → value. */
  readonly sortTexts: Readonly<Record<string, string>>;
}

/** A value from `low` to `high` under the head of a key. */
export interface KeyRange {
  readonly prefix: string;
  readonly low: number;
  readonly high: number;
}

/** mainDate and mainDateEnd of a resource without a main date. */
export const NO_DATE = -9_007_199_254_740_991;

/** Arrays of keys that an index holds. */
export type IndexedArray = 'byDate' | 'byArrival';
export type KeyArray = IndexedArray | 'filterOnly';

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
  /** Some range with this prefix and its ends within the inclusive bounds. */
  | {
      readonly is: 'span';
      readonly prefix: string;
      readonly lowMin?: number;
      readonly lowMax?: number;
      readonly highMin?: number;
      readonly highMax?: number;
    }
  /** Inclusive bounds on both ends of the main date; a resource without a main date never passes. */
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
