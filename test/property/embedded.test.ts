/** The embedded store finds what match finds. */
import { openEmptyEmbedded } from '../support/embedded.js';
import { storeAgreement } from './agreement.js';

storeAgreement('embedded', () => openEmptyEmbedded());
storeAgreement(
  'embedded, every walk in the reader thread',
  () => openEmptyEmbedded({ smallWalk: 0 }),
  2000,
  20_231_031,
);
