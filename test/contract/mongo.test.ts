/** The MongoDB store keeps the store contract. */
import { openEmptyMongo } from '../support/mongo-store.js';
import { storeContract } from './store-suite.js';

storeContract('mongo', openEmptyMongo);
