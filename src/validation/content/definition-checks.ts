/**
 * Rules of resources that define something, which their own definitions leave to people: what a SearchParameter is derived from and what
 * a CapabilityStatement says of it; those of ValueSets, CodeSystems, ConceptMaps and StructureDefinitions have files of their own.
 * https://hl7.org/fhir/R4/searchparameter.html, https://hl7.org/fhir/R4/capabilitystatement.html
 */
import type { Definitions, SearchParameterDefinition } from '../../fhir/definitions.js';
import { isObject, itemsOf, type Json } from '../../fhir/resource.js';
import type { LookAtSystem } from '../binding.js';
import type { CheckedElement, CheckRun, ElementCheck } from '../run.js';
import { checkProperties } from './code-system-checks.js';
import { checkMappedCodes } from './concept-map-checks.js';
import { eachObject, reportRule } from './definition-rule.js';
import { createSlicingCheck } from './slicing-checks.js';
import { createValueSetCheck } from './value-set-checks.js';

/** By the type of the resource. */
export function createDefinitionChecks(
  definitions: Definitions,
  lookAtSystem: LookAtSystem,
): Readonly<Record<string, ElementCheck>> {
  const byUrl = new Map(definitions.searchParameters.map(parameter => [parameter.url, parameter]));
  const known = (canonical: Json | undefined): SearchParameterDefinition | undefined =>
    typeof canonical === 'string' ? byUrl.get(canonical.split('|', 1)[0]!) : undefined;
  return {
    SearchParameter: (element, run) => checkDerivation(element, known, run),
    CapabilityStatement: (element, run) => checkOffered(element, known, run),
    StructureDefinition: createSlicingCheck(definitions),
    ValueSet: createValueSetCheck(lookAtSystem),
    CodeSystem: checkProperties,
    ConceptMap: checkMappedCodes,
  };
}

type KnownParameter = (canonical: Json | undefined) => SearchParameterDefinition | undefined;

function checkDerivation({ value, place }: CheckedElement, known: KnownParameter, run: CheckRun): void {
  if (!isObject(value)) return;
  const from = known(value['derivedFrom']);
  if (!from) return;
  if (value['type'] !== from.type)
    reportRule(place, 'derived-type', `It must have the type of what it is derived from: ${from.type}.`, run);
  if (itemsOf(value['base']).some(base => typeof base === 'string' && !from.base.includes(base)))
    reportRule(place, 'derived-base', 'Its bases must be among those of what it is derived from.', run);
}

function checkOffered({ value, place }: CheckedElement, known: KnownParameter, run: CheckRun): void {
  if (!isObject(value)) return;
  for (const rest of eachObject(value, 'rest', place))
    for (const resource of eachObject(rest.item, 'resource', rest.place))
      for (const parameter of eachObject(resource.item, 'searchParam', resource.place)) {
        run.spend(1);
        const definition = known(parameter.item['definition']);
        if (definition && definition.type !== parameter.item['type'])
          reportRule(parameter.place, 'search-type', `The type of its definition is ${definition.type}.`, run);
      }
}
