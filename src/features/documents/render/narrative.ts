/**
 * The narrative of a CDA section as HTML: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=7 (CDA R2 §4.3.5.3).
 *
 * By tables from element to element: no name and no attribute of the document is passed on. What is written between is text. Of unknown
 * elements the text is shown without them; text where a table or a list has no place for it gets a cell or an item of its own.
 */
import type { CdaElement } from '../read/cda-xml.js';
import { htmlText, safeAddress } from '../../../platform/html.js';

/** Where an element may stand. */
type NarrativePlace = 'flow' | 'table' | 'group' | 'columns' | 'row' | 'list';

/** In HTML, and what may stand inside. */
const ELEMENTS: Readonly<
  Record<string, { readonly tag: string; readonly inside: NarrativePlace; readonly in: NarrativePlace }>
> = {
  content: { tag: 'span', inside: 'flow', in: 'flow' },
  paragraph: { tag: 'div', inside: 'flow', in: 'flow' },
  sub: { tag: 'sub', inside: 'flow', in: 'flow' },
  sup: { tag: 'sup', inside: 'flow', in: 'flow' },
  footnote: { tag: 'small', inside: 'flow', in: 'flow' },
  list: { tag: 'ul', inside: 'list', in: 'flow' },
  item: { tag: 'li', inside: 'flow', in: 'list' },
  table: { tag: 'table', inside: 'table', in: 'flow' },
  thead: { tag: 'thead', inside: 'group', in: 'table' },
  tbody: { tag: 'tbody', inside: 'group', in: 'table' },
  tfoot: { tag: 'tfoot', inside: 'group', in: 'table' },
  tr: { tag: 'tr', inside: 'row', in: 'group' },
  th: { tag: 'th', inside: 'flow', in: 'row' },
  td: { tag: 'td', inside: 'flow', in: 'row' },
};

/** What is put around something that has no place where it stands. */
const WRAPPERS: Readonly<Record<NarrativePlace, readonly [before: string, after: string]>> = {
  flow: ['', ''],
  columns: ['', ''],
  list: ['<li>', '</li>'],
  row: ['<td>', '</td>'],
  group: ['<tr><td>', '</td></tr>'],
  table: ['<tbody><tr><td>', '</td></tr></tbody>'],
};

/** styleCode → class of our style sheet. */
const STYLES: Readonly<Record<string, string>> = {
  Bold: 'bold',
  Underline: 'underline',
  Italics: 'italics',
  Emphasis: 'italics',
  xAlert: 'alert',
};
const ALIGNED = new Set(['left', 'right', 'center']);

/** Bytes of HTML of all narratives of a document: its text, and its images once each. */
const MOST_OUTPUT = 48 * 1024 * 1024;

/** What is known of the document while its narratives are written. */
export interface NarrativeGround {
  /** Data URLs by ID. */
  readonly images: ReadonlyMap<string, string>;
  /** Names of our own for the IDs of the document, which links within it use. */
  readonly anchors: Map<string, string>;
  /** Images that are shown already. */
  readonly shown: Set<string>;
  /** Characters so far. */
  written: number;
}

export const narrativeGround = (images: ReadonlyMap<string, string>): NarrativeGround => ({
  images,
  anchors: new Map(),
  shown: new Set(),
  written: 0,
});

/** A document that would become too large a page. */
export class TooMuchHtml extends Error {
  override readonly name = 'TooMuchHtml';
}

/** The inside of a `text` element. Throws TooMuchHtml. */
export function narrativeHtml({ children }: CdaElement, ground: NarrativeGround): string {
  return inside(children, 'flow', ground, false);
}

function inside(
  children: CdaElement['children'],
  place: NarrativePlace,
  ground: NarrativeGround,
  linked: boolean,
): string {
  const parts: string[] = [];
  for (const child of children) {
    const part = typeof child === 'string' ? narrativeText(child, place) : elementIn(child, place, ground, linked);
    ground.written += typeof child === 'string' ? part.length : 32;
    if (ground.written > MOST_OUTPUT) throw new TooMuchHtml('The page would be too large.');
    parts.push(part);
  }
  return parts.join('');
}

/** Blanks between the parts of a table mean nothing. */
function narrativeText(text: string, place: NarrativePlace): string {
  if (place === 'flow') return htmlText(text);
  return text.trim() === '' ? '' : wrapped(htmlText(text), place);
}

