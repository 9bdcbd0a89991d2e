/**
 * The files of a store on the disk: for their owner alone, and the ones that were opened. SQLite goes on with a file that
 * somebody has removed or replaced: what it writes then is gone with the process, so nobody may be told that it is kept.
 */
import { chmodSync, closeSync, openSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FhirError } from '../../fhir/error.js';

/** Bytes that a disk must have left, for the next group of commits to fit. */
export const LEAST_SPACE_BYTES = 1_000_000;

const OWNER_ONLY = 0o600;
/** SQLite gives -wal and -shm the mode of the file; those of an earlier server may have another. */
const STORE_FILES = ['', '-wal', '-shm', '.lock'];

/** Makes the file where it is missing, readable and writable for the owner alone, whatever the umask. */
export function protect(file: string): void {
  closeSync(openSync(file, 'a', OWNER_ONLY));
  for (const suffix of STORE_FILES) {
    const stat = statSync(file + suffix, { throwIfNoEntry: false });
    if (!stat || (stat.mode & 0o777) === OWNER_ONLY) continue;
    try {
      chmodSync(file + suffix, OWNER_ONLY);
    } catch (error) {
      // The file of another user, or a disk without modes: who gave it to us has decided.
      if (!['EPERM', 'EROFS', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
}

/** Makes a new, empty file for the owner alone. Throws `conflict` where there is one. */
export function createOwn(file: string): void {
  try {
    closeSync(openSync(file, 'wx', OWNER_ONLY));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new FhirError('conflict', 'There is a file already where the backup should go. Name another one.');
  }
  chmodSync(file, OWNER_ONLY);
}

/** A file as it was when the store was opened. */
export interface KnownFile {
  readonly path: string;
  readonly device: number;
  readonly inode: number;
}

/** The files without which a commit is lost. They are there as soon as something was read. */
export const knownFiles = (file: string): readonly KnownFile[] =>
  [file, `${file}-wal`].flatMap(path => {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat ? [{ path, device: stat.dev, inode: stat.ino }] : [];
  });

/** Undefined: they are still the same. */
export function lost(known: readonly KnownFile[]): FhirError | undefined {
  const same = known.every(({ path, device, inode }) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat?.ino === inode && stat.dev === device;
  });
  return same
    ? undefined
    : new FhirError(
        'unavailable',
        'The store file was deleted or replaced while the server runs. Put it back, or stop the server and start it on a backup.',
      );
}

/** Throws `no-space` where the disk has too little left for the next commits. */
export async function checkSpace(file: string): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(file));
  if (bavail * bsize < LEAST_SPACE_BYTES)
    throw new FhirError('no-space', 'The disk of the store is full. Free some space and try again.');
}
