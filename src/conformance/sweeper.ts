/**
 * Sweeps away, from time to time, bytes whose time is over for which they were kept (`Blobs.keep`), and those that writes which were
 * refused or broke off have left: what nothing has referred to for a day. One process of a database does
 * it; were it two for a moment, nothing would be lost.
 */
import type { Clock } from '../platform/clock.js';
import type { Store } from '../store/store.js';
import { TaskLease } from '../jobs/task-lease.js';

export const SWEEP_EVERY_MS = 5 * 60_000;
/** The process that sweeps goes on to; another one follows when it is gone. */
const LEASE_MS = 2.5 * SWEEP_EVERY_MS;

/** Call what this gives back to end it; it resolves when nothing is under way any more. */
export function sweepKept({ store, clock }: { readonly store: Store; readonly clock: Clock }): () => Promise<void> {
  const lease = new TaskLease(store, 'sweep', LEASE_MS);
  let underWay: Promise<unknown> = Promise.resolve();
  const end = clock.every(SWEEP_EVERY_MS, () => {
    const sweeping = lease.acquire().then(async mine => void (mine && (await store.blobs.sweep(clock.now()))));
    underWay = sweeping.catch(() => {});
    return sweeping;
  });
  return async () => {
    end();
    await underWay;
    await lease.release().catch(() => {});
  };
}
