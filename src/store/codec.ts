/**
 * The characters of keys: ids, codes, texts and numbers as short strings whose binary (UTF-8) order is the order of
 * what they stand for. Control characters never occur in a value, so that they can separate parts. Pure.
 */
import { createHash } from 'node:crypto';
import { memoize } from '../platform/memoize.js';
import { TYPE_CODES } from './type-codes.js';

/** 64 characters in ASCII order: text in this alphabet sorts like the bits it encodes. */
const ALPHABET = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz';
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Separates the parts of a key (unit from number, parts of a composite). */
export const SEPARATOR = '\u0001';

const TYPES_BY_CODE = new Map(Object.entries(TYPE_CODES).map(([type, code]) => [code, type]));
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const SERVER_ID = /^[0-9a-z]{14}$/;

/** A number below 62 · 62 as two characters, a larger one as `_` and four. Sorts like the number. */
export function encodeNumber(n: number): string {
  if (n < 3844) return BASE62[Math.floor(n / 62)]! + BASE62[n % 62]!;
  let text = '';
  for (let rest = n, i = 0; i < 4; i++, rest = Math.floor(rest / 62)) text = BASE62[rest % 62]! + text;
  return `_${text}`;
}

/** The two characters of every 12 bits. */
const PAIRS = Array.from({ length: 4096 }, (_, bits) => ALPHABET[bits >> 6]! + ALPHABET[bits & 63]!);

/** Value of the hexadecimal digit at a place of a UUID. */
const hexDigit = (uuid: string, at: number): number => {
  const code = uuid.charCodeAt(at);
  return code < 58 ? code - 48 : code - 87;
};
/** Where the 32 digits of a UUID are. */
const DIGIT_PLACES = Array.from({ length: 36 }, (_, at) => at).filter(at => ![8, 13, 18, 23].includes(at));

function encodeUuid(uuid: string): string {
  let text = '';
  for (let i = 0; i < 30; i += 3)
    text +=
      PAIRS[
        (hexDigit(uuid, DIGIT_PLACES[i]!) << 8) |
          (hexDigit(uuid, DIGIT_PLACES[i + 1]!) << 4) |
          hexDigit(uuid, DIGIT_PLACES[i + 2]!)
      ]!;
  return text + PAIRS[((hexDigit(uuid, 34) << 4) | hexDigit(uuid, 35)) << 4]!;
}

/** Three hexadecimal digits for every 12 bits, and the six bits of every character. */
const HEX = Array.from({ length: 4096 }, (_, bits) => bits.toString(16).padStart(3, '0'));
const BITS = new Uint8Array(128);
for (let bits = 0; bits < 64; bits++) BITS[ALPHABET.charCodeAt(bits)] = bits;

