import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { createBreather } from '../../../src/platform/breather.js';

/** Holds the loop. */
function hold(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe('createBreather', () => {
  it('lets others in once pieces have held the loop for a while', async () => {
    const breather = createBreather();
    let turns = 0;
    const counting = setInterval(() => turns++, 0);
    for (let i = 0; i < 20; i++) {
      const others = breather.before();
      if (others) await others;
      breather.piece(() => hold(6));
    }
    clearInterval(counting);
    assert.ok(turns >= 5, `${turns} turns`);
  });

  it('does not wait for anybody before that', () => {
    const breather = createBreather();
    assert.equal(breather.before(), undefined);
    assert.equal(
      breather.piece(() => 'done'),
      'done',
    );
    assert.equal(breather.before(), undefined);
  });

  it('keeps the order of those who wait', async () => {
    const breather = createBreather();
    const order: number[] = [];
    breather.piece(() => hold(12));
    await Promise.all(
      [1, 2, 3, 4].map(async n => {
        await breather.before();
        breather.piece(() => {
          order.push(n);
          hold(12);
        });
      }),
    );
    assert.deepEqual(order, [1, 2, 3, 4]);
  });
});
