/** Rows of the store contract: what is no resource, under its kind and id. */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import { isRecordAltered, type KeptRecord } from '../../src/store/records.js';
import { depthOf } from '../support/depth.js';
import type { Subject } from './store-suite.js';

/** Takers of one code. */
const TAKERS = depthOf('TAKERS');
const PAST = 1_000_000_000_000;
const FUTURE = 9_000_000_000_000;

export function recordRows(subject: Subject): void {
  const record = (id: string, more: { value?: string; group?: string; expires?: number } = {}) => ({
    kind: 'test',
    id,
    value: `value of ${id}`,
    ...more,
  });

  it('gives back what was put, also after it was opened again', async () => {
    const full = record('whole', { group: 'a grant', expires: FUTURE, value: '{"ü":"\\u0000 \'"}' });
    const revision = await subject.store.records.put(full);
    await subject.store.records.put(record('plain'));
    assert.ok(revision);
    const { records } = await subject.reopen();
    assert.deepEqual(await records.get('test', 'whole'), { ...full, revision });
    assert.deepEqual(Object.keys((await records.get('test', 'plain'))!).toSorted(), [
      'id',
      'kind',
      'revision',
      'value',
    ]);
    assert.equal(await records.get('test', 'nothing'), undefined);
    assert.equal(await records.get('tes', 't/whole'), undefined);
  });

  it('puts one in place of another, with another revision', async () => {
    const { records } = subject.store;
    const first = await records.put(record('twice', { group: 'g', expires: FUTURE }));
    const second = await records.put(record('twice', { value: 'second' }));
    assert.notEqual(first, second);
    assert.deepEqual(await records.get('test', 'twice'), { ...record('twice', { value: 'second' }), revision: second });
  });

  it('puts only over the revision that was named, or where nothing is', async () => {
    const { records } = subject.store;
    const first = await records.put(record('once'), null);
    assert.ok(first);
    assert.equal(await records.put(record('once', { value: 'other' }), null), undefined);
    assert.equal(await records.put(record('once', { value: 'other' }), 'x'), undefined);
    assert.equal((await records.get('test', 'once'))?.value, 'value of once');
    const second = await records.put(record('once', { value: 'next' }), first);
    assert.ok(second);
    assert.equal(await records.put(record('once', { value: 'late' }), first), undefined);
    assert.equal((await records.get('test', 'once'))?.value, 'next');
    assert.equal(await records.put(record('missing'), 'x'), undefined);
    assert.equal(await records.get('test', 'missing'), undefined);
  });

  it('counts those of a kind that are not over, as far as is asked', async () => {
    const { records } = subject.store;
    for (const id of ['a', 'b', 'c']) await records.put({ ...record(id), kind: 'counted', expires: FUTURE });
    await records.put({ ...record('d'), kind: 'counted' });
    await records.put({ ...record('over'), kind: 'counted', expires: PAST });
    await records.put({ ...record('a'), kind: 'counted-not' });
    assert.deepEqual(
      [await records.count('counted', 100), await records.count('counted', 3), await records.count('nothing', 5)],
      [4, 3, 0],
    );
  });

  it('lets one of many win who put at the same time', async () => {
    const { records } = subject.store;
    const put = await Promise.all(
      Array.from({ length: 50 }, (_, i) => records.put(record('race', { value: String(i) }), null)),
    );
    const won = put.flatMap((revision, i) => (revision === undefined ? [] : [i]));
    assert.equal(won.length, 1);
    assert.equal((await records.get('test', 'race'))?.value, String(won[0]));
    await Promise.all(Array.from({ length: 50 }, (_, i) => records.put(record('open', { value: String(i) }))));
    assert.ok(await records.get('test', 'open'));
  });

  it(`gives one code to one of ${TAKERS} who take it at once`, async () => {
    const { records } = subject.store;
    await records.put(record('code'));
    const taken = await Promise.all(Array.from({ length: TAKERS }, () => records.take('test', 'code')));
    assert.deepEqual(
      taken.flatMap(each => (each ? [each.value] : [])),
      ['value of code'],
    );
    assert.equal(await records.get('test', 'code'), undefined);
  });

  it('gives one of a revision, and no other that stands in its place', async () => {
    const { records } = subject.store;
    const first = await records.put(record('revised'));
    const second = await records.put(record('revised', { value: 'again' }));
    assert.equal(await records.take('test', 'revised', first), undefined);
    assert.equal((await records.take('test', 'revised', second))?.value, 'again');
    assert.equal(await records.take('test', 'revised', second), undefined);
  });

  it('gives nothing that is over, and takes it away', async () => {
    const { records } = subject.store;
    await records.put(record('old', { expires: PAST }));
    await records.put(record('new', { expires: FUTURE, group: 'times' }));
    assert.equal(await records.get('test', 'old'), undefined);
    assert.equal(await records.take('test', 'old'), undefined);
    assert.deepEqual(await records.list('test', 10, { group: 'times' }), [await records.get('test', 'new')]);
    // What is over does not keep another one from being made.
    assert.ok(await records.put(record('old', { value: 'again' }), null));
    assert.equal((await records.get('test', 'old'))?.value, 'again');
    await records.put(record('older', { expires: PAST }));
    await records.expire();
    assert.equal(await records.expire(), 0);
    assert.ok(await records.get('test', 'new'));
    assert.ok(await records.get('test', 'old'));
  });

  it('removes those of a group, of all kinds, and no others', async () => {
    const { records } = subject.store;
    await records.put({ ...record('r1', { group: 'family' }), kind: 'code' });
    await records.put({ ...record('r2', { group: 'family' }), kind: 'token' });
    await records.put({ ...record('r3', { group: 'family2' }), kind: 'token' });
    assert.equal(await records.remove('family'), 2);
    assert.equal(await records.remove('family'), 0);
    assert.equal(await records.get('code', 'r1'), undefined);
    assert.ok(await records.get('token', 'r3'));
  });

  it('lists a kind in the order of ids, by pages', async () => {
    const { records } = subject.store;
    for (const id of ['b', 'a', 'd', 'c']) await records.put({ ...record(id), kind: 'user' });
    await records.put({ ...record('e'), kind: 'user-x' });
    const ids = async (limit: number, after?: string) =>
      (await records.list('user', limit, after === undefined ? {} : { after })).map(({ id }) => id);
    assert.deepEqual(await ids(3), ['a', 'b', 'c']);
    assert.deepEqual(await ids(3, 'c'), ['d']);
    assert.deepEqual(await ids(3, 'd'), []);
  });

  it('gives all of them to whoever checks, and tells which say something else than what was put', async () => {
    const { records } = subject.store;
    for (let i = 0; i < 230; i++) await records.put({ ...record(`of many ${i}`), kind: i % 2 ? 'many' : 'many-x' });
    const all: KeptRecord[] = [];
    for await (const each of records.all()) all.push(each);
    assert.equal(all.filter(({ kind }) => kind.startsWith('many')).length, 230);
    assert.equal(new Set(all.map(({ kind, id }) => `${kind}/${id}`)).size, all.length);
    assert.equal(all.some(isRecordAltered), false);
    const [one] = all;
    for (const other of [{ value: 'x' }, { id: 'x' }, { expires: 1 }, { group: 'x' }])
      assert.equal(isRecordAltered({ ...one!, ...other }), true);
  });

  it('refuses names that cannot be kept', async () => {
    const { records } = subject.store;
    for (const wrong of [{ kind: 'a/b' }, { id: '' }, { id: 'x'.repeat(301) }, { value: 'x'.repeat(262_145) }])
      await assert.rejects(records.put({ ...record('wrong'), ...wrong }), { kind: 'fault' });
  });
}
