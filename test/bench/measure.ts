/** One row: warm up, then count requests, latencies and the CPU time of everything that serves. */
import { exchange } from '../support/exchange.js';
import { costOf } from '../support/cost.js';
import { drive, percentile } from './drive.js';
import type { Row } from './report.js';
import type { Workload } from './workloads.js';

export interface Timing {
  readonly callers: number;
  /** ms. */
  readonly warmUp: number;
  readonly milliseconds: number;
}

export interface Measurement extends Timing {
  readonly store: string;
  readonly port: number;
  /** Process ids. */
  readonly server: number | undefined;
  readonly mongod?: number | undefined;
  readonly workload: Workload;
}

/** Throws where an answer is not what the workload expects: a wrong answer has no speed. */
export async function measure(measurement: Measurement): Promise<Row> {
  const { store, port, server, mongod, workload, warmUp, milliseconds } = measurement;
  const { callers = measurement.callers } = workload;
  const { name, next, status, units = 1, before: prepare } = workload;
  await prepare?.(port);
  await checkOnce(port, workload);
  await drive({ port, callers, next, milliseconds: warmUp });
  const before = [costOf(server), costOf(mongod)];
  const driven = await drive({ port, callers, next, milliseconds });
  const [mine, theirs] = [costOf(server), costOf(mongod)];
  const { requests: answers, latencies, statuses } = driven;
  const requests = answers * units;
  if (statuses.get(status) !== answers)
    throw new Error(`${name}: answers were ${JSON.stringify([...statuses])}, expected ${status}.`);
  return {
    store,
    name,
    requests,
    perSecond: requests / (driven.milliseconds / 1000),
    p50: percentile(latencies, 0.5),
    p95: percentile(latencies, 0.95),
    p99: percentile(latencies, 0.99),
    ...(mine && before[0] ? { serverCpu: (mine.cpu - before[0].cpu) / requests, serverMemory: mine.rss } : {}),
    ...(theirs && before[1] ? { mongodCpu: (theirs.cpu - before[1].cpu) / requests, mongodMemory: theirs.rss } : {}),
  };
}

async function checkOnce(port: number, { name, next, status, check }: Workload): Promise<void> {
  const bytes = next();
  const at = bytes.indexOf('\r\n\r\n');
  const [line = '', ...lines] = bytes.toString('latin1', 0, at).split('\r\n');
  const [method = '', path = ''] = line.split(' ');
  const headers = Object.fromEntries(
    lines.map(text => [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 2)]),
  );
  const body = method === 'GET' ? {} : { body: bytes.subarray(at + 4) };
  const answer = await exchange(port, { method, path, headers, ...body });
  if (answer.status !== status) throw new Error(`${name}: status ${answer.status}: ${answer.body.toString()}`);
  check(answer.body);
}
