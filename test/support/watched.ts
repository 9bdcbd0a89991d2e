/**
 * A server as a process of its own that is watched while it works: how long its main thread keeps others waiting, and how
 * much memory the process takes. Waits are counted in processor time of that thread, so that they are the same on a busy
 * machine. Knows Linux alone.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SpawnedServer, spawnServer } from './spawn.js';

export interface Answered {
  /** 0: the connection ended without an answer. */
  readonly status: number;
  readonly text: string;
}

export interface Seen {
  /** ms of processor time that the main thread took between a small request and its answer, at most. */
  readonly wait: number;
  /** ms by the clock between them, at most. */
  readonly clock: number;
  /** MB of memory that the process had, at most since it started. */
  readonly memory: number;
}

export interface Watched {
  readonly server: SpawnedServer;
  readonly send: (
    method: string,
    path: string,
    body?: Buffer | string,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Answered>;
  /** What others saw while `work` was done. */
  watch<T>(work: () => Promise<T>): Promise<T & Seen>;
  stop(): Promise<void>;
}

const megabytes = (pid: number): number =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
/** ms of processor time of the main thread. */
const spent = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;

export async function watchServer(env: Readonly<Record<string, string>>): Promise<Watched> {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-watched-'));
  const server = await spawnServer({ CHARTROOM_DATA: folder, ...env });
  const agent = new Agent({ keepAlive: true });
  const send: Watched['send'] = (method, path, body, headers = {}) =>
    new Promise(resolve => {
      const sent = request({ port: server.port, method, path, headers, agent }, response => {
        let text = '';
        response.on('data', (part: Buffer) => {
          if (text.length < 10_000) text += part.toString('latin1');
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.on('error', () => resolve({ status: 0, text }));
      });
      sent.on('error', () => resolve({ status: 0, text: '' }));
      sent.end(body);
    });
  return {
    server,
    send,
    async watch(work) {
      let wait = 0;
      let clock = 0;
      const state = { over: false };
      const look = async (): Promise<void> => {
        while (!state.over) {
          const [before, at] = [spent(server.pid), performance.now()];
          await send('GET', '/healthz');
          wait = Math.max(wait, spent(server.pid) - before);
          clock = Math.max(clock, performance.now() - at);
          // Often enough to meet every wait that is worth telling, and seldom enough to leave the server its time.
          await new Promise(done => setTimeout(done, 5));
        }
      };
      const looking = look();
      try {
        const done = await work();
        return { ...done, wait, clock, memory: megabytes(server.pid) };
      } finally {
        state.over = true;
        await looking;
      }
    },
    async stop() {
      agent.destroy();
      await server.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
