/**
 * The segments of a JPEG file (https://www.w3.org/Graphics/JPEG/itu-t81.pdf, B.1), and how Exif says that its picture is turned
 * (https://www.cipa.jp/std/documents/e/DC-X008-Translation-2019-E.pdf, 4.6.5).
 */
import { tiffDirectory, tiffNumbers } from './tiff-directories.js';

export interface JpegSegment {
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
/** Markers: the end of the image, and the start of a scan, which is followed by its codes. */
export const JPEG_END = 0xd9;
export const JPEG_SCAN = 0xda;
const isRestart = (marker: number): boolean => marker >= 0xd0 && marker <= 0xd7;

/** From the first behind the start of the image to the end of the image, or to where it cannot be followed any more. */
export function* jpegSegments(bytes: Uint8Array): Generator<JpegSegment> {
  if (bytes[0] !== 0xff || bytes[1] !== START) return;
  let at = 2;
  while (at + 1 < bytes.length) {
    if (bytes[at] !== 0xff) return;
    while (bytes[at + 1] === 0xff) at++;
    const marker = bytes[at + 1] ?? 0;
    if (marker === JPEG_END || marker === 0x01 || isRestart(marker)) {
      yield { marker, start: at, end: at + 2, data: bytes.subarray(at + 2, at + 2) };
      if (marker === JPEG_END) return;
      at += 2;
      continue;
    }
    const length = (bytes[at + 2] ?? 0) * 256 + (bytes[at + 3] ?? 0);
    let end = at + 2 + length;
    if (marker === 0 || length < 2 || end > bytes.length) return;
    const data = bytes.subarray(at + 4, end);
    if (marker === JPEG_SCAN) end = endOfCoded(bytes, end);
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

const ORIENTATION = 0x0112;

/** Of the data of an Exif segment: 1 … 8. Undefined where it is none, or says nothing that can be read. */
export function jpegOrientation(data: Uint8Array): number | undefined {
  if (Buffer.from(data.subarray(0, 6)).toString('latin1') !== 'Exif\0\0') return undefined;
  const numbers = tiffNumbers(data.subarray(6));
  try {
    const { tags } = numbers ? tiffDirectory(numbers, numbers.long(4), new Set([ORIENTATION])) : { tags: undefined };
    const found = tags?.get(ORIENTATION)?.[0];
    return found !== undefined && found >= 1 && found <= 8 ? found : undefined;
  } catch {
    // A directory that leads out of its segment tells nothing.
    return undefined;
  }
}
