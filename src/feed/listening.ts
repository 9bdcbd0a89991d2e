/**
 * A listener at work in this process: of several processes that have it, the one that holds its lease gives it its changes, in their
 * order, and commits what comes of them with the acknowledgement.
 */
import { asFhirError, FhirError } from '../fhir/error.js';
import type { Clock } from '../platform/clock.js';
import { frames, type Log } from '../platform/log.js';
import { realInterval, realTimeout } from '../platform/real-time.js';
import type { Commit, Store } from '../store/store.js';
import { changesIn, type FeedChange, topicOf } from './change.js';
import { FEED_IDLE_MS } from './dispatcher.js';
import { FEED_LEASE_MS, Loop } from './loop.js';

/** Messages that are read for one batch. */
const MOST_PIECES = 64;
const MOST_CHANGES = 64;
const PATIENCE_MS = 60_000;
/** What is left of it when the server ends. */
const GRACE_MS = 2000;
/** Rest after the first failure, doubled with each that follows, and the longest one. */
const REST_MS = 500;
const LONGEST_REST_MS = 60_000;
/** Times in a row that a commit is overtaken by others before that counts as a failure. */
const OVERTAKEN = 20;
/** How often a listener looks for what another process may have for it. */
const PIECES_MS = 500;

/** What is committed with the acknowledgement of a batch: all of it or nothing. */
export type Handled = Partial<
  Pick<Commit, 'changes' | 'stamp' | 'mustExist' | 'mustNotMatch' | 'messages' | 'acknowledges'>
>;

export interface FeedBatch {
  /** Not empty, with numbers that follow those of the last batch which was handled. */
  readonly changes: readonly FeedChange[];
  /** Aborted when the server ends or nobody waits any longer. */
  readonly signal: AbortSignal;
  /** For whoever commits by himself: what acknowledges the batch. He gives `done` then. */
  readonly acknowledges: readonly number[];
}

type Soon<T> = T | Promise<T>;

export interface Listener {
  /** As the store, log and metrics name it: small letters, digits and hyphens. The same for ever, in every process. */
  readonly name: string;
  /** Absent: all types. */
  readonly types?: readonly string[];
  /** Changes in a batch, about; default 64. */
  readonly most?: number;
  /** ms that it may take for a batch; default a minute. */
  readonly patience?: number;
  /**
   * Deals with changes. What it gives is committed with the acknowledgement, so that it has its effect once; whatever else it does
   * may be done again, as it is asked again after an error, a kill or a conflict.
   */
  handle(batch: FeedBatch): Soon<Handled | 'done' | undefined | void>;
}

export interface ListeningOptions {
  readonly store: Pick<Store, 'pendingMessages' | 'commit' | 'acquireLease'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly listener: Listener;
  /** The key under which it is registered; registers it where it is not. */
  readonly registered: () => Promise<string>;
}

export class Listening extends Loop {
  readonly #options: ListeningOptions;
  #failures = 0;
  #overtaken = 0;
  #restUntil = -Infinity;

  constructor(options: ListeningOptions) {
    super(options, `feed/${options.listener.name}`, 0);
    this.#options = options;
  }

  get listener(): Listener {
    return this.#options.listener;
  }

  protected async turn(signal: AbortSignal): Promise<number> {
    const { clock, log, listener } = this.#options;
    const rest = Math.min(this.#restUntil - clock.now(), LONGEST_REST_MS);
    if (rest > 0) return rest;
    try {
      const topic = topicOf(await this.#options.registered());
      if (!(await this.lease.acquire())) return FEED_IDLE_MS;
      const more = await this.#handleNext(topic, signal);
      this.#failures = 0;
      this.#overtaken = 0;
      return more ? 0 : PIECES_MS;
    } catch (error) {
      if (signal.aborted) return 0;
      const { kind } = asFhirError(error);
      if (kind === 'conflict' && ++this.#overtaken < OVERTAKEN) return 0;
      const pause = Math.min(REST_MS * 2 ** this.#failures++, LONGEST_REST_MS);
      this.#restUntil = clock.now() + pause;
      log.warn({ listener: listener.name, kind, at: frames(error), failures: this.#failures }, 'A listener has failed');
      return pause;
    }
  }

  /** Hands the next batch over and commits what comes of it. Gives whether there is another one. */
  async #handleNext(topic: string, ending: AbortSignal): Promise<boolean> {
    const { store, listener } = this.#options;
    const pieces = await store.pendingMessages(topic, MOST_PIECES);
    if (pieces.length === 0) return false;
    const changes: FeedChange[] = [];
    const acknowledges: number[] = [];
    for (const { sequence, body } of pieces) {
      const more = changesIn(body);
      if (changes.length > 0 && changes.length + more.length > (listener.most ?? MOST_CHANGES)) break;
      changes.push(...more);
      acknowledges.push(sequence);
    }
    const handled = await this.#inTime(ending, signal => listener.handle({ changes, signal, acknowledges }));
    if (handled !== 'done') {
      const { acknowledges: others = [], ...commit } = handled ?? {};
      await store.commit({ changes: [], ...commit, acknowledges: [...acknowledges, ...others] });
    }
    return acknowledges.length < pieces.length || pieces.length === MOST_PIECES;
  }

  /** Keeps the lease while the listener works, and waits no longer than it may take. */
  async #inTime<T>(ending: AbortSignal, work: (signal: AbortSignal) => Soon<T>): Promise<T> {
    const late = new AbortController();
    const signal = AbortSignal.any([ending, late.signal]);
    const beat = realInterval(FEED_LEASE_MS / 3, () => void this.lease.acquire().catch(() => undefined)).unref();
    let timer: NodeJS.Timeout | undefined;
    let end: (() => void) | undefined;
    const over = new Promise<never>((_, reject) => {
      const within = (ms: number) => {
        clearTimeout(timer);
        timer = realTimeout(ms, () => {
          late.abort();
          reject(new FhirError('timeout', 'A listener takes too long.'));
        });
      };
      within(this.#options.listener.patience ?? PATIENCE_MS);
      end = () => within(GRACE_MS);
      ending.addEventListener('abort', end);
    });
    try {
      return await Promise.race([work(signal), over]);
    } finally {
      clearTimeout(timer);
      clearInterval(beat);
      if (end) ending.removeEventListener('abort', end);
    }
  }
}
