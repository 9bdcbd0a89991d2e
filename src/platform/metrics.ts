/** What Prometheus scrapes: one registry per engine, so that tests can run several servers in a process. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export interface Metrics {
  readonly registry: Registry;
  /** By interaction and status; labels come from fixed sets, never from a request. */
  readonly requests: Counter<'interaction' | 'status'>;
  readonly duration: Histogram<'interaction'>;
  readonly refused: Counter<'kind'>;
  readonly open: Gauge;
  /** Roles are those of the file of roles. */
  readonly denied: Counter<'role'>;
  /** By severity and code of `details.coding`, of which there is a fixed set. */
  readonly validationIssues: Counter<'severity' | 'detail'>;
  /** By type. */
  readonly unchanged: Counter<'type'>;
}

/** Numbers of the process itself, for one that serves: to collect them costs something. */
export const collectProcessMetrics = ({ registry }: Metrics): void => collectDefaultMetrics({ register: registry });

/** `lag`: ms by which the horizon is behind the time. */
export const measureHorizon = ({ registry }: Metrics, lag: () => number): Gauge =>
  new Gauge({
    name: 'chartroom_horizon_lag_seconds',
    help: 'How far back everything that was written can be seen: the age of the oldest write under way, in whatever process.',
    registers: [registry],
    aggregator: 'max',
    collect() {
      this.set(lag() / 1000);
    },
  });

/** Of those who keep anchors of the audit trail elsewhere. `since`: ms for which one lacks an anchor, 0 where it has all; `failures`: attempts that failed. */
export function measureKeepers(
  { registry }: Metrics,
  known: () => readonly { readonly way: string; readonly since: number; readonly failures: number }[],
): readonly [Gauge<'way'>, Counter<'way'>] {
  const lag = new Gauge({
    name: 'chartroom_audit_anchor_lag_seconds',
    help: 'Age of the oldest anchor of the audit trail that a keeper has not taken; 0: it has all.',
    labelNames: ['way'],
    registers: [registry],
    aggregator: 'max',
    collect() {
      for (const { way, since } of known()) this.set({ way }, since / 1000);
    },
  });
  const failures = new Counter({
    name: 'chartroom_audit_anchor_failures_total',
    help: 'Attempts to give a keeper an anchor that failed.',
    labelNames: ['way'],
    registers: [registry],
    collect() {
      this.reset();
      for (const one of known()) this.inc({ way: one.way }, one.failures);
    },
  });
  return [lag, failures];
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    requests: new Counter({
      name: 'chartroom_requests_total',
      help: 'FHIR interactions answered.',
      labelNames: ['interaction', 'status'],
      registers,
    }),
    duration: new Histogram({
      name: 'chartroom_request_seconds',
      help: 'Time from the head of a request to its answer.',
      labelNames: ['interaction'],
      buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
      registers,
    }),
    refused: new Counter({
      name: 'chartroom_refused_total',
      help: 'Interactions that ended in an error, by kind.',
      labelNames: ['kind'],
      registers,
    }),
    denied: new Counter({
      name: 'chartroom_denied_total',
      help: 'What a role may not do, and was asked for all the same.',
      labelNames: ['role'],
      registers,
    }),
    unchanged: new Counter({
      name: 'chartroom_unchanged_writes_total',
      help: 'Writes that left their resource as it was, so that no version was made.',
      labelNames: ['type'],
      registers,
    }),
    validationIssues: new Counter({
      name: 'chartroom_validation_issues_total',
      help: 'What breaks base rules of R4 or profiles in resources that are written, refused ones too.',
      labelNames: ['severity', 'detail'],
      registers,
    }),
    open: new Gauge({ name: 'chartroom_open_requests', help: 'Requests under way.', registers }),
  };
}
