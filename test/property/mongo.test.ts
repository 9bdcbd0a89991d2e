/** The MongoDB store finds what match finds. */
import { openEmptyMongo, openMongoWith } from '../support/mongo-store.js';
import { storeAgreement } from './agreement.js';

storeAgreement('mongo', openEmptyMongo);
storeAgreement('mongo, the first way of every plan', test => openMongoWith(test, { few: 0 }), 2000, 20_231_031);
