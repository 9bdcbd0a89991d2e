/**
 * What processes cost: CPU time of all their threads and of their children, and resident memory, from /proc
 * (https://man7.org/linux/man-pages/man5/proc.5.html). Other systems have no /proc: the columns stay empty.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

export interface Cost {
  /** µs of CPU since the process began, with that of children that have ended and were waited for. */
  readonly cpu: number;
  /** Bytes. */
  readonly rss: number;
}

export const canMeasure = existsSync('/proc/self/stat');

let tick = 0;
/** µs of one clock tick. */
const tickLength = (): number => {
  tick ||= 1e6 / (Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout) || 100);
  return tick;
};

/** Of a process and all its descendants; undefined where that cannot be known. */
export function costOf(pid: number | undefined): Cost | undefined {
  if (pid === undefined || !canMeasure) return undefined;
  try {
    // The name in brackets may hold blanks: fields are counted from its end.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    let cpu = [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0) * tickLength();
    let rss = Number(fields[21]) * 4096;
    for (const child of childrenOf(pid)) {
      const cost = costOf(child);
      cpu += cost?.cpu ?? 0;
      rss += cost?.rss ?? 0;
    }
    return { cpu, rss };
  } catch {
    return undefined;
  }
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap(thread => {
    const file = `/proc/${pid}/task/${thread}/children`;
    return existsSync(file) ? readFileSync(file, 'utf8').split(' ').filter(Boolean).map(Number) : [];
  });
}
