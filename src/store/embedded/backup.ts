/**
 * Copies of the store in a new file: consistent as of their start, beside whoever writes, and checked before anyone relies on them.
 * SQLite sees to that whichever process asks, so that a server need not stop for it.
 */
import { rmSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { FhirError } from '../../fhir/error.js';
import { type Connection, connect } from './connection.js';
import { fromDriver } from './errors.js';
import { createOwn, LEAST_SPACE_BYTES } from './files.js';

/** Copies the store that is open to a file that must not be there yet. Throws `conflict` where it is. */
export function writeBackup(connection: Connection, to: string): void {
  createOwn(to);
  try {
    checkRoom(connection, to);
    connection.prepare('VACUUM INTO ?').run(to);
    if (!isWhole(connection, to))
      throw new FhirError('fault', 'The backup is damaged and was removed. Look at the disk.');
  } catch (error) {
    rmSync(to, { force: true });
    throw error;
  }
}

/** Throws `no-space` where the copy would fill its disk, which may be that of the store. */
function checkRoom(connection: Connection, to: string): void {
  const [pages] = connection.pragma('page_count');
  const [bytes] = connection.pragma('page_size');
  const { bavail, bsize } = statfsSync(dirname(to));
  if (bavail * bsize < Number(pages?.[0]) * Number(bytes?.[0]) * 1.1 + LEAST_SPACE_BYTES)
    throw new FhirError('no-space', 'The disk has no room for a copy of the store. Free some space and try again.');
}

/** A connection of its own would keep the file open, and its space taken, until a driver's statements are collected. */
function isWhole(connection: Connection, copy: string): boolean {
  connection.prepare('ATTACH ? AS copy').run(copy);
  try {
    return connection.pragma('copy.integrity_check')[0]?.[0] === 'ok';
  } finally {
    connection.exec('DETACH copy');
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
