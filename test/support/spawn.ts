/**
 * Chartroom as a process of its own, for tests that kill it and for the benchmark. Knows nothing of mocha.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { freePort } from './mongod.js';

export interface SpawnedServer {
  readonly base: string;
  readonly port: number;
  readonly pid: number;
  /** Resolves when the process is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** By SIGTERM; resolves with the exit status. */
  end(): Promise<number | null>;
  /** What it has written to standard error. */
  complaints(): string;
}

const PROGRAM = fileURLToPath(new URL('../../../bin/chartroom.js', import.meta.url));
/** With the store that each has. */
const children = new Map<ChildProcess, string | undefined>();
process.once('exit', () => {
  for (const child of children.keys()) child.kill('SIGKILL');
});

/** Whether a process that was started here, and is not gone, has this store open. `url`: CHARTROOM_STORE. */
export const isServedApart = (url: string): boolean => [...children.values()].includes(url);

/**
 * `chartroom serve` as a process of its own, ready to answer. `env`: CHARTROOM_… beside defaults for tests. `program`: what
 * takes the place of bin/chartroom.js.
 */
export async function spawnServer(
  env: Readonly<Record<string, string>>,
  nodeFlags: readonly string[] = [],
  program = PROGRAM,
): Promise<SpawnedServer> {
  const port = env['CHARTROOM_PORT'] ?? String(await freePort());
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('CHARTROOM_'));
  const child = spawn(process.execPath, [...nodeFlags, program, 'serve'], {
    env: {
      ...Object.fromEntries(inherited),
      CHARTROOM_DEMO: 'off',
      CHARTROOM_LOG: 'warn',
      ...env,
      CHARTROOM_PORT: port,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.set(child, env['CHARTROOM_STORE']);
  let complaints = '';
  child.stderr.on('data', (text: Buffer) => (complaints = (complaints + text.toString()).slice(-5_000_000)));
  const gone = once(child, 'exit').then(() => void children.delete(child));
  const started = new Promise<void>(resolve => {
    let said = '';
    child.stdout.on('data', (text: Buffer) => {
      said += text.toString();
      if (said.includes('Chartroom serves')) resolve();
    });
  });
  await Promise.race([
    started,
    gone.then(() => {
      throw new Error(`The server did not start:\n${complaints}`);
    }),
  ]);
  return {
    base: `http://127.0.0.1:${port}/fhir`,
    port: Number(port),
    pid: child.pid!,
    async kill(signal) {
      child.kill(signal);
      await gone;
    },
    async end() {
      child.kill('SIGTERM');
      await gone;
      return child.exitCode;
    },
    complaints: () => complaints,
  };
}
