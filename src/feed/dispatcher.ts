/**
 * Moves changes from the outbox to those who listen: of several processes the one that holds the lease `feed`. A move is one commit
 * that acknowledges the changes and the state, and leaves the next state with a piece of numbered changes for each listener. So a
 * change is moved once, whoever else believes to hold the lease: he is refused, and looks again.
 */
import { asFhirError } from '../fhir/error.js';
import type { Clock } from '../platform/clock.js';
import type { Log } from '../platform/log.js';
import { untilUncontested } from '../store/outbox.js';
import type { OutboxMessage, PendingMessage, Store } from '../store/store.js';
import { CHANGE_TOPIC, pieceMessages, toldIn, topicOf } from './change.js';
import { Loop } from './loop.js';
import { exchangeState, type FeedState, type NotedState, readState } from './state.js';

/** How often changes of other processes are looked for, and how often while there is nobody to tell, or another one does it. */
export const CHANGES_MS = 200;
export const FEED_IDLE_MS = 2000;
/** Between two moves: what is written meanwhile goes together, so that few commits stand beside those of the writers. */
const PACE_MS = 200;
/** Messages of one move, and changes for all listeners together, but for the last message. */
const MOST_MESSAGES = 128;
const MOST_TOLD = 4096;
/** Messages of a dropped listener that are deleted at a time. */
const MOST_DELETED = 1000;

export interface DispatcherOptions {
  readonly store: Pick<Store, 'pendingMessages' | 'commit' | 'acquireLease'>;
  readonly clock: Pick<Clock, 'wait'>;
  readonly log: Log;
  /** Who listens, as far as this process knows. */
  readonly known: () => FeedState;
  /** There are pieces for these. */
  readonly told: (keys: ReadonlySet<string>) => void;
}

export class Dispatcher extends Loop {
  readonly #options: DispatcherOptions;

  constructor(options: DispatcherOptions) {
    super(options, 'feed', PACE_MS);
    this.#options = options;
  }

  /** Moves what there is, up to a bound. Gives whether there is more. */
  move(): Promise<boolean> {
    const { store, told, known } = this.#options;
    return untilUncontested(async () => {
      // Changes first: whoever listens since before one of them was committed is in the state that is read then.
      const pending = await store.pendingMessages(CHANGE_TOPIC, MOST_MESSAGES);
      if (pending.length === 0 && known().dropped.length === 0) return false;
      const noted = await readState(store);
      if (pending.length === 0) return this.#deleteDropped(noted);
      const { acknowledges, messages, state, keys } = distribute(noted.state, pending);
      if (noted.sequences.length === 0) await store.commit({ changes: [], acknowledges });
      else await exchangeState(store, noted, state, { acknowledges, messages });
      told(keys);
      return acknowledges.length < pending.length || pending.length === MOST_MESSAGES;
    });
  }

  protected async turn(signal: AbortSignal): Promise<number> {
    const { store, log } = this.#options;
    try {
      if (!this.#isNeeded() && (await store.pendingMessages(CHANGE_TOPIC, 1)).length === 0) return FEED_IDLE_MS;
      if (!(await this.lease.acquire())) return FEED_IDLE_MS;
      if (await this.move()) return 0;
      return signal.aborted || !this.#isNeeded() ? FEED_IDLE_MS : CHANGES_MS;
    } catch (error) {
      log.warn({ kind: asFhirError(error).kind }, 'Changes could not be told yet');
      return FEED_IDLE_MS;
    }
  }

  #isNeeded(): boolean {
    const { listeners, dropped } = this.#options.known();
    return dropped.length > 0 || Object.keys(listeners).length > 0;
  }

  /** Deletes what is left of a listener that was dropped. */
  async #deleteDropped(noted: NotedState): Promise<boolean> {
    const [key, ...others] = noted.state.dropped;
    if (key === undefined) return false;
    const { store } = this.#options;
    const left = await store.pendingMessages(topicOf(key), MOST_DELETED);
    const acknowledges = left.map(({ sequence }) => sequence);
    const dropped = left.length < MOST_DELETED ? others : noted.state.dropped;
    await exchangeState(store, noted, { ...noted.state, dropped }, { acknowledges });
    return dropped.length > 0;
  }
}

interface Distributed {
  readonly acknowledges: readonly number[];
  readonly messages: readonly OutboxMessage[];
  readonly state: FeedState;
  /** Of the listeners to whom something is told. */
  readonly keys: ReadonlySet<string>;
}

/** Numbers changes for those who listen for their types: as many messages as have room. */
export function distribute(state: FeedState, pending: readonly PendingMessage[]): Distributed {
  const all = Object.entries(state.listeners);
  const texts = new Map(all.map(([name]) => [name, [] as string[]]));
  const byType = new Map<string, readonly string[][]>();
  const listenersOf = (type: string): readonly string[][] =>
    all.filter(([, { types }]) => types === null || types.includes(type)).map(([name]) => texts.get(name)!);
  const acknowledges: number[] = [];
  let count = 0;
  for (const { sequence, body, others = [] } of pending) {
    if (count >= MOST_TOLD) break;
    acknowledges.push(sequence);
    for (const { type, text } of [body, ...others].flatMap(toldIn)) {
      const wanting = byType.get(type) ?? listenersOf(type);
      byType.set(type, wanting);
      for (const list of wanting) list.push(text);
      count += wanting.length;
    }
  }
  const messages: OutboxMessage[] = [];
  const keys = new Set<string>();
  const listeners = { ...state.listeners };
  for (const [name, listener] of all) {
    const told = texts.get(name)!;
    if (told.length === 0) continue;
    messages.push(...pieceMessages(listener.key, listener.last + 1, told));
    listeners[name] = { ...listener, last: listener.last + told.length };
    keys.add(listener.key);
  }
  return { acknowledges, messages, state: { ...state, listeners }, keys };
}
