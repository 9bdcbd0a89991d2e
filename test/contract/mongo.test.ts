/** The MongoDB store keeps the contract of the store port. Skipped, with the reason printed, where there is no mongod. */
import { openMongo } from '../../src/store/mongo/index.js';
import type { Store } from '../../src/store/store.js';
import { placement } from '../support/changes.js';
import { sharedMongo } from '../support/mongo.js';
import { type Open, storeContract } from './store-suite.js';

let databases = 0;

const open: Open = async test => {
  const mongo = await sharedMongo();
  if ('skipped' in mongo) return test.skip();
  const url = mongo.database(`contract-${++databases}`);
  const start = async (): Promise<Store> => {
    const store = await openMongo({ url, placement });
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
    release: () => store.close(),
  };
};

storeContract('mongo', open);
