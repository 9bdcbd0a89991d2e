/**
 * The directories of a TIFF file, one for each image, and those of Exif, which have the same form:
 * https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf (section 2), https://www.awaresystems.be/imaging/tiff/bigtiff.html
 */

/** Where the numbers of a file are, in the order that it says; reading behind its end throws a RangeError. */
export interface TiffNumbers {
  readonly byte: (at: number) => number;
  readonly short: (at: number) => number;
  readonly long: (at: number) => number;
  readonly far: (at: number) => number;
}

/** All numbers of a tag; fractions are divided out. */
export type TiffTags = ReadonlyMap<number, readonly number[]>;

export interface TiffDirectory {
  /** Of the tags that were asked for, and are there. */
  readonly tags: TiffTags;
  /** Whether its image is a smaller copy of another one. */
  readonly isReduced: boolean;
  /** Where the next one is; 0: nowhere. */
  readonly next: number;
}

/** Undefined where the first bytes name no order. */
export function tiffNumbers(given: Uint8Array): TiffNumbers | undefined {
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.length);
  const order = bytes.toString('latin1', 0, 2);
  const byte = (at: number): number => bytes.readUInt8(at);
  if (order === 'II')
    return {
      byte,
      short: at => bytes.readUInt16LE(at),
      long: at => bytes.readUInt32LE(at),
      far: at => Number(bytes.readBigUInt64LE(at)),
    };
  if (order !== 'MM') return undefined;
  return {
    byte,
    short: at => bytes.readUInt16BE(at),
    long: at => bytes.readUInt32BE(at),
    far: at => Number(bytes.readBigUInt64BE(at)),
  };
}

/** Bytes of a number, by its type, as far as they are numbers without a sign; fractions have two of four. */
const SIZES: Readonly<Record<number, number>> = { 1: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 13: 4, 16: 8, 18: 8 };
const RATIONAL = 5;
const SUBFILE = 254;
/** Entries of a directory that are looked at, and numbers of a tag: files may say that they have millions. */
const MOST_ENTRIES = 4096;
const MOST_VALUES = 100_000;

/**
 * The directory at an offset: of other tags than `wanted` nothing is read. `big`: with offsets of 8 bytes. Throws a RangeError where it leads
 * out of the file.
 */
export function tiffDirectory(
  numbers: TiffNumbers,
  at: number,
  wanted: ReadonlySet<number>,
  big = false,
): TiffDirectory {
  const { short, long, far } = numbers;
  const count = big ? far(at) : short(at);
  const start = at + (big ? 8 : 2);
  const size = big ? 20 : 12;
  const room = big ? 8 : 4;
  const tags = new Map<number, readonly number[]>();
  for (let n = 0; n < Math.min(count, MOST_ENTRIES); n++) {
    const entry = start + n * size;
    const [tag, type] = [short(entry), short(entry + 2)];
    const each = SIZES[type];
    if (each === undefined || !(wanted.has(tag) || tag === SUBFILE)) continue;
    const values = Math.min(big ? far(entry + 4) : long(entry + 4), MOST_VALUES);
    const place = entry + size - room;
    const from = each * values <= room ? place : big ? far(place) : long(place);
    tags.set(
      tag,
      Array.from({ length: values }, (_, index) => numberAt(numbers, type, from + index * each)),
    );
  }
  const isReduced = ((tags.get(SUBFILE)?.[0] ?? 0) & 1) === 1;
  return { tags, isReduced, next: big ? far(start + count * size) : long(start + count * size) };
}

function numberAt({ byte, short, long, far }: TiffNumbers, type: number, at: number): number {
  if (type === RATIONAL) return long(at) / Math.max(long(at + 4), 1);
  const size = SIZES[type];
  return size === 1 ? byte(at) : size === 2 ? short(at) : size === 4 ? long(at) : far(at);
}

/** Those of a file, in their order; one that comes twice ends it. None where it is no TIFF file. Throws a RangeError where it ends before them. */
export function* tiffDirectories(bytes: Uint8Array, wanted: ReadonlySet<number>): Generator<TiffDirectory> {
  if (bytes.length < 8) return;
  const numbers = tiffNumbers(bytes);
  const version = numbers?.short(2);
  if (!numbers || (version !== 42 && version !== 43)) return;
  const big = version === 43;
  const seen = new Set<number>();
  for (let at = big ? numbers.far(8) : numbers.long(4); at > 0 && !seen.has(at); ) {
    seen.add(at);
    const directory = tiffDirectory(numbers, at, wanted, big);
    yield directory;
    at = directory.next;
  }
}
