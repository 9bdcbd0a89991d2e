/**
 * `chartroom backup`: a consistent copy of the embedded store, of a server that runs, too; to restore, put it in place as chartroom.db. The audit trail
 * tells of it as of a copy of $backup, once a server looks after the store: the copy is made of what is there, which stays as it is.
 * It gets its name when the note is left: there is no copy of which nothing tells.
 */
import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { FhirError } from '../fhir/error.js';
import { leaveNote } from '../interactions/told-later.js';
import { ConfigError, isMongo } from '../platform/config.js';
import { hashOfFile } from '../platform/file-hash.js';
import { syncToDisk } from '../platform/folder.js';
import { realNow } from '../platform/real-time.js';
import type { Invocation } from './invocation.js';

export async function backup({ config, words, backUp }: Invocation): Promise<number> {
  const [file, ...more] = words;
  if (file === undefined || more.length > 0) throw new ConfigError('chartroom backup needs one file to write.');
  if (isMongo(config)) throw new ConfigError('MongoDB has tools of its own for this: mongodump --oplog, snapshots.');
  refuseToReplace(file);
  const part = `${file}.part`;
  if (existsSync(part))
    throw new FhirError(
      'conflict',
      `${part} is there: another backup is under way, or was broken off. If none is, remove it and try again.`,
    );
  await backUp(part);
  try {
    syncToDisk(part);
    leaveNote(config.data, {
      ...{ what: 'data-exported', by: 'backup', lifecycle: 'archive' },
      ...{
        sha256: await hashOfFile(part),
        done: new Date(realNow()).toISOString(),
        counts: { bytes: statSync(part).size },
      },
    });
    refuseToReplace(file);
    renameSync(part, file);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
  syncToDisk(dirname(resolve(file)));
  process.stdout.write(`Wrote ${file}.\n`);
  return 0;
}

/** Throws `conflict`. */
function refuseToReplace(file: string): void {
  if (existsSync(file)) throw new FhirError('conflict', `${file} is there already: a backup is a new file.`);
}
