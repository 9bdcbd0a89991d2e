/**
 * The reference data beside the project (`../shared`): published definitions, example resources, packages. It is not a
 * part of the project; a test that needs it is skipped, with the reason printed, where it is missing.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const FOLDER = fileURLToPath(new URL('../../../../shared', import.meta.url));

/** The file or folder of the reference data, or undefined where it is missing. */
export function shared(...path: string[]): string | undefined {
  const at = join(FOLDER, ...path);
  return existsSync(at) ? at : undefined;
}

/** The file or folder of the reference data; skips the running test, saying why, where it is missing. */
export function skipWithout(test: Mocha.Context, ...path: string[]): string {
  const at = shared(...path);
  if (at !== undefined) return at;
  process.stderr.write(`      skipped: ../shared/${path.join('/')} is missing\n`);
  return test.skip();
}

/** The text of a file, unpacked if its name ends in `.gz`. */
export function readText(file: string): string {
  const bytes = readFileSync(file);
  return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
}
