/**
 * Copies of the store in a new file: consistent as of their start, beside whoever writes, and checked before anyone relies on them.
 * SQLite sees to that whichever process asks, so that a server need not stop for it.
 */
import { rmSync } from 'node:fs';
import { FhirError } from '../../fhir/error.js';
import { type Connection, connect } from './connection.js';
import { fromDriver } from './errors.js';
import { createOwn } from './files.js';

/** Copies the store that is open to a file that must not be there yet. Throws `conflict` where it is. */
export function writeBackup(connection: Connection, to: string): void {
  createOwn(to);
  try {
    connection.prepare('VACUUM INTO ?').run(to);
    const copy = connect(to);
    const [result] = copy.pragma('integrity_check');
    copy.close();
    if (result?.[0] !== 'ok') throw new FhirError('fault', 'The backup is damaged and was removed. Look at the disk.');
  } catch (error) {
    rmSync(to, { force: true });
    throw error;
  }
}

/** The same of a store that another process may have open. */
export function backUpFile(file: string, to: string): void {
  let connection: Connection | undefined;
  try {
    connection = connect(file);
    writeBackup(connection, to);
  } catch (error) {
    throw fromDriver(error);
  } finally {
    connection?.close();
  }
}
