/**
 * The reindex job across the ends of processes: a signal, a kill, another process that goes on. The resources are written
 * into the store before any server knows the parameter.
 */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { after, afterEach, before, describe, it } from 'mocha';
import { openEmbedded } from '../../src/store/embedded/index.js';
import { openMongo } from '../../src/store/mongo/index.js';
import type { Store } from '../../src/store/store.js';
import { storesInTurn } from '../support/both-stores.js';
import { layout, put } from '../support/changes.js';
import { FULL, fullDescribe } from '../support/depth.js';
import { endJobLease } from '../support/leases.js';
import { parameterOf, statusOf, untilReady, warningsOf } from '../support/reindexed.js';
import { newStore, startServer } from '../support/server.js';
import { type SpawnedServer, spawnServer } from '../support/spawn.js';
import { refusal, type Talk, talkTo } from '../support/talk.js';

/** Some batches of the job. */
const COUNT = 300;
const nick = parameterOf('nick', { expression: 'Patient.name.given' });

async function fill(store: Store): Promise<void> {
  await store.migrate();
  for (let at = 0; at < COUNT; at += 100)
    await Promise.all(
      Array.from({ length: 10 }, (_, part) =>
        store.commit({
          changes: Array.from({ length: 10 }, (__, i) =>
            put({ resourceType: 'Patient', id: `p${at + part * 10 + i}`, name: [{ given: ['Nick'] }] }),
          ),
        }),
      ),
    );
  await store.close();
}

type Settled = Readonly<Record<'CHARTROOM_STORE' | 'CHARTROOM_DATA', string>>;

/** Of whoever is not killed, and whose log nobody reads, no process is needed. */
const startHere = ({ CHARTROOM_STORE, CHARTROOM_DATA }: Settled) =>
  startServer({ store: CHARTROOM_STORE, config: { data: CHARTROOM_DATA } });

const running = new Set<SpawnedServer>();
async function start(env: Readonly<Record<string, string>>, program?: string) {
  const server = await spawnServer({ CHARTROOM_LOG: 'info', ...env }, [], program);
  running.add(server);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    running.delete(server);
    await server.kill(signal);
  };
  return { talk: talkTo(server.base), server, end };
}

/** Lets a server index what it brings itself, so that what a test adds is indexed alone. */
async function indexOwn(env: Settled): Promise<void> {
  const server = await startHere(env);
  await untilReady(talkTo(server.base));
  await server.stop();
}

const GATED = fileURLToPath(new URL('../../programs/gated-program.js', import.meta.url));

/** A server whose job waits before its first batch. `batch` lets it write one, and gives how far it is then. */
async function startGated(env: Settled) {
  const gate = join(env.CHARTROOM_DATA, 'gate');
  writeFileSync(gate, '');
  writeFileSync(`${gate}-asked`, '');
  const started = await start({ ...env, GATE: gate }, GATED);
  const batch = async (): Promise<number> => {
    const earlier = await doneBy(started.talk);
    appendFileSync(gate, '.');
    for (;;) {
      const done = await doneBy(started.talk);
      // The next one is under way.
      if (done > earlier && statSync(`${gate}-asked`).size > statSync(gate).size) return done;
      await pause(20);
    }
  };
  return { ...started, batch };
}

/** How many resources the job has indexed, as it has noted; it is not through. */
async function doneBy(talk: Talk): Promise<number> {
  const status = (await statusOf(talk)).get('nick');
  assert.equal(status?.status, 'indexing');
  return status.done;
}

/** How many resources were indexed when the server took the job up. */
const resumedAt = (server: SpawnedServer): number | undefined => {
  const line = server
    .complaints()
    .split('\n')
    .find(text => text.includes('"msg":"Reindexing"'));
  return line === undefined ? undefined : (JSON.parse(line) as { resources: number }).resources;
};

/** The same, when the log has said so: it is written with a delay. */
async function loggedResume(server: SpawnedServer): Promise<number> {
  for (;;) {
    const resumed = resumedAt(server);
    if (resumed !== undefined) return resumed;
    await pause(20);
  }
}

afterEach('ends what a failed test left', async () => {
  await Promise.all([...running].map(server => server.kill('SIGKILL')));
  running.clear();
});

