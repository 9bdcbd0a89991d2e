/**
 * Separators in search values and their escapes. https://hl7.org/fhir/R4/search.html#escaping
 *
 * Choice: a backslash before any other character stands for itself.
 */

/** The pieces between unescaped separators, escapes still in them. */
export function splitValue(text: string, separator: ',' | '|' | '$'): string[] {
  if (!text.includes('\\')) return text.split(separator);
  const pieces: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === separator) {
      pieces.push(text.slice(start, at));
      start = at + 1;
    }
  }
  pieces.push(text.slice(start));
  return pieces;
}

export const unescapeValue = (text: string): string =>
  text.includes('\\') ? text.replace(/\\([,|$\\])/g, '$1') : text;

/** A text in which nothing separates. */
export const escapeValue = (text: string): string => text.replace(/[\\,|$]/g, '\\$&');
