/** Several processes on one MongoDB database know the same, whatever one of them is doing when something changes. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import { openMongo } from '../../src/store/mongo/index.js';
import type { Change, Store } from '../../src/store/store.js';
import { layout, put, remove } from '../support/changes.js';
import { liveProcess, type LiveProcess } from '../support/live.js';
import { parameterOf, untilReady, warningsOf } from '../support/reindexed.js';
import { newStore } from '../support/server.js';
import { type SpawnedServer, spawnServer } from '../support/spawn.js';
import { type Talk, talkTo } from '../support/talk.js';

const family = (id: string, name: string) => put({ resourceType: 'Patient', id, name: [{ family: name }] });

describe('live tables of two processes on one MongoDB database', () => {
  const stores: Store[] = [];
  let one: LiveProcess;
  let other: LiveProcess;

  before(async function () {
    const url = await newStore(this, 'mongo');
    for (let i = 0; i < 2; i++) stores.push(await openMongo({ url, layout }));
    await stores[0]!.migrate();
    [one, other] = stores.map(store => liveProcess(store)) as [LiveProcess, LiveProcess];
    await Promise.all([one.tables.load(), other.tables.load()]);
  });
  after(() => Promise.all(stores.map(store => store.close())));

  const write = async (from: number, ...changes: readonly Change[]) => {
    const { tables } = from === 0 ? one : other;
    const ids = changes.map(({ id }) => id);
    await stores[from]!.commit({ changes, messages: tables.messages('family', ids) });
    await tables.committed('family', ids);
  };
  const known = ({ inForce }: LiveProcess) => inForce.get('family') ?? [];

  it('are the same after each has looked, whoever wrote and in whatever order', async () => {
    const first = family('a', 'Alpha');
    await write(0, first);
    await write(1, family('b', 'Beta'));
    await Promise.all(Array.from({ length: 40 }, (_, i) => write(i % 2, family(`at-once${i}`, `Of ${i % 5}`))));
    await write(1, remove(first));
    await Promise.all([one.tables.look(), other.tables.look()]);
    assert.equal(known(one).length, 41);
    assert.deepEqual(known(one), known(other));
  });

  it('are the same after a thousand changes in one commit', async () => {
    await write(0, ...Array.from({ length: 1000 }, (_, i) => family(`many${i}`, `Many ${i}`)));
    await other.tables.look();
    assert.deepEqual(known(other), known(one));
    await write(1, family('after', 'After'));
    await one.tables.look();
    assert.deepEqual(known(other), known(one));
    assert.ok(known(one).includes('After'));
  });
});

describe('a server that was paused while a search parameter came into force', () => {
  const running: SpawnedServer[] = [];
  let data = '';
  let url = '';

  before(async function () {
    url = await newStore(this, 'mongo');
    data = mkdtempSync(join(tmpdir(), 'chartroom-paused-'));
  });
  afterEach(() => Promise.all(running.splice(0).map(server => server.kill('SIGKILL'))));
  after(() => {
    if (data !== '') rmSync(data, { recursive: true, force: true });
  });

  it('writes nothing by what it knew before', async () => {
    const env = { CHARTROOM_STORE: url, CHARTROOM_DATA: data };
    const [a, b] = await Promise.all([spawnServer(env), spawnServer(env)]);
    running.push(a, b);
    const [busy, paused] = [talkTo(a.base), talkTo(b.base)];
    assert.equal(
      (await paused.update({ resourceType: 'Patient', id: 'before', name: [{ given: ['Nick'] }] })).status,
      201,
    );
    process.kill(b.pid, 'SIGSTOP');
    assert.equal((await busy.update(parameterOf('nick', { expression: 'Patient.name.given' }))).status, 201);
    // The job is through everything that is there, and will not come back.
    await untilReady(busy, 'nick');
    // These are the first that it hears of when it goes on.
    const writes = Array.from({ length: 20 }, (_, i) =>
      paused.update({ resourceType: 'Patient', id: `p${i}`, name: [{ given: ['Nick'] }] }),
    );
    process.kill(b.pid, 'SIGCONT');
    for (const { status } of await Promise.all(writes)) assert.equal(status, 201);
    const ask = (talk: Talk) => talk.search('Patient?nick=nick&_summary=count');
    for (const talk of [busy, paused]) {
      assert.equal((await ask(talk)).total, 21);
      // How far the job is, a server may have heard of two seconds ago.
      await untilReady(talk, 'nick');
      assert.deepEqual(warningsOf(await ask(talk)), []);
    }
  });
});
