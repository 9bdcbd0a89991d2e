/**
 * Limits the cost of one question: what it holds is counted before work begins, and the steps of an expansion as they are taken. The
 * first beyond a limit throws `too-costly`.
 */
import { expansionTooCostly } from './refuse.js';
import type { ValueSet, ValueSetInclude } from './resources.js';

/** Codes that a test may stand for. */
export const MAX_CODES = 50_000;
/** Codes that may be examined in all value sets together. */
const MAX_CODES_EXAMINED = 2_000_000;
/** Steps of regular expressions: less than a second, at 10 ns each in the worst patterns measured. */
const MAX_PATTERN_STEPS = 10_000_000;
/** Value sets that one may be made of. */
const MAX_VALUE_SETS = 500;
/** Value sets inside each other. */
export const MAX_VALUE_SET_DEPTH = 20;

/** Includes, excludes, their filters and the value sets that they name, in all value sets together. */
export const MAX_SET_PARTS = 1_000;
/** What one question may hold. */
export const MAX_CODINGS = 100;
export const MAX_SUPPLEMENTS = 20;
export const MAX_VALIDATIONS = 1_000;
export const MAX_RESOURCES_ALONG = 1_000;
/** Of one parameter that may be given several times: versions, properties, systems to leave out. */
export const MAX_OF_A_PARAMETER = 100;

/** `what`: a sentence's subject. `expression`: of what is counted. */
export function refuseMoreThan(limit: number, count: number, what: string, expression: string): void {
  if (count > limit)
    throw expansionTooCostly(`${what} may be ${limit} at most. Ask in several requests, or for less.`, expression);
}

export interface Budget {
  /** Counts codes that are examined. */
  examineCodes(codes: number): void;
  /** Counts steps of a regular expression. */
  countSteps(count: number): void;
  /** Counts a value set that is opened, and its parts. */
  openValueSet(set: ValueSet): void;
}

export function createBudget(): Budget {
  let work = 0;
  let steps = 0;
  let sets = 0;
  let parts = 0;
  return {
    examineCodes(codes) {
      work += codes;
      if (work > MAX_CODES_EXAMINED)
        throw expansionTooCostly(
          `The value set asks to look at more than ${MAX_CODES_EXAMINED} codes. Use a narrower one.`,
        );
    },
    countSteps(count) {
      steps += count;
      if (steps > MAX_PATTERN_STEPS)
        throw expansionTooCostly(
          'A regular expression of the value set takes too long. Use a simpler one, or list the codes.',
        );
    },
    openValueSet({ compose }) {
      sets += 1;
      if (sets > MAX_VALUE_SETS)
        throw expansionTooCostly(`The value set is made of more than ${MAX_VALUE_SETS} others. Use a narrower one.`);
      for (const kind of ['include', 'exclude'] as const) {
        parts += (compose?.[kind] ?? []).reduce((sum, part) => sum + partsOf(part), 0);
        if (parts > MAX_SET_PARTS)
          throw expansionTooCostly(
            `The value set and those that it imports have more than ${MAX_SET_PARTS} includes, excludes, filters and imports together. Join some: an include may list many concepts.`,
            `ValueSet.compose.${kind}`,
          );
      }
    },
  };
}

const partsOf = ({ filter, valueSet }: ValueSetInclude): number => 1 + (filter?.length ?? 0) + (valueSet?.length ?? 0);
