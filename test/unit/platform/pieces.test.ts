import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { atOnce, breathe, inPieces, turn } from '../../../src/platform/pieces.js';

function* three(done: string[]): Generator<void, string> {
  for (const piece of ['a', 'b', 'c']) {
    done.push(piece);
    yield;
  }
  return done.join('');
}
const spin = (ms: number): void => {
  for (const end = performance.now() + ms; performance.now() < end; );
};

describe('work in pieces', () => {
  it('is done at once', () => assert.equal(atOnce(three([])), 'abc'));

  it('lets others come between two pieces', async () => {
    const done: string[] = [];
    const work = inPieces(three(done));
    setImmediate(() => done.push('other'));
    await work;
    assert.ok(done.indexOf('other') < done.indexOf('c'));
  });

  it('goes on for one of those who wait at a time', async () => {
    const order: string[] = [];
    const all = [1, 2, 3].map(async each => {
      await turn();
      order.push(`work ${each}`);
    });
    const watch = (): void => {
      order.push('other');
      if (order.length < 6) setImmediate(watch);
    };
    setImmediate(watch);
    await Promise.all(all);
    assert.deepEqual(order.slice(0, 5), ['work 1', 'other', 'work 2', 'other', 'work 3']);
  });

  it('breathes only when it has taken long', async () => {
    let turned = true;
    // A machine that has much to do may stop the process for as long.
    for (let again = 0; turned && again < 20; again++) {
      await turn();
      turned = false;
      await breathe();
      setImmediate(() => (turned = true));
      await breathe();
    }
    assert.equal(turned, false);
    spin(15);
    await breathe();
    assert.equal(turned, true);
  });
});
