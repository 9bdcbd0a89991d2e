/**
 * A picture of a DICOM file: values of its pixels, and how they become grey. Uncompressed pixels are read here, JPEG baseline by the browser.
 * https://dicom.nema.org/medical/dicom/current/output/html/part03.html#sect_C.7.6.3 and #sect_C.11.2
 */
import dicomParser, { type DataSet, type Element } from 'dicom-parser';

/** What takes values to grey: those below it are black, those above it white. */
export interface GreyWindow {
  readonly centre: number;
  readonly width: number;
}

export interface DicomImage {
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  /** As the file says, or from its least to its largest value; undefined: it is in colour, or a JPEG. */
  readonly window: GreyWindow | undefined;
  /** `frame`: from 0. Rejects where its bytes are not what they are said to be. */
  readonly draw: (canvas: HTMLCanvasElement, frame: number, window: GreyWindow | undefined) => Promise<void>;
}

/** Why there is no picture: it is a curve, or its pixels are of a kind that is not read here. */
export type NoPicture = 'waveform' | 'no-picture' | 'not-read';

/** Implicit, explicit, and big endian; JPEG baseline. */
const PLAIN: ReadonlySet<string> = new Set(['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.2']);
const BIG_ENDIAN = '1.2.840.10008.1.2.2';
const JPEG = '1.2.840.10008.1.2.4.50';
/** Pixels of a frame: larger ones would take the memory of the window. */
const MOST_PIXELS = 64_000_000;
const PIXELS = 'x7fe00010';
const WAVEFORM = 'x54000100';

interface Described {
  readonly data: DataSet;
  readonly element: Element;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly samples: number;
  readonly bits: number;
  readonly stored: number;
  /** Where a value begins in its word: the bits above and below may hold something else. */
  readonly highBit: number;
  readonly isSigned: boolean;
  readonly isPlanar: boolean;
  readonly colours: string;
  readonly isBig: boolean;
}

const numberIn = (data: DataSet, tag: string): number | undefined => {
  const text = data.string(tag)?.split('\\')[0]?.trim();
  const value = Number(text);
  return text === undefined || text === '' || !Number.isFinite(value) ? undefined : value;
};

function describedIn(data: DataSet, element: Element, isBig: boolean): Described {
  const bits = data.uint16('x00280100') ?? 0;
  const stored = Math.min(data.uint16('x00280101') ?? bits, bits);
  return {
    ...{ data, element, bits, stored, isBig },
    width: data.uint16('x00280011') ?? 0,
    height: data.uint16('x00280010') ?? 0,
    frames: Math.max(1, Math.floor(numberIn(data, 'x00280008') ?? 1)),
    samples: data.uint16('x00280002') ?? 1,
    highBit: data.uint16('x00280102') ?? stored - 1,
    isSigned: data.uint16('x00280103') === 1,
    isPlanar: data.uint16('x00280006') === 1,
    colours: data.string('x00280004')?.trim() ?? '',
  };
}

/** Throws where it is no DICOM file. */
export function readDicom(bytes: Uint8Array): DicomImage | NoPicture {
  const data = dicomParser.parseDicom(bytes);
  const element = data.elements[PIXELS];
  if (!element) return data.elements[WAVEFORM] ? 'waveform' : 'no-picture';
  const syntax = data.string('x00020010') ?? '';
  const image = describedIn(data, element, syntax === BIG_ENDIAN);
  const size = image.width * image.height;
  if (size === 0 || size > MOST_PIXELS) return 'no-picture';
  if (syntax === JPEG) return jpegPicture(image);
  return PLAIN.has(syntax) ? plainPicture(image) : 'not-read';
}

/** A frame has a fragment at least. */
function jpegPicture(image: Described): DicomImage {
  const { width, height, element } = image;
  const frames = Math.max(1, Math.min(image.frames, element.fragments?.length ?? 1));
  return { width, height, frames, window: undefined, draw: jpegDrawer(image) };
}

/** Throws where pixels are missing. */
function plainPicture(image: Described): DicomImage | NoPicture {
  const { element, width, height, frames, samples, bits, stored, highBit, colours } = image;
  if (element.length < width * height * frames * samples * (bits / 8)) throw new RangeError('pixels are missing');
  const size = { width, height, frames };
  if (stored < 1 || highBit < stored - 1 || highBit >= bits) return 'not-read';
  const isGrey = /^MONOCHROME[12]$/.test(colours) && samples === 1 && (bits === 8 || bits === 16);
  if (isGrey) return { ...size, ...greyDrawer(image) };
  const isColour = /^(?:RGB|YBR_FULL)$/.test(colours) && samples === 3 && bits === 8;
  return isColour ? { ...size, window: undefined, draw: colourDrawer(image) } : 'not-read';
}

