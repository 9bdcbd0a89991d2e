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

/** The files of a tar archive (`.tgz`, `.tar.gz`): name and text, in the order of the archive. */
export function* readArchive(file: string): Generator<{ name: string; text: string }> {
  for (const { name, bytes } of readArchiveBytes(file)) yield { name, text: bytes.toString('utf8') };
}

/** The same with the bytes as they are. */
export function* readArchiveBytes(file: string): Generator<{ name: string; bytes: Buffer }> {
  const bytes = gunzipSync(readFileSync(file));
  const field = (at: number, length: number): string => bytes.toString('utf8', at, at + length).replace(/\0.*$/s, '');
  let longName: string | undefined;
  for (let at = 0; at + 512 <= bytes.length && bytes[at] !== 0; ) {
    const size = Number.parseInt(field(at + 124, 12), 8);
    const type = field(at + 156, 1);
    const content = bytes.subarray(at + 512, at + 512 + size);
    const prefix = field(at + 345, 155);
    if (type === 'L') longName = content.toString('utf8').replace(/\0.*$/s, '');
    else if (type === 'x') longName = /\d+ path=(.*)\n/.exec(content.toString('utf8'))?.[1];
    else if (type === '0' || type === '') {
      yield { name: longName ?? (prefix ? `${prefix}/` : '') + field(at, 100), bytes: content };
      longName = undefined;
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
}
