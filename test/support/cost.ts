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

interface Stat extends Cost {
  readonly pid: number;
  readonly parent: number;
}

/** Undefined: it has ended meanwhile. */
function statOf(pid: number): Stat | undefined {
  try {
    // The name in brackets may hold blanks: fields are counted from its end.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const cpu = [11, 12, 13, 14].reduce((sum, field) => sum + fields[field]!, 0) * tickLength();
    return { pid, parent: fields[1]!, cpu, rss: fields[21]! * 4096 };
  } catch {
    return undefined;
  }
}

/**
 * Of a process and all its descendants; undefined where that cannot be known. Parents are asked of all processes: the lists
 * of children that the kernel keeps may leave some out.
 */
export function costOf(pid: number | undefined): Cost | undefined {
  if (pid === undefined || !canMeasure) return undefined;
  const all = readdirSync('/proc').flatMap(name => (/^\d+$/.test(name) ? (statOf(Number(name)) ?? []) : []));
  const sum = { cpu: 0, rss: 0 };
  const add = (one: Stat): void => {
    sum.cpu += one.cpu;
    sum.rss += one.rss;
    for (const child of all) if (child.parent === one.pid) add(child);
  };
  const own = all.find(one => one.pid === pid);
  if (!own) return undefined;
  add(own);
  return sum;
}
