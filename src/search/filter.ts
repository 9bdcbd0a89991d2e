/**
 * Compiles a `_filter`, parsed by filter-syntax.ts, to a condition. https://hl7.org/fhir/R4/search_filter.html
 *
 * A comparison is read by the type of the parameter at the end of its path (filter-value.ts). Choices:
 * - `pr false` and `ni` are the opposite of `pr true` and `in` for the whole path: nothing is at its end, none of what
 *   is there is in the value set.
 * - `ne` on strings, tokens, references and URIs: there is a value, and none equals. The specification's "an item has an
 *   unequal value" is the same where there is one value; of several it would find nearly everything.
 * - A path goes through references as chains do. A condition in brackets behind a reference is one on the resource
 *   that the path goes on from; elements that are no references, see filter-element.ts.
 * - Result parameters, `_has`, `_list`, `_text`, `_content` are no names of a filter; they are given beside it.
 */
import { FhirError } from '../fhir/error.js';
import { alternativeCost, MISSING_COST, zeroCost, spend } from './cost.js';
import { followReference, MAX_CHAIN } from './chain.js';
import { readElement } from './filter-element.js';
import {
  type Comparison,
  type FilterTree,
  invalidFilter,
  readFilter,
  type FilterStep,
  filterTooCostly,
  unsupportedFilter,
} from './filter-syntax.js';
import { offeredBy, RANGES, readFilterCondition } from './filter-value.js';
import { all, any, type Where } from './query.js';
import { splitName, needParameter, type SearchScope } from './scope.js';

interface ComparisonContext {
  readonly comparison: Comparison;
  readonly scope: SearchScope;
  /** Links above. */
  readonly depth: number;
}

/**
 * `depth`: links of a chain that lead here. Throws FhirError `invalid` (`invalid-filter`), `not-supported` (names,
 * operators), `too-costly`; their messages name the offset.
 */
export function parseFilter(text: string, scope: SearchScope, depth = 0): Where {
  return compileFilter(readFilter(text), { scope: { cost: zeroCost(), ...scope }, depth });
}

function compileFilter(filter: FilterTree, context: Omit<ComparisonContext, 'comparison'>): Where {
  switch (filter.kind) {
    case 'and':
      return all(...filter.of.map(each => compileFilter(each, context)));
    case 'or':
      return any(...filter.of.map(each => compileFilter(each, context)));
    case 'not':
      return { kind: 'not', of: compileFilter(filter.of, context) };
    case 'compare': {
      const where = compileFilterPath(filter.path, { ...context, comparison: filter });
      return isNegative(filter) ? { kind: 'not', of: where } : where;
    }
  }
}

function isNegative({ operator, value, valueAt }: Comparison): boolean {
  if (operator !== 'pr') return operator === 'ni';
  const said = value.toLowerCase();
  if (said !== 'true' && said !== 'false') throw invalidFilter(valueAt, 'true or false');
  return said === 'false';
}

function compileFilterPath([step, ...rest]: readonly FilterStep[], reading: ComparisonContext): Where {
  const { scope, depth, comparison } = reading;
  if (rest.length === 0) return compileComparison(step!, reading);
  const element = rest.length === 1 ? readElement(step!, rest[0]!, comparison, scope) : undefined;
  if (element) return element;
  if (depth >= MAX_CHAIN) throw filterTooCostly(`A path of _filter may have ${MAX_CHAIN} links at most.`);
  return located(step!.at, () =>
    followReference(step!.name, rest.map(({ name }) => name).join('.'), scope, inner => {
      const next = { scope: inner, depth: depth + 1 };
      const here = step!.filter ? [compileFilter(step!.filter, next)] : [];
      return all(...here, compileFilterPath(rest, { ...next, comparison }));
    }),
  );
}

/** The last name of a path against the value. */
function compileComparison(step: FilterStep, { comparison, scope }: ComparisonContext): Where {
  const [code, suffix] = splitName(step.name);
  if (suffix !== undefined)
    throw invalidFilter(step.at + code.length, 'a blank and an operator; modifiers do not exist');
  const parameter = located(step.at, () => needParameter(code, scope));
  const present: Where = { kind: 'present', code };
  const { operator, operatorAt, value, valueAt } = comparison;
  spend(scope, code, operator === 'pr' ? MISSING_COST : alternativeCost(parameter.type, operator));
  if (operator === 'pr') return present;
  const offered = offeredBy(parameter, scope);
  if (!offered.includes(operator))
    throw unsupportedFilter(
      operatorAt,
      `${code} (${parameter.type}) has no operator ${operator} here; it has ${offered.join(', ')}.`,
    );
  const found = readFilterCondition(parameter, operator, value, valueAt, scope);
  return operator === 'ne' && !RANGES.has(parameter.type) ? all(present, { kind: 'not', of: found }) : found;
}

/** Adds the offset to an error that does not name it yet. */
function located<T>(at: number, what: () => T): T {
  try {
    return what();
  } catch (error) {
    if (!(error instanceof FhirError) || error.issues[0]?.expression === 'http._filter') throw error;
    if (error.kind === 'not-supported') throw unsupportedFilter(at, error.message, error.issues[0]?.detail);
    throw error.kind === 'too-costly' ? filterTooCostly(`${error.message} (Offset ${at} of _filter.)`) : error;
  }
}
