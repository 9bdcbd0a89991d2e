/**
 * What a CodeSystem says of the properties of its concepts, and what the concepts have: https://hl7.org/fhir/R4/codesystem.html#properties,
 * https://hl7.org/fhir/R4/codesystem-concept-properties.html, https://terminology.hl7.org/CodeSystem-concept-properties.html
 */
import { isObject, type Json, type JsonObject } from '../../fhir/resource.js';
import type { CheckedElement, CheckRun, ElementPlace } from '../run.js';
import { eachObject, reportRule } from './definition-rule.js';

/** What a property of a concept is called by the type of its property. */
const VALUE_NAMES: Readonly<Record<string, string>> = {
  code: 'valueCode',
  Coding: 'valueCoding',
  string: 'valueString',
  integer: 'valueInteger',
  boolean: 'valueBoolean',
  dateTime: 'valueDateTime',
  decimal: 'valueDecimal',
};

const STANDARD_PROPERTIES = 'http://hl7.org/fhir/concept-properties#';

/** Types of the properties that have a meaning everywhere, by what follows in their uris. */
const STANDARD_TYPES: ReadonlyMap<string, string> = new Map([
  ...['inactive', 'notSelectable'].map((name): [string, string] => [name, 'boolean']),
  ...['status', 'parent', 'child', 'partOf', 'synonym'].map((name): [string, string] => [name, 'code']),
  ...['deprecated', 'effectiveDate', 'deprecationDate', 'retirementDate'].map((name): [string, string] => [
    name,
    'dateTime',
  ]),
  ['comment', 'string'],
  ['itemWeight', 'decimal'],
]);

export function checkProperties({ value, place }: CheckedElement, run: CheckRun): void {
  if (!isObject(value)) return;
  const names = new Map<Json, string | undefined>();
  const uris = new Set<Json>();
  for (const { item, place: at } of eachObject(value, 'property', place)) {
    const { code, uri, type } = item;
    if (code !== undefined) {
      if (names.has(code)) reportRule(at, 'double-property', 'Another property has the same code.', run);
      else names.set(code, typeof type === 'string' ? VALUE_NAMES[type] : undefined);
    }
    if (uri === undefined) continue;
    if (uris.has(uri)) reportRule(at, 'double-property', 'Another property has the same uri.', run);
    uris.add(uri);
    if (typeof uri === 'string') checkStandardProperty(item, uri, at, run);
  }
  if (names.size > 0) checkConcepts(value, names, place, run);
}

/** A uri of the standard says what the property means, so that neither its type nor its code may say something else. */
function checkStandardProperty({ code, type }: JsonObject, uri: string, at: ElementPlace, run: CheckRun): void {
  if (!uri.startsWith(STANDARD_PROPERTIES)) return;
  const name = uri.slice(STANDARD_PROPERTIES.length);
  const wanted = STANDARD_TYPES.get(name);
  if (wanted === undefined) return;
  if (type !== undefined && type !== wanted)
    reportRule(at, 'property-type', `The property of this uri has the type ${wanted}.`, run);
  if (typeof code === 'string' && code !== name && STANDARD_TYPES.has(code))
    reportRule(at, 'property-code', 'The code is that of another property of the standard than the uri says.', run);
}

function checkConcepts(
  above: JsonObject,
  names: ReadonlyMap<Json, string | undefined>,
  place: ElementPlace,
  run: CheckRun,
): void {
  for (const { item: concept, place: at } of eachObject(above, 'concept', place)) {
    run.spend(1);
    for (const { item, place: where } of eachObject(concept, 'property', at)) {
      const wanted = names.get(item['code'] ?? '');
      if (wanted !== undefined && item[wanted] === undefined)
        reportRule(
          where,
          'property-type',
          'The value must have the type that the code system gives the property.',
          run,
        );
    }
    checkConcepts(concept, names, at, run);
  }
}
