/** The horizon of several server processes on one MongoDB database: it passes nobody who may still commit. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { MongoClient } from 'mongodb';
import { type MongoOptions, openMongo } from '../../src/store/mongo/index.js';
import type { FactDocument } from '../../src/store/mongo/schema.js';
import type { OpenStamp, Store } from '../../src/store/store.js';
import { layout, put } from '../support/changes.js';
import { sharedMongo } from '../support/mongo.js';
import { deedCalled } from '../support/outbox.js';

const HOUR = 3_600_000;
const HORIZONS = { _id: { $gte: 'horizon/', $lt: 'horizon/~' } };
const soon = (): Promise<void> => pause(5);

async function passes(store: Store, time: number): Promise<void> {
  while (store.horizon() <= time) await soon();
}

describe('the horizon of several processes', () => {
  let url = '';
  let opened: Store[] = [];
  let client: MongoClient;
  const facts = () => client.db().collection<FactDocument>('fact');

  before(async function () {
    if ('skipped' in (await sharedMongo())) this.skip();
  });
  beforeEach(async () => {
    const mongo = await sharedMongo();
    if ('skipped' in mongo) return;
    url = mongo.database(`horizon-${randomUUID()}`);
    client = await new MongoClient(url).connect();
  });
  afterEach(async () => {
    await Promise.all(opened.map(store => store.close()));
    opened = [];
    await client.close();
  });

  const open = async (options: Partial<MongoOptions> = {}): Promise<Store> => {
    const store = await openMongo({ url, layout, ...options });
    opened.push(store);
    await store.migrate();
    return store;
  };
  let ids = 0;
  const commit = (store: Store, stamp: OpenStamp) =>
    store.commit({
      stamp,
      changes: [put({ resourceType: 'Patient', id: `p${++ids}` }, { updated: stamp.now() })],
    });
  /** Waits until every process has told and heard of the others twice. */
  async function turns(...stores: readonly Store[]): Promise<void> {
    for (let round = 0; round < 2; round++)
      for (const { _id, ends } of await facts()
        .find({ ...HORIZONS, name: { $exists: true } })
        .toArray())
        while ((await facts().findOne({ _id }))?.ends?.getTime() === ends?.getTime() && stores.length > 0) await soon();
  }

  it('stays behind the oldest stamp of any of them', async () => {
    const [a, b] = [await open(), await open()];
    const stamp = a.openStamp();
    const at = stamp.now();
    await turns(a, b);
    assert.ok(a.horizon() <= at && b.horizon() <= at);
    const other = b.openStamp();
    await commit(b, other);
    other.close();
    await turns(a, b);
    assert.ok(a.horizon() <= at && b.horizon() <= at);
    await commit(a, stamp);
    stamp.close();
    await Promise.all([passes(a, at), passes(b, at)]);
  });

  it('stands still while somebody joins, and goes on when they have or are no more', async () => {
    const a = await open();
    const _id = 'horizon/somebody';
    await facts().insertOne({ _id, joining: true, horizon: 0, ends: new Date(Date.now() + HOUR) });
    await turns(a);
    const stood = a.horizon();
    await turns(a);
    assert.equal(a.horizon(), stood);
    await facts().updateOne({ _id }, { $set: { joining: false, horizon: stood + 5 } });
    await passes(a, stood + 4);
    await turns(a);
    assert.equal(a.horizon(), stood + 5);
    await facts().updateOne({ _id }, { $set: { ends: new Date(Date.now() - HOUR) } });
    await passes(a, stood + 5);
  });

  for (const lane of ['in a transaction', 'by itself'])
    it(`passes over who is not heard of, and refuses what was stamped before: written ${lane}`, async () => {
      const [a, b] = [await open(), await open()];
      const stamp = a.openStamp();
      const at = stamp.now();
      await turns(a, b);
      // As if it had been stopped for longer than its lease.
      while (!stamp.outdated) {
        await facts().updateMany(
          { ...HORIZONS, horizon: { $lte: at }, joining: false },
          { $set: { ends: new Date(0) } },
        );
        await soon();
      }
      const late = () =>
        lane === 'by itself'
          ? a.commit({ stamp, changes: [], deeds: [{ ...deedCalled('late'), at: stamp.now() }] })
          : commit(a, stamp);
      await assert.rejects(late, { kind: 'conflict' });
      stamp.close();
      await passes(b, at);
      const next = a.openStamp();
      assert.ok(next.now() >= b.horizon() || next.now() > at);
      await commit(a, next);
      next.close();
      assert.equal(lane === 'by itself' || (await b.read('Patient', `p${ids - 1}`)) === undefined, true);
      assert.deepEqual(await b.deeds.find({ limit: 1 }), []);
      assert.ok(await b.read('Patient', `p${ids}`));
    });

  it('is no higher than what is stamped by who joins with a clock that is behind', async () => {
    const a = await open();
    await passes(a, 0);
    const given = a.horizon();
    const late = await open({ now: () => Date.now() - HOUR });
    const stamp = late.openStamp();
    const at = stamp.now();
    assert.ok(at >= given);
    await turns(a, late);
    assert.ok(a.horizon() <= at);
    await commit(late, stamp);
    stamp.close();
  });

  it('goes by the slowest clock, to which nobody who joins adds that of the fastest', async () => {
    const right = await open();
    await open({ now: () => Date.now() + HOUR });
    const late = await open();
    const stamp = late.openStamp();
    assert.ok(stamp.now() < Date.now() + HOUR / 2);
    stamp.close();
    const since = right.horizon();
    await Promise.all([passes(right, since + 1), passes(late, since + 1)]);
  });

  it('is not lower after all have gone, even with a clock that is behind', async () => {
    const a = await open();
    const stamp = a.openStamp();
    const at = stamp.now();
    await commit(a, stamp);
    stamp.close();
    await passes(a, at);
    await a.close();
    assert.equal(await facts().countDocuments(HORIZONS), 0);
    const next = await open({ now: () => Date.now() - HOUR });
    const later = next.openStamp();
    assert.ok(later.now() >= at);
    later.close();
  });

  it('waits for the slower of two clocks, and for no process that has left', async () => {
    const ahead = await open({ now: () => Date.now() + HOUR });
    const right = await open();
    // Who joins begins where the other one is.
    const stamp = right.openStamp();
    const at = stamp.now();
    assert.ok(at > Date.now() + HOUR / 2);
    stamp.close();
    await turns(ahead, right);
    assert.ok(ahead.horizon() <= at);
    await right.close();
    await passes(ahead, at);
  });
});
