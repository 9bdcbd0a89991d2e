/**
 * What comes to nothing because a server went away is sent once more, and has its effect once: a connection that is closed before a
 * command, and an answer that says that nobody knows.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'mocha';
import { type Db, MongoClient } from 'mongodb';
import { deedsIn } from '../../src/store/deeds.js';
import { openMongo } from '../../src/store/mongo/index.js';
import type { Change, Commit, Store } from '../../src/store/store.js';
import { layout, put } from '../support/changes.js';
import { type Mongo, startMongo } from '../support/mongod.js';
import { deedCalled } from '../support/outbox.js';

const patient = (id: string, family = 'x'): Change => put({ resourceType: 'Patient', id, name: [{ family }] });
/** What was only looked at: it is written in no transaction. */
const deedsAlone = (...texts: readonly string[]): Commit => ({ changes: [], deeds: texts.map(deedCalled) });
const CLOSED = { closeConnection: true };
/** It was written, but the server shuts down. */
const SHUT_DOWN = { writeConcernError: { code: 91, codeName: 'ShutdownInProgress', errmsg: 'shutting down' } };
const REFUSED = { errorCode: 10107 };

describe('commands to a MongoDB server that goes away', () => {
  let mongo: Mongo;
  let store: Store;
  let client: MongoClient;
  let admin: Db;

  before(async function () {
    const started = await startMongo({ parameters: ['enableTestCommands=1'] });
    if ('skipped' in started) {
      process.stderr.write(`      skipped: ${started.skipped}\n`);
      return this.skip();
    }
    mongo = started;
    store = await openMongo({ url: mongo.database('commands'), layout });
    await store.migrate();
    await store.commit({ changes: [patient('known')] });
    client = new MongoClient(mongo.url);
    admin = client.db('admin');
  });
  beforeEach(() => fail('off', {}));
  after(async () => {
    await client?.close();
    await store?.close();
    await mongo?.stop();
  });

  const fail = (mode: 'off' | { times: number }, data: object) =>
    admin.command({ configureFailPoint: 'failCommand', mode, ...(mode === 'off' ? {} : { data }) });
  /** How often the fault has come so far. */
  const failures = async (): Promise<number> => (await fail('off', {}))['count'] as number;
  const deeds = async (): Promise<string[]> =>
    (await store.deeds.find({ limit: 1000 })).flatMap(({ bytes }) =>
      deedsIn(bytes).map(each => Buffer.from(each).toString()),
    );
  const familyOf = async (id: string): Promise<string | undefined> => {
    const row = await store.read('Patient', id);
    return row && (JSON.parse(row.text!.toString()) as { name: [{ family: string }] }).name[0].family;
  };

  for (const [title, data] of [
    ['a closed connection', CLOSED],
    ['a server that shuts down after it has written', SHUT_DOWN],
    ['a server that is no primary any more', REFUSED],
  ] as const) {
    it(`keeps deeds once: ${title}`, async () => {
      const name = Object.keys(data)[0]!;
      const failed = await failures();
      await fail({ times: 1 }, { failCommands: ['insert'], ...data });
      await store.commit(deedsAlone(`${name} one`, `${name} two`));
      assert.equal(await failures(), failed + 1, 'the fault came');
      const kept = (await deeds()).filter(text => text.startsWith(name));
      assert.deepEqual(kept.toSorted(), [`${name} one`, `${name} two`]);
    });
  }

  it('gives up when it happens again', async () => {
    await fail({ times: 2 }, { failCommands: ['insert'], ...CLOSED });
    await assert.rejects(store.commit(deedsAlone('never')), { kind: 'unavailable' });
    await fail('off', {});
    assert.ok(!(await deeds()).includes('never'));
  });

  for (const [title, data] of [
    ['a closed connection', CLOSED],
    ['a server that is no primary any more', REFUSED],
  ] as const)
    it(`reads again: ${title}`, async () => {
      const failed = await failures();
      await fail({ times: 1 }, { failCommands: ['find'], ...data });
      assert.equal(await familyOf('known'), 'x');
      assert.equal(await failures(), failed + 1, 'the fault came');
    });

  it('reads together what has no room in one reply', async () => {
    const ids = ['large-1', 'large-2', 'large-3'];
    const photo = [{ title: 'x'.repeat(7_000_000) }];
    for (const id of ids) await store.commit({ changes: [put({ resourceType: 'Patient', id, photo })] });
    const rows = await Promise.all(['known', ...ids, 'nobody'].map(id => store.read('Patient', id)));
    assert.deepEqual(
      rows.map(row => row?.id),
      ['known', ...ids, undefined],
    );
    assert.ok(rows.slice(1, 4).every(row => row!.text!.length > 7_000_000));
  });

  it('says what a transaction met', async () => {
    for (const data of [CLOSED, REFUSED]) {
      await fail({ times: 1 }, { failCommands: ['insert', 'update'], ...data });
      await store.commit({ changes: [patient(`together-${Object.keys(data)[0]}`)] });
    }
    await assert.rejects(store.commit({ changes: [patient('known', 'new')] }), { kind: 'conflict' });
    const first = await store.read('Patient', 'known');
    await fail({ times: 1 }, { failCommands: ['update'], ...CLOSED });
    await store.commit({
      changes: [put({ resourceType: 'Patient', id: 'known', name: [{ family: 'second' }] }, { replaces: first! })],
    });
    assert.equal(await familyOf('known'), 'second');
  });
});
