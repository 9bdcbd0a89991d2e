/**
 * Eight clients (two at every change) follow changes from horizon to horizon, under sixteen writers (four) with transactions of 1 to 10,000 entries (200 at every
 * change), while servers are killed, stopped and started again; on MongoDB there are two. Nobody loses anything or sees anything
 * twice. Clients that go by the newest stamp they have seen lose, which shows that there was something to lose.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Basic, BundleEntry } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { named, post, put, send } from '../support/bundles.js';
import { storesInTurn } from '../support/both-stores.js';
import { depthOf, FULL } from '../support/depth.js';
import { freePort, type Mongo, startMongo } from '../support/mongod.js';
import { createRandom, type Random } from '../support/random.js';
import { type StoreName, STORES } from '../support/server.js';
import { type SpawnedServer, spawnServer } from '../support/spawn.js';
import { type Talk, talkTo } from '../support/talk.js';
import { allVersions, byHistory, byNewest, bySearch, horizonOf, type Poller } from './horizon/pollers.js';

const SECONDS = depthOf('HORIZON_SECONDS') / STORES.length;
const PROCESSES: Readonly<Record<StoreName, number>> = { embedded: 1, mongo: 2 };
const WRITERS = FULL ? 16 : 4;
const CLIENTS = FULL ? 8 : 2;
/** ms: at every change nobody hurries, as what is done while servers start shows nothing new. */
const BETWEEN_WRITES = FULL ? 0 : 120;
const BETWEEN_QUESTIONS = FULL ? 50 : 300;
const SIZES = [1, 1, 1, 1, 2, 10, 10, FULL ? 100 : 30];
/** Of the writer who sends the largest. */
const LARGEST = depthOf('HORIZON_LARGEST');
const LARGE_SIZES = [LARGEST, 1, LARGEST / 10, 1, FULL ? 300 : 100];

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

/** A server that tests kill and stop. */
interface Place {
  readonly talk: Talk;
  readonly start: () => Promise<SpawnedServer>;
  server: SpawnedServer;
  asleep: boolean;
}

interface World {
  readonly places: readonly Place[];
  /** Transactions that were answered. */
  readonly done: number[];
  isOver: boolean;
}

const basic = (text: string): Basic => ({ resourceType: 'Basic', code: { text } });
const awake = ({ places }: World): Place[] => places.filter(({ asleep }) => !asleep);

/** Sends one transaction after the other, new resources and new versions of its own. */
async function write(world: World, writer: number, random: Random): Promise<void> {
  const own: string[] = [];
  const sizes = writer === 0 ? LARGE_SIZES : SIZES;
  for (let sent = 0; !world.isOver; sent++) {
    const size = writer === 0 ? sizes[sent % sizes.length]! : random.pick(sizes);
    const again = new Set(own.slice(-3).slice(0, Math.floor(size / 2)));
    const entries: BundleEntry[] = [...again].map(id => put({ ...basic(`${writer} ${sent}`), id }));
    while (entries.length < size) entries.push(post(basic(`${writer} ${sent} ${entries.length}`)));
    const answer = await send(random.pick(world.places).talk, 'transaction', entries).catch(() => undefined);
    if (answer?.status !== 200) {
      await pause(20);
      continue;
    }
    world.done.push(size);
    await pause(BETWEEN_WRITES);
    const ids = answer.body.entry?.map(each => named(each).slice('Basic/'.length)) ?? [];
    own.push(...ids.filter(id => !again.has(id)).slice(0, 3));
  }
}

async function follow(world: World, poller: Poller, random: Random, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const there = awake(world);
    if (there.length > 0) await poller.ask(random.pick(there).talk);
    await pause(BETWEEN_QUESTIONS);
  }
}

/** Until so many more transactions were answered. */
async function progress({ done }: World, more: number): Promise<void> {
  const wanted = done.length + more;
  while (done.length < wanted) await pause(10);
}

async function kill(place: Place): Promise<void> {
  await place.server.kill('SIGKILL');
  place.server = await place.start();
}

/** Stops a process until others have passed over it, and lets it go on. */
async function interrupt(world: World, place: Place): Promise<void> {
  place.asleep = true;
  const [other] = awake(world);
  const stopped = Date.now();
  process.kill(place.server.pid, 'SIGSTOP');
  try {
    while (((await horizonOf(other!.talk)) ?? 0) <= stopped) await pause(50);
  } finally {
    process.kill(place.server.pid, 'SIGCONT');
    place.asleep = false;
  }
}

