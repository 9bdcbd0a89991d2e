/**
 * The outbox as MongoDB keeps it. Messages with a time stand under a name of their own beside their topic, so that no number
 * of late ones is walked over, and no other message pays for the order of times.
 */
import type { ClientSession, Filter } from 'mongodb';
import type { OutboxMessage, PendingMessage, StoreWrites } from '../store.js';
import type { Connected } from './connection.js';
import { INDEX, type MessageDocument } from './schema.js';

const TIMED = '\u0001';

/** Characters of messages that share a document: whoever asks for some documents reads few more than he deals with. */
const MOST_TEXT = 8192;

const messageDocument = (_id: number, { topic, body, notBefore }: OutboxMessage): MessageDocument =>
  notBefore === undefined ? { _id, t: topic, b: body } : { _id, t: topic + TIMED, b: body, d: notBefore };

/** The documents of messages that are committed together. */
export class MessageDocuments {
  readonly #documents: MessageDocument[] = [];
  /** By topic: the document that takes what may be put together, and its place. */
  readonly #open = new Map<
    string,
    { readonly at: number; readonly _id: number; readonly b: string[]; length: number }
  >();

  get all(): readonly MessageDocument[] {
    return this.#documents;
  }

  /** `number`: gives the next one, where it needs one. Gives the number that the message has. */
  add(message: OutboxMessage, number: () => number): number {
    const { topic, body, notBefore } = message;
    const together = message.together === true && notBefore === undefined;
    const open = this.#open.get(topic);
    if (together && open && open.length + body.length <= MOST_TEXT) {
      open.b.push(body);
      open.length += body.length;
      this.#documents[open.at] = { _id: open._id, t: topic, b: open.b };
      return open._id;
    }
    const _id = number();
    // Another message of the topic is to stay behind those that are there, and before those that come.
    if (together) this.#open.set(topic, { at: this.#documents.length, _id, b: [body], length: body.length });
    else if (open) this.#open.delete(topic);
    this.#documents.push(messageDocument(_id, message));
    return _id;
  }
}

function messageOf({ _id, t, b, d }: MessageDocument): PendingMessage {
  const topic = d === undefined ? t : t.slice(0, -TIMED.length);
  if (typeof b === 'string') return { sequence: _id, topic, body: b, ...(d === undefined ? {} : { notBefore: d }) };
  const [body = '', ...others] = b;
  return { sequence: _id, topic, body, others };
}

export interface PendingQuery {
  readonly filter: Filter<MessageDocument>;
  readonly options: {
    readonly hint: string;
    readonly sort: Readonly<Record<string, 1>>;
    readonly limit: number;
    readonly batchSize: number;
  };
}

/** The database's own default would be 101. */
const MOST_IN_A_BATCH = 1000;

/** Queries that together have the first messages of a topic among what they find. */
export function pendingQueries(topic: string, limit: number, dueBy?: number): readonly PendingQuery[] {
  const timed = topic + TIMED;
  const batchSize = Math.min(limit, MOST_IN_A_BATCH);
  const inOrder = { hint: INDEX.messages, sort: { _id: 1 }, limit, batchSize } as const;
  // A point for each name: MongoDB merges them in their order, without a sort.
  if (dueBy === undefined) return [{ filter: { t: { $in: [topic, timed] } }, options: inOrder }];
  const due = { hint: INDEX.dueMessages, sort: { d: 1, _id: 1 }, limit, batchSize } as const;
  return [
    { filter: { t: topic }, options: inOrder },
    { filter: { t: timed, d: { $lte: dueBy } }, options: due },
  ];
}

/** Where a message is given, every one that it comes behind is, or is acknowledged: nothing slips in behind the walk. */
const AT_ONCE = { level: 'snapshot' } as const;

/** The first messages of a topic. */
export async function pendingOf(
  { outbox }: Pick<Connected, 'outbox'>,
  maxTimeMS: number,
  ...[topic, limit, dueBy]: Parameters<StoreWrites['pendingMessages']>
): Promise<PendingMessage[]> {
  const found = await Promise.all(
    pendingQueries(topic, limit, dueBy).map(({ filter, options }) =>
      outbox.find(filter, { ...options, maxTimeMS, readConcern: AT_ONCE }).toArray(),
    ),
  );
  const [only, other] = found;
  const rows =
    other === undefined || other.length === 0
      ? only!
      : found
          .flat()
          .toSorted((a, b) => a._id - b._id)
          .slice(0, limit);
  return rows.map(messageOf);
}

/** Those of the messages that are pending, as the transaction sees it. */
export async function stillPending(
  { outbox }: Pick<Connected, 'outbox'>,
  sequences: readonly number[],
  session: ClientSession,
): Promise<ReadonlySet<number>> {
  const rows = await outbox
    .find({ _id: { $in: [...sequences] } }, { session, projection: { _id: 1 }, batchSize: sequences.length + 1 })
    .toArray();
  return new Set(rows.map(({ _id }) => _id));
}
