/**
 * A JPEG as a page: what its picture is decoded from goes in as it is, and nothing else of the file (place, camera, comments, smaller pictures,
 * whatever stands behind its end).
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
const [START_OF_SCAN, END_OF_IMAGE] = [0xda, 0xd9];
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

interface JpegSegment {
  readonly marker: number;
  /** Without marker and length. */
  readonly said: Buffer;
  /** With them, and the codes behind the head of a scan. */
  readonly whole: Buffer;
}

/** Those between the start and the end of the picture; undefined where they cannot be followed to its end. */
function segmentsToKeep(bytes: Buffer): readonly JpegSegment[] | undefined {
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== 0xffd8) return undefined;
  const found: JpegSegment[] = [];
  for (let at = 2; at + 2 <= bytes.length; ) {
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++;
    const marker = bytes[at + 1]!;
    if (bytes[at] !== 0xff || OTHER_FRAMES.has(marker)) return undefined;
    if (marker === END_OF_IMAGE) return found;
    if (at + 4 > bytes.length) return undefined;
    const end = at + 2 + bytes.readUInt16BE(at + 2);
    if (end < at + 4 || end > bytes.length) return undefined;
    const next = marker === START_OF_SCAN ? afterScan(bytes, end) : end;
    found.push({ marker, said: bytes.subarray(at + 4, end), whole: bytes.subarray(at, next) });
    at = next;
  }
  return undefined;
}

function jpegParts(bytes: Buffer): JpegParts | undefined {
  const segments = segmentsToKeep(bytes);
  if (!segments?.some(({ marker }) => marker === START_OF_SCAN)) return undefined;
  const kept: Buffer[] = [Buffer.from([0xff, 0xd8])];
  let frame: JpegFrame | undefined;
  let [adobe, orientation] = [false, 1];
  let dots: readonly [number, number] | undefined;
  for (const { marker, said, whole } of segments) {
    if (FRAMES.has(marker)) frame = frameOf(said);
    if (marker === APP1) orientation = orientationOf(said) ?? orientation;
    if (marker === APP0 && isNamed(said, 'JFIF\0')) {
      dots ??= densityOf(said);
      // Without the smaller picture.
      kept.push(Buffer.from([0xff, APP0, 0, 16]), said.subarray(0, 12), Buffer.alloc(2));
    }
    if (marker === APP14 && isNamed(said, 'Adobe')) {
      adobe = true;
      kept.push(Buffer.from([0xff, APP14, 0, 14]), said.subarray(0, 12));
    }
    if (isDecoded(marker)) kept.push(whole);
  }
  kept.push(Buffer.from([0xff, END_OF_IMAGE]));
  return frame && { frame, bytes: Buffer.concat(kept), adobe, orientation, dots };
}

const isNamed = (segment: Buffer, name: string): boolean =>
  segment.length >= 12 && segment.toString('latin1', 0, 5) === name;
const isDecoded = (marker: number): boolean => marker === START_OF_SCAN || FRAMES.has(marker) || TABLES.has(marker);

/** Where the next marker is: within the codes of a scan 0 stands behind 255, or the number of a restart. */
function afterScan(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const behind = bytes[at + 1] ?? 0;
    if (behind !== 0 && behind !== 0xff && (behind < 0xd0 || behind > 0xd7)) return at;
  }
  return bytes.length;
}

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
