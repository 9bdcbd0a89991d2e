/**
 * A JPEG as a page: its bytes go in as they are, without what was said beside the picture (place, camera, comments).
 * https://www.w3.org/Graphics/JPEG/itu-t81.pdf (annex B), https://www.w3.org/Graphics/JPEG/jfif3.pdf
 */
import type { PageForm, FragmentWriter } from '../pdf/fragment.js';
import { pdfName } from '../pdf/values.js';
import { imageObject, type Paper, picturePage, plausibleDots, wholePicture } from './picture.js';

interface JpegFrame {
  readonly width: number;
  readonly height: number;
  readonly components: number;
}

interface JpegParts {
  readonly frame: JpegFrame;
  readonly bytes: Buffer;
  readonly adobe: boolean;
  readonly orientation: number;
  readonly dots: readonly [number, number] | undefined;
}

/** Huffman coded, baseline or progressive, 8 bits: what readers of PDF know. */
const FRAMES = new Set([0xc0, 0xc1, 0xc2]);
const OTHER_FRAMES = new Set([0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf]);
const START_OF_SCAN = 0xda;
const COMMENT = 0xfe;
const [APP0, APP1, APP14, APP15] = [0xe0, 0xe1, 0xee, 0xef];
const COLOURS: Readonly<Record<number, string>> = { 1: 'DeviceGray', 3: 'DeviceRGB', 4: 'DeviceCMYK' };

/** Undefined where it is none that a PDF can hold. */
export function jpegPage(writer: FragmentWriter, bytes: Buffer, paper: Paper): PageForm | undefined {
  const parts = jpegParts(bytes);
  if (!parts) return undefined;
  const { width, height, components } = parts.frame;
  const image = writer.add(
    imageObject({
      ...{ width, height, bits: 8, colours: pdfName(COLOURS[components]!), filter: 'DCTDecode', data: parts.bytes },
      // Adobe's programs write four colours the other way round.
      ...(components === 4 && parts.adobe ? { decode: [1, 0, 1, 0, 1, 0, 1, 0] } : {}),
    }),
  );
  const { dots, orientation } = parts;
  return picturePage(
    writer,
    { width, height, orientation, ...(dots ? { dots } : {}), parts: wholePicture(image) },
    paper,
  );
}

function jpegParts(bytes: Buffer): JpegParts | undefined {
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== 0xffd8) return undefined;
  const kept: Buffer[] = [bytes.subarray(0, 2)];
  let frame: JpegFrame | undefined;
  let [adobe, orientation] = [false, 1];
  let dots: readonly [number, number] | undefined;
  for (let at = 2; at + 4 <= bytes.length; ) {
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++;
    if (bytes[at] !== 0xff || at + 4 > bytes.length) return undefined;
    const marker = bytes[at + 1]!;
    const end = at + 2 + bytes.readUInt16BE(at + 2);
    const segment = bytes.subarray(at + 4, end);
    if (marker === START_OF_SCAN) {
      kept.push(bytes.subarray(at));
      return frame && { frame, bytes: Buffer.concat(kept), adobe, orientation, dots };
    }
    if (OTHER_FRAMES.has(marker) || end > bytes.length) return undefined;
    if (FRAMES.has(marker)) frame = frameOf(segment);
    if (marker === APP0) dots ??= densityOf(segment);
    if (marker === APP1) orientation = orientationOf(segment) ?? orientation;
    if (marker === APP14) adobe ||= segment.toString('latin1', 0, 5) === 'Adobe';
    if (!isSaidOnly(marker)) kept.push(bytes.subarray(at, end));
    at = end;
  }
  return undefined;
}

/** Of what was said beside the picture. */
const isSaidOnly = (marker: number): boolean =>
  marker === COMMENT || (marker > APP0 && marker <= APP15 && marker !== APP14);

function frameOf(segment: Buffer): JpegFrame | undefined {
  if (segment.length < 6 || segment[0] !== 8) return undefined;
  const frame = { height: segment.readUInt16BE(1), width: segment.readUInt16BE(3), components: segment[5]! };
  return frame.width > 0 && frame.height > 0 && COLOURS[frame.components] !== undefined ? frame : undefined;
}

/** Of a JFIF segment: units are inches (1) or centimetres (2). */
function densityOf(segment: Buffer): readonly [number, number] | undefined {
  if (segment.length < 12 || segment.toString('latin1', 0, 4) !== 'JFIF') return undefined;
  const unit = segment[7] === 1 ? 1 : segment[7] === 2 ? 2.54 : 0;
  return plausibleDots(segment.readUInt16BE(8) * unit, segment.readUInt16BE(10) * unit);
}

const ORIENTATION = 0x112;
const MOST_TAGS = 200;

/** Of the first directory of an Exif segment; undefined where there is none, or it cannot be followed. */
function orientationOf(segment: Buffer): number | undefined {
  if (segment.toString('latin1', 0, 4) !== 'Exif') return undefined;
  const tiff = segment.subarray(6);
  const little = tiff.toString('latin1', 0, 2) === 'II';
  const short = (at: number): number =>
    at + 2 > tiff.length ? 0 : little ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at);
  const start = tiff.length < 8 ? 0 : little ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4);
  for (let n = 0; n < Math.min(short(start), MOST_TAGS); n++)
    if (short(start + 2 + 12 * n) === ORIENTATION) {
      const value = short(start + 2 + 12 * n + 8);
      return value >= 1 && value <= 8 ? value : undefined;
    }
  return undefined;
}
