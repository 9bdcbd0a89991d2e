/**
 * The change feed: whoever listens for types of resources is told each version that is written, once, in order and numbered without a
 * gap, across kills, restarts and processes. A write leaves a message in its own commit while somebody listens for its type
 * (`messages`); the dispatcher gives each listener its own; the listener acknowledges it with the commit that deals with it. Nobody
 * walks along numbers that appear out of order: what is acknowledged is gone, and what is there has still to be done.
 *
 * Audit events are no changes that are told: they are committed beside them.
 */
import { Gauge } from 'prom-client';
import type { Clock } from '../platform/clock.js';
import { newId } from '../platform/ids.js';
import type { Log } from '../platform/log.js';
import type { Metrics } from '../platform/metrics.js';
import { realNow } from '../platform/real-time.js';
import type { Change, OutboxMessage, Store } from '../store/store.js';
import { changeMessages, firstOf, topicOf } from './change.js';
import { Dispatcher } from './dispatcher.js';
import { Listeners, type ListenersGround } from './listeners.js';
import { type Listener, Listening } from './listening.js';
import { type ListenerState, readState } from './state.js';

export interface FeedOptions {
  readonly store: Pick<Store, 'shared' | 'pendingMessages' | 'commit' | 'horizon' | 'acquireLease'>;
  readonly live: ListenersGround['live'];
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'registry'>;
  readonly resourceTypes: readonly string[];
}

const NONE: readonly OutboxMessage[] = [];

export class Feed {
  readonly #options: FeedOptions;
  readonly #listeners: Listeners;
  readonly #dispatcher: Dispatcher;
  /** Those of this process, by name. */
  readonly #here = new Map<string, Listening>();
  /** Whether every process knows of those of this one. */
  readonly #counting = new Map<string, boolean>();
  #ending = new AbortController();
  #started = false;

