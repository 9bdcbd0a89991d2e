/**
 * The shapes in which resources travel inside the server. Everybody (Ajv, FHIRPath, extraction, patch) sees plain
 * JavaScript numbers; the digits that a number would lose travel beside the object in `Decimals`.
 */

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** Whether a value is a JSON object: neither an array nor null. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The items of a JSON array; none of anything else. */
export const itemsOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);

export interface Meta {
  versionId?: string;
  lastUpdated?: string;
  source?: string;
  profile?: string[];
  security?: JsonObject[];
  tag?: JsonObject[];
}

/** A parsed resource. Only `resourceType` is sure before validation. */
export type Resource = JsonObject & { resourceType: string };

/**
 * Number literals whose text does not survive `Number`: parent object (by identity) → key → literal text.
 * For arrays the key is the index. A copy of the object loses its entries: copy them too.
 */
export type Decimals = Map<object, Record<string, string>>;

/** Where a top-level member of a JSON object stands in its text: offsets of the value, end exclusive. */
export interface Member {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

/** A body that was read: the object, the digits beside it, and (from JSON) the text it came from. */
export interface Parsed {
  readonly resource: Resource;
  readonly decimals: Decimals | undefined;
  /** The JSON text, if the body was JSON. */
  readonly text?: string;
  /** True where `text` can be stored as it is: one line, little white space outside strings. */
  readonly compact?: boolean;
  /** The top-level members of `text`, in its order. */
  readonly members?: readonly Member[];
  /** So much of it is no attachment that work on it is done beside the event loop, or in pieces. */
  readonly large?: true;
  /** Of a Binary: its data is stored already (SHA-256, bytes), and not in the resource. */
  readonly stored?: { readonly hash: string; readonly size: number };
}
