/** Values of PDF and their text: ISO 32000-2 §7.3, https://www.iso.org/standard/75839.html */

/** Without the slash, escaped as it is written. */
export interface PdfName {
  readonly name: string;
}
/** A string, as bytes. */
export interface PdfString {
  readonly string: Uint8Array;
}
/** An indirect object, by its number; the generation is always 0. */
export interface PdfReference {
  readonly ref: number;
}
export type PdfDictionary = ReadonlyMap<string, PdfValue>;
export type PdfValue =
  | null
  | boolean
  | number
  | PdfName
  | PdfString
  | PdfReference
  | readonly PdfValue[]
  | PdfDictionary;

/** `data` as it is filtered; its Length is written by whoever writes the stream. */
export interface PdfStream {
  readonly dictionary: PdfDictionary;
  readonly data: Uint8Array;
}

export const pdfName = (name: string): PdfName => ({ name });
export const pdfReference = (ref: number): PdfReference => ({ ref });

/** Members that are undefined are left out. */
export const pdfDictionary = (members: Readonly<Record<string, PdfValue | undefined>>): PdfDictionary =>
  new Map(Object.entries(members).filter((entry): entry is [string, PdfValue] => entry[1] !== undefined));

export interface PdfCipher {
  /** Strings and streams, in the order in which they are written. */
  seal(bytes: Uint8Array): Buffer;
}

/** A text string in UTF-16 with its mark (§7.9.2.2). */
export const pdfTextString = (text: string): PdfString => ({
  string: Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(text, 'utf16le').swap16()]),
});

/** A name of any text: what is no regular character is escaped. */
export const escapedName = (text: string): PdfName =>
  pdfName(
    [...Buffer.from(text)]
      .map(byte =>
        /[A-Za-z0-9._-]/.test(String.fromCodePoint(byte))
          ? String.fromCodePoint(byte)
          : `#${byte.toString(16).padStart(2, '0')}`,
      )
      .join(''),
  );

export const isPdfDictionary = (value: PdfValue | undefined): value is PdfDictionary => value instanceof Map;
export const isPdfList = (value: PdfValue | undefined): value is readonly PdfValue[] => Array.isArray(value);
export const isPdfReference = (value: PdfValue | undefined): value is PdfReference =>
  typeof value === 'object' && value !== null && 'ref' in value;
export const isPdfName = (value: PdfValue | undefined): value is PdfName =>
  typeof value === 'object' && value !== null && 'name' in value;
export const isPdfString = (value: PdfValue | undefined): value is PdfString =>
  typeof value === 'object' && value !== null && 'string' in value;

/** A number as PDF knows it: without an exponent, to a hundred-thousandth. */
export function pdfNumber(value: number): string {
  if (Number.isInteger(value)) return String(value);
  const text = value.toFixed(5).replace(/\.?0+$/, '');
  return text === '-0' ? '0' : text;
}

/** The text of a value, in Latin 1. `cipher`: strings are sealed in the name of the object that holds them. */
export function pdfSource(value: PdfValue, cipher?: PdfCipher): string {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return pdfNumber(value);
  if (isPdfReference(value)) return `${value.ref} 0 R`;
  if (isPdfName(value)) return `/${value.name}`;
  if (isPdfList(value)) return `[${value.map(one => pdfSource(one, cipher)).join(' ')}]`;
  if (isPdfDictionary(value))
    return `<<${[...value].map(([key, one]) => `/${key} ${pdfSource(one, cipher)}`).join(' ')}>>`;
  const bytes = isPdfString(value) ? value.string : new Uint8Array();
  return `<${Buffer.from(cipher ? cipher.seal(bytes) : bytes).toString('hex')}>`;
}

/** The whole text of an indirect object. */
export function pdfObject(number: number, value: PdfValue | PdfStream, cipher?: PdfCipher): Buffer {
  if (value !== null && typeof value === 'object' && 'dictionary' in value) {
    const data = cipher ? cipher.seal(value.data) : value.data;
    const dictionary = new Map(value.dictionary).set('Length', data.length);
    return Buffer.concat([
      Buffer.from(`${number} 0 obj\n${pdfSource(dictionary, cipher)}\nstream\n`, 'latin1'),
      data,
      Buffer.from('\nendstream\nendobj\n'),
    ]);
  }
  return Buffer.from(`${number} 0 obj\n${pdfSource(value, cipher)}\nendobj\n`, 'latin1');
}
