/**
 * What it costs to look at one candidate: SQLite cannot be interrupted, so how long a statement runs is decided before it
 * starts, by the number of candidates times this.
 */
import type { KeyTest } from '../key.js';

/** Microseconds that an ordinary filter takes for a resource. */
const ORDINARY = 10;

/** How much dearer the filters are than ordinary ones: 1 for nearly every search. */
export const filterWeight = (tests: readonly KeyTest[]): number => Math.max(1, sum(tests) / ORDINARY);

const sum = (tests: readonly KeyTest[]): number => tests.reduce((all, test) => all + microseconds(test), 0);

/** About: of a resource with two kilobytes of keys. Long lists of keys are one look at each key of the resource. */
function microseconds(test: KeyTest): number {
  switch (test.is) {
    case 'all':
      return sum(test.of);
    case 'any':
      return test.of.length > 8 ? 10 + test.of.reduce((all, one) => all + inList(one), 0) : sum(test.of);
    case 'not':
      return microseconds(test.of);
    case 'key':
      return Math.min(test.keys.length, 10);
    case 'range':
    case 'span':
      return 3;
    case 'contains':
      return 10;
    case 'date':
    case 'updated':
    case 'id':
      return 0.3;
  }
}

/** One row of a list (filter-list.ts); what no list holds costs what it costs alone. */
function inList(test: KeyTest): number {
  switch (test.is) {
    case 'all':
      return test.leads ? inList(test.of.at(-1)!) : microseconds(test);
    case 'range':
    case 'span':
    case 'date':
      return 0.2;
    case 'contains':
      return 1;
    default:
      return microseconds(test);
  }
}
