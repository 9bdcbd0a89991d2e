/**
 * Chartroom for tests: in this process (`startServer`), or as a child process that can be killed (`spawnServer`). Both
 * listen on a free port and keep their data in a new temporary folder, or in a MongoDB database of their own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import supertest from 'supertest';
import { listen } from '../../src/cli/serve.js';

import type { Engine } from '../../src/interactions/interaction.js';
import { open } from '../../src/main.js';
import { type Config, loadConfig } from '../../src/platform/config.js';
import { warmValidators } from '../../src/validation/structure.js';
import { sharedMongo } from './mongo.js';
import { freePort } from './mongod.js';

export type StoreName = 'embedded' | 'mongo';
export const STORES: readonly StoreName[] = ['embedded', 'mongo'];

/** Settings as the command line gives them: text, by name. */
export type Settings = Readonly<Partial<Record<keyof Config, string>>>;

export interface RunningServer {
  /** `http://127.0.0.1:<port>/fhir` */
  readonly base: string;
  readonly port: number;
  readonly engine: Engine;
  /** Paths start at the root of the server: `/fhir/Patient`. */
  readonly request: ReturnType<typeof supertest>;
  stop(): Promise<void>;
}

/** The value of CHARTROOM_STORE for a new, empty store. Skips the running suite where there is no MongoDB. */
export async function newStore(test: Mocha.Context, store: StoreName): Promise<string> {
  if (store === 'embedded') return 'embedded';
  const mongo = await sharedMongo();
  if ('skipped' in mongo) return test.skip();
  return mongo.database(`server_${randomBytes(4).toString('hex')}`);
}

/** `store`: what `newStore` gave. */
export async function startServer(options: {
  readonly store: string;
  readonly config?: Settings;
}): Promise<RunningServer> {
  const port = await freePort();
  const data = mkdtempSync(join(tmpdir(), 'chartroom-server-'));
  const flags = { port: String(port), data, store: options.store, demo: 'off', log: 'silent', ...options.config };
  const config = loadConfig({ flags, env: {} });
  const engine = await open(config);
  const server = listen(engine, config);
  await once(server, 'listening');
  warmValidators();
  return {
    base: engine.settings.base,
    port,
    engine,
    request: supertest(`http://127.0.0.1:${port}`),
    async stop() {
      server.close();
      server.closeAllConnections();
      await engine.store.close();
      rmSync(data, { recursive: true, force: true });
    },
  };
}

export interface SpawnedServer {
  readonly base: string;
  readonly port: number;
  readonly pid: number;
  /** Resolves when the process is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** What it has written to standard error. */
  complaints(): string;
}

const PROGRAM = fileURLToPath(new URL('../../../bin/chartroom.js', import.meta.url));
const children = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** `chartroom serve` as a process of its own, ready to answer. `env`: CHARTROOM_… beside defaults for tests. */
export async function spawnServer(
  env: Readonly<Record<string, string>>,
  nodeFlags: readonly string[] = [],
): Promise<SpawnedServer> {
  const port = env['CHARTROOM_PORT'] ?? String(await freePort());
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('CHARTROOM_'));
  const child = spawn(process.execPath, [...nodeFlags, PROGRAM, 'serve'], {
    env: {
      ...Object.fromEntries(inherited),
      CHARTROOM_DEMO: 'off',
      CHARTROOM_LOG: 'warn',
      ...env,
      CHARTROOM_PORT: port,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let complaints = '';
  child.stderr.on('data', (text: Buffer) => (complaints = (complaints + text.toString()).slice(-20_000)));
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
    complaints: () => complaints,
  };
}
