/** Rows of the store contract: pages fit together while other resources come, change and go. */
import assert from 'node:assert/strict';
import { before, it } from 'mocha';
import type { Resource } from '../../src/fhir/resource.js';
import type { Cursor } from '../../src/search/query.js';
import type { Change } from '../../src/store/store.js';
import { put, remove } from '../support/changes.js';
import { queryOf } from '../support/queries.js';
import type { Subject } from './store-suite.js';

const observation = (id: string, date: string | undefined, status = 'final'): Resource => ({
  resourceType: 'Observation',
  id,
  status,
  code: { coding: [{ system: 'http://loinc.org', code: id.startsWith('x') ? 'x' : '8480-6' }] },
  category: [{ coding: [{ code: 'vital-signs' }] }],
  subject: { reference: 'Patient/p' },
  ...(date === undefined ? {} : { effectiveDateTime: date }),
});
/** Dates repeat; every seventh has none. */
const dateOf = (i: number): string | undefined =>
  i % 7 === 3 ? undefined : `2022-0${1 + (i % 5)}-${10 + (i % 11)}T00:00:00Z`;
const steady = Array.from({ length: 40 }, (_, i) => observation(`steady${i}`, dateOf(i)));

const SEARCHES = [
  'Observation?code=http://loinc.org|8480-6',
  'Observation?patient=p&_sort=date',
  'Observation?patient=p&_sort=-date',
  'Observation?code=8480-6,x&_sort=date',
  'Observation?category=vital-signs',
  'Observation?status=final&_sort=_lastUpdated',
  'Observation?_sort=-_lastUpdated',
  'Observation?_sort=_id',
  'Observation?_sort=status,date',
] as const;

export function pagingRows(subject: Subject): void {
  const others: Change[] = [];
  let serial = 0;

  /** One new resource before, between and after the steady ones, one deletion, one change of date. */
  const stir = async (): Promise<void> => {
    const { store } = subject;
    const i = serial++;
    const made = put(observation(`x${i}`, ['2021-01-01', '2022-03-14T00:00:00Z', '2024-01-01', undefined][i % 4]), {
      updated: 1500 + i,
    });
    const gone = others.shift();
    const moved = others.shift();
    const next = moved && put(observation(moved.id, dateOf(i)), { replaces: moved, updated: 2000 + i });
    await store.commit({ changes: [made, ...(gone ? [remove(gone, 2000 + i)] : []), ...(next ? [next] : [])] });
    others.push(made, ...(next ? [next] : []));
  };

  before(async () => {
    for (const [i, resource] of steady.entries()) {
      await subject.store.commit({ changes: [put(resource, { updated: 1000 + i * 20 })] });
      if (i % 3 === 0) await stir();
    }
  });

  for (const search of SEARCHES)
    for (const direction of ['after', 'before'] as const)
      it(`shows every lasting resource exactly once, pages ${direction} one another: ${search}`, async () => {
        const { store } = subject;
        const query = { ...queryOf(search), limit: 6 };
        let cursor: Cursor | undefined;
        if (direction === 'before') {
          // From the last row backwards: first find it.
          for (let more = true; more; ) {
            const page = await store.find({ ...query, ...(cursor ? { after: cursor } : {}) });
            cursor = page.cursors.at(-1) ?? cursor;
            ({ more } = page);
          }
          const far = await store.find({ ...query, limit: 1000 });
          assert.deepEqual(far.cursors.at(-1), cursor);
        }
        const last = direction === 'before' ? (await store.find({ ...query, limit: 1000 })).rows.at(-1) : undefined;
        const seen: string[] = last ? [last.id] : [];
        for (let more = true; more; ) {
          const page = await store.find({ ...query, ...(cursor ? { [direction]: cursor } : {}) });
          assert.ok(page.rows.length <= query.limit);
          if (page.more) assert.equal(page.rows.length, query.limit);
          seen.push(...page.rows.map(row => row.id));
          cursor = (direction === 'after' ? page.cursors.at(-1) : page.cursors[0]) ?? cursor;
          ({ more } = page);
          await stir();
        }
        const lasting = seen.filter(id => id.startsWith('steady'));
        assert.deepEqual(lasting.toSorted(), steady.map(one => one['id'] as string).toSorted());
      });
}
