/**
 * What one search may ask for, counted while it is read: before its chains or a store take time or memory for it. Counted
 * are alternatives: every value of every parameter, once for each type that it is looked for in. Parameters, values and
 * types multiply, so a limit on each of them alone would bound nothing.
 */
import { FhirError } from '../fhir/error.js';
import type { SearchType } from './parameters.js';
import type { Scope } from './scope.js';

/** What has been asked for so far, over a whole search. */
export interface Asked {
  /** Types that links of chains have asked; kept by chain.ts. */
  types: number;
  alternatives: number;
}

export const nothingAsked = (): Asked => ({ types: 0, alternatives: 0 });

/** Alternatives of all parameters of one search. */
export const MAX_ALL_ALTERNATIVES = 10_000;

/** For how many alternatives a link of a chain counts, and a query of words: each is a search of its own. */
export const LINK = 10;
export const WORDS = 100;
export const MISSING = 5;

/**
 * For how many alternatives a value counts, by modifier or operator of `_filter`. A point is one key of an index; a range
 * is compared with every key of a resource, part of a text with each of its characters; a value set is a search of its own.
 */
const COSTS: Readonly<Record<SearchType, { readonly plain: number; readonly [how: string]: number }>> = {
  string: { plain: 5, exact: 1, contains: 10, eq: 10, ne: 10, co: 10, ew: 10 },
  token: { plain: 1, text: 5, in: 100, 'not-in': 100, above: 100, below: 100, ni: 100, ss: 100, sb: 100 },
  reference: { plain: 1, above: 100, below: 100 },
  date: { plain: 5 },
  number: { plain: 5 },
  quantity: { plain: 10 },
  uri: { plain: 1, below: 5, ss: 5, above: 50, sb: 50 },
  composite: { plain: 20 },
  special: { plain: 20 },
};

export const costOf = (type: SearchType, how = 'plain'): number => COSTS[type][how] ?? COSTS[type].plain;

/** Notes so many alternatives of the parameter `code`, for each type searched. Throws `too-costly` beyond the limit. */
export function spend({ asked, types }: Pick<Scope, 'asked' | 'types'>, code: string, alternatives: number): void {
  if (!asked) return;
  // Of all types together there is one time of the last change.
  asked.alternatives += alternatives * (code === '_lastUpdated' ? 1 : types.length);
  if (asked.alternatives > MAX_ALL_ALTERNATIVES)
    throw new FhirError(
      'too-costly',
      `A search may have ${MAX_ALL_ALTERNATIVES} alternatives at most: the values of all parameters together, once for each type searched. Beginnings of texts, dates and numbers count 5, parts of texts, quantities and links of chains 10, composites 20, value sets and hierarchies 100. Name the types (_type, subject:Patient), or divide the values among several searches.`,
      { expression: `http.${code}`, detail: 'too-many-alternatives' },
    );
}
