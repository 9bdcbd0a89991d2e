import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { createRoom } from '../../../src/platform/room.js';

describe('room', () => {
  it('lets in what fits, the rest in its order when others leave', async () => {
    const room = createRoom(10);
    const order: string[] = [];
    const first = await room.enter(6, 60_000);
    const large = room.enter(8, 60_000).then(place => (order.push('large'), place));
    const small = room.enter(2, 60_000).then(place => (order.push('small'), place));
    first?.keep(6);
    await new Promise(setImmediate);
    assert.deepEqual(order, []);
    first?.keep(0);
    await Promise.all([large, small]);
    assert.deepEqual(order, ['large', 'small']);
  });

  it('gives back what is not needed, once', async () => {
    const room = createRoom(10);
    const first = await room.enter(10, 60_000);
    first?.keep(4);
    first?.keep(8);
    const second = await room.enter(6, 60_000);
    assert.ok(second);
    assert.equal(await room.enter(1, 1), undefined);
    first?.keep(0);
    first?.keep(0);
    assert.ok(await room.enter(4, 60_000));
    assert.equal(await room.enter(1, 1), undefined);
  });

  it('takes what is larger than itself when it is empty', async () => {
    const room = createRoom(10);
    const all = await room.enter(1000, 60_000);
    assert.equal(await room.enter(1, 1), undefined);
    all?.keep(0);
    assert.ok(await room.enter(1, 60_000));
  });

  it('lets the next one in when who waits before it gives up', async () => {
    const room = createRoom(10);
    assert.ok(await room.enter(6, 60_000));
    const large = room.enter(8, 1);
    const small = room.enter(2, 60_000);
    assert.equal(await large, undefined);
    assert.ok(await small);
  });
});
