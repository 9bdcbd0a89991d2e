/**
 * Changes as the feed carries them: in messages of the topic `change`, which a write leaves in its own commit, and in pieces, which
 * the dispatcher leaves for each listener.
 */
import type { Change, Method, OutboxMessage } from '../store/store.js';

/** A version that was written; what it says is read where it is needed. */
export interface FeedChange {
  /** Of this listener: 1, 2, 3 … without a gap. Versions of one resource come in their order. */
  readonly number: number;
  readonly type: string;
  readonly id: string;
  readonly version: number;
  /** DELETE: it is a deletion. */
  readonly method: Method;
  /** Ids of the patients whom it is about. */
  readonly patients: readonly string[];
}

type Told = readonly [type: string, id: string, version: number, method: Method, patients: readonly string[]];

export const CHANGE_TOPIC = 'change';
export const topicOf = (key: string): string => `feed ${key}`;

/** Changes and characters of one message, but for the last change in it. */
const MOST_CHANGES = 64;
const MOST_TEXT = 65_536;

/** Puts texts together to messages of a bounded size. */
function packed(
  head: Omit<OutboxMessage, 'body'>,
  texts: Iterable<string>,
  bodyOf: (joined: string, count: number) => string,
): readonly OutboxMessage[] {
  const messages: OutboxMessage[] = [];
  let held: string[] = [];
  let length = 0;
  const close = (): void => {
    if (held.length > 0) messages.push({ body: bodyOf(held.join(','), held.length), ...head });
    held = [];
    length = 0;
  };
  for (const text of texts) {
    held.push(text);
    length += text.length;
    if (held.length === MOST_CHANGES || length >= MOST_TEXT) close();
  }
  close();
  return messages;
}

/** What a commit leaves of its changes. */
export function changeMessages(changes: readonly Change[]): readonly OutboxMessage[] {
  const texts = changes.map(({ type, id, version, method, patients }) =>
    JSON.stringify([type, id, version, method, patients] satisfies Told),
  );
  // Those of many commits go on in one move.
  return packed({ topic: CHANGE_TOPIC, together: true }, texts, joined => `[${joined}]`);
}

/** The changes in a message, each with its text. */
export const toldIn = (body: string): readonly { readonly type: string; readonly text: string }[] =>
  (JSON.parse(body) as readonly Told[]).map(told => ({ type: told[0], text: JSON.stringify(told) }));

/** The pieces that bring these changes to a listener, numbered from `first` on. */
export function pieceMessages(key: string, first: number, texts: readonly string[]): readonly OutboxMessage[] {
  let next = first;
  return packed({ topic: topicOf(key) }, texts, (joined, count) => {
    const body = `{"first":${next},"changes":[${joined}]}`;
    next += count;
    return body;
  });
}

/** The number of the first change in a piece. */
export const firstOf = (body: string): number => Number(/^\{"first":(\d+)/.exec(body)![1]);

export function changesIn(body: string): readonly FeedChange[] {
  const { first, changes } = JSON.parse(body) as { readonly first: number; readonly changes: readonly Told[] };
  return changes.map(([type, id, version, method, patients], i) => ({
    ...{ number: first + i, type, id, version },
    ...{ method, patients },
  }));
}
