/**
 * One pass over a JSON text before it is parsed: what `JSON.parse` does not tell (depth, number of keys, where the
 * top-level members stand) and what it loses (digits of numbers). https://www.rfc-editor.org/rfc/rfc8259
 *
 * What costs more to parse than it costs to send is counted here and refused before: values, members of one object,
 * different names (V8 makes a hidden class for each new set of names), numbers whose digits have to be kept.
 *
 * It is not a grammar check. It is right for a text that `JSON.parse` accepts and harmless for any other, so the parse
 * has to follow, of the same text. Give it a flat string (`buffer.toString()`), not a slice: slices scan half as fast.
 */
import { atOnce, type Pieces } from '../../platform/pieces.js';
import { FhirError } from '../error.js';
import type { Member } from '../resource.js';
import { beginsNumber, endOfNumber, lossyNumber } from './numbers.js';
import { type Container, OpenContainers } from './open-containers.js';

/** A number whose text `Number` would not give back. */
export interface Lossy {
  readonly parent: Container;
  readonly key: string | number;
  readonly text: string;
}

export interface Scan {
  /** Characters of white space outside strings. */
  readonly blanks: number;
  /** A line break outside strings, between the first and the last token. */
  readonly broken: boolean;
  /** Offsets of the first token and of the end of the last one. */
  readonly start: number;
  readonly end: number;
  /** Colons outside strings = keys of all objects. */
  readonly keys: number;
  /** Commas and opening brackets outside strings: values of all objects and arrays, or a few more. */
  readonly values: number;
  /** Characters in long strings without blanks, escapes and markup: bytes of attachments, which cost next to nothing. */
  readonly bulk: number;
  readonly members: readonly Member[];
  readonly lossy: readonly Lossy[];
}

export interface ScanLimits {
  /** Brackets inside one another. */
  readonly maxDepth: number;
  /** Absent: no limit. */
  readonly maxValues?: number;
}

/** Members of one object: the widest of R4 has fewer than a hundred, with their siblings two hundred. */
const MOST_MEMBERS = 1000;
/** R4 has fewer than 4000. */
const MOST_NAMES = 10_000;
/** Numbers like 1.0 in one text, each of which is noted by itself. */
const MOST_LOSSY = 50_000;
/** Characters after which others may have their turn; shorter texts are read at once, and their names not counted. */
export const PIECE = 256 * 1024;
const LONG_STRING = 4096;
const ANY = /[ <\\]/;

/** White space. */
export const isBlank = (code: number | undefined): boolean => code === 32 || code === 10 || code === 13 || code === 9;
const isBreak = (code: number) => code === 10 || code === 13;

/** The offset of the quote that ends the string opened at `from`, or -1. A quote after an odd run of `\` is content. */
export function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let before = at - 1;
    while (text.charCodeAt(before) === 92) before--; // \
    if ((at - before) % 2 === 1) return at;
  }
  return -1;
}

const tooMany = (detail: string, message: string): FhirError => new FhirError('too-large', message, { detail });

export const tooManyValues = (maxValues: number): FhirError =>
  tooMany('too-many-values', `The resource has more than ${maxValues} values. Send several smaller ones.`);

/** Scans a text at once, without limits but that of depth. Throws as `scanning` does. */
export const scan = (text: string, maxDepth: number): Scan => atOnce(scanning(text, { maxDepth }));

/**
 * Scans a text. Throws `invalid` (json-depth, json-number) before anything recursive touches the text, and `too-large`
 * (too-many-values, too-many-members, too-many-names, too-many-digits).
 */
export function* scanning(text: string, limits: ScanLimits): Pieces<Scan> {
  const scanner = new Scanner(text, limits);
  for (let at = 0; at < text.length; ) {
    if (at > 0) yield;
    at = scanner.take(at, Math.min(at + PIECE, text.length));
  }
  return scanner.found();
}

class Scanner {
  readonly #text: string;
  readonly #limits: ScanLimits;
  readonly #maxValues: number;
  readonly #open: OpenContainers;
  /** Counted in long texts alone. */
  readonly #names: Set<string> | undefined;
  readonly #members: Member[] = [];
  readonly #lossy: Lossy[] = [];
  #blanks = 0;
  #breaks = 0;
  #breaksAtEnd = 0;
  #keys = 0;
  #values = 0;
  #bulk = 0;
  #start = -1;
  #end = 0;
  /** Offsets of the last string. */
  #stringFrom = 0;
  #stringTo = 0;
  /** The member of the root that is open: where its value begins, or -1, and its key. */
  #memberStart = -1;
  #memberKey = '';

