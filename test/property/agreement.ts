/**
 * Stores and match agree: random resources, each reaching its entries by way of others, some deleted; random conditions
 * and orders; all pages forwards, and from some row backwards. What must be found is said by match, in which order by
 * the plan carried out in memory. A store runs it in a few lines: storeAgreement('embedded', open).
 */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { after, before, describe, it } from 'mocha';
import type { IndexEntry } from '../../src/search/entry.js';
import { match } from '../../src/search/match.js';
import type { Query } from '../../src/search/query.js';
import { encode } from '../../src/store/encode.js';
import { createIndexCatalog, type IndexCatalog } from '../../src/store/index-catalog.js';
import { plan } from '../../src/store/plan.js';
import type { Change } from '../../src/store/store.js';
import type { Open, Opened } from '../contract/store-suite.js';
import { layout } from '../support/changes.js';
import { depthOf } from '../support/depth.js';
import { arbitraryEntries, idEntry, SHAPES, TEST_IDS } from '../support/entry-generator.js';
import { nameOf, walk, walkBack } from '../support/queries.js';
import { type PlanRow, runPlan } from '../support/run-plan.js';
import { arbitrarySort, arbitraryWhere } from '../support/where-generator.js';

const POPULATION = 70;
/** Queries at the same time: while the database looks for one, the next is made. */
const LANES = 4;
const DAY = 86_400_000;
/** Times that the generated conditions ask for. */
const UPDATED = [
  0,
  1,
  999,
  DAY,
  Date.UTC(2020, 0, 1),
  Date.UTC(2020, 1, 1),
  Date.UTC(2020, 1, 29, 12, 30),
  Date.UTC(2021, 0, 1),
];

type Row = PlanRow & { readonly entries: readonly IndexEntry[] };

interface Search extends Pick<Query, 'types' | 'where' | 'sort' | 'limit'> {
  /** Where the way back begins, as a part of all rows. */
  readonly turn: number;
}

const change = (
  type: string,
  id: string,
  version: number,
  updated: number,
  entries: readonly IndexEntry[],
): Change => ({
  type,
  id,
  version,
  updated,
  method: version === 1 ? 'POST' : 'PUT',
  patients: [],
  text: Buffer.from(JSON.stringify({ resourceType: type, id, meta: { versionId: `${version}` } })),
  entries,
});

/** Writes the resources of one type and gives those that are left, as match and plans see them. */
async function populate(
  { store }: Opened,
  type: string,
  facts: IndexCatalog,
  seed: number,
  from: number,
): Promise<Row[]> {
  const samples = fc.sample(arbitraryEntries(type), { seed, numRuns: POPULATION * 2 });
  const rows: Row[] = [];
  for (let i = 0; i < POPULATION; i++) {
    const id = TEST_IDS[i] ?? `r${i}`;
    const updated = UPDATED[(i * 7 + seed) % UPDATED.length]!;
    const entries = [idEntry(id), ...samples[i]!];
    const first = change(type, id, 1, updated, i % 3 === 0 ? [idEntry(id), ...samples[POPULATION + i]!] : entries);
    // Learned in the order in which the store learns: numbers of systems are part of some orders.
    facts.add(encode(layout, type, first.entries, facts).missing);
    await store.commit({ changes: [first] });
    if (i % 3 === 0) await store.commit({ changes: [{ ...change(type, id, 2, updated, entries), replaces: first }] });
    if (i % 11 === 10) {
      const { text: _, ...gone } = { ...change(type, id, 2, updated, []), method: 'DELETE' as const, replaces: first };
      await store.commit({ changes: [gone] }).catch(() => assert.equal(i % 3, 0));
      if (i % 3 !== 0) continue;
    }
    facts.add(encode(layout, type, entries, facts).missing);
    rows.push({ type, id, updated, entries, n: from + i, keys: encode(layout, type, entries, facts).keys });
  }
  return rows;
}

async function check(
  { store }: Opened,
  rows: readonly Row[],
  facts: IndexCatalog,
  { turn, ...query }: Search,
): Promise<void> {
  const matching = rows.filter(row => query.types.includes(row.type) && match(query.where, row)).map(nameOf);
  const ordered = runPlan({ ...plan(layout, query, facts), limit: rows.length }, rows).map(nameOf);
  const { rows: found, cursors } = await walk(store, query);
  assert.deepEqual(found.map(nameOf).toSorted(), matching.toSorted());
  assert.deepEqual(found.map(nameOf), ordered);
  const at = Math.floor(turn * found.length);
  if (cursors[at]) {
    const back = await walkBack(store, query, cursors[at]);
    assert.deepEqual(back.map(nameOf), ordered.slice(0, at));
  }
  const { count, exact } = await store.count(query, turn < 0.5 ? 10 : undefined);
  assert.equal(exact || count <= matching.length, true);
  if (exact) assert.equal(count, matching.length);
}

const TYPES: readonly (readonly string[])[] = [
  ...Object.keys(SHAPES).map(type => [type]),
  ['Observation', 'DocumentReference', 'AuditEvent'],
];

/** `queries`: how many in all, spread over the types. */
export function storeAgreement(name: string, open: Open, queries = depthOf('QUERIES'), seed = 20_240_229): void {
  describe(`store agreement: ${name}`, () => {
    let opened: Opened | undefined;
    const facts = createIndexCatalog();
    const rows: Row[] = [];

    before(async function () {
      opened = await open(this);
      for (const [i, type] of Object.keys(SHAPES).entries())
        rows.push(...(await populate(opened, type, facts, seed + i, i * POPULATION)));
    });
    after(async () => {
      await opened?.release();
    });

    for (const types of TYPES) {
      const ids = [...TEST_IDS, 'r8', 'r9', 'r10', 'nobody'];
      const search: fc.Arbitrary<Search> = fc.record({
        types: fc.constant(types),
        where: arbitraryWhere(types, ids),
        sort: arbitrarySort(types),
        limit: fc.constantFrom(3, 10, 30, 200),
        turn: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      });
      it(`finds what match finds, in the order of the plan: ${types.join(', ')}`, async () => {
        const numRuns = Math.ceil(queries / TYPES.length / LANES);
        const property = fc.asyncProperty(search, one => check(opened!, rows, facts, one));
        await Promise.all(Array.from({ length: LANES }, (_, i) => fc.assert(property, { seed: seed + i, numRuns })));
      });
    }
  });
}