const wrapped = (html: string, place: NarrativePlace): string =>
  html === '' ? '' : `${WRAPPERS[place][0]}${html}${WRAPPERS[place][1]}`;

function elementIn(element: CdaElement, place: NarrativePlace, ground: NarrativeGround, linked: boolean): string {
  const { name, children } = element;
  if (name === 'col' || name === 'colgroup') return '';
  if (name === 'caption') return captionIn(element, place, ground, linked);
  const known = ELEMENTS[name];
  // A row may stand in a table without a group.
  const fits = known !== undefined && (known.in === place || (name === 'tr' && place === 'table'));
  if (known && fits) {
    const tag = name === 'list' && element.attributes.get('listType') === 'ordered' ? 'ol' : known.tag;
    return `<${tag}${attributesIn(element, ground)}>${inside(children, known.inside, ground, linked)}</${tag}>`;
  }
  if (place !== 'flow') return wrapped(elementIn(element, 'flow', ground, linked), place);
  switch (name) {
    case 'br':
      return '<br/>';
    case 'linkHtml':
      return linkHtml(element, ground, linked);
    case 'footnoteRef':
      return linked ? '' : innerLink(element.attributes.get('IDREF'), '*', ground);
    case 'renderMultiMedia':
      return imagesIn(element, ground, linked);
    default:
      return inside(children, 'flow', ground, linked);
  }
}

/** Of a table it is its caption; elsewhere a line of its own. */
function captionIn({ children }: CdaElement, place: NarrativePlace, ground: NarrativeGround, linked: boolean): string {
  const html = inside(children, 'flow', ground, linked);
  if (place === 'table') return `<caption>${html}</caption>`;
  return wrapped(`<div class="caption">${html}</div>`, place);
}

/** Ours, made of what is known of theirs. */
function attributesIn({ name, attributes }: CdaElement, ground: NarrativeGround): string {
  const id = attributes.get('ID');
  const styles = (attributes.get('styleCode') ?? '').split(/\s+/).flatMap(code => STYLES[code] ?? []);
  const align = attributes.get('align');
  if (align !== undefined && ALIGNED.has(align)) styles.push(align);
  if (name === 'paragraph') styles.unshift('paragraph');
  const spans = ['colspan', 'rowspan'].flatMap(span => {
    const value = attributes.get(span);
    return value !== undefined && /^[1-9]\d{0,2}$/.test(value) ? [` ${span}="${value}"`] : [];
  });
  return [
    id === undefined ? '' : ` id="${anchorOf(id, ground)}"`,
    styles.length === 0 ? '' : ` class="${[...new Set(styles)].join(' ')}"`,
    ...(name === 'td' || name === 'th' ? spans : []),
  ].join('');
}

/** A name for an ID of the document. The first element with it has it. */
function anchorOf(id: string, { anchors }: NarrativeGround): string {
  const known = anchors.get(id);
  if (known !== undefined) return known;
  const name = `n${anchors.size + 1}`;
  anchors.set(id, name);
  return name;
}

function innerLink(id: string | undefined, html: string, ground: NarrativeGround): string {
  return id === undefined ? html : `<a href="#${anchorOf(id, ground)}">${html}</a>`;
}

/** A link that leads nowhere safe is its text. */
function linkHtml({ attributes, children }: CdaElement, ground: NarrativeGround, linked: boolean): string {
  const html = inside(children, 'flow', ground, true);
  const href = attributes.get('href')?.trim() ?? '';
  if (linked) return html;
  if (href.startsWith('#')) return innerLink(href.slice(1), html, ground);
  const address = safeAddress(href);
  return address === undefined ? html : `<a rel="noopener noreferrer" href="${htmlText(address)}">${html}</a>`;
}

/** The images that it names, each once; a word for those that are not shown. */
function imagesIn(element: CdaElement, ground: NarrativeGround, linked: boolean): string {
  const names = (element.attributes.get('referencedObject') ?? '').split(/\s+/).filter(name => name !== '');
  const shown = names.slice(0, 100).map(name => {
    const url = ground.images.get(name);
    if (url === undefined || ground.shown.has(name)) return '<em>[image]</em>';
    ground.shown.add(name);
    ground.written += url.length;
    return `<img alt="" src="${url}"/>`;
  });
  return shown.join('') + inside(element.children, 'flow', ground, linked);
}
