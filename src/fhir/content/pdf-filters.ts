/** What a stream of a PDF says before filters were put on it, as far as they keep every byte: ISO 32000-2 §7.4. */
import { constants, inflateSync } from 'node:zlib';
import { isPdfStream, type ParsedPdf } from './pdf-parse.js';
import {
  isPdfDictionary,
  isPdfList,
  isPdfName,
  type PdfDictionary,
  type PdfStream,
  type PdfValue,
} from './pdf-values.js';

/** What a filter is told of its data (§7.4.4.3); the numbers that it does not say are those of the standard. */
type Parameter = (name: string, usual: number) => number;
type Decode = (data: Uint8Array, most: number, parameter: Parameter) => Uint8Array;

/**
 * Bytes as they were before the filters of the stream, in their order. Throws RangeError where one of them is none of these (those of pictures, and
 * encryption), where they are damaged, or where there would be more than `most` bytes after one of them.
 */
export function unfilteredPdf(
  { dictionary, data }: PdfStream,
  resolve: ParsedPdf['resolve'],
  most: number,
): Uint8Array {
  const valueOf = (value: PdfValue | undefined): PdfValue | undefined => {
    const found = resolve(value);
    return isPdfStream(found) ? undefined : found;
  };
  const listOf = (value: PdfValue | undefined): readonly PdfValue[] => {
    const found = valueOf(value);
    return isPdfList(found) ? found : found === null || found === undefined ? [] : [found];
  };
  const parameters = listOf(dictionary.get('DecodeParms'));
  let plain = data;
  for (const [at, each] of listOf(dictionary.get('Filter')).entries()) {
    const name = valueOf(each);
    const decode = isPdfName(name) ? DECODERS.get(name.name) : undefined;
    if (!decode) throw new RangeError('A stream has a filter that is not known here.');
    const told = valueOf(parameters[at]);
    plain = decode(plain, most, numbersOf(isPdfDictionary(told) ? told : new Map(), valueOf));
  }
  return plain;
}

const numbersOf =
  (told: PdfDictionary, valueOf: (value: PdfValue | undefined) => PdfValue | undefined): Parameter =>
  (name, usual) => {
    const value = told.has(name) ? valueOf(told.get(name)) : usual;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > MOST_PARAMETER)
      throw new RangeError(`A filter has no number as ${name}.`);
    return value;
  };

const MOST_PARAMETER = 1_000_000;

/** Grows as far as `most`. */
class Output {
  readonly #most: number;
  #bytes = Buffer.allocUnsafe(4096);
  #length = 0;

  constructor(most: number) {
    this.#most = most;
  }

