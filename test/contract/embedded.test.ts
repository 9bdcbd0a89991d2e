/** The embedded store keeps the store contract; what it promises beyond it is in test/unit/store/embedded. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedded } from '../../src/store/embedded/index.js';
import { placement } from '../support/changes.js';
import { storeContract } from './store-suite.js';

storeContract('embedded', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-test-'));
  const open = () => openEmbedded({ file: join(folder, 'data', 'store'), placement });
  const opened = { store: await open() };
  return {
    store: opened.store,
    reopen: async () => {
      await opened.store.close();
      opened.store = await open();
      return opened.store;
    },
    release: async () => {
      await opened.store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});
