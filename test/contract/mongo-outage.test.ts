/** A MongoDB that goes away and comes back: requests fail soon and clearly, and nothing has to be restarted. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, it } from 'mocha';
import { ANY_RESOURCE } from '../../src/search/query.js';
import { openMongo } from '../../src/store/mongo/index.js';
import { deedOfEntry } from '../../src/store/ledger-entry.js';
import type { Store } from '../../src/store/store.js';
import { layout, put } from '../support/changes.js';
import { FULL } from '../support/depth.js';
import { countStreams, entryIn } from '../support/ledger.js';
import { startMongo } from '../support/mongod.js';
import { deedCalled } from '../support/outbox.js';

const unavailable = { name: 'FhirError', kind: 'unavailable' };
const patient = (id: string) => put({ resourceType: 'Patient', id, name: [{ family: id }] });
const everyone = { types: ['Patient'], where: ANY_RESOURCE, sort: [], limit: 10 };

const METHODS: Readonly<Record<string, (store: Store) => Promise<unknown>>> = {
  ping: store => store.ping(),
  read: store => store.read('Patient', 'before'),
  'read of a version': store => store.read('Patient', 'before', 1),
  find: store => store.find(everyone),
  count: store => store.count(everyone),
  history: store => store.history({ limit: 10 }),
  commit: store => store.commit({ changes: [patient('meanwhile')] }),
  'commit of deeds': store => store.commit({ changes: [], deeds: [deedCalled('meanwhile')] }),
  waiting: store => store.pendingMessages('topic', 10),
  scan: async store => {
    for await (const { row } of store.scan()) assert.ok(row);
  },
  reindex: async store => store.reindex([{ row: patient('before'), entries: [] }]),
  sizes: store => store.sizes(),
  migrate: store => store.migrate(),
  'blob put': store => store.blobs.put(Buffer.from('x')),
  'blob get': store => store.blobs.get('00'),
};

/** Waits until the store has found its server again: a slow machine takes several attempts. */
async function untilBack(store: Store): Promise<void> {
  for (;;) {
    const answers = await store.ping().then(
      () => true,
      (error: unknown) => {
        assert.equal((error as { kind?: string }).kind, 'unavailable');
        return false;
      },
    );
    if (answers) return;
  }
}

