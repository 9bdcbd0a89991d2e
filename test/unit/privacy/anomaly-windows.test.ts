/** Windows in which the server looks for anomalies: every day once, shorter where too much happened, and a warning where nobody could look. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { anomalyClock } from '../../../src/features/privacy/anomaly-clock.js';

const DAY = 86_400_000;
const START = Date.UTC(2026, 0, 1, 12);

type Ground = Parameters<typeof anomalyClock>[1];
type Work = Parameters<ReturnType<typeof anomalyClock>['step']>[0];

/** Looks until there is nothing to do. `most`: days that may be looked at together; `heavy`: a day that is always too much. */
async function looksOf(away: number, most: number, heavy = -1) {
  const warned: unknown[] = [];
  const seen: number[] = [];
  const now = START + away * DAY;
  const ground = {
    clock: { now: () => now },
    log: { warn: (said: unknown) => warned.push(said) },
  } as unknown as Ground;
  const dayOf = (ms: number): number => Math.floor(ms / DAY) - Math.floor(START / DAY);
  const job = anomalyClock(24, ground, async (_, from, to) => {
    const days = Array.from({ length: dayOf(to) - dayOf(from) + 1 }, (_each, at) => dayOf(from) + at);
    if (days.length > most || days.includes(heavy)) return 'too-costly';
    seen.push(...days);
    return 0;
  });
  let stepped = await job.step({ state: { until: START } } as Work);
  for (let steps = 0; stepped.wait === undefined && steps < 1000; steps++)
    stepped = await job.step({ state: stepped.state } as Work);
  assert.equal(stepped.state?.until, now);
  return { warned, seen };
}

const upTo = (last: number): number[] => Array.from({ length: last + 1 }, (_, day) => day);

describe('anomalies that are looked for after a while', () => {
  it('are looked for once on each day, however long it was', async () => {
    for (const away of [1, 30, 31, 100])
      assert.deepEqual(await looksOf(away, 31), { warned: [], seen: upTo(away) }, String(away));
  });

  it('are looked for in shorter times where too much happened, and a day of too much is named', async () => {
    assert.deepEqual(await looksOf(50, 4), { warned: [], seen: upTo(50) });
    const { warned, seen } = await looksOf(50, 31, 20);
    assert.deepEqual(
      seen,
      upTo(50).filter(day => day !== 20),
    );
    assert.deepEqual(warned, [{ from: '2026-01-21', to: '2026-01-21' }]);
  });
});
