/**
 * `chartroom backup`: a consistent copy of the embedded store, of a server that runs, too; to restore, put it in place as chartroom.db. The audit trail
 * tells of it as of a copy of $backup, once a server looks after the store: the copy is made of what is there, which stays as it is.
 */
import { statSync } from 'node:fs';
import { leaveNote } from '../interactions/told-later.js';
import { ConfigError, isMongo } from '../platform/config.js';
import { hashOfFile } from '../platform/file-hash.js';
import type { Invocation } from './invocation.js';

export async function backup({ config, words, backUp }: Invocation): Promise<number> {
  const [file, ...more] = words;
  if (file === undefined || more.length > 0) throw new ConfigError('chartroom backup needs one file to write.');
  if (isMongo(config)) throw new ConfigError('MongoDB has tools of its own for this: mongodump --oplog, snapshots.');
  await backUp(file);
  leaveNote(config.data, {
    ...{ what: 'data-exported', by: 'backup', lifecycle: 'archive' },
    ...{ sha256: await hashOfFile(file), done: new Date().toISOString(), counts: { bytes: statSync(file).size } },
  });
  process.stdout.write(`Wrote ${file}.\n`);
  return 0;
}
