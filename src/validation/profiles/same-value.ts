/**
 * Whether a value is what a profile fixes, or holds the pattern that it gives.
 * https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.fixed_x_,
 * https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.pattern_x_
 *
 * Choice: decimals are compared as numbers, by the digits that were sent: 1.50 is 1.5, and 0.10000000000000000001 is not 0.1.
 */
import { isObject, type Decimals, type Json } from '../../fhir/resource.js';

/** A value, and where its number literal is looked up. */
export interface GivenValue {
  readonly value: Json | undefined;
  readonly holder: object;
  readonly key: string | number;
}

/** A test of a value against one of a profile. */
export type ValueTest = (given: GivenValue, decimals: Decimals | undefined) => boolean;

/** The same value, with nothing beside it. */
export const fixedTest =
  (fixed: Json): ValueTest =>
  ({ value, holder, key }, decimals) =>
    isEqualValue(fixed, value, holder, key, decimals);

/** Everything of the pattern is there; of arrays each item in some item. */
export const patternTest =
  (pattern: Json): ValueTest =>
  ({ value, holder, key }, decimals) =>
    matches(pattern, value, holder, key, decimals);

function isEqualValue(
  fixed: Json,
  value: Json | undefined,
  holder: object,
  key: string | number,
  decimals: Decimals | undefined,
): boolean {
  if (typeof fixed === 'number') return isSameNumber(fixed, value, decimals?.get(holder)?.[key]);
  if (Array.isArray(fixed))
    return (
      Array.isArray(value) &&
      value.length === fixed.length &&
      fixed.every((item, i) => isEqualValue(item, value[i], value, i, decimals))
    );
  if (!isObject(fixed)) return fixed === value;
  if (!isObject(value)) return false;
  const names = Object.keys(fixed);
  if (Object.keys(value).length !== names.length) return false;
  return names.every(name => isEqualValue(fixed[name]!, value[name], value, name, decimals));
}

function matches(
  pattern: Json,
  value: Json | undefined,
  holder: object,
  key: string | number,
  decimals: Decimals | undefined,
): boolean {
  if (Array.isArray(pattern)) {
    if (!Array.isArray(value)) return false;
    return pattern.every(item => value.some((_, i) => matches(item, value[i], value, i, decimals)));
  }
  if (!isObject(pattern)) return isEqualValue(pattern, value, holder, key, decimals);
  if (!isObject(value)) return false;
  for (const name in pattern) if (!matches(pattern[name]!, value[name], value, name, decimals)) return false;
  return true;
}

function isSameNumber(fixed: number, value: Json | undefined, literal: string | undefined): boolean {
  if (typeof value !== 'number') return false;
  if (literal === undefined || value !== fixed) return value === fixed;
  return plainDigits(literal) === plainDigits(String(fixed));
}

const DECIMAL_PARTS = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** Digits without zeros at their ends, and the power of ten; texts of the same number are the same. */
function plainDigits(text: string): string {
  const parts = DECIMAL_PARTS.exec(text);
  if (!parts) return text;
  const fraction = parts[3] ?? '';
  const digits = (parts[2]! + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  const exponent = Number(parts[4] ?? 0) - fraction.length + (digits.length - significant.length);
  return `${parts[1]}${significant}e${exponent}`;
}

/** The part of a fixed value or a pattern that stands at a path of plain names: all that are there, through arrays. */
export function valuesAlong(value: Json, path: readonly string[]): Json[] {
  let parts: Json[] = [value];
  for (const name of path)
    parts = parts.flatMap(part => {
      const child = isObject(part) ? part[name] : undefined;
      if (child === undefined) return [];
      return Array.isArray(child) ? child : [child];
    });
  return parts;
}
