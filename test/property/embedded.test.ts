/** The embedded store finds what match finds. */
import { openEmptyEmbedded } from '../support/embedded.js';
import { storeAgreement } from './agreement.js';

storeAgreement('embedded', () => openEmptyEmbedded());
storeAgreement(
  'embedded, every walk in the reader thread, in pieces, and the first way of every plan',
  () => openEmptyEmbedded({ smallWalk: 0, few: 0, piece: 7 }),
  2000,
  20_231_031,
);
