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
const BYTES_IN_A_TURN = 2 * 1024 * 1024;

/** `refuse` is called, and must throw, for more entries than `maxEntries`. */
export function* takeApart(bytes: Buffer, maxEntries: number, refuse: () => never): Pieces<BundleText> {
  const bundle = new BundleReader(bytes, entries => {
    if (entries > maxEntries) refuse();
  });
  for (let at = 0; at < bytes.length; ) {
    if (at > 0) yield;
    at = bundle.take(at, Math.min(at + BYTES_IN_A_TURN, bytes.length));
  }
  return bundle.found();
}

class BundleReader {
  readonly #bytes: Buffer;
  /** Hears how many entries there are before one is added. */
  readonly #admit: (entries: number) => void;
  readonly #entries: Buffer[] = [];
  #depth = 0;
  /** Offsets of the last string that is a member's name or value of the Bundle itself. */
  #nameFrom = 0;
  #nameTo = 0;
  /** The last token was the name `entry` of the Bundle and its colon. */
  #expected = false;
  /** Offsets of the brackets around the entries, or -1. */
  #opened = -1;
  #closed = -1;
  /** First byte of the entry that is read; -1 in front of it. */
  #from = -1;

  constructor(bytes: Buffer, admit: (entries: number) => void) {
    this.#bytes = bytes;
    this.#admit = admit;
  }

  /** Takes the tokens that begin at `from` or behind it, and before `before`. Returns the offset behind the last of them. */
  take(from: number, before: number): number {
    const bytes = this.#bytes;
    let at = from;
    while (at < before) {
      const code = bytes[at]!;
      at = code <= 32 ? at + 1 : this.#token(code, at);
    }
    return at;
  }

  /** Takes the token that begins with `code`. Returns the offset behind it. */
  #token(code: number, at: number): number {
    const amongEntries = this.#depth === 2 && this.#opened >= 0 && this.#closed < 0;
    if (amongEntries && this.#from < 0 && code !== 44 && code !== 93) this.#from = at;
    const expected = this.#expected;
    this.#expected = false;
    // The cases are literals because V8 jumps to them; imported names it loads and compares one by one.
    switch (code) {
      case 34: // "
        return this.#string(at);
      case 58: // :
        this.#expected = this.#depth === 1 && this.#opened < 0 && isEntry(this.#bytes, this.#nameFrom, this.#nameTo);
        return at + 1;
      case 44: // ,
        if (amongEntries) this.#endEntry(at);
        return at + 1;
      case 91: // [
        if (expected && this.#depth === 1) this.#opened = at;
        this.#depth++;
        return at + 1;
      case 123: // {
        this.#depth++;
        return at + 1;
      case 93: // ]
      case 125: // }
        if (amongEntries) this.#endEntries(at);
        this.#depth--;
        return at + 1;
      default:
        return at + 1;
    }
  }

  #string(at: number): number {
    const end = endOfString(this.#bytes, at) + 1;
    if (this.#depth === 1) {
      this.#nameFrom = at;
      this.#nameTo = end;
    }
    return end;
  }

  #endEntry(at: number): void {
    this.#admit(this.#entries.length + 1);
    this.#entries.push(this.#bytes.subarray(this.#from < 0 ? at : this.#from, at));
    this.#from = -1;
  }

  #endEntries(at: number): void {
    if (this.#from >= 0 || this.#entries.length > 0) this.#endEntry(at);
    this.#closed = at;
  }

  found(): BundleText {
    const bytes = this.#bytes;
    if (this.#opened < 0) return { around: bytes, entries: undefined };
    const rest = bytes.subarray(this.#closed < 0 ? bytes.length : this.#closed);
    return { around: Buffer.concat([bytes.subarray(0, this.#opened + 1), rest]), entries: this.#entries };
  }
}

/** Bytes that are looked at one by one: most strings are shorter, and a search costs as much as fifty. */
const NEAR = 256;

/** The offset of the quote that ends the string opened at `start`, or the end of the text. */
export function endOfString(bytes: Buffer, start: number): number {
  let at = start + 1;
  for (const near = Math.min(at + NEAR, bytes.length); at < near; at++) {
    if (bytes[at] === 34) return at; // "
    if (bytes[at] === 92) at++; // \
  }
  for (;;) {
    const quote = bytes.indexOf(34, at);
    if (quote < 0) return bytes.length;
    let before = quote - 1;
    while (before >= at && bytes[before] === 92) before--;
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
