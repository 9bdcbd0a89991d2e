/**
 * A JPEG as a page: what its picture is decoded from goes in as it is, and nothing else of the file (place, camera, comments, smaller pictures,
 * whatever stands behind its end).
 * https://www.w3.org/Graphics/JPEG/itu-t81.pdf (annex B), https://www.w3.org/Graphics/JPEG/jfif3.pdf
 */
import { JPEG_END, JPEG_SCAN, jpegOrientation, jpegSegments } from '../../../../fhir/content/jpeg-segments.js';
import type { PageForm, FragmentWriter } from '../pdf/fragment.js';
import { pdfName } from '../../../../fhir/content/pdf-values.js';
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
const [APP0, APP1, APP14] = [0xe0, 0xe1, 0xee];
/** Tables of codes and of quantities, the number of lines, restarts. */
const TABLES = new Set([0xc4, 0xdb, 0xdc, 0xdd]);
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
  const segments = [...jpegSegments(bytes)];
  const has = (marker: number): boolean => segments.some(each => each.marker === marker);
  if (!has(JPEG_SCAN) || !has(JPEG_END) || segments.some(({ marker }) => OTHER_FRAMES.has(marker))) return undefined;
  const kept: Buffer[] = [Buffer.from([0xff, 0xd8])];
  let frame: JpegFrame | undefined;
  let adobe = false;
  let orientation: number | undefined;
  let dots: readonly [number, number] | undefined;
  for (const { marker, start, end, data } of segments) {
    const said = Buffer.from(data.buffer, data.byteOffset, data.length);
    if (FRAMES.has(marker)) frame = frameOf(said);
    if (marker === APP1) orientation ??= jpegOrientation(data);
    if (marker === APP0 && isNamed(said, 'JFIF\0')) {
      dots ??= densityOf(said);
      // Without the smaller picture.
      kept.push(Buffer.from([0xff, APP0, 0, 16]), said.subarray(0, 12), Buffer.alloc(2));
    }
    if (marker === APP14 && isNamed(said, 'Adobe')) {
      adobe = true;
      kept.push(Buffer.from([0xff, APP14, 0, 14]), said.subarray(0, 12));
    }
    if (isDecoded(marker)) kept.push(bytes.subarray(start, end));
  }
  kept.push(Buffer.from([0xff, JPEG_END]));
  return frame && { frame, bytes: Buffer.concat(kept), adobe, orientation: orientation ?? 1, dots };
}

const isNamed = (segment: Buffer, name: string): boolean =>
  segment.length >= 12 && segment.toString('latin1', 0, 5) === name;
const isDecoded = (marker: number): boolean => marker === JPEG_SCAN || FRAMES.has(marker) || TABLES.has(marker);

function frameOf(segment: Buffer): JpegFrame | undefined {
  if (segment.length < 6 || segment[0] !== 8) return undefined;
  const frame = { height: segment.readUInt16BE(1), width: segment.readUInt16BE(3), components: segment[5]! };
  return frame.width > 0 && frame.height > 0 && COLOURS[frame.components] !== undefined ? frame : undefined;
}

/** Of a JFIF segment: units are inches (1) or centimetres (2). */
function densityOf(segment: Buffer): readonly [number, number] | undefined {
  const unit = segment[7] === 1 ? 1 : segment[7] === 2 ? 2.54 : 0;
  return plausibleDots(segment.readUInt16BE(8) * unit, segment.readUInt16BE(10) * unit);
}
