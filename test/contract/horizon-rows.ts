/** Rows of the store contract: up to where everything is there, whatever is being written. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { it } from 'mocha';
import type { OpenStamp, Store } from '../../src/store/store.js';
import { put } from '../support/changes.js';
import { queryOf } from '../support/queries.js';
import type { Subject } from './store-suite.js';

/** Several processes agree on it from time to time. */
async function horizonBeyond(store: Store, time: number): Promise<number> {
  while (store.horizon() <= time) await pause(5);
  return store.horizon();
}

/** Waits until the time is another one: what is stamped then is younger. */
async function later(stamp: OpenStamp, than: number): Promise<number> {
  while (stamp.now() <= than) await pause(5);
  return stamp.now();
}

export function horizonRows(subject: Subject): void {
  const patient = (id: string, updated: number) => put({ resourceType: 'Patient', id }, { updated });
  const idsSince = async (store: Store, since: number): Promise<string[]> => {
    const query = queryOf(`Patient?_lastUpdated=ge${new Date(since).toISOString()}`);
    return (await store.find({ ...query, limit: 1000 })).rows.map(({ id }) => id);
  };

  it('stays behind what is stamped and not committed, and passes it then', async () => {
    const { store } = subject;
    const long = store.openStamp();
    const stamped = long.now();
    const short = store.openStamp();
    const after = await later(short, stamped);
    await store.commit({ stamp: short, changes: [patient('short', after)] });
    short.close();
    assert.deepEqual(await idsSince(store, stamped), ['short']);
    assert.ok(store.horizon() <= stamped);
    await store.commit({ stamp: long, changes: [patient('long', stamped)] });
    assert.ok(store.horizon() <= stamped);
    long.close();
    await horizonBeyond(store, after);
    assert.deepEqual((await idsSince(store, stamped)).toSorted(), ['long', 'short']);
  });

  it('passes what was not committed after all', async () => {
    const { store } = subject;
    const stamp = store.openStamp();
    const stamped = stamp.now();
    const taken = patient('short', stamped);
    await assert.rejects(store.commit({ stamp, changes: [taken] }), { kind: 'conflict' });
    assert.ok(store.horizon() <= stamped);
    stamp.close();
    await horizonBeyond(store, stamped);
  });

  it('is never above what is stamped afterwards, and never falls, under writers', async () => {
    const { store } = subject;
    const writing = new Set(Array.from({ length: 8 }, (_, i) => i));
    let given = -Infinity;
    const seen = new Map<string, number>();
    const write = async (writer: number): Promise<void> => {
      for (let i = 0; i < 20; i++) {
        const stamp = store.openStamp();
        try {
          const before = store.horizon();
          const updated = stamp.now();
          assert.ok(updated >= before);
          const id = `w${writer}-${i}`;
          seen.set(id, updated);
          await store.commit({ stamp, changes: [patient(id, updated)] });
        } finally {
          stamp.close();
        }
      }
      writing.delete(writer);
    };
    /** Windows from one horizon to the next: each version is in exactly one of them, the first that is asked. */
    const found: string[] = [];
    let from = await horizonBeyond(store, 0);
    const take = async (): Promise<void> => {
      const to = store.horizon();
      assert.ok(to >= given);
      given = to;
      const { rows } = await store.find({ ...queryOf('Patient?_lastUpdated=ge2000'), limit: 1000 });
      found.push(...rows.filter(({ updated }) => updated >= from && updated < to).map(({ id }) => id));
      from = to;
      await pause(5);
    };
    const poll = async (): Promise<void> => {
      while (writing.size > 0) await take();
    };
    const start = from;
    await Promise.all([...[...writing].map(write), poll()]);
    await horizonBeyond(store, Math.max(...seen.values()));
    await take();
    const wanted = [...seen].filter(([, updated]) => updated >= start).map(([id]) => id);
    assert.deepEqual(found.filter(id => id.startsWith('w')).toSorted(), wanted.toSorted());
    assert.ok(wanted.length > 0);
  });

  it('is not lower when the store is opened again', async () => {
    const { store } = subject;
    const stamp = store.openStamp();
    const updated = stamp.now();
    await store.commit({ stamp, changes: [patient('last', updated)] });
    stamp.close();
    const given = store.horizon();
    const again = await subject.reopen();
    await horizonBeyond(again, given - 1);
    const next = again.openStamp();
    assert.ok(next.now() >= updated);
    next.close();
  });
}
