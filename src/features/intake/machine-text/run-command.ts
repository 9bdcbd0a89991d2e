/**
 * One run of the command that reads a scan: in a private folder of its own, without what the environment of the server holds, with the least priority, ended with
 * all that it has started when its time or its output is over. What it prints is text of a stranger: it is UTF-8 or nothing, and has no characters that steer.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { realTimeout } from '../../../platform/real-time.js';
import { FILE_PLACE, type ReadingCommand } from './reading-command.js';
import { closeRunFolder, noteStarted, openRunFolder } from './run-folder.js';

export interface RunLimits {
  /** ms */
  readonly time: number;
  /** Bytes of text. */
  readonly output: number;
  readonly signal: AbortSignal;
}

/** `away`: the program could not be started. `no-bytes`: those of the scan are gone or damaged. `stopped`: nobody waits any more. */
export type RunFailure = 'away' | 'exit' | 'time' | 'output' | 'no-bytes' | 'no-text' | 'stopped';
export type RunResult = { readonly text: string } | { readonly failed: RunFailure };

/** A scan for the command. */
export interface ScanBytes {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** As its name ends: some programs go by that. */
  readonly ending: string;
}

/** Throws what reading the bytes throws, and where there is no room for the file. */
export async function runReadingCommand(
  command: ReadingCommand,
  scan: ScanBytes,
  limits: RunLimits,
): Promise<RunResult> {
  const folder = await openRunFolder();
  try {
    const isFile = command.args.some(each => each.includes(FILE_PLACE));
    const file = join(folder, `scan.${scan.ending}`);
    if (isFile) await writeFile(file, scan.bytes, { mode: 0o600 });
    const args = command.args.map(each => each.replaceAll(FILE_PLACE, file));
    return await runIn(folder, { program: command.program, args }, isFile ? undefined : scan.bytes, limits);
  } finally {
    await closeRunFolder(folder);
  }
}

async function runIn(
  folder: string,
  { program, args }: ReadingCommand,
  input: ScanBytes['bytes'] | undefined,
  { time, output, signal }: RunLimits,
): Promise<RunResult> {
  if (signal.aborted) return { failed: 'stopped' };
  const child = spawn(program, args, {
    cwd: folder,
    env: environment(folder, program),
    stdio: ['pipe', 'pipe', 'ignore'],
    // A group of its own, which ends as a whole.
    detached: true,
  });
  let failed: RunFailure | undefined;
  const end = (why: RunFailure): void => {
    failed ??= why;
    killGroup(child);
    child.stdout.destroy();
  };
  const timer = realTimeout(time, () => end('time'));
  const stop = (): void => end('stopped');
  signal.addEventListener('abort', stop);
  const parts: Buffer[] = [];
  let size = 0;
  child.stdout.on('data', (part: Buffer) => {
    size += part.length;
    if (size > output) end('output');
    else parts.push(part);
  });
  const over = settled(child);
  try {
    easy(child);
    if (child.pid !== undefined) await noteStarted(folder, child.pid);
    const fed = feed(child, input);
    const code = await over;
    const trouble = await fed;
    if (failed !== undefined) return { failed };
    if (code === 'away') return { failed: 'away' };
    if (trouble !== undefined) throw trouble;
    return code === 0 ? readText(Buffer.concat(parts)) : { failed: 'exit' };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    killGroup(child);
  }
}

/** Neither tokens nor addresses of the server: where programs are, a language, and a folder that is gone afterwards. */
const environment = (folder: string, program: string): NodeJS.ProcessEnv => ({
  PATH: [dirname(program), process.env['PATH']].filter(each => each !== undefined).join(delimiter),
  LANG: 'C.UTF-8',
  HOME: folder,
  TMPDIR: folder,
  OMP_THREAD_LIMIT: '1',
});

/** Resolves when it has ended and all that it printed was read, or it was not there. A program that left its output to another one ends with itself. */
function settled(child: ChildProcess): Promise<number | 'away' | null> {
  return new Promise(resolve => {
    child.once('error', () => resolve('away'));
    child.once('exit', code => {
      // What it has started may hold its output open for ever.
      killGroup(child);
      if (child.stdout?.closed !== false) resolve(code);
      else child.stdout.once('close', () => resolve(code));
    });
  });
}

/** Hands the bytes over. Gives what reading them threw: a program that has seen enough is no trouble. */
async function feed(child: ChildProcess, input: ScanBytes['bytes'] | undefined): Promise<Error | undefined> {
  const { stdin } = child;
  if (!stdin) return undefined;
  if (!input) {
    stdin.on('error', () => {});
    stdin.end();
    return undefined;
  }
  let trouble: Error | undefined;
  async function* read(bytes: ScanBytes['bytes']): AsyncGenerator<Uint8Array> {
    try {
      yield* bytes;
    } catch (error) {
      trouble = error as Error;
      killGroup(child);
      throw error;
    }
  }
  const closed = once(child, 'exit').then(() => void stdin.destroy());
  closed.catch(() => {});
  // What else fails is the program's, which may end whenever it likes.
  await pipeline(read(input), stdin).catch(() => undefined);
  return trouble;
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // There is nobody left.
  }
}

/** Requests go first. */
function easy({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It has ended, or nobody may.
  }
}

/** What steers a terminal or turns the order of letters around, and what XML does not know. */
// oxlint-disable-next-line no-control-regex
const STEERING =
  /[\u0000-\u0008\u000B\u000E-\u001F\u007F-\u009F\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069\uFFFE\uFFFF]/g;

function readText(bytes: Buffer): RunResult {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { text: text.replaceAll(/\r\n?/g, '\n').replaceAll(STEERING, '').trim() };
  } catch {
    return { failed: 'no-text' };
  }
}
