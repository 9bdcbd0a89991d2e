/**
 * What is kept beside a version so that a check can tell whether it still says what was written: 16 bytes of the SHA-256 of all of
 * it. It guards against accidents and hands that reach past the server, not against somebody who writes a new digest, too.
 */
import { createHash } from 'node:crypto';

const DIGEST_BYTES = 16;

/** `head`: everything but the text, in a form that is the same whenever it is made. */
export const digestOf = (head: string, text: Uint8Array | undefined): Buffer => {
  const hash = createHash('sha256').update(head);
  if (text) hash.update(text);
  return hash.digest().subarray(0, DIGEST_BYTES);
};

/** Versions of before there were digests have none, and pass. */
export const isAltered = (kept: Uint8Array | undefined, now: Uint8Array): boolean =>
  kept !== undefined && !Buffer.from(kept).equals(now);
