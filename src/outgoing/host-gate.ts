/**
 * What protects one other server, and us from it: so many requests at a time, so many that wait for their turn, and a rest after
 * it has failed too often, at whose end one request alone tries whether it is well again.
 */
import { outgoingError } from './trouble.js';

export interface GateLimits {
  /** Requests at a time. */
  readonly atOnce: number;
  /** Requests that may wait for their turn. */
  readonly waiting: number;
}

/** `void`: it says nothing of the other server. */
export type TurnResult = 'well' | 'failed' | 'void';

const WINDOW_MS = 30_000;
const FAILURES = 5;
export const HOST_REST_MS = 60_000;
/** Results that are remembered. */
const REMEMBERED = 100;

export class HostGate {
  readonly #limits: GateLimits;
  readonly #now: () => number;
  #running = 0;
  #waiting: (() => void)[] = [];
  #results: { readonly at: number; readonly failed: boolean }[] = [];
  #restsUntil: number | undefined;
  #trying = false;

  constructor(limits: GateLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Nobody is here, and nothing is remembered that matters. */
  get isIdle(): boolean {
    return (
      this.#running === 0 && this.#waiting.length === 0 && this.#restsUntil === undefined && this.#recent().length === 0
    );
  }

  /** Waits for a turn; the caller ends it by what this gives, once. Throws `outgoing-resting` or `outgoing-busy`, or why it is aborted. */
  async enter(signal: AbortSignal): Promise<(result: TurnResult) => void> {
    this.#refuseResting();
    if (this.#running >= this.#limits.atOnce) await this.#wait(signal);
    else this.#running++;
    try {
      signal.throwIfAborted();
      this.#refuseResting();
    } catch (error) {
      this.#next();
      throw error;
    }
    const tries = this.#restsUntil !== undefined;
    this.#trying ||= tries;
    return result => {
      this.#note(result, tries);
      this.#next();
    };
  }

  #refuseResting(): void {
    if (this.#restsUntil === undefined) return;
    const left = this.#restsUntil - this.#now();
    if (left > 0 || this.#trying)
      throw outgoingError('outgoing-resting', undefined, Math.max(1, Math.ceil(left / 1000)));
  }

  /** When it resolves, the place of one who has left is ours. */
  #wait(signal: AbortSignal): Promise<void> {
    if (this.#waiting.length >= this.#limits.waiting) throw outgoingError('outgoing-busy');
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting = this.#waiting.filter(other => other !== turn);
        reject(signal.reason as Error);
      };
      if (signal.aborted) return reject(signal.reason as Error);
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(turn);
    });
  }

  #next(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#running--;
  }

  #recent(): { readonly at: number; readonly failed: boolean }[] {
    const since = this.#now() - WINDOW_MS;
    return (this.#results = this.#results.filter(({ at }) => at > since).slice(-REMEMBERED));
  }

  #note(result: TurnResult, tried: boolean): void {
    if (tried) {
      this.#trying = false;
      if (result === 'well') this.#restsUntil = undefined;
      if (result === 'failed') this.#restsUntil = this.#now() + HOST_REST_MS;
      if (result !== 'void') this.#results = [];
      return;
    }
    // What was under way when the rest began says nothing new.
    if (result === 'void' || this.#restsUntil !== undefined) return;
    this.#results.push({ at: this.#now(), failed: result === 'failed' });
    const recent = this.#recent();
    const failures = recent.filter(({ failed }) => failed).length;
    // One that answers most of the time is not turned away from.
    if (failures >= FAILURES && failures * 2 >= recent.length) this.#restsUntil = this.#now() + HOST_REST_MS;
  }
}
