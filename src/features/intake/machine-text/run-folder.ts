/**
 * The private folder of a run, with a copy of a scan in it. A server that is killed leaves it, and a program that nobody ends any more: the next run, of whatever
 * server of this machine, ends and removes them. The name of a folder says whose it is, and a file in it which program was started there.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { isProcessAlive } from '../../../platform/process-alive.js';

const PREFIX = 'chartroom-reading-';
const OF_PROCESS = /^chartroom-reading-(\d+)-/;
const STARTED = '.started';

/** Names of those that runs of this process have. */
const own = new Set<string>();

export async function openRunFolder(): Promise<string> {
  await removeLeft();
  const folder = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
  own.add(basename(folder));
  return folder;
}

export async function closeRunFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  own.delete(basename(folder));
}

/** `pid`: of a program whose HOME is the folder, and who leads a group. Where it has removed the folder already, there is nothing to note. */
export const noteStarted = (folder: string, pid: number): Promise<void> =>
  writeFile(join(folder, STARTED), String(pid), { mode: 0o600 }).catch(() => undefined);

async function removeLeft(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = Number(OF_PROCESS.exec(name)?.[1]);
    if (!pid || own.has(name) || (pid !== process.pid && isProcessAlive(pid))) continue;
    const folder = join(tmpdir(), name);
    try {
      await endStarted(folder);
      await rm(folder, { recursive: true, force: true });
    } catch {
      // It is of another user.
    }
  }
}

/** Where a program has taken the number of the one that was started, its environment tells. */
async function endStarted(folder: string): Promise<void> {
  const pid = Number(await readFile(join(folder, STARTED), 'utf8').catch(() => ''));
  if (!(pid > 1)) return;
  const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
  if (environment.split('\0').includes(`HOME=${folder}`)) process.kill(-pid, 'SIGKILL');
}
