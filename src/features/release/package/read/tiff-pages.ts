/**
 * The pages of a TIFF: strips and tiles go in as they are, each an image of its own, because a PDF knows the same codes (CCITT, LZW, Flate,
 * PackBits, JPEG). Decoding a page of a fax costs seconds; this costs nothing.
 * https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf, ISO 32000-2 §7.4.6
 */
import { tiffDirectories, type TiffTags } from '../../../../fhir/content/tiff-directories.js';
import type { PageForm, FragmentWriter } from '../pdf/fragment.js';
import { type PdfDictionary, type PdfValue, pdfDictionary, pdfName } from '../../../../fhir/content/pdf-values.js';
import { ITEM_LIMITS, TooCostly } from './limits.js';
import { type ImageForm, imageObject, type Paper, picturePage, plausibleDots } from './picture.js';

const [WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER] = [256, 257, 258, 259, 262, 266];
const [STRIPS, ORIENTATION, SAMPLES, ROWS, STRIP_SIZES] = [273, 274, 277, 278, 279];
const [DOTS_X, DOTS_Y, PLANES, T4_OPTIONS, UNIT, PREDICTOR, PALETTE] = [282, 283, 284, 292, 296, 317, 320];
const [TILE_WIDTH, TILE_HEIGHT, TILES, TILE_SIZES, EXTRA_SAMPLES, JPEG_TABLES] = [322, 323, 324, 325, 338, 347];
/** The others (what programs and cameras said, profiles of colours) may be as large as the file. */
const WANTED: ReadonlySet<number> = new Set([
  ...[WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, STRIPS, ORIENTATION, SAMPLES, ROWS, STRIP_SIZES],
  ...[DOTS_X, DOTS_Y, PLANES, T4_OPTIONS, UNIT, PREDICTOR, PALETTE],
  ...[TILE_WIDTH, TILE_HEIGHT, TILES, TILE_SIZES, EXTRA_SAMPLES, JPEG_TABLES],
]);

const [WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE_COLOUR, CMYK, YCBCR] = [0, 1, 2, 3, 5, 6];
const [NONE, HUFFMAN, GROUP3, GROUP4, LZW, JPEG, FLATE, PACKBITS, OLD_FLATE] = [1, 2, 3, 4, 5, 7, 8, 32_773, 32_946];

/**
 * Undefined where one of the pages has a form that no PDF has: nothing of the file is merged then. Throws TooCostly for too many pages, and a
 * RangeError where the file ends before them.
 */
export function tiffForms(writer: FragmentWriter, bytes: Buffer, paper: Paper): readonly PageForm[] | undefined {
  const pages: PageForm[] = [];
  for (const { tags, isReduced } of tiffDirectories(bytes, WANTED)) {
    if (isReduced) continue;
    if (pages.length === ITEM_LIMITS.pages) throw new TooCostly('There are too many pages.');
    const page = tiffPage(writer, bytes, tags, paper);
    if (!page) return undefined;
    pages.push(page);
  }
  return pages.length > 0 ? pages : undefined;
}

/** The pieces of a page, each as wide and high as its place, or as the file says. */
interface TiffPieces {
  readonly offsets: readonly number[];
  readonly sizes: readonly number[];
  readonly width: number;
  readonly height: number;
  /** Tiles are whole also where they stand over the edge. */
  readonly whole: boolean;
}

function tiffPage(writer: FragmentWriter, bytes: Buffer, tags: TiffTags, paper: Paper): PageForm | undefined {
  const one = (tag: number, otherwise: number): number => tags.get(tag)?.[0] ?? otherwise;
  const [width, height] = [one(WIDTH, 0), one(HEIGHT, 0)];
  const form = imageForm(tags);
  if (!form || width < 1 || height < 1 || width > 65_535 || height > 65_535) return undefined;
  const pieces: TiffPieces = tags.has(TILES)
    ? {
        ...{ offsets: tags.get(TILES)!, sizes: tags.get(TILE_SIZES) ?? [], whole: true },
        ...{ width: one(TILE_WIDTH, 0), height: one(TILE_HEIGHT, 0) },
      }
    : {
        ...{ offsets: tags.get(STRIPS) ?? [], sizes: tags.get(STRIP_SIZES) ?? [], whole: false },
        ...{ width, height: Math.min(one(ROWS, height), height) },
      };
  if (pieces.width < 1 || pieces.height < 1) return undefined;
  const across = Math.ceil(width / pieces.width);
  if (pieces.offsets.length !== across * Math.ceil(height / pieces.height)) return undefined;
  const parts = [];
  for (const [n, offset] of pieces.offsets.entries()) {
    const [x, y] = [(n % across) * pieces.width, Math.floor(n / across) * pieces.height];
    const rows = pieces.whole ? pieces.height : Math.min(pieces.height, height - y);
    const data = bytes.subarray(offset, offset + (pieces.sizes[n] ?? 0));
    if (data.length === 0) return undefined;
    const image = writer.add(imageObject(form(data, pieces.width, rows)));
    parts.push({ image, x: x / width, y: y / height, width: pieces.width / width, height: rows / height });
  }
  const inch = one(UNIT, 2) === 3 ? 2.54 : one(UNIT, 2) === 2 ? 1 : 0;
  const dots = plausibleDots(one(DOTS_X, 0) * inch, one(DOTS_Y, 0) * inch);
  return picturePage(
    writer,
    { width, height, orientation: one(ORIENTATION, 1), ...(dots ? { dots } : {}), parts },
    paper,
  );
}

type FormOf = (data: Uint8Array, width: number, height: number) => ImageForm;

