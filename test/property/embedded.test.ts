/** The embedded store finds what match finds. */
import { openEmptyEmbedded } from '../support/embedded.js';
import { storeAgreement } from './agreement.js';

storeAgreement('embedded', openEmptyEmbedded);
