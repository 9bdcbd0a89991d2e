/**
 * Counts what one search asks for while it is parsed, and refuses it beyond the limit, before its chains or a store take
 * time or memory. The unit is an alternative: one value of one parameter, for one type that it is looked for in.
 * Parameters, values and types multiply, so a limit on each of them alone would bound nothing.
 */
import { FhirError } from '../fhir/error.js';
import type { SearchType } from './parameters.js';

/** The cost of a whole search so far. */
export interface SearchCost {
  /** Types that links of chains have tried; counted by chain.ts. */
  chainTypes: number;
  alternatives: number;
}

export const zeroCost = (): SearchCost => ({ chainTypes: 0, alternatives: 0 });

/** Alternatives of all parameters of one search. */
export const MAX_ALL_ALTERNATIVES = 10_000;

/** Alternatives that a link of a chain, a full text query and `:missing` count for: the first two are searches of their own. */
export const LINK_COST = 10;
export const WORDS_COST = 100;
export const MISSING_COST = 5;

/**
 * Alternatives that a value counts for, by modifier or operator of `_filter`. An exact value is one key of an index; a range
 * is compared with every key of a resource, part of a text with each of its characters; a value set is a search of its own.
 */
export const COSTS: Readonly<Record<SearchType, { readonly plain: number; readonly [how: string]: number }>> = {
  string: { plain: 5, exact: 1, contains: 10, eq: 10, ne: 10, co: 10, ew: 10 },
  token: {
    plain: 1,
    not: 1,
    'of-type': 1,
    text: 5,
    in: 100,
    'not-in': 100,
    above: 100,
    below: 100,
    ni: 100,
    ss: 100,
    sb: 100,
  },
  reference: { plain: 1, type: 1, identifier: 1, above: 100, below: 100 },
  date: { plain: 5 },
  number: { plain: 5 },
  quantity: { plain: 10 },
  uri: { plain: 1, below: 5, ss: 5, above: 50, sb: 50 },
  composite: { plain: 20 },
  special: { plain: 20 },
};

export const alternativeCost = (type: SearchType, how = 'plain'): number => COSTS[type][how] ?? COSTS[type].plain;

/** The part of a SearchScope that is counted by: a cost over the whole search, and the types that a parameter is looked for in. */
interface CountedIn {
  readonly cost?: SearchCost;
  readonly types: readonly string[];
}

/** Notes so many alternatives of the parameter `code`, for each type searched. Throws `too-costly` beyond the limit. */
export function spend({ cost, types }: CountedIn, code: string, alternatives: number): void {
  if (!cost) return;
  // Of all types together there is one time of the last change.
  cost.alternatives += alternatives * (code === '_lastUpdated' ? 1 : types.length);
  if (cost.alternatives > MAX_ALL_ALTERNATIVES)
    throw new FhirError(
      'too-costly',
      `A search may have ${MAX_ALL_ALTERNATIVES} alternatives at most: the values of all parameters together, once for each type searched. Beginnings of texts, dates and numbers count 5, parts of texts, quantities and links of chains 10, composites 20, value sets and hierarchies 100. Name the types (_type, subject:Patient), or divide the values among several searches.`,
      { expression: `http.${code}`, detail: 'too-many-alternatives' },
    );
}
