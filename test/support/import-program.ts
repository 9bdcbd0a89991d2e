/**
 * `chartroom import` as a process that tells its progress every few milliseconds, so that a test can stop it at any point. Settings come
 * from the environment, files and folders as arguments.
 */
import { noUsers } from './no-users.js';
import { importFiles } from '../../src/cli/import.js';
import { open } from '../../src/main.js';
import { loadConfig } from '../../src/platform/config.js';

const config = loadConfig({ flags: {}, env: process.env });
process.exitCode = await importFiles({
  config,
  words: process.argv.slice(2),
  options: {},
  open: () => open(config),
  backUp: async () => {},
  openUsers: noUsers,
  acceptGuides: async () => {},
  openValidator: async () => {
    throw new Error('no validator');
  },
  progress: { every: 2, out: process.stdout },
});
