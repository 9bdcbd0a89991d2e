/**
 * What a page of a document may be made of, as a list of what is anything else: read by a strict parser, so that nothing is guessed about
 * what a browser would make of it.
 */
import { SaxesParser } from 'saxes';

const ELEMENTS = new Set(
  'html head meta title style body h1 h2 h3 h4 h5 h6 section p em pre img a br span div sub sup small ul ol li table caption thead tbody tfoot tr th td'.split(
    ' ',
  ),
);
const CLASSES = new Set('bold underline italics alert left right center paragraph caption'.split(' '));
const ATTRIBUTES: Readonly<Record<string, (value: string, element: string) => boolean>> = {
  id: value => /^n\d+$/.test(value),
  class: value => value.split(' ').every(name => CLASSES.has(name)),
  colspan: value => /^\d{1,3}$/.test(value),
  rowspan: value => /^\d{1,3}$/.test(value),
  href: (value, element) => element === 'a' && /^(?:#n\d+$|https?:\/\/|mailto:)/.test(value),
  rel: value => value === 'noopener noreferrer',
  src: (value, element) => element === 'img' && /^data:image\/(?:png|jpeg|gif);base64,[A-Za-z\d+/]+=*$/.test(value),
  alt: value => value === '',
  lang: value => /^[A-Za-z\d-]{1,35}$/.test(value),
  charset: value => value === 'utf-8',
  name: (value, element) => element === 'meta' && value === 'viewport',
  content: (value, element) => element === 'meta' && value === 'width=device-width',
};

/** Elements and attributes that have no business in a page of a document, and what is not well-formed. None: it is safe. */
export function unsafeParts(page: string): readonly string[] {
  const found: string[] = [];
  const parser = new SaxesParser();
  const styles: string[] = [];
  parser.on('error', error => found.push(`not well-formed: ${error.message}`));
  for (const name of ['comment', 'cdata', 'processinginstruction'] as const) parser.on(name, () => found.push(name));
  parser.on('opentag', ({ name, attributes }) => {
    if (!ELEMENTS.has(name)) found.push(`<${name}>`);
    if (name === 'style') styles.push(name);
    for (const [attribute, value] of Object.entries(attributes))
      if (ATTRIBUTES[attribute]?.(value, name) !== true) found.push(`${name} ${attribute}="${value.slice(0, 80)}"`);
  });
  if (!page.startsWith('<!DOCTYPE html>\n')) found.push('no document type');
  parser.write(page.slice('<!DOCTYPE html>\n'.length)).close();
  if (styles.length !== 1) found.push(`${styles.length} style sheets`);
  return found;
}