/** How the pieces of a page are images; undefined where they are none that a PDF has. */
function imageForm(tags: TiffTags): FormOf | undefined {
  const one = (tag: number, otherwise: number): number => tags.get(tag)?.[0] ?? otherwise;
  const samples = one(SAMPLES, 1);
  const bits = one(BITS, 1);
  const alike = (tags.get(BITS) ?? [1]).every(each => each === bits);
  if (!alike || ![1, 2, 4, 8].includes(bits) || tags.has(EXTRA_SAMPLES) || (samples > 1 && one(PLANES, 1) !== 1))
    return undefined;
  const compression = one(COMPRESSION, NONE);
  const photometric = one(PHOTOMETRIC, WHITE_IS_ZERO);
  if (compression === JPEG) return jpegForm(tags, samples, photometric);
  const colours = coloursOf(tags, photometric, samples, bits);
  if (!colours) return undefined;
  const isFax = compression === HUFFMAN || compression === GROUP3 || compression === GROUP4;
  if (isFax && (bits !== 1 || samples !== 1)) return undefined;
  // A fax is black where its codes say so, whatever the bits mean in other forms.
  const inverted = photometric === (isFax ? BLACK_IS_ZERO : WHITE_IS_ZERO);
  const filter = filterNamed(compression);
  if (filter === undefined || one(PREDICTOR, 1) > 2) return undefined;
  const reversed = one(FILL_ORDER, 1) === 2;
  return (data, width, height) => ({
    ...{ width, height, bits, colours, data: reversed ? mirrored(data) : data },
    ...(filter === '' ? {} : { filter, parameters: parametersOf(tags, { compression, width, height, samples, bits }) }),
    ...(inverted ? { decode: [1, 0] } : {}),
  });
}

function coloursOf(tags: TiffTags, photometric: number, samples: number, bits: number): PdfValue | undefined {
  if (photometric === WHITE_IS_ZERO || photometric === BLACK_IS_ZERO)
    return samples === 1 ? pdfName('DeviceGray') : undefined;
  if (photometric === RGB) return samples === 3 ? pdfName('DeviceRGB') : undefined;
  if (photometric === CMYK) return samples === 4 ? pdfName('DeviceCMYK') : undefined;
  const palette = tags.get(PALETTE);
  const count = 2 ** bits;
  if (photometric !== PALETTE_COLOUR || samples !== 1 || palette?.length !== 3 * count) return undefined;
  // All reds, greens, blues, of 16 bits.
  const table = Buffer.from(
    Array.from({ length: 3 * count }, (_, n) => palette[(n % 3) * count + Math.floor(n / 3)]! >> 8),
  );
  return [pdfName('Indexed'), pdfName('DeviceRGB'), count - 1, { string: table }];
}

function filterNamed(compression: number): string | undefined {
  if (compression === HUFFMAN || compression === GROUP3 || compression === GROUP4) return 'CCITTFaxDecode';
  if (compression === LZW) return 'LZWDecode';
  if (compression === FLATE || compression === OLD_FLATE) return 'FlateDecode';
  if (compression === PACKBITS) return 'RunLengthDecode';
  return compression === NONE ? '' : undefined;
}

interface Coded {
  readonly compression: number;
  readonly width: number;
  readonly height: number;
  readonly samples: number;
  readonly bits: number;
}

function parametersOf(tags: TiffTags, { compression, width, height, samples, bits }: Coded): PdfDictionary | null {
  const options = tags.get(T4_OPTIONS)?.[0] ?? 0;
  const size = { Columns: width, Rows: height };
  if (compression === GROUP4) return pdfDictionary({ K: -1, ...size, EndOfBlock: false });
  if (compression === GROUP3) return pdfDictionary({ K: options & 1 ? 4 : 0, ...size, EndOfBlock: false });
  if (compression === HUFFMAN) return pdfDictionary({ K: 0, ...size, EndOfBlock: false, EncodedByteAlign: true });
  if (compression === PACKBITS || (tags.get(PREDICTOR)?.[0] ?? 1) !== 2) return null;
  return pdfDictionary({ Predictor: 2, Colors: samples, BitsPerComponent: bits, Columns: width });
}

/** JPEG pieces have their tables once, in the directory: each piece gets them. Colours are told by the pieces themselves. */
function jpegForm(tags: TiffTags, samples: number, photometric: number): FormOf | undefined {
  const colours = samples === 1 ? 'DeviceGray' : samples === 3 ? 'DeviceRGB' : undefined;
  const isKnown = photometric === YCBCR || photometric === RGB || photometric === BLACK_IS_ZERO;
  if (colours === undefined || !isKnown || (tags.get(BITS)?.[0] ?? 1) !== 8) return undefined;
  const tables = Buffer.from(tags.get(JPEG_TABLES) ?? []);
  // Without SOI and EOI.
  const inner = tables.length > 4 ? tables.subarray(2, -2) : Buffer.alloc(0);
  const parameters = samples === 3 ? pdfDictionary({ ColorTransform: photometric === YCBCR ? 1 : 0 }) : null;
  return (data, width, height) => ({
    ...{ width, height, bits: 8, colours: pdfName(colours), filter: 'DCTDecode', parameters },
    data: Buffer.concat([data.subarray(0, 2), inner, data.subarray(2)]),
  });
}

/** Bits of a byte the other way round. */
const MIRROR = Uint8Array.from({ length: 256 }, (_, byte) =>
  [0, 1, 2, 3, 4, 5, 6, 7].reduce((sum, bit) => sum | (((byte >> bit) & 1) << (7 - bit)), 0),
);
const mirrored = (data: Uint8Array): Uint8Array => data.map(byte => MIRROR[byte]!);
