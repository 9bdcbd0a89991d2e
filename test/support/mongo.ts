/**
 * The MongoDB server that all suites of one process share: started when the first suite asks, gone with the process.
 * Every suite takes a database of its own.
 */
import { type Mongo, startMongo } from './mongod.js';

let shared: Promise<Mongo | { readonly skipped: string }> | undefined;

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