for (const store of storesInTurn(1))
  describe(`the reindex job (${store})`, () => {
    let data = '';
    let env = { CHARTROOM_STORE: '', CHARTROOM_DATA: '' };

    before(async function () {
      const url = await newStore(this, store);
      data = mkdtempSync(join(tmpdir(), 'chartroom-reindex-'));
      env = { CHARTROOM_STORE: url, CHARTROOM_DATA: data };
      await fill(
        store === 'embedded'
          ? await openEmbedded({ file: join(data, 'chartroom.db'), layout })
          : await openMongo({ url, layout }),
      );
      await indexOwn(env);
    });
    after(() => {
      if (data !== '') rmSync(data, { recursive: true, force: true });
    });

    it('goes on after a signal where it was, and after a kill where it had noted', async () => {
      const first = await startGated(env);
      assert.equal((await first.talk.update(nick)).status, 201);
      const done = await first.batch();
      const found = await first.talk.search('Patient?nick=nick&_summary=count');
      assert.deepEqual(warningsOf(found), ['parameter-indexing']);
      await first.end('SIGTERM');
      assert.equal(resumedAt(first.server), 0);

      const second = await startGated(env);
      // Known from the first moment on, and known not to be complete.
      assert.deepEqual(warningsOf(await second.talk.search('Patient?nick=nick&_summary=count')), [
        'parameter-indexing',
      ]);
      const later = await second.batch();
      const resumed = await loggedResume(second.server);
      await second.end('SIGKILL');
      await endJobLease(env.CHARTROOM_STORE);
      assert.ok(resumed > done, 'the batch under way was written before the end, and noted');

      const third = await start(env);
      await untilReady(third.talk, 'nick');
      assert.equal(await loggedResume(third.server), later);
      assert.ok(resumed < later && later < COUNT);
      const all = await third.talk.search('Patient?nick=nick&_summary=count');
      assert.equal(all.total, COUNT);
      // Searches hear a moment later that the job is through.
      const count = async () => warningsOf(await third.talk.search('Patient?nick=nick&_summary=count'));
      while ((await count()).length > 0) await pause(50);
      await third.end('SIGTERM');

      const fourth = await start(env);
      assert.equal((await statusOf(fourth.talk)).get('nick')?.status, 'ready');
      assert.equal(resumedAt(fourth.server), undefined);
      await fourth.end('SIGTERM');
    });
  });

fullDescribe('several processes on one MongoDB database, with custom search parameters', () => {
  let data = '';
  let env = { CHARTROOM_STORE: '', CHARTROOM_DATA: '' };

  before(async function () {
    const url = await newStore(this, 'mongo');
    data = mkdtempSync(join(tmpdir(), 'chartroom-reindex-'));
    env = { CHARTROOM_STORE: url, CHARTROOM_DATA: data };
    await fill(await openMongo({ url, layout }));
    await indexOwn(env);
  });
  after(() => {
    if (data !== '') rmSync(data, { recursive: true, force: true });
  });

  it('lose nothing that one writes while the other creates the parameter, and finish when one is killed', async () => {
    // Who starts first does the jobs.
    const a = await startGated(env);
    const b = await start(env);
    // One writes without pause, from before the other creates the parameter until after the job.
    let written = 0;
    const untilWritten = async (count: number): Promise<void> => {
      for (;;) {
        if (written >= count) return;
        await pause(10);
      }
    };
    const stop = new AbortController();
    const writing = (async () => {
      while (!stop.signal.aborted) {
        const name = [{ given: ['Nick'] }];
        const reply = await b.talk.update({ resourceType: 'Patient', id: `during${written}`, name });
        assert.equal(reply.status, 201, reply.text);
        // And changes what was there. What a killed process was indexing is held until its transaction ends.
        const change = () => b.talk.update({ resourceType: 'Patient', id: `p${written % COUNT}`, name, active: true });
        let old = await change();
        for (; old.status === 503; old = await change()) await pause(1000);
        assert.equal(old.status, 200, old.text);
        written += 1;
        await pause(FULL ? 40 : 150);
      }
    })();
    await untilWritten(5);
    assert.equal((await a.talk.update(nick)).status, 201);
    // The other learns of it.
    while ((await b.talk.get('Patient?nick=nick&_summary=count')).status !== 200) await pause(100);
    await a.batch();
    const worker = [a, b].find(({ server }) => resumedAt(server) !== undefined);
    assert.equal(worker, a, 'who created it holds the job');
    await a.end('SIGKILL');
    await endJobLease(env.CHARTROOM_STORE);
    await untilReady(b.talk, 'nick');
    await untilWritten(FULL ? 100 : 20);
    stop.abort();
    await writing;
    const found = await b.talk.search('Patient?nick=nick&_summary=count');
    assert.deepEqual([found.total, warningsOf(found)], [COUNT + written, []]);
    assert.equal((await b.talk.search('Patient?nick:missing=true&_summary=count')).total, 0);

    const c = await startHere(env);
    assert.equal((await talkTo(c.base).update({ ...nick, status: 'retired' })).status, 200);
    assert.equal(refusal(await talkTo(c.base).get('Patient?nick=nick')).status, 400);
    while ((await b.talk.get('Patient?nick=nick')).status === 200) await pause(100);
    await Promise.all([b.end('SIGTERM'), c.stop()]);
  });
});
