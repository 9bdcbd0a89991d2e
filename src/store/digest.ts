/**
 * What is kept beside a version so that a check can tell whether it still says what was written: 16 bytes of the SHA-256 of all of
 * it. It guards against accidents and hands that reach past the server, not against somebody who writes a new digest, too.
 */
import { createHash, hash } from 'node:crypto';

const DIGEST_BYTES = 16;

/** Where what is hashed stands together. Larger versions are hashed in two steps. */
const scratch = Buffer.allocUnsafeSlow(65_536);
/** Bytes of UTF-8 that a character of a JavaScript string takes at most. */
const MAX_CHARACTER_BYTES = 3;

/**
 * `head`: everything but the text, in a form that is the same whenever it is made. In one step a hash takes half the time of one
 * that is an object, and leaves nothing to collect: every read is recorded, and every record has a digest.
 */
export function digestOf(head: string, text: Uint8Array | undefined): Buffer {
  const size = text?.length ?? 0;
  if (head.length * MAX_CHARACTER_BYTES + size > scratch.length) {
    const large = createHash('sha256').update(head);
    if (text) large.update(text);
    return large.digest().subarray(0, DIGEST_BYTES);
  }
  const at = scratch.write(head);
  if (text) scratch.set(text, at);
  const whole = hash('sha256', scratch.subarray(0, at + size), 'binary');
  return Buffer.from(whole.slice(0, DIGEST_BYTES), 'binary');
}

/** Versions of before there were digests have none, and pass. */
export const isAltered = (kept: Uint8Array | undefined, now: Uint8Array): boolean =>
  kept !== undefined && !Buffer.from(kept).equals(now);
