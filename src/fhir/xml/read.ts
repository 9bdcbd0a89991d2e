/**
 * FHIR XML bodies: bytes → the same object that the JSON form gives. https://hl7.org/fhir/R4/xml.html
 *
 * Choices: order of elements is not checked (JSON has none); comments are dropped; `xsi:schemaLocation` is ignored, as
 * the page allows. Refused is what has no JSON form: document types and with them all entities but XML's five,
 * processing instructions, unknown elements and attributes, text between elements, a second value where R4 has one.
 * XML 1.0 in UTF-8 only. Whether values fit their types is left to validation, except where JSON needs another type.
 */
import { isUtf8 } from 'node:buffer';
import { SaxesParser, type SaxesTagNS } from 'saxes';
import type { Definitions } from '../definitions.js';
import { FhirError } from '../error.js';
import { type JsonLimits, note } from '../json/json.js';
import type { Decimals, Json, JsonObject, Parsed, Resource } from '../resource.js';
import { type Fragment, followFragment, XHTML } from './xhtml.js';
import { tooManyValues } from '../json/scan.js';
import { FHIR, isResourceType, type Shape, type Slot, shapeOf } from './shape.js';

const XSI = 'http://www.w3.org/2001/XMLSchema-instance';
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const LONGEST_NUMBER = 40;

/** An open element. */
interface Frame {
  readonly parent: Frame | undefined;
  /** How it stands in its parent; undefined for a resource, which fills the element around it. */
  readonly slot: Slot | undefined;
  /** Of what may stand inside; undefined for an element around a resource. */
  readonly shape: Shape | undefined;
  /** The children so far; of a primitive: id and extension. */
  readonly object: JsonObject;
  /** Levels of JSON from the root to the object. */
  readonly depth: number;
  /** Names of repeating primitives among the children. */
  lists?: Set<string>;
  /** The value of a primitive or a div, or the resource of the element around it. */
  value?: Json;
  /** The text of a number that `Number` would not give back. */
  literal?: string | undefined;
}

/**
 * Reads an XML resource. Throws `invalid` with one of the details xml-utf8, xml-syntax, xml-doctype, xml-version,
 * xml-instruction, xml-namespace, xml-depth, xml-no-resource, xml-element, xml-attribute, xml-text, xml-repeated,
 * xml-empty, xml-value, xml-array-length, or `unsupported-media-type` (xml-encoding) for other encodings than UTF-8.
 */
