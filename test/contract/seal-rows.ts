/** The ledger of a store (src/store/seals.ts): rows of deeds by their place in a stream, and what is kept beside them. */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import type { Subject } from './store-suite.js';

export function sealRows(subject: Subject): void {
  const note = (name: string, value: string) => ({ name, value: Buffer.from(value) });
  const texts = async (asked: Omit<Parameters<typeof subject.store.deeds.notes.find>[0], 'limit'>, limit = 10) =>
    (await subject.store.deeds.notes.find({ ...asked, limit })).map(
      ({ name, value }) => `${name}=${Buffer.from(value).toString()}`,
    );

  it('keeps notes by name, finds them in order from any place, and drops them', async () => {
    const { notes } = subject.store.deeds;
    await notes.keep([note('a/2', 'two'), note('a/1', 'one'), note('ab/1', 'other'), note('a/3', 'three')]);
    assert.deepEqual(await texts({ prefix: 'a/' }), ['a/1=one', 'a/2=two', 'a/3=three']);
    assert.deepEqual(await texts({ prefix: 'a/', newestFirst: true }, 2), ['a/3=three', 'a/2=two']);
    assert.deepEqual(await texts({ prefix: 'a/', after: 'a/1' }), ['a/2=two', 'a/3=three']);
    assert.deepEqual(await texts({ prefix: 'a/', after: 'a/3', newestFirst: true }), ['a/2=two', 'a/1=one']);
    await notes.keep([note('a/2', 'again')]);
    await notes.drop(['a/1', 'no such']);
    await notes.keep([]);
    await subject.reopen();
    assert.deepEqual(await texts({ prefix: 'a/' }), ['a/2=again', 'a/3=three']);
    assert.deepEqual(await texts({ prefix: '' }), ['a/2=again', 'a/3=three', 'ab/1=other']);
  });
}
