/**
 * Printing JSON with the digits that were sent: `JSON.stringify`, except that numbers named in the table of decimals
 * keep their text. https://hl7.org/fhir/R4/json.html#primitive
 *
 * Order of members is the object's; escapes are normalised (`\/` becomes `/`).
 */
import type { Decimals, Json, JsonObject } from '../resource.js';

/** The text of the scalar at `parent[key]`, with the digits that were sent. */
export const textOf = (
  parent: JsonObject | readonly Json[],
  key: string | number,
  decimals: Decimals | undefined,
): string =>
  decimals?.get(parent)?.[key] ?? String((parent as Record<string | number, string | number | boolean>)[key]);

/** JSON text of a value; `indent`: blanks per level, 0 (default) for one line. The result never ends in a line break. */
export function print(value: Json, decimals?: Decimals, indent = 0): string {
  if (!decimals?.size) return indent === 0 ? JSON.stringify(value) : JSON.stringify(value, null, indent);
  return printValue(value, decimals, ' '.repeat(indent), '\n');
}

/** What JSON.stringify escapes. */
const ESCAPED = /["\\\u0000-\u001f\ud800-\udfff]/;

const printString = (value: string) => (ESCAPED.test(value) ? JSON.stringify(value) : `"${value}"`);

/** What stands between the quotes of a JSON string. */
export const escapeString = (value: string): string =>
  ESCAPED.test(value) ? JSON.stringify(value).slice(1, -1) : value;

/** `line`: a line break and the indentation of the container that the value stands in. */
function printValue(value: Json, decimals: Decimals, step: string, line: string): string {
  if (typeof value === 'string') return printString(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const texts = decimals.get(value);
  const inner = line + step;
  const lead = step === '' ? '' : inner;
  let out = '';
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++)
      out += `${index === 0 ? '' : ','}${lead}${texts?.[index] ?? printValue(value[index]!, decimals, step, inner)}`;
    return out === '' ? '[]' : `[${out}${step === '' ? '' : line}]`;
  }
  const colon = step === '' ? ':' : ': ';
  for (const key of Object.keys(value)) {
    const member = value[key];
    if (member === undefined) continue;
    const text = texts?.[key] ?? printValue(member, decimals, step, inner);
    out += `${out === '' ? '' : ','}${lead}${printString(key)}${colon}${text}`;
  }
  return out === '' ? '{}' : `{${out}${step === '' ? '' : line}}`;
}
