/**
 * The text of a Bundle taken apart before anything of it is parsed: where its entries stand, and what is around them. So a
 * Bundle of megabytes is parsed entry by entry, and what has too many is refused while it is counted.
 * https://hl7.org/fhir/R4/json.html, https://www.rfc-editor.org/rfc/rfc8259
 *
 * It is no grammar check: the text is JSON if, and only if, `around` and every entry are.
 */
import type { Pieces } from '../../platform/pieces.js';

export interface BundleText {
  /** The text with `[]` for its entries. */
  readonly around: Buffer;
  /** Parts of the text, in its order. Undefined: there is no member `entry` that is an array. */
  readonly entries: readonly Buffer[] | undefined;
}

/** Bytes after which others may have their turn. */
const PIECE = 2 * 1024 * 1024;

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const OPEN_ARRAY = 91;
const BACKSLASH = 92;
const CLOSE_ARRAY = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;
const BLANK = 32;

/** `refuse` is called, and must throw, for more entries than `maxEntries`. */
export function* takeApart(bytes: Buffer, maxEntries: number, refuse: () => never): Pieces<BundleText> {
  const entries: Buffer[] = [];
  let depth = 0;
  let nameFrom = 0;
  let nameTo = 0;
  /** The last token was the name `entry` of the Bundle and its colon. */
  let expected = false;
  let opened = -1;
  let closed = -1;
  /** First byte of the entry that is read; -1 in front of it. */
  let from = -1;
  let pause = PIECE;
  const length = bytes.length;
  const endEntry = (at: number) => {
    if (entries.length >= maxEntries) refuse();
    entries.push(from < 0 ? bytes.subarray(at, at) : bytes.subarray(from, at));
    from = -1;
  };
  for (let at = 0; at < length; at++) {
    if (at >= pause) {
      pause = at + PIECE;
      yield;
    }
    const code = bytes[at]!;
    if (code <= BLANK) continue;
    const inside = opened >= 0 && closed < 0;
    if (inside && depth === 2 && from < 0 && code !== COMMA && code !== CLOSE_ARRAY) from = at;
    switch (code) {
      case QUOTE: {
        const start = at;
        at = endOfString(bytes, start);
        if (depth === 1) [nameFrom, nameTo] = [start, at + 1];
        break;
      }
      case COLON:
        expected = depth === 1 && opened < 0 && isEntry(bytes, nameFrom, nameTo);
        continue;
      case COMMA:
        if (inside && depth === 2) endEntry(at);
        break;
      case OPEN_ARRAY:
        if (expected && depth === 1) opened = at;
        depth++;
        break;
      case OPEN_OBJECT:
        depth++;
        break;
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        if (inside && depth === 2) {
          if (from >= 0 || entries.length > 0) endEntry(at);
          closed = at;
        }
        depth--;
        break;
    }
    expected = false;
  }
  if (opened < 0) return { around: bytes, entries: undefined };
  const around = Buffer.concat([bytes.subarray(0, opened + 1), bytes.subarray(closed < 0 ? length : closed)]);
  return { around, entries };
}

/** Bytes that are looked at one by one: most strings are shorter, and a search costs as much as fifty. */
const NEAR = 256;

/** The offset of the quote that ends the string opened at `start`, or the end of the text. */
function endOfString(bytes: Buffer, start: number): number {
  let at = start + 1;
  for (const near = Math.min(at + NEAR, bytes.length); at < near; at++) {
    if (bytes[at] === QUOTE) return at;
    if (bytes[at] === BACKSLASH) at++;
  }
  for (;;) {
    const quote = bytes.indexOf(QUOTE, at);
    if (quote < 0) return bytes.length;
    let before = quote - 1;
    while (before >= at && bytes[before] === BACKSLASH) before--;
    // After an odd run of `\\` it is content.
    if ((quote - before) % 2 === 1) return quote;
    at = quote + 1;
  }
}

/** Whether the string between the offsets (quotes included) is the name `entry`, however it is written. */
function isEntry(bytes: Buffer, from: number, to: number): boolean {
  const written = bytes.toString('latin1', from, Math.min(to, from + 40));
  if (!written.includes('\\')) return written === '"entry"';
  try {
    return JSON.parse(written) === 'entry';
  } catch {
    return false;
  }
}
