/**
 * A server process that is killed leaves its transaction open in MongoDB for up to a minute, and with it the documents
 * that it had replaced. Only who wants to write these very documents may feel it.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { after, before, describe, it } from 'mocha';
import { type ClientSession, type Collection, MongoClient } from 'mongodb';
import { encodeId } from '../../src/store/codec.js';
import { openMongo } from '../../src/store/mongo/index.js';
import type { ResourceDocument } from '../../src/store/mongo/schema.js';
import type { Store, Version } from '../../src/store/store.js';
import { layout, put } from '../support/changes.js';
import { sharedMongo } from '../support/mongo.js';

const patient = (id: string) => ({ resourceType: 'Patient', id });

describe('a document that a dead process holds', () => {
  let url = '';
  let store: Store;
  let client: MongoClient;
  let resource: Collection<ResourceDocument>;
  let dead: ClientSession;

  before(async function () {
    const mongo = await sharedMongo();
    if ('skipped' in mongo) return this.skip();
    url = mongo.database('held');
    store = await openMongo({ url, layout });
    await store.migrate();
    client = new MongoClient(url);
    resource = client.db().collection<ResourceDocument>('resource');
    dead = client.startSession();
  });
  after(async () => {
    await dead?.endSession();
    await client?.db('admin').command({ setParameter: 1, transactionLifetimeLimitSeconds: 60 });
    await client?.close();
    await store?.close();
  });

  const hold = async (id: string) => {
    dead.startTransaction();
    await resource.updateOne({ _id: encodeId('Patient', id) }, { $set: { u: 1 } }, { session: dead });
  };
  /** Held by a process that is killed, and by MongoDB until tomorrow. */
  const holdByDead = async (collection: string, id: string): Promise<void> => {
    await client.db('admin').command({ setParameter: 1, transactionLifetimeLimitSeconds: 86_400 });
    const script = `
      import { MongoClient } from 'mongodb';
      const client = new MongoClient(process.argv[1], { appName: 'chartroom' });
      const session = client.startSession();
      session.startTransaction();
      await client.db().collection(process.argv[2]).updateOne({ _id: process.argv[3] }, { $set: { u: 1 } }, { session });
      process.stdout.write('held');
      setInterval(() => {}, 1000);`;
    const root = fileURLToPath(new URL('../../../', import.meta.url));
    const holder = spawn(process.execPath, ['--input-type=module', '-e', script, url, collection, id], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    holder.kill('SIGKILL');
  };
  const current = async (id: string): Promise<Version> => (await store.read('Patient', id))!;
  const update = async (id: string) => store.commit({ changes: [put(patient(id), { replaces: await current(id) })] });

  it('delays its own writers and no others, and is written once it is free', async () => {
    await store.commit({ changes: [put(patient('held')), put(patient('free'))] });
    await hold('held');
    let settled = false;
    const waiting = update('held').finally(() => (settled = true));
    for (let version = 2; version <= 30; version++) {
      await Promise.all([update('free'), store.commit({ changes: [put(patient(`new-${version}`))] })]);
      assert.equal((await current('free')).version, version);
    }
    assert.equal(settled, false, 'all others were written before the one who waits');
    assert.equal((await current('held')).version, 1);
    await dead.abortTransaction();
    await waiting;
    assert.equal((await current('held')).version, 2);
  });

  it('is refused as busy in the end, and nothing of the write is kept', async () => {
    const { version } = await current('held');
    await hold('held');
    const refused = await update('held').then(
      () => undefined,
      (error: { kind?: string }) => error.kind,
    );
    await dead.abortTransaction();
    assert.equal(refused, 'unavailable');
    assert.equal((await current('held')).version, version);
    const { rows } = await store.history({ type: 'Patient', id: 'held', limit: 10 });
    assert.equal(rows.length, version);
  });

  it('is written where the connection of its holder is gone', async () => {
    const held = await current('held');
    await holdByDead('resource', encodeId('Patient', 'held'));
    // MongoDB alone would not end the transaction before tomorrow, and the write would be refused as busy.
    await update('held');
    assert.equal((await current('held')).version, held.version + 1);
  });

  it('is swept where nothing refers to its bytes and the connection of its holder is gone', async () => {
    const { hash } = await store.blobs.put(Buffer.from('bytes that nobody refers to'));
    await holdByDead('blob', hash);
    assert.equal(await store.blobs.sweep(0, Date.now() + 60_000), 1);
    for await (const left of store.blobs.all()) assert.notEqual(left, hash);
  });
});
