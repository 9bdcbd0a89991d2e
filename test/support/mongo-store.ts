/** A MongoDB store on a database of its own, for suites that every store passes. */
import { type MongoOptions, openMongo } from '../../src/store/mongo/index.js';
import type { Open } from '../contract/store-suite.js';
import { layout } from './changes.js';
import { emptyDatabase, giveBack, sharedMongo } from './mongo.js';

/** Skips the test that asks where there is no MongoDB server; the reason has been printed. */
export const openEmptyMongo: Open = test => openMongoWith(test, {});

export const openMongoWith = async (
  test: Parameters<Open>[0],
  options: Omit<MongoOptions, 'url' | 'layout'>,
): ReturnType<Open> => {
  const mongo = await sharedMongo();
  if ('skipped' in mongo) return test.skip();
  const url = await emptyDatabase(mongo);
  const start = async () => {
    const store = await openMongo({ ...options, url, layout });
    await store.migrate();
    return store;
  };
  let store = await start();
  return {
    store,
    async reopen() {
      await store.close();
      store = await start();
      return store;
    },
    async release() {
      await store.close();
      giveBack(url);
    },
  };
};
