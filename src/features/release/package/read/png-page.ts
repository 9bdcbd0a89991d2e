/**
 * A PNG as a page: its rows go in as they are where a PDF knows their form, and are decoded on white where they are interlaced or can be
 * seen through. https://www.w3.org/TR/png-3/
 */
import { deflateSync } from 'node:zlib';
import { PNG } from 'pngjs';
import type { PageForm, FragmentWriter } from '../pdf/fragment.js';
import { type PdfValue, pdfDictionary, pdfName } from '../../../../fhir/content/pdf-values.js';
import { ITEM_LIMITS, TooCostly } from './limits.js';
import { type ImageForm, imageObject, type Paper, picturePage, plausibleDots, wholePicture } from './picture.js';

interface PngParts {
  readonly header: Buffer;
  readonly chunks: ReadonlyMap<string, Buffer>;
  readonly data: readonly Buffer[];
}

/** Kinds of colour: grey, RGB, palette, grey and RGB that can be seen through. */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const INCH = 0.0254;

/** Undefined where it is damaged. Throws where it is too large, or pngjs cannot read it. */
export function pngPage(writer: FragmentWriter, bytes: Buffer, paper: Paper): PageForm | undefined {
  const parts = pngParts(bytes);
  if (!parts) return undefined;
  const { header, chunks } = parts;
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const channels = CHANNELS[header[9]!];
  if (channels === undefined || width === 0 || height === 0) return undefined;
  const isPlain = channels !== 2 && channels !== 4 && header[12] === 0 && !chunks.has('tRNS');
  const form = isPlain ? asItIs(parts, channels) : decoded(bytes, width * height);
  const image = writer.add(imageObject({ ...form, width, height }));
  const physical = chunks.get('pHYs');
  const dots =
    physical?.length === 9 && physical[8] === 1
      ? plausibleDots(physical.readUInt32BE(0) * INCH, physical.readUInt32BE(4) * INCH)
      : undefined;
  return picturePage(writer, { width, height, ...(dots ? { dots } : {}), parts: wholePicture(image) }, paper);
}

type Pixels = Omit<ImageForm, 'width' | 'height'>;

function asItIs({ header, chunks, data }: PngParts, channels: number): Pixels {
  const bits = header[8]!;
  const palette = chunks.get('PLTE') ?? Buffer.alloc(3);
  const indexed: PdfValue = [
    pdfName('Indexed'),
    pdfName('DeviceRGB'),
    Math.floor(palette.length / 3) - 1,
    { string: palette },
  ];
  const colours = header[9] === 3 ? indexed : pdfName(channels === 1 ? 'DeviceGray' : 'DeviceRGB');
  const columns = { Colors: channels, BitsPerComponent: bits, Columns: header.readUInt32BE(0) };
  return {
    ...{ bits, colours, filter: 'FlateDecode', data: Buffer.concat(data) },
    parameters: pdfDictionary({ Predictor: 15, ...columns }),
  };
}

function decoded(bytes: Buffer, pixels: number): Pixels {
  if (pixels > ITEM_LIMITS.pixels) throw new TooCostly('The picture is too large.');
  const { data } = PNG.sync.read(bytes);
  const rgb = Buffer.alloc(pixels * 3);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const alpha = data[4 * pixel + 3]!;
    for (let channel = 0; channel < 3; channel++)
      rgb[3 * pixel + channel] = Math.round((data[4 * pixel + channel]! * alpha + 255 * (255 - alpha)) / 255);
  }
  return { bits: 8, colours: pdfName('DeviceRGB'), filter: 'FlateDecode', data: deflateSync(rgb) };
}

const SIGNATURE = '89504e470d0a1a0a';

function pngParts(bytes: Buffer): PngParts | undefined {
  if (bytes.toString('hex', 0, 8) !== SIGNATURE) return undefined;
  const chunks = new Map<string, Buffer>();
  const data: Buffer[] = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const name = bytes.toString('latin1', at + 4, at + 8);
    const chunk = bytes.subarray(at + 8, at + 8 + length);
    if (chunk.length < length) return undefined;
    if (name === 'IDAT') data.push(chunk);
    else if (name !== 'IEND') chunks.set(name, chunk);
    else break;
    at += 12 + length;
  }
  const header = chunks.get('IHDR');
  return header?.length === 13 && data.length > 0 ? { header, chunks, data } : undefined;
}
