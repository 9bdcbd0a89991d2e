/**
 * The whole search language in one file. A search string is parsed to this tree (parse.ts); no prefix, modifier,
 * comma or raw FHIR string survives in it. Dates, numbers and quantities are ranges already, strings are
 * normalised, references are split. `match.ts` defines what the tree means; stores must agree with it.
 * Some tests only `match` understands (near, concept, hierarchy, string equals and ends): interactions/search/resolve.ts
 * puts what a store can search in their place, and lets `match` decide the rest.
 * https://hl7.org/fhir/R4/search.html
 */
import type { Box } from './globe.js';

/** A condition on resources of one type (the type is named beside the tree: by Query.types, chain.to, has.from). */
export type Where =
  /** Every one holds; `all of []` is everything. */
  | { readonly kind: 'all'; readonly of: readonly Where[] }
  /** At least one holds; `any of []` is nothing. */
  | { readonly kind: 'any'; readonly of: readonly Where[] }
  | { readonly kind: 'not'; readonly of: Where }
  /** Some index entry of the parameter `code` passes the test. */
  | { readonly kind: 'param'; readonly code: string; readonly test: Test }
  /** The parameter has at least one entry (`:missing=false`). */
  | { readonly kind: 'present'; readonly code: string }
  /** The resource is of this type and satisfies `where`, which is about that type alone (compartments of many types). */
  | { readonly kind: 'of'; readonly type: string; readonly where: Where }
  /** Words in the narrative (`text`) or anywhere in the resource (`content`). Resolved to ids above the store. */
  | { readonly kind: 'words'; readonly among: 'text' | 'content'; readonly words: Words }
  /** The parameter refers to (or holds) a resource of type `to` that satisfies `where`. Resolved above the store. */
  | {
      readonly kind: 'chain';
      readonly code: string;
      readonly to: string;
      readonly where: Where;
      /** Nobody named the type: it counts where resources of it may be seen. */
      readonly optional?: true;
    }
  /** A resource of type `from` that satisfies `where` refers here by its parameter `code`. Resolved above the store. */
  | { readonly kind: 'has'; readonly from: string; readonly code: string; readonly where: Where };

export type Test =
  /** `value` is normalised (see normalise.ts), raw for exact. `equals` and `ends` come from _filter alone. */
  | {
      readonly kind: 'string';
      readonly mode: 'starts' | 'contains' | 'exact' | 'equals' | 'ends';
      readonly value: string;
    }
  /**
   * `system` undefined: any system. `system` '': entries without a system. `code` undefined: any code of the system.
   * Every pair is one alternative.
   */
  | { readonly kind: 'token'; readonly any: readonly TokenValue[] }
  /** `:text` of a token: a text beside a code starts with `value` (normalised). */
  | { readonly kind: 'text'; readonly value: string }
  /** `:of-type`: an identifier of this type with this value. `system` '': the type has none. */
  | { readonly kind: 'of-type'; readonly system: string; readonly code: string; readonly value: string }
  /** A code that terminology resolves. Becomes a `token` above the store (interactions/search/resolve.ts). */
  | ConceptTest
  /** Date: milliseconds since 1970, both ends inclusive. Number: plain. Quantity: with its unit. Any alternative may hold. */
  | { readonly kind: 'date'; readonly any: readonly RangeBounds[] }
  | { readonly kind: 'number'; readonly any: readonly RangeBounds[] }
  | QuantityTest
  /** Within `metres` of a point on the globe, by the great circle. */
  | { readonly kind: 'near'; readonly latitude: number; readonly longitude: number; readonly metres: number }
  /** A position within one of these: the form of `near` that a store can search. */
  | { readonly kind: 'box'; readonly any: readonly Box[] }
  | { readonly kind: 'reference'; readonly to: ReferenceValue }
  /** A resource of this server or what is a part of it (`below`), or what it is a part of (`above`). Resolved above the store. */
  | { readonly kind: 'hierarchy'; readonly mode: 'above' | 'below'; readonly to: LocalReference }
  /** `below`: value itself or a longer URL below it, by path or fragment; `above`: the other way round. */
  | { readonly kind: 'uri'; readonly mode: 'above' | 'below'; readonly value: string }
  | ({ readonly kind: 'uri'; readonly mode: 'exact'; readonly value: string } & VersionTest)
  /** A media type with this base part; `image` alone: with any that begins with it. In lower case. */
  | { readonly kind: 'media-type'; readonly base: string }
  /** One composite entry whose parts pass all tests, position by position. */
  | { readonly kind: 'composite'; readonly parts: readonly Test[] };

/**
 * The version beside a URL. https://hl7.org/fhir/R4/search.html#versions. `version` undefined: any, and none. `versions`: also
 * versions that go on after it (`below`; of 1: 1.0 and 1.2.3, not 10), or that it goes on after (`above`).
 */
