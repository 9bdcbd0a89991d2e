/**
 * Real time, which no setting of the server's clock (clock.ts) moves. It is for what protects the world outside: leases, time
 * limits of queries and of clients, pauses before another attempt. If those followed a clock that is set, stepped or stopped,
 * two processes could hold one lease, or a query could run for ever. What takes how long is measured by `performance.now()`,
 * for which a machine whose clock is set is no different.
 *
 * No other file asks the machine for the time or for a timer (test/unit/time.test.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** ms since 1970, for times that processes or threads compare; within one thread `performance.now()` is better. */
export const realNow = (): number => Date.now();

/** Ends with clearTimeout. */
export const realTimeout = (ms: number, work: () => void): NodeJS.Timeout => setTimeout(work, ms);

/** Ends with clearInterval. */
export const realInterval = (ms: number, work: () => void): NodeJS.Timeout => setInterval(work, ms);

/** Resolves when the time is over, or as soon as `signal` is aborted. */
export const realPause = (ms: number, signal?: AbortSignal): Promise<void> =>
  sleep(ms, undefined, signal ? { signal } : {}).catch((error: unknown) => {
    if (!signal?.aborted) throw error;
  });
