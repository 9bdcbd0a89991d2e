/**
 * FHIR XML bodies: bytes → the same object that the JSON form gives. https://hl7.org/fhir/R4/xml.html
 *
 * Choices: order of elements is not checked (JSON has none); comments are dropped; `xsi:schemaLocation` is ignored, as
 * the page allows. Refused is what has no JSON form: document types and with them all entities but XML's five,
 * processing instructions, unknown elements and attributes, text between elements, a second value where R4 has one.
 * XML 1.0 in UTF-8 only. Whether values fit their types is left to validation, except where JSON needs another type.
 */
import { SaxesParser, type SaxesAttributeNS, type SaxesTagNS } from 'saxes';
import type { Definitions } from '../definitions.js';
import { FhirError } from '../error.js';
import { decodeUtf8, type JsonLimits } from '../json/json.js';
import type { Decimals, Parsed, Resource } from '../resource.js';
import { tooManyValues } from '../json/scan.js';
import {
  countIn,
  finishLists,
  isIn,
  openElementIn,
  type OpenElement,
  openResourceIn,
  pathOf,
  putInto,
  takeValue,
} from './open-element.js';
import { type Fragment, followFragment, XHTML } from './xhtml.js';
import { FHIR, isResourceType, type Slot, shapeOf } from './shape.js';

const XSI = 'http://www.w3.org/2001/XMLSchema-instance';

/** A document while it is read. */
interface Reading {
  readonly text: string;
  readonly parser: SaxesParser<{ xmlns: true }>;
  readonly definitions: Definitions;
  readonly limits: JsonLimits;
  readonly decimals: Decimals;
  root: Resource | undefined;
  /** The innermost open element; those of a narrative are its fragment's. */
  top: OpenElement | undefined;
  /** Open tags, those of a narrative too. */
  levels: number;
  /** Elements, attributes and comments: a value of JSON is an element with an attribute. */
  counted: number;
  /** The narrative that is open, and the offset of its tag. */
  div: Fragment | undefined;
  divStart: number;
}

/**
 * Reads an XML resource. Throws `invalid` with one of the details xml-utf8, xml-syntax, xml-doctype, xml-version,
 * xml-instruction, xml-namespace, xml-depth, xml-no-resource, xml-element, xml-attribute, xml-text, xml-repeated,
 * xml-empty, xml-value, xml-array-length, or `unsupported-media-type` (xml-encoding) for other encodings than UTF-8.
 */
export function parseXml(body: Buffer, definitions: Definitions, limits: JsonLimits): Parsed {
  const text = textOfBody(body);
  const parser = new SaxesParser({ xmlns: true });
  const reading: Reading = {
    text,
    parser,
    definitions,
    limits,
    decimals: new Map(),
    root: undefined,
    top: undefined,
    levels: 0,
    counted: 0,
    div: undefined,
    divStart: 0,
  };
  refuseWhatJsonLacks(reading);
  const spend = () => countOne(reading);
  parser.on('comment', spend);
  parser.on('attribute', spend);
  parser.on('opentag', tag => openTag(reading, tag));
  parser.on('closetag', tag => closeTag(reading, tag));
  for (const name of ['text', 'cdata'] as const) parser.on(name, content => takeText(reading, content));
  parser.write(text).close();
  const { root, decimals } = reading;
  return { resource: root!, decimals: decimals.size === 0 ? undefined : decimals };
}

function xmlFault(
  { parser, top }: Reading,
  detail: string,
  message: string,
  at: OpenElement | undefined = top,
): FhirError {
  const path = at && pathOf(at);
  const place = `line ${parser.line}, column ${parser.column}`;
  return new FhirError('invalid', `${message} (${path ? `${path}, ` : ''}${place})`, {
    detail,
    ...(path ? { expression: path } : {}),
  });
}

const UNDECLARED = ': it uses an entity that is not declared. Use numeric references, such as &#160;.';

/** What is no XML, or has no form in JSON wherever it stands. */
function refuseWhatJsonLacks(reading: Reading): void {
  const { parser } = reading;
  parser.on('error', error => {
    // The parser's text may quote the body; only its position is passed on.
    const why = /entity/.test(error.message) ? UNDECLARED : '.';
    throw xmlFault(reading, 'xml-syntax', `The body is not well-formed XML${why}`);
  });
  parser.on('xmldecl', ({ version, encoding }) => {
    if (version !== '1.0') throw xmlFault(reading, 'xml-version', 'The body is not XML 1.0. Send XML 1.0.');
    if (encoding !== undefined && !/^(utf-?8|us-ascii)$/i.test(encoding)) throw otherEncoding();
  });
  parser.on('doctype', () => {
    throw xmlFault(reading, 'xml-doctype', 'The body has a document type declaration. Leave it out.');
  });
  parser.on('processinginstruction', () => {
    throw xmlFault(reading, 'xml-instruction', 'The body has a processing instruction. Leave it out.');
  });
}

function countOne(reading: Reading): void {
  const { maxValues } = reading.limits;
  if (++reading.counted > 2 * (maxValues ?? Infinity)) throw tooManyValues(maxValues!);
}

