/**
 * Values of filters that are calculated from the parameters of a ValueSet: FHIRPath, over the parameters that the ValueSet declares.
 * https://hl7.org/fhir/R4/extension-cqf-expression.html, http://hl7.org/fhir/tools/StructureDefinition/valueset-parameter
 */
import { isObject, type JsonObject } from '../../fhir/resource.js';
import { isFhirPath } from '../invariants/invariant-engine.js';
import type { CheckRun, ElementPlace } from '../run.js';
import { placeBelow, eachObject, reportRule } from './definition-rule.js';

const PARAMETER = 'http://hl7.org/fhir/tools/StructureDefinition/valueset-parameter';
const EXPRESSION = 'http://hl7.org/fhir/StructureDefinition/cqf-expression';
const LANGUAGE = 'text/fhirpath';
const MAX_EXPRESSION = 8000;

/** Names that mean something in every expression. https://hl7.org/fhir/R4/fhirpath.html#variables */
const EVERYWHERE: ReadonlySet<string> = new Set(['resource', 'rootResource', 'context', 'ucum', 'sct', 'loinc']);

/** Names of the parameters that a ValueSet declares. */
export function declaredParameters(valueSet: JsonObject): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { item } of eachObject(valueSet, 'extension', NOWHERE)) {
    if (item['url'] !== PARAMETER) continue;
    for (const { item: part } of eachObject(item, 'extension', NOWHERE)) {
      const name = part['url'] === 'name' ? (part['valueCode'] ?? part['valueString']) : undefined;
      if (typeof name === 'string') names.add(name);
    }
  }
  return names;
}

const NOWHERE: ElementPlace = { above: undefined, name: '', index: -1 };

/** Reports what is wrong with the expressions of a filter's value. */
export function checkParameters(
  filter: JsonObject,
  parameters: ReadonlySet<string>,
  at: ElementPlace,
  run: CheckRun,
): void {
  const beside = filter['_value'];
  if (!isObject(beside)) return;
  for (const { item, place } of eachObject(beside, 'extension', placeBelow(at, 'value'))) {
    const expression = item['url'] === EXPRESSION ? item['valueExpression'] : undefined;
    if (!isObject(expression)) continue;
    const fault = faultOfExpression(expression, parameters, run);
    if (fault !== undefined) reportRule(placeBelow(place, 'value'), 'filter-expression', fault, run);
  }
}

function faultOfExpression(
  { language, expression: text }: JsonObject,
  parameters: ReadonlySet<string>,
  run: CheckRun,
): string | undefined {
  if (language !== LANGUAGE) return `The expressions of a ValueSet are written in ${LANGUAGE}.`;
  if (typeof text !== 'string') return undefined;
  if (text.length > MAX_EXPRESSION) return `The expression is longer than ${MAX_EXPRESSION} characters.`;
  run.spend(text.length);
  const unknown = namesIn(text).find(
    name => !parameters.has(name) && !EVERYWHERE.has(name) && !/^(?:vs|ext)-/.test(name),
  );
  if (unknown !== undefined) return 'The expression uses a parameter that the ValueSet does not declare.';
  // FHIRPath itself has no names with hyphens in them, and those of parameters are codes.
  const plain = text.replaceAll(VARIABLE, (all: string, name?: string) =>
    name !== undefined && parameters.has(name) ? '%resource' : all,
  );
  return isFhirPath(plain, run) === false ? 'The expression is no FHIRPath.' : undefined;
}

/** Texts and delimited names are passed over; a variable is what follows `%`. */
const VARIABLE = /'(?:[^'\\]|\\.)*'|%([A-Za-z_][\w-]*)|%?`[^`]*`/g;

const namesIn = (text: string): string[] => [...text.matchAll(VARIABLE)].flatMap(([, name]) => name ?? []);
