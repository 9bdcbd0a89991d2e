/**
 * Writes a PDF as it comes: each object is handed on at once, and only its place is kept. What is known late (how many pages there are, which
 * glyphs were used) has a number early and is written last. ISO 32000-2 §7.5
 */
import { createHash } from 'node:crypto';
import { pdfCipher, sealedParts } from './cipher.js';
import type { PdfFragment } from './fragment.js';
import {
  type PdfDictionary,
  type PdfStream,
  type PdfValue,
  pdfDictionary,
  pdfObject,
  pdfReference,
  pdfSource,
} from '../../../../fhir/content/pdf-values.js';

export interface PdfWriter {
  /** `%PDF-…`: comes first. */
  header(): Uint8Array;
  reserve(): number;
  /** What the next object will be called, for a fragment that begins with it. */
  readonly next: number;
  object(number: number, value: PdfValue | PdfStream): Uint8Array;
  fragment(fragment: PdfFragment): Uint8Array;
  /** A stream that comes in parts, as it is. */
  stream(number: number, dictionary: PdfDictionary, parts: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
  /** Cross-references and trailer: come last. `encrypt`: a dictionary that is not sealed. */
  trailer(root: number, info: number, encrypt?: PdfDictionary): Uint8Array;
}

/** `digest`: of what the file follows from; it becomes its identifier. */
export function pdfWriter(digest: string, key?: Uint8Array): PdfWriter {
  const offsets: number[] = [0];
  let at = 0;
  const count = <Bytes extends Uint8Array>(bytes: Bytes): Bytes => {
    at += bytes.length;
    return bytes;
  };
  const reserve = (): number => offsets.push(-1) - 1;
  const object = (number: number, value: PdfValue | PdfStream): Uint8Array => {
    offsets[number] = at;
    return count(pdfObject(number, value, key && pdfCipher(key, String(number))));
  };

  /** What says how the rest is sealed is not sealed. */
  const plain = (value: PdfDictionary): { readonly number: number; readonly bytes: Uint8Array } => {
    const number = reserve();
    offsets[number] = at;
    return { number, bytes: count(pdfObject(number, value)) };
  };

  async function* stream(number: number, dictionary: PdfDictionary, parts: AsyncIterable<Uint8Array>) {
    const length = reserve();
    offsets[number] = at;
    const head = new Map(dictionary).set('Length', pdfReference(length));
    const source = pdfSource(head, key && pdfCipher(key, String(number)));
    yield count(Buffer.from(`${number} 0 obj\n${source}\nstream\n`, 'latin1'));
    const from = at;
    for await (const part of key ? sealedParts(key, String(number), parts) : parts) yield count(part);
    const size = at - from;
    yield count(Buffer.from('\nendstream\nendobj\n'));
    yield object(length, size);
  }

  return {
    header: () => count(Buffer.from('%PDF-2.0\n%\xe2\xe3\xcf\xd3\n', 'latin1')),
    reserve,
    get next() {
      return offsets.length;
    },
    object,
    fragment({ bytes, first, offsets: within }) {
      if (first !== offsets.length) throw new Error('A fragment has other numbers.');
      for (const offset of within) offsets.push(at + offset);
      return count(bytes);
    },
    stream,
    trailer(root, info, encrypt) {
      const encrypted = encrypt && plain(encrypt);
      const missing = offsets.indexOf(-1);
      if (missing > 0) throw new Error(`The object ${missing} was not written.`);
      const id = { string: createHash('sha256').update(digest).digest().subarray(0, 16) };
      const trailer = pdfDictionary({
        ...{ Size: offsets.length, Root: pdfReference(root), Info: pdfReference(info), ID: [id, id] },
        Encrypt: encrypted && pdfReference(encrypted.number),
      });
      const lines = offsets.map((offset, number) =>
        number === 0 ? '0000000000 65535 f \n' : `${String(offset).padStart(10, '0')} 00000 n \n`,
      );
      const table = `xref\n0 ${offsets.length}\n${lines.join('')}trailer\n${pdfSource(trailer)}\nstartxref\n${at}\n%%EOF\n`;
      return Buffer.concat([encrypted?.bytes ?? Buffer.alloc(0), Buffer.from(table, 'latin1')]);
    },
  };
}
