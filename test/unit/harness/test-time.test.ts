/** The clock of tests: what it shows, and when what was to be done later is done. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { createTestTime } from '../../../src/harness/test-time.js';
import { steppedTime } from '../../support/stepped-time.js';

describe('the clock of the test-harness mode', () => {
  const start = Date.UTC(2026, 4, 5);

  it('shows real time until it is told otherwise, and then that, or how far from it', () => {
    const real = steppedTime(start);
    const time = createTestTime(real);
    assert.equal(time.now(), start);
    time.set({ mode: 'offset', offset: -1000 });
    real.step(10);
    assert.equal(time.now(), start + 10 - 1000);
    time.set({ mode: 'fixed', at: 5000, tick: 3 });
    real.step(10);
    assert.equal(time.now(), 5000);
    time.tick();
    assert.equal(time.now(), 5003);
    time.step(100);
    assert.equal(time.now(), 5103);
    time.set({ mode: 'real' });
    time.tick();
    assert.equal(time.now(), start + 20);
    time.step(1000);
    assert.deepEqual(time.clock(), { mode: 'offset', offset: 1000 });
  });

  it('does what is due as real time passes, whatever it shows', () => {
    const real = steppedTime(start);
    const time = createTestTime(real);
    const done: string[] = [];
    time.set({ mode: 'fixed', at: 5000, tick: 0 });
    time.later(100_000, () => done.push('kept'));
    time.later(200_000, () => done.push('dropped'))();
    real.step(99_000);
    assert.deepEqual(done, []);
    real.step(1001);
    assert.deepEqual(done, ['kept']);
    real.step(200_000);
    assert.deepEqual(done, ['kept']);
  });

  it('does what a step makes due, in its order and once, and the rest sooner', () => {
    const real = steppedTime(start);
    const time = createTestTime(real);
    const done: string[] = [];
    time.later(500_000, () => done.push('third'));
    time.later(200_000, () => done.push('second'));
    time.later(100_000, () => done.push('first'));
    time.step(400_000);
    assert.deepEqual(done, ['first', 'second']);
    real.step(100_000);
    assert.deepEqual(done, ['first', 'second', 'third']);
    real.step(1_000_000);
    assert.equal(done.length, 3);
  });
});
