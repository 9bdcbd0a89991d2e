/**
 * Who listens, as this process knows it: a table that every process knows (live/live-tables.ts). A listener counts when all do; what
 * one of them writes by older knowledge has been stamped before, so that no horizon passes it as long as it may still come.
 */
import type { TopicTable } from '../live/live-table.js';
import { KNOWN_MS, type LiveTables, SLOW_MS } from '../live/live-tables.js';
import { createKeyedMutex } from '../platform/keyed-mutex.js';
import { realPause } from '../platform/real-time.js';
import type { Clock } from '../platform/clock.js';
import { untilUncontested } from '../store/outbox.js';
import type { OutboxMessage, Store } from '../store/store.js';
import {
  exchangeState,
  type FeedState,
  type ListenerState,
  NO_LISTENERS,
  readState,
  STATE_TOPIC,
  together,
} from './state.js';

const TABLE = 'feed';
/** The server's clock may stand still, and with it the horizon: then this is long enough for any commit. */
const SETTLED_MS = 60_000;

export interface ListenersGround {
  readonly store: Pick<Store, 'shared' | 'pendingMessages' | 'commit' | 'horizon'>;
  readonly live: Pick<LiveTables, 'add' | 'messages' | 'committed' | 'current'>;
  readonly clock: Pick<Clock, 'now'>;
}

export class Listeners {
  readonly #ground: ListenersGround;
  readonly #mutex = createKeyedMutex();
  #state = NO_LISTENERS;
  #wanted: ReadonlySet<string> | 'all' = new Set<string>();

  /** Before the tables are loaded. */
  constructor(ground: ListenersGround) {
    this.#ground = ground;
    const table: TopicTable<FeedState> = {
      ...{ name: TABLE, topic: STATE_TOPIC },
      entry: body => JSON.parse(body) as FeedState,
      exchange: states => this.#take([...states.values()].reduce(together, NO_LISTENERS)),
    };
    ground.live.add(table);
  }

  /** As last read. */
  get state(): FeedState {
    return this.#state;
  }

  get isEmpty(): boolean {
    return this.#wanted !== 'all' && this.#wanted.size === 0;
  }

  /** Whether somebody listens for the type. */
  wants(type: string): boolean {
    return this.#wanted === 'all' || this.#wanted.has(type);
  }

  of(name: string): ListenerState | undefined {
    return Object.hasOwn(this.#state.listeners, name) ? this.#state.listeners[name] : undefined;
  }

  /** Resolves when what is known here is young enough to write by; undefined: it is. */
  current(): Promise<void> | undefined {
    return this.#ground.store.shared ? this.#ground.live.current() : undefined;
  }

  /** Commits what `change` makes of the state; undefined: it is right as it is. Gives the state as it is then. */
  change(change: (state: FeedState) => FeedState | undefined): Promise<FeedState> {
    const { store, live } = this.#ground;
    const exchange = (noted: Parameters<typeof exchangeState>[1], next: FeedState): Promise<void> => {
      const messages: readonly OutboxMessage[] = live.messages(TABLE, ['state']);
      return exchangeState(store, noted, next, { messages });
    };
    return this.#mutex('state', async () => {
      const state = await untilUncontested(async () => {
        const noted = await readState(store);
        const next = change(noted.state);
        if (next === undefined && noted.sequences.length <= 1) return noted.state;
        await exchange(noted, next ?? noted.state);
        // Another process may have begun at the same time: what counts is one state that both are in.
        const now = await readState(store);
        if (now.sequences.length > 1) await exchange(now, now.state);
        return now.state;
      });
      await live.committed(TABLE, ['state']);
      return state;
    });
  }

  /** Resolves when every change that is committed from then on is told to a listener who was registered before that real time. */
  async untilKnown({ since }: Pick<ListenerState, 'since'>, realTime: number, signal: AbortSignal): Promise<void> {
    const { store, clock } = this.#ground;
    if (realTime - since > SETTLED_MS) return;
    const registered = clock.now();
    const started = performance.now();
    if (store.shared) await realPause(KNOWN_MS, signal);
    // What is stamped later is told by whoever has looked.
    const passed = registered + (store.shared ? KNOWN_MS - SLOW_MS : 0);
    while (!signal.aborted && store.horizon() <= passed && performance.now() - started < SETTLED_MS)
      await realPause(5, signal);
  }

  #take(state: FeedState): void {
    this.#state = state;
    const all = Object.values(state.listeners).map(({ types }) => types);
    this.#wanted = all.includes(null) ? 'all' : new Set(all.flatMap(types => types ?? []));
  }
}
