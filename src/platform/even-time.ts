/**
 * Answers that tell nothing are given at about the same time, however long each of them took: what is there and hidden costs more than what is not
 * there, and who measures must not learn which of both it is.
 *
 * Choices: an answer waits until SPREAD times what such answers about its type took lately (of whatever kind: others may be much quicker, as bytes are asked for
 * by what points at them) have passed since its request began, and LONGEST ms at
 * most. It costs time and no work. Both are whole ms of the clock by which timers go, so that the wait itself does not tell when it began. What takes longer than
 * that by itself (a document of many megabytes) is not evened out.
 */
import { realPause } from './real-time.js';

const SPREAD = 4;
/** ms */
const LONGEST = 250;
/** ms that an answer is taken to need, before there was one. */
const FIRST = 2;
/** Answers that are remembered, more or less. */
const REMEMBERED = 32;

/** What it goes by: ms without an origin, whole ones as timers count them. */
export interface TurnsOfTime {
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
}

const OF_TIMERS: TurnsOfTime = { now: () => Number(process.hrtime.bigint()) / 1e6, pause: realPause };

export class EvenTime {
  readonly #time: TurnsOfTime;
  /** By what was asked about. */
  readonly #means = new Map<string, number>();

  constructor(time = OF_TIMERS) {
    this.#time = time;
  }

  /** Of a request that begins. */
  readonly begun = (): number => this.#time.now();

  /** Resolves when the answer to what has begun then may be given. `about`: a type, of which there are not many. */
  async due(begun: number, about = ''): Promise<void> {
    const { now, pause } = this.#time;
    const mean = this.#means.get(about) ?? FIRST;
    const due = Math.floor(begun) + Math.ceil(Math.min(SPREAD * mean, LONGEST));
    // One that took very long is none of those that are usual.
    this.#means.set(about, mean + (Math.min(now() - begun, SPREAD * mean) - mean) / REMEMBERED);
    for (let left = due - Math.floor(now()); left > 0; left = due - Math.floor(now())) await pause(left);
  }
}
