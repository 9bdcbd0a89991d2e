/** Point reads of MongoDB: what is asked in one turn is one question, and each gets its own row. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Connected } from '../../../src/store/mongo/connection.js';
import { gatherReads } from '../../../src/store/mongo/rows.js';

/** A database that has every id but those that begin with `no`, and notes what it is asked. */
function noting() {
  const asked: string[][] = [];
  const rowOf = (_id: string) => ({ _id });
  const resource = { collectionName: 'resource' };
  const db = {
    command({ filter }: { filter: { _id: string | { $in: string[] } } }) {
      const ids = typeof filter._id === 'string' ? [filter._id] : filter._id.$in;
      asked.push(ids);
      const firstBatch = ids.filter(id => !id.startsWith('no')).map(rowOf);
      return Promise.resolve({ cursor: { id: 0, firstBatch } });
    },
  };
  const read = gatherReads(() => Promise.resolve({ db, resource } as unknown as Connected), 1000);
  return { asked, read };
}

describe('point reads of MongoDB', () => {
  it('go by themselves where they are alone', async () => {
    const { asked, read } = noting();
    assert.deepEqual(await read('a'), { _id: 'a' });
    assert.equal(await read('none'), undefined);
    assert.deepEqual(asked, [['a'], ['none']]);
  });

  it('go together where they are asked in one turn, each id once', async () => {
    const { asked, read } = noting();
    const found = await Promise.all(['a', 'none', 'b', 'a'].map(read));
    assert.deepEqual(found, [{ _id: 'a' }, undefined, { _id: 'b' }, { _id: 'a' }]);
    assert.deepEqual(asked, [['a', 'none', 'b']]);
  });

  it('are divided where they are many', async () => {
    const { asked, read } = noting();
    const ids = Array.from({ length: 150 }, (_, i) => `id${i}`);
    const found = await Promise.all(ids.map(read));
    assert.deepEqual(
      found.map(row => row?._id),
      ids,
    );
    assert.deepEqual(
      asked.map(each => each.length),
      [64, 64, 22],
    );
  });
});
