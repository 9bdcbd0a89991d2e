/** Tests on keys, put together: constants are folded, nesting is flat, points of one array are one test. */
import { successor } from './codec.js';
import type { KeyTest } from './key.js';

/** Always holds. */
export const EVERYTHING_HELD: KeyTest = { is: 'all', of: [] };
/** Never holds. */
export const NOTHING_HELD: KeyTest = { is: 'any', of: [] };

const isTrue = (test: KeyTest): boolean => test.is === 'all' && test.of.length === 0;

/** The disjunction, flat; points of one array become one test. */
export function anyOf(tests: readonly KeyTest[]): KeyTest {
  const of: KeyTest[] = [];
  const points = new Map<string, string[]>();
  for (const test of tests.flatMap(t => (t.is === 'any' ? t.of : [t]))) {
    if (isTrue(test)) return test;
    if (test.is !== 'key') of.push(test);
    else if (points.has(test.in)) points.get(test.in)!.push(...test.keys);
    else points.set(test.in, [...test.keys]);
  }
  for (const [array, keys] of points)
    of.push({ is: 'key', in: array as 'k' | 'g' | 'f', keys: [...new Set(keys)].toSorted() });
  return of.length === 1 ? of[0]! : { is: 'any', of };
}

/** The conjunction, flat. */
export function allOf(tests: readonly KeyTest[]): KeyTest {
  const of = tests.flatMap(t => (t.is === 'all' ? t.of : [t]));
  if (of.some(t => t.is === 'any' && t.of.length === 0)) return NOTHING_HELD;
  return of.length === 1 ? of[0]! : { is: 'all', of };
}

export const notOf = (test: KeyTest): KeyTest => {
  if (test.is === 'not') return test.of;
  if (isTrue(test)) return NOTHING_HELD;
  return test.is === 'any' && test.of.length === 0 ? { is: 'all', of: [] } : { is: 'not', of: test };
};

export const pointTest = (array: 'k' | 'g' | 'f', keys: readonly string[]): KeyTest =>
  keys.length === 0 ? NOTHING_HELD : { is: 'key', in: array, keys };

/** Some key that starts with `head`. */
export const headTest = (array: 'k' | 'g' | 'f', head: string): KeyTest => ({
  is: 'range',
  in: array,
  low: head,
  high: successor(head),
});
