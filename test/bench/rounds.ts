/**
 * Compares what several things cost, in many short rounds that take turns: what else a shared machine does meets all of them alike, and
 * only adds. Cost is CPU, never time; the lower quartile of the rounds counts.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { drive } from './drive.js';

export interface Contender {
  readonly name: string;
  /** Processes that work for it. */
  readonly processes: readonly (number | undefined)[];
  readonly port: number;
  readonly next: () => Buffer;
  readonly status: number;
}

export interface Cost {
  readonly name: string;
  /** µs of CPU for each request. */
  readonly cpu: number;
  /** By that of the first contender. */
  readonly ratio: number;
}

const ROUNDS = 20;
/** Rounds in which what is compared comes to its full speed. */
const WARM_UPS = 20;
const CALLERS = 8;

/** `requests`: of each contender in each round. The first is what the others are compared with. */
export async function compareCosts(
  contenders: readonly Contender[],
  requests: number,
  callers = CALLERS,
): Promise<Cost[]> {
  const costs = contenders.map((): number[] => []);
  for (let round = -WARM_UPS; round < ROUNDS; round++) {
    // Whoever comes first finds what the one before has left: everybody is first as often.
    const order = [...contenders.keys()].map(at => (at + Math.max(0, round)) % contenders.length);
    for (const at of order) {
      const cost = await costOfRound(contenders[at]!, requests, callers);
      if (round >= 0) costs[at]!.push(cost);
    }
  }
  const cpu = costs.map(lowerQuartile);
  return contenders.map(({ name }, at) => ({ name, cpu: cpu[at]!, ratio: cpu[at]! / cpu[0]! }));
}

/** µs of CPU for each request. Throws where an answer has another status. */
async function costOfRound(
  { name, processes, port, next, status }: Contender,
  requests: number,
  callers: number,
): Promise<number> {
  const before = cpuOf(processes);
  let sent = 0;
  const { statuses } = await drive({ port, callers, next: () => (sent++ < requests ? next() : undefined) });
  const spent = cpuOf(processes) - before;
  if (statuses.get(status) !== requests)
    throw new Error(`${name}: answers were ${JSON.stringify([...statuses])}, expected ${status}.`);
  return spent / requests;
}

/** µs of all threads that live, from https://docs.kernel.org/scheduler/sched-stats.html: finer than clock ticks. */
const cpuOf = (processes: Contender['processes']): number =>
  processes
    .filter(pid => pid !== undefined)
    .flatMap(pid => readdirSync(`/proc/${pid}/task`).map(thread => `/proc/${pid}/task/${thread}/schedstat`))
    .reduce((sum, file) => sum + nanoseconds(file) / 1000, 0);

function nanoseconds(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8').split(' ')[0]);
  } catch {
    // The thread has ended.
    return 0;
  }
}

export const lowerQuartile = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 2] ?? NaN;
