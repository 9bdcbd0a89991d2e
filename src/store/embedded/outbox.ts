/** The outbox as SQLite keeps it: messages with a time have indexes of their own, so that no number of late ones is walked over. */
import type { OutboxMessage, PendingMessage } from '../store.js';
import type { Connection, SqlRow } from './connection.js';
import { type Sql, sql } from './sql.js';

/** The first messages of a topic. */
export function pendingStatement(topic: string, limit: number, dueBy?: number): Sql {
  const atOnce = sql`SELECT sequence,topic,body,due FROM outbox WHERE topic=${topic} AND due IS NULL ORDER BY sequence LIMIT ${limit}`;
  const timed =
    dueBy === undefined
      ? sql`SELECT sequence,topic,body,due FROM outbox INDEXED BY outbox_timed WHERE topic=${topic} AND due IS NOT NULL ORDER BY sequence LIMIT ${limit}`
      : sql`SELECT sequence,topic,body,due FROM outbox INDEXED BY outbox_due WHERE topic=${topic} AND due<=${dueBy} ORDER BY due,sequence LIMIT ${limit}`;
  return sql`SELECT * FROM (SELECT * FROM (${atOnce}) UNION ALL SELECT * FROM (${timed})) ORDER BY sequence LIMIT ${limit}`;
}

export const pendingOf = ([sequence, topic, body, due]: SqlRow): PendingMessage => ({
  sequence: sequence as number,
  topic: topic as string,
  body: body as string,
  ...(due === null ? {} : { notBefore: due as number }),
});

export function insertMessages(connection: Connection, messages: readonly OutboxMessage[]): void {
  for (const { topic, body, notBefore } of messages)
    connection.prepare('INSERT INTO outbox(topic,body,due) VALUES(?,?,?)').run(topic, body, notBefore ?? null);
}

/** Whether all of these are pending. */
export const arePending = (connection: Connection, sequences: readonly number[]): boolean =>
  sequences.length === 0 ||
  connection
    .prepare('SELECT count(*) FROM outbox WHERE sequence IN (SELECT value FROM json_each(?))')
    .first(JSON.stringify(sequences))![0] === new Set(sequences).size;

export function deleteMessages(connection: Connection, sequences: readonly number[]): void {
  if (sequences.length > 0)
    connection
      .prepare('DELETE FROM outbox WHERE sequence IN (SELECT value FROM json_each(?))')
      .run(JSON.stringify(sequences));
}
