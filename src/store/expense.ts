/**
 * How many keys a condition would be compared with, told from the tree and the catalog before a single one is made: a code
 * without a system is a key in every system that the parameter uses, an id without a type one of every type.
 */
import { FhirError } from '../fhir/error.js';
import type { Test, Where } from '../search/query.js';
import type { PlanningContext } from './key-test.js';

/** Keys of one query: about ten megabytes while it runs. */
export const MAX_KEYS = 100_000;

/** Throws `too-costly` for more than MAX_KEYS. */
export function checkKeys(ground: PlanningContext, where: Where): void {
  if (conditionKeys(ground, where) > MAX_KEYS)
    throw new FhirError(
      'too-costly',
      `This search would be compared with more than ${MAX_KEYS} keys of the index: give codes with their systems, references with their types, or fewer values at once.`,
      { detail: 'too-many-keys' },
    );
}

function conditionKeys(ground: PlanningContext, where: Where): number {
  switch (where.kind) {
    case 'all':
    case 'any':
      return where.of.reduce((sum, part) => sum + conditionKeys(ground, part), 0);
    case 'not':
      return conditionKeys(ground, where.of);
    case 'of':
      return conditionKeys({ ...ground, types: [where.type] }, where.where);
    case 'param':
      return parameterKeys(ground, where.code, where.test);
    default:
      return ground.types.length;
  }
}

function parameterKeys({ layout, catalog, types }: PlanningContext, code: string, test: Test): number {
  if (code === '_lastUpdated') return 1;
  if (code === '_id') return types.length * countValues(test);
  return types.reduce((sum, type) => {
    const parameters = layout.of(type).parameters;
    const parameter = parameters.get(code);
    const prefixes = (parameter?.union ?? [code]).flatMap(part => parameters.get(part)?.prefix ?? []);
    return sum + prefixes.reduce((all, prefix) => all + testKeys(() => catalog.uses(prefix), test), 0);
  }, 0);
}

/**
 * `uses`: what occurs for the parameter, each with its kind first (index-catalog.ts). Asked only where the keys themselves depend on
 * it: a store looks twice where such entries may be old.
 */
function testKeys(uses: () => readonly string[], test: Test): number {
  const used = (kind: string): number => Math.max(1, uses().filter(use => use.startsWith(kind)).length);
  switch (test.kind) {
    case 'token': {
      const without = test.any.reduce((count, { system }) => (system === undefined ? count + 1 : count), 0);
      return test.any.length - without + (without > 0 ? without * used('s') : 0);
    }
    case 'date':
    case 'number':
      return test.any.length * used('c');
    case 'quantity':
      return test.any.length * (test.unit !== undefined && test.system === undefined ? used('s') + 1 : 1);
    case 'reference':
      if (test.to.kind === 'among') return test.to.ids.size;
      return test.to.kind === 'local' && test.to.type === undefined ? used('t') : 1;
    case 'composite':
      return test.parts.reduce((product, part) => product * testKeys(uses, part), 1);
    default:
      return countValues(test);
  }
}

const countValues = (test: Test): number => ('any' in test ? test.any.length : 1);