function decodeUuid(text: string): string {
  const pair = (at: number): string => HEX[(BITS[text.charCodeAt(at)]! << 6) | BITS[text.charCodeAt(at + 1)]!]!;
  let hex = '';
  for (let i = 0; i < 20; i += 2) hex += pair(i);
  hex += pair(20).slice(0, 2);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The short form of an id without its type: 14 characters as they are, a UUID as 22, anything else after a dot. */
export function encodeIdPart(id: string): string {
  if (SERVER_ID.test(id)) return id;
  return UUID.test(id) ? encodeUuid(id) : `.${id}`;
}

/** Type and id as one key, different for every pair. Throws on a type that R4 does not have. */
export function encodeId(type: string, id: string): string {
  const code = TYPE_CODES[type];
  if (code === undefined) throw new RangeError(`No key for the type ${type}.`);
  return code + encodeIdPart(id);
}

/** The inverse of encodeId. Throws on anything that encodeId does not make. */
export function decodeId(key: string): { readonly type: string; readonly id: string } {
  const type = TYPES_BY_CODE.get(key.slice(0, 2));
  const part = key.slice(2);
  if (type === undefined || part === '') throw new RangeError('Not the key of a resource.');
  if (part.startsWith('.')) return { type, id: part.slice(1) };
  return { type, id: part.length === 14 ? part : decodeUuid(part) };
}

/** What a reference points at; a type that R4 does not have is kept apart from all real ones. */
export function encodeTarget(type: string, id: string): string {
  const code = TYPE_CODES[type];
  return code === undefined ? `^${encodeText(`${type}/${id}`)}` : code + encodeIdPart(id);
}

const buffer = new DataView(new ArrayBuffer(8));

/** A double as 11 characters that sort like the number. -0 is 0; NaN has no place. */
export function encodeDouble(value: number): string {
  buffer.setFloat64(0, value === 0 ? 0 : value);
  let high = buffer.getUint32(0);
  let low = buffer.getUint32(4);
  if (high >= 0x80000000) {
    high = ~high;
    low = ~low;
  } else high |= 0x80000000;
  return (
    ALPHABET[(high >>> 26) & 63]! +
    ALPHABET[(high >>> 20) & 63]! +
    ALPHABET[(high >>> 14) & 63]! +
    ALPHABET[(high >>> 8) & 63]! +
    ALPHABET[(high >>> 2) & 63]! +
    ALPHABET[((high & 3) << 4) | (low >>> 28)]! +
    ALPHABET[(low >>> 22) & 63]! +
    ALPHABET[(low >>> 16) & 63]! +
    ALPHABET[(low >>> 10) & 63]! +
    ALPHABET[(low >>> 4) & 63]! +
    ALPHABET[(low & 15) << 2]!
  );
}

/** The next double above. */
export function nextUp(value: number): number {
  if (value === Infinity) return value;
  if (value === 0) return Number.MIN_VALUE;
  buffer.setFloat64(0, value);
  buffer.setBigInt64(0, buffer.getBigInt64(0) + (value > 0 ? 1n : -1n));
  return buffer.getFloat64(0);
}

/** The next double below. */
export const nextDown = (value: number): number => -nextUp(-value);

/** 96 bits of a SHA-256 as 16 characters. Profiles, systems and addresses come again and again. */
const shortDigest = memoize({ results: 4096, characters: 256 }, text =>
  createHash('sha256').update(text).digest('base64url').slice(0, 16),
);

// Control characters separate, surrogates sort differently in UTF-8 and UTF-16: such codes are hashed like long ones.
const HASHED = /^~|[\u0000-\u001f\ud800-\udfff]/;

/** A code, unit or URL of which only equality is asked: up to 24 characters as it is, else `~` + a digest. */
export const encodeText = (text: string): string =>
  text.length > 24 || HASHED.test(text) ? `~${shortDigest(text)}` : text;

const CONTROL = /[\u0000-\u001f]/g;

/**
 * A text of which prefixes and parts are asked. Control characters move to U+F780 – U+F79F (private use) and lone
 * surrogates become U+FFFD, one for one, so that parts stay parts.
 */
export const encodePhrase = (text: string): string =>
  /[\u0000-\u001f\ud800-\udfff]/.test(text)
    ? text.replace(CONTROL, c => String.fromCharCode(0xf780 + c.charCodeAt(0))).replace(/\p{Surrogate}/gu, '\ufffd')
    : text;

/** The first 40 characters: what an index holds of a normalised string. */
export const cutPhrase = (text: string): string => (text.length <= 40 ? text : Array.from(text).slice(0, 40).join(''));

/** The smallest string above every string that starts with `prefix`. */
export function successor(prefix: string): string {
  const points = Array.from(prefix);
  while (points.length > 0) {
    const last = points.pop()!.codePointAt(0)!;
    if (last < 0x10ffff) return points.join('') + String.fromCodePoint(last === 0xd7ff ? 0xe000 : last + 1);
  }
  throw new RangeError('Nothing is above every string.');
}

/** The smallest key above `key` itself: [key, after(key)) holds this one key. */
export const after = (key: string): string => key + SEPARATOR;

/** Order of keys: that of their UTF-8 bytes, as both stores have it (not that of JavaScript's `<`). */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    let x = a.charCodeAt(i);
    let y = b.charCodeAt(i);
    if (x === y) continue;
    if (x >= 0xd800 && y >= 0xd800) {
      x += x >= 0xe000 ? -0x800 : 0x2000;
      y += y >= 0xe000 ? -0x800 : 0x2000;
    }
    return x - y;
  }
  return a.length - b.length;
}
