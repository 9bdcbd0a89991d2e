/** Reads the CPU profiles that Node writes with --cpu-prof: the functions in which the measured time went. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { table } from './report.js';

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  /** µs of the monotonic clock. */
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** µs of the clock that profiles use. */
export const profileClock = (): number => Number(process.hrtime.bigint() / 1000n);

const IDLE = new Set(['(idle)', '(root)', '(program)']);

/** One table per thread, of samples between two times. */
export function profileTables(folder: string, from: number, to: number, most = 25): string {
  return readdirSync(folder)
    .filter(name => name.endsWith('.cpuprofile'))
    .map(name => {
      const profile = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Profile;
      return `${name}\n${threadTable(profile, from, to, most)}`;
    })
    .join('\n\n');
}

function threadTable(
  { nodes, startTime, samples, timeDeltas }: Profile,
  from: number,
  to: number,
  most: number,
): string {
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => [
      id,
      url === ''
        ? functionName
        : `${functionName || '(anonymous)'}\t${url.replace(/^.*\/(?=(?:dist|node_modules)\/)/, '')}:${lineNumber + 1}`,
    ]),
  );
  const times = new Map<string, number>();
  let at = startTime;
  let busy = 0;
  samples.forEach((sample, index) => {
    const delta = timeDeltas[index] ?? 0;
    at += delta;
    if (at < from || at > to) return;
    const name = names.get(sample) ?? '';
    if (IDLE.has(name)) return;
    busy += delta;
    times.set(name, (times.get(name) ?? 0) + delta);
  });
  const rows = [...times]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([name, time]) => {
      const [label = '', place = ''] = name.split('\t');
      return [label, place, (time / 1000).toFixed(0), `${((time / busy) * 100).toFixed(1)} %`];
    });
  return `busy ${(busy / 1000).toFixed(0)} ms\n${table(['function', 'place', 'self ms', 'of busy'], rows)}`;
}
