/** What processes that ended in the middle have left of large bytes in MongoDB goes with a migration a day later, and nothing else. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { MongoClient } from 'mongodb';
import { openMongo } from '../../src/store/mongo/index.js';
import type { Store } from '../../src/store/store.js';
import { layout } from '../support/changes.js';
import { sharedMongo } from '../support/mongo.js';

interface Chunks {
  readonly _id: string;
  readonly chunks?: string;
}
interface Fact {
  readonly _id: string;
  readonly at?: number;
  readonly hash?: string;
}

const DAY_MS = 24 * 3_600_000;
const LARGE = 2_500_000;

describe('large bytes in MongoDB', () => {
  let store: Store;
  let client: MongoClient;

  before(async function () {
    const mongo = await sharedMongo();
    if ('skipped' in mongo) return this.skip();
    const url = mongo.database('blobs');
    store = await openMongo({ url, layout });
    await store.migrate();
    client = new MongoClient(url);
  });
  after(async () => {
    await client?.close();
    await store?.close();
  });

  const count = async (): Promise<number> => client.db().collection('chunk').countDocuments();
  const facts = () => client.db().collection<Fact>('fact');
  const blobs = () => client.db().collection<Chunks>('blob');
  const aged = (ms: number) => facts().updateMany({ _id: /^upload\// }, { $inc: { at: -ms } });

  it('that were swept, or whose upload ended, leave nothing', async () => {
    const { hash } = await store.blobs.put(Buffer.alloc(LARGE, 'swept '));
    assert.equal(await count(), 10);
    await store.blobs.keep(hash, 1);
    assert.equal(await store.blobs.sweep(1), 1);
    assert.equal(await count(), 0);
    assert.equal(await facts().countDocuments({ _id: /^upload\// }), 0);
  });

  it('of a process that ended before it had taken its own note away are swept', async () => {
    const { hash } = await store.blobs.put(Buffer.alloc(LARGE, 'noted '));
    const { chunks } = (await blobs().findOne({ _id: hash }))!;
    await facts().insertOne({ _id: `upload/${chunks}`, at: Date.now(), hash });
    await store.blobs.keep(hash, 1);
    assert.equal(await store.blobs.sweep(1), 1);
    assert.equal(await count(), 0);
    assert.equal(await facts().countDocuments({ _id: /^upload\// }), 0);
  });

  it('whose sweep ended in the middle go a day later', async () => {
    const { hash } = await store.blobs.put(Buffer.alloc(LARGE, 'half swept '));
    const { chunks } = (await blobs().findOneAndDelete({ _id: hash }))!;
    await facts().insertOne({ _id: `upload/${chunks}`, at: Date.now() });
    await store.migrate();
    assert.equal(await count(), 10);
    await aged(DAY_MS + 1);
    await store.migrate();
    assert.equal(await count(), 0);
    assert.equal(await facts().countDocuments({ _id: /^upload\// }), 0);
  });

  it('that were stored in chunks of a million bytes are read as they were, also in part', async () => {
    const bytes = Buffer.alloc(LARGE, 'of before ');
    const { hash } = await store.blobs.put(bytes);
    const { chunks } = (await blobs().findOneAndUpdate({ _id: hash }, { $unset: { each: 1 } }))!;
    const chunk = client.db().collection<{ _id: string; x: Buffer }>('chunk');
    await chunk.deleteMany({ _id: new RegExp(`^${chunks}:`) });
    for (let at = 0; at < 3; at++)
      await chunk.insertOne({ _id: `${chunks}:00000${at}`, x: bytes.subarray(at * 1_000_000, (at + 1) * 1_000_000) });
    for (const [start, end] of [
      [0, LARGE - 1],
      [999_990, 1_000_010],
      [2_000_000, 2_000_000],
    ] as const) {
      const parts: Buffer[] = [];
      for await (const part of (await store.blobs.get(hash, { start, end }))!.bytes) parts.push(part);
      assert.ok(bytes.subarray(start, end + 1).equals(Buffer.concat(parts)));
    }
    await store.blobs.keep(hash, 1);
    await store.blobs.sweep(1);
    assert.equal(await count(), 0);
  });

  it('whose upload ended just before its last note stay', async () => {
    const bytes = Buffer.alloc(LARGE, 'there ');
    const { hash } = await store.blobs.put(bytes);
    const { chunks } = (await blobs().findOne({ _id: hash }))!;
    await facts().insertOne({ _id: `upload/${chunks}`, at: Date.now() - 2 * DAY_MS, hash });
    await store.migrate();
    assert.equal(await facts().countDocuments({ _id: /^upload\// }), 0);
    const parts: Buffer[] = [];
    for await (const part of (await store.blobs.get(hash))!.bytes) parts.push(part);
    assert.ok(bytes.equals(Buffer.concat(parts)));
  });
});
