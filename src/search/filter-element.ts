/**
 * Reads the additional parameters of `_filter`: `relatesTo[code eq replaces].target re DocumentReference/1` tests both on
 * one element. https://hl7.org/fhir/R4/search_filter.html#params
 *
 * An index can test several parameters on one element only where a composite parameter joins them; R4 has such ones for
 * Group.characteristic and DocumentReference.relatesTo. The children of Observation.related and of ServiceRequest.event
 * and .item are parameters that R4 does not have any more; these are unknown names here.
 *
 * Choice: every child once, with `eq` or `re`, joined by `and`; all else would need what a composite does not say.
 */
import {
  type Comparison,
  type FilterTree,
  invalidFilter,
  type FilterStep,
  unsupportedFilter,
} from './filter-syntax.js';
import { offeredBy, readFilterTests } from './filter-value.js';
import { any, type Test, type Where } from './query.js';
import type { SearchScope } from './scope.js';

interface Element {
  readonly composite: string;
  /** Name in the filter → search parameter. */
  readonly children: Readonly<Record<string, string>>;
}

const JOINED_ELEMENTS: ReadonlyMap<string, Element> = new Map([
  ['Group.characteristic', { composite: 'characteristic-value', children: { code: 'characteristic', value: 'value' } }],
  ['DocumentReference.relatesTo', { composite: 'relationship', children: { code: 'relation', target: 'relatesto' } }],
]);

/** Undefined: `step` is no such element of the type searched. `last` is what follows it. Throws FhirError. */
export function readElement(
  step: FilterStep,
  last: FilterStep,
  comparison: Comparison,
  scope: SearchScope,
): Where | undefined {
  const [type] = scope.types;
  const element = scope.types.length === 1 ? JOINED_ELEMENTS.get(`${type}.${step.name}`) : undefined;
  const composite = element && scope.parameters.get(type!, element.composite);
  if (!element || !composite) return undefined;
  const names = Object.keys(element.children);
  if (!step.filter) throw invalidFilter(step.at + step.name.length, `a condition on ${names.join(' or ')} in brackets`);
  const given = new Map<string, Comparison>();
  for (const each of [...conjuncts(step.filter, step.at), { ...comparison, path: [last] }]) {
    const [{ name, at }, ...more] = each.path as readonly [FilterStep, ...FilterStep[]];
    const code = Object.hasOwn(element.children, name) ? element.children[name] : undefined;
    if (code === undefined || more.length > 0)
      throw unsupportedFilter(
        at,
        `Here ${step.name} has ${names.join(' and ')}, and nothing behind them.`,
        'unknown-parameter',
      );
    if (given.has(code)) throw unsupportedFilter(at, `${step.name} can be asked once for each of ${names.join(', ')}.`);
    given.set(code, each);
  }
  let combinations: readonly (readonly Test[])[] = [[]];
  for (const component of composite.components) {
    const found = given.get(component.code);
    if (!found) throw unsupportedFilter(step.at, `${step.name} must be asked for each of ${names.join(', ')}.`);
    const { operator, operatorAt, value, valueAt } = found;
    if ((operator !== 'eq' && operator !== 're') || !offeredBy(component, scope).includes(operator))
      throw unsupportedFilter(operatorAt, `Inside one ${step.name} the operators are eq, and re for references.`);
    const tests = readFilterTests(component, operator, value, valueAt, scope);
    combinations = combinations.flatMap(parts => tests.map(test => [...parts, test]));
  }
  return any(
    ...combinations.map(
      (parts): Where => ({ kind: 'param', code: composite.code, test: { kind: 'composite', parts } }),
    ),
  );
}

function conjuncts(filter: FilterTree, at: number): readonly Comparison[] {
  if (filter.kind === 'compare') return [filter];
  if (filter.kind === 'and') return filter.of.flatMap(each => conjuncts(each, at));
  throw unsupportedFilter(at, 'Conditions in brackets on one element are joined by and.');
}
