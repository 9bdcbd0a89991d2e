/** Leases of processes that a test has killed or stopped: ended in the database, not waited out. */
import { MongoClient } from 'mongodb';

/** The process that is dead, or for others as if it were, works on no jobs any more. `store`: what `newStore` gave. */
export const endJobLease = (store: string): Promise<void> => endLease(store, 'jobs');

/** The same of another task: `feed` is told by nobody any more. */
export async function endLease(store: string, task: string): Promise<void> {
  if (store === 'embedded') return;
  const client = new MongoClient(store);
  try {
    const facts = client.db().collection<{ _id: string; ends: Date }>('fact');
    await facts.updateOne({ _id: `task/${task}` }, { $set: { ends: new Date(0) } });
  } finally {
    await client.close();
  }
}
