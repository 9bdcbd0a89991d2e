/** How names are looked up: few at a time, and each once for all who wait for it. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { createResolver } from '../../../src/outgoing/resolver.js';

const turns = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
};

function looked() {
  const open = new Map<string, (fail?: Error) => void>();
  const asked: string[] = [];
  const resolve = createResolver(
    name =>
      new Promise((done, fail) => {
        asked.push(name);
        open.set(name, error => (error ? fail(error) : done([{ address: name, family: 4 }])));
      }),
  );
  return { resolve, asked, open };
}

describe('the resolver', () => {
  it('looks up two names at a time, in their order, failures or not', async () => {
    const { resolve, asked, open } = looked();
    const found = ['a', 'b', 'c', 'd'].map(name =>
      resolve(name).then(
        ([first]) => first?.address,
        (error: Error) => error.message,
      ),
    );
    await turns();
    assert.deepEqual(asked, ['a', 'b']);
    open.get('b')!(new Error('no such name'));
    await turns();
    assert.deepEqual(asked, ['a', 'b', 'c']);
    open.get('c')!();
    await turns();
    open.get('d')!();
    open.get('a')!();
    assert.deepEqual(await Promise.all(found), ['a', 'no such name', 'c', 'd']);
  });

  it('looks a name up once for all who wait, and again for who comes later', async () => {
    const { resolve, asked, open } = looked();
    const all = Promise.all(Array.from({ length: 20 }, () => resolve('a')));
    await turns();
    open.get('a')!();
    assert.equal((await all).length, 20);
    assert.deepEqual(asked, ['a']);
    const later = resolve('a');
    await turns();
    open.get('a')!();
    await later;
    assert.deepEqual(asked, ['a', 'a']);
  });

  it('knows what the system knows', async () => {
    const found = await createResolver()('localhost');
    assert.ok(found.some(({ address }) => address === '127.0.0.1' || address === '::1'));
  });
});
