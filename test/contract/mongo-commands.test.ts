/**
 * What comes to nothing because a server went away is sent once more, and has its effect once: a connection that is closed before a
 * command, and an answer that says that nobody knows.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'mocha';
import { type Db, MongoClient } from 'mongodb';
import { openMongo } from '../../src/store/mongo/index.js';
import type { Change, Commit, Store } from '../../src/store/store.js';
import { layout, put } from '../support/changes.js';
import { type Mongo, startMongo } from '../support/mongod.js';

const patient = (id: string, family = 'x'): Change => put({ resourceType: 'Patient', id, name: [{ family }] });
/** What full text search finds is written in a transaction. */
function independent(...changes: readonly Change[]): Commit {
  return {
    changes: changes.map(change => {
      const { words, ...rest } = change;
      assert.ok(words);
      return rest;
    }),
    independent: true,
  };
}
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
  const familyOf = async (id: string): Promise<string | undefined> => {
    const row = await store.read('Patient', id);
    return row && (JSON.parse(row.text!.toString()) as { name: [{ family: string }] }).name[0].family;
  };

  for (const [title, data] of [
    ['a closed connection', CLOSED],
    ['a server that shuts down after it has written', SHUT_DOWN],
    ['a server that is no primary any more', REFUSED],
  ] as const) {
    it(`keeps what is independent once: ${title}`, async () => {
      const id = `independent-${Object.keys(data)[0]}`;
      const failed = await failures();
      await fail({ times: 1 }, { failCommands: ['insert'], ...data });
      await store.commit(independent(patient(`${id}-1`), patient(`${id}-2`)));
      assert.equal(await failures(), failed + 1, 'the fault came');
      for (const each of [`${id}-1`, `${id}-2`]) assert.equal((await store.read('Patient', each))?.version, 1);
    });

    it(`does not take for its own what others wrote: ${title}`, async () => {
      const id = `other-${Object.keys(data)[0]}`;
      await fail({ times: 1 }, { failCommands: ['insert'], ...data });
      const outcomes = await Promise.allSettled([
        store.commit(independent(patient('known', 'new'))),
        store.commit(independent(patient(id, 'own'))),
      ]);
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['rejected', 'fulfilled'],
      );
      assert.equal((outcomes[0] as PromiseRejectedResult).reason.kind, 'conflict');
      assert.deepEqual([await familyOf('known'), await familyOf(id)], ['x', 'own']);
    });
  }

  it('gives up when it happens again', async () => {
    await fail({ times: 2 }, { failCommands: ['insert'], ...CLOSED });
    await assert.rejects(store.commit(independent(patient('never'))), { kind: 'unavailable' });
    await fail('off', {});
    assert.equal(await store.read('Patient', 'never'), undefined);
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