/** What a client by the newest stamp has passed over and not seen. */
const lostBy = (poller: Poller, all: readonly { readonly name: string; readonly updated: number }[], start: number) =>
  all.filter(({ name, updated }) => updated >= start && updated < poller.from() && !poller.seen.has(name));

for (const store of storesInTurn(0))
  describe(`clients that follow changes (${store})`, () => {
    let data = '';
    let database: Mongo | undefined;
    const world: World = { places: [], done: [], isOver: false };

    before(async function () {
      // A transaction of ten thousand entries needs room in the cache of the database.
      const mongo = store === 'mongo' ? await startMongo({ cacheGigabytes: 2 }) : undefined;
      if (mongo && 'skipped' in mongo) return this.skip();
      database = mongo;
      const url = mongo?.database('followed') ?? 'embedded';
      data = mkdtempSync(join(tmpdir(), 'chartroom-horizon-'));
      for (let i = 0; i < PROCESSES[store]; i++) {
        const port = await freePort();
        const start = () =>
          spawnServer({
            CHARTROOM_STORE: url,
            CHARTROOM_DATA: join(data, store === 'mongo' ? String(i) : ''),
            CHARTROOM_SECRET: 'a secret that both processes know, for links',
            CHARTROOM_PORT: String(port),
          });
        const server = await start();
        (world.places as Place[]).push({ server, start, talk: talkTo(server.base), asleep: false });
      }
    });
    after(async () => {
      for (const { server } of world.places) await server.kill('SIGKILL');
      await database?.stop();
      if (data !== '') rmSync(data, { recursive: true, force: true });
    });

    it('lose nothing and see nothing twice', async () => {
      const { places } = world;
      const [{ talk }] = places as [Place, ...Place[]];
      const start = (await horizonOf(talk))!;
      const pollers = Array.from({ length: CLIENTS }, (_, i) => (i % 2 === 0 ? byHistory(start) : bySearch(start)));
      const wrong = [byNewest(start), byNewest(start)];
      let newest = Infinity;
      const following = [
        ...pollers.map((each, i) => follow(world, each, createRandom(i), () => each.from() > newest)),
        ...wrong.map((each, i) => follow(world, each, createRandom(100 + i), () => world.isOver)),
      ];
      const writing = Array.from({ length: WRITERS }, (_, i) => write(world, i, createRandom(200 + i)));
      const until = performance.now() + SECONDS * 1000;
      while (!world.done.includes(LARGEST)) await pause(10);
      // The control: it goes on until one of them has lost something.
      for (let round = 0; performance.now() < until || round < 2; round++) {
        await progress(world, WRITERS);
        const place = places[round % places.length]!;
        if (round % 4 === 1 && places.length > 1) await interrupt(world, place);
        else await kill(place);
        await progress(world, WRITERS);
      }
      while (wrong.every(each => each.seen.size === 0)) await pause(10);
      let lost = 0;
      while (lost === 0) {
        await progress(world, WRITERS);
        const all = await allVersions(talk);
        lost = Math.max(...wrong.map(each => lostBy(each, all, start).length));
      }
      world.isOver = true;
      await Promise.all(writing);
      const all = await allVersions(talk);
      newest = Math.max(...all.map(({ updated }) => updated));
      await Promise.all(following);
      assert.ok(lost > 0);
      const names = all.filter(({ updated }) => updated >= start).map(({ name }) => name);
      const latest = new Map(names.toSorted(byVersion).map(name => [name.split('/')[0]!, name]));
      for (const { name, seen } of pollers) {
        const twice = [...seen].filter(([, times]) => times > 1);
        assert.deepEqual(twice.slice(0, 5), [], `twice by ${name}: ${twice.length}`);
        const missing = (name === 'history' ? names : [...latest.values()]).filter(each => !seen.has(each));
        assert.deepEqual(missing.slice(0, 5), [], `lost by ${name}: ${missing.length} of ${names.length}`);
      }
    });
  });

const versionOf = (name: string): number => Number(name.split('/')[1]);
const byVersion = (a: string, b: string): number => versionOf(a) - versionOf(b);