export interface VersionTest {
  readonly version?: string;
  readonly versions?: 'above' | 'below';
}

/** `base`, where the system is UCUM and the unit one of its codes, decides alone: the same bounds in base units (units.ts). */
export interface QuantityTest {
  readonly kind: 'quantity';
  readonly any: readonly RangeBounds[];
  readonly system?: string;
  readonly unit?: string;
  readonly base?: { readonly unit: string; readonly any: readonly RangeBounds[] };
}

/** `in`: member of the value set `value` (canonical, or `ValueSet/id`); `below`, `above`: subsumed by, subsumes the code `value`. */
export interface ConceptTest {
  readonly kind: 'concept';
  readonly relation: 'in' | 'above' | 'below';
  readonly system?: string;
  readonly value: string;
}

/** A full text query. `word` and the parts of `phrase` are normalised words (search/words.ts); `starts`: the word goes on. */
export type Words =
  | { readonly kind: 'and' | 'or'; readonly of: readonly Words[] }
  | { readonly kind: 'not'; readonly of: Words }
  | { readonly kind: 'word'; readonly word: string; readonly starts?: true }
  | { readonly kind: 'phrase'; readonly words: readonly string[] };

export interface TokenValue {
  readonly system?: string;
  readonly code?: string;
}

/**
 * Bounds on the low and the high end of an entry's range; all given ones must hold for the same entry.
 * Inclusive unless the matching `open` flag is set (numbers and quantities need open ends, dates never do).
 * Examples for dates with search range [a, b]: eq {lowMin:a, highMax:b} · gt {highMin:b+1} · lt {lowMax:a-1} ·
 * sa {lowMin:b+1} · eb {highMax:a-1} · ge = gt or eq · le = lt or eq · ne {lowMax:a-1} or {highMin:b+1}.
 */
export interface RangeBounds {
  readonly lowMin?: number;
  readonly lowMax?: number;
  readonly highMin?: number;
  readonly highMax?: number;
  readonly open?: { readonly lowMin?: true; readonly lowMax?: true; readonly highMin?: true; readonly highMax?: true };
}

/** A resource of this server; `type` undefined: any type. */
export interface LocalReference {
  readonly kind: 'local';
  readonly type?: string;
  readonly id: string;
  readonly version?: string;
}

export type ReferenceValue =
  | LocalReference
  /** One of these resources of this server: what a chain was resolved to. */
  | { readonly kind: 'among'; readonly type: string; readonly ids: ReadonlySet<string> }
  /** An absolute URL elsewhere, or a canonical; `version` only for canonicals. */
  | ({ readonly kind: 'url'; readonly url: string } & VersionTest)
  /** Reference.identifier. */
  | { readonly kind: 'identifier'; readonly value: TokenValue };

/** One sort key. `code` is a search parameter of every type searched, or `_id`, `_lastUpdated`. */
export interface SortKey {
  readonly code: string;
  readonly descending: boolean;
}

/** Where a page ended. Made by a store, given back to the same store, opaque to everybody else. JSON-safe. */
export type Cursor = readonly (string | number | null)[];

/** A typed query as a store gets it. */
export interface Query {
  /** At least one resource type; several only for parameters that all resources share. */
  readonly types: readonly string[];
  readonly where: Where;
  /** Empty: the store's planner chooses the cheapest total order (the same in every store). */
  readonly sort: readonly SortKey[];
  /** Rows wanted, ≥ 1. */
  readonly limit: number;
  /** Bytes that the texts of a page may have together: it ends early, perhaps without any row. */
  readonly bytes?: number;
  /** The page after (`after`) or before (`before`) a cursor; never both. */
  readonly after?: Cursor;
  readonly before?: Cursor;
  /** These very objects, types and condition, are asked again: how to answer them is worth keeping. */
  readonly recurs?: true;
}

export const ANY_RESOURCE: Where = { kind: 'all', of: [] };
export const NO_RESOURCE: Where = { kind: 'any', of: [] };

/** The conjunction without needless nesting. */
export const all = (...conditions: readonly Where[]): Where => joinConditions('all', conditions);

/** The disjunction without needless nesting. */
export const any = (...conditions: readonly Where[]): Where => joinConditions('any', conditions);

/** A compartment is a hundred conditions, joined for each request: a loop is several times faster than flatMap. */
function joinConditions(kind: 'all' | 'any', conditions: readonly Where[]): Where {
  const of: Where[] = [];
  for (const condition of conditions)
    if (condition.kind === kind) of.push(...condition.of);
    else of.push(condition);
  return of.length === 1 ? of[0]! : { kind, of };
}