/** Values of a frame, as the modality means them. */
function valuesOf(image: Described, frame: number) {
  const { data, element, width, height, bits, stored, highBit, isSigned, isBig } = image;
  const size = width * height;
  const { buffer, byteOffset } = data.byteArray;
  const view = new DataView(buffer, byteOffset + element.dataOffset + frame * size * (bits / 8), size * (bits / 8));
  const slope = numberIn(data, 'x00281053') ?? 1;
  const intercept = numberIn(data, 'x00281052') ?? 0;
  const [above, unused] = [31 - highBit, 32 - stored];
  return Float32Array.from({ length: size }, (_, at) => {
    const raw = bits === 8 ? view.getUint8(at) : view.getUint16(2 * at, !isBig);
    const value = isSigned ? (raw << above) >> unused : (raw << above) >>> unused;
    return value * slope + intercept;
  });
}

function greyDrawer(image: Described): Pick<DicomImage, 'window' | 'draw'> {
  const { data, width, height, colours } = image;
  const [centre, said] = [numberIn(data, 'x00281050'), numberIn(data, 'x00281051')];
  const window = centre !== undefined && said !== undefined && said >= 1 ? { centre, width: said } : wholeRange(image);
  return {
    window,
    async draw(canvas, frame, asked = window) {
      const values = valuesOf(image, frame);
      const pixels = new Uint8ClampedArray(4 * width * height);
      // Linear, as C.11.2.1.2.1 says it.
      const span = Math.max(asked.width - 1, 1e-6);
      for (const [at, value] of values.entries()) {
        const grey = ((value - (asked.centre - 0.5)) / span + 0.5) * 255;
        const seen = colours === 'MONOCHROME1' ? 255 - Math.min(255, Math.max(0, grey)) : grey;
        pixels.set([seen, seen, seen, 255], 4 * at);
      }
      put(canvas, pixels, image);
    },
  };
}

function wholeRange(image: Described): GreyWindow {
  let [least, largest] = [Infinity, -Infinity];
  for (const value of valuesOf(image, 0)) {
    least = Math.min(least, value);
    largest = Math.max(largest, value);
  }
  return { centre: Math.round((least + largest) / 2), width: Math.max(1, Math.round(largest - least)) };
}

const colourDrawer = (image: Described): DicomImage['draw'] =>
  async function draw(canvas, frame) {
    const { data, element, width, height, isPlanar, colours } = image;
    const size = width * height;
    const start = element.dataOffset + frame * size * 3;
    const raw = data.byteArray.subarray(start, start + size * 3);
    const pixels = new Uint8ClampedArray(4 * size);
    const [step, apart] = isPlanar ? [1, size] : [3, 1];
    for (let at = 0; at < size; at++) {
      const [a, b, c] = [raw[at * step]!, raw[at * step + apart]!, raw[at * step + 2 * apart]!];
      pixels.set(colours === 'RGB' ? [a, b, c, 255] : rgbOf(a, b - 128, c - 128), 4 * at);
    }
    put(canvas, pixels, image);
  };

/** Full range, as C.7.6.3.1.2 says it. */
const rgbOf = (y: number, blue: number, red: number): readonly number[] => [
  ...[y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue, 255],
];

const jpegDrawer = ({ data, element }: Described): DicomImage['draw'] =>
  async function draw(canvas, frame) {
    const { createJPEGBasicOffsetTable, readEncapsulatedImageFrame } = dicomParser;
    const table = element.basicOffsetTable?.length
      ? element.basicOffsetTable
      : createJPEGBasicOffsetTable(data, element);
    const bytes = readEncapsulatedImageFrame(data, element, frame, table);
    // A small file may unpack to more than its DICOM elements say.
    const pixels = jpegPixels(bytes);
    if (!(pixels > 0 && pixels <= MOST_PIXELS)) throw new RangeError('this JPEG is too large, or says no size');
    const picture = await createImageBitmap(new Blob([new Uint8Array(bytes)], { type: 'image/jpeg' }));
    [canvas.width, canvas.height] = [picture.width, picture.height];
    canvas.getContext('2d')!.drawImage(picture, 0, 0);
  };

/** As its frame header says (ITU-T T.81, B.2.2); NaN: there is none. */
function jpegPixels(bytes: ArrayLike<number>): number {
  const word = (at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  for (let at = 2; at + 8 < bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1]!;
    const isFill = marker === 0xff;
    if (!isFill && marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return word(at + 5) * word(at + 7);
    at += isFill ? 1 : 2 + word(at + 2);
  }
  return NaN;
}

function put(canvas: HTMLCanvasElement, pixels: Uint8ClampedArray<ArrayBuffer>, { width, height }: Described): void {
  [canvas.width, canvas.height] = [width, height];
  canvas.getContext('2d')!.putImageData(new ImageData(pixels, width, height), 0, 0);
}