  #room(more: number): void {
    const length = this.#length + more;
    if (length > this.#most) throw new RangeError('A stream is longer than what is read of one.');
    if (length <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.min(this.#most, Math.max(length, 2 * this.#bytes.length)));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#length++] = value;
  }

  append(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  repeat(value: number, times: number): void {
    this.#room(times);
    this.#bytes.fill(value, this.#length, this.#length + times);
    this.#length += times;
  }

  taken(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}

const WHITE = new Set([0, 9, 10, 12, 13, 32]);

/** §7.4.2 */
function decodeHex(data: Uint8Array, most: number): Uint8Array {
  const out = new Output(most);
  let half: number | undefined;
  for (const byte of data) {
    if (WHITE.has(byte)) continue;
    if (byte === END_OF_TEXT) break;
    const digit = Number.parseInt(String.fromCodePoint(byte), 16);
    if (Number.isNaN(digit)) throw new RangeError('A stream in hexadecimal digits has others.');
    if (half === undefined) half = digit;
    else {
      out.byte(half * 16 + digit);
      half = undefined;
    }
  }
  if (half !== undefined) out.byte(half * 16);
  return out.taken();
}

/** `>`, of hexadecimal digits; behind a tilde, of digits of base 85. */
const END_OF_TEXT = 0x3e;
const [TILDE, ZEROES, FIRST_OF_85, LAST_OF_85] = [0x7e, 0x7a, 0x21, 0x75];

/** §7.4.3 */
function decode85(data: Uint8Array, most: number): Uint8Array {
  const out = new Output(most);
  // Some writers begin as PostScript does.
  const begin = data[0] === 0x3c && data[1] === TILDE ? 2 : 0;
  let digits: number[] = [];
  const put = (count: number): void => {
    const value = digits.reduce((sum, digit) => sum * 85 + digit, 0);
    if (value > 0xff_ff_ff_ff) throw new RangeError('A stream in base 85 has a group that is none.');
    for (let at = 0; at < count; at++) out.byte(Math.floor(value / 256 ** (3 - at)) % 256);
    digits = [];
  };
  for (const byte of data.subarray(begin)) {
    if (WHITE.has(byte)) continue;
    if (byte === TILDE) break;
    if (byte === ZEROES && digits.length === 0) out.repeat(0, 4);
    else if (byte < FIRST_OF_85 || byte > LAST_OF_85) throw new RangeError('A stream in base 85 has other digits.');
    else if (digits.push(byte - FIRST_OF_85) === 5) put(4);
  }
  if (digits.length === 1) throw new RangeError('A stream in base 85 ends within a group.');
  const rest = digits.length;
  if (rest > 0) {
    while (digits.length < 5) digits.push(84);
    put(rest - 1);
  }
  return out.taken();
}

/** §7.4.5 */
function decodeRuns(data: Uint8Array, most: number): Uint8Array {
  const out = new Output(most);
  for (let at = 0; at < data.length; ) {
    const length = data[at++]!;
    if (length === 128) break;
    if (length < 128) {
      out.append(data.subarray(at, at + length + 1));
      at += length + 1;
    } else if (at < data.length) out.repeat(data[at++]!, 257 - length);
  }
  return out.taken();
}

const [CLEAR, END_OF_CODES, FIRST_CODE, MOST_CODES] = [256, 257, 258, 4096];

/** §7.4.4 */
function decodeLzw(data: Uint8Array, most: number, parameter: Parameter): Uint8Array {
  const out = new Output(most);
  const early = parameter('EarlyChange', 1);
  let table: Uint8Array[] = [];
  let before: Uint8Array | undefined;
  let [bits, held] = [0, 0];
  let at = 0;
  for (;;) {
    const known = FIRST_CODE + table.length + early;
    const width = known < 512 ? 9 : known < 1024 ? 10 : known < 2048 ? 11 : 12;
    while (bits < width && at < data.length) {
      held = ((held << 8) | data[at++]!) & 0xff_ff_ff;
      bits += 8;
    }
    if (bits < width) break;
    bits -= width;
    const code = (held >> bits) & ((1 << width) - 1);
    if (code === END_OF_CODES) break;
    if (code === CLEAR) {
      table = [];
      before = undefined;
      continue;
    }
    const place = code - FIRST_CODE;
    let text: Uint8Array | undefined = code < CLEAR ? Uint8Array.of(code) : table[place];
    if (before && place === table.length) text = withFirst(before, before);
    if (!text) throw new RangeError('A stream has an LZW code that stands for nothing.');
    out.append(text);
    if (before && FIRST_CODE + table.length < MOST_CODES) table.push(withFirst(before, text));
    before = text;
  }
  return out.taken();
}

function withFirst(text: Uint8Array, next: Uint8Array): Uint8Array {
  const longer = new Uint8Array(text.length + 1);
  longer.set(text);
  longer[text.length] = next[0]!;
  return longer;
}

const inflate: Decode = (data, most) => {
  try {
    return inflateSync(data, { maxOutputLength: most, finishFlush: constants.Z_SYNC_FLUSH });
  } catch (cause) {
    throw new RangeError('A stream cannot be inflated.', { cause });
  }
};

/** §7.4.4.4: what each sample, or byte, is more than its neighbours. */
const predicted =
  (decode: Decode): Decode =>
  (data, most, parameter) => {
    const plain = decode(data, most, parameter);
    const predictor = parameter('Predictor', 1);
    if (predictor === 1) return plain;
    const samples = parameter('Colors', 1) * parameter('BitsPerComponent', 8);
    const sample = Math.max(1, Math.ceil(samples / 8));
    const row = Math.ceil((samples * parameter('Columns', 1)) / 8);
    if (row === 0) throw new RangeError('A filter predicts rows of nothing.');
    if (predictor >= 10) return unpredictedPng(plain, row, sample);
    if (predictor !== 2 || parameter('BitsPerComponent', 8) !== 8)
      throw new RangeError('A filter predicts in a way that is not known here.');
    const made = Buffer.from(plain);
    for (let at = 0; at < made.length; at++) if (at % row >= sample) made[at] = made[at]! + made[at - sample]!;
    return made;
  };

/** https://www.w3.org/TR/png-3/#9Filters */
function unpredictedPng(data: Uint8Array, row: number, sample: number): Uint8Array {
  const rows = Math.ceil(data.length / (row + 1));
  const made = Buffer.alloc(rows * row);
  let length = 0;
  for (let at = 0, to = 0; at < data.length; at += row + 1, to += row) {
    const kind = data[at]!;
    const here = Math.min(row, data.length - at - 1);
    for (let x = 0; x < here; x++) {
      const left = x < sample ? 0 : made[to + x - sample]!;
      const up = to === 0 ? 0 : made[to + x - row]!;
      const corner = x < sample || to === 0 ? 0 : made[to + x - row - sample]!;
      made[to + x] = data[at + 1 + x]! + guess(kind, left, up, corner);
    }
    length = to + here;
  }
  return made.subarray(0, length);
}

function guess(kind: number, left: number, up: number, corner: number): number {
  if (kind === 0) return 0;
  if (kind === 1) return left;
  if (kind === 2) return up;
  if (kind === 3) return Math.floor((left + up) / 2);
  if (kind !== 4) throw new RangeError('A row is predicted in a way that PNG does not know.');
  const [fromLeft, fromUp, fromCorner] = [left, up, corner].map(each => Math.abs(left + up - corner - each));
  if (fromLeft! <= fromUp! && fromLeft! <= fromCorner!) return left;
  return fromUp! <= fromCorner! ? up : corner;
}

/** With the short names of pictures within pages (§8.9.7), which some write everywhere. */
const DECODERS: ReadonlyMap<string, Decode> = new Map(
  Object.entries({
    ...{ FlateDecode: predicted(inflate), Fl: predicted(inflate) },
    ...{ LZWDecode: predicted(decodeLzw), LZW: predicted(decodeLzw) },
    ...{ ASCIIHexDecode: decodeHex, AHx: decodeHex },
    ...{ ASCII85Decode: decode85, A85: decode85 },
    ...{ RunLengthDecode: decodeRuns, RL: decodeRuns },
  }),
);
