/** What one expansion may cost. Whoever expands counts here; the first step too many ends it with `too-costly`. */
import { expansionTooCostly } from './refuse.js';

/** Codes that a test may stand for. */
export const MAX_CODES = 50_000;
/** Codes that may be looked at on the way, in all value sets together. */
const MAX_CODES_EXAMINED = 2_000_000;
/** Steps of regular expressions: less than a second. */
const MAX_PATTERN_STEPS = 10_000_000;
/** Value sets that one may be made of. */
const MAX_VALUE_SETS = 500;
/** Value sets inside each other. */
export const MAX_VALUE_SET_DEPTH = 20;

export interface Budget {
  /** Codes looked at. */
  work(codes: number): void;
  /** Steps of a regular expression. */
  steps(count: number): void;
  /** A value set was opened. */
  set(): void;
}

export function createBudget(): Budget {
  let work = 0;
  let steps = 0;
  let sets = 0;
  return {
    work(codes) {
      work += codes;
      if (work > MAX_CODES_EXAMINED)
        throw expansionTooCostly(
          `The value set asks to look at more than ${MAX_CODES_EXAMINED} codes. Use a narrower one.`,
        );
    },
    steps(count) {
      steps += count;
      if (steps > MAX_PATTERN_STEPS)
        throw expansionTooCostly(
          'A regular expression of the value set takes too long. Use a simpler one, or list the codes.',
        );
    },
    set() {
      sets += 1;
      if (sets > MAX_VALUE_SETS)
        throw expansionTooCostly(`The value set is made of more than ${MAX_VALUE_SETS} others. Use a narrower one.`);
    },
  };
}
