/** States of a whole store by name (Snapshots of the port): what is there after going back is what was there, in every way that a store is asked. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { ANY_RESOURCE } from '../../src/search/query.js';
import { parseWords } from '../../src/search/words.js';
import type { Store, Version } from '../../src/store/store.js';
import { put, remove } from '../support/changes.js';
import { FULL, turnAmong } from '../support/depth.js';
import { openEmptyEmbedded } from '../support/embedded.js';
import { openMongoWith } from '../support/mongo-store.js';
import type { Open, Opened } from './store-suite.js';

const TOPIC = 'told';
const NOW = Date.UTC(2026, 1, 1);

/** Watches as the harness does: the store hears of every write before it. */
async function write(store: Store, ...changes: Parameters<Store['commit']>[0]['changes'][number][]): Promise<void> {
  const commit = { changes, messages: [{ topic: TOPIC, body: String(changes[0]?.id) }] };
  (await store.snapshots()).touched(commit);
  await store.commit(commit);
}
async function keepBytes(store: Store, text: string): Promise<string> {
  (await store.snapshots()).touched('bytes');
  return (await store.blobs.put(Buffer.from(text.repeat(10)))).hash;
}
const patient = (id: string, family: string, more: Parameters<typeof put>[1] = {}) =>
  put(
    {
      resourceType: 'Patient',
      id,
      name: [{ family }],
      identifier: [{ system: 'urn:mrn', value: id }],
      text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${family}</div>` },
    },
    { updated: NOW, ...more },
  );
const current = async (store: Store, id: string): Promise<Version> => (await store.read('Patient', id))!;

/** All that a store says of what it holds. */
async function told(store: Store): Promise<unknown> {
  const shown = ({ type, id, version, updated, method, text, patients, blobs }: Version) =>
    [type, id, version, updated, method, text?.toString(), patients, blobs ?? []] as const;
  const { rows, cursors } = await store.history({ limit: 10_000 });
  const named = async (family: string) => {
    const test = { kind: 'string', mode: 'exact', value: family } as const;
    const page = await store.find({
      types: ['Patient'],
      where: { kind: 'param', code: 'family', test },
      sort: [],
      limit: 100,
    });
    return page.rows.map(({ id }) => id);
  };
  const hashes: string[] = [];
  for await (const hash of store.blobs.all()) hashes.push(hash);
  const all = await store.find({ types: ['Patient'], where: ANY_RESOURCE, sort: [], limit: 10_000 });
  return {
    history: rows.map(shown),
    cursors,
    order: all.cursors,
    named: [await named('First'), await named('Second')],
    words: await wordsOfAll(store),
    sizes: [...(await store.sizes())],
    messages: (await store.pendingMessages(TOPIC, 10_000)).map(({ body, sequence }) => [body, sequence]),
    hashes: hashes.toSorted(),
  };
}
async function wordsOfAll(store: Store): Promise<readonly string[]> {
  const { found } = await store.searchText(
    { types: ['Patient'], among: 'text', words: parseWords('_text', 'first') },
    1000,
  );
  return found.map(({ id }) => id).toSorted();
}

async function fill(store: Store): Promise<void> {
  for (let i = 0; i < 5; i++) await write(store, patient(`p${i}`, 'First'));
  await write(store, patient('p1', 'Second', { replaces: await current(store, 'p1') }));
  await write(store, remove(await current(store, 'p2'), NOW));
  await keepBytes(store, 'kept');
  const hash = await keepBytes(store, 'held');
  await write(store, { ...patient('holder', 'Third'), blobs: [{ at: 1, hash, size: 40 }] });
}

/** More than a batch of anything. */
const MANY = FULL ? 1000 : 200;

/** Each does something else to a store that was filled. */
const DEEDS: Readonly<Record<string, (store: Store) => Promise<void>>> = {
  nothing: async () => undefined,
  'a new resource': store => write(store, patient('new', 'First')),
  'a new version': async store => write(store, patient('p0', 'Second', { replaces: await current(store, 'p0') })),
  'a version of a new version': async store => {
    for (const name of ['Second', 'Third'])
      await write(store, patient('p1', name, { replaces: await current(store, 'p1') }));
  },
  'a deletion': async store => write(store, remove(await current(store, 'p3'), NOW)),
  'an erasure': async store => write(store, { ...remove(await current(store, 'p1'), NOW), erases: true }),
  'an erasure of what holds bytes': async store =>
    write(store, { ...remove(await current(store, 'holder'), NOW), erases: true }),
  'what comes back': async store => write(store, patient('p2', 'First', { replaces: await current(store, 'p2') })),
  'a refused write of an old version': async store => {
    const { text: _text, ...old } = (await store.read('Patient', 'p1', 1))!;
    await assert.rejects(write(store, patient('p1', 'Third', { replaces: old })), { kind: 'conflict' });
  },
  'messages that are dealt with': async store => {
    const acknowledges = (await store.pendingMessages(TOPIC, 2)).map(({ sequence }) => sequence);
    (await store.snapshots()).touched({ changes: [], acknowledges });
    await store.commit({ changes: [], acknowledges });
  },
  'other bytes': async store => void (await keepBytes(store, 'others')),
  [`${MANY} resources`]: async store => {
    for (let at = 0; at < MANY; at += 100)
      await write(store, ...Array.from({ length: 100 }, (_, i) => patient(`many${at + i}`, 'First')));
  },
  'everything else': async store => {
    await (await store.snapshots()).restore();
    await write(store, patient('other', 'First'));
  },
};

const openMongo: Open = test => openMongoWith(test, { falling: true });

for (const [name, open] of [
  ['embedded', () => openEmptyEmbedded()],
  ['mongo', openMongo],
] as const)
  describe(`snapshots: ${name}`, () => {
    let opened: Opened;
    let store: Store;
    before(async function () {
      opened = await open(this);
      ({ store } = opened);
      assert.equal(await (await store.snapshots()).claim(), true);
    });
    after(() => opened?.release());

    it('are for a store that holds nothing, or has been for tests from the beginning', async function () {
      const other = await open(this);
      await other.store.commit({ changes: [patient('real', 'Mrs. Real')] });
      assert.equal(await (await other.store.snapshots()).claim(), false);
      assert.equal(await (await (await other.reopen()).snapshots()).claim(), false);
      await other.release();
      assert.equal(await (await store.snapshots()).claim(), true);
    });

    it('tell apart what is stored (the control of all others)', async () => {
      const seen = new Set<string>();
      for (const [what, deed] of Object.entries(DEEDS)) {
        await (await store.snapshots()).restore();
        await fill(store);
        await deed(store);
        seen.add(JSON.stringify(await told(store)));
        if (what === 'nothing' || what.startsWith('a refused')) seen.delete(JSON.stringify(await told(store)));
      }
      assert.equal(seen.size, Object.keys(DEEDS).length - 2);
      await (await store.snapshots()).restore();
    });

    it('bring back nothing at all', async () => {
      const nothing = JSON.stringify(await told(store));
      await fill(store);
      assert.notEqual(JSON.stringify(await told(store)), nothing);
      await (await store.snapshots()).restore();
      assert.equal(JSON.stringify(await told(store)), nothing);
    });

    describe('bring back what was kept, after', () => {
      let filled: unknown;
      before(async () => {
        const snapshots = await store.snapshots();
        await snapshots.restore();
        await fill(store);
        filled = await told(store);
        await snapshots.take('filled');
        assert.deepEqual(await told(store), filled);
      });
      for (const [what, deed] of Object.entries(DEEDS))
        it(what, async () => {
          await deed(store);
          await (await store.snapshots()).restore('filled');
          assert.deepEqual(await told(store), filled);
          // And it goes on as it would have gone on.
          await write(store, patient('next', 'First'));
          const next = await told(store);
          await (await store.snapshots()).restore('filled');
          await write(store, patient('next', 'First'));
          assert.deepEqual(await told(store), next);
        });

      it('a restart', async () => {
        store = await opened.reopen();
        const snapshots = await store.snapshots();
        assert.equal(await snapshots.claim(), true);
        await write(store, patient('after', 'First'));
        await snapshots.restore('filled');
        assert.deepEqual(await told(store), filled);
        await keepBytes(store, 'later');
        await write(store, patient('after', 'First'));
        await snapshots.restore('filled');
        assert.deepEqual(await told(store), filled);
      });
    });

    describe('go from one to another and back, after', () => {
      let filled: unknown;
      let other: unknown;
      before(async () => {
        const snapshots = await store.snapshots();
        await snapshots.restore();
        await fill(store);
        filled = await told(store);
        await snapshots.take('filled');
        await write(store, patient('p3', 'Second', { replaces: await current(store, 'p3') }));
        await write(store, patient('only-here', 'Second'));
        await keepBytes(store, 'only here');
        other = await told(store);
        await snapshots.take('other');
      });
      for (const [at, [what, deed]] of Object.entries(DEEDS).entries())
        it(what, async () => {
          const snapshots = await store.snapshots();
          const states = { filled, other };
          const ways = [
            ['filled', 'other'],
            ['other', 'filled'],
          ] as const;
          // At every change one way each, in turn.
          for (const [from, to] of ways.filter((_, way) => FULL || turnAmong(at, 2) === way)) {
            await snapshots.restore(from);
            await deed(store);
            await snapshots.restore(to);
            assert.deepEqual(await told(store), states[to]);
            await write(store, patient('later', 'First'));
            await snapshots.restore();
            assert.equal((await store.sizes()).size, 0);
            await snapshots.restore(from);
            assert.deepEqual(await told(store), states[from]);
          }
        });

      it('one of them was exchanged for the other, or dropped', async () => {
        const snapshots = await store.snapshots();
        await snapshots.restore('other');
        await snapshots.take('filled');
        for (const state of ['other', 'filled']) {
          await snapshots.restore(state);
          assert.deepEqual(await told(store), other);
        }
        await snapshots.drop('filled');
        await write(store, patient('later', 'First'));
        await keepBytes(store, 'later');
        await snapshots.restore('other');
        assert.deepEqual(await told(store), other);
        await snapshots.drop('other');
      });
    });

    it('have names, of which each keeps what it was given last', async () => {
      const snapshots = await store.snapshots();
      await snapshots.restore();
      await fill(store);
      await snapshots.take('filled');
      await write(store, patient('more', 'First'));
      const more = await told(store);
      await snapshots.take('more');
      assert.deepEqual(await snapshots.list(), ['filled', 'more']);
      await snapshots.restore();
      await snapshots.take('filled');
      await snapshots.restore('more');
      assert.deepEqual(await told(store), more);
      await snapshots.restore('filled');
      assert.equal((await store.sizes()).size, 0);
      await snapshots.drop('more');
      assert.deepEqual(await snapshots.list(), ['filled']);
      await snapshots.restore();
      for (const refused of [() => snapshots.restore('more'), () => snapshots.drop('more')])
        await assert.rejects(refused, { kind: 'not-found' });
    });

    it('are gone on from with the same numbers, however many notes were committed first', async () => {
      const snapshots = await store.snapshots();
      const cursorsAfter = async (notes: number) => {
        await snapshots.restore();
        for (let at = 0; at < notes; at++)
          await store.commit({ changes: [], messages: [{ topic: TOPIC, body: 'note' }] });
        await snapshots.settle();
        await write(store, patient('one', 'First'), patient('two', 'First'));
        return (await store.find({ types: ['Patient'], where: ANY_RESOURCE, sort: [], limit: 2 })).cursors;
      };
      const first = await cursorsAfter(1);
      assert.equal(first.length, 2);
      assert.deepEqual(await cursorsAfter(7), first);
      await snapshots.restore();
    });
  });