function openTag(reading: Reading, tag: SaxesTagNS): void {
  countOne(reading);
  if (++reading.levels > reading.limits.maxDepth) throw tooDeep(reading);
  if (reading.div) return openInDiv(reading, reading.div, tag);
  if (tag.uri !== FHIR && tag.uri !== XHTML)
    throw xmlFault(reading, 'xml-namespace', `An element is not in the namespace ${FHIR}. Declare it with xmlns.`);
  if (reading.top?.shape) openElement(reading, reading.top, tag);
  else openResource(reading, tag);
}

function openResource(reading: Reading, tag: SaxesTagNS): void {
  const { top, definitions } = reading;
  if (tag.uri !== FHIR || !isResourceType(definitions, tag.local))
    throw xmlFault(reading, 'xml-no-resource', `"${named(tag.local)}" is not a resource type of R4.`);
  if (top?.value !== undefined)
    throw xmlFault(reading, 'xml-repeated', 'An element holds more than one resource. Repeat the element instead.');
  for (const attribute of Object.values(tag.attributes))
    if (!isIgnored(attribute))
      throw xmlFault(reading, 'xml-attribute', `A resource has no attribute "${named(attribute.name)}".`);
  const object: Resource = { resourceType: tag.local };
  if (top) top.value = object;
  else reading.root = object;
  reading.top = openResourceIn(top, shapeOf(definitions, tag.local), object);
}

function openElement(reading: Reading, parent: OpenElement, tag: SaxesTagNS): void {
  const slot = parent.shape!.get(tag.local);
  if (!slot || slot.as === 'attribute' || (slot.as === 'xhtml') !== (tag.uri === XHTML))
    throw xmlFault(reading, 'xml-element', `There is no element "${named(tag.local)}" here.`);
  refuseOneMore(reading, parent, slot);
  const holder = slot.as === 'resource' || slot.as === 'xhtml';
  const element = openElementIn(parent, slot, holder ? undefined : shapeOf(reading.definitions, slot.type));
  if (element.depth > reading.limits.maxDepth) throw tooDeep(reading);
  reading.top = element;
  if (slot.as === 'xhtml') {
    reading.div = followFragment();
    reading.divStart = reading.text.lastIndexOf('<', reading.parser.position - 1);
    openInDiv(reading, reading.div, tag);
  } else readAttributes(reading, element, slot, tag);
}

function refuseOneMore(reading: Reading, parent: OpenElement, slot: Slot): void {
  const { maxArray } = reading.limits;
  if (slot.many) {
    if (countIn(parent, slot) >= (maxArray ?? Infinity))
      throw xmlFault(reading, 'xml-array-length', `An element repeats more than ${maxArray} times. Send fewer.`);
  } else if (isIn(parent, slot))
    throw xmlFault(reading, 'xml-repeated', `The element "${slot.name}" is given twice. Send it once.`);
}

const tooDeep = (reading: Reading): FhirError =>
  xmlFault(
    reading,
    'xml-depth',
    `The body is nested deeper than ${reading.limits.maxDepth} levels. Send a flatter document.`,
  );

function openInDiv(reading: Reading, div: Fragment, tag: SaxesTagNS): void {
  if (!div.open(tag)) throw xmlFault(reading, 'xml-namespace', 'The narrative may hold XHTML only.');
}

function readAttributes(reading: Reading, element: OpenElement, slot: Slot, tag: SaxesTagNS): void {
  for (const attribute of Object.values(tag.attributes)) {
    if (isIgnored(attribute)) continue;
    const { name, value } = attribute;
    if (element.shape?.get(name)?.as === 'attribute') element.object[name] = value;
    else if (name === 'value' && slot.as !== 'complex' && slot.as !== 'resource') {
      const fault = takeValue(element, slot.as, value);
      if (fault) throw xmlFault(reading, 'xml-value', fault);
    } else throw xmlFault(reading, 'xml-attribute', `There is no attribute "${named(name)}" here.`);
  }
}

function takeText(reading: Reading, content: string): void {
  if (reading.div) reading.div.text(content);
  else if (/[^ \t\r\n]/.test(content))
    throw xmlFault(reading, 'xml-text', 'There is text between elements. Leave it out.');
}

function closeTag(reading: Reading, tag: SaxesTagNS): void {
  const element = reading.top!;
  reading.levels--;
  if (reading.div) {
    if (!reading.div.close(tag)) return;
    element.value = reading.div.markup(reading.text.slice(reading.divStart, reading.parser.position));
    reading.div = undefined;
  }
  finishLists(element);
  const { parent, slot } = element;
  reading.top = parent;
  if (parent && slot && !putInto(parent, slot, element, reading.decimals))
    throw xmlFault(reading, 'xml-empty', 'An element has neither a value nor content. Leave it out.', element);
}

const otherEncoding = () =>
  new FhirError(
    'unsupported-media-type',
    'The body is not in UTF-8. Encode it as UTF-8 and say so in its declaration.',
    {
      detail: 'xml-encoding',
    },
  );

function textOfBody(body: Buffer): string {
  const [first, second] = body;
  if ((first === 0xfe && second === 0xff) || (first === 0xff && second === 0xfe) || first === 0 || second === 0)
    throw otherEncoding();
  return decodeUtf8(body, 'xml-utf8');
}

/** Declarations of namespaces, and what schemas want to be told. */
const isIgnored = ({ name, prefix, uri }: SaxesAttributeNS): boolean =>
  name === 'xmlns' || prefix === 'xmlns' || uri === XSI;

/** A name from the body for a message. */
const named = (name: string) => name.slice(0, 64);
