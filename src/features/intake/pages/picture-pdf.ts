/**
 * A scan that is a picture as the plainest PDF, so that one reader draws all of them: its codes go in as they are (ISO 32000-2 §7.4), and nobody decodes them here.
 * For threads: it may throw anything.
 */
import { jpegSegments } from '../../../fhir/content/jpeg-segments.js';
import { tiffDirectories, type TiffTags } from '../../../fhir/content/tiff-directories.js';

/** Dots an inch, across and down; undefined: it does not say. */
export type Dots = readonly [number, number] | undefined;

export interface PictureFile {
  readonly pdf: Buffer;
  /** Pages that the picture has; those beyond the most that were asked for are not in the PDF. */
  readonly total: number;
  /** Of each page: pixels, and dots. */
  readonly pages: readonly { readonly width: number; readonly height: number; readonly dots: Dots }[];
}

interface CodedImage {
  readonly width: number;
  readonly height: number;
  /** Entries of its dictionary beside its size. */
  readonly form: string;
  readonly data: Uint8Array;
}

interface CodedPage {
  readonly width: number;
  readonly height: number;
  readonly dots: Dots;
  /** From the top to the bottom. */
  readonly images: readonly CodedImage[];
}

/** Undefined where its form is none that a PDF has. `most`: pages. */
export function picturePdf(bytes: Buffer, contentType: string, most: number): PictureFile | undefined {
  const coded = contentType === 'image/jpeg' ? jpegPages(bytes) : tiffPagesCoded(bytes, most);
  return coded && coded.pages.length > 0 ? { pdf: pdfOf(coded.pages), ...coded } : undefined;
}

interface CodedPages {
  readonly pages: readonly CodedPage[];
  readonly total: number;
}

const FRAMES = new Set([0xc0, 0xc1, 0xc2]);
const APP0 = 0xe0;

function jpegPages(bytes: Buffer): CodedPages | undefined {
  let dots: Dots;
  for (const { marker, data } of jpegSegments(bytes)) {
    const said = Buffer.from(data.buffer, data.byteOffset, data.length);
    if (marker === APP0 && said.length >= 12 && said.toString('latin1', 0, 4) === 'JFIF') {
      const inch = said[7] === 1 ? 1 : said[7] === 2 ? 2.54 : 0;
      dots = plausible(said.readUInt16BE(8) * inch, said.readUInt16BE(10) * inch);
    }
    if (!FRAMES.has(marker) || said.length < 6) continue;
    const [height, width] = [said.readUInt16BE(1), said.readUInt16BE(3)];
    const colours = said[5] === 1 ? 'DeviceGray' : said[5] === 3 ? 'DeviceRGB' : 'DeviceCMYK';
    const form = `/ColorSpace /${colours} /BitsPerComponent 8 /Filter /DCTDecode`;
    return { pages: [{ width, height, dots, images: [{ width, height, form, data: bytes }] }], total: 1 };
  }
  return undefined;
}

const [WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, STRIPS] = [256, 257, 258, 259, 262, 266, 273];
const [SAMPLES, ROWS, STRIP_SIZES, DOTS_X, DOTS_Y, T4_OPTIONS, UNIT, PREDICTOR, PALETTE] = [
  277, 278, 279, 282, 283, 292, 296, 317, 320,
];
const LOOKED_AT: ReadonlySet<number> = new Set([
  ...[WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, STRIPS],
  ...[SAMPLES, ROWS, STRIP_SIZES, DOTS_X, DOTS_Y, T4_OPTIONS, UNIT, PREDICTOR, PALETTE],
]);

function tiffPagesCoded(bytes: Buffer, most: number): CodedPages | undefined {
  const pages: CodedPage[] = [];
  let total = 0;
  for (const { tags, isReduced } of tiffDirectories(bytes, LOOKED_AT)) {
    if (isReduced) continue;
    total++;
    if (pages.length === most) continue;
    const page = tiffPageCoded(bytes, tags);
    if (!page) return undefined;
    pages.push(page);
  }
  return { pages, total };
}

function tiffPageCoded(bytes: Buffer, tags: TiffTags): CodedPage | undefined {
  const one = (tag: number, otherwise: number): number => tags.get(tag)?.[0] ?? otherwise;
  const [width, height] = [one(WIDTH, 0), one(HEIGHT, 0)];
  const rows = Math.min(one(ROWS, height), height);
  const [offsets, sizes] = [tags.get(STRIPS) ?? [], tags.get(STRIP_SIZES) ?? []];
  if (width < 1 || rows < 1 || offsets.length !== Math.ceil(height / rows)) return undefined;
  const images: CodedImage[] = [];
  for (const [n, offset] of offsets.entries()) {
    const of = { width, height: Math.min(rows, height - n * rows) };
    const form = stripForm(tags, of);
    if (form === undefined) return undefined;
    images.push({ ...of, form, data: bytes.subarray(offset, offset + (sizes[n] ?? 0)) });
  }
  const inch = one(UNIT, 2) === 3 ? 2.54 : one(UNIT, 2) === 2 ? 1 : 0;
  return { width, height, images, dots: plausible(one(DOTS_X, 0) * inch, one(DOTS_Y, 0) * inch) };
}

const FAX: Readonly<Record<number, string>> = { 2: '/K 0 /EncodedByteAlign true', 3: '/K 0', 4: '/K -1' };
const FILTERS: Readonly<Record<number, string>> = {
  1: '',
  5: '/LZWDecode',
  8: '/FlateDecode',
  32_773: '/RunLengthDecode',
  32_946: '/FlateDecode',
};