export function parseXml(body: Buffer, definitions: Definitions, limits: JsonLimits): Parsed {
  const text = decode(body);
  const decimals: Decimals = new Map();
  const parser = new SaxesParser({ xmlns: true });
  let top: Frame | undefined;
  let root: Resource | undefined;
  let levels = 0;
  let counted = 0;
  let div: Fragment | undefined;
  let divStart = 0;

  const refuse = (detail: string, message: string, at: Frame | undefined = top): FhirError => {
    const path = at && pathOf(at);
    const place = `line ${parser.line}, column ${parser.column}`;
    return new FhirError('invalid', `${message} (${path ? `${path}, ` : ''}${place})`, {
      detail,
      ...(path ? { expression: path } : {}),
    });
  };

  /** Elements, attributes and comments: a value of JSON is an element with an attribute. */
  const spend = () => {
    if (++counted > 2 * (limits.maxValues ?? Infinity)) throw tooManyValues(limits.maxValues!);
  };

  const openResource = (tag: SaxesTagNS) => {
    if (tag.uri !== FHIR || !isResourceType(definitions, tag.local))
      throw refuse('xml-no-resource', `"${named(tag.local)}" is not a resource type of R4.`);
    if (top?.value !== undefined)
      throw refuse('xml-repeated', 'An element holds more than one resource. Repeat the element instead.');
    for (const attribute of Object.values(tag.attributes))
      if (attribute.uri !== XSI && !isDeclaration(attribute))
        throw refuse('xml-attribute', `A resource has no attribute "${named(attribute.name)}".`);
    const object: Resource = { resourceType: tag.local };
    if (top) top.value = object;
    else root = object;
    top = {
      parent: top,
      slot: undefined,
      shape: shapeOf(definitions, tag.local),
      object,
      depth: top?.depth ?? 1,
    };
  };

  const openElement = (parent: Frame, tag: SaxesTagNS) => {
    const slot = parent.shape!.get(tag.local);
    if (!slot || slot.as === 'attribute' || (slot.as === 'xhtml') !== (tag.uri === XHTML))
      throw refuse('xml-element', `There is no element "${named(tag.local)}" here.`);
    const frame: Frame = {
      parent,
      slot,
      shape: slot.as === 'resource' || slot.as === 'xhtml' ? undefined : shapeOf(definitions, slot.type),
      object: {},
      depth: parent.depth + (slot.many ? 2 : 1),
    };
    if (slot.many) {
      const count = (parent.object[slot.name] as Json[] | undefined)?.length ?? 0;
      if (count >= (limits.maxArray ?? Infinity))
        throw refuse('xml-array-length', `An element repeats more than ${limits.maxArray} times. Send fewer.`);
    } else if (Object.hasOwn(parent.object, slot.name) || Object.hasOwn(parent.object, `_${slot.name}`))
      throw refuse('xml-repeated', `The element "${slot.name}" is given twice. Send it once.`);
    if (frame.depth > limits.maxDepth)
      throw refuse('xml-depth', `The body is nested deeper than ${limits.maxDepth} levels. Send a flatter document.`);
    top = frame;
    if (slot.as === 'xhtml') {
      div = followFragment();
      divStart = text.lastIndexOf('<', parser.position - 1);
      openInDiv(div, tag);
    } else readAttributes(frame, slot, tag);
  };

  const openInDiv = (fragment: Fragment, tag: SaxesTagNS) => {
    if (!fragment.open(tag)) throw refuse('xml-namespace', 'The narrative may hold XHTML only.');
  };

  const readAttributes = (frame: Frame, slot: Slot, tag: SaxesTagNS) => {
    for (const attribute of Object.values(tag.attributes)) {
      if (isDeclaration(attribute) || attribute.uri === XSI) continue;
      const { name, value } = attribute;
      if (frame.shape?.get(name)?.as === 'attribute') frame.object[name] = value;
      else if (name === 'value' && slot.as !== 'complex' && slot.as !== 'resource') readValue(frame, slot, value);
      else throw refuse('xml-attribute', `There is no attribute "${named(name)}" here.`);
    }
  };

  const readValue = (frame: Frame, slot: Slot, written: string) => {
    frame.value = written;
    if (slot.as === 'text') return;
    if (slot.as === 'boolean') {
      if (written !== 'true' && written !== 'false')
        throw refuse('xml-value', 'The value is neither "true" nor "false".');
      frame.value = written === 'true';
      return;
    }
    // R4 allows a plus before an integer; JSON does not.
    const literal = slot.as === 'integer' && written.startsWith('+') ? written.slice(1) : written;
    const value = Number(literal);
    if (literal.length > LONGEST_NUMBER || !JSON_NUMBER.test(literal) || !Number.isFinite(value))
      throw refuse('xml-value', 'The value is not a number that can be kept.');
    frame.value = value;
    if (String(value) !== literal) frame.literal = literal;
  };

  /** Puts a finished element into its parent. */
  const closeElement = (frame: Frame) => {
    for (const name of frame.lists ?? []) finishList(frame.object, name);
    const { parent, slot, object, value } = frame;
    top = parent;
    if (!parent || !slot) return;
    const primitive = frame.shape !== undefined && slot.as !== 'complex';
    const extra = primitive && Object.keys(object).length > 0;
    if (slot.as !== 'complex' && value === undefined && !extra)
      throw refuse('xml-empty', 'An element has neither a value nor content. Leave it out.', frame);
    const result: Json | undefined = slot.as === 'complex' ? object : value;
    if (!slot.many) {
      if (result !== undefined) parent.object[slot.name] = result;
      if (extra) parent.object[`_${slot.name}`] = object;
      if (frame.literal !== undefined) note(decimals, parent.object, slot.name, frame.literal);
      return;
    }
    const values = (parent.object[slot.name] ??= []) as Json[];
    values.push(result ?? null);
    if (frame.literal !== undefined) note(decimals, values, values.length - 1, frame.literal);
    if (!primitive) return;
    (parent.lists ??= new Set()).add(slot.name);
    if (!extra) return;
    const extras = (parent.object[`_${slot.name}`] ??= []) as Json[];
    while (extras.length < values.length - 1) extras.push(null);
    extras.push(object);
  };

  parser.on('error', error => {
    // The parser's text may quote the body; only its position is passed on.
    throw refuse('xml-syntax', `The body is not well-formed XML${/entity/.test(error.message) ? ENTITIES : '.'}`);
  });
  parser.on('xmldecl', ({ version, encoding }) => {
    if (version !== '1.0') throw refuse('xml-version', 'The body is not XML 1.0. Send XML 1.0.');
    if (encoding !== undefined && !/^(utf-?8|us-ascii)$/i.test(encoding)) throw otherEncoding();
  });
  parser.on('doctype', () => {
    throw refuse('xml-doctype', 'The body has a document type declaration. Leave it out.');
  });
  parser.on('processinginstruction', () => {
    throw refuse('xml-instruction', 'The body has a processing instruction. Leave it out.');
  });
  parser.on('comment', spend);
  parser.on('attribute', spend);
  parser.on('opentag', tag => {
    spend();
    if (++levels > limits.maxDepth)
      throw refuse('xml-depth', `The body is nested deeper than ${limits.maxDepth} levels. Send a flatter document.`);
    if (div) return openInDiv(div, tag);
    if (tag.uri !== FHIR && tag.uri !== XHTML)
      throw refuse('xml-namespace', `An element is not in the namespace ${FHIR}. Declare it with xmlns.`);
    if (top?.shape) openElement(top, tag);
    else openResource(tag);
  });
  parser.on('closetag', tag => {
    levels--;
    if (div) {
      if (!div.close(tag)) return;
      top!.value = div.markup(text.slice(divStart, parser.position));
      div = undefined;
    }
    closeElement(top!);
  });
  for (const name of ['text', 'cdata'] as const)
    parser.on(name, content => {
      if (div) div.text(content);
      else if (/[^ \t\r\n]/.test(content)) throw refuse('xml-text', 'There is text between elements. Leave it out.');
    });
  parser.write(text).close();
  return { resource: root!, decimals: decimals.size === 0 ? undefined : decimals };
}

