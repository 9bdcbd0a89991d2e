/** A task of the store, as one process holds it. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { TaskLease } from '../../../src/jobs/task-lease.js';

/** A lease of 100 ms on a clock that the test turns; `grant` says what the store answers. */
function leaseOn(clock: { now: number }, grant = () => true) {
  const asked: number[] = [];
  const store = {
    acquireLease: async (_task: string, ms: number) => {
      asked.push(ms);
      return grant();
    },
  };
  return { lease: new TaskLease(store, 'work', 100, () => clock.now), asked };
}

describe('the lease of a task', () => {
  it('is prolonged when half of its time has passed, and asks the store no earlier', async () => {
    const clock = { now: 0 };
    const { lease, asked } = leaseOn(clock);
    assert.equal(lease.isHeld, false);
    assert.equal(await lease.acquire(), true);
    assert.equal(lease.isHeld, true);
    clock.now = 49;
    assert.equal(await lease.acquire(), true);
    assert.deepEqual(asked, [100]);
    clock.now = 50;
    assert.equal(await lease.acquire(), true);
    assert.deepEqual(asked, [100, 100]);
    clock.now = 149;
    assert.equal(lease.isHeld, true);
    clock.now = 150;
    assert.equal(lease.isHeld, false);
  });

  it('is lost when another process has it', async () => {
    const clock = { now: 0 };
    let granted = true;
    const { lease } = leaseOn(clock, () => granted);
    await lease.acquire();
    clock.now = 60;
    granted = false;
    assert.equal(await lease.acquire(), false);
    assert.equal(lease.isHeld, false);
  });

  it('is given back once, and only where it was taken', async () => {
    const { lease, asked } = leaseOn({ now: 0 });
    await lease.release();
    await lease.acquire();
    await lease.release();
    await lease.release();
    assert.deepEqual(asked, [100, 0]);
    assert.equal(lease.isHeld, false);
  });
});
