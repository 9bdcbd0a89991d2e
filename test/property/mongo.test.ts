/** The MongoDB store finds what match finds. */
import { depthOf } from '../support/depth.js';
import { openEmptyMongo, openMongoWith } from '../support/mongo-store.js';
import { storeAgreement } from './agreement.js';

storeAgreement('mongo', openEmptyMongo);
storeAgreement(
  'mongo, the first way of every plan',
  test => openMongoWith(test, { few: 0 }),
  depthOf('RARE_QUERIES'),
  20_231_031,
);
