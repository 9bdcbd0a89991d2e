/**
 * Numbers in a JSON text: which of them `Number` would not give back as they were written (`48.0`, `1e2`, `-0`, more than
 * 17 digits). https://www.rfc-editor.org/rfc/rfc8259#section-6, https://hl7.org/fhir/R4/datatypes.html#decimal
 */
import { FhirError } from '../error.js';

/** Longer literals carry no clinical meaning and cost time; the standard asks for 18 digits. */
export const LONGEST_NUMBER = 40;

const MINUS = 45;
const DOT = 46;
const ZERO = 48;
const NINE = 57;

const isDigit = (code: number) => code >= ZERO && code <= NINE;
/** A character that may stand in a number: digits, `+`, `-`, `.`, `e`, `E`. */
const inNumber = (code: number) =>
  isDigit(code) || code === DOT || code === MINUS || code === 43 || code === 101 || code === 69;

/** Whether a number begins with this character. */
export const beginsNumber = (code: number): boolean => code === MINUS || isDigit(code);

/** The offset behind the number that begins at `from`, or behind as much of it as shows that it is too long. */
export function endOfNumber(text: string, from: number): number {
  const most = Math.min(text.length, from + LONGEST_NUMBER + 1);
  let to = from + 1;
  while (to < most && inNumber(text.charCodeAt(to))) to++;
  return to;
}

/** The number between two offsets, if `Number` would not give it back. Throws `invalid` (json-number) for what it cannot hold. */
export function lossyNumber(text: string, from: number, to: number): string | undefined {
  if (survives(text, from, to)) return undefined;
  const literal = to - from > LONGEST_NUMBER ? '' : text.slice(from, to);
  const value = Number(literal);
  if (literal === '' || value === Infinity || value === -Infinity)
    throw new FhirError(
      'invalid',
      `A number has more than ${LONGEST_NUMBER} characters or is too large. Send one with fewer digits.`,
      { detail: 'json-number' },
    );
  return String(value) === literal ? undefined : literal;
}

/** True where `Number` surely gives the same text back: 1–9 first, at most 15 characters, no trailing zero after a dot. */
function survives(text: string, from: number, to: number): boolean {
  if (to - from > 15 || text.charCodeAt(from) === ZERO) return false;
  let dots = 0;
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code === DOT) dots++;
    else if (!isDigit(code)) return false;
  }
  return dots === 0 || (dots === 1 && text.charCodeAt(to - 1) !== ZERO && text.charCodeAt(to - 1) !== DOT);
}
