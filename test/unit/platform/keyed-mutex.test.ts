import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, it } from 'mocha';
import { createKeyedMutex } from '../../../src/platform/keyed-mutex.js';

describe('turns', () => {
  it('run one after the other for one key, in order', async () => {
    const turns = createKeyedMutex();
    const seen: string[] = [];
    const work = (name: string, ms: number) => async () => {
      seen.push(`${name}+`);
      await wait(ms);
      seen.push(`${name}-`);
    };
    await Promise.all([turns('a', work('1', 5)), turns('a', work('2', 1)), turns('a', work('3', 0))]);
    assert.deepEqual(seen, ['1+', '1-', '2+', '2-', '3+', '3-']);
  });
  it('do not touch other keys', async () => {
    const turns = createKeyedMutex();
    const order: string[] = [];
    await Promise.all([
      turns('a', () => wait(20).then(() => void order.push('a'))),
      turns('b', async () => void order.push('b')),
    ]);
    assert.deepEqual(order, ['b', 'a']);
  });
  it('go on after a failure, and give the failure to its own caller', async () => {
    const turns = createKeyedMutex();
    const failing = turns('a', () => Promise.reject(new Error('no')));
    const next = turns('a', async () => 'yes');
    await assert.rejects(failing, /no/);
    assert.equal(await next, 'yes');
  });
});
