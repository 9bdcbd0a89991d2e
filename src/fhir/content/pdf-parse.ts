/**
 * Reads a PDF that pdfium has written (pdfium.ts): objects one by one at the places of its cross-reference table. Of files by other
 * people it is no reader; what is not as expected throws.
 */
import {
  isPdfDictionary,
  isPdfReference,
  type PdfDictionary,
  type PdfStream,
  type PdfValue,
  pdfName,
  pdfReference,
} from './pdf-values.js';

export interface ParsedPdf {
  readonly trailer: PdfDictionary;
  /** null: there is none. */
  object(number: number): PdfValue | PdfStream;
  /** The value, or that of the object to which it leads. */
  resolve(value: PdfValue | undefined): PdfValue | PdfStream;
}

class PdfSyntaxError extends Error {
  override readonly name = 'PdfSyntaxError';
}

const NESTED = 100;
/** References that lead to references. */
const LED = 32;

export function parsePdf(bytes: Buffer): ParsedPdf {
  const { offsets, trailer } = readTable(bytes);
  const cache = new Map<number, PdfValue | PdfStream>();
  const object = (number: number): PdfValue | PdfStream => {
    const known = cache.get(number);
    if (known !== undefined) return known;
    const at = offsets.get(number);
    const found = at === undefined ? null : readObject(bytes, at, lengthOf);
    cache.set(number, found);
    return found;
  };
  const resolve = (value: PdfValue | undefined): PdfValue | PdfStream => {
    let found: PdfValue | PdfStream = value ?? null;
    for (let n = 0; n < LED; n++) {
      if (isPdfStream(found) || !isPdfReference(found)) return found;
      found = object(found.ref);
    }
    return null;
  };
  const lengthOf = (dictionary: PdfDictionary): number => {
    const length = resolve(dictionary.get('Length'));
    if (typeof length !== 'number' || length < 0) throw new PdfSyntaxError('A stream has no length.');
    return length;
  };
  return { trailer, object, resolve };
}

export const isPdfStream = (value: PdfValue | PdfStream | undefined): value is PdfStream =>
  typeof value === 'object' && value !== null && 'dictionary' in value;

const spans = new WeakMap<PdfDictionary, ReadonlyMap<string, readonly [number, number]>>();

/** Where a member of a dictionary that was read stands, from its key on to the end of its value. */
export const pdfSpanOf = (dictionary: PdfDictionary, key: string): readonly [number, number] | undefined =>
  spans.get(dictionary)?.get(key);

function readTable(bytes: Buffer): { readonly offsets: ReadonlyMap<number, number>; readonly trailer: PdfDictionary } {
  const mark = bytes.lastIndexOf('startxref');
  if (mark < 0) throw new PdfSyntaxError('There is no cross-reference table.');
  const scanner = new Scanner(bytes, new Scanner(bytes, mark + 9).number());
  scanner.keyword('xref');
  const offsets = new Map<number, number>();
  while (!scanner.follows('trailer')) {
    const first = scanner.number();
    const count = scanner.number();
    for (let n = 0; n < count; n++) {
      const offset = scanner.number();
      scanner.number();
      if (scanner.word() === 'n') offsets.set(first + n, offset);
    }
  }
  scanner.keyword('trailer');
  const trailer = scanner.value();
  if (!isPdfDictionary(trailer)) throw new PdfSyntaxError('There is no trailer.');
  return { offsets, trailer };
}

function readObject(bytes: Buffer, at: number, lengthOf: (dictionary: PdfDictionary) => number): PdfValue | PdfStream {
  const scanner = new Scanner(bytes, at);
  scanner.number();
  scanner.number();
  scanner.keyword('obj');
  const value = scanner.value();
  if (!isPdfDictionary(value) || !scanner.follows('stream')) return value;
  scanner.keyword('stream');
  const start = scanner.lineEnd();
  const length = lengthOf(value);
  return { dictionary: value, data: bytes.subarray(start, start + length) };
}

const SPACE = new Set([0, 9, 10, 12, 13, 32]);
const DELIMITERS = new Set(Buffer.from('()<>[]{}/%'));
const ESCAPES: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, b: 8, f: 12 };
const code = (char: string): number => char.charCodeAt(0);
const [PAREN, END_PAREN, LESS, SLASH, BACKSLASH, PERCENT] = Buffer.from('()</\\%');

