/**
 * One process at a time: the lock of a second, empty SQLite file beside the store, held for as long as the store is
 * open. The operating system releases it with the process, however that ends.
 */
import { FhirError } from '../../fhir/error.js';
import { type Connection, connect } from './driver.js';
import { fromDriver, resultCode } from './errors.js';

/** Milliseconds: enough for a predecessor that is just ending. */
const PATIENCE = 1000;

/** Throws `unavailable` if another process has the store open. */
export function lock(file: string): () => void {
  let connection: Connection | undefined;
  try {
    connection = connect(`${file}.lock`, [], PATIENCE);
    connection.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    connection?.close();
    if (resultCode(error) !== 5) throw fromDriver(error);
    throw new FhirError(
      'unavailable',
      'Another process has the store open. Stop that server, go through it, or name another data folder.',
      { cause: error },
    );
  }
  const held = connection;
  return () => {
    // A driver may keep the file open until its statements are collected: the lock must not wait for that.
    held.exec('ROLLBACK');
    held.close();
  };
}
