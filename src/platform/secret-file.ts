/**
 * Files of secrets that the first start makes. One has its name when it is whole: who starts at the same time would read half of it, and who is
 * killed meanwhile would leave half of it for ever.
 */
import { randomUUID } from 'node:crypto';
import { linkSync, rmSync, writeFileSync } from 'node:fs';

/** Makes the file, for its owner alone, or leaves the one that another process was quicker to make. Throws the system's error. */
export function makeSecretFile(file: string, text: string): void {
  const part = `${file}.${randomUUID()}.part`;
  try {
    writeFileSync(part, text, { mode: 0o600, flag: 'wx', flush: true });
    linkSync(part, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(part, { force: true });
  }
}
