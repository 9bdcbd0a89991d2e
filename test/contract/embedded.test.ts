/** The embedded store keeps the store contract; what it promises beside it is in embedded-*.test.ts. */
import { openEmptyEmbedded } from '../support/embedded.js';
import { storeContract } from './store-suite.js';

storeContract('embedded', () => openEmptyEmbedded());
