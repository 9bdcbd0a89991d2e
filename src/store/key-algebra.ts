/** Tests on keys, put together: constants are folded, nesting is flat, points of one array are one test. */
import { successor } from './codec.js';
import type { KeyArray, KeyTest } from './key.js';

/** Always holds. */
export const EVERYTHING_HELD: KeyTest = { is: 'all', of: [] };
/** Never holds. */
export const NOTHING_HELD: KeyTest = { is: 'any', of: [] };

const isTrue = (test: KeyTest): boolean => test.is === 'all' && test.of.length === 0;

/** The disjunction, flat; points of one array become one test. */
export function anyOf(tests: readonly KeyTest[]): KeyTest {
  const [only, another] = tests;
  if (only && !another && (only.is !== 'key' || only.keys.length === 1)) return only;
  const of: KeyTest[] = [];
  const points = new Map<KeyArray, Set<string>>();
  for (const test of tests)
    for (const part of test.is === 'any' ? test.of : [test]) {
      if (isTrue(part)) return part;
      if (part.is !== 'key') {
        of.push(part);
        continue;
      }
      const keys = points.get(part.in);
      if (!keys) points.set(part.in, new Set(part.keys));
      else for (const key of part.keys) keys.add(key);
    }
  for (const [array, keys] of points) of.push({ is: 'key', in: array, keys: [...keys].toSorted() });
  return of.length === 1 ? of[0]! : { is: 'any', of };
}

/** The conjunction, flat. */
export function allOf(tests: readonly KeyTest[]): KeyTest {
  const of: KeyTest[] = [];
  for (const test of tests)
    for (const part of test.is === 'all' ? test.of : [test]) {
      if (part.is === 'any' && part.of.length === 0) return NOTHING_HELD;
      of.push(part);
    }
  return of.length === 1 ? of[0]! : { is: 'all', of };
}

/** `exact`, with something that it implies and that an index can drive by. */
export const ledBy = (lead: KeyTest, exact: KeyTest): KeyTest => {
  const both = allOf([lead, exact]);
  return both.is === 'all' && both.of.length === 2 ? { ...both, leads: true } : both;
};

export const notOf = (test: KeyTest): KeyTest => {
  if (test.is === 'not') return test.of;
  if (isTrue(test)) return NOTHING_HELD;
  return test.is === 'any' && test.of.length === 0 ? { is: 'all', of: [] } : { is: 'not', of: test };
};

export const pointTest = (array: KeyArray, keys: readonly string[]): KeyTest =>
  keys.length === 0 ? NOTHING_HELD : { is: 'key', in: array, keys };

/** Some key that starts with `head`. */
export const headTest = (array: KeyArray, head: string): KeyTest => ({
  is: 'range',
  in: array,
  low: head,
  high: successor(head),
});
