/** The MongoDB store finds what match finds. */
import { openEmptyMongo } from '../support/mongo-store.js';
import { storeAgreement } from './agreement.js';

storeAgreement('mongo', openEmptyMongo);
