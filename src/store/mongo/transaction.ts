/**
 * One transaction, repeated as the driver's labels say and by nothing else: a transient error repeats the whole body, an
 * unknown result of the commit repeats the commit.
 * https://www.mongodb.com/docs/manual/core/transactions-in-applications/
 */
import type { ClientSession, MongoClient } from 'mongodb';
import { realPause } from '../../platform/real-time.js';
import { DURABLE } from './connection.js';
import { hasLabel, isWithoutServer, isWriteConflict, unconfirmed } from './errors.js';

const PATIENCE_MS = 10_000;

/**
 * Runs `body` in a transaction with snapshot reads, durable on a majority when it resolves. `body` may run several
 * times; false: there is nothing to commit. `conflictPatience`: ms of trying again while another transaction holds a
 * document.
 */
export async function transact(
  client: MongoClient,
  conflictPatience: number,
  body: (session: ClientSession) => Promise<boolean>,
): Promise<void> {
  const started = performance.now();
  const session = client.startSession();
  try {
    for (let attempt = 0; ; attempt++) {
      session.startTransaction({ readConcern: { level: 'snapshot' }, writeConcern: DURABLE });
      try {
        if (!(await body(session))) {
          await session.abortTransaction();
          return;
        }
        await commit(session, started);
        return;
      } catch (error) {
        if (session.inTransaction()) await session.abortTransaction().catch(() => {});
        // An error without a server has waited long enough.
        const again = hasLabel(error, 'TransientTransactionError') && !isWithoutServer(error);
        const patience = isWriteConflict(error) ? conflictPatience : PATIENCE_MS;
        if (!again || performance.now() - started > patience) throw error;
        await realPause(Math.random() * Math.min(100, 2 ** attempt));
      }
    }
  } finally {
    await session.endSession().catch(() => {});
  }
}

async function commit(session: ClientSession, started: number): Promise<void> {
  for (;;)
    try {
      await session.commitTransaction();
      return;
    } catch (error) {
      if (!hasLabel(error, 'UnknownTransactionCommitResult')) throw error;
      if (performance.now() - started > PATIENCE_MS || isWithoutServer(error)) throw unconfirmed(error);
    }
}
