/** Kept bytes are swept from time to time, by one process, for as long as it runs. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { SWEEP_EVERY_MS, sweepKept } from '../../../src/conformance/sweeper.js';
import { createClock } from '../../../src/platform/clock.js';
import { createLog } from '../../../src/platform/log.js';
import type { Store } from '../../../src/store/store.js';
import { steppedTime } from '../../support/stepped-time.js';

const START = 1_000_000;

function process(mayHold: () => boolean) {
  const time = steppedTime(START);
  const asked: number[] = [];
  let failing = false;
  const store = {
    acquireLease: (_task: string, ms: number) => Promise.resolve(ms > 0 && mayHold()),
    blobs: {
      sweep: (now: number) => {
        asked.push(now);
        return failing ? Promise.reject(new Error('away')) : Promise.resolve(0);
      },
    },
  } as unknown as Store;
  const end = sweepKept({ store, clock: createClock(createLog('silent'), time) });
  const pass = async () => {
    time.step(SWEEP_EVERY_MS);
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  };
  return { asked, pass, end, fail: (on: boolean) => (failing = on) };
}

describe('the sweeper of kept bytes', () => {
  it('sweeps by the time of the server again and again, failures or not, until it is ended', async () => {
    const { asked, pass, end, fail } = process(() => true);
    await pass();
    fail(true);
    await pass();
    fail(false);
    await pass();
    assert.deepEqual(
      asked,
      [1, 2, 3].map(times => START + times * SWEEP_EVERY_MS),
    );
    await end();
    await pass();
    assert.equal(asked.length, 3);
  });

  it('leaves it to the process that has the task', async () => {
    let mine = false;
    const { asked, pass, end } = process(() => mine);
    await pass();
    assert.equal(asked.length, 0);
    mine = true;
    await pass();
    assert.equal(asked.length, 1);
    await end();
  });
});
