/**
 * What a `_filter` means: its syntax (filter-syntax.ts) as a condition. https://hl7.org/fhir/R4/search_filter.html
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
import { costOf, MISSING, nothingAsked, spend } from './cost.js';
import { followReference, MAX_CHAIN } from './chain.js';
import { readElement } from './filter-element.js';
import { type Comparison, type Filter, misread, readFilter, type Step, tooCostly, undecided } from './filter-syntax.js';
import { offeredBy, RANGES, readCondition } from './filter-value.js';
import { all, any, type Where } from './query.js';
import { cut, needParameter, type Scope } from './scope.js';

interface Reading {
  readonly comparison: Comparison;
  readonly scope: Scope;
  /** Links above. */
  readonly depth: number;
}

/**
 * `depth`: links of a chain that lead here. Throws FhirError `invalid` (`invalid-filter`), `not-supported` (names,
 * operators), `too-costly`; all of them say where.
 */
export function parseFilter(text: string, scope: Scope, depth = 0): Where {
  return read(readFilter(text), { scope: { asked: nothingAsked(), ...scope }, depth });
}

function read(filter: Filter, context: Omit<Reading, 'comparison'>): Where {
  switch (filter.kind) {
    case 'and':
      return all(...filter.of.map(each => read(each, context)));
    case 'or':
      return any(...filter.of.map(each => read(each, context)));
    case 'not':
      return { kind: 'not', of: read(filter.of, context) };
    case 'compare': {
      const where = walk(filter.path, { ...context, comparison: filter });
      return isNegative(filter) ? { kind: 'not', of: where } : where;
    }
  }
}

function isNegative({ operator, value, valueAt }: Comparison): boolean {
  if (operator !== 'pr') return operator === 'ni';
  const said = value.toLowerCase();
  if (said !== 'true' && said !== 'false') throw misread(valueAt, 'true or false');
  return said === 'false';
}

function walk([step, ...rest]: readonly Step[], reading: Reading): Where {
  const { scope, depth, comparison } = reading;
  if (rest.length === 0) return compare(step!, reading);
  const element = rest.length === 1 ? readElement(step!, rest[0]!, comparison, scope) : undefined;
  if (element) return element;
  if (depth >= MAX_CHAIN) throw tooCostly(`A path of _filter may have ${MAX_CHAIN} links at most.`);
  return located(step!.at, () =>
    followReference(step!.name, rest.map(({ name }) => name).join('.'), scope, inner => {
      const next = { scope: inner, depth: depth + 1 };
      const here = step!.filter ? [read(step!.filter, next)] : [];
      return all(...here, walk(rest, { ...next, comparison }));
    }),
  );
}

/** The last name of a path against the value. */
function compare(step: Step, { comparison, scope }: Reading): Where {
  const [code, suffix] = cut(step.name);
  if (suffix !== undefined) throw misread(step.at + code.length, 'a blank and an operator; modifiers do not exist');
  const parameter = located(step.at, () => needParameter(code, scope));
  const present: Where = { kind: 'present', code };
  const { operator, operatorAt, value, valueAt } = comparison;
  spend(scope, code, operator === 'pr' ? MISSING : costOf(parameter.type, operator));
  if (operator === 'pr') return present;
  const offered = offeredBy(parameter, scope);
  if (!offered.includes(operator))
    throw undecided(
      operatorAt,
      `${code} (${parameter.type}) has no operator ${operator} here; it has ${offered.join(', ')}.`,
    );
  const found = readCondition(parameter, operator, value, valueAt, scope);
  return operator === 'ne' && !RANGES.has(parameter.type) ? all(present, { kind: 'not', of: found }) : found;
}

/** Says where, if the error does not yet. */
function located<T>(at: number, what: () => T): T {
  try {
    return what();
  } catch (error) {
    if (!(error instanceof FhirError) || error.issues[0]?.expression === 'http._filter') throw error;
    if (error.kind === 'not-supported') throw undecided(at, error.message, error.issues[0]?.detail);
    throw error.kind === 'too-costly' ? tooCostly(`${error.message} (Offset ${at} of _filter.)`) : error;
  }
}
