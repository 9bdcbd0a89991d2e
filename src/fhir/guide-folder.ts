/**
 * The folder of guides while it is changed: by one process at a time, and with nothing left in it that the list does not name. And a folder
 * of files, made a package, so that what is kept of a guide is the same whatever it came from.
 */
import { closeSync, existsSync, lstatSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { ConfigError } from '../platform/config.js';
import { makeFolder } from '../platform/folder.js';
import { isProcessAlive } from '../platform/process-alive.js';
import { realPause } from '../platform/real-time.js';
import { FhirError } from './error.js';
import { guideFiles, TEMPORARY } from './guide-files.js';
import type { ListedGuide } from './guide-list.js';
import { PACKAGE_LIMITS } from './package.js';

const BUSY = 'guides.busy';

/** ms between looks whether another process is done. */
const LOOK_AGAIN = 100;

/** Does the work while no other process changes the folder. Throws `unavailable` where one does for longer than `patience` (ms). */
export async function changingGuides<T>(folder: string, work: () => Promise<T>, patience = 0): Promise<T> {
  makeFolder(folder);
  const file = join(folder, BUSY);
  for (let waited = 0; ; waited += LOOK_AGAIN)
    try {
      hold(file);
      break;
    } catch (error) {
      if (!(error instanceof FhirError) || waited >= patience) throw error;
      await realPause(LOOK_AGAIN);
    }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

/** A process that was ended has left its file: it is told from one that is at work by its number. */
function hold(file: string): void {
  for (let attempt = 0; ; attempt++)
    try {
      const handle = openSync(file, 'wx', 0o600);
      writeSync(handle, String(process.pid));
      closeSync(handle);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = holderOf(file);
      if (attempt > 0 || holder === undefined || isProcessAlive(holder))
        throw new FhirError(
          'unavailable',
          `Another process${holder === undefined ? '' : ` (${holder})`} is changing the guides. Try again when it is done; if there is none, delete ${file}.`,
        );
      rmSync(file, { force: true });
    }
}

function holderOf(file: string): number | undefined {
  try {
    const number = Number(readFileSync(file, 'utf8'));
    return Number.isSafeInteger(number) && number > 0 ? number : undefined;
  } catch {
    return undefined;
  }
}

const OURS = /@[^/]*\.[0-9a-f]{16}\.(?:tgz|\d+\.(?:ndjson|whole|index\.json))$/;

/** Deletes what no guide of the list needs: of those that were taken away, of an older format, of work that was ended. */
export function sweepGuides(folder: string, guides: readonly ListedGuide[]): void {
  const needed = new Set(guides.flatMap(guide => Object.values<string>({ ...guideFiles(folder, guide) })));
  for (const name of readdirSync(folder)) {
    const file = join(folder, name);
    if (name.endsWith(TEMPORARY) || (OURS.test(name) && !needed.has(file))) rmSync(file, { force: true });
  }
}

/** Writes the JSON files of a folder, or of its folder `package`, as a package. The same files give the same bytes. Throws ConfigError. */
export async function packFolder(folder: string, to: string): Promise<void> {
  const from = existsSync(join(folder, 'package', 'package.json')) ? join(folder, 'package') : folder;
  if (!existsSync(join(from, 'package.json')))
    throw new ConfigError(`${folder} is no FHIR package: it has no package.json.`);
  const names = readdirSync(from)
    .filter(name => name.endsWith('.json') && !name.startsWith('.'))
    .toSorted((a, b) => Number(b === 'package.json') - Number(a === 'package.json') || (a < b ? -1 : 1));
  // It is open before anything can go wrong, so that whoever takes it away then finds it.
  const file = await open(to, 'w', 0o600);
  try {
    const parts = Readable.from(archive(from, names), { objectMode: false });
    await pipeline(parts, createGzip(), async packed => {
      for await (const part of packed as AsyncIterable<Buffer>) await file.writeFile(part);
    });
  } finally {
    await file.close();
  }
}

const BLOCK_BYTES = 512;

/** Links are not followed: what they lead to is not in the folder. */
async function* archive(folder: string, names: readonly string[]): AsyncGenerator<Buffer> {
  let total = 0;
  for (const name of names) {
    const file = join(folder, name);
    const info = lstatSync(file);
    if (!info.isFile()) continue;
    total += info.size;
    if (info.size > PACKAGE_LIMITS.resource || total > PACKAGE_LIMITS.unpacked)
      throw new ConfigError(`${file} is larger than a package may have.`);
    const bytes = await readFile(file);
    if (Buffer.byteLength(name) > 90) yield* tarEntry('././@LongLink', Buffer.from(`package/${name}\0`), 'L');
    yield* tarEntry(`package/${name}`, bytes, '0');
  }
  yield Buffer.alloc(2 * BLOCK_BYTES);
}

function* tarEntry(name: string, bytes: Buffer, kind: string): Generator<Buffer> {
  const head = Buffer.alloc(BLOCK_BYTES);
  head.write(name, 0, 100);
  head.write('0000644\u00000000000\u00000000000\0', 100);
  head.write(`${bytes.length.toString(8).padStart(11, '0')}\u000000000000000\0        ${kind}`, 124);
  head.write('ustar\u000000', 257);
  const sum = head.reduce((all, byte) => all + byte, 0);
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  yield head;
  yield bytes;
  yield Buffer.alloc((BLOCK_BYTES - (bytes.length % BLOCK_BYTES)) % BLOCK_BYTES);
}
