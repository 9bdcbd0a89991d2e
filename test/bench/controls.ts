/** Starts the controls (control.ts) and measures them as the workloads are measured. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { freePort } from '../support/mongod.js';
import type { DriverResult, DriverTask } from './control.js';
import { costOf } from '../support/cost.js';
import { requestBytes } from './drive.js';
import { measure, type Timing } from './measure.js';
import { type Row, UNIT } from './report.js';

const PROGRAM = fileURLToPath(new URL('control.js', import.meta.url));

async function withControl<T>(args: readonly string[], work: (child: ChildProcess) => Promise<T>): Promise<T> {
  const child = fork(PROGRAM, args);
  try {
    await once(child, 'message');
    return await work(child);
  } finally {
    child.kill();
  }
}

/** Plain Express 5, 2 KB of JSON. */
export async function expressControl(store: string, timing: Timing): Promise<Row> {
  const port = await freePort();
  return withControl(['express', String(port)], child => {
    const bytes = requestBytes('GET', '/');
    const workload = { name: UNIT, next: () => bytes, status: 200, check: () => {} };
    return measure({ store, port, server: child.pid, workload, ...timing });
  });
}

/** The bare driver: point reads and inserts. */
export async function driverControls(url: string, mongod: number | undefined, timing: Timing): Promise<Row[]> {
  return withControl(['driver', url], async child => {
    const rows: Row[] = [];
    for (const kind of ['read', 'insert'] as const) {
      const run = async (milliseconds: number): Promise<DriverResult> => {
        const task: DriverTask = { kind, callers: timing.callers, milliseconds };
        child.send(task);
        const [result] = (await once(child, 'message')) as [DriverResult];
        return result;
      };
      await run(timing.warmUp);
      const before = [costOf(child.pid), costOf(mongod)];
      const { requests, milliseconds, ...latencies } = await run(timing.milliseconds);
      const [client, server] = [costOf(child.pid), costOf(mongod)];
      rows.push({
        store: 'mongo',
        name: `(bare driver ${kind})`,
        requests,
        perSecond: requests / (milliseconds / 1000),
        ...latencies,
        ...(client && before[0]
          ? { serverCpu: (client.cpu - before[0].cpu) / requests, serverMemory: client.rss }
          : {}),
        ...(server && before[1]
          ? { mongodCpu: (server.cpu - before[1].cpu) / requests, mongodMemory: server.rss }
          : {}),
      });
    }
    return rows;
  });
}
