/** Ids that follow from a seed: the same requests, one after the other, get the same ones. */
import { ID_TAILS, idText, nextTime } from '../platform/ids.js';

export interface SeededIds {
  id(now: number): string;
  uuid(): string;
}

export const MAX_SEED = 2 ** 32 - 1;

/** Whole numbers below 2 ** 32 that follow from the seed, well mixed (mulberry32): nothing that must not be guessed. */
export function seededNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

export function seededIds(seed: number): SeededIds {
  const draw = seededNumbers(seed);
  const hex = (digits: number): string => draw().toString(16).padStart(8, '0').slice(-digits);
  let last = 0;
  return {
    id(now) {
      last = nextTime(last, now);
      return idText(last, draw() % ID_TAILS);
    },
    // https://www.rfc-editor.org/rfc/rfc9562#section-5.4
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-${((draw() % 0x4000) + 0x8000).toString(16)}-${hex(4)}${hex(8)}`,
  };
}
