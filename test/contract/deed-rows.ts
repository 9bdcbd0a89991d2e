/** Deeds (src/store/deeds.ts): what is committed with them is found by their keys, in the order of their times, exactly once. */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import { type Deed, type DeedQuery, type DeedShape, deedsIn } from '../../src/store/deeds.js';
import { put } from '../support/changes.js';
import type { Subject } from './store-suite.js';

const shape: DeedShape = { id: 2 ** 47 + 5, text: '{"a":1}' };
const deed = (text: string, at: number, ...keys: readonly number[]): Deed => ({
  ...{ at, events: 2, shape, keys },
  bytes: Buffer.from(text),
});

export function deedRows(subject: Subject): void {
  const texts = async (query: Partial<DeedQuery> = {}): Promise<string[]> =>
    (await subject.store.deeds.find({ limit: 1000, ...query })).flatMap(row =>
      deedsIn(row.bytes).map(bytes => Buffer.from(bytes).toString()),
    );
  const commit = (...deeds: readonly Deed[]) => subject.store.commit({ changes: [], deeds });

  it('are there when their commit resolves, and after the store was closed', async () => {
    await subject.store.deeds.keepShapes([shape, { id: 1, text: 'one' }]);
    await subject.store.deeds.keepShapes([{ id: 1, text: 'another' }]);
    await commit(deed('a', 1000, 7, 2 ** 52));
    assert.deepEqual(await texts(), ['a']);
    await subject.reopen();
    assert.deepEqual(await texts({ keys: [[2 ** 52]] }), ['a']);
    assert.deepEqual(
      (await subject.store.deeds.shapes()).toSorted((a, b) => a.id - b.id),
      [{ id: 1, text: 'one' }, shape],
    );
  });

  it('are kept with the changes of their commit, or not at all', async () => {
    const patient = put({ resourceType: 'Patient', id: 'with-deed' });
    await subject.store.commit({ changes: [patient], deeds: [deed('kept', 2000, 8)] });
    assert.deepEqual(await texts({ keys: [[8]] }), ['kept']);
    await assert.rejects(subject.store.commit({ changes: [patient], deeds: [deed('lost', 2000, 8)] }), {
      kind: 'conflict',
    });
    assert.deepEqual(await texts({ keys: [[8]] }), ['kept']);
  });

  it('are kept of each commit of a group, whoever else in it is refused', async () => {
    const patient = put({ resourceType: 'Patient', id: 'in-group' });
    const asked = Array.from({ length: 40 }, (_, i) => {
      const changes = i % 4 === 0 ? [patient] : [];
      return subject.store.commit({ changes, deeds: [deed(`g${i}`, 3000 + i, 9, 100 + i)] });
    });
    const settled = await Promise.allSettled(asked);
    const kept = settled.flatMap(({ status }, i) => (status === 'fulfilled' ? [`g${i}`] : []));
    assert.ok(kept.length >= 30 && kept.length < 40);
    assert.deepEqual((await texts({ keys: [[9]] })).toSorted(), kept.toSorted());
    for (const [i, { status }] of settled.entries()) {
      const found = await texts({ keys: [[100 + i]] });
      assert.equal(found.includes(`g${i}`), status === 'fulfilled');
    }
  });

  it('are walked in both directions, from any place, by any key and between times', async () => {
    const base = 10_000_000;
    const all = Array.from({ length: 60 }, (_, i) => deed(`w${i}`, base + i * 2000, 50, 60 + (i % 3), 70 + (i % 4)));
    // Each in a commit of its own, the newest first.
    for (const one of all.toReversed()) await commit(one);
    const names = all.map((_, i) => `w${i}`);
    const from = base - 1;
    assert.deepEqual(await texts({ from, oldestFirst: true }), names);
    assert.deepEqual(await texts({ from }), names.toReversed());
    for (const keys of [undefined, [[50]], [[60, 61, 62]], [[50], [60, 61, 62]]])
      for (const oldestFirst of [undefined, true] as const) {
        const found: string[] = [];
        for (let after: DeedQuery['after']; ; ) {
          const rows = await subject.store.deeds.find({
            ...{ limit: 7, from, after },
            ...(keys ? { keys } : {}),
            ...(oldestFirst ? { oldestFirst } : {}),
          });
          found.push(...rows.flatMap(row => deedsIn(row.bytes).map(bytes => Buffer.from(bytes).toString())));
          if (rows.length < 7) break;
          after = [rows.at(-1)!.last, rows.at(-1)!.sequence];
        }
        assert.deepEqual(found, oldestFirst ? names : names.toReversed());
      }
    assert.deepEqual(
      await texts({ from, keys: [[61], [70]], oldestFirst: true }),
      names.filter((_, i) => i % 3 === 1 && i % 4 === 0),
    );
    assert.deepEqual(await texts({ from: base + 4000, to: base + 8000 }), ['w4', 'w3', 'w2']);
    assert.deepEqual(await texts({ keys: [[12345]] }), []);
  });

  it('stand in rows of a second at most', async () => {
    const base = 90_000_000;
    await commit(...[0, 400, 1000, 1001, 60_000].map((ms, i) => deed(`s${i}`, base + ms, 200)).toReversed());
    const rows = await subject.store.deeds.find({ from: base, limit: 10, oldestFirst: true });
    assert.deepEqual(
      rows.map(({ last, events, bytes }) => [last - base, events, deedsIn(bytes).length]),
      [
        [1000, 6, 3],
        [1001, 2, 1],
        [60_000, 2, 1],
      ],
    );
  });

  it('are counted by their events', async () => {
    const before = await subject.store.deeds.events();
    await commit(deed('c', 1, 1), deed('d', 2, 2));
    assert.equal(await subject.store.deeds.events(), before + 4);
  });

  it('are found by many keys at once, and by two of which one is that of all', async () => {
    const base = 300_000_000;
    const keys = Array.from({ length: 3000 }, (_, i) => 10_000 + i);
    await commit(deed('many keys', base, ...keys));
    const wanted = keys.slice(0, 100).map(key => [key]);
    assert.deepEqual(await texts({ from: base, keys: wanted }), ['many keys']);
    assert.deepEqual(await texts({ from: base, keys: [...wanted, [1]] }), []);
    const [some, whole] = [await subject.store.deeds.events(1), await subject.store.deeds.events()];
    assert.ok(some >= 1 && some < whole);
  });

  it('may be many and long', async () => {
    const base = 200_000_000;
    const long = 'x'.repeat(100_000);
    await commit(
      ...Array.from({ length: 700 }, (_, i) => deed(i % 100 === 0 ? long : `m${i}`, base + i, 300, 1000 + i)),
    );
    assert.equal((await texts({ from: base, keys: [[300]] })).length, 700);
    assert.ok((await texts({ from: base, keys: [[1600]] })).includes(long));
  });
}