  /** Before the live tables are loaded: who listens is one of them. */
  constructor(options: FeedOptions) {
    this.#options = options;
    const { store, clock, log, live } = options;
    this.#listeners = new Listeners({ store, clock, live });
    this.#dispatcher = new Dispatcher({
      ...{ store, clock, log },
      known: () => this.#listeners.state,
      told: keys => this.#told(keys),
    });
    measureBacklog(options.metrics, () => this.backlog());
  }

  /** Resolves when what is known of listeners is young enough to write by; undefined: it is. To be asked once the write is stamped. */
  current(): Promise<void> | undefined {
    return this.#listeners.current();
  }

  /** What is committed with these changes. */
  messages(changes: readonly Change[]): readonly OutboxMessage[] {
    const { isEmpty } = this.#listeners;
    if (isEmpty) return NONE;
    const wanted = changes.filter(({ type }) => this.#listeners.wants(type));
    return wanted.length > 0 ? changeMessages(wanted) : NONE;
  }

  /** What `messages` gave is committed. */
  wake(): void {
    this.#dispatcher.wake();
  }

  /**
   * Has a listener of this process told from now on. It is registered for good, whether a process with it runs or not. Resolves when
   * no change is missed that is committed from then on: at once where it has been registered for long, or else when every process
   * knows of it.
   */
  async listen(listener: Listener): Promise<void> {
    this.add(listener);
    await this.#untilCounting(listener.name, await this.#register(listener));
  }

  /** Whether no change is missed any more that this process's listener should be told of. */
  counts(name: string): boolean {
    return this.#counting.get(name) === true;
  }

  /** Has a listener of this process told as soon as it is started: it is registered then. */
  add(listener: Listener): void {
    const { store, clock, log, resourceTypes } = this.#options;
    const { name } = listener;
    checkListener(
      listener,
      resourceTypes,
      [...this.#here.values()].map(each => each.listener),
    );
    const registered = async (): Promise<string> => {
      const state = this.#listeners.of(name) ?? (await this.#register(listener));
      if (!this.#counting.has(name)) void this.#untilCounting(name, state);
      return state.key;
    };
    const listening = new Listening({ store, clock, log, listener, registered });
    this.#here.set(name, listening);
    if (this.#started) listening.start();
  }

  /** Drops a listener, with all that it has not dealt with. False: there is none. */
  async unlisten(name: string): Promise<boolean> {
    const here = this.#here.get(name);
    this.#here.delete(name);
    this.#counting.delete(name);
    await here?.stop();
    let found = false;
    await this.#listeners.change(({ listeners, dropped }) => {
      const { [name]: gone, ...others } = listeners;
      found ||= gone !== undefined;
      return gone && { listeners: others, dropped: [...dropped, gone.key] };
    });
    this.#dispatcher.wake();
    return found;
  }

  /** By name: changes that a listener was told of and has not dealt with. */
  async backlog(): Promise<ReadonlyMap<string, number>> {
    const { store } = this.#options;
    const { state } = await readState(store);
    const counts = Object.entries(state.listeners).map(async ([name, { key, last }]): Promise<[string, number]> => {
      const [next] = await store.pendingMessages(topicOf(key), 1);
      return [name, next ? Math.max(0, last - firstOf(next.body) + 1) : 0];
    });
    return new Map(await Promise.all(counts));
  }

  /** Tells listeners, until `stop`. */
  start(): void {
    this.#started = true;
    if (this.#ending.signal.aborted) this.#ending = new AbortController();
    this.#dispatcher.start();
    for (const listening of this.#here.values()) listening.start();
  }

  /** Ends after what is under way. What is not dealt with stays. */
  async stop(): Promise<void> {
    this.#started = false;
    this.#ending.abort();
    this.#counting.clear();
    await Promise.all([this.#dispatcher.stop(), ...[...this.#here.values()].map(each => each.stop())]);
  }

  async #register(listener: Listener): Promise<ListenerState> {
    const { name } = listener;
    const types = listener.types ?? null;
    const key = newId(realNow());
    const sameTypes = (other: ListenerState['types']): boolean => JSON.stringify(other) === JSON.stringify(types);
    const { listeners } = await this.#listeners.change(state => {
      const before = Object.hasOwn(state.listeners, name) ? state.listeners[name] : undefined;
      if (before && sameTypes(before.types)) return undefined;
      const next: ListenerState = { key, last: 0, ...before, types, since: realNow() };
      return { ...state, listeners: { ...state.listeners, [name]: next } };
    });
    this.#dispatcher.wake();
    return listeners[name]!;
  }

  async #untilCounting(name: string, state: ListenerState): Promise<void> {
    const { signal } = this.#ending;
    this.#counting.set(name, false);
    await this.#listeners.untilKnown(state, realNow(), signal);
    if (!signal.aborted) this.#counting.set(name, true);
  }

  #told(keys: ReadonlySet<string>): void {
    for (const [name, listening] of this.#here) {
      const state = this.#listeners.of(name);
      if (state && keys.has(state.key)) listening.wake();
    }
  }
}

/** Throws an Error for a listener that there cannot be beside these. */
export function checkListener(
  { name, types }: Pick<Listener, 'name' | 'types'>,
  resourceTypes: readonly string[],
  others: readonly Pick<Listener, 'name'>[],
): void {
  if (!/^[a-z][a-z0-9-]*$/.test(name) || others.some(other => other.name === name))
    throw new Error(`There can be no listener, or no other one, with the name ${name}.`);
  const strange = types?.find(type => !resourceTypes.includes(type));
  if (strange !== undefined) throw new Error(`The listener ${name} is for ${strange}, which is no resource type.`);
}

/** Every process tells the same: what is left to do in the whole store. */
const measureBacklog = ({ registry }: Pick<Metrics, 'registry'>, backlog: Feed['backlog']): Gauge =>
  new Gauge({
    name: 'chartroom_feed_backlog',
    help: 'Changes that a listener was told of and has not dealt with, whichever process it is in.',
    labelNames: ['listener'],
    registers: [registry],
    aggregator: 'max',
    async collect() {
      try {
        const counts = await backlog();
        this.reset();
        for (const [listener, count] of counts) this.set({ listener }, count);
      } catch {
        // A store that is away must not keep the other numbers from being told.
        this.reset();
      }
    },
  });
