/** What a large package costs, in a process of its own (package-program.ts): its time, and all the memory that it takes. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Goal } from './validation.js';

interface PackageCost {
  readonly pages: number;
  /** Of the machine as it is, and of its processors. */
  readonly seconds: number;
  readonly cpu: number;
  readonly megabytes: number;
}

const PROGRAM = fileURLToPath(new URL('package-program.js', import.meta.url));

export function packageRows(): readonly Goal[] {
  const { pages, seconds, cpu, megabytes } = JSON.parse(
    execFileSync(process.execPath, [PROGRAM], { encoding: 'utf8' }),
  ) as PackageCost;
  const row = (name: string, value: number, unit: Goal['unit'], goal: number): Goal => ({
    ...{ store: 'none', name: `a package of ${pages} pages, ${name}`, value, unit, goal },
  });
  return [
    row('time', seconds, 's', 60),
    row('time of processors', cpu, 's', 60),
    row('memory of the process', megabytes, 'MB', 300),
  ];
}
