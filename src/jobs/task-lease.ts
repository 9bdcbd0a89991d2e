/** One task of the store that one process at a time may do (Store.acquireLease), as this process holds it. */
import type { Store } from '../store/store.js';

export class TaskLease {
  readonly #store: Pick<Store, 'acquireLease'>;
  readonly #task: string;
  readonly #ms: number;
  readonly #now: () => number;
  #heldUntil = -Infinity;

  constructor(store: Pick<Store, 'acquireLease'>, task: string, ms: number, now = () => performance.now()) {
    this.#store = store;
    this.#task = task;
    this.#ms = ms;
    this.#now = now;
  }

  /** Whether this process holds the task without asking the store again. */
  get isHeld(): boolean {
    return this.#heldUntil > this.#now();
  }

  /** Takes the task, or prolongs it once half of its time has passed. False: another process has it. */
  async acquire(): Promise<boolean> {
    const now = this.#now();
    if (this.#heldUntil - now > this.#ms / 2) return true;
    this.#heldUntil = (await this.#store.acquireLease(this.#task, this.#ms)) ? now + this.#ms : -Infinity;
    return this.#heldUntil > now;
  }

  /** Gives the task back, if this process ever took it. */
  async release(): Promise<void> {
    if (this.#heldUntil > -Infinity) await this.#store.acquireLease(this.#task, 0);
    this.#heldUntil = -Infinity;
  }
}
