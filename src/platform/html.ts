/** Pieces of HTML that are also well-formed XML, so that a strict parser can check them. https://html.spec.whatwg.org/ */

const ESCAPED: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
/** What XML has no place for, and what could end a line of text in the eyes of a reader of HTML. */
const UNSHOWN = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f\uFFFE\uFFFF]/g;

/** Text for the inside of an element or an attribute in double quotes. */
export const htmlText = (text: string): string =>
  text.replaceAll(UNSHOWN, '\uFFFD').replaceAll(/[&<>"']/g, char => ESCAPED[char]!);

const PROTOCOLS = new Set(['http:', 'https:', 'mailto:']);

/** The address in its canonical form, where it is absolute and leads to a page or a mailbox; undefined for any other. */
export function safeAddress(given: string): string | undefined {
  if (given.length > 2000) return undefined;
  try {
    const url = new URL(given);
    return PROTOCOLS.has(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}
