/** What Prometheus learns of jobs. Of several processes the one that works on them counts those that there are. */
import { Counter, Gauge } from 'prom-client';
import type { Metrics } from '../platform/metrics.js';
import type { JobNote } from './kind.js';

export interface JobCounts {
  readonly there: Gauge<'kind' | 'state'>;
  readonly asked: Counter<'kind'>;
  readonly steps: Counter<'kind'>;
  readonly failures: Counter<'kind'>;
  readonly ended: Counter<'kind' | 'state'>;
}

/** `known`: jobs that have not ended, where they are this process's to count. */
export function countJobs({ registry }: Pick<Metrics, 'registry'>, known: () => readonly JobNote[]): JobCounts {
  const registers = [registry];
  const there = new Gauge({
    name: 'chartroom_jobs',
    help: 'Jobs that have not ended, by kind and state, in the process that works on them.',
    labelNames: ['kind', 'state'],
    registers,
    collect() {
      this.reset();
      for (const { kind, status, failures, idle } of known())
        this.inc({ kind, state: failures > 0 ? 'resting' : idle ? 'idle' : status });
    },
  });
  const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Counter({ name: `chartroom_job${name}_total`, help, labelNames, registers });
  return {
    there,
    asked: counter('s_asked', 'Jobs asked for.', ['kind']),
    steps: counter('_steps', 'Steps of jobs that were done.', ['kind']),
    failures: counter('_failures', 'Steps of jobs that failed.', ['kind']),
    ended: counter('s_ended', 'Jobs that have ended, by how.', ['kind', 'state']),
  };
}