describe('the MongoDB store without its server', () => {
  it('answers unavailable while the server is away, and works again when it is back', async function () {
    const mongo = await startMongo();
    if ('skipped' in mongo) {
      process.stderr.write(`      skipped: ${mongo.skipped}\n`);
      return this.skip();
    }
    const url = mongo.database('outage');
    const options = { url, layout, selectionMs: 500 };
    const store = await openMongo(options);
    try {
      await store.migrate();
      await store.commit({ changes: [patient('before')], messages: [{ topic: 'topic', body: 'kept' }] });
      await mongo.halt('SIGKILL');
      const asked = Object.entries(METHODS);
      const outcomes = await Promise.allSettled(asked.map(([, method]) => method(store)));
      for (const [i, outcome] of outcomes.entries()) {
        assert.equal(outcome.status, 'rejected', asked[i]![0]);
        assert.equal((outcome.reason as { kind?: string }).kind, 'unavailable', asked[i]![0]);
        assert.ok(((outcome.reason as { retryAfter?: number }).retryAfter ?? 0) > 0);
      }
      // One that starts while there is no server is no worse off.
      const late = await openMongo(options);
      await assert.rejects(late.migrate(), unavailable);

      await mongo.resume();
      for (const one of [store, late]) {
        await untilBack(one);
        await one.migrate();
        assert.equal((await one.read('Patient', 'before'))?.version, 1);
      }
      assert.equal((await store.pendingMessages('topic', 10)).length, 1);
      await store.commit({ changes: [patient('after')] });
      await late.commit({ changes: [patient('after-too')] });
      assert.deepEqual((await store.find(everyone)).rows.map(({ id }) => id).toSorted(), [
        'after',
        'after-too',
        'before',
      ]);
      await late.close();
    } finally {
      await store.close();
      await mongo.stop();
    }
  });

  it('loses nothing that it has acknowledged when the server is killed under load', async function () {
    const mongo = await startMongo();
    if ('skipped' in mongo) return this.skip();
    const store = await openMongo({ url: mongo.database('killed'), layout, selectionMs: 500 });
    try {
      await store.migrate();
      await store.deeds.openLedger({ key: 'key', process: 'program', heads: [] });
      const kept: string[] = [];
      const refused: string[] = [];
      const ended = new AbortController();
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let i = 0; !ended.signal.aborted; i++) {
          const id = `w${writer}-${i}`;
          // Every other one is of deeds alone, which go another way.
          const changes = writer % 2 === 0 ? [patient(id)] : [];
          await store.commit({ changes, deeds: [deedOfEntry(JSON.stringify({ id }), 1000)] }).then(
            () => kept.push(id),
            (error: { kind?: string }) => {
              assert.ok(error.kind === 'unavailable' || error.kind === 'timeout', error.kind);
              refused.push(id);
            },
          );
        }
      });
      while (kept.length < 100) await pause(5);
      await mongo.halt('SIGKILL');
      while (refused.length === 0) await pause(5);
      ended.abort();
      await Promise.all(writers);
      await mongo.resume();
      await untilBack(store);
      const after = deedOfEntry(JSON.stringify({ id: 'after' }), 2000);
      await store.commit({ changes: [patient('after')], deeds: [after] });
      await store.commit({ changes: [], deeds: [after] });
      const streams = await countStreams(store);
      // Where it is not known what was kept, others were opened.
      assert.ok(streams.length > 2);
      const sealed = new Set(streams.flatMap(({ deeds }) => deeds.map(deed => entryIn(deed)['id'])));
      for (const id of [...kept, 'after']) {
        assert.ok(sealed.has(id), id);
        if (/^w\d*[02468]-/.test(id)) assert.ok(await store.read('Patient', id), id);
      }
    } finally {
      await store.close();
      await mongo.stop();
    }
  });

  it('has its horizon behind what may have been kept, when the server was stopped and goes on', async function () {
    const mongo = await startMongo();
    if ('skipped' in mongo) return this.skip();
    const store = await openMongo({ url: mongo.database('stopped'), layout, selectionMs: 500 });
    try {
      await store.migrate();
      const start = store.horizon();
      const ended = new AbortController();
      const [kept, refused]: [string[], string[]] = [[], []];
      const write = async (id: string): Promise<void> => {
        const stamp = store.openStamp();
        try {
          const change = put({ resourceType: 'Patient', id }, { updated: stamp.now() });
          await store.commit({ stamp, changes: [change] });
          kept.push(id);
        } catch {
          refused.push(id);
        } finally {
          stamp.close();
        }
      };
      const found: string[] = [];
      let from = start;
      const take = async (): Promise<void> => {
        const to = store.horizon();
        const { rows } = await store.history({ type: 'Patient', since: from, limit: 100_000 });
        found.push(...rows.filter(({ updated }) => updated < to).map(({ id }) => id));
        from = to;
      };
      const poll = async (): Promise<void> => {
        while (!ended.signal.aborted) {
          await take().catch(() => {});
          await pause(20);
        }
      };
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let i = 0; !ended.signal.aborted; i++) await write(`w${writer}-${i}`);
      });
      const polling = poll();
      for (let round = 0; round < (FULL ? 3 : 1); round++) {
        const [before, failed] = [kept.length, refused.length];
        while (kept.length < before + 100) await pause(5);
        process.kill(mongo.pid()!, 'SIGSTOP');
        while (refused.length === failed) await pause(5);
        process.kill(mongo.pid()!, 'SIGCONT');
        await untilBack(store);
      }
      ended.abort();
      await Promise.all([...writers, polling]);
      const { rows } = await store.history({ type: 'Patient', since: start, limit: 100_000 });
      while (store.horizon() <= rows[0]!.updated) await pause(5);
      await take();
      assert.deepEqual(found.toSorted(), rows.map(({ id }) => id).toSorted());
    } finally {
      await store.close();
      await mongo.stop();
    }
  });
});
