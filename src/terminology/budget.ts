/** Limits the cost of one expansion: its steps are counted, and the first beyond a limit throws `too-costly`. */
import { expansionTooCostly } from './refuse.js';

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

export interface Budget {
  /** Counts codes that are examined. */
  examineCodes(codes: number): void;
  /** Counts steps of a regular expression. */
  countSteps(count: number): void;
  /** Counts a value set that is opened. */
  openValueSet(): void;
}

export function createBudget(): Budget {
  let work = 0;
  let steps = 0;
  let sets = 0;
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
    openValueSet() {
      sets += 1;
      if (sets > MAX_VALUE_SETS)
        throw expansionTooCostly(`The value set is made of more than ${MAX_VALUE_SETS} others. Use a narrower one.`);
    },
  };
}
