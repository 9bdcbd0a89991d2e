/**
 * Rules of resources that define something, which their own definitions leave to people: what a SearchParameter is derived from and what
 * a CapabilityStatement says of it, systems of value sets, properties of code systems.
 * https://hl7.org/fhir/R4/searchparameter.html, https://hl7.org/fhir/R4/capabilitystatement.html,
 * https://hl7.org/fhir/R4/valueset.html, https://hl7.org/fhir/R4/codesystem.html#properties
 *
 * Only what stands in R4's own definitions, or in the resource itself, is compared: nothing is looked up.
 */
import type { Definitions, SearchParameterDefinition } from '../../fhir/definitions.js';
import { isObject, itemsOf, type Json, type JsonObject } from '../../fhir/resource.js';
import type { CheckedElement, CheckRun, ElementCheck, ElementPlace } from '../run.js';

/** By the type of the resource. */
export function createDefinitionChecks({ searchParameters }: Definitions): Readonly<Record<string, ElementCheck>> {
  const byUrl = new Map(searchParameters.map(parameter => [parameter.url, parameter]));
  const known = (canonical: Json | undefined): SearchParameterDefinition | undefined =>
    typeof canonical === 'string' ? byUrl.get(canonical.split('|', 1)[0]!) : undefined;
  return {
    SearchParameter: (element, run) => checkDerivation(element, known, run),
    CapabilityStatement: (element, run) => checkOffered(element, known, run),
    ValueSet: checkSystems,
    CodeSystem: checkProperties,
  };
}

type KnownParameter = (canonical: Json | undefined) => SearchParameterDefinition | undefined;

function reportRule(place: ElementPlace, detail: string, text: string, run: CheckRun): void {
  run.report(place, { severity: 'error', code: 'business-rule', detail, text });
}

function checkDerivation({ value, place }: CheckedElement, known: KnownParameter, run: CheckRun): void {
  if (!isObject(value)) return;
  const from = known(value['derivedFrom']);
  if (!from) return;
  if (value['type'] !== from.type)
    reportRule(place, 'derived-type', `It must have the type of what it is derived from: ${from.type}.`, run);
  if (itemsOf(value['base']).some(base => typeof base === 'string' && !from.base.includes(base)))
    reportRule(place, 'derived-base', 'Its bases must be among those of what it is derived from.', run);
}

/** Each item of a member that is an object, with its place. */
function* objectsIn(
  object: JsonObject,
  name: string,
  above: ElementPlace,
): Generator<{ readonly item: JsonObject; readonly place: ElementPlace }> {
  for (const [index, item] of itemsOf(object[name]).entries())
    if (isObject(item)) yield { item, place: { above, name, index } };
}

function checkOffered({ value, place }: CheckedElement, known: KnownParameter, run: CheckRun): void {
  if (!isObject(value)) return;
  for (const rest of objectsIn(value, 'rest', place))
    for (const resource of objectsIn(rest.item, 'resource', rest.place))
      for (const parameter of objectsIn(resource.item, 'searchParam', resource.place)) {
        run.spend(1);
        const definition = known(parameter.item['definition']);
        if (definition && definition.type !== parameter.item['type'])
          reportRule(parameter.place, 'search-type', `The type of its definition is ${definition.type}.`, run);
      }
}

function checkSystems({ value, place }: CheckedElement, run: CheckRun): void {
  const compose = isObject(value) ? value['compose'] : undefined;
  if (!isObject(compose)) return;
  const above = { above: place, name: 'compose', index: -1 };
  for (const name of ['include', 'exclude'])
    for (const { item, place: at } of objectsIn(compose, name, above)) {
      run.spend(1);
      const { system } = item;
      if (typeof system === 'string' && !/^[A-Za-z][A-Za-z0-9+.-]*:/.test(system))
        reportRule(
          { above: at, name: 'system', index: -1 },
          'relative-system',
          'system must be absolute: a contained code system, too, is named by its url.',
          run,
        );
    }
}

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

function checkProperties({ value, place }: CheckedElement, run: CheckRun): void {
  if (!isObject(value)) return;
  const names = new Map<Json, string | undefined>();
  const uris = new Set<Json>();
  for (const { item, place: at } of objectsIn(value, 'property', place)) {
    const { code, uri, type } = item;
    if (code !== undefined) {
      if (names.has(code)) reportRule(at, 'double-property', 'Another property has the same code.', run);
      else names.set(code, typeof type === 'string' ? VALUE_NAMES[type] : undefined);
    }
    if (uri === undefined) continue;
    if (uris.has(uri)) reportRule(at, 'double-property', 'Another property has the same uri.', run);
    uris.add(uri);
  }
  if (names.size > 0) checkConcepts(value, names, place, run);
}

function checkConcepts(
  above: JsonObject,
  names: ReadonlyMap<Json, string | undefined>,
  place: ElementPlace,
  run: CheckRun,
): void {
  for (const { item: concept, place: at } of objectsIn(above, 'concept', place)) {
    run.spend(1);
    for (const { item, place: where } of objectsIn(concept, 'property', at)) {
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
