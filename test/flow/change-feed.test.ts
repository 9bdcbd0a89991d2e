/**
 * The change feed: what listeners are told, and that nothing is lost, told twice or out of order, whatever is killed, paused or
 * written at the same time.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, it } from 'mocha';
import type { FeedChange } from '../../src/feed/change.js';
import { openEmbedded } from '../../src/store/embedded/index.js';
import { openMongo } from '../../src/store/mongo/index.js';
import type { Store } from '../../src/store/store.js';
import { onBothStores, storesInTurn } from '../support/both-stores.js';
import { layout } from '../support/changes.js';
import { depthOf, FULL, fullIt } from '../support/depth.js';
import { assertHeard, LISTENERS } from '../support/heard.js';
import { freePort, startMongo } from '../support/mongod.js';
import { endLease } from '../support/leases.js';
import { createRandom } from '../support/random.js';
import { goOnLater, Place, Storm, stopDispatcher } from './feed/storm.js';

const FHIR = { 'content-type': 'application/fhir+json' };
const SIZES = { writers: FULL ? 16 : 4, large: FULL ? 10_000 : 200, usual: FULL ? 1000 : 30 };
const KILLS = depthOf('FEED_KILLS');
/** Writes that are answered between two kills. */
const BETWEEN = FULL ? 60 : 10;
/** Before which kills the process that dispatches is stopped until another one has taken over, and for how many ms at least. */
const STOPS: Readonly<Record<number, number>> = FULL ? { 0: 0, 4: 120_000, 20: 0 } : { 0: 0 };

onBothStores('a listener', stage => {
  const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await condition())) await pause(5);
  };
  const pending = async (topic: string) => (await stage().server.engine.store.pendingMessages(topic, 1000)).length;

  it('costs nothing while there is none: no message is left', async () => {
    const { talk } = stage();
    assert.equal((await talk.create({ resourceType: 'Patient' })).status, 201);
    assert.deepEqual([await pending('change'), await pending('feed')], [0, 0]);
  });

  it('is told of what is written from then on, once it listens, and again after what failed', async () => {
    const { talk, server } = stage();
    const { feed, store } = server.engine;
    const told: FeedChange[] = [];
    let failures = 2;
    await feed.listen({
      name: 'tests',
      types: ['Patient', 'Basic'],
      handle({ changes }) {
        if (failures-- > 0) throw new Error('not yet');
        told.push(...changes);
        return { messages: [{ topic: 'from-tests', body: String(changes.length) }] };
      },
    });
    const { body: patient } = await talk.create({ resourceType: 'Patient' });
    await talk.create({ resourceType: 'Group', type: 'person', actual: true });
    await talk.update({ ...patient, active: true });
    await talk.update({ ...patient, active: true });
    await talk.delete(`Patient/${patient.id}`);
    const entry = ['one', 'two'].map(id => ({
      resource: { resourceType: 'Basic' as const, id, code: { text: id }, subject: { reference: `Patient/${id}` } },
      request: { method: 'PUT' as const, url: `Basic/${id}` },
    }));
    const sent = await talk.send('POST', '', {
      headers: FHIR,
      body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
    });
    assert.equal(sent.status, 200, sent.text);
    await until(() => told.length >= 5);
    const seen = told.map(({ number, type, version, method, patients }) => [number, type, version, method, patients]);
    assert.deepEqual(seen, [
      [1, 'Patient', 1, 'POST', [patient.id]],
      [2, 'Patient', 2, 'PUT', [patient.id]],
      [3, 'Patient', 3, 'DELETE', [patient.id]],
      [4, 'Basic', 1, 'PUT', ['one']],
      [5, 'Basic', 1, 'PUT', ['two']],
    ]);
    await until(async () => (await feed.backlog()).get('tests') === 0);
    const kept = (await store.pendingMessages('from-tests', 100)).map(({ body }) => Number(body));
    assert.equal(
      kept.reduce((sum, count) => sum + count, 0),
      5,
    );
    assert.equal(await pending('change'), 0);
  });

  fullIt('that is gone has a backlog, which /metrics tells, until it is dropped', async () => {
    const { talk, server } = stage();
    const { feed } = server.engine;
    await feed.listen({
      name: 'stuck',
      types: ['Group'],
      handle() {
        throw new Error('never');
      },
    });
    for (let i = 0; i < 3; i++) await talk.create({ resourceType: 'Group', type: 'person', actual: true });
    await until(async () => (await feed.backlog()).get('stuck') === 3);
    const { text } = await server.request.get('/metrics');
    assert.match(text, /^chartroom_feed_backlog\{listener="stuck"\} 3$/m);
    assert.match(text, /^chartroom_feed_backlog\{listener="tests"\} 0$/m);
    assert.equal(await feed.unlisten('stuck'), true);
    assert.equal(await feed.unlisten('stuck'), false);
    await until(async () => (await feed.backlog()).size === 1);
    await until(async () => {
      const [state] = await server.engine.store.pendingMessages('feed', 10);
      return (JSON.parse(state!.body) as { dropped: string[] }).dropped.length === 0;
    });
    await talk.create({ resourceType: 'Group', type: 'person', actual: true });
    assert.equal(await pending('change'), 0);
  });
});

