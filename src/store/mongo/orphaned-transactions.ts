/**
 * Transactions of server processes that are no more. MongoDB keeps the transaction of a client that was killed for a minute,
 * and with it the documents that it had written. Whoever waits for such a document has them looked up and ended.
 * https://www.mongodb.com/docs/manual/reference/operator/aggregation/currentOp/,
 * https://www.mongodb.com/docs/manual/reference/command/killSessions/
 *
 * A transaction of a living process rests for milliseconds between two commands. One that has rested for a second and whose
 * connection is closed is dead; one that has rested for long is as good as dead: should its process go on after all, its
 * commit fails with a label by which it starts again. Both commands see the sessions of our own database user alone and
 * need no privilege; where they are refused all the same, the minute is waited for.
 */
import type { Document, UUID } from 'mongodb';
import { APP_NAME, type Connected } from './connection.js';

const REST_MS = 1000;
const LONG_REST_MS = 10_000;
/** Between two looks. */
const PAUSE_MS = 1000;

interface CurrentOperation {
  readonly type?: string;
  readonly appName?: string;
  /** Address of the connection. */
  readonly client?: string;
  readonly lsid?: { readonly id: UUID };
  readonly transaction?: { readonly timeInactiveMicros?: number };
}

/** Ends transactions that have rested for as many ms as `patience` says of a process that lives, or does not. */
async function endTransactions(
  connected: () => Promise<Connected>,
  patience: { readonly living: number; readonly dead: number },
): Promise<void> {
  const { client } = await connected();
  const admin = client.db('admin');
  const all = await admin
    .aggregate<CurrentOperation & Document>(
      [
        { $currentOp: { idleSessions: true, idleConnections: true, allUsers: false } },
        { $match: { appName: APP_NAME } },
        { $project: { type: 1, appName: 1, client: 1, lsid: 1, 'transaction.timeInactiveMicros': 1 } },
      ],
      // A session is named by a UUID, not by its bytes.
      { promoteBuffers: false },
    )
    .toArray();
  const connections = new Set(all.filter(({ type }) => type !== 'idleSession').map(each => each.client));
  const dead = all.filter(({ type, client: from, transaction }) => {
    if (type !== 'idleSession') return false;
    const rest = (transaction?.timeInactiveMicros ?? 0) / 1000;
    return rest > patience.living || (rest > patience.dead && !connections.has(from));
  });
  const sessions = dead.flatMap(({ lsid }) => (lsid ? [{ id: lsid.id }] : []));
  if (sessions.length > 0) await admin.command({ killSessions: sessions });
}

/** Ends those that have rested for so many ms, whosever they are. Rejects where that is refused. */
export const endResting = (connected: () => Promise<Connected>, ms: number): Promise<void> =>
  endTransactions(connected, { living: ms, dead: ms });

/** Looks in the background, at most once a second. Never rejects. */
export function endOrphanedTransactions(connected: () => Promise<Connected>): () => void {
  let last = -Infinity;
  return () => {
    if (performance.now() - last < PAUSE_MS) return;
    last = performance.now();
    endTransactions(connected, { living: LONG_REST_MS, dead: REST_MS }).catch(() => {});
  };
}
