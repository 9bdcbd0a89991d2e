/** The embedded store keeps the store contract; what it promises beyond it is in test/unit/store/embedded. */
import { openEmptyEmbedded } from '../support/embedded.js';
import { storeContract } from './store-suite.js';

storeContract('embedded', () => openEmptyEmbedded());
