/** Plans that are kept: those that would be made, as long as nothing has changed that they lean on. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import type { Query } from '../../../src/search/query.js';
import { createIndexCatalog, type IndexCatalog } from '../../../src/store/index-catalog.js';
import { createIndexLayout } from '../../../src/store/index-layout.js';
import { createKeptPlans } from '../../../src/store/kept-plans.js';
import { plan } from '../../../src/store/plan.js';

const layout = createIndexLayout(loadDefinitions().searchParameters);

/** A code in a system that the catalog may not know yet. */
const query: Query = {
  types: ['Observation'],
  where: { kind: 'param', code: 'code', test: { kind: 'token', any: [{ system: 'urn:s', code: 'c' }] } },
  sort: [],
  limit: 10,
  recurs: true,
};
const SYSTEM = { id: 's01', value: 'urn:s' };

/** A catalog that counts how often it is asked. */
function counted() {
  const catalog = createIndexCatalog();
  let asked = 0;
  const counting: IndexCatalog = {
    ...catalog,
    get size() {
      return catalog.size;
    },
    system(uri) {
      asked += 1;
      return catalog.system(uri);
    },
  };
  return { catalog: counting, asked: () => asked };
}

describe('kept plans', () => {
  it('are made once for the pages of one condition', () => {
    const { catalog, asked } = counted();
    const kept = createKeptPlans(layout);
    catalog.add([SYSTEM]);
    const first = kept.planOf(query, catalog);
    assert.deepEqual(first, plan(layout, query, createIndexCatalog([SYSTEM])));
    const before = asked();
    assert.ok(before > 0);
    const cursor = first.order.map(() => 1);
    const second = kept.planOf({ ...query, limit: 20, bytes: 7, after: cursor }, catalog);
    assert.deepEqual(second, { ...first, limit: 20, bytes: 7, after: cursor });
    assert.equal(asked(), before);
  });

  it('refuse a place that is none in their order', () => {
    const { catalog } = counted();
    const kept = createKeptPlans(layout);
    kept.planOf(query, catalog);
    catalog.add([SYSTEM]);
    kept.planOf(query, catalog);
    assert.throws(() => kept.planOf({ ...query, after: [1, 2, 3, 4] }, catalog), { kind: 'expired' });
  });

  it('are made anew when the catalog has grown, the layout has, or other types are meant', () => {
    const { catalog, asked } = counted();
    const growing = createIndexLayout(loadDefinitions().searchParameters);
    const kept = createKeptPlans(growing);
    const makes = (work: () => void): boolean => {
      const before = asked();
      work();
      return asked() > before;
    };
    assert.deepEqual(kept.planOf(query, catalog).driver, { by: 'nothing' });
    assert.ok(!makes(() => kept.planOf(query, catalog)));
    catalog.add([SYSTEM]);
    assert.notDeepEqual(kept.planOf(query, catalog).driver, { by: 'nothing' });
    assert.ok(!makes(() => kept.planOf(query, catalog)));
    growing.extend([{ url: 'urn:x', code: 'x', type: 'token', base: ['Patient'] }], new Map([['x', 'G8']]));
    assert.ok(makes(() => kept.planOf(query, catalog)));
    assert.ok(makes(() => kept.planOf({ ...query, types: ['Observation'] }, catalog)));
  });

  it('are not kept where they do not last, where the condition does not recur, or for a sorted page', () => {
    const { catalog, asked } = counted();
    catalog.add([SYSTEM]);
    const kept = createKeptPlans(layout);
    const { recurs: _, ...once } = query;
    const sorted: Query = { ...query, sort: [{ code: '_lastUpdated', descending: true }] };
    for (const [each, lasts] of [
      [query, false],
      [once, true],
      [sorted, true],
    ] as const) {
      kept.planOf(each, catalog, () => lasts);
      const before = asked();
      kept.planOf(each, catalog, () => lasts);
      assert.ok(asked() > before);
    }
  });
});
