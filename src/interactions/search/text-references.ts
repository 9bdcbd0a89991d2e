/**
 * What the texts of resources refer to, read without parsing them. A record has thousands of texts with several
 * references each, and a call of the runtime for every one of them costs more than the search itself: bytes are compared
 * here. What is sought has twelve pairs of characters, so that one of them stands wherever twelve bytes are passed over;
 * steps that do not depend on what was read are several times faster than longer ones that do.
 */

const SOUGHT = Buffer.from('"reference":"');
const QUOTE = 0x22;
const STEP = SOUGHT.length - 1;

/** By pair of characters: 1 + its place in what is sought, the first one and the second one; 0: there is none. */
const [FIRST, SECOND] = [new Uint8Array(0x10000), new Uint8Array(0x10000)];
for (let place = 0; place < STEP; place++) {
  const pair = (SOUGHT[place]! << 8) | SOUGHT[place + 1]!;
  (FIRST[pair] === 0 ? FIRST : SECOND)[pair] = place + 1;
}

/** Places where references of a text stood, by their hash: a power of two. */
const KEPT = 256;

/** Adds what stands as `reference` in a text, in whatever it is a part of: the characters between the quotes. */
export function addReferences(text: Buffer, targets: Set<string>): void {
  // Making a string costs more than finding its bytes, and a record refers to the same few things thousands of times.
  const starts = new Int32Array(KEPT).fill(-1);
  for (let at = behindNext(text, 0); at >= 0; at = behindNext(text, at)) {
    let hash = 0;
    let end = at;
    while (end < text.length && text[end] !== QUOTE) hash = (Math.imul(hash, 31) + text[end++]!) | 0;
    const slot = hash & (KEPT - 1);
    if (isRepeated(text, starts[slot]!, at, end)) continue;
    starts[slot] = at;
    targets.add(text.toString('latin1', at, end));
  }
}

/** Whether the bytes between two places, with the one behind them, stand at `start`, too. */
function isRepeated(text: Buffer, start: number, at: number, end: number): boolean {
  if (start < 0 || end === text.length) return false;
  for (let i = end - at; i >= 0; i--) if (text[start + i] !== text[at + i]) return false;
  return true;
}

/** The place behind the first `"reference":"` from a place on, or -1. */
function behindNext(text: Buffer, from: number): number {
  for (let at = from + STEP - 1; at < text.length - 1; at += STEP) {
    const pair = (text[at]! << 8) | text[at + 1]!;
    const first = FIRST[pair]!;
    if (first === 0) continue;
    if (stands(text, at + 1 - first)) return at + 1 - first + SOUGHT.length;
    const second = SECOND[pair]!;
    if (second !== 0 && stands(text, at + 1 - second)) return at + 1 - second + SOUGHT.length;
  }
  return -1;
}

function stands(text: Buffer, start: number): boolean {
  for (let i = SOUGHT.length - 1; i >= 0; i--) if (text[start + i] !== SOUGHT[i]) return false;
  return true;
}
