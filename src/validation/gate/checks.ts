/**
 * Checks of single values and objects that a JSON schema cannot say. The compiled gate (build/validators.ts) and the
 * explaining walker call the same functions, so they cannot disagree on these.
 * https://hl7.org/fhir/R4/datatypes.html, https://hl7.org/fhir/R4/json.html#primitive
 */
import { faultOfNarrative } from './narrative.js';

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/** True unless a date, dateTime or instant (already of the right form) names a day that its month does not have. */
export function isRealDay(text: string): boolean {
  if (text.length < 10) return true;
  const day = Number(text.slice(8, 10));
  if (day <= 28) return true;
  const year = Number(text.slice(0, 4));
  const month = Number(text.slice(5, 7));
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day <= (leap ? 29 : (DAYS[month - 1] ?? 0));
}

const NOT_BASE64 = /[^\s0-9A-Za-z+/=]/;

/**
 * True for base64 with padding; white space may stand anywhere. Linear. Long texts are decoded and encoded first, which
 * takes a fraction of the time of a regular expression; what does not come back the same is looked at in the slow way.
 */
export function isBase64(text: string): boolean {
  if (text.length > 512 && Buffer.from(text, 'base64').toString('base64') === text) return true;
  if (NOT_BASE64.test(text)) return false;
  const packed = /\s/.test(text) ? text.replace(/\s+/g, '') : text;
  if (packed.length === 0 || packed.length % 4 !== 0) return false;
  const padding = packed.indexOf('=');
  return padding < 0 || padding === packed.length - 1 || (padding === packed.length - 2 && packed.endsWith('='));
}

/** Characters of a string: https://hl7.org/fhir/R4/datatypes.html#string. */
export const MAX_STRING_CHARACTERS = 1024 * 1024;

/** Characters of a text; one outside the basic plane counts once. */
export function charactersOf(text: string): number {
  let count = text.length;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0xd800 && code < 0xdc00) count--;
  }
  return count;
}

/** True for a text of at most 1 MB of characters; one outside the basic plane counts once. */
export function isShort(text: string): boolean {
  if (text.length <= MAX_STRING_CHARACTERS) return true;
  if (text.length > 2 * MAX_STRING_CHARACTERS) return false;
  return charactersOf(text) <= MAX_STRING_CHARACTERS;
}

/** True for a div that may be kept and shown. */
export const isNarrative = (div: string): boolean => faultOfNarrative(div) === undefined;

/**
 * True where the values and the siblings (`given`, `_given`) of a repeating primitive fit: `null` only pads, every
 * place holds a value or extensions, and the siblings are not longer than padded values allow.
 */
export function areAligned(values: unknown, siblings: unknown): boolean {
  if (siblings === undefined) return !Array.isArray(values) || !values.includes(null);
  if (values === undefined) return !Array.isArray(siblings) || !siblings.includes(null);
  if (!Array.isArray(values) || !Array.isArray(siblings)) return true;
  if (siblings.length > values.length) return false;
  return values.every((value, index) => value !== null || (siblings[index] ?? null) !== null);
}

const lastType = new Int16Array(16);

/**
 * True where an object is not empty, has no unknown property, at most one type of each choice, and one of each
 * required choice.
 * @param places property name (`_name` too) → -1, or for a choice 64 × its number + the number of the type
 * @param required bit set of the choices that must be present
 */
export function hasRightKeys(
  object: Readonly<Record<string, unknown>>,
  places: ReadonlyMap<string, number>,
  required: number,
): boolean {
  let empty = true;
  let seen = 0;
  for (const key in object) {
    const place = places.get(key);
    if (place === undefined) return false;
    empty = false;
    if (place < 0) continue;
    const choice = place >> 6;
    if ((seen & (1 << choice)) !== 0 && lastType[choice] !== place) return false;
    seen |= 1 << choice;
    lastType[choice] = place;
  }
  return !empty && (seen & required) === required;
}

/** True for an extension that has a value or extensions of its own, and not both (ext-1). */
export function isOneOrOther(extension: Readonly<Record<string, unknown>>): boolean {
  let value = false;
  for (const key in extension) if (key.startsWith('value') || key.startsWith('_value')) value = true;
  return value !== (extension['extension'] !== undefined);
}

/** True where no two contained resources have the same id: `#id` would be ambiguous. */
export function haveOwnIds(contained: unknown): boolean {
  if (!Array.isArray(contained) || contained.length < 2) return true;
  const ids = contained.map((each: { id?: unknown } | null) => each?.id).filter(id => id !== undefined);
  return new Set(ids).size === ids.length;
}

/** Resources inside resources (Bundles in Bundles, Parameters in Bundles …) up to this depth. */
export const MAX_NESTED_RESOURCES = 8;
