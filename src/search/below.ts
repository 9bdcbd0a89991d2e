/**
 * Decides which text is below which, as `:below` and `:above` mean it: URLs along path and fragment, versions along their
 * parts. https://hl7.org/fhir/R4/search.html#uri, #versions. `match` and the keys of stores both use it, so they agree.
 *
 * Choices: a URL that ends with a separator is above what begins with it, and not above itself without it. The parts of a
 * version end at a point, hyphen or plus: 1 is above 1.0, 1.2.3 and 1-draft, not above 10.
 */

/** The characters after which a text goes on. */
export type Separators = '/#' | '.-+';
export const IN_URLS: Separators = '/#';
export const IN_VERSIONS: Separators = '.-+';

/** `text` is `above` or goes on after it. */
export const isBelow = (text: string, above: string, separators: Separators): boolean =>
  text.startsWith(above) &&
  (text.length === above.length || separators.includes(above.at(-1)!) || separators.includes(text[above.length]!));

/** All that `text` is below: itself, and what comes before each separator, with it and without. */
export function allAbove(text: string, separators: Separators): readonly string[] {
  const found = new Set([text]);
  for (let end = 1; end < text.length; end++)
    if (separators.includes(text[end]!)) found.add(text.slice(0, end)).add(text.slice(0, end + 1));
  return [...found];
}

/** Every text below `text`, itself aside, begins with one of these. */
export const headsBelow = (text: string, separators: Separators): readonly string[] =>
  separators.includes(text.at(-1)!) ? [text] : Array.from(separators, separator => text + separator);
