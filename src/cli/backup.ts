/** `chartroom backup`: a consistent copy of the embedded store; to restore, put it in place as chartroom.db. */
import { ConfigError } from '../platform/config.js';
import type { Invocation } from './invocation.js';

export async function backup({ words, open }: Invocation): Promise<number> {
  const [file, ...more] = words;
  if (file === undefined || more.length > 0) throw new ConfigError('chartroom backup needs one file to write.');
  const engine = await open();
  try {
    if (!engine.store.backup)
      throw new ConfigError('MongoDB has tools of its own for this: mongodump --oplog, snapshots.');
    await engine.store.backup(file);
    process.stdout.write(`Wrote ${file}.\n`);
    return 0;
  } finally {
    await engine.store.close();
  }
}
