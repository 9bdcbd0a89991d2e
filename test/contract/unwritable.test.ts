/**
 * A store that cannot keep what it is given acknowledges nothing, says why, and is not ready; it is ready again when the
 * cause is gone.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { MongoClient } from 'mongodb';
import { after, describe, it } from 'mocha';
import { openEmbedded } from '../../src/store/embedded/index.js';
import { openMongo } from '../../src/store/mongo/index.js';
import type { Store } from '../../src/store/store.js';
import { layout, put } from '../support/changes.js';
import { startMongo } from '../support/mongod.js';
import { queryOf } from '../support/queries.js';
import { type RunningServer, startServer } from '../support/server.js';
import { talkTo } from '../support/talk.js';

const patient = (id: string) => put({ resourceType: 'Patient', id });
const write = (store: Store, id: string) => store.commit({ changes: [patient(id)] });
const away = { name: 'FhirError', kind: 'unavailable', message: /deleted or replaced/ };
const full = { name: 'FhirError', kind: 'no-space', message: /disk of the store is full/ };

describe('an embedded store that cannot be written', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-unwritable-'));
  let serial = 0;
  after(() => rmSync(folder, { recursive: true, force: true }));

  const on = async (run: (store: Store, file: string) => Promise<void>) => {
    const file = join(folder, `store${serial++}`);
    const store = await openEmbedded({ file, layout });
    try {
      await write(store, 'before');
      await store.ping();
      await run(store, file);
    } finally {
      await store.close();
    }
  };

  for (const suffix of ['', '-wal'])
    it(`refuses writes after chartroom.db${suffix} was deleted, until it is back`, () =>
      on(async (store, file) => {
        renameSync(file + suffix, `${file}.elsewhere`);
        await assert.rejects(write(store, 'lost'), away);
        await assert.rejects(store.blobs.put(Buffer.from('lost')), away);
        await assert.rejects(store.ping(), away);
        renameSync(`${file}.elsewhere`, file + suffix);
        await store.ping();
        await write(store, 'back');
        assert.equal((await store.read('Patient', 'back'))?.version, 1);
        assert.equal(await store.read('Patient', 'lost'), undefined);
      }));

  it('makes no file in place of one that is missing, and keeps the WAL of that one', () =>
    on(async (store, file) => {
      renameSync(file, `${file}.elsewhere`);
      const wal = statSync(`${file}-wal`).size;
      await assert.rejects(store.explain({ ...queryOf('Patient?_id=before'), limit: 1 }));
      assert.equal(existsSync(file), false);
      assert.equal(statSync(`${file}-wal`).size, wal);
      renameSync(`${file}.elsewhere`, file);
      await store.explain({ ...queryOf('Patient?_id=before'), limit: 1 });
      assert.equal((await store.read('Patient', 'before'))?.version, 1);
    }));

  it('refuses writes after its file was replaced by a copy', () =>
    on(async (store, file) => {
      copyFileSync(file, `${file}.copy`);
      renameSync(`${file}.copy`, file);
      await assert.rejects(write(store, 'lost'), away);
      await assert.rejects(store.ping(), away);
    }));

  it('reads no other file in its place, nor makes one, when a thread first looks for it; and reads it when it is back', async () => {
    const file = join(folder, 'read-later');
    const store = await openEmbedded({ file, layout });
    const look = () => store.explain({ ...queryOf('Patient?_id=before'), limit: 1 });
    try {
      await write(store, 'before');
      copyFileSync(file, `${file}.copy`);
      renameSync(file, `${file}.elsewhere`);
      await assert.rejects(look(), away);
      assert.equal(existsSync(file), false);
      renameSync(`${file}.copy`, file);
      await assert.rejects(look(), away);
      renameSync(`${file}.elsewhere`, file);
      await look();
    } finally {
      await store.close();
    }
  });

  it('refuses writes while its disk is full, and takes them again afterwards', async function () {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk]);
    if (mounted.status !== 0) {
      process.stderr.write('      skipped: this user may not mount a file system\n');
      return this.skip();
    }
    try {
      const store = await openEmbedded({ file: join(disk, 'store'), layout });
      await write(store, 'before');
      const large = { ...patient('large'), text: Buffer.alloc(2_000_000, 'x') };
      assert.throws(() => writeFileSync(join(disk, 'ballast'), Buffer.alloc(30_000_000)), { code: 'ENOSPC' });
      await assert.rejects(store.commit({ changes: [large] }), full);
      await assert.rejects(store.ping(), full);
      assert.equal((await store.read('Patient', 'before'))?.version, 1);
      rmSync(join(disk, 'ballast'));
      await store.ping();
      await store.commit({ changes: [large] });
      await store.close();
    } finally {
      // A driver may keep a file open until its statements are collected.
      spawnSync('umount', ['-l', disk]);
    }
  });

  it('is told by /readyz, with the reason in fixed words', async () => {
    const data = join(folder, 'served');
    let server: RunningServer | undefined;
    try {
      server = await startServer({ store: 'embedded', config: { data } });
      const talk = talkTo(server.base);
      assert.equal((await talk.update({ resourceType: 'Patient', id: 'p' })).status, 201);
      await server.request.get('/readyz').expect(200);
      renameSync(join(data, 'chartroom.db'), join(data, 'away.db'));
      const reply = await talk.update({ resourceType: 'Patient', id: 'q' });
      assert.equal(reply.status, 503);
      assert.match(reply.text, /deleted or replaced/);
      assert.equal((await talk.get('Patient/p')).status, 503, 'a read cannot be recorded');
      const { body } = await server.request.get('/readyz').expect(503).expect('Retry-After', /\d/);
      assert.match((body as { reason: string }).reason, /^The store file was deleted or replaced/);
    } finally {
      await server?.stop();
    }
  });
});

describe('the files of an embedded store', () => {
  it('are for their owner alone, whatever the umask and whatever they were before', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'chartroom-modes-'));
    const file = join(folder, 'made', 'chartroom.db');
    const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
    const umask = process.umask(0);
    try {
      for (const before of [undefined, 0o644]) {
        if (before !== undefined) writeFileSync(join(folder, 'other.db'), '', { mode: before });
        const path = before === undefined ? file : join(folder, 'other.db');
        const store = await openEmbedded({ file: path, layout });
        await write(store, 'p');
        await store.backup!(`${path}.backup`);
        await assert.rejects(store.backup!(`${path}.backup`), { kind: 'conflict' });
        const names = readdirSync(dirname(path)).filter(name => name.startsWith(basename(path)));
        for (const suffix of ['', '-wal', '-shm', '.lock', '.pid', '.backup'])
          assert.ok(names.includes(basename(path) + suffix), suffix);
        assert.deepEqual(
          names.filter(name => modeOf(join(dirname(path), name)) !== '600'),
          [],
        );
        await store.close();
      }
      assert.equal(modeOf(join(folder, 'made')), '700');
      const data = join(folder, 'data', 'deep');
      const server = await startServer({ store: 'embedded', config: { data } });
      await server.request.get('/fhir/Patient?_count=1');
      assert.deepEqual(
        ['..', '.', 'secret', 'chartroom.db', 'chartroom.db-wal'].map(name => modeOf(join(data, name))),
        ['700', '700', '600', '600', '600'],
      );
      await server.stop();
    } finally {
      process.umask(umask);
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('a MongoDB store that cannot be written', () => {
  it('says so when there is no primary, and when the disk is full, and is ready again afterwards', async function () {
    const mongo = await startMongo({ parameters: ['enableTestCommands=1'] });
    if ('skipped' in mongo) {
      process.stderr.write(`      skipped: ${mongo.skipped}\n`);
      return this.skip();
    }
    const store = await openMongo({ url: mongo.database('unwritable'), layout, selectionMs: 500 });
    const client = new MongoClient(mongo.url.replace('replicaSet=rs0', 'directConnection=true'));
    const admin = client.db('admin');
    try {
      await store.migrate();
      await write(store, 'before');
      await store.ping();
      const fail = (data: object) => admin.command({ configureFailPoint: 'failCommand', mode: 'alwaysOn', data });
      await fail({ failCommands: ['insert', 'update'], errorCode: 14031 });
      await assert.rejects(write(store, 'lost'), full);
      await assert.rejects(store.ping(), full);
      await fail({ failCommands: ['insert', 'update'], errorCode: 13 });
      await assert.rejects(write(store, 'lost'), { kind: 'unavailable', message: /needs readWrite/ });
      await admin.command({ configureFailPoint: 'failCommand', mode: 'off' });
      await store.ping();
      await admin.command({ replSetStepDown: 600, force: true });
      await assert.rejects(store.ping(), { kind: 'unavailable' });
      await assert.rejects(write(store, 'lost'), { kind: 'unavailable' });
      await admin.command({ replSetFreeze: 0 });
      for (;;)
        if (
          await write(store, 'back').then(
            () => true,
            () => false,
          )
        )
          break;
      await store.ping();
      assert.equal(await store.read('Patient', 'lost'), undefined);
    } finally {
      await client.close();
      await store.close();
      await mongo.stop();
    }
  });
});
