/**
 * The narrative's div between JSON (a string of XHTML) and XML (an element). https://hl7.org/fhir/R4/narrative.html
 *
 * A div that carries its own namespace and no prefixes stands for itself and is passed on as it was written. Any
 * other (a prefix or a namespace declared outside, none at all) is written anew with the namespace on the div.
 * What is *allowed* in a div (txt-1) is a question of validation, not asked here.
 */
import { SaxesParser, type SaxesTagNS } from 'saxes';

export const XHTML = 'http://www.w3.org/1999/xhtml';

/** Follows the events of a parser from the opening of a div to its end. */
export interface Fragment {
  /** Opens an element, the div first. False if it is no XHTML. */
  open(tag: SaxesTagNS): boolean;
  text(text: string): void;
  /** Closes an element. True if it was the div. */
  close(tag: SaxesTagNS): boolean;
  /** The div as it was written, if that stands for itself; otherwise written anew. */
  markup(written: string): string;
}

/** `namespaces`: what counts as XHTML; `''` stands for no namespace. */
export function followFragment(namespaces: readonly string[] = [XHTML]): Fragment {
  let depth = 0;
  let plain = true;
  let anew = '';
  let open = false;
  const endTag = () => {
    if (open) anew += '>';
    open = false;
  };
  return {
    open({ local, prefix, uri, attributes }) {
      if (!namespaces.includes(uri)) return false;
      endTag();
      anew += `<${local}`;
      if (prefix !== '' || (depth === 0 && attributes['xmlns']?.value !== XHTML)) plain = false;
      if (depth++ === 0) anew += ` xmlns="${XHTML}"`;
      for (const attribute of Object.values(attributes)) {
        if (attribute.name === 'xmlns' || attribute.prefix === 'xmlns') continue;
        // Other vocabularies have no place in a narrative; `xml:` alone needs no declaration.
        if (attribute.prefix !== '' && attribute.prefix !== 'xml') return false;
        anew += ` ${attribute.name}="${escapeAttribute(attribute.value)}"`;
      }
      open = true;
      return true;
    },
    text(text) {
      endTag();
      anew += escapeText(text);
    },
    close({ local }) {
      anew += open ? '/>' : `</${local}>`;
      open = false;
      return --depth === 0;
    },
    markup: written => (plain ? written : anew),
  };
}

/** A narrative nested deeper is refused: resolving its namespaces costs the square of its depth. */
const DEEPEST = 64;

const REFUSED = new Error('not an element');
const refuse = () => {
  throw REFUSED;
};

/** The div of a resource as one well-formed XML element, or undefined where it cannot be one. */
export function asElement(div: string): string | undefined {
  const fragment = followFragment([XHTML, '']);
  const written = div.trim();
  if (!written.startsWith('<') || written.startsWith('<?')) return undefined;
  let depth = 0;
  const parser = new SaxesParser({ xmlns: true });
  parser.on('opentag', tag => {
    if (++depth > DEEPEST || !fragment.open(tag)) refuse();
  });
  parser.on('closetag', tag => {
    depth--;
    fragment.close(tag);
  });
  for (const name of ['text', 'cdata'] as const) parser.on(name, text => fragment.text(text));
  for (const name of ['error', 'doctype', 'processinginstruction'] as const) parser.on(name, refuse);
  try {
    parser.write(written).close();
  } catch (error) {
    if (error === REFUSED) return undefined;
    throw error;
  }
  return fragment.markup(written);
}

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};
const escapeChar = (char: string) => ESCAPES[char]!;

/** For the inside of a double-quoted attribute; line breaks become references, or reading would make them blanks. */
export const escapeAttribute = (text: string): string => text.replace(/[&<>"\t\n\r]/g, escapeChar);

const escapeText = (text: string) => text.replace(/[&<>\r]/g, escapeChar);
