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

/** A container of the text: found from the root by following keys. Shared by all numbers in it. */
export interface Place {
  readonly parent: Place | undefined;
  /** Key in the parent; of the root: ''. */
  readonly key: string | number;
}

/** A number whose text `Number` would not give back: `48.0`, `1e2`, `-0`, more than 17 digits. */
export interface Lossy {
  readonly parent: Place;
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

/** Longer literals carry no clinical meaning and cost time; the standard asks for 18 digits. */
export const LONGEST_NUMBER = 40;

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

const TAB = 9;
const LF = 10;
const CR = 13;
const BLANK = 32;
const QUOTE = 34;
const COMMA = 44;
const MINUS = 45;
const DOT = 46;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
const OPEN_ARRAY = 91;
const BACKSLASH = 92;
const CLOSE_ARRAY = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

const isBlank = (code: number) => code === BLANK || code === LF || code === CR || code === TAB;
const isDigit = (code: number) => code >= ZERO && code <= NINE;
/** A character that may stand in a number: digits, `+`, `-`, `.`, `e`, `E`. */
const inNumber = (code: number) =>
  isDigit(code) || code === DOT || code === MINUS || code === 43 || code === 101 || code === 69;

/** True where `Number` surely gives the same text back: 1–9 first, at most 15 characters, no trailing zero after a dot. */
function survives(text: string, from: number, to: number): boolean {
  if (to - from > 15 || text.charCodeAt(from) === ZERO) return false;
  let dots = 0;
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code === DOT) dots++;
    else if (!isDigit(code)) return false;
  }
  return dots === 0 || (dots === 1 && text.charCodeAt(to - 1) !== ZERO && text.charCodeAt(to - 1) !== DOT);
}

/** The offset of the quote that ends the string opened at `from`, or -1. A quote after an odd run of `\` is content. */
export function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let before = at - 1;
    while (text.charCodeAt(before) === BACKSLASH) before--;
    if ((at - before) % 2 === 1) return at;
  }
  return -1;
}

/** The string literal between two offsets (quotes included), decoded if it is sound. */
function keyOf(text: string, from: number, to: number): string {
  if (to <= from) return '';
  const raw = text.slice(from + 1, to - 1);
  if (!raw.includes('\\')) return raw;
  try {
    return JSON.parse(text.slice(from, to)) as string;
  } catch {
    return raw; // the parse of the whole text will refuse it
  }
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
export function* scanning(text: string, { maxDepth, maxValues = Infinity }: ScanLimits): Pieces<Scan> {
  let blanks = 0;
  let breaks = 0;
  let keys = 0;
  let values = 0;
  let bulk = 0;
  let pause = PIECE;
  let depth = 0;
  let start = -1;
  let end = 0;
  let breaksAtEnd = 0;
  let stringFrom = 0;
  let stringTo = 0;
  let memberStart = -1;
  let memberKey = '';
  const limited = maxValues !== Infinity;
  const names = limited && text.length > PIECE ? new Set<string>() : undefined;
  const members: Member[] = [];
  const lossy: Lossy[] = [];
  // One slot per depth; index 0 is the outside.
  const arrays: boolean[] = [false];
  const indexes: number[] = [0];
  const keyFrom: number[] = [0];
  const keyTo: number[] = [0];
  const keyNames: (string | undefined)[] = [undefined]; // decoded once: a text that is no JSON may ask a million times
  const places: (Place | undefined)[] = [undefined];

  const keyAt = (level: number): string | number =>
    arrays[level] ? indexes[level]! : (keyNames[level] ??= keyOf(text, keyFrom[level]!, keyTo[level]!));
  const placeAt = (level: number): Place => {
    const known = places[level];
    if (known) return known;
    const place = level <= 1 ? { parent: undefined, key: '' } : { parent: placeAt(level - 1), key: keyAt(level - 1) };
    places[level] = place;
    return place;
  };
  const endMember = () => {
    if (memberStart >= 0) members.push({ key: memberKey, start: memberStart, end });
    memberStart = -1;
  };

  const length = text.length;
  for (let at = 0; at < length; at++) {
    if (at >= pause) {
      pause = at + PIECE;
      yield;
    }
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const close = closingQuote(text, at);
      if (close < 0) break;
      if (close - at > LONG_STRING && !ANY.test(text.slice(at, close))) bulk += close - at;
      if (start < 0) start = at;
      stringFrom = at;
      stringTo = close + 1;
      at = close;
    } else if (code === COLON) {
      keys++;
      if (++indexes[depth]! > MOST_MEMBERS && limited)
        throw tooMany('too-many-members', `An object has more than ${MOST_MEMBERS} members. Send fewer.`);
      if (names && names.add(text.slice(stringFrom, stringTo)).size > MOST_NAMES)
        throw tooMany('too-many-names', `The body has more than ${MOST_NAMES} different names of members. Send fewer.`);
      keyFrom[depth] = stringFrom;
      keyTo[depth] = stringTo;
      keyNames[depth] = undefined;
      stringTo = stringFrom;
      if (depth === 1) {
        memberKey = String(keyAt(1));
        let next = at + 1;
        while (isBlank(text.charCodeAt(next))) next++;
        memberStart = next;
      }
    } else if (code === COMMA) {
      if (depth === 1) endMember();
      if (arrays[depth]) indexes[depth]!++;
      if (++values > maxValues) throw tooManyValues(maxValues);
    } else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      if (++values > maxValues) throw tooManyValues(maxValues);
      if (++depth > maxDepth)
        throw new FhirError('invalid', `The body is nested deeper than ${maxDepth} levels. Send a flatter document.`, {
          detail: 'json-depth',
        });
      arrays[depth] = code === OPEN_ARRAY;
      indexes[depth] = 0;
      places[depth] = undefined;
      if (start < 0) start = at;
    } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) {
      if (depth === 1) endMember();
      if (--depth < 0) break;
    } else if (isBlank(code)) {
      blanks++;
      if (code === LF || code === CR) breaks++;
      continue;
    } else if (code === MINUS || isDigit(code)) {
      let to = at + 1;
      while (to < length && to - at <= LONGEST_NUMBER && inNumber(text.charCodeAt(to))) to++;
      if (!survives(text, at, to)) {
        const literal = to - at > LONGEST_NUMBER ? '' : text.slice(at, to);
        const value = Number(literal);
        if (literal === '' || value === Infinity || value === -Infinity)
          throw new FhirError(
            'invalid',
            `A number has more than ${LONGEST_NUMBER} characters or is too large. Send one with fewer digits.`,
            { detail: 'json-number' },
          );
        if (depth > 0 && String(value) !== literal) {
          lossy.push({ parent: placeAt(depth), key: keyAt(depth), text: literal });
          if (limited && lossy.length > MOST_LOSSY)
            throw tooMany(
              'too-many-digits',
              `The body has more than ${MOST_LOSSY} numbers whose digits must be kept, like 1.0. Send several smaller resources.`,
            );
        }
      }
      if (start < 0) start = at;
      at = to - 1;
    } else if (start < 0) start = at;
    end = at + 1;
    breaksAtEnd = breaks;
  }
  // Line breaks before the first token and after the last one do not count: they are cut off before storing.
  let leading = 0;
  for (let at = 0; at < start; at++) if (text.charCodeAt(at) === LF || text.charCodeAt(at) === CR) leading++;
  return { blanks, broken: breaksAtEnd > leading, start: Math.max(start, 0), end, keys, values, bulk, members, lossy };
}