  constructor(text: string, limits: ScanLimits) {
    this.#text = text;
    this.#limits = limits;
    this.#maxValues = limits.maxValues ?? Infinity;
    this.#open = new OpenContainers(text);
    this.#names = this.#isLimited() && text.length > PIECE ? new Set() : undefined;
  }

  #isLimited(): boolean {
    return this.#maxValues !== Infinity;
  }

  /**
   * Takes the tokens that begin at `from` or behind it, and before `before`. Returns the offset behind the last of them, or
   * the length of the text where it breaks off.
   */
  take(from: number, before: number): number {
    const text = this.#text;
    let at = from;
    while (at < before) {
      const code = text.charCodeAt(at);
      if (isBlank(code)) {
        this.#blanks++;
        if (isBreak(code)) this.#breaks++;
        at++;
        continue;
      }
      const next = this.#token(code, at);
      if (next < 0) return text.length;
      if (this.#start < 0) this.#start = at;
      at = next;
      this.#end = at;
      this.#breaksAtEnd = this.#breaks;
    }
    return at;
  }

  /** Takes the token that begins with `code`. Returns the offset behind it, or -1 where the text breaks off. */
  #token(code: number, at: number): number {
    // The cases are literals because V8 jumps to them; imported names it loads and compares one by one.
    switch (code) {
      case 34: // "
        return this.#string(at);
      case 58: // :
        this.#colon(at);
        return at + 1;
      case 44: // ,
        if (this.#open.depth === 1) this.#endMember();
        this.#open.next();
        this.#countValue();
        return at + 1;
      case 91: // [
      case 123: // {
        this.#bracket(code === 91);
        return at + 1;
      case 93: // ]
      case 125: // }
        if (this.#open.depth === 1) this.#endMember();
        return --this.#open.depth < 0 ? -1 : at + 1;
      default:
        return beginsNumber(code) ? this.#number(at) : at + 1;
    }
  }

  #string(at: number): number {
    const close = closingQuote(this.#text, at);
    if (close < 0) return -1;
    if (close - at > LONG_STRING && !ANY.test(this.#text.slice(at, close))) this.#bulk += close - at;
    this.#stringFrom = at;
    this.#stringTo = close + 1;
    return close + 1;
  }

  #colon(at: number): void {
    this.#keys++;
    const members = this.#open.name(this.#stringFrom, this.#stringTo);
    if (members > MOST_MEMBERS && this.#isLimited())
      throw tooMany('too-many-members', `An object has more than ${MOST_MEMBERS} members. Send fewer.`);
    const names = this.#names?.add(this.#text.slice(this.#stringFrom, this.#stringTo)).size ?? 0;
    if (names > MOST_NAMES)
      throw tooMany('too-many-names', `The body has more than ${MOST_NAMES} different names of members. Send fewer.`);
    this.#stringTo = this.#stringFrom;
    if (this.#open.depth !== 1) return;
    this.#memberKey = String(this.#open.key());
    let next = at + 1;
    while (isBlank(this.#text.charCodeAt(next))) next++;
    this.#memberStart = next;
  }

  #endMember(): void {
    if (this.#memberStart >= 0) this.#members.push({ key: this.#memberKey, start: this.#memberStart, end: this.#end });
    this.#memberStart = -1;
  }

  #countValue(): void {
    if (++this.#values > this.#maxValues) throw tooManyValues(this.#maxValues);
  }

  #bracket(isArray: boolean): void {
    const { maxDepth } = this.#limits;
    this.#countValue();
    if (this.#open.depth >= maxDepth)
      throw new FhirError('invalid', `The body is nested deeper than ${maxDepth} levels. Send a flatter document.`, {
        detail: 'json-depth',
      });
    this.#open.open(isArray);
  }

  #number(at: number): number {
    const to = endOfNumber(this.#text, at);
    const literal = lossyNumber(this.#text, at, to);
    if (literal === undefined || this.#open.depth === 0) return to;
    this.#lossy.push({ parent: this.#open.innermost(), key: this.#open.key(), text: literal });
    if (this.#lossy.length > MOST_LOSSY && this.#isLimited())
      throw tooMany(
        'too-many-digits',
        `The body has more than ${MOST_LOSSY} numbers whose digits must be kept, like 1.0. Send several smaller resources.`,
      );
    return to;
  }

  found(): Scan {
    // Line breaks before the first token and after the last one do not count: they are cut off before storing.
    let leading = 0;
    for (let at = 0; at < this.#start; at++) if (isBreak(this.#text.charCodeAt(at))) leading++;
    return {
      blanks: this.#blanks,
      broken: this.#breaksAtEnd > leading,
      start: Math.max(this.#start, 0),
      end: this.#end,
      keys: this.#keys,
      values: this.#values,
      bulk: this.#bulk,
      members: this.#members,
      lossy: this.#lossy,
    };
  }
}
