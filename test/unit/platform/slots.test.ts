/** Things that are shared, one at a time. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Slots } from '../../../src/platform/slots.js';

describe('slots', () => {
  it('are made when they are needed, never more than there may be, and used again', async () => {
    let made = 0;
    const slots = new Slots(2, () => ++made);
    assert.equal(made, 0);
    const one = await slots.take();
    slots.give(one);
    assert.equal(await slots.take(), one);
    assert.equal(made, 1);
    await slots.take();
    void slots.take();
    assert.equal(made, 2);
  });

  it('are waited for in the order of arrival', async () => {
    const slots = new Slots(1, () => 'it');
    const got: number[] = [];
    await slots.take();
    const waiting = [1, 2, 3].map(async each => {
      await slots.take();
      got.push(each);
    });
    await new Promise(setImmediate);
    assert.deepEqual(got, []);
    slots.give('it');
    await waiting[0];
    await new Promise(setImmediate);
    assert.deepEqual(got, [1]);
    slots.give('it');
    slots.give('it');
    await Promise.all(waiting);
    assert.deepEqual(got, [1, 2, 3]);
  });
});
