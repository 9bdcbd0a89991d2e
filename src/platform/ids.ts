/**
 * Ids that the server assigns: 10 characters base36 of a time-ordered number, then 4 random ones. Ordered ids keep
 * `_id` and reference keys of one visit side by side in the stores' trees; the random tail keeps them from being
 * guessed in passing. https://hl7.org/fhir/R4/datatypes.html#id
 */
import { randomBytes, randomUUID } from 'node:crypto';

/** 2020-01-01T00:00:00Z in ms: the time part stays short. */
const EPOCH = 1_577_836_800_000;
const PER_MS = 1024;
/** How many tails of four characters there are: 36 ** 4. */
export const ID_TAILS = 1_679_616;

/** Other ids than those by chance. Undefined: for this one there is none. */
export interface IdSource {
  id(now: number): string | undefined;
  uuid(): string | undefined;
  /** Of what nobody has asked for. */
  unasked?(now: number): string | undefined;
}
let source: IdSource | undefined;

/** From now on `given` is asked first. */
export function askForIds(given: IdSource): void {
  source = given;
}

let last = 0;

/** Drawing randomness in bulk: one system call for a few hundred ids. */
let pool = Buffer.alloc(0);
let drawn = 0;
function randomTail(): number {
  if (drawn + 4 > pool.length) {
    pool = randomBytes(2048);
    drawn = 0;
  }
  const value = pool.readUInt32LE(drawn) % ID_TAILS;
  drawn += 4;
  return value;
}

/** What ten characters can say: to the year 2133. */
const END_OF_TIME = 36 ** 10;

/** The ordered part of the id after the one with `before`. A clock that is set further than ids reach only counts on. */
export function nextTime(before: number, now: number): number {
  const time = (now - EPOCH) * PER_MS;
  return Math.max(before + 1, time < END_OF_TIME ? time : 0);
}

export const idText = (time: number, tail: number): string =>
  time.toString(36).padStart(10, '0').slice(-10) + tail.toString(36).padStart(4, '0');

const OF_SERVER = /^[0-9a-z]{14}$/;

/** ms since 1970 at which an id was made, or a little later where many were made at once; undefined: it is none of ours. */
export const timeOfId = (id: string): number | undefined =>
  OF_SERVER.test(id) ? Math.floor(Number.parseInt(id.slice(0, 10), 36) / PER_MS) + EPOCH : undefined;

/** A new id, greater than every id this process made before (but for its last four characters). */
export function newId(now: number): string {
  return source?.id(now) ?? idByChance(now);
}

/**
 * A new id for what the server writes when it is time for it: whatever request is answered meanwhile, the ids that a test gives to that one stay
 * with it.
 */
export const newUnaskedId = (now: number): string => source?.unasked?.(now) ?? idByChance(now);

/** Throws RangeError for what is no time: it would spoil the order of all further ids. */
export function idByChance(now: number): string {
  if (!Number.isFinite(now)) throw new RangeError('An id cannot be made without a time.');
  last = nextTime(last, now);
  return idText(last, randomTail());
}

/** Version 4. */
export const newUuid = (): string => source?.uuid() ?? randomUUID();