const ENTITIES = ': it uses an entity that is not declared. Use numeric references, such as &#160;.';

const otherEncoding = () =>
  new FhirError(
    'unsupported-media-type',
    'The body is not in UTF-8. Encode it as UTF-8 and say so in its declaration.',
    {
      detail: 'xml-encoding',
    },
  );

function decode(body: Buffer): string {
  const [first, second] = body;
  if ((first === 0xfe && second === 0xff) || (first === 0xff && second === 0xfe) || first === 0 || second === 0)
    throw otherEncoding();
  if (!isUtf8(body))
    throw new FhirError('invalid', 'The body is not UTF-8. Encode it as UTF-8.', { detail: 'xml-utf8' });
  return body.toString('utf8', first === 0xef && second === 0xbb && body[2] === 0xbf ? 3 : 0);
}

const isDeclaration = ({ name, prefix }: { name: string; prefix: string }) => name === 'xmlns' || prefix === 'xmlns';

/** A name from the body for a message. */
const named = (name: string) => name.slice(0, 64);

/** Pads the siblings of a repeating primitive, and drops the values if there are none. */
function finishList(object: JsonObject, name: string): void {
  const values = object[name] as Json[];
  const extras = object[`_${name}`] as Json[] | undefined;
  if (!extras) return;
  while (extras.length < values.length) extras.push(null);
  if (values.every(value => value === null)) delete object[name];
}

/** FHIRPath of an open element. */
function pathOf({ parent, slot, object }: Frame): string {
  if (!slot) return parent ? pathOf(parent) : (object['resourceType'] as string);
  const list = slot.many ? `[${(parent!.object[slot.name] as Json[] | undefined)?.length ?? 0}]` : '';
  return `${pathOf(parent!)}.${slot.step}${list}`;
}
