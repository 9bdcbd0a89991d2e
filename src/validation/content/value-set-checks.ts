/**
 * What a ValueSet includes: systems that are absolute, and filters whose values the code system can have.
 * https://hl7.org/fhir/R4/valueset.html#compositions, https://hl7.org/fhir/R4/valueset-definitions.html#ValueSet.compose.include.filter.value,
 * https://hl7.org/fhir/R4/valueset-filter-operator.html
 *
 * A filter of a property that the code system does not declare may mean whatever the code system says: nothing is said of it.
 */
import { isObject, type JsonObject } from '../../fhir/resource.js';
import type { KnownSystem } from '../../terminology/known-system.js';
import type { LookAtSystem } from '../binding.js';
import type { CheckRun, ElementCheck, ElementPlace } from '../run.js';
import { placeBelow, eachObject, reportRule } from './definition-rule.js';
import { checkParameters, declaredParameters } from './value-set-parameters.js';

const ABSOLUTE = /^[A-Za-z][A-Za-z0-9+.-]*:/;

export const createValueSetCheck =
  (lookAtSystem: LookAtSystem): ElementCheck =>
  ({ value, place }, run) => {
    const compose = isObject(value) ? value['compose'] : undefined;
    if (!isObject(value) || !isObject(compose)) return;
    const parameters = declaredParameters(value);
    for (const name of ['include', 'exclude'])
      for (const { item, place: at } of eachObject(compose, name, placeBelow(place, 'compose'))) {
        run.spend(1);
        checkSystem(item, at, run);
        for (const { item: filter, place: inFilter } of eachObject(item, 'filter', at)) {
          run.spend(1);
          checkParameters(filter, parameters, inFilter, run);
          checkFilter(item, filter, inFilter, lookAtSystem, run);
        }
      }
  };

function checkSystem({ system }: JsonObject, at: ElementPlace, run: CheckRun): void {
  if (typeof system === 'string' && !ABSOLUTE.test(system))
    reportRule(
      placeBelow(at, 'system'),
      'relative-system',
      'system must be absolute: a contained code system, too, is named by its url.',
      run,
    );
}

/** Operators whose value is a code of the code system itself. */
const OF_CODES: ReadonlySet<unknown> = new Set(['is-a', 'descendent-of', 'is-not-a', 'generalizes']);
const OF_CONCEPTS: ReadonlySet<unknown> = new Set(['concept', 'code']);

function checkFilter(
  { system, version }: JsonObject,
  { property, op, value }: JsonObject,
  at: ElementPlace,
  lookAtSystem: LookAtSystem,
  run: CheckRun,
): void {
  if (typeof system !== 'string' || typeof value !== 'string' || typeof property !== 'string') return;
  if (op === 'exists') {
    if (value !== 'true' && value !== 'false')
      reportValue(at, 'The value of the operator exists is true or false.', run);
    return;
  }
  const known = lookAtSystem(system, typeof version === 'string' ? version : undefined, run);
  if (!known) return;
  if (OF_CODES.has(op)) {
    if (OF_CONCEPTS.has(property) && isNoCode(known, value)) reportValue(at, NO_CODE, run);
    return;
  }
  const type = known.typeOfProperty(property);
  const values = op === '=' ? [value] : op === 'in' || op === 'not-in' ? value.split(',').map(each => each.trim()) : [];
  for (const each of values) {
    run.spend(1);
    const fault = faultOfValue(each, type, known, lookAtSystem, run);
    if (fault !== undefined) return reportValue(at, fault, run);
  }
}

function reportValue(at: ElementPlace, text: string, run: CheckRun): void {
  reportRule(placeBelow(at, 'value'), 'filter-value', text, run);
}

const NO_CODE = 'The value of the filter is no code of the code system.';
const isNoCode = (known: KnownSystem, code: string): boolean => known.kind === 'complete' && !known.has(code);

/** How values of a type are written; codes and codings are looked up. */
const FORMS: ReadonlyMap<string, RegExp> = new Map([
  ['boolean', /^(?:true|false)$/],
  ['integer', /^[+-]?\d{1,20}$/],
  ['decimal', /^[+-]?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,3})?$/],
  ['dateTime', /^\d{4}(?:-\d\d(?:-\d\d(?:T[\d:.]{5,20}(?:Z|[+-]\d\d:\d\d)?)?)?)?$/],
]);

/** `system#code`, `system|version#code`. */
const CODING = /^([^|#\s]+)(?:\|([^#]*))?#(.+)$/;

function faultOfValue(
  value: string,
  type: string | undefined,
  known: KnownSystem,
  lookAtSystem: LookAtSystem,
  run: CheckRun,
): string | undefined {
  if (type === undefined) return undefined;
  if (type === 'code') return isNoCode(known, value) ? NO_CODE : undefined;
  if (type !== 'Coding')
    return FORMS.get(type)?.test(value) === false
      ? `The value of the filter must have the type of the property: ${type}.`
      : undefined;
  const [, system, version, code = ''] = CODING.exec(value) ?? [];
  if (system === undefined)
    return 'The property has the type Coding: the value of the filter is written as system#code or system|version#code.';
  const other = lookAtSystem(system, version || undefined, run);
  return other && isNoCode(other, code)
    ? 'The value of the filter is a coding whose code system has no such code.'
    : undefined;
}
