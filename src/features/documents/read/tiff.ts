/**
 * TIFF files, and the directories of Exif, which have the same form:
 * https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf (section 2), https://www.awaresystems.be/imaging/tiff/bigtiff.html
 */
import type { DocumentMetadata, ReadLimits } from './document-metadata.js';

/** The numbers of a file, in the order that it says; reading behind its end throws a RangeError. */
interface TiffNumbers {
  readonly short: (at: number) => number;
  readonly long: (at: number) => number;
  readonly far: (at: number) => number;
}

/** Undefined where the first bytes name no order. */
export function tiffNumbers(given: Uint8Array): TiffNumbers | undefined {
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.length);
  const order = bytes.toString('latin1', 0, 2);
  if (order === 'II')
    return {
      short: at => bytes.readUInt16LE(at),
      long: at => bytes.readUInt32LE(at),
      far: at => Number(bytes.readBigUInt64LE(at)),
    };
  if (order !== 'MM') return undefined;
  return {
    short: at => bytes.readUInt16BE(at),
    long: at => bytes.readUInt32BE(at),
    far: at => Number(bytes.readBigUInt64BE(at)),
  };
}

const SHORT = 3;
/** Entries of a directory that are looked at: the tags below are among the first, for they are sorted. */
const MOST_ENTRIES = 4096;

interface TiffDirectory {
  /** Of tags that hold one number. */
  readonly values: ReadonlyMap<number, number>;
  /** Where the next one is; 0: nowhere. */
  readonly next: number;
}

/** The directory at an offset, as far as the tags in `wanted` go. `big`: with offsets of 8 bytes. */
export function tiffDirectory(
  { short, long, far }: TiffNumbers,
  at: number,
  wanted: ReadonlySet<number>,
  big = false,
): TiffDirectory {
  const count = big ? far(at) : short(at);
  const start = at + (big ? 8 : 2);
  const size = big ? 20 : 12;
  const values = new Map<number, number>();
  for (let n = 0; n < Math.min(count, MOST_ENTRIES); n++) {
    const entry = start + n * size;
    const value = entry + size - (big ? 8 : 4);
    const tag = short(entry);
    if (wanted.has(tag)) values.set(tag, short(entry + 2) === SHORT ? short(value) : long(value));
  }
  return { values, next: big ? far(start + count * size) : long(start + count * size) };
}

const SUBFILE = 254;
const WIDTH = 256;
const HEIGHT = 257;
const WANTED = new Set([SUBFILE, WIDTH, HEIGHT]);

/** A directory that comes twice ends the file, as does the last of `limits.pages`. Reduced images of a page are no pages. */
export function readTiff(bytes: Uint8Array, limits: ReadLimits): DocumentMetadata | undefined {
  const numbers = tiffNumbers(bytes);
  const version = numbers?.short(2);
  if (!numbers || (version !== 42 && version !== 43)) return undefined;
  const big = version === 43;
  const seen = new Set<number>();
  const pages: ReadonlyMap<number, number>[] = [];
  let at = big ? numbers.far(8) : numbers.long(4);
  while (at > 0 && at < bytes.length && !seen.has(at) && seen.size < limits.pages) {
    seen.add(at);
    const { values, next } = tiffDirectory(numbers, at, WANTED, big);
    if (((values.get(SUBFILE) ?? 0) & 1) === 0) pages.push(values);
    at = next;
  }
  const [width, height] = [pages[0]?.get(WIDTH) ?? 0, pages[0]?.get(HEIGHT) ?? 0];
  return width > 0 && height > 0
    ? { kind: 'tiff', contentType: 'image/tiff', width, height, pages: pages.length }
    : undefined;
}

interface TiffPage {
  readonly compression: number;
  readonly strips: readonly Uint8Array[];
}

const COMPRESSION = 259;
const OFFSETS = 273;
const COUNTS = 279;
/** Strips of a page. */
const MOST_STRIPS = 100_000;

/** The coded strips of each page that is no reduced image, `most` at most. Throws RangeError where the file ends before them. */
export function tiffPages(bytes: Uint8Array, most: number): readonly TiffPage[] {
  const numbers = tiffNumbers(bytes);
  if (!numbers || numbers.short(2) !== 42) return [];
  const pages: TiffPage[] = [];
  const seen = new Set<number>();
  for (let at = numbers.long(4); at > 0 && !seen.has(at) && pages.length < most; ) {
    seen.add(at);
    const { values, next } = tiffDirectory(numbers, at, new Set([SUBFILE, COMPRESSION]));
    const [offsets, counts] = [listAt(numbers, at, OFFSETS), listAt(numbers, at, COUNTS)];
    const strips = offsets.map((offset, n) => bytes.subarray(offset, offset + (counts[n] ?? 0)));
    if (((values.get(SUBFILE) ?? 0) & 1) === 0) pages.push({ compression: values.get(COMPRESSION) ?? 1, strips });
    at = next;
  }
  return pages;
}

/** All numbers of a tag, which stand in the directory where there is one, or two short ones. */
function listAt({ short, long }: TiffNumbers, directory: number, tag: number): readonly number[] {
  for (let n = 0; n < Math.min(short(directory), MOST_ENTRIES); n++) {
    const entry = directory + 2 + 12 * n;
    if (short(entry) !== tag) continue;
    const isShort = short(entry + 2) === SHORT;
    const count = Math.min(long(entry + 4), MOST_STRIPS);
    const size = isShort ? 2 : 4;
    const from = count * size <= 4 ? entry + 8 : long(entry + 8);
    return Array.from({ length: count }, (_, index) => (isShort ? short : long)(from + index * size));
  }
  return [];
}
