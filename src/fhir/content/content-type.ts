/**
 * What bytes are, told by how they begin, and whether that contradicts what was said of them: Attachment.contentType,
 * https://hl7.org/fhir/R4/datatypes-definitions.html#Attachment.contentType
 *
 * The order matters. DICOM files may begin as TIFF (https://dicom.nema.org/medical/dicom/current/output/html/part10.html#sect_7.1: the
 * preamble is free), so 'DICM' at offset 128 comes first. Text comes before signatures of two letters, which words have, too ("BMI" is no
 * bitmap, "MZ" no program). TIFF is told by its first four bytes, because the rest may stand anywhere in the file.
 */
import { fileTypeFromBuffer } from 'file-type';
import { endOfProlog } from '../xml/prolog.js';

/** Bytes from the beginning that are looked at: more tell nothing more. */
export const HEAD_BYTES = 8 * 1024;

/** Signatures that are made of letters, so that text can have them. */
const WRITTEN_IN_LETTERS = new Set(['application/pdf', 'application/rtf', 'application/postscript']);

/**
 * The media type of what begins with `head`: of signatures as registered, `application/xml` or what the root element says, `text/plain`
 * of text of which no more is known. Undefined: something else, or nothing. Reads HEAD_BYTES at most and throws nothing.
 */
export async function contentTypeOf(head: Uint8Array): Promise<string | undefined> {
  const bytes = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, HEAD_BYTES));
  if (bytes.length === 0) return undefined;
  if (bytes.toString('latin1', 128, 132) === 'DICM') return 'application/dicom';
  if (/^(?:II[*+]\0|MM\0[*+])/.test(bytes.toString('latin1', 0, 4))) return 'image/tiff';
  const text = decodedHead(bytes);
  const signature = await signatureOf(bytes);
  if (text === undefined) return signature ?? pdfBehind(bytes);
  if (signature !== undefined && WRITTEN_IN_LETTERS.has(signature)) return signature;
  return pdfBehind(bytes) ?? xmlTypeOf(text) ?? 'text/plain';
}

async function signatureOf(bytes: Buffer): Promise<string | undefined> {
  try {
    const mime = (await fileTypeFromBuffer(bytes))?.mime;
    return mime === 'image/apng' ? 'image/png' : mime;
  } catch {
    // What its readers cannot follow is none of the types that they know.
    return undefined;
  }
}

/** Readers of PDF accept its header within the first 1024 bytes, and senders count on it. */
const pdfBehind = (bytes: Buffer): string | undefined =>
  bytes.subarray(0, 1024 + 5).includes('%PDF-') ? 'application/pdf' : undefined;

/** Everything but tab, line ends, form feed, escape (in HL7 v2 and printer text) and what can be printed. */
const CONTROL = /[\0-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]/;

/** The bytes as text in UTF-8, or in UTF-16 with its mark; undefined where they are neither. A character may be cut off at the end. */
function decodedHead(bytes: Buffer): string | undefined {
  const [first, second] = bytes;
  const wide =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : undefined;
  try {
    const text = new TextDecoder(wide ?? 'utf-8', { fatal: true }).decode(bytes, { stream: true });
    return CONTROL.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Types of documents by the namespace of their root element. */
const BY_NAMESPACE: Readonly<Record<string, string>> = {
  'http://www.w3.org/2000/svg': 'image/svg+xml',
  'http://www.w3.org/1999/xhtml': 'application/xhtml+xml',
  'http://hl7.org/fhir': 'application/fhir+xml',
};

function xmlTypeOf(text: string): string | undefined {
  const at = endOfProlog(text);
  if (at === undefined) return /^\uFEFF?\s*<\?xml\s/.test(text) ? 'application/xml' : undefined;
  if (/^<(?:!doctype\s+html|html[\s>])/i.test(text.slice(at, at + 64)) && !/^\uFEFF?\s*<\?xml\s/.test(text))
    return 'text/html';
  const root = rootElementOf(text.slice(at));
  if (root) return BY_NAMESPACE[root.namespace] ?? 'application/xml';
  return /^\uFEFF?\s*<\?xml\s/.test(text) || text.startsWith('<!DOCTYPE', at) ? 'application/xml' : undefined;
}

interface RootElement {
  readonly name: string;
  /** '': none. */
  readonly namespace: string;
}

/** Of text that begins with an element and has its start tag. */
function rootElementOf(text: string): RootElement | undefined {
  const close = text.indexOf('>');
  const tag = /^<(?:([\w.-]{1,64}):)?([A-Za-z_][\w.-]{0,99})(?=[\s/>])/.exec(
    close < 0 ? text : text.slice(0, close + 1),
  );
  if (!tag) return undefined;
  const [, prefix, name = ''] = tag;
  const declared = prefix === undefined ? 'xmlns' : `xmlns:${prefix}`;
  for (const [, attribute, double, single] of text
    .slice(0, close < 0 ? undefined : close)
    .matchAll(/\s([\w.:-]{1,100})\s{0,9}=\s{0,9}(?:"([^"<]{0,500})"|'([^'<]{0,500})')/g))
    if (attribute === declared) return { name, namespace: double ?? single ?? '' };
  return { name, namespace: '' };
}
