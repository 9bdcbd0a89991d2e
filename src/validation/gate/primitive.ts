/**
 * Says what is wrong with the value of a primitive element: its JSON type, its range, its form, its required code list.
 * https://hl7.org/fhir/R4/datatypes.html#primitive, https://hl7.org/fhir/R4/json.html#primitive
 */
import type { Definitions, ElementDefinition, TypeDefinition } from '../../fhir/definitions.js';
import { isBase64, isRealDay, isShort, MAX_STRING_CHARACTERS } from './checks.js';
import { faultOfNarrative } from './narrative.js';
import { codeListOf, INTEGER_RANGES } from './shape.js';
import type { StructureRule } from './structure-rule.js';

/** Longer code lists are named by their value set. */
const MAX_CODES_NAMED = 20;

export interface PrimitiveFault {
  readonly detail: Extract<
    StructureRule,
    'element-form' | 'element-empty' | 'value-form' | 'narrative-content' | 'binding-required'
  >;
  /** Names the element and the allowed codes, never the value. */
  readonly text: string;
}

/** Undefined where nothing is wrong. `literal`: the number as it was written, where parsing did not keep it. */
export function faultOfPrimitive(
  value: unknown,
  type: TypeDefinition,
  element: ElementDefinition,
  literal: string | undefined,
  codeLists: Definitions['codeLists'],
): PrimitiveFault | undefined {
  const { name } = element;
  const wanted = jsonTypeOf(type);
  if (typeof value !== wanted) return { detail: 'element-form', text: `${name} must be a JSON ${wanted}.` };
  if (typeof value === 'number') {
    const fault = faultOfNumber(value, type, literal);
    return fault === undefined ? undefined : { detail: 'value-form', text: `${name} ${fault}.` };
  }
  if (typeof value !== 'string') return undefined;
  if (value === '') return { detail: 'element-empty', text: `${name} must not be empty.` };
  const valueSet = codeListOf(element, type.name);
  const list = valueSet === undefined ? undefined : codeLists.get(valueSet);
  if (list) {
    if (list.codes.includes(value)) return undefined;
    const named = list.codes.length <= MAX_CODES_NAMED;
    const allowed = named ? `one of ${list.codes.join(', ')}` : `a code of ${valueSet}`;
    return { detail: 'binding-required', text: `${name} must be ${allowed}.` };
  }
  const fault = faultOfText(value, type);
  if (fault === undefined) return undefined;
  return { detail: type.name === 'xhtml' ? 'narrative-content' : 'value-form', text: `${name} ${fault}.` };
}

function jsonTypeOf({ name }: TypeDefinition): 'number' | 'boolean' | 'string' {
  if (INTEGER_RANGES[name] || name === 'decimal') return 'number';
  return name === 'boolean' ? 'boolean' : 'string';
}

function faultOfNumber(value: number, type: TypeDefinition, literal: string | undefined): string | undefined {
  if (!Number.isFinite(value)) return 'is not a number that can be kept';
  const range = INTEGER_RANGES[type.name];
  if (!range) return undefined;
  if (!Number.isInteger(value)) return 'must be a whole number';
  if (value < range[0] || value > range[1]) return `must be between ${range[0]} and ${range[1]}`;
  if (literal !== undefined && !patternOf(type).test(literal))
    return 'must be written without a fraction or an exponent';
  return undefined;
}

const patternsByType = new Map<string, RegExp>();

function patternOf(type: TypeDefinition): RegExp {
  const pattern = patternsByType.get(type.name) ?? new RegExp(type.pattern ?? '');
  patternsByType.set(type.name, pattern);
  return pattern;
}

function faultOfText(text: string, type: TypeDefinition): string | undefined {
  if (type.name === 'xhtml') return faultOfNarrative(text);
  if (type.name === 'base64Binary') return isBase64(text) ? undefined : 'must be base64';
  if (!isShort(text)) return `must not have more than ${MAX_STRING_CHARACTERS} characters`;
  if (!patternOf(type).test(text)) return `must have the form of ${type.name}`;
  const dated = type.name === 'date' || type.name === 'dateTime' || type.name === 'instant';
  return dated && !isRealDay(text) ? 'names a day that does not exist' : undefined;
}
