/**
 * Whether a baseline JPEG file is blank, without decoding it: in its scan a block that is as the one before takes the code of "no difference" and
 * the code of "end of block", whose lengths its tables tell. An image that takes hardly more has no other blocks.
 * https://www.w3.org/Graphics/JPEG/itu-t81.pdf (B.2, F.1.2)
 */
import { JPEG_SCAN, jpegSegments } from '../../../fhir/content/jpeg-segments.js';

const FRAME = new Set([0xc0, 0xc1]);
const TABLES = 0xc4;

/** Bits for the first blocks, the end, and stuffed bytes. */
const SLACK = 1024;
/** Of what it takes at least. */
const MARGIN = 1.05;

interface Component {
  readonly id: number;
  readonly blocks: number;
}

/** False where it is progressive, or cannot be followed. */
export function isBlankJpeg(bytes: Uint8Array): boolean {
  /** Length of the code of symbol 0, by class and number of the table. */
  const lengths = new Map<number, number>();
  let components: readonly Component[] = [];
  for (const { marker, start, end, data } of jpegSegments(bytes)) {
    if (marker === TABLES) readTables(data, lengths);
    else if (FRAME.has(marker)) components = componentsOf(data);
    else if (marker === JPEG_SCAN && components.length > 0) {
      const coded = end - start - 4 - data.length;
      const least = leastBits(data, components, lengths);
      return least !== undefined && coded * 8 <= least * MARGIN + SLACK;
    }
  }
  return false;
}

/** DHT: 16 counts of codes by their length, then their symbols. */
function readTables(data: Uint8Array, lengths: Map<number, number>): void {
  for (let at = 0; at + 17 <= data.length; ) {
    const table = data[at]!;
    let symbol = at + 17;
    for (let length = 1; length <= 16; length++)
      for (let n = data[at + length]!; n > 0; n--) if (data[symbol++] === 0) lengths.set(table, length);
    at = symbol;
  }
}

/** SOF: the blocks of each component, by its sampling. */
function componentsOf(data: Uint8Array): readonly Component[] {
  const [height, width] = [data[1]! * 256 + data[2]!, data[3]! * 256 + data[4]!];
  const given = Array.from({ length: data[5]! }, (_, n) => ({ id: data[6 + 3 * n]!, sampling: data[7 + 3 * n]! }));
  const across = Math.max(...given.map(({ sampling }) => sampling >> 4));
  const down = Math.max(...given.map(({ sampling }) => sampling & 15));
  const units = Math.ceil(width / (8 * across)) * Math.ceil(height / (8 * down));
  return given.map(({ id, sampling }) => ({ id, blocks: units * (sampling >> 4) * (sampling & 15) }));
}

/** SOS: which tables each component goes by. */
function leastBits(
  data: Uint8Array,
  components: readonly Component[],
  lengths: Map<number, number>,
): number | undefined {
  let bits = 0;
  for (let n = 0; n < data[0]!; n++) {
    const tables = data[2 + 2 * n]!;
    const component = components.find(({ id }) => id === data[1 + 2 * n]);
    const [same, end] = [lengths.get(tables >> 4), lengths.get(0x10 | (tables & 15))];
    if (!component || same === undefined || end === undefined) return undefined;
    bits += component.blocks * (same + end);
  }
  return bits;
}
