/**
 * Base64 that stands in the JSON of a resource, whichever way it is written: with white space, with padding bits, with escapes. What comes back exactly
 * is cut out of a text (base64.ts); this finds whatever a reader would decode. https://hl7.org/fhir/R4/datatypes.html#base64Binary
 *
 * It is the value of a member of that type (of attachments, signatures and Binaries, of extensions and parameters, of barcodes and queries), and what
 * follows `;base64,` in any string (https://www.rfc-editor.org/rfc/rfc2397), as in pictures of narratives. A `data:` address whose characters
 * are themselves escaped, by the rules of addresses or of XML, is not found.
 */
import { isBlank } from './scan.js';

/** Places in a text, without the quotes. */
export interface InlineBase64 {
  readonly start: number;
  readonly end: number;
}

/** Ends of names of members, and what begins base64 in the middle of a string. */
const BEFORE = ['"data"', 'Base64Binary"', '"carrierAIDC"', '"query"', ';base64,'].map(text => Buffer.from(text));
const IN_STRING = BEFORE.length - 1;

const QUOTE = 34;
const COLON = 58;
const BACKSLASH = 92;

/** Where base64 stands in valid JSON (or in a part of it: what is not closed there is passed over), from its beginning on; nothing twice. */
export function* inlineBase64(text: Buffer): Generator<InlineBase64> {
  const next = BEFORE.map(before => text.indexOf(before));
  for (let from = 0; ; ) {
    let which = -1;
    for (let at = 0; at < next.length; at++) {
      if (next[at]! >= 0 && next[at]! < from) next[at] = text.indexOf(BEFORE[at]!, from);
      if (next[at]! >= 0 && (which < 0 || next[at]! < next[which]!)) which = at;
    }
    if (which < 0) return;
    const behind = next[which]! + BEFORE[which]!.length;
    const found = which === IN_STRING ? restOfString(text, behind) : valueOf(text, behind);
    if (found && found.end > found.start) yield found;
    from = found ? found.end : behind;
  }
}

/** The string that is the value of a member whose name ends there. */
function valueOf(text: Buffer, behind: number): InlineBase64 | undefined {
  // `"foo\"data\""`: the name is in another string.
  if (text[behind - 2] === BACKSLASH) return undefined;
  let at = skipBlanks(text, behind);
  if (text[at] !== COLON) return undefined;
  at = skipBlanks(text, at + 1);
  if (text[at] !== QUOTE) return undefined;
  const end = text.indexOf(QUOTE, at + 1);
  return end < 0 ? undefined : { start: at + 1, end };
}

function skipBlanks(text: Buffer, at: number): number {
  let next = at;
  while (isBlank(text[next])) next++;
  return next;
}

const BASE64_OR_BLANK = new Set(Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= '));
/** What may follow a backslash in base64: white space, a slash, and a character by its number. */
const ESCAPED = new Set(Buffer.from('nrt/u'));

/** Until the first character that is neither base64 nor white space. */
function restOfString(text: Buffer, start: number): InlineBase64 | undefined {
  let end = start;
  for (;;)
    if (BASE64_OR_BLANK.has(text[end]!)) end++;
    else if (text[end] === BACKSLASH && ESCAPED.has(text[end + 1]!)) end += 2;
    else break;
  return end < text.length ? { start, end } : undefined;
}

/** Characters that are decoded in one turn. */
const SLICE = 1024 * 1024;

const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|(.))/g;
const HALF_ESCAPE = /\\(?:u[0-9a-fA-F]{0,3})?$/;
const PASSED_OVER = /[^0-9A-Za-z+/=_-]+/g;

/** The bytes that a reader makes of it, in parts: whatever is no character of base64 is passed over, as Node does, and so are padding bits. */
export function* bytesOfInline(text: Buffer, { start, end }: InlineBase64): Generator<Buffer> {
  let rest = '';
  let half = '';
  for (let at = start; at < end; at += SLICE) {
    let some = half + text.toString('latin1', at, Math.min(at + SLICE, end));
    half = '';
    if (some.includes('\\')) {
      half = HALF_ESCAPE.exec(some)?.[0] ?? '';
      some = unescaped(half === '' ? some : some.slice(0, -half.length));
    }
    some = rest + some.replaceAll(PASSED_OVER, '');
    const whole = at + SLICE < end ? some.length - (some.length % 4) : some.length;
    rest = some.slice(whole);
    if (whole > 0) yield Buffer.from(rest === '' ? some : some.slice(0, whole), 'base64');
  }
}

/** Line breaks are passed over whichever way they are written. */
const unescaped = (text: string): string =>
  text.replaceAll(ESCAPE, (_, code: string | undefined, letter: string) => {
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
    return letter === '/' ? letter : ' ';
  });
