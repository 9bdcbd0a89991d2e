/** What the numbers of several server processes come to, where some are silent or gone. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { MetricsSum, WorkerMetrics } from '../../../src/cli/worker-metrics.js';
import { FhirError } from '../../../src/fhir/error.js';

/** As long as a test may take: whoever is to answer does. */
const LONG = 60_000;

function house(toGive = LONG, toSum = LONG) {
  const sum = new MetricsSum(toGive);
  let ids = 0;
  return { sum, worker: () => makeWorker(sum, ++ids, toSum) };
}

function makeWorker(sum: MetricsSum, id: number, toSum: number) {
  const registry = new Registry();
  const registers = [registry];
  const worker = {
    calls: new Counter({ name: 'calls_total', help: 'x', labelNames: ['kind'], registers }),
    open: new Gauge({ name: 'open', help: 'x', registers }),
    lag: new Gauge({ name: 'lag', help: 'x', registers, aggregator: 'max' }),
    seconds: new Histogram({ name: 'seconds', help: 'x', buckets: [1, 2], registers }),
    /** It hears nothing. */
    hangs: false,
    asked: 0,
    own: new WorkerMetrics({ send: message => sum.take(id, structuredClone(message)) }, registry, toSum),
    leave: () => sum.leave(id),
  };
  sum.join(id, {
    send(message) {
      worker.asked++;
      if (!worker.hangs) void worker.own.take(structuredClone(message));
    },
  });
  return worker;
}
const value = (text: string, name: string): number | undefined => {
  const line = text.split('\n').find(each => each.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
};

describe('numbers of all workers', () => {
  it('are one sum, whoever is asked', async () => {
    const { worker } = house();
    const [a, b] = [worker(), worker()];
    a.calls.inc({ kind: 'read' }, 3);
    b.calls.inc({ kind: 'read' }, 4);
    b.calls.inc({ kind: 'create' });
    for (const [each, n] of [
      [a, 1],
      [b, 2],
    ] as const) {
      each.open.set(n);
      each.lag.set(n);
      each.seconds.observe(n);
    }
    for (const asked of [a, b]) {
      const text = await asked.own.sum();
      assert.deepEqual(
        [
          'calls_total{kind="read"}',
          'calls_total{kind="create"}',
          'open',
          'lag',
          'seconds_bucket{le="1"}',
          'seconds_sum',
          'seconds_count',
        ].map(name => value(text, name)),
        [7, 1, 3, 2, 1, 3, 2],
      );
      assert.equal(value(text, 'chartroom_workers{state="heard"}'), 2);
      assert.match(text, /^# TYPE calls_total counter$/m);
    }
  });

  it('are those of one that hangs as it gave them last, and come in time', async () => {
    const { worker } = house(20);
    const [a, b] = [worker(), worker()];
    a.calls.inc({ kind: 'read' }, 3);
    b.calls.inc({ kind: 'read' }, 4);
    await a.own.sum();
    b.hangs = true;
    b.calls.inc({ kind: 'read' }, 10);
    a.calls.inc({ kind: 'read' });
    const text = await a.own.sum();
    assert.equal(value(text, 'calls_total{kind="read"}'), 8);
    assert.deepEqual(
      ['heard', 'silent'].map(state => value(text, `chartroom_workers{state="${state}"}`)),
      [1, 1],
    );
    b.hangs = false;
    assert.equal(value(await a.own.sum(), 'calls_total{kind="read"}'), 18);
  });

  it('do not fall when one is gone, but for what only is now', async () => {
    const { worker } = house();
    const [a, b, c] = [worker(), worker(), worker()];
    for (const each of [a, b, c]) {
      each.calls.inc({ kind: 'read' }, 2);
      each.open.set(1);
      each.seconds.observe(1);
    }
    await a.own.sum();
    b.leave();
    c.leave();
    const text = await a.own.sum();
    assert.deepEqual(
      ['calls_total{kind="read"}', 'open', 'seconds_count', 'chartroom_workers{state="heard"}'].map(name =>
        value(text, name),
      ),
      [6, 1, 3, 1],
    );
  });

  it('have the counters of each that is gone, however many and however soon they are asked for', async () => {
    const { worker } = house();
    const a = worker();
    for (let n = 1; n <= 20; n++) {
      const one = worker();
      one.calls.inc({ kind: 'read' });
      await a.own.sum();
      one.leave();
      assert.equal(value(await a.own.sum(), 'calls_total{kind="read"}'), n);
    }
  });

  it('do not wait for one that goes meanwhile', async () => {
    const { worker } = house();
    const [a, b] = [worker(), worker()];
    b.hangs = true;
    a.calls.inc({ kind: 'read' });
    const text = a.own.sum();
    while (b.asked === 0) await new Promise(setImmediate);
    b.leave();
    assert.equal(value(await text, 'calls_total{kind="read"}'), 1);
  });

  it('are asked for once by those who want them at the same time', async () => {
    const { worker } = house();
    const [a, b] = [worker(), worker()];
    const texts = await Promise.all([a.own.sum(), b.own.sum(), a.own.sum()]);
    assert.equal(new Set(texts).size, 1);
    assert.equal(a.asked, 1 + 2);
  });

  it('cannot be had from a supervisor that says nothing', async () => {
    const own = new WorkerMetrics({ send: () => undefined }, new Registry(), 1);
    await assert.rejects(own.sum(), (error: unknown) => error instanceof FhirError && error.kind === 'unavailable');
  });

  it('are not disturbed by messages of others', () => {
    const { sum, worker } = house();
    worker();
    for (const message of [
      undefined,
      null,
      'x',
      {},
      { about: 'else' },
      { about: 'metrics', kind: 'give', id: 9, numbers: [] },
    ])
      assert.doesNotThrow(() => sum.take(7, message));
  });
});
