/**
 * The narrative of a FHIR resource (https://hl7.org/fhir/R4/narrative.html) in the words of that of CDA, so that there is one writer of HTML
 * (narrative.ts) for both: element by element, by a table. Elements that are not listed are left out, and what is in them stays; of what is no text
 * for people (scripts, styles) nothing does.
 */
import type { CdaElement } from '../read/cda-xml.js';
import { fromBase64, imageUrl } from './embedded-image.js';

/** In CDA, and with which attributes. */
const ELEMENTS: Readonly<Record<string, readonly [name: string, attributes?: Readonly<Record<string, string>>]>> = {
  p: ['paragraph'],
  div: ['paragraph'],
  blockquote: ['paragraph'],
  address: ['paragraph'],
  dt: ['paragraph', { styleCode: 'Bold' }],
  dd: ['paragraph'],
  h1: ['paragraph', { styleCode: 'Bold' }],
  h2: ['paragraph', { styleCode: 'Bold' }],
  h3: ['paragraph', { styleCode: 'Bold' }],
  h4: ['paragraph', { styleCode: 'Bold' }],
  h5: ['paragraph', { styleCode: 'Bold' }],
  h6: ['paragraph', { styleCode: 'Bold' }],
  span: ['content'],
  b: ['content', { styleCode: 'Bold' }],
  strong: ['content', { styleCode: 'Bold' }],
  i: ['content', { styleCode: 'Italics' }],
  em: ['content', { styleCode: 'Italics' }],
  cite: ['content', { styleCode: 'Italics' }],
  dfn: ['content', { styleCode: 'Italics' }],
  var: ['content', { styleCode: 'Italics' }],
  u: ['content', { styleCode: 'Underline' }],
  ins: ['content', { styleCode: 'Underline' }],
  small: ['footnote'],
  sub: ['sub'],
  sup: ['sup'],
  ul: ['list'],
  ol: ['list', { listType: 'ordered' }],
  li: ['item'],
  table: ['table'],
  caption: ['caption'],
  thead: ['thead'],
  tbody: ['tbody'],
  tfoot: ['tfoot'],
  tr: ['tr'],
  th: ['th'],
  td: ['td'],
  br: ['br'],
  hr: ['br'],
};

/** Attributes that the writer judges itself. */
const KEPT = ['colspan', 'rowspan', 'align'];
const NO_TEXT = new Set(['script', 'style', 'head', 'template', 'object', 'iframe', 'noscript', 'select', 'textarea']);

/** The `div` as an element of CDA. `images`: takes those that it brings along as data, by names of ours. */
export const narrativeOfDiv = (div: CdaElement, images: Map<string, string>): CdaElement => ({
  name: 'text',
  attributes: new Map(),
  children: converted(div.children, images, false),
});

function converted(
  children: CdaElement['children'],
  images: Map<string, string>,
  asWritten: boolean,
): CdaElement['children'] {
  return children.flatMap(child => {
    if (typeof child === 'string') return asWritten ? linesOf(child) : [child];
    return NO_TEXT.has(child.name) ? [] : elementOf(child, images, asWritten);
  });
}

function elementOf(
  { name, attributes, children }: CdaElement,
  images: Map<string, string>,
  asWritten: boolean,
): CdaElement['children'] {
  const inside = converted(children, images, asWritten || name === 'pre');
  if (name === 'img') return imageOf(attributes.get('src') ?? '', images);
  const named = attributes.get('id') ?? (name === 'a' ? attributes.get('name') : undefined);
  const id = named === undefined ? [] : ([['ID', named]] as const);
  const href = name === 'a' ? attributes.get('href') : undefined;
  if (href !== undefined) return [{ name: 'linkHtml', attributes: new Map([['href', href], ...id]), children: inside }];
  const [known, fixed = {}] = ELEMENTS[name] ?? [named === undefined && name !== 'pre' ? undefined : 'content'];
  if (known === undefined) return inside;
  const kept = KEPT.flatMap(key => (attributes.has(key) ? ([[key, attributes.get(key)!]] as const) : []));
  return [{ name: known, attributes: new Map([...Object.entries(fixed), ...kept, ...id]), children: inside }];
}

/** Line ends mean something where text is shown as it was written. */
const linesOf = (text: string): CdaElement['children'] =>
  text
    .split(/\r?\n/)
    .flatMap((line, at) =>
      at === 0 ? [line] : [{ name: 'br', attributes: new Map<string, string>(), children: [] }, line],
    );

/** What it brings along as data; a word for any other. */
function imageOf(src: string, images: Map<string, string>): CdaElement['children'] {
  const data = /^data:image\/(?:png|jpeg|gif);base64,/.exec(src);
  const bytes = data ? fromBase64(src.slice(data[0].length)) : undefined;
  const url = bytes && imageUrl(bytes);
  const name = `image-${images.size}`;
  if (url !== undefined) images.set(name, url);
  return [{ name: 'renderMultiMedia', attributes: new Map([['referencedObject', name]]), children: [] }];
}
