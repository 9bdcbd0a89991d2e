/**
 * Folders of our own: made with access for their owner alone. `mkdir` with `recursive` is not used, because Node never
 * comes back from it where a file system refuses new folders with "does not exist" (/proc).
 */
import { closeSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Makes the folder and those above it that are missing (0700). Throws the system's error, with the path that was refused. */
export function makeFolder(folder: string): void {
  const missing: string[] = [];
  let at = resolve(folder);
  while (!exists(at)) {
    missing.push(at);
    at = dirname(at);
  }
  for (const path of missing.toReversed()) {
    try {
      mkdirSync(path, { mode: 0o700 });
    } catch (error) {
      // Another process that starts at the same time was quicker.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** Whether there is a folder. Throws ENOTDIR where a file stands in its place. */
function exists(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat && !stat.isDirectory())
    throw Object.assign(new Error('A file stands in the place of a folder.'), { code: 'ENOTDIR', path });
  return stat !== undefined;
}

/** Brings a file, or the names in a folder, to the disk. Throws the system's error; does nothing with folders where a system cannot (Windows). */
export function syncToDisk(path: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
