/**
 * Checks of single values that a profile asks for: fixed values and patterns, the greatest length, the least and the greatest value.
 * https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.minValue_x_
 *
 * Choices: a date of which only a part is known is too early when all that it may mean is. Quantities of other units are compared
 * where UCUM says how; where it does not, nothing is said.
 */
import { parseDateTime } from '../../fhir/datetime.js';
import { isObject, itemsOf, type Json } from '../../fhir/resource.js';
import type { ProfileElement } from '../../fhir/structure-definition.js';
import { baseOf } from '../../search/units.js';
import { charactersOf } from '../gate/checks.js';
import type { ProfileCheck } from './compiled.js';
import { sectionCheck } from './narrative-sections.js';
import { fixedTest, patternTest } from './same-value.js';

/** The member `fixedCode`, `patternQuantity` …: the type in its name, and its value. */
export function chosen(
  element: ProfileElement,
  prefix: 'fixed' | 'pattern' | 'minValue' | 'maxValue',
): { readonly type: string; readonly value: Json } | undefined {
  for (const key in element)
    if (key.startsWith(prefix) && key.length > prefix.length) {
      const letter = key.charCodeAt(prefix.length);
      if (letter >= 65 && letter <= 90)
        return { type: key.slice(prefix.length), value: element[key as keyof ProfileElement] as Json };
    }
  return undefined;
}

/** The checks of a value that the element asks for; `profile` names it in issues. */
export function compileValueChecks(element: ProfileElement, profile: string): ProfileCheck[] {
  const checks: ProfileCheck[] = [];
  const fixed = chosen(element, 'fixed');
  if (fixed) checks.push(fixedCheck(fixed.value, profile));
  const pattern = chosen(element, 'pattern');
  if (pattern) checks.push(patternCheck(pattern.value, profile));
  if (element.maxLength !== undefined) checks.push(lengthCheck(element.maxLength, profile));
  const least = chosen(element, 'minValue');
  if (least) checks.push(boundCheck(least.value, -1, profile));
  const greatest = chosen(element, 'maxValue');
  if (greatest) checks.push(boundCheck(greatest.value, 1, profile));
  const value = valueRequirement(element, profile);
  if (value) checks.push(value);
  const sections = sectionCheck(element, profile);
  if (sections) checks.push(sections);
  return checks;
}

function fixedCheck(fixed: Json, profile: string): ProfileCheck {
  const test = fixedTest(fixed);
  return (element, run) => {
    if (element.value === undefined || test(element, run.decimals)) return;
    run.report(element.place, {
      severity: 'error',
      code: 'value',
      detail: 'fixed-value',
      text: `${element.place.name} must have the value that the profile fixes, and nothing else.`,
      diagnostics: profile,
    });
  };
}

function patternCheck(pattern: Json, profile: string): ProfileCheck {
  const test = patternTest(pattern);
  return (element, run) => {
    if (element.value === undefined || test(element, run.decimals)) return;
    run.report(element.place, {
      severity: 'error',
      code: 'value',
      detail: 'pattern-value',
      text: `${element.place.name} must hold all that the profile's pattern has.`,
      diagnostics: profile,
    });
  };
}

function lengthCheck(most: number, profile: string): ProfileCheck {
  return ({ value, place }, run) => {
    if (typeof value !== 'string' || value.length <= most || charactersOf(value) <= most) return;
    run.report(place, {
      severity: 'error',
      code: 'too-long',
      detail: 'max-length',
      text: `${place.name} must have at most ${most} characters.`,
      diagnostics: profile,
    });
  };
}

const MUST_HAVE_VALUE = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-ElementDefinition.mustHaveValue';
const ALTERNATIVES = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-ElementDefinition.valueAlternatives';

/** A primitive that must have a value, or one of some extensions. https://hl7.org/fhir/R5/elementdefinition-definitions.html */
function valueRequirement({ extension = [] }: ProfileElement, profile: string): ProfileCheck | undefined {
  const must = extension.some(({ url, valueBoolean }) => url === MUST_HAVE_VALUE && valueBoolean === true);
  const alternatives = new Set<Json | undefined>(
    extension.flatMap(({ url, valueCanonical }) => (url === ALTERNATIVES ? (valueCanonical ?? []) : [])),
  );
  if (!must && alternatives.size === 0) return undefined;
  return ({ value, sibling, place }, run) => {
    if (value !== undefined) return;
    const beside = itemsOf(sibling?.['extension']);
    if (!must && beside.some(each => isObject(each) && alternatives.has(each['url']))) return;
    run.report(place, {
      severity: 'error',
      code: 'required',
      detail: 'value-required',
      text: must
        ? `${place.name} must have a value: extensions alone are not enough.`
        : `${place.name} must have a value, or one of the extensions that the profile names.`,
      diagnostics: profile,
    });
  };
}

/** `side`: -1 for a least value, 1 for a greatest one. */
function boundCheck(bound: Json, side: -1 | 1, profile: string): ProfileCheck {
  return ({ value, place }, run) => {
    if (value === undefined || compare(value, bound) !== side) return;
    run.report(place, {
      severity: 'error',
      code: 'value',
      detail: side < 0 ? 'min-value' : 'max-value',
      text: `${place.name} is ${side < 0 ? 'less than the least' : 'greater than the greatest'} value that the profile allows.`,
      diagnostics: profile,
    });
  };
}

/** -1: less than the bound, 1: greater, 0: neither, or they cannot be compared. */
function compare(value: Json, bound: Json): number {
  if (typeof value === 'number' && typeof bound === 'number') return Math.sign(value - bound);
  if (typeof value === 'string' && typeof bound === 'string') return compareTexts(value, bound);
  if (isObject(value) && isObject(bound)) return compareQuantities(value, bound);
  return 0;
}

function compareTexts(value: string, bound: string): number {
  const span = parseDateTime(value);
  const limit = parseDateTime(bound);
  if (span && limit) return span.high < limit.low ? -1 : span.low > limit.high ? 1 : 0;
  const bothTimes = /^\d\d:/.test(value) && /^\d\d:/.test(bound);
  return bothTimes && value !== bound ? (value < bound ? -1 : 1) : 0;
}

interface QuantityParts {
  readonly value?: Json;
  readonly system?: Json;
  readonly code?: Json;
  readonly unit?: Json;
}

function compareQuantities(value: QuantityParts, bound: QuantityParts): number {
  if (typeof value.value !== 'number' || typeof bound.value !== 'number') return 0;
  const unitless = bound.code === undefined && bound.unit === undefined;
  if (unitless || (value.code !== undefined && value.code === bound.code && value.system === bound.system))
    return Math.sign(value.value - bound.value);
  if (value.code === undefined && bound.code === undefined && value.unit === bound.unit)
    return Math.sign(value.value - bound.value);
  if (typeof value.system !== 'string' || typeof value.code !== 'string') return 0;
  if (typeof bound.system !== 'string' || typeof bound.code !== 'string') return 0;
  const own = baseOf(value.system, value.code, value.value, value.value);
  const limit = baseOf(bound.system, bound.code, bound.value, bound.value);
  return own && limit && own.unit === limit.unit ? Math.sign(own.low - limit.low) : 0;
}
