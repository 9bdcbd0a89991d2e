/** Rows of the store contract: pages end where their texts have no room, wherever the rows come from. */
import assert from 'node:assert/strict';
import { before, it } from 'mocha';
import { ANY_RESOURCE, type Cursor, type Query } from '../../src/search/query.js';
import type { Change, HistoryQuery, Page, Store } from '../../src/store/store.js';
import { put } from '../support/changes.js';
import type { Subject } from './store-suite.js';

const KB = 1024;
/** KB of the narrative of each, in the order of arrival: on both sides of what a store reads with the row. */
const SIZES = [1, 60, 2, 200, 1, 1, 90, 3];

const patient = (i: number): Change =>
  put(
    {
      resourceType: 'Patient',
      id: `s${i}`,
      name: [{ family: `f${i}`, text: 'x'.repeat(SIZES[i]! * KB) }],
    },
    { updated: 1000 + i },
  );

type Ask = (store: Store, how: { bytes?: number; limit: number; after?: Cursor; before?: Cursor }) => Promise<Page>;
const find =
  (query: Pick<Query, 'sort'> & Partial<Query>): Ask =>
  (store, how) =>
    store.find({ types: ['Patient'], where: ANY_RESOURCE, ...query, ...how });
const history =
  (query: Omit<HistoryQuery, 'limit'>): Ask =>
  (store, how) =>
    store.history({ ...query, ...how });

const WAYS: readonly (readonly [string, Ask])[] = [
  ['a search in no order', find({ sort: [] })],
  ['a search by _lastUpdated', find({ sort: [{ code: '_lastUpdated', descending: true }] })],
  ['a search by a string', find({ sort: [{ code: 'family', descending: false }] })],
  [
    'a search by two keys',
    find({
      sort: [
        { code: 'gender', descending: false },
        { code: 'family', descending: true },
      ],
    }),
  ],
  ['a history of a type', history({ type: 'Patient' })],
  ['a history of the system', history({ types: ['Patient', 'Group'] })],
  ['a history, oldest first', history({ type: 'Patient', oldestFirst: true })],
];

const line = ({ id, version }: { readonly id: string; readonly version: number }) => `${id} ${version}`;
const bytesOf = ({ rows }: Page) => rows.reduce((sum, { text }) => sum + (text?.length ?? 0), 0);

export function sizeRows(subject: Subject): void {
  before(async () => {
    const first = SIZES.map((_, i) => patient(i));
    await subject.store.commit({ changes: first });
    // Every second one has a version before it.
    for (const [i, replaces] of first.entries())
      if (i % 2 === 0)
        await subject.store.commit({
          changes: [put(JSON.parse(replaces.text!.toString()) as never, { replaces, updated: 2000 + i })],
        });
  });

  for (const [title, ask] of WAYS)
    for (const limit of [2, 100])
      for (const bytes of [10 * KB, 70 * KB, 150 * KB, 10_000 * KB])
        it(`${title}: pages of ${bytes} bytes and ${limit} rows, both ways`, async () => {
          const { store } = subject;
          const expected = (await ask(store, { limit: 100 })).rows.map(line);
          assert.ok(expected.length >= SIZES.length);
          const walk = async (from: 'after' | 'before', start: Cursor | undefined) => {
            const seen: string[] = [];
            let room = bytes;
            for (let place = start; ; ) {
              const page = await ask(store, { limit, bytes: room, ...(place ? { [from]: place } : {}) });
              assert.ok(bytesOf(page) <= room && page.rows.length <= limit);
              assert.equal(page.rows.length, page.cursors.length);
              if (page.next !== undefined) {
                assert.ok(page.more && page.rows.length < limit && bytesOf(page) + page.next > room);
              } else assert.ok(!page.more || page.rows.length === limit);
              const rows = page.rows.map(line);
              seen.splice(from === 'after' ? seen.length : 0, 0, ...rows);
              if (!page.more) return seen;
              assert.ok(page.rows.length > 0 || page.next! > room, 'it goes on');
              // What had no room is asked for with more.
              room = page.rows.length > 0 ? bytes : page.next!;
              place = (from === 'after' ? page.cursors.at(-1) : page.cursors[0]) ?? place;
            }
          };
          assert.deepEqual(await walk('after', undefined), expected);
          const end = (await ask(store, { limit: 100 })).cursors.at(-1);
          assert.deepEqual(await walk('before', end), expected.slice(0, -1));
        });

  it('a read may leave out a text that is too large, and says how large it is', async () => {
    const { store } = subject;
    const whole = await store.read('Patient', 's3');
    assert.ok(whole!.text!.length > 200 * KB);
    const part = await store.read('Patient', 's3', undefined, KB);
    assert.equal(part!.text?.length ?? part!.withheld, whole!.text!.length);
    assert.deepEqual([part!.version, part!.patients], [whole!.version, whole!.patients]);
    assert.deepEqual(
      (await store.read('Patient', 's0', undefined, 10 * KB))?.text,
      (await store.read('Patient', 's0'))?.text,
    );
  });

  it('a scan gives every text', async () => {
    const sizes = [];
    for await (const { row } of subject.store.scan({ type: 'Patient' })) sizes.push(row.text!.length > KB);
    assert.deepEqual(
      sizes,
      SIZES.map(() => true),
    );
  });
}