class Scanner {
  readonly #bytes: Buffer;
  #at: number;
  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  #skip(): void {
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte === PERCENT)
        while (this.#at < this.#bytes.length && ![10, 13].includes(this.#bytes[this.#at]!)) this.#at++;
      else if (byte !== undefined && SPACE.has(byte)) this.#at++;
      else return;
    }
  }

  word(): string {
    this.#skip();
    const start = this.#at;
    while (
      this.#at < this.#bytes.length &&
      !SPACE.has(this.#bytes[this.#at]!) &&
      !DELIMITERS.has(this.#bytes[this.#at]!)
    )
      this.#at++;
    return this.#bytes.toString('latin1', start, this.#at);
  }

  number(): number {
    const value = Number(this.word());
    if (!Number.isSafeInteger(value) || value < 0) throw new PdfSyntaxError('A number is none.');
    return value;
  }

  follows(word: string): boolean {
    this.#skip();
    return this.#bytes.toString('latin1', this.#at, this.#at + word.length) === word;
  }

  keyword(word: string): void {
    if (!this.follows(word)) throw new PdfSyntaxError(`There is no ${word} where one belongs.`);
    this.#at += word.length;
  }

  /** Behind the line end after `stream`. */
  lineEnd(): number {
    if (this.#bytes[this.#at] === 13) this.#at++;
    if (this.#bytes[this.#at] === 10) this.#at++;
    return this.#at;
  }

  value(depth = 0): PdfValue {
    if (depth > NESTED) throw new PdfSyntaxError('Values are nested too deep.');
    this.#skip();
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new PdfSyntaxError('The file ends in a value.');
    if (byte === SLASH) {
      this.#at++;
      return pdfName(this.word());
    }
    if (byte === PAREN) return { string: this.#literal() };
    if (byte === LESS && this.#bytes[this.#at + 1] === LESS) return this.#dictionary(depth);
    if (byte === LESS) return { string: this.#hex() };
    if (byte === code('[')) return this.#list(depth);
    return this.#plain();
  }

  #plain(): PdfValue {
    const word = this.word();
    if (word === 'true' || word === 'false') return word === 'true';
    if (word === 'null') return null;
    const value = Number(word);
    if (word === '' || Number.isNaN(value)) throw new PdfSyntaxError('A value is none.');
    if (!/^\d+$/.test(word)) return value;
    const behind = this.#at;
    if (/^\d+$/.test(this.word()) && this.word() === 'R') return pdfReference(value);
    this.#at = behind;
    return value;
  }

  #list(depth: number): PdfValue {
    this.#at++;
    const list: PdfValue[] = [];
    while (!this.follows(']')) list.push(this.value(depth + 1));
    this.#at++;
    return list;
  }

  #dictionary(depth: number): PdfValue {
    this.#at += 2;
    const members = new Map<string, PdfValue>();
    const places = new Map<string, readonly [number, number]>();
    while (!this.follows('>>')) {
      const from = this.#at;
      const key = this.value(depth + 1);
      if (typeof key !== 'object' || key === null || !('name' in key)) throw new PdfSyntaxError('A key is no name.');
      members.set(key.name, this.value(depth + 1));
      places.set(key.name, [from, this.#at]);
    }
    this.#at += 2;
    spans.set(members, places);
    return members;
  }

  #hex(): Uint8Array {
    const end = this.#bytes.indexOf('>', this.#at);
    if (end < 0) throw new PdfSyntaxError('A string does not end.');
    const digits = this.#bytes.toString('latin1', this.#at + 1, end).replaceAll(/[\0\t\n\f\r ]/g, '');
    this.#at = end + 1;
    return Buffer.from(digits.length % 2 === 0 ? digits : `${digits}0`, 'hex');
  }

  #literal(): Uint8Array {
    const found: number[] = [];
    this.#at++;
    for (let open = 1; ; this.#at++) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw new PdfSyntaxError('A string does not end.');
      if (byte === BACKSLASH) {
        this.#escape(found);
        continue;
      }
      if (byte === PAREN) open++;
      if (byte === END_PAREN && --open === 0) break;
      found.push(byte);
    }
    this.#at++;
    return Uint8Array.from(found);
  }

  /** Ends on the last byte of the escape. */
  #escape(found: number[]): void {
    const char = String.fromCharCode(this.#bytes[++this.#at] ?? 0);
    const octal = /^[0-7]{1,3}/.exec(this.#bytes.toString('latin1', this.#at, this.#at + 3))?.[0];
    if (octal !== undefined) {
      found.push(Number.parseInt(octal, 8) & 0xff);
      this.#at += octal.length - 1;
    } else if (char === '\r') {
      if (this.#bytes[this.#at + 1] === 10) this.#at++;
    } else if (char !== '\n') found.push(ESCAPES[char] ?? char.charCodeAt(0));
  }
}
