/**
 * The MongoDB server that all suites of one process share: started when the first suite asks, gone with the process.
 * Every suite takes a database of its own. To make one with its collections and indexes takes MongoDB a tenth of a second, to
 * empty one much less: those that are given back are used again.
 */
import { randomBytes } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { collections } from '../../src/store/mongo/schema.js';
import { atFileEnd } from './file-end.js';
import { type Mongo, startMongo } from './mongod.js';

let shared: Promise<Mongo | { readonly skipped: string }> | undefined;

/** Connection strings of databases that nobody has open any more. */
const given: string[] = [];
/** A database with more documents costs more to empty than to make. */
const MOST_DOCUMENTS = 1000;

/** The shared server. Without one the calling suite must skip itself: `skipped` has been printed already. */
export function sharedMongo(): Promise<Mongo | { readonly skipped: string }> {
  shared ??= startMongo().then(mongo => {
    // oxlint-disable-next-line no-console -- the run says which server it tests with, or why it skips
    console.warn(
      'skipped' in mongo ? `MongoDB suites skipped: ${mongo.skipped}` : `MongoDB suites run on ${mongo.description}`,
    );
    return mongo;
  });
  return shared;
}

/** Ends it. Without this it is killed when the process ends. */
export async function stopSharedMongo(): Promise<void> {
  const mongo = await shared?.catch(() => undefined);
  if (mongo && 'stop' in mongo) await mongo.stop();
}

/** Whether servers of an earlier test file may have died in transactions, which MongoDB keeps for a minute, and with them what they have locked. */
let mayBeLocked = false;
atFileEnd(() => {
  mayBeLocked = true;
});

/** The connection string of a database of the shared server in which there is nothing; it may have been another suite's. */
export async function emptyDatabase(mongo: Mongo): Promise<string> {
  if (mayBeLocked && given.length > 0) {
    mayBeLocked = false;
    await endTransactions(given.at(-1)!);
  }
  for (let url = given.pop(); url !== undefined; url = given.pop()) if (await empty(url)) return url;
  return mongo.database(`suite_${randomBytes(4).toString('hex')}`);
}

async function endTransactions(url: string): Promise<void> {
  const client = new MongoClient(url);
  try {
    await client.db('admin').command({ killAllSessions: [] });
  } finally {
    await client.close();
  }
}

/** Says that nobody has the database open any more, or will open it by its name. */
export const giveBack = (url: string): void => void given.push(url);

/** False: it has been dropped, because there is too much in it, or something else than a store has. */
async function empty(url: string): Promise<boolean> {
  const client = new MongoClient(url);
  try {
    const db = client.db();
    const [{ objects }, found] = await Promise.all([db.stats(), db.listCollections({}, { nameOnly: true }).toArray()]);
    const own = Object.values(collections(db));
    const names = new Set(own.map(({ collectionName }) => collectionName));
    if (
      Number(objects) > MOST_DOCUMENTS ||
      found.length !== own.length ||
      !found.every(({ name }) => names.has(name))
    ) {
      await db.dropDatabase();
      return false;
    }
    await Promise.all(own.map(each => db.collection(each.collectionName).deleteMany({})));
    // Plans are kept by the shape of a query, whatever was there when they were chosen.
    await Promise.all(own.map(each => db.command({ planCacheClear: each.collectionName })));
    return true;
  } finally {
    await client.close();
  }
}
