/**
 * A resource as FHIR XML: elements in the order of the definitions, digits as they were sent, the narrative as it is.
 * https://hl7.org/fhir/R4/xml.html
 *
 * Whatever XML cannot say (an element that R4 does not have, a character that XML does not know, a div that is not
 * well-formed) is an error that points to JSON; nothing is left out.
 */
import type { Definitions } from '../definitions.js';
import { FhirError } from '../error.js';
import { textOf } from '../json/print.js';
import { type Decimals, type Json, type JsonObject, type Resource, isObject } from '../resource.js';
import { asElement, escapeAttribute } from './xhtml.js';
import { FHIR, isResourceType, type Slot, shapeOf } from './shape.js';

export interface XmlLayout {
  /** Line breaks and two blanks a level. The narrative stays as it is. */
  readonly pretty?: boolean;
}

/** Code units that are no characters of XML 1.0, though JSON strings can hold them. */
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/u;

const unsayable = (path: string, why: string) =>
  new FhirError('not-acceptable', `${path} ${why} Ask for application/fhir+json.`, {
    expression: path,
    detail: 'xml-unsayable',
  });

/** The document, with its declaration. Throws `not-acceptable` (xml-unsayable) where only JSON can tell it. */
export function printXml(
  resource: Resource,
  definitions: Definitions,
  decimals?: Decimals,
  { pretty = false }: XmlLayout = {},
): string {
  const writing: Writing = { definitions, decimals, pretty };
  const out = `<?xml version="1.0" encoding="UTF-8"?>${pretty ? '\n' : ''}${writeResource(writing, resource, '', pretty ? '\n' : '', true)}`;
  if (NOT_XML.test(out)) throw unsayable(resource.resourceType, 'has a character that XML cannot carry.');
  return out;
}

interface Writing {
  readonly definitions: Definitions;
  readonly decimals: Decimals | undefined;
  readonly pretty: boolean;
}

/** What stands in an element. */
interface Inside {
  readonly attributes: string;
  readonly content: string;
}

/** A line break and the indentation of one level more. */
const indent = ({ pretty }: Writing, line: string): string => (pretty ? `${line}  ` : '');

/** The resource as an element; the outermost one names the namespace. `line`: line break and indentation before it. */
function writeResource(
  writing: Writing,
  resource: Json | undefined,
  path: string,
  line: string,
  outermost: boolean,
): string {
  const type = isObject(resource) ? resource['resourceType'] : undefined;
  if (typeof type !== 'string' || !isResourceType(writing.definitions, type))
    throw unsayable(path === '' ? 'The resource' : path, 'is not a resource of R4.');
  const { content } = writeMembers(writing, resource as JsonObject, type, path || type, indent(writing, line));
  return enclose(type, outermost ? ` xmlns="${FHIR}"` : '', content, line);
}

/** Attributes and child elements of an object of a type. */
function writeMembers(writing: Writing, object: JsonObject, type: string, path: string, line: string): Inside {
  let attributes = '';
  let content = '';
  for (const slot of slotsOf(writing, object, type, path)) {
    const at = `${path}.${slot.step}`;
    const value = object[slot.name];
    if (slot.as === 'attribute') {
      if (typeof value !== 'string' || Object.hasOwn(object, `_${slot.name}`))
        throw unsayable(at, 'is an attribute in XML and can only be a string.');
      attributes += ` ${slot.name}="${escapeAttribute(value)}"`;
    } else if (!slot.many)
      content += line + writeElement(writing, slot, object, slot.name, object[`_${slot.name}`], at, line);
    else {
      const values = arrayAt(value, at);
      const extras = arrayAt(object[`_${slot.name}`], at);
      for (let index = 0; index < Math.max(values.length, extras.length); index++)
        content += line + writeElement(writing, slot, values, index, extras[index], `${at}[${index}]`, line);
    }
  }
  return { attributes, content };
}

/** The slots that an object fills, in the order of XML. */
function slotsOf({ definitions }: Writing, object: JsonObject, type: string, path: string): readonly Slot[] {
  const shape = shapeOf(definitions, type);
  const slots: Slot[] = [];
  let ordered = true;
  for (const key in object) {
    const sibling = key.startsWith('_');
    const slot = shape.get(sibling ? key.slice(1) : key);
    if (!slot) {
      if (key === 'resourceType' && definitions.types.get(type)?.kind === 'resource') continue;
      throw unsayable(path, `has the property "${key.slice(0, 64)}", which R4 does not know.`);
    }
    if (sibling && Object.hasOwn(object, slot.name)) continue;
    if (slots.length > 0 && slots.at(-1)!.order > slot.order) ordered = false;
    slots.push(slot);
  }
  return ordered ? slots : slots.toSorted((a, b) => a.order - b.order);
}

function arrayAt(value: Json | undefined, path: string): Json[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw unsayable(path, 'is not an array.');
  return value;
}

/** One element: the value at `parent[key]` and, of a primitive, its id and extensions in `extra`. */
function writeElement(
  writing: Writing,
  slot: Slot,
  parent: JsonObject | Json[],
  key: string | number,
  extra: Json | undefined,
  path: string,
  line: string,
): string {
  const value = (parent as JsonObject)[key];
  const { name } = slot;
  switch (slot.as) {
    case 'xhtml': {
      const element = typeof value === 'string' && extra === undefined ? asElement(value) : undefined;
      if (element === undefined) throw unsayable(path, 'is not well-formed XHTML.');
      return element;
    }
    case 'resource': {
      const inner = indent(writing, line);
      return `<${name}>${inner}${writeResource(writing, value, path, inner, false)}${line}</${name}>`;
    }
    case 'complex': {
      if (!isObject(value) || extra !== undefined) throw unsayable(path, 'is not an object.');
      const { attributes, content } = writeMembers(writing, value, slot.type, path, indent(writing, line));
      return enclose(name, attributes, content, line);
    }
    default: {
      if (typeof value === 'object' && value !== null) throw unsayable(path, 'is not a primitive value.');
      const { attributes, content } = writeExtra(writing, slot, extra, path, line);
      if (value === undefined || value === null) {
        if (attributes === '' && content === '') throw unsayable(path, 'is empty.');
        return enclose(name, attributes, content, line);
      }
      const text = typeof value === 'string' ? escapeAttribute(value) : textOf(parent, key, writing.decimals);
      return enclose(name, `${attributes} value="${text}"`, content, line);
    }
  }
}

const enclose = (name: string, attributes: string, content: string, line: string): string =>
  `<${name}${attributes}${content === '' ? '/>' : `>${content}${line}</${name}>`}`;

const NOTHING: Inside = { attributes: '', content: '' };

/** Id and extensions of a primitive. */
function writeExtra(writing: Writing, slot: Slot, extra: Json | undefined, path: string, line: string): Inside {
  if (extra === undefined || extra === null) return NOTHING;
  if (!isObject(extra)) throw unsayable(path, 'has a sibling that is not an object.');
  return writeMembers(writing, extra, slot.type, path, indent(writing, line));
}