/** How a strip is an image; undefined: as none that a PDF has. */
function stripForm(tags: TiffTags, { width, height }: Pick<CodedImage, 'width' | 'height'>): string | undefined {
  const one = (tag: number, otherwise: number): number => tags.get(tag)?.[0] ?? otherwise;
  const [bits, samples, compression] = [one(BITS, 1), one(SAMPLES, 1), one(COMPRESSION, 1)];
  if (one(FILL_ORDER, 1) !== 1 || ![1, 4, 8].includes(bits)) return undefined;
  const fax = FAX[compression];
  const isInverted = one(PHOTOMETRIC, 0) === (fax === undefined ? 0 : 1);
  const colours = coloursNamed(tags, bits, samples);
  if (colours === undefined) return undefined;
  const space = `/ColorSpace ${colours} /BitsPerComponent ${bits}`;
  const decode = isInverted ? ' /Decode [1 0]' : '';
  if (fax !== undefined) {
    const kind = compression === 3 && one(T4_OPTIONS, 0) & 1 ? '/K 4' : fax;
    const size = `/Columns ${width} /Rows ${height} /EndOfBlock false`;
    return `${space}${decode} /Filter /CCITTFaxDecode /DecodeParms << ${kind} ${size} >>`;
  }
  const filter = FILTERS[compression];
  if (filter === undefined) return undefined;
  const predictor =
    one(PREDICTOR, 1) === 2
      ? ` /DecodeParms << /Predictor 2 /Colors ${samples} /BitsPerComponent ${bits} /Columns ${width} >>`
      : '';
  return `${space}${decode}${filter === '' ? '' : ` /Filter ${filter}`}${predictor}`;
}

const [RGB, PALETTE_COLOURS] = [2, 3];

function coloursNamed(tags: TiffTags, bits: number, samples: number): string | undefined {
  const photometric = tags.get(PHOTOMETRIC)?.[0] ?? 0;
  if (photometric < RGB) return samples === 1 ? '/DeviceGray' : undefined;
  if (photometric === RGB) return samples === 3 ? '/DeviceRGB' : undefined;
  const count = 2 ** bits;
  const palette = tags.get(PALETTE);
  if (photometric !== PALETTE_COLOURS || samples !== 1 || palette?.length !== 3 * count) return undefined;
  // All reds, greens, blues, of 16 bits.
  const table = Array.from({ length: 3 * count }, (_, n) => palette[(n % 3) * count + Math.floor(n / 3)]! >> 8);
  return `[/Indexed /DeviceRGB ${count - 1} <${Buffer.from(table).toString('hex')}>]`;
}

/** What scanners have; cameras say anything. */
export const plausible = (across: number, down: number): Dots =>
  across >= 30 && across <= 4800 && down >= 30 && down <= 4800 ? [across, down] : undefined;

/** Points of a page: what is drawn of it has so many pixels at a scale of 1. */
const SIDE = 800;

function pdfOf(pages: readonly CodedPage[]): Buffer {
  const parts: Buffer[] = [];
  const places: number[] = [];
  let size = 0;
  const put = (bytes: Uint8Array | string): void => {
    const part = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.from(bytes);
    parts.push(part);
    size += part.length;
  };
  const object = (number: number, dictionary: string, stream?: Uint8Array | string): void => {
    places[number] = size;
    put(`${number} 0 obj\n${dictionary}\n`);
    if (stream !== undefined) {
      put('stream\n');
      put(stream);
      put('\nendstream\n');
    }
    put('endobj\n');
  };
  put('%PDF-1.7\n');
  let next = 3;
  const kids: string[] = [];
  for (const { width, height, images } of pages) {
    const scale = SIDE / Math.max(width, height);
    const [wide, high] = [width * scale, height * scale];
    const [page, content] = [next++, next++];
    let top = height;
    const drawn: string[] = [];
    const names: string[] = [];
    for (const image of images) {
      const number = next++;
      top -= image.height;
      names.push(`/I${number} ${number} 0 R`);
      drawn.push(`q ${wide} 0 0 ${image.height * scale} 0 ${top * scale} cm /I${number} Do Q`);
      const shape = `/Type /XObject /Subtype /Image /Width ${image.width} /Height ${image.height}`;
      object(number, `<< ${shape} ${image.form} /Length ${image.data.length} >>`, image.data);
    }
    const text = drawn.join('\n');
    object(content, `<< /Length ${text.length} >>`, text);
    const box = `/MediaBox [0 0 ${wide} ${high}] /Resources << /XObject << ${names.join(' ')} >> >>`;
    object(page, `<< /Type /Page /Parent 2 0 R ${box} /Contents ${content} 0 R >>`);
    kids.push(`${page} 0 R`);
  }
  object(2, `<< /Type /Pages /Kids [${kids.join(' ')}] /Count ${kids.length} >>`);
  object(1, '<< /Type /Catalog /Pages 2 0 R >>');
  const table = Array.from({ length: next - 1 }, (_, n) => `${String(places[n + 1]).padStart(10, '0')} 00000 n \n`);
  const start = size;
  put(`xref\n0 ${next}\n0000000000 65535 f \n${table.join('')}trailer\n<< /Size ${next} /Root 1 0 R >>\n`);
  put(`startxref\n${start}\n%%EOF\n`);
  return Buffer.concat(parts);
}
