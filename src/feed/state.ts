/**
 * Who listens, and how far each one's numbers are: one message of the topic `feed`. Whoever changes it acknowledges the one that
 * he has read and leaves the next in the same commit, so that of two who know the same state one goes on and the other one has to
 * look again. The first ones of two processes may meet: whoever reads both puts them together.
 */
import type { OutboxMessage, Store } from '../store/store.js';

export const STATE_TOPIC = 'feed';
/** More than there will ever be at once. */
const MOST_STATES = 100;

export interface ListenerState {
  /** Names the listener's messages: another one, should it ever come back under its name, has others. */
  readonly key: string;
  /** Null: all types. */
  readonly types: readonly string[] | null;
  /** The last number that was given. */
  readonly last: number;
  /** ms since 1970, of the machine: when it was registered. */
  readonly since: number;
}

export interface FeedState {
  readonly listeners: Readonly<Record<string, ListenerState>>;
  /** Keys of listeners that are gone, whose messages are still there. */
  readonly dropped: readonly string[];
}

export interface NotedState {
  readonly state: FeedState;
  /** Messages that it stands in. */
  readonly sequences: readonly number[];
}

export const NO_LISTENERS: FeedState = { listeners: {}, dropped: [] };

export async function readState(store: Pick<Store, 'pendingMessages'>): Promise<NotedState> {
  const messages = await store.pendingMessages(STATE_TOPIC, MOST_STATES);
  return {
    state: messages.map(({ body }) => JSON.parse(body) as FeedState).reduce(together, NO_LISTENERS),
    sequences: messages.map(({ sequence }) => sequence),
  };
}

export const stateMessage = (state: FeedState): OutboxMessage => ({ topic: STATE_TOPIC, body: JSON.stringify(state) });

/** Commits what follows from the state, with the state that follows it. A `conflict`: it is not the state any more. */
export const exchangeState = (
  store: Pick<Store, 'commit'>,
  { sequences }: NotedState,
  next: FeedState,
  beside: { readonly acknowledges?: readonly number[]; readonly messages?: readonly OutboxMessage[] } = {},
): Promise<void> =>
  store.commit({
    changes: [],
    acknowledges: [...sequences, ...(beside.acknowledges ?? [])],
    // Last of all, so that whatever is numbered next comes behind these messages.
    messages: [...(beside.messages ?? []), stateMessage(next)],
  });

/** Of a listener that both have, the one counts who was told something already: nobody has ever told the other one. */
export function together(one: FeedState, other: FeedState): FeedState {
  const listeners = { ...one.listeners };
  const dropped = new Set([...one.dropped, ...other.dropped]);
  for (const [name, listener] of Object.entries(other.listeners)) {
    const before = Object.hasOwn(listeners, name) ? listeners[name] : undefined;
    listeners[name] = before && before.last >= listener.last ? before : listener;
    if (before && before.key !== listener.key) dropped.add(listeners[name] === before ? listener.key : before.key);
  }
  return { listeners, dropped: [...dropped] };
}
