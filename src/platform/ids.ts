/**
 * Ids that the server assigns: 10 characters base36 of a time-ordered number, then 4 random ones. Ordered ids keep
 * `_id` and reference keys of one visit side by side in the stores' trees; the random tail keeps them from being
 * guessed in passing. https://hl7.org/fhir/R4/datatypes.html#id
 */
import { randomBytes } from 'node:crypto';

/** 2020-01-01T00:00:00Z in ms: the time part stays short. */
const EPOCH = 1_577_836_800_000;
const PER_MS = 1024;
let last = 0;

/** Drawing randomness in bulk: one system call for a few hundred ids. */
let pool = Buffer.alloc(0);
let drawn = 0;
function randomTail(): string {
  if (drawn + 4 > pool.length) {
    pool = randomBytes(2048);
    drawn = 0;
  }
  const value = pool.readUInt32LE(drawn) % 1_679_616; // 36 ** 4
  drawn += 4;
  return value.toString(36).padStart(4, '0');
}

/** A new id, greater than every id this process made before (but for its last four characters). */
export function newId(now: number): string {
  last = Math.max(last + 1, (now - EPOCH) * PER_MS);
  return last.toString(36).padStart(10, '0').slice(-10) + randomTail();
}
