/**
 * Cutting the bytes of attachments out of stored JSON and putting them back, so that documents live beside the
 * resource. https://hl7.org/fhir/R4/datatypes.html#Attachment, https://hl7.org/fhir/R4/binary.html
 *
 * Only what comes back exactly is cut: the value of a member named `data` that re-encodes to the same characters.
 * SampledData.data (blank-separated decimals) is not such a value, except for a lone word, and even that comes back.
 */

import { atOnce, type Pieces } from '../../platform/pieces.js';
import { isBlank } from './scan.js';

export interface Lifted {
  /** Byte offset in the shortened text: between the two quotes of the empty string. */
  readonly at: number;
  /** The decoded bytes. */
  readonly bytes: Buffer;
}

const KEY = Buffer.from('"data"');
const QUOTE = 34;
const COLON = 58;
const BACKSLASH = 92;

/**
 * Cuts base64 values of at least `atLeast` characters out of `text` (valid JSON, UTF-8). Values are found by the literal
 * key `"data"`; one whose key or value is written with escapes stays (parseJson leaves no such value in a compact text).
 */
export const liftBase64 = (text: Buffer, atLeast: number): LiftedText => atOnce(liftingBase64(text, atLeast));

/** Base64 shorter than this stays in the text of a resource: a look-up would cost more than it saves. */
export const LIFTED_FROM = 4096;

/** Whether base64 in the text of a resource is cut out of it. Of what takes a long turn to decode that is not said. */
export const isSurelyLifted = (data: string): boolean =>
  data.length >= LIFTED_FROM && data.length <= SLICE && Buffer.from(data, 'base64').toString('base64') === data;

export interface LiftedText {
  readonly text: Buffer;
  readonly lifted: Lifted[];
}

/** The same in pieces. */
export function* liftingBase64(text: Buffer, atLeast: number): Pieces<LiftedText> {
  const lifted: Lifted[] = [];
  if (text.length <= atLeast) return { text, lifted };
  const pieces: Buffer[] = [];
  let kept = 0;
  let removed = 0;
  for (let key = text.indexOf(KEY); key >= 0 && text.length - key > atLeast; ) {
    const start = startOfString(text, key);
    const end = start < 0 ? -1 : text.indexOf(QUOTE, start);
    let next = key + KEY.length;
    if (end - start >= atLeast && end > start) {
      const bytes = yield* decodingExactly(text, start, end);
      if (bytes) {
        lifted.push({ at: start - removed, bytes });
        pieces.push(text.subarray(kept, start));
        removed += end - start;
        kept = end;
        next = end + 1;
      }
    }
    key = text.indexOf(KEY, next);
  }
  if (lifted.length === 0) return { text, lifted };
  pieces.push(text.subarray(kept));
  return { text: Buffer.concat(pieces, text.length - removed), lifted };
}

/** Characters that are decoded, and bytes that are hashed, in one turn: a multiple of four. */
const SLICE = 1024 * 1024;

/** The bytes of the base64 between two places; undefined: it is none that comes back as it was. */
function* decodingExactly(text: Buffer, start: number, end: number): Pieces<Buffer | undefined> {
  if (end - start <= SLICE) return decodeExactly(text, start, end);
  const bytes = Buffer.allocUnsafe(Math.ceil((end - start) / 4) * 3);
  let size = 0;
  for (let at = start; at < end; at += SLICE) {
    const some = decodeExactly(text, at, Math.min(at + SLICE, end));
    // Only the end may be padded.
    if (!some || (at + SLICE < end && some.length !== (SLICE / 4) * 3)) return undefined;
    size += some.copy(bytes, size);
    yield;
  }
  return bytes.subarray(0, size);
}

function decodeExactly(text: Buffer, start: number, end: number): Buffer | undefined {
  const encoded = text.toString('latin1', start, end);
  const bytes = Buffer.from(encoded, 'base64');
  return bytes.toString('base64') === encoded ? bytes : undefined;
}

/** The bytes of a base64 text, which may have white space, in parts that take no long turn each. */
export function* partsOfBase64(text: string): Generator<Buffer> {
  let rest = '';
  for (let at = 0; at < text.length; at += SLICE) {
    const slice = text.slice(at, at + SLICE);
    const some = /\s/.test(slice) || rest !== '' ? rest + slice.replaceAll(/\s+/g, '') : slice;
    const whole = at + SLICE < text.length ? some.length - (some.length % 4) : some.length;
    rest = some.slice(whole);
    if (whole > 0) yield Buffer.from(whole === some.length ? some : some.slice(0, whole), 'base64');
  }
}

/** Offset after the opening quote of the string value of the key at `at`, or -1: no key, or no string. */
function startOfString(text: Buffer, at: number): number {
  if (text[at - 1] === BACKSLASH) return -1; // `"foo\"data"`: the end of another string
  let next = skipBlanks(text, at + KEY.length);
  if (text[next] !== COLON) return -1;
  next = skipBlanks(text, next + 1);
  return text[next] === QUOTE ? next + 1 : -1;
}

function skipBlanks(text: Buffer, at: number): number {
  let next = at;
  while (isBlank(text[next])) next++;
  return next;
}

/** Characters of the base64 of so many bytes. */
export const base64Length = (bytes: number): number => 4 * Math.ceil(bytes / 3);

/** The base64 of a stream of bytes, as it comes: of each part as many as are a multiple of three, with what was left of the one before. */
export async function* encodeBase64(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const part of bytes) {
    // At most three bytes are copied.
    const lacking = rest.length > 0 ? Math.min(3 - rest.length, part.length) : 0;
    const head = lacking > 0 ? Buffer.concat([rest, part.subarray(0, lacking)]) : rest;
    if (head.length > 0 && head.length < 3) {
      rest = head;
      continue;
    }
    const end = part.length - ((part.length - lacking) % 3);
    rest = part.subarray(end);
    const text = head.toString('base64') + part.toString('base64', lacking, end);
    if (text !== '') yield Buffer.from(text, 'latin1');
  }
  if (rest.length > 0) yield Buffer.from(rest.toString('base64'), 'latin1');
}
