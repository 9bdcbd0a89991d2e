import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { before, describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import type { IndexEntry } from '../../../src/search/entry.js';
import { match } from '../../../src/search/match.js';
import { encode } from '../../../src/store/encode.js';
import { createIndexCatalog, type IndexCatalog } from '../../../src/store/index-catalog.js';
import { createIndexLayout, type IndexLayout } from '../../../src/store/index-layout.js';
import { cursorOfRow, plan } from '../../../src/store/plan.js';
import { compareCursors, runPlan } from '../../support/run-plan.js';
import { arbitraryEntries, idEntry, SHAPES, TEST_IDS } from '../../support/entry-generator.js';
import { arbitrarySort, arbitraryWhere } from '../../support/where-generator.js';
import { runsOf } from '../../support/depth.js';

interface Sample {
  readonly type: string;
  readonly id: string;
  readonly n: number;
  readonly updated: number;
  readonly entries: readonly IndexEntry[];
}

describe('keys and plans together mean what match means', () => {
  let layout: IndexLayout;
  before(() => {
    layout = createIndexLayout(loadDefinitions().searchParameters);
  });

  function encodeFully(facts: IndexCatalog, { type, entries }: Sample) {
    const first = encode(layout, type, entries, facts);
    facts.add(first.missing);
    const again = encode(layout, type, entries, facts);
    assert.deepEqual(again.missing, []);
    assert.deepEqual(again.keys, first.keys, 'proposed facts give the keys that kept facts give');
    return again.keys;
  }

  const samples = (types: readonly string[]) =>
    fc
      .array(
        fc.constantFrom(...types).chain(type =>
          fc.record({
            type: fc.constant(type),
            entries: arbitraryEntries(type),
            updated: fc.constantFrom(0, 1, 999, 86_400_000, 1_580_515_200_000),
          }),
        ),
        { minLength: 1, maxLength: TEST_IDS.length },
      )
      .map(list =>
        list.map((sample, i): Sample => {
          const id = TEST_IDS[i]!;
          return { ...sample, entries: [idEntry(id), ...sample.entries], id, n: i + 1 };
        }),
      );

  for (const types of [...Object.keys(SHAPES).map(type => [type]), ['Observation', 'DocumentReference', 'AuditEvent']])
    it(`for ${types.join(', ')}`, () => {
      fc.assert(
        fc.property(
          samples([...types, 'Patient']),
          arbitraryWhere(types),
          arbitrarySort(types),
          (list, where, sort) => {
            const facts = createIndexCatalog();
            const rows = list.map(sample => ({ ...sample, keys: encodeFully(facts, sample) }));
            const query = { types, where, sort, limit: 100 };
            const planned = plan(layout, query, facts);
            const found = runPlan(planned, rows);
            const expected = rows.filter(row => types.includes(row.type) && match(where, row));
            assert.deepEqual(
              found.map(row => row.n).toSorted((a, b) => a - b),
              expected.map(row => row.n),
            );
            for (const way of planned.others ?? [])
              assert.deepEqual(runPlan({ ...planned, ...way }, rows), found, 'every way gives the same rows');
            const cursors = found.map(row => cursorOfRow(planned.order, row));
            for (const [i, cursor] of cursors.slice(1).entries())
              assert.ok(compareCursors(cursors[i]!, cursor, planned.order) < 0, 'the order is total');
            if (cursors[0]) {
              const rest = runPlan(plan(layout, { ...query, after: cursors[0] }, facts), rows);
              assert.deepEqual(rest, found.slice(1));
            }
          },
        ),
        { numRuns: runsOf(600) },
      );
    });
});
