/** Time that everything that is done for one request shares. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { createSharedTime } from '../../../src/platform/shared-time.js';

describe('time that is shared', () => {
  it('runs from the first question, for all that is done inside', async () => {
    let now = 0;
    const time = createSharedTime(100, () => now);
    await time.within(async () => {
      now = 1000;
      assert.equal(time.left(), 100);
      now = 1040;
      await Promise.resolve();
      await time.within(async () => assert.equal(time.left(), 60));
      now = 2000;
      assert.equal(time.left(), 0);
    });
    assert.equal(await time.within(async () => time.left()), 100);
  });

  it('is whole for each who asks outside of any', () => {
    const time = createSharedTime(100, () => 5);
    assert.deepEqual([time.left(), time.left()], [100, 100]);
  });
});
