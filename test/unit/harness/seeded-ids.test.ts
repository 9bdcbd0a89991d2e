/** Ids from a seed: always the same ones, of the form of all others, and of no seed those of another. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { seededIds } from '../../../src/harness/seeded-ids.js';

const NOW = Date.UTC(2026, 4, 5);
const some = (seed: number): string[] => {
  const ids = seededIds(seed);
  return Array.from({ length: 1000 }, (_, i) => (i % 3 === 0 ? ids.uuid() : ids.id(NOW + Math.floor(i / 100))));
};

describe('ids from a seed', () => {
  it('are the same for the same seed, and others for another', () => {
    assert.deepEqual(some(7), some(7));
    const other = new Set(some(8));
    assert.deepEqual(
      some(7).filter(id => other.has(id)),
      [],
    );
  });

  it('rise, and look like those by chance', () => {
    const ids = some(7).filter(id => !id.includes('-'));
    assert.deepEqual(ids, [...new Set(ids)].toSorted());
    assert.equal(Number.parseInt(ids[0]!.slice(0, 10), 36), (NOW - Date.UTC(2020, 0, 1)) * 1024);
    for (const id of ids) assert.match(id, /^[0-9a-z]{14}$/);
    for (const id of some(7).filter(each => each.includes('-')))
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
