/**
 * What others keep for us (metadata, keys), fetched when it is needed and kept. It is fetched again after ten minutes, and when something is sought
 * that is not in it, but not oftener than once in 30 seconds, however many ask; while the other one is away it stays in use for an hour.
 */
import { asFhirError, type FhirError } from '../fhir/error.js';

const MINUTE = 60_000;
const FRESH = 10 * MINUTE;
const USABLE = 60 * MINUTE;
/** Between two looks for a key that there is not, and after one that failed. */
const PAUSE = 30_000;
const PAUSE_AFTER_FAILURE = 2000;
/** Of a set of keys. */
export const MOST_KEYS = 100;
/** What one fetch may cost: ms, and bytes. */
export const ONE_FETCH = { whole: 5000, redirects: 0, maxBytes: 256 * 1024 } as const;

/** Something that is fetched when somebody needs it, by one for all who wait. */
export class FetchedValue<T> {
  readonly #now: () => number;
  readonly #fetch: () => Promise<T>;
  readonly #away: (cause: string) => FhirError;
  #value: T | undefined;
  /** When the value came, and when it was last tried to have one. */
  #at = -Infinity;
  #tried = -Infinity;
  #failure: FhirError | undefined;
  #fetching: Promise<void> | undefined;

  /** `now`: ms of a clock that only rises. `away`: what is thrown where nothing can be had; `fetch` may throw it, too. */
  constructor(now: () => number, fetch: () => Promise<T>, away: (cause: string) => FhirError) {
    this.#now = now;
    this.#fetch = fetch;
    this.#away = away;
  }

  async get(): Promise<T> {
    const age = this.#now() - this.#at;
    if (this.#value !== undefined && age < FRESH) return this.#value;
    const rests = this.#failure !== undefined && this.#now() - this.#tried < PAUSE_AFTER_FAILURE;
    if (!rests || this.#fetching) await this.#refresh();
    if (this.#value !== undefined && this.#now() - this.#at < USABLE) return this.#value;
    throw this.#failure ?? this.#away('nothing was fetched');
  }

  /** Fetches it again although it is fresh; false where that was done a moment ago. */
  async again(): Promise<boolean> {
    if (this.#now() - this.#tried < PAUSE && !this.#fetching) return false;
    await this.#refresh();
    return true;
  }

  #refresh(): Promise<void> {
    this.#fetching ??= this.#fetchOnce().finally(() => (this.#fetching = undefined));
    return this.#fetching;
  }

  async #fetchOnce(): Promise<void> {
    this.#tried = this.#now();
    try {
      this.#value = await this.#fetch();
      this.#at = this.#now();
      this.#failure = undefined;
    } catch (error) {
      const failure = asFhirError(error);
      // Troubles of requests that leave the house say that it is another server's; a client may try again all the same.
      this.#failure =
        failure.kind === 'unavailable' && failure.issues[0]?.detail === this.#away('').issues[0]?.detail
          ? failure
          : this.#away(failure.issues[0]?.detail ?? failure.kind);
    }
  }
}
