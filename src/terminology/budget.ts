/** What one expansion may cost. Whoever expands counts here; the first step too many ends it with `too-costly`. */
import { tooCostly } from './refuse.js';

/** Codes that a test may stand for. */
export const MOST_CODES = 50_000;
/** Codes that may be looked at on the way, in all value sets together. */
const MOST_WORK = 2_000_000;
/** Steps of regular expressions: less than a second. */
const MOST_STEPS = 10_000_000;
/** Value sets that one may be made of. */
const MOST_SETS = 500;
/** Value sets inside each other. */
export const DEEPEST = 20;

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
      if (work > MOST_WORK)
        throw tooCostly(`The value set asks to look at more than ${MOST_WORK} codes. Use a narrower one.`);
    },
    steps(count) {
      steps += count;
      if (steps > MOST_STEPS)
        throw tooCostly('A regular expression of the value set takes too long. Use a simpler one, or list the codes.');
    },
    set() {
      sets += 1;
      if (sets > MOST_SETS)
        throw tooCostly(`The value set is made of more than ${MOST_SETS} others. Use a narrower one.`);
    },
  };
}
