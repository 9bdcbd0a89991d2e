/**
 * Width and height of JPEG and PNG images: https://www.w3.org/TR/png-3/#11IHDR, https://www.w3.org/Graphics/JPEG/itu-t81.pdf (B.1)
 */
import type { DocumentMetadata } from './document-metadata.js';
import { jpegSegments } from '../../../fhir/content/jpeg-segments.js';

const bytesOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

export function readPng(given: Uint8Array): DocumentMetadata | undefined {
  const bytes = bytesOf(given);
  if (bytes.toString('latin1', 0, 8) !== '\x89PNG\r\n\x1a\n' || bytes.toString('latin1', 12, 16) !== 'IHDR')
    return undefined;
  return sized('png', 'image/png', bytes.readUInt32BE(16), bytes.readUInt32BE(20));
}

/** Frame headers: what a JPEG file has for each way of coding. C4, C8 and CC are something else. */
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

export function readJpeg(bytes: Uint8Array): DocumentMetadata | undefined {
  for (const { marker, data } of jpegSegments(bytes))
    if (isFrame(marker) && data.length >= 5)
      return sized('jpeg', 'image/jpeg', bytesOf(data).readUInt16BE(3), bytesOf(data).readUInt16BE(1));
  return undefined;
}

/** Undefined where there is nothing to see. */
function sized(
  kind: DocumentMetadata['kind'],
  contentType: string,
  width: number,
  height: number,
): DocumentMetadata | undefined {
  return width > 0 && height > 0 ? { kind, contentType, width, height, pages: 1 } : undefined;
}