for (const store of storesInTurn(0))
  describe(`listeners under many writers, with kills (${store})`, () => {
    fullIt(
      `hear of everything once and in order: ${Object.keys(LISTENERS).length} listeners, ${SIZES.writers} writers`,
      async function () {
        // A transaction of ten thousand needs room in the cache of the database, or it is too large for ever.
        const mongo = store === 'mongo' ? await startMongo({ cacheGigabytes: 2 }) : undefined;
        if (mongo && 'skipped' in mongo) return this.skip();
        const url = mongo?.database('told') ?? 'embedded';
        const data = mkdtempSync(join(tmpdir(), 'chartroom-feed-'));
        const env = { CHARTROOM_STORE: url, CHARTROOM_DATA: data };
        const places: Place[] = [];
        let storm: Storm | undefined;
        try {
          for (let i = 0; i < (mongo ? 2 : 1); i++) places.push(new Place(env, await freePort()));
          for (const place of places) await place.start();
          for (const place of places) while (!(await place.heard())?.counting) await pause(20);
          storm = new Storm(places, SIZES, createRandom(store.length));
          // A full run waits as servers do.
          await killAndStop(storm, mongo ? STOPS : {}, async () => (FULL ? undefined : endLease(url, 'feed')));
          await storm.end();
          await storm.until(async () => (await storm!.heard())?.left === 0);
          for (const place of places) await place.end('SIGTERM');
          const opened = await openAgain(url, data);
          try {
            const written = await assertHeard(opened);
            assert.ok(written > SIZES.large, `${written} versions`);
          } finally {
            await opened.close();
          }
        } finally {
          for (const place of places) await place.end('SIGKILL');
          await storm?.abandon();
          await mongo?.stop();
          rmSync(data, { recursive: true, force: true });
        }
      },
    );
  });

/** Kills one process after the other, and stops some that dispatch; beside the longest stop the others are killed on. */
async function killAndStop(
  storm: Storm,
  stops: Readonly<Record<number, number>>,
  release: () => Promise<void>,
): Promise<void> {
  await storm.until(() => storm.large > 0);
  let longest: Promise<void> | undefined;
  for (let kill = 0; kill < KILLS; kill++) {
    const stop = stops[kill];
    if (stop !== undefined) {
      await longest;
      const asleep = await stopDispatcher(storm);
      await release();
      const stopped = goOnLater(storm, asleep, stop);
      if (stop === 0) await stopped;
      else {
        longest = stopped;
        longest.catch(() => undefined);
      }
    }
    const before = storm.answered;
    await storm.toldMore();
    await storm.until(() => storm.answered >= before + BETWEEN);
    const awake = storm.awake();
    const victim = awake[kill % awake.length]!;
    await victim.end('SIGKILL');
    await release();
    await victim.start();
  }
  await longest;
}

const openAgain = (url: string, data: string): Promise<Store> =>
  url === 'embedded' ? openEmbedded({ file: join(data, 'chartroom.db'), layout }) : openMongo({ url, layout });
