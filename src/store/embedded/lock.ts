/**
 * One process at a time: the lock of a second, empty SQLite file beside the store, held for as long as the store is
 * open. The operating system releases it with the process, however that ends.
 */
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { FhirError } from '../../fhir/error.js';
import { type Connection, connect } from './connection.js';
import { fromDriver, resultCode } from './errors.js';

/** Milliseconds: enough for a predecessor that is just ending. */
const LOCK_PATIENCE_MS = 1000;

/** Throws `unavailable` if another process has the store open, or the system's error where there can be no file. */
export function lock(file: string): () => void {
  // SQLite gives its journal the mode of the file.
  closeSync(openSync(`${file}.lock`, 'a', 0o600));
  let connection: Connection | undefined;
  try {
    connection = connect(`${file}.lock`, [], LOCK_PATIENCE_MS);
    connection.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    connection?.close();
    if (resultCode(error) !== 5) throw fromDriver(error);
    throw new FhirError(
      'unavailable',
      `Another process${holder(file)} has the store in ${resolve(dirname(file))} open. Stop that server, go through it, or name another data folder.`,
      { cause: error },
    );
  }
  const held = connection;
  writeFileSync(pidFile(file), String(process.pid), { mode: 0o600 });
  return () => {
    rmSync(pidFile(file), { force: true });
    // A driver may keep the file open until its statements are collected: the lock must not wait for that.
    held.exec('ROLLBACK');
    held.close();
  };
}

/** Who has the store open, for people alone: the lock is what counts. */
const pidFile = (file: string): string => `${file}.pid`;

function holder(file: string): string {
  try {
    return ` (${readFileSync(pidFile(file), 'utf8').trim()})`;
  } catch {
    return '';
  }
}
