/**
 * The one normal form in which strings are compared: no case, no accents, no composition, single blanks.
 * https://hl7.org/fhir/R4/search.html#string. Index entries and search values both pass through here.
 *
 * Choices: compatibility decomposition (NFKD), so ligatures and full-width letters equal the plain ones; every mark
 * is dropped; `ß` and `ẞ` become `ss` as case folding wants it. Punctuation counts.
 */

/** Plain ASCII without double or outer blanks needs lower case alone; that is nearly everything. */
const PLAIN_ASCII = /^[!-~]+(?: [!-~]+)*$/;

export function normalise(text: string): string {
  if (PLAIN_ASCII.test(text)) return text.toLowerCase();
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/ß/g, 'ss')
    .replace(/ς/g, 'σ')
    .replace(/[\s\p{Z}\p{Cc}]+/gu, ' ')
    .trim();
}
