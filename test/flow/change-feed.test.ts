/**
 * The change feed: what listeners are told, and that nothing is lost, told twice or out of order, whatever is killed, paused or
 * written at the same time.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'mocha';
import type { FeedChange } from '../../src/feed/change.js';
import { openEmbedded } from '../../src/store/embedded/index.js';
import { openMongo } from '../../src/store/mongo/index.js';
import type { Store } from '../../src/store/store.js';
import { onBothStores } from '../support/both-stores.js';
import { layout } from '../support/changes.js';
import { depthOf, FULL } from '../support/depth.js';
import { exchange } from '../support/exchange.js';
import { assertHeard, LISTENERS } from '../support/heard.js';
import { freePort } from '../support/mongod.js';
import { createRandom, type Random } from '../support/random.js';
import { newStore, STORES } from '../support/server.js';
import { type SpawnedServer, spawnServer } from '../support/spawn.js';

const PROGRAM = fileURLToPath(new URL('../support/listening-program.js', import.meta.url));
const FHIR = { 'content-type': 'application/fhir+json' };
const WRITERS = 16;
const LARGEST = FULL ? 10_000 : 2000;
const KILLS = depthOf('FEED_KILLS');
/** Writes that are answered between two kills. */
const BETWEEN = FULL ? 120 : 40;

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

  it('that is gone has a backlog, which /metrics tells, until it is dropped', async () => {
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

/** What one writer does, again and again: the sizes of transactions are spread over all magnitudes. */
function writeOf(
  random: Random,
  own: string,
  count: number,
  large: boolean,
): { method: string; path: string; body?: string } {
  const turn = count % 8;
  const patient = {
    resourceType: 'Patient',
    id: own,
    gender: turn % 2 ? 'male' : 'female',
    multipleBirthInteger: count,
  };
  if (!large && turn < 3) return { method: 'PUT', path: `/fhir/Patient/${own}`, body: JSON.stringify(patient) };
  if (!large && turn === 3) return { method: 'DELETE', path: `/fhir/Patient/${own}` };
  if (!large && turn < 6) {
    const group = { resourceType: 'Group', type: 'person', actual: true };
    return { method: 'POST', path: '/fhir/Group', body: JSON.stringify(group) };
  }
  const size = large ? LARGEST : Math.floor(10 ** (random.next() * (FULL ? 3 : 2.3)));
  const basics = Array.from({ length: size }, () => ({
    resource: { resourceType: 'Basic', code: { text: own } },
    request: { method: 'POST', url: 'Basic' },
  }));
  const update = { resource: patient, request: { method: 'PUT', url: `Patient/${own}` } };
  return {
    method: 'POST',
    path: '/fhir',
    body: JSON.stringify({
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [...basics, ...(large ? [] : [update])],
    }),
  };
}

for (const store of STORES)
  describe(`listeners under many writers, with kills (${store})`, () => {
    it(`hear of everything once and in order: ${Object.keys(LISTENERS).length} listeners, ${WRITERS} writers`, async function () {
      const url = await newStore(this, store);
      const data = mkdtempSync(join(tmpdir(), 'chartroom-feed-'));
      const random = createRandom(store.length);
      const start = (port: string) =>
        spawnServer(
          { CHARTROOM_STORE: url, CHARTROOM_DATA: data, CHARTROOM_PORT: port, CHARTROOM_LOG: 'error' },
          [],
          PROGRAM,
        );
      const ports = await Promise.all(
        Array.from({ length: store === 'mongo' ? 2 : 1 }, freePort).map(async port => String(await port)),
      );
      const servers: (SpawnedServer | undefined)[] = [];
      const so = { answered: 0, large: 0, ending: false };
      const write = async (name: string, at: number): Promise<void> => {
        for (let count = 0; !so.ending; count++) {
          const large = at === 0 && count % 40 === 1;
          const { body, ...asked } = writeOf(random, name, count, large);
          // Whoever is cut off does not know what became of it; the store does.
          const reply = await exchange(Number(ports[(at + count) % ports.length]!), {
            ...asked,
            headers: FHIR,
            ...(body === undefined ? {} : { body }),
          }).catch(() => undefined);
          if (!reply || reply.status >= 300) await pause(20);
          else if (large) so.large += 1;
          else so.answered += 1;
        }
      };
      const left = async (): Promise<number> => {
        const reply = await exchange(Number(ports[0]!), { method: 'GET', path: '/heard' }).catch(() => undefined);
        if (reply?.status !== 200) return Infinity;
        const { counting, left: count } = JSON.parse(reply.body.toString()) as { counting: boolean; left: number };
        return counting ? count : Infinity;
      };
      try {
        for (const port of ports) servers.push(await start(port));
        while ((await left()) > 0) await pause(20);
        const writers = Array.from({ length: WRITERS }, (_, at) => write(`writer-${at}`, at));
        for (let kill = 0; kill < KILLS; kill++) {
          const before = so.answered;
          while (so.answered < before + BETWEEN || so.large === 0) await pause(10);
          const victim = kill % ports.length;
          // Some are paused until another one has taken what they believe to hold, and go on for a moment before they die.
          if (FULL && ports.length > 1 && kill % 5 === 4) await pauseProcess(servers[victim]!);
          await servers[victim]!.kill('SIGKILL');
          servers[victim] = await start(ports[victim]!);
        }
        so.ending = true;
        await Promise.all(writers);
        while ((await left()) > 0) await pause(50);
        for (const server of servers) await server!.kill('SIGTERM');
        servers.length = 0;
        const opened = await openAgain(url, data);
        try {
          const written = await assertHeard(opened);
          assert.ok(written > LARGEST, `${written} versions`);
        } finally {
          await opened.close();
        }
      } finally {
        so.ending = true;
        for (const server of servers) await server?.kill('SIGKILL');
        rmSync(data, { recursive: true, force: true });
      }
    });
  });

async function pauseProcess({ pid }: SpawnedServer): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await pause(15_000);
  process.kill(pid, 'SIGCONT');
  await pause(2000);
}

const openAgain = (url: string, data: string): Promise<Store> =>
  url === 'embedded' ? openEmbedded({ file: join(data, 'chartroom.db'), layout }) : openMongo({ url, layout });
