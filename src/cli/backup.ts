/** `chartroom backup`: a consistent copy of the embedded store, of a server that runs, too; to restore, put it in place as chartroom.db. */
import { ConfigError, isMongo } from '../platform/config.js';
import type { Invocation } from './invocation.js';

export async function backup({ config, words, backUp }: Invocation): Promise<number> {
  const [file, ...more] = words;
  if (file === undefined || more.length > 0) throw new ConfigError('chartroom backup needs one file to write.');
  if (isMongo(config)) throw new ConfigError('MongoDB has tools of its own for this: mongodump --oplog, snapshots.');
  await backUp(file);
  process.stdout.write(`Wrote ${file}.\n`);
  return 0;
}
