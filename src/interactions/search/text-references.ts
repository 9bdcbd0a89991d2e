/**
 * What the texts of resources refer to, read without parsing them. A record has thousands of texts with several
 * references each, and a call of the runtime for every one of them costs more than the search itself: bytes are compared
 * here, as Horspool does it, and a character is a whole step where the sought text does not have it.
 */

const SOUGHT = Buffer.from('"reference":"');
const QUOTE = 0x22;
const COLON = 0x3a;
/** Where the colon stands, which is there once: what ends a comparison. */
const COLON_AT = SOUGHT.indexOf(COLON);
/** How far to go on where this character stands at the place of the colon. */
const STEP = new Uint8Array(256).fill(COLON_AT + 1);
for (let i = 0; i < COLON_AT; i++) STEP[SOUGHT[i]!] = COLON_AT - i;

/** Adds what stands as `reference` in a text, in whatever it is a part of: the characters between the quotes. */
export function addReferences(text: Buffer, targets: Set<string>): void {
  for (let at = behindNext(text, 0); at >= 0; at = behindNext(text, at)) {
    let end = at;
    while (end < text.length && text[end] !== QUOTE) end++;
    targets.add(text.toString('latin1', at, end));
  }
}

/** The place behind the first `"reference":"` from a place on, or -1. */
function behindNext(text: Buffer, from: number): number {
  for (let at = from + COLON_AT; at < text.length - 1; at += STEP[text[at]!]!)
    if (text[at] === COLON && stands(text, at - COLON_AT)) return at - COLON_AT + SOUGHT.length;
  return -1;
}

function stands(text: Buffer, start: number): boolean {
  for (let i = SOUGHT.length - 1; i >= 0; i--) if (text[start + i] !== SOUGHT[i]) return false;
  return true;
}
