/** DICOM files of a few pixels for tests, in explicit little endian. https://dicom.nema.org/medical/dicom/current/output/html/part10.html#chapter_7 */
const LONG_FORM: ReadonlySet<string> = new Set(['OB', 'OW']);
const UNDEFINED_LENGTH = 0xffffffff;

const words = (...values: readonly number[]): Buffer => Buffer.from(Uint16Array.from(values).buffer);

function element(tag: number, vr: string, value: Buffer, length = value.length): Buffer {
  const isLong = LONG_FORM.has(vr);
  const head = Buffer.alloc(isLong ? 12 : 8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  head.write(vr, 4, 'latin1');
  if (isLong) head.writeUInt32LE(length, 8);
  else head.writeUInt16LE(length, 6);
  return Buffer.concat([head, value]);
}

const text = (value: string, filler: string): Buffer =>
  Buffer.from(value.length % 2 === 0 ? value : value + filler, 'latin1');

/** One row of grey values of 16 bits, of which the `stored` ones up to `highBit` count. */
export interface GreyRow {
  readonly stored: number;
  readonly highBit: number;
  readonly values: readonly number[];
}

const fileOf = (syntax: string, elements: readonly Buffer[]): Buffer => {
  const named = element(0x00020010, 'UI', text(syntax, '\0'));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(named.length);
  const start = Buffer.concat([Buffer.alloc(128), Buffer.from('DICM')]);
  return Buffer.concat([start, element(0x00020000, 'UL', length), named, ...elements]);
};

const shape = (columns: number, [allocated, stored, highBit]: readonly [number, number, number]): Buffer[] => [
  element(0x00280002, 'US', words(1)),
  element(0x00280004, 'CS', text('MONOCHROME2', ' ')),
  element(0x00280010, 'US', words(1)),
  element(0x00280011, 'US', words(columns)),
  element(0x00280100, 'US', words(allocated)),
  element(0x00280101, 'US', words(stored)),
  element(0x00280102, 'US', words(highBit)),
  element(0x00280103, 'US', words(0)),
];

export const greyDicom = ({ stored, highBit, values }: GreyRow): Buffer =>
  fileOf('1.2.840.10008.1.2.1', [
    ...shape(values.length, [16, stored, highBit]),
    element(0x7fe00010, 'OW', words(...values)),
  ]);

/** A JPEG of one frame, behind elements that speak of one pixel. */
export function jpegDicom(jpeg: Buffer): Buffer {
  const item = (part: number, value: Buffer): Buffer => {
    const head = Buffer.concat([words(0xfffe, part), Buffer.alloc(4)]);
    head.writeUInt32LE(value.length, 4);
    return Buffer.concat([head, value]);
  };
  const padded = jpeg.length % 2 === 0 ? jpeg : Buffer.concat([jpeg, Buffer.alloc(1)]);
  const none = Buffer.alloc(0);
  const items = Buffer.concat([item(0xe000, none), item(0xe000, padded), item(0xe0dd, none)]);
  return fileOf('1.2.840.10008.1.2.4.50', [...shape(1, [8, 8, 7]), element(0x7fe00010, 'OB', items, UNDEFINED_LENGTH)]);
}
