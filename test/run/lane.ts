/**
 * One lane of a test run: a process that runs one test file after the other, and is replaced when it dies of one. Its
 * output goes to a file and is read when a test file is through, so that lanes do not write into each other's lines and a
 * dying process loses none of its own.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readSync, unlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { costOf } from '../support/cost.js';

/** What one test file came to. */
export interface Verdict {
  readonly passing: number;
  readonly pending: number;
  readonly failing: number;
  /** The failures in full, as mocha prints them; empty if there are none. */
  readonly failures: string;
  readonly milliseconds: number;
}

/** And what it cost: µs of CPU of the process and of all that it started, MongoDB's too; undefined where that cannot be known. */
export type CountedVerdict = Verdict & { readonly cpu: number | undefined; readonly output: string };

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));

export class Lane {
  readonly #file: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #output: number;
  #read = 0;
  #process: ChildProcess | undefined;

  /** `file`: where the output goes; it is gone when the lane ends. */
  constructor(file: string, env: NodeJS.ProcessEnv) {
    this.#file = file;
    this.#env = env;
    this.#output = openSync(file, 'a+');
  }

  /** Runs one file. Never rejects: a process that dies counts as one failure. */
  async run(path: string): Promise<CountedVerdict> {
    const started = performance.now();
    this.#process ??= fork(WORKER, { env: this.#env, stdio: ['ignore', this.#output, this.#output, 'ipc'] });
    const worker = this.#process;
    const before = costOf(worker.pid)?.cpu ?? 0;
    const settled = new AbortController();
    const { signal } = settled;
    worker.send(path, () => undefined);
    const verdict = await Promise.race([
      once(worker, 'message', { signal }).then(([message]) => message as Verdict),
      once(worker, 'exit', { signal }).then(([code, killer]) => {
        this.#process = undefined;
        return {
          ...{ passing: 0, pending: 0, failing: 1, milliseconds: performance.now() - started },
          failures: `The process ended with ${killer ?? `status ${code}`} in this file or just before it.`,
        };
      }),
    ]);
    settled.abort();
    const after = costOf(worker.pid)?.cpu;
    return { cpu: after === undefined ? undefined : after - before, output: this.#take(), ...verdict };
  }

  /** Ends the file that is under way, which fails. */
  abandon(): void {
    if (this.#process?.connected) this.#process.disconnect();
  }

  /** Ends the process, and with it the MongoDB server that it started. Gives what it wrote since its last file. */
  async end(): Promise<string> {
    const worker = this.#process;
    this.#process = undefined;
    if (worker) {
      const gone = once(worker, 'exit');
      worker.disconnect();
      await gone;
    }
    const rest = this.#take();
    closeSync(this.#output);
    unlinkSync(this.#file);
    return rest;
  }

  /** What was written since the last look. */
  #take(): string {
    const parts: Buffer[] = [];
    for (;;) {
      const part = Buffer.alloc(65_536);
      const length = readSync(this.#output, part, 0, part.length, this.#read);
      if (length === 0) return Buffer.concat(parts).toString();
      parts.push(part.subarray(0, length));
      this.#read += length;
    }
  }
}
