/** `chartroom <command>` as a process of its own, or as one of many in one process. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { CommandRow } from './commands-program.js';

const PROGRAM = fileURLToPath(new URL('../../../bin/chartroom.js', import.meta.url));

const COMMANDS = fileURLToPath(new URL('../../programs/commands-program.js', import.meta.url));

const running = new Set<ChildProcess>();

/** Ends what a failed test has left running. */
export const endCommands = (): void => running.forEach(child => child.kill('SIGKILL'));
process.once('exit', endCommands);

export interface Ended {
  /** Null: ended by a signal. */
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** `env`: CHARTROOM_… settings; none of them is inherited. `cwd`: the folder that it is started in. */
export function command(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd?: string,
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('CHARTROOM_'));
  const child = spawn(process.execPath, [PROGRAM, ...words], {
    env: { ...Object.fromEntries(inherited), CHARTROOM_LOG: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (text: Buffer) => (out += text.toString()));
  child.stderr.on('data', (text: Buffer) => (err += text.toString()));
  running.add(child);
  const ended = once(child, 'close').then(([status]) => {
    running.delete(child);
    return { status: status as number | null, out, err };
  });
  return { child, ended };
}

/** Commands that end by themselves, one after the other in one process, which takes half a second less for each. */
export function manyCommands(): {
  readonly run: (words: readonly string[], env?: Readonly<Record<string, string>>) => Promise<Ended>;
  readonly end: () => Promise<void>;
} {
  const child = fork(COMMANDS, { env: {}, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  running.add(child);
  const gone = once(child, 'exit').then(() => void running.delete(child));
  return {
    async run(words, env = {}) {
      child.send({ words, env: { CHARTROOM_LOG: 'warn', ...env } } satisfies CommandRow);
      const ended = once(child, 'message').then(([message]) => message as Ended);
      const early = gone.then(() => {
        throw new Error(`The process of all commands ended in: chartroom ${words.join(' ')}`);
      });
      return Promise.race([ended, early]);
    },
    async end() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
