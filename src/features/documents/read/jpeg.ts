/**
 * The segments of a JPEG file (https://www.w3.org/Graphics/JPEG/itu-t81.pdf, B.1), and the file without what tells where and with what it
 * was made: Exif (https://www.cipa.jp/std/documents/e/DC-X008-Translation-2019-E.pdf), XMP, IPTC, comments, further images behind the end.
 */
import { tiffDirectory, tiffNumbers } from './tiff.js';

interface JpegSegment {
  /** The byte behind 0xFF. */
  readonly marker: number;
  /** Where the segment begins, fill bytes before it not counted. */
  readonly start: number;
  /** Behind the segment, and behind the coded image that follows a start of scan. */
  readonly end: number;
  /** Without marker and length. */
  readonly data: Uint8Array;
}

/** Whether bytes begin as a JPEG file does. */
export const isJpeg = (head: Uint8Array): boolean => head[0] === 0xff && head[1] === START && head[2] === 0xff;

const START = 0xd8;
const END = 0xd9;
const SCAN = 0xda;
const isRestart = (marker: number): boolean => marker >= 0xd0 && marker <= 0xd7;

/** From the first behind the start of the image to the end of the image, or to where it cannot be followed any more. */
export function* jpegSegments(bytes: Uint8Array): Generator<JpegSegment> {
  if (bytes[0] !== 0xff || bytes[1] !== START) return;
  let at = 2;
  while (at + 1 < bytes.length) {
    if (bytes[at] !== 0xff) return;
    while (bytes[at + 1] === 0xff) at++;
    const marker = bytes[at + 1] ?? 0;
    if (marker === END || marker === 0x01 || isRestart(marker)) {
      yield { marker, start: at, end: at + 2, data: bytes.subarray(at + 2, at + 2) };
      if (marker === END) return;
      at += 2;
      continue;
    }
    const length = (bytes[at + 2] ?? 0) * 256 + (bytes[at + 3] ?? 0);
    let end = at + 2 + length;
    if (marker === 0 || length < 2 || end > bytes.length) return;
    const data = bytes.subarray(at + 4, end);
    if (marker === SCAN) end = endOfCoded(bytes, end);
    yield { marker, start: at, end, data };
    at = end;
  }
}

/** Coded data ends at a marker that is neither a stuffed byte nor a restart. */
function endOfCoded(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1];
    if (next !== undefined && next !== 0 && next !== 0xff && !isRestart(next)) return at;
  }
  return bytes.length;
}

/** What a picture cannot be shown without: JFIF, colour profiles, Adobe's transform of colours. */
function isNeeded({ marker, data }: JpegSegment): boolean {
  const name = Buffer.from(data.subarray(0, 12)).toString('latin1');
  if (marker === 0xe0) return name.startsWith('JFIF\0');
  if (marker === 0xe2) return name === 'ICC_PROFILE\0';
  if (marker === 0xee) return name.startsWith('Adobe');
  return !(marker >= 0xe0 && marker <= 0xef) && marker !== 0xfe;
}

/**
 * A JPEG file without places, devices, times, thumbnails and comments, for release; the picture is bit for bit the same, and stands
 * upright: its orientation is kept. Undefined where the file cannot be followed to its end, so that nobody takes it for clean.
 */
export function stripExif(bytes: Uint8Array): Uint8Array | undefined {
  const parts: Uint8Array[] = [bytes.subarray(0, 2)];
  let ended = false;
  let turned = 1;
  for (const segment of jpegSegments(bytes)) {
    if (segment.marker === END) ended = true;
    if (segment.marker === 0xe1) turned = turned === 1 ? orientationOf(segment.data) : turned;
    else if (isNeeded(segment)) parts.push(bytes.subarray(segment.start, segment.end));
  }
  if (!ended) return undefined;
  // JFIF wants to be first; Exif readers find it behind.
  if (turned !== 1) parts.splice(parts[1]?.[1] === 0xe0 ? 2 : 1, 0, exifOfOrientation(turned));
  return new Uint8Array(Buffer.concat(parts));
}

const ORIENTATION = 0x0112;

/** 1 … 8 as Exif has it; 1 where it says nothing, or nothing that can be read. */
function orientationOf(data: Uint8Array): number {
  if (Buffer.from(data.subarray(0, 6)).toString('latin1') !== 'Exif\0\0') return 1;
  const numbers = tiffNumbers(data.subarray(6));
  try {
    const found = numbers && tiffDirectory(numbers, numbers.long(4), new Set([ORIENTATION])).values.get(ORIENTATION);
    return found !== undefined && found >= 1 && found <= 8 ? found : 1;
  } catch {
    // A directory that leads out of its segment tells nothing.
    return 1;
  }
}

/** A segment of Exif that says nothing but how the picture is turned. */
const exifOfOrientation = (value: number): Uint8Array =>
  Uint8Array.from([
    ...[0xff, 0xe1, 0, 34],
    ...Buffer.from('Exif\0\0MM\0*\0\0\0\x08', 'latin1'),
    ...[0, 1, ORIENTATION >> 8, ORIENTATION & 0xff, 0, 3, 0, 0, 0, 1, 0, value, 0, 0, 0, 0, 0, 0],
  ]);
