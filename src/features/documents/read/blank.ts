/**
 * Which pages of a scan are blank: those on which hardly anything stands out. For threads: it may throw anything, and take long.
 * https://www.w3.org/TR/png-3/, https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf, ITU-T T.6, T.81
 *
 * Choices: PNG with 1 or 8 bits for a sample; TIFF without compression, with deflate, and with the coding of fax group 4; baseline JPEG, by the bits
 * that an image takes in which no block differs from the one before; PDF pages that paint nothing. Of any other page nobody can tell.
 */
import { inflateSync } from 'node:zlib';
import { READ_LIMITS } from './document-metadata.js';
import { isBlankJpeg } from './blank-jpeg.js';
import { tiffPages } from './tiff.js';

/** Pages that are looked at. */
const MOST_PAGES = 50;
/** Samples that may stand out, of all. */
const SPECKS = 0.0005;
/** How much a sample of 8 bits stands out, at least. */
const CONTRAST = 48;

/** Numbers of pages, from 1; none where it cannot be read. */
export async function blankIn(bytes: Uint8Array, contentType: string): Promise<readonly number[]> {
  try {
    return await (BLANK[contentType]?.(bytes) ?? []);
  } catch {
    return [];
  }
}

type Look = (bytes: Uint8Array) => readonly number[] | Promise<readonly number[]>;

const BLANK: Readonly<Record<string, Look>> = {
  'image/png': bytes => (isBlankPng(Buffer.from(bytes)) ? [1] : []),
  'image/jpeg': bytes => (isBlankJpeg(bytes) ? [1] : []),
  'image/tiff': blankInTiff,
  'application/pdf': blankInPdf,
};

const inflated = (bytes: Uint8Array): Buffer => inflateSync(bytes, { maxOutputLength: READ_LIMITS.inflated });

/** Whether nearly all samples are the same. */
function isUniform(samples: Uint8Array): boolean {
  const counts = new Uint32Array(256);
  for (const sample of samples) counts[sample]! += 1;
  const background = counts.indexOf(Math.max(...counts));
  const specks = counts.reduce((sum, count, value) => (Math.abs(value - background) > CONTRAST ? sum + count : sum), 0);
  return samples.length > 0 && specks <= samples.length * SPECKS;
}

function isBlankPng(bytes: Buffer): boolean {
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  const [depth = 0, colour = 0, , , interlaced] = bytes.subarray(24, 29);
  const channels = [1, 0, 3, 1, 2, 0, 4][colour] ?? 0;
  if ((depth !== 1 && depth !== 8) || channels === 0 || interlaced !== 0) return false;
  const parts: Buffer[] = [];
  for (let at = 8; at + 12 <= bytes.length; at += 12 + bytes.readUInt32BE(at))
    if (bytes.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at)));
  const rows = inflated(Buffer.concat(parts));
  const stride = Math.ceil((width * channels * depth) / 8);
  return isUniform(unfiltered(rows, stride, Math.max(1, (channels * depth) / 8), height));
}

/** https://www.w3.org/TR/png-3/#9Filters */
function unfiltered(rows: Buffer, stride: number, step: number, height: number): Uint8Array {
  const out = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const at = y * stride + x;
      const left = x < step ? 0 : out[at - step]!;
      const up = y === 0 ? 0 : out[at - stride]!;
      const corner = x < step || y === 0 ? 0 : out[at - stride - step]!;
      out[at] = rows[y * (stride + 1) + 1 + x]! + predicted(filter, left, up, corner);
    }
  }
  return out;
}

function predicted(filter: number | undefined, left: number, up: number, corner: number): number {
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  if (filter !== 4) return 0;
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

function blankInTiff(bytes: Uint8Array): readonly number[] {
  const found: number[] = [];
  for (const [index, { compression, strips }] of tiffPages(bytes, MOST_PAGES).entries()) {
    const isBlank =
      compression === 4
        ? strips.every(isWhiteFax)
        : compression === 1 || compression === 8 || compression === 32_946
          ? isUniform(Buffer.concat(strips.map(strip => (compression === 1 ? strip : inflated(strip)))))
          : false;
    if (strips.length > 0 && isBlank) found.push(index + 1);
  }
  return found;
}

/** In group 4 a line that is as the one before is one bit, 1; before the first there is a white one. Then comes the end of the block. */
const isWhiteFax = (strip: Uint8Array): boolean =>
  strip.length > 4 && strip.subarray(0, -4).every(byte => byte === 0xff);

/** What puts something on a page. */
const PAINTS =
  /^(?:paint|fill|eoFill|stroke|closePath|closeFill|closeEO|closeStroke|shadingFill|constructPath|show|nextLineShow)/;

/** A page that has text, or paints. Both are asked for: where a font cannot be had no text is painted. */
async function blankInPdf(bytes: Uint8Array): Promise<readonly number[]> {
  const { getDocumentProxy, getResolvedPDFJS } = await import('unpdf');
  const { OPS } = await getResolvedPDFJS();
  const painting = new Set(Object.entries(OPS).flatMap(([name, code]) => (PAINTS.test(name) ? [code] : [])));
  const options = { verbosity: 0, isEvalSupported: false, useSystemFonts: false };
  const document = await getDocumentProxy(new Uint8Array(bytes), options);
  const found: number[] = [];
  for (let number = 1; number <= Math.min(document.numPages, MOST_PAGES); number++) {
    const page = await document.getPage(number);
    const { items } = await page.getTextContent();
    if (items.length === 0 && !(await page.getOperatorList()).fnArray.some(code => painting.has(code)))
      found.push(number);
  }
  return found;
}
