/** How states of a MongoDB store are exchanged: nobody waits for copies or indexes of what was prepared, and little is left lying about. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, it } from 'mocha';
import { type CollectionInfo, type Db, MongoClient } from 'mongodb';
import { indexesOf, sortableOf } from '../../src/store/mongo/schema.js';
import { openMongo } from '../../src/store/mongo/index.js';
import type { Snapshots, Store } from '../../src/store/store.js';
import { layout, put } from '../support/changes.js';
import { sharedMongo } from '../support/mongo.js';

const STATES = ['a', 'b', undefined] as const;
const SIZES = { a: 300, b: 200 } as const;

describe('states of a MongoDB store that are asked for again and again', () => {
  let store: Store;
  let snapshots: Snapshots;
  let client: MongoClient;
  let db: Db;

  async function write(from: number, count: number): Promise<void> {
    const changes = Array.from({ length: count }, (_, i) => put({ resourceType: 'Patient', id: `p${from + i}` }));
    snapshots.touched({ changes });
    await store.commit({ changes });
  }
  const sizeOf = (name: string) => db.collection(name).countDocuments();
  const names = async (head: string) =>
    (await db.listCollections({}, { nameOnly: true }).toArray())
      .map(({ name }) => name)
      .filter(name => name.startsWith(head));
  /** Collections that were copied, and indexes that were made, since the server started. */
  const made = async (): Promise<string> => {
    const { metrics } = await db.admin().command({ serverStatus: 1 });
    return JSON.stringify([metrics.aggStageCounters.$out, metrics.commands.createIndexes.total]);
  };
  const goTo = async (state: (typeof STATES)[number], writes: number): Promise<void> => {
    await snapshots.restore(state);
    assert.equal(await sizeOf('resource'), state === undefined ? 0 : SIZES[state]);
    await write(1000, writes);
  };

  before(async function () {
    const mongo = await sharedMongo();
    if ('skipped' in mongo) return this.skip();
    const url = mongo.database(`snapshots-${process.pid}`);
    store = await openMongo({ url, layout, falling: true });
    await store.migrate();
    snapshots = await store.snapshots();
    assert.ok(await snapshots.claim());
    client = await MongoClient.connect(url);
    db = client.db();
    for (const name of ['a', 'b'] as const) {
      await snapshots.restore();
      await write(0, SIZES[name]);
      await snapshots.take(name);
    }
  });
  after(async () => {
    await client?.close();
    await store?.close();
  });

  it('are there without a copy and without an index that is made, once they have been', async () => {
    const round = async (): Promise<boolean> => {
      const earlier = await made();
      for (const state of [...STATES, ...STATES.toReversed()]) await goTo(state, 10);
      return earlier === (await made());
    };
    // What is made behind the traffic is there after some rounds.
    while (!(await round())) await pause(100);
  });

  it('are there without a copy where much was touched and there was time since', async () => {
    /** Names that stay with a collection, by those that change. */
    const uuids = async () =>
      new Map(
        (await db.listCollections<CollectionInfo>().toArray()).map(
          ({ name, info }) => [name, String(info?.uuid)] as const,
        ),
      );
    const ready = async (): Promise<readonly (string | undefined)[]> => {
      const own = (await names('spare.')).filter(name => name.endsWith('.resource'));
      const sizes = await Promise.all(own.map(sizeOf));
      const all = await uuids();
      return own.filter((_, i) => sizes[i] === SIZES.a).map(name => all.get(name));
    };
    await goTo('a', 1000);
    let spare = await ready();
    for (; spare.length === 0; spare = await ready()) await pause(20);
    await goTo('a', 10);
    assert.ok(spare.includes((await uuids()).get('resource')));
  });

  it('have all indexes', async () => {
    for (const state of STATES) {
      await goTo(state, 1);
      for (const name of ['resource', 'version', 'outbox', 'blob', 'word'] as const) {
        const found = (await db.collection(name).indexes()).map(index => String(index['name']));
        const wanted = indexesOf(name, sortableOf(layout)).map(index => String(index.name));
        assert.deepEqual(found.toSorted(), ['_id_', ...wanted].toSorted());
      }
    }
  });

  it('are few: of each collection no more than seven spare ones, and none of what is dropped', async () => {
    for (let i = 0; i < 8; i++) {
      await snapshots.take(`s${i}`);
      await goTo(STATES[i % 3], 10);
    }
    const most = async () => {
      const all = (await names('spare.')).map(name => name.split('.')[2]);
      return Math.max(...all.map(name => all.filter(other => other === name).length));
    };
    while ((await most()) > 7) await pause(20);
    for (let i = 0; i < 8; i++) await snapshots.drop(`s${i}`);
    assert.deepEqual(await names('kept.s'), []);
    await snapshots.claim();
    await store.close();
    while ((await names('spare.')).length > 42) await pause(20);
  });
});
