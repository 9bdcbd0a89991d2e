/**
 * Whether what is sent to Binary as ordinary JSON or XML is a FHIR resource of that type, or content to be kept as it is,
 * told by its first bytes: https://hl7.org/fhir/R4/binary.html#rest. A document may be of any size and is not parsed.
 */
import { endOfProlog } from '../fhir/xml/prolog.js';
import type { Format } from './media.js';

/** Bytes that are looked at: a root element, or the first members of an object. */
export const SNIFFED = 4 * 1024;

export const isFhirBinary = (format: Format, head: Buffer): boolean => {
  const text = head.toString('utf8', 0, SNIFFED).replace(/^\uFEFF/, '');
  return format === 'xml' ? isBinaryElement(text) : isBinaryObject(text);
};

/** The root is `Binary` in the FHIR namespace; what stands before it is passed over. */
function isBinaryElement(text: string): boolean {
  const at = endOfProlog(text);
  if (at === undefined) return false;
  const close = text.indexOf('>', at);
  const tag = close < 0 ? null : /^<(?:([\w.-]+):)?Binary(?=[\s/>])/.exec(text.slice(at, close + 1));
  if (!tag) return false;
  const name = tag[1] === undefined ? 'xmlns' : `xmlns:${tag[1].replaceAll('.', '\\.')}`;
  return new RegExp(`\\s${name}\\s*=\\s*["']http://hl7\\.org/fhir["']`).test(text.slice(at, close));
}

const ELEMENTS = new Set(['id', 'meta', 'implicitRules', 'language', 'contentType', 'securityContext', 'data']);

/**
 * An object whose resourceType is Binary. Where its data is longer than what is looked at and the type comes after it, it
 * is one if everything before is an element of Binary.
 */
function isBinaryObject(text: string): boolean {
  const skip = (at: number): number => at + /^[\s,:]*/.exec(text.slice(at, at + 256))![0].length;
  let at = skip(0);
  if (text[at] !== '{') return false;
  at = skip(at + 1);
  let elements = true;
  while (text[at] === '"') {
    const keyEnd = skipString(text, at);
    const key = text.slice(at + 1, keyEnd - 1);
    const value = skip(keyEnd);
    if (key === 'resourceType') return text.startsWith('"Binary"', value);
    elements &&= ELEMENTS.has(key.replace(/^_/, ''));
    const end = endOfValue(text, value);
    if (end >= text.length) return elements && key === 'data' && text[value] === '"';
    at = skip(end);
  }
  return false;
}

/** Behind the closing quote, or the length of the text. */
function skipString(text: string, at: number): number {
  for (let end = at + 1; end < text.length; end++) {
    if (text[end] === '\\') end++;
    else if (text[end] === '"') return end + 1;
  }
  return text.length;
}

function endOfValue(text: string, at: number): number {
  let depth = 0;
  for (let end = at; end < text.length; end++) {
    const char = text[end]!;
    if (char === '"') {
      end = skipString(text, end) - 1;
      if (depth === 0) return end + 1;
    } else if (char === '{' || char === '[') depth++;
    else if (char === '}' || char === ']') {
      depth--;
      if (depth <= 0) return depth < 0 ? end : end + 1;
    } else if (depth === 0 && char === ',') return end;
  }
  return text.length;
}
