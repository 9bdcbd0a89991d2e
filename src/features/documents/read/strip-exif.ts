/**
 * A JPEG file without what tells where and with what it was made: Exif (https://www.cipa.jp/std/documents/e/DC-X008-Translation-2019-E.pdf),
 * XMP, IPTC, comments, further images behind the end.
 */
import { JPEG_END, jpegOrientation, type JpegSegment, jpegSegments } from '../../../fhir/content/jpeg-segments.js';

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
  let turned: number | undefined;
  for (const segment of jpegSegments(bytes)) {
    if (segment.marker === JPEG_END) ended = true;
    if (segment.marker === 0xe1) turned ??= jpegOrientation(segment.data);
    else if (isNeeded(segment)) parts.push(bytes.subarray(segment.start, segment.end));
  }
  if (!ended) return undefined;
  // JFIF wants to be first; Exif readers find it behind.
  if (turned !== undefined && turned !== 1) parts.splice(parts[1]?.[1] === 0xe0 ? 2 : 1, 0, exifOfOrientation(turned));
  return new Uint8Array(Buffer.concat(parts));
}

/** A JPEG file that begins and ends: in the place of one of which nobody can tell. */
export const NO_PICTURE = Buffer.from([0xff, 0xd8, 0xff, JPEG_END]);

const ORIENTATION = 0x0112;

/** A segment of Exif that says nothing but how the picture is turned. */
const exifOfOrientation = (value: number): Uint8Array =>
  Uint8Array.from([
    ...[0xff, 0xe1, 0, 34],
    ...Buffer.from('Exif\0\0MM\0*\0\0\0\x08', 'latin1'),
    ...[0, 1, ORIENTATION >> 8, ORIENTATION & 0xff, 0, 3, 0, 0, 0, 1, 0, value, 0, 0, 0, 0, 0, 0],
  ]);
