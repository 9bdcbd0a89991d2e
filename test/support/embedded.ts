/** An embedded store in a folder of its own, for suites that every store passes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedOptions, openEmbedded } from '../../src/store/embedded/index.js';
import type { Opened } from '../contract/store-suite.js';
import { layout } from './changes.js';

export async function openEmptyEmbedded(options: Omit<EmbeddedOptions, 'file' | 'layout'> = {}): Promise<Opened> {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-test-'));
  const open = () => openEmbedded({ ...options, file: join(folder, 'data', 'store'), layout });
  let store = await open();
  return {
    store,
    reopen: async () => {
      await store.close();
      store = await open();
      return store;
    },
    release: async () => {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
