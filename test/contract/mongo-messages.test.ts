/** How messages lie in MongoDB: those that may be put together share documents, of a bounded size; documents of old are read. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { MongoClient } from 'mongodb';
import { openMongo } from '../../src/store/mongo/index.js';
import type { MessageDocument } from '../../src/store/mongo/schema.js';
import type { Store } from '../../src/store/store.js';
import { layout, put } from '../support/changes.js';
import { sharedMongo } from '../support/mongo.js';

const LONGEST = 8192;

describe('messages in MongoDB', () => {
  let store: Store;
  let client: MongoClient;
  const documents = (t: string) =>
    client
      .db()
      .collection<MessageDocument>('outbox')
      .find({ t }, { sort: { _id: 1 } })
      .toArray();
  const send = (topic: string, bodies: readonly string[]) =>
    store.commit({ changes: [], messages: bodies.map(body => ({ topic, body, together: true as const })) });

  before(async function () {
    const mongo = await sharedMongo();
    if ('skipped' in mongo) return this.skip();
    const url = mongo.database('messages');
    store = await openMongo({ url, layout });
    await store.migrate();
    client = new MongoClient(url);
  });
  after(async () => {
    await client?.close();
    await store?.close();
  });

  it('of one group of commits share a document where they may, and have one each where they may not', async () => {
    const commits = (topic: string, together: boolean) =>
      Promise.all(
        Array.from({ length: 64 }, (_, i) =>
          store.commit({
            changes: [put({ resourceType: 'Patient', id: `${topic}${i}` })],
            messages: [{ topic, body: `${i}`, ...(together ? { together } : {}) }],
          }),
        ),
      );
    await commits('together', true);
    await commits('apart', false);
    const [together, apart] = [await documents('together'), await documents('apart')];
    assert.equal(apart.length, 64);
    assert.ok(together.length <= 16, `${together.length} documents for 64 messages`);
    assert.equal(together.flatMap(({ b }) => b).length, 64);
  });

  it('share a document as long as it is small', async () => {
    await send('long', ['a', 'x'.repeat(LONGEST - 1), 'b', 'y'.repeat(LONGEST + 1), 'c', 'd']);
    const lengths = (await documents('long')).map(({ b }) =>
      (typeof b === 'string' ? [b] : b).map(each => each.length),
    );
    assert.deepEqual(lengths, [[1, LONGEST - 1], [1], [LONGEST + 1], [1, 1]]);
    await send(
      'many',
      Array.from({ length: 20_000 }, (_, i) => `${i}`),
    );
    const all = (await store.pendingMessages('many', 1000)).flatMap(({ body, others = [] }) => [body, ...others]);
    assert.deepEqual(
      all,
      Array.from({ length: 20_000 }, (_, i) => `${i}`),
    );
  });

  it('of a server before that stand beside them in their order, and are acknowledged with them', async () => {
    const old = { t: 'old', b: 'first' };
    await client
      .db()
      .collection<MessageDocument>('outbox')
      .insertOne({ _id: 5, ...old });
    await send('old', ['second', 'third']);
    const pending = await store.pendingMessages('old', 10);
    assert.deepEqual(
      pending.map(({ body, others }) => [body, others]),
      [
        ['first', undefined],
        ['second', ['third']],
      ],
    );
    await store.commit({ changes: [], acknowledges: pending.map(({ sequence }) => sequence) });
    assert.deepEqual(await documents('old'), []);
  });
});
