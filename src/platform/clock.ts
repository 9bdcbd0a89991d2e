/**
 * The clock of the server: what users see of time (`lastUpdated`, `recorded`, how long a link works, what `ap` means), and
 * what the server does from time to time. main.ts makes one and hands it to what needs it, so that whoever gives it another
 * source of time moves all of that together. Leases, time limits and measurements stay on real time (real-time.ts).
 */
import { frames, type Log } from './log.js';
import { realNow, realTimeout } from './real-time.js';

export interface Clock {
  /** ms since 1970. It may be set back: whoever needs an order keeps it himself. */
  readonly now: () => number;
  /**
   * Resolves when the time is over, or as soon as `signal` is aborted; who gives one looks at it. Does not keep the process
   * alive.
   */
  readonly wait: (ms: number, signal?: AbortSignal) => Promise<void>;
  /**
   * Does the work again and again, for the first time in `ms`, and then each time `ms` after it has ended: it never overlaps
   * itself, and what is late is done once. The log is told of work that fails, and it is done again all the same. Call what
   * this gives back to end it; work that is under way then comes to its own end. Does not keep the process alive.
   */
  readonly every: (ms: number, work: () => unknown) => () => void;
}

/** What a clock goes by. */
export interface TimeSource {
  /** ms since 1970. */
  readonly now: () => number;
  /** Does the work once in `ms`, unless what it gives back is called before. Does not keep the process alive. */
  readonly later: (ms: number, work: () => void) => () => void;
}

export const REAL_TIME: TimeSource = {
  now: realNow,
  later(ms, work) {
    const timer = realTimeout(ms, work).unref();
    return () => clearTimeout(timer);
  },
};

export function createClock(log: Log, { now, later }: TimeSource = REAL_TIME): Clock {
  return {
    now,
    wait: (ms, signal) =>
      new Promise(resolve => {
        if (signal?.aborted) return resolve();
        const done = (): void => {
          signal?.removeEventListener('abort', done);
          cancel();
          resolve();
        };
        const cancel = later(ms, done);
        signal?.addEventListener('abort', done);
      }),
    every(ms, work) {
      let ended = false;
      const run = async (): Promise<void> => {
        try {
          await work();
        } catch (error) {
          log.warn({ at: frames(error) }, 'What is done again and again has failed once');
        }
        if (!ended) cancel = later(ms, () => void run());
      };
      let cancel = later(ms, () => void run());
      return () => {
        ended = true;
        cancel();
      };
    },
  };
}
