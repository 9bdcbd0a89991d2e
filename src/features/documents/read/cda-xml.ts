/**
 * CDA documents as XML: what of them is wanted, as a small tree. https://www.w3.org/TR/xml/
 *
 * Read as a stream of events with bounds: no document type and with it no entity but XML's five, no more than `depth` levels, no more than
 * `nodes` kept. What is not wanted is parsed and forgotten; what comes behind what is wanted is not even parsed. Only elements of HL7's own
 * namespaces are seen.
 */
import { SaxesParser, type SaxesTagNS } from 'saxes';
import type { ReadLimits } from './document-metadata.js';

const CDA_NAMESPACE = 'urn:hl7-org:v3';
const SDTC_NAMESPACE = 'urn:hl7-org:sdtc';

export interface CdaElement {
  /** The local name; with `sdtc:` before it for HL7's extension. */
  readonly name: string;
  /** By their local names; those of other namespaces (`xsi:type` as `type`) only where no other has the name. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly (CdaElement | string)[];
}

interface OpenCdaElement extends CdaElement {
  readonly children: (OpenCdaElement | string)[];
}

/** `skip`: it and what is in it is not kept. `last`: it is kept with what its tag says, and the rest is not read. */
export type Wanted = 'keep' | 'skip' | 'last';

/** The document is not well-formed, larger than allowed, or none of CDA. No message: it would quote the document. */
export class UnreadableXml extends Error {
  override readonly name = 'UnreadableXml';
}

/** Ends the reading where enough is known. */
const ENOUGH = new Error('enough');

const refuse = (): never => {
  throw new UnreadableXml('The document cannot be read.');
};

/**
 * The root element with what is wanted of it. `path`: names from the root to the element, itself last. Throws UnreadableXml, also where
 * the text ends too early.
 */
export function readCdaXml(
  text: string,
  { depth, nodes }: Pick<ReadLimits, 'depth' | 'nodes'>,
  wanted: (path: readonly string[]) => Wanted,
  named: NameElement = cdaName,
): CdaElement {
  const parser = new SaxesParser({ xmlns: true });
  const open: OpenCdaElement[] = [];
  const path: string[] = [];
  let root: OpenCdaElement | undefined;
  let kept = 0;
  /** Levels within what is skipped. */
  let skipped = 0;
  for (const name of ['error', 'doctype'] as const) parser.on(name, refuse);
  parser.on('opentag', tag => {
    if (open.length + skipped >= depth) refuse();
    if (skipped > 0) return void skipped++;
    const name = named(tag.uri, tag.local);
    const verdict = name === undefined ? 'skip' : wanted([...path, name]);
    if (name === undefined || verdict === 'skip') return void (skipped = root ? 1 : refuse());
    const element: OpenCdaElement = { name, attributes: attributesOf(tag), children: [] };
    kept += 1 + element.attributes.size;
    if (kept > nodes) refuse();
    open.at(-1)?.children.push(element);
    root ??= element;
    if (verdict === 'last') throw ENOUGH;
    open.push(element);
    path.push(name);
  });
  parser.on('closetag', () => {
    if (skipped > 0) return void skipped--;
    open.pop();
    path.pop();
  });
  const take = (content: string): void => {
    const siblings = open.at(-1)?.children;
    if (skipped > 0 || !siblings) return;
    const last = siblings.at(-1);
    if (typeof last === 'string') siblings[siblings.length - 1] = last + content;
    else if (++kept > nodes) refuse();
    else siblings.push(content);
  };
  parser.on('text', take);
  parser.on('cdata', take);
  try {
    parser.write(text).close();
  } catch (error) {
    if (error !== ENOUGH)
      throw error instanceof UnreadableXml ? error : new UnreadableXml('The document cannot be read.');
  }
  return root ?? refuse();
}

/** What an element is called in the tree; undefined: it is not seen. */
export type NameElement = (namespace: string, local: string) => string | undefined;

function cdaName(namespace: string, local: string): string | undefined {
  // Examples of HL7 itself leave the namespace away.
  if (namespace === CDA_NAMESPACE || namespace === '') return local;
  return namespace === SDTC_NAMESPACE ? `sdtc:${local}` : undefined;
}

function attributesOf({ attributes }: SaxesTagNS): Map<string, string> {
  const found = new Map<string, string>();
  for (const { prefix, local, value } of Object.values(attributes))
    if (prefix === '' && local !== 'xmlns') found.set(local, value);
  for (const { prefix, local, value } of Object.values(attributes))
    if (prefix !== '' && prefix !== 'xmlns' && !found.has(local)) found.set(local, value);
  return found;
}

const ENCODINGS: Readonly<Record<string, string>> = {
  'utf-8': 'utf-8',
  utf8: 'utf-8',
  'us-ascii': 'utf-8',
  'iso-8859-1': 'windows-1252',
  'windows-1252': 'windows-1252',
  'utf-16': 'utf-8',
};

/**
 * The text of an XML document in UTF-8, UTF-16 with its mark, or Latin-1. Of a part of a document (`partial`) the last character may be cut
 * off. Throws UnreadableXml for other encodings and bytes that are none.
 */
export function decodeXml(bytes: Uint8Array, partial = false): string {
  const [first, second] = bytes;
  const declared = /^[^<]{0,4}<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([\w.-]{1,40})["']/.exec(
    Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 300)).toString('latin1'),
  )?.[1];
  const marked =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : undefined;
  const encoding = marked ?? (declared === undefined ? 'utf-8' : ENCODINGS[declared.toLowerCase()]);
  if (encoding === undefined) return refuse();
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: partial });
  } catch {
    return refuse();
  }
}

const isCdaElement = (child: CdaElement | string): child is CdaElement => typeof child !== 'string';

/** The children of this name. */
export const childrenNamed = (element: CdaElement | undefined, name: string): readonly CdaElement[] =>
  element?.children.filter(isCdaElement).filter(child => child.name === name) ?? [];

/** The first element along a path of names. */
export const childAt = (element: CdaElement | undefined, ...names: readonly string[]): CdaElement | undefined =>
  names.reduce<CdaElement | undefined>(
    (at, name) => at?.children.filter(isCdaElement).find(child => child.name === name),
    element,
  );

/** All text inside, white space as one blank; undefined where there is none. */
export function textWithin(element: CdaElement | undefined): string | undefined {
  const texts: string[] = [];
  const gather = ({ children }: CdaElement): void => {
    for (const child of children)
      if (typeof child === 'string') texts.push(child);
      else gather(child);
  };
  if (element) gather(element);
  const text = texts.join('').replaceAll(/\s+/g, ' ').trim();
  return text === '' ? undefined : text;
}
