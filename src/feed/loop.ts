/** Work that goes on in turns, each of which says when the next is due; whoever has news wakes it before that. */
import type { Clock } from '../platform/clock.js';
import { realPause } from '../platform/real-time.js';

export class Loop {
  readonly #clock: Pick<Clock, 'wait'>;
  readonly #pace: number;
  readonly #turn: (signal: AbortSignal) => Promise<number>;
  #ending = new AbortController();
  #alarm = new AbortController();
  #woken = false;
  #running: Promise<void> | undefined;

  /**
   * `turn` gives the ms until the next one, by the server's clock, and does not throw. `pace`: ms of real time between two turns,
   * whoever wakes it; a turn that gives 0 has more to do, and the pause is at most as long as the turn was.
   */
  constructor(clock: Pick<Clock, 'wait'>, pace: number, turn: (signal: AbortSignal) => Promise<number>) {
    this.#clock = clock;
    this.#pace = pace;
    this.#turn = turn;
  }

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

  /** Ends after the turn under way, which hears of it by its signal. */
  async stop(): Promise<void> {
    this.#ending.abort();
    this.#alarm.abort();
    await this.#running;
    this.#running = undefined;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#woken = false;
      const started = performance.now();
      const rest = await this.#turn(signal);
      const pace = rest > 0 ? this.#pace : Math.min(this.#pace, performance.now() - started);
      if (pace > 0) await realPause(pace, signal);
      if (this.#woken || signal.aborted || rest <= 0) continue;
      this.#alarm = new AbortController();
      await this.#clock.wait(rest, this.#alarm.signal);
    }
  }
}
