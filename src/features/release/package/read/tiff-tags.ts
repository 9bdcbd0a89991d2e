/** The directories of a TIFF, one for each page that is no smaller copy of another: all numbers of all tags. TIFF 6.0, section 2. */
import { TooCostly } from './limits.js';

export type TiffTags = ReadonlyMap<number, readonly number[]>;

/** Bytes of a number, by its type; fractions have two of four. */
const SIZES: Readonly<Record<number, number>> = { 1: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1 };
const RATIONAL = 5;
const SUBFILE = 254;
const MOST_TAGS = 4096;
const MOST_VALUES = 200_000;

/** `most` pages at most. Throws a RangeError where the file ends before what is asked for; nothing for BigTIFF and other files. */
export function* tiffTags(bytes: Buffer, most: number): Generator<TiffTags> {
  const order = bytes.toString('latin1', 0, 2);
  const little = order === 'II';
  const short = (at: number): number => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  const long = (at: number): number => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  if ((!little && order !== 'MM') || bytes.length < 8 || short(2) !== 42) return;
  const valueAt = (type: number, at: number): number => {
    if (type === RATIONAL) return long(at) / Math.max(long(at + 4), 1);
    return SIZES[type] === 1 ? bytes.readUInt8(at) : type === 3 ? short(at) : long(at);
  };
  const seen = new Set<number>();
  let pages = 0;
  for (let at = long(4); at > 0 && !seen.has(at); ) {
    seen.add(at);
    const tags = new Map<number, readonly number[]>();
    const count = Math.min(short(at), MOST_TAGS);
    for (let n = 0; n < count; n++) {
      const entry = at + 2 + 12 * n;
      const [tag, type, values] = [short(entry), short(entry + 2), Math.min(long(entry + 4), MOST_VALUES)];
      const size = SIZES[type];
      if (size === undefined) continue;
      const from = size * values <= 4 ? entry + 8 : long(entry + 8);
      tags.set(
        tag,
        Array.from({ length: values }, (_, index) => valueAt(type, from + index * size)),
      );
    }
    if (((tags.get(SUBFILE)?.[0] ?? 0) & 1) === 0) {
      if (++pages > most) throw new TooCostly('There are too many pages.');
      yield tags;
    }
    at = long(at + 2 + 12 * short(at));
  }
}
