/** Rows of the store contract: histories of one resource, a type and the system. */
import assert from 'node:assert/strict';
import { before, it } from 'mocha';
import type { Cursor } from '../../src/search/query.js';
import type { Change, HistoryQuery, Store, Version } from '../../src/store/store.js';
import { put, remove } from '../support/changes.js';
import type { Subject } from './store-suite.js';

/** `Patient/a 2 1200`: resource, version, time. */
const line = ({ type, id, version, updated }: Version): string => `${type}/${id} ${version} ${updated}`;

/** What happens, in this order. Times repeat, and three resources share one. */
function story(): Change[] {
  const a1 = put({ resourceType: 'Patient', id: 'a' }, { updated: 1000 });
  const b1 = put({ resourceType: 'Patient', id: 'b' }, { updated: 1000 });
  const g1 = put({ resourceType: 'Group', id: 'g' }, { updated: 1000 });
  const a2 = put({ resourceType: 'Patient', id: 'a', active: true }, { replaces: a1, updated: 1100 });
  const b2 = remove(b1, 1200);
  const c1 = put({ resourceType: 'Patient', id: 'c' }, { updated: 1300 });
  const a3 = put({ resourceType: 'Patient', id: 'a' }, { replaces: a2, updated: 1400 });
  const a4 = put({ resourceType: 'Patient', id: 'a', active: false }, { replaces: a3, updated: 1400 });
  const g2 = put({ resourceType: 'Group', id: 'g' }, { replaces: g1, updated: 1500 });
  const b3 = put({ resourceType: 'Patient', id: 'b' }, { replaces: b2, updated: 1600 });
  return [a1, b1, g1, a2, b2, c1, a3, a4, g2, b3];
}

const SYSTEM = [
  'Patient/b 3 1600',
  'Group/g 2 1500',
  'Patient/a 4 1400',
  'Patient/a 3 1400',
  'Patient/c 1 1300',
  'Patient/b 2 1200',
  'Patient/a 2 1100',
  'Group/g 1 1000',
  'Patient/b 1 1000',
  'Patient/a 1 1000',
];
const PATIENTS = SYSTEM.filter(text => text.startsWith('Patient'));
const A = PATIENTS.filter(text => text.startsWith('Patient/a'));

type Asked = Omit<HistoryQuery, 'limit' | 'after' | 'before'>;

/** Page after page to the end, and what pages before the last row give on the way back. */
async function allOf(store: Store, query: Asked, limit: number): Promise<Version[]> {
  const rows: Version[] = [];
  const cursors: Cursor[] = [];
  let after: Cursor | undefined;
  for (;;) {
    const page = await store.history({ ...query, limit, ...(after ? { after } : {}) });
    assert.ok(page.rows.length <= limit && page.cursors.length === page.rows.length);
    rows.push(...page.rows);
    cursors.push(...page.cursors);
    if (!page.more) break;
    after = page.cursors.at(-1)!;
  }
  const back: Version[] = [];
  for (let place = cursors.at(-1); place; ) {
    const page = await store.history({ ...query, limit, before: place });
    assert.ok(page.rows.length <= limit && page.cursors.length === page.rows.length);
    back.unshift(...page.rows);
    place = page.more ? page.cursors[0] : undefined;
  }
  assert.deepEqual(back.map(line), rows.slice(0, -1).map(line), 'the way back is the same');
  return rows;
}

export function historyRows(subject: Subject): void {
  before(async () => {
    for (const change of story()) await subject.store.commit({ changes: [change] });
  });

  const rows: readonly (readonly [string, Asked, readonly string[]])[] = [
    ['of the system, newest first, later arrivals first where times are equal', {}, SYSTEM],
    ['of some types of the system', { types: ['Group', 'Person'] }, SYSTEM.filter(text => text.startsWith('Group'))],
    ['of no types of the system', { types: [] }, []],
    ['of a type', { type: 'Patient' }, PATIENTS],
    ['of a type without resources', { type: 'Device' }, []],
    ['of a resource', { type: 'Patient', id: 'a' }, A],
    [
      'of a resource that was deleted and came back',
      { type: 'Patient', id: 'b' },
      PATIENTS.filter(t => t.startsWith('Patient/b')),
    ],
    ['of a resource that never was', { type: 'Patient', id: 'nobody' }, []],
    ['since a time, that time included', { since: 1400 }, SYSTEM.slice(0, 4)],
    ['of a type since a time', { type: 'Patient', since: 1200 }, PATIENTS.slice(0, 5)],
    ['of a resource since a time', { type: 'Patient', id: 'a', since: 1101 }, A.slice(0, 2)],
    ['since a time that has not come', { since: 9000 }, []],
    [
      'at an instant: each resource as it was then',
      { at: { low: 1150, high: 1150 } },
      ['Patient/a 2 1100', 'Group/g 1 1000', 'Patient/b 1 1000'],
    ],
    [
      'at an instant after a deletion: the deletion',
      { at: { low: 1250, high: 1250 } },
      ['Patient/b 2 1200', 'Patient/a 2 1100', 'Group/g 1 1000'],
    ],
    [
      'of a type in a span of time',
      { type: 'Patient', at: { low: 1050, high: 1150 } },
      ['Patient/a 2 1100', 'Patient/b 1 1000', 'Patient/a 1 1000'],
    ],
    ['of a resource at an instant', { type: 'Patient', id: 'a', at: { low: 5000, high: 5000 } }, ['Patient/a 4 1400']],
    ['at an instant before everything', { at: { low: 5, high: 5 } }, []],
  ];
  for (const [title, query, expected] of rows) {
    for (const limit of [1, 2, 3, 100])
      it(`${title}, in pages of ${limit}, from either end`, async () => {
        assert.deepEqual((await allOf(subject.store, query, limit)).map(line), expected);
        const oldestFirst = await allOf(subject.store, { ...query, oldestFirst: true }, limit);
        assert.deepEqual(oldestFirst.map(line), expected.toReversed());
      });
    it(`${title}, counted`, async () => assert.equal(await subject.store.countHistory(query), expected.length));
  }

  it('shows texts and methods, and deletions without a text', async () => {
    const { rows: versions } = await subject.store.history({ type: 'Patient', id: 'b', limit: 10 });
    assert.deepEqual(
      versions.map(({ method, text }) => [method, text !== undefined]),
      [
        ['PUT', true],
        ['DELETE', false],
        ['POST', true],
      ],
    );
    assert.equal(JSON.parse(versions[2]!.text!.toString()).meta.versionId, '1');
  });

  it('loses and repeats nothing that was there while versions are added between pages', async () => {
    const { store } = subject;
    const seen: string[] = [];
    let after: Cursor | undefined;
    for (let i = 0; ; i++) {
      const page = await store.history({ limit: 2, ...(after ? { after } : {}) });
      seen.push(...page.rows.map(line));
      if (!page.more) break;
      after = page.cursors.at(-1)!;
      const current = await store.read('Patient', 'a');
      await store.commit({
        changes: [
          put({ resourceType: 'Patient', id: 'a' }, { replaces: current!, updated: 2000 + i }),
          put({ resourceType: 'Patient', id: `new${i}` }, { updated: 2000 + i }),
        ],
      });
    }
    assert.deepEqual(seen, SYSTEM);
  });
}
