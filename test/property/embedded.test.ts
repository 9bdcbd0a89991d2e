/** The embedded store finds what match finds. */
import { depthOf } from '../support/depth.js';
import { openEmptyEmbedded } from '../support/embedded.js';
import { storeAgreement } from './agreement.js';

storeAgreement('embedded', () => openEmptyEmbedded());
storeAgreement(
  'embedded, every walk in the reader thread, in pieces, and the first way of every plan',
  () => openEmptyEmbedded({ smallWalk: 0, few: 0, piece: 7 }),
  depthOf('RARE_QUERIES'),
  20_231_031,
);
