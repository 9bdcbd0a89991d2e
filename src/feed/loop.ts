/**
 * A task that goes on in turns, each of which says when the next is due; whoever has news wakes it before that. Of several processes
 * the one that holds the task's lease does the work.
 */
import { TaskLease } from '../jobs/task-lease.js';
import type { Clock } from '../platform/clock.js';
import { realPause } from '../platform/real-time.js';
import type { Store } from '../store/store.js';

/** Kept short, as nobody else goes on before; a holder that is late loses nothing but its turn. */
export const FEED_LEASE_MS = 6000;

export interface LoopGround {
  readonly store: Pick<Store, 'acquireLease'>;
  readonly clock: Pick<Clock, 'wait'>;
}

export abstract class Loop {
  protected readonly lease: TaskLease;
  readonly #clock: Pick<Clock, 'wait'>;
  readonly #pace: number;
  #ending = new AbortController();
  #alarm = new AbortController();
  #woken = false;
  #running: Promise<void> | undefined;

  /**
   * `pace`: ms of real time between two turns, whoever wakes it; after a turn that gives 0 the pause is at most as long as the turn
   * was.
   */
  constructor({ store, clock }: LoopGround, task: string, pace: number) {
    this.lease = new TaskLease(store, task, FEED_LEASE_MS);
    this.#clock = clock;
    this.#pace = pace;
  }

  /** Gives the ms until the next one, by the server's clock; 0: there is more to do. Does not throw. */
  protected abstract turn(signal: AbortSignal): Promise<number>;

  start(): void {
    if (this.#running) return;
    this.#ending = new AbortController();
    this.#running = this.#run(this.#ending.signal);
  }

  wake(): void {
    // Every write does this: an error for each abortion is dear.
    if (this.#woken) return;
    this.#woken = true;
    this.#alarm.abort();
  }

  /** Ends after the turn under way, which hears of it by its signal, and gives the lease back. */
  async stop(): Promise<void> {
    this.#ending.abort();
    this.#alarm.abort();
    await this.#running;
    this.#running = undefined;
    await this.lease.release().catch(() => undefined);
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#woken = false;
      const started = performance.now();
      const rest = await this.turn(signal);
      const pace = rest > 0 ? this.#pace : Math.min(this.#pace, performance.now() - started);
      if (pace > 0) await realPause(pace, signal);
      if (this.#woken || signal.aborted || rest <= 0) continue;
      this.#alarm = new AbortController();
      await this.#clock.wait(rest, this.#alarm.signal);
    }
  }
}
