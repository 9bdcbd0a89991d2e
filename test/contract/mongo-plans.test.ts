/**
 * What MongoDB does with our queries: the hinted index, no plan beside it, no sort where the index has the order, and
 * about as many keys looked at as rows given. The layout's cost per resource is printed.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { type Document, MongoClient } from 'mongodb';
import type { Resource } from '../../src/fhir/resource.js';
import type { Cursor } from '../../src/search/query.js';
import { parseWords } from '../../src/search/words.js';
import { createIndexCatalog, type IndexCatalog } from '../../src/store/index-catalog.js';
import { compile, compileMatch } from '../../src/store/mongo/compile.js';
import { pendingQueries } from '../../src/store/mongo/outbox.js';
import type { DeedDocument, MessageDocument } from '../../src/store/mongo/schema.js';
import { unsealedRows } from '../../src/store/mongo/seals.js';
import { compileWords } from '../../src/store/mongo/words.js';
import { openMongo } from '../../src/store/mongo/index.js';
import { plan } from '../../src/store/plan.js';
import type { Store } from '../../src/store/store.js';
import { layout, put, remove } from '../support/changes.js';
import { sharedMongo } from '../support/mongo.js';
import { createPopulation } from '../support/population.js';
import { queryOf } from '../support/queries.js';
import { readText, skipWithout } from '../support/shared.js';

import { fullIt } from '../support/depth.js';
const LIMIT = 10;
const PATIENTS = 60;
const START = Date.UTC(2024, 0, 1);
/** A day with many Observations of one patient, so that pages of the patient are longer than one. */
const busyDay = (patient: string): Resource[] =>
  Array.from({ length: 60 }, (_, i) => ({
    resourceType: 'Observation',
    id: `busy-${i}`,
    status: i % 10 === 0 ? 'amended' : 'final',
    code: { coding: [{ system: 'http://loinc.org', code: i % 2 ? '8480-6' : '8867-4' }] },
    category: [{ coding: [{ code: 'vital-signs' }] }],
    subject: { reference: `Patient/${patient}` },
    encounter: { reference: `Encounter/busy-${i % 4}` },
    effectiveDateTime: `2023-0${1 + (i % 9)}-01T10:00:00Z`,
  }));

interface Seen {
  readonly rows: number;
  readonly keys: number;
  readonly documents: number;
  readonly stages: readonly string[];
  readonly indexes: readonly string[];
  readonly rejected: number;
}

function seen({ executionStats: stats, queryPlanner: planner }: Document): Seen {
  const stages: string[] = [];
  const indexes = new Set<string>();
  const visit = (stage: Document | undefined): void => {
    if (!stage) return;
    stages.push(stage['stage'] as string);
    if (stage['indexName']) indexes.add(stage['indexName'] as string);
    for (const input of [stage['inputStage'], ...((stage['inputStages'] ?? []) as Document[])])
      visit(input as Document);
  };
  const winner = planner.winningPlan as Document;
  visit((winner['queryPlan'] as Document | undefined) ?? winner);
  return {
    rows: stats.nReturned,
    keys: stats.totalKeysExamined,
    documents: stats.totalDocsExamined,
    stages,
    indexes: [...indexes],
    rejected: planner.rejectedPlans.length,
  };
}

describe('what MongoDB does with our queries', () => {
  let store: Store;
  let client: MongoClient;
  let facts: IndexCatalog;

  before(async function () {
    const mongo = await sharedMongo();
    if ('skipped' in mongo) return this.skip();
    const url = mongo.database('plans');
    store = await openMongo({ url, layout });
    await store.migrate();
    const population = [...createPopulation({ seed: 3, patients: PATIENTS }), ...busyDay('patient-3-0')];
    const changes = population.map((resource, i) => put(resource, { updated: START + i }));
    await Promise.all(changes.map(change => store.commit({ changes: [change] })));
    const gone = Array.from({ length: 20 }, (_, i) =>
      put({ resourceType: 'Patient', id: `gone-${i}` }, { updated: START }),
    );
    await store.commit({ changes: gone });
    await store.commit({ changes: gone.map(change => remove(change, START + 1)) });
    client = new MongoClient(url);
    const known = await client.db().collection<{ _id: string; value: string }>('fact').find({ _id: /^f\// }).toArray();
    facts = createIndexCatalog(known.map(({ _id, value }) => ({ id: _id.slice(2), value })));
  });
  after(async () => {
    await client?.close();
    await store?.close();
  });

  /** The first leg of a page. `narrow`: by the way that is taken where it has few candidates. */
  async function explain(search: string, cursor?: Cursor, narrow = false): Promise<Seen> {
    const query = { ...queryOf(search), limit: LIMIT, ...(cursor ? { after: cursor } : {}) };
    const planned = plan(layout, query, facts);
    const compiled = compile(narrow ? { ...planned, ...planned.others?.[0] } : planned);
    assert.ok(compiled?.by === 'scans');
    const leg = compiled.scans[0]!;
    const sort = leg.sort.map(([field, direction]): [string, 1 | -1] => [field, direction]);
    const found = client
      .db()
      .collection('resource')
      .find(leg.filters[0]!, { sort, hint: compiled.hint, limit: LIMIT + 1 });
    return seen(await found.explain('executionStats'));
  }

  const SHAPES: readonly (readonly [search: string, index: string, extraKeys: number])[] = [
    ['Observation?patient=patient-3-0', 'k', 0],
    ['Observation?patient=patient-3-0&_sort=date', 'k', 0],
    ['Observation?patient=patient-3-0&code=http://loinc.org|8480-6&_sort=-date', 'k', 0],
    ['Observation?patient=patient-3-0&code=8480-6,8867-4', 'k', 4],
    ['Observation?patient=patient-3-0&category=vital-signs&date=ge2023-02&date=lt2023-09', 'k', 1],
    ['Observation?code=http://loinc.org|8480-6&date=ge2021', 'k', 1],
    ['Observation?code=8480-6,8867-4,718-7', 'k', 8],
    ['Observation', 'k', 0],
    ['Observation?_sort=date', 'k', 1],
    ['Observation?_sort=-_lastUpdated', 'tu', 0],
    ['Observation?_lastUpdated=ge2024', 'tu', 0],
    ['Patient?_sort=family', 's_', 0],
    ['Observation?_sort=_id', '_id_', 0],
    ['Observation?status=final', 'k', 0],
    ['Observation?combo-code=http://loinc.org|8480-6', 'k', 2],
    ['Encounter?date=ge2021', 'k', 4],
    ['Observation?encounter=busy-1', 'g', 0],
    ['Observation?patient=patient-3-0&code:not=8867-4', 'k', 14],
  ];
  for (const [search, index, extra] of SHAPES)
    it(`reads a page and the next one along the index: ${search}`, async () => {
      const first = await explain(search);
      const page = await store.find({ ...queryOf(search), limit: LIMIT });
      assert.ok(page.more, 'the row has more than one page');
      const next = await explain(search, page.cursors.at(-1));
      for (const one of [first, next]) {
        assert.ok(one.rows > 0);
        assert.ok(one.indexes.length === 1 && one.indexes[0]!.startsWith(index), one.indexes.join());
        assert.ok(!one.stages.includes('SORT') && !one.stages.includes('COLLSCAN'), one.stages.join());
        assert.ok(one.keys <= one.rows + extra && one.documents <= one.rows + extra, JSON.stringify(one));
        assert.equal(one.rejected, 0);
      }
    });

  it('finds an identifier by few keys, whatever the size of the store', async () => {
    for (const value of ['urn:oid:2.16.840.1.113883.19.5|MRN3-7', 'MRN3-7']) {
      const one = await explain(`Patient?identifier=${value}`);
      assert.equal(one.rows, 1);
      assert.equal(one.documents, 1);
      // A value without its system is one scan for every system that the parameter has.
      assert.ok(one.keys <= 4, `${one.keys}`);
    }
  });

  for (const [value, sure] of [
    ['asthma', true],
    ['asthma or hypertension', true],
    ['asth*', true],
    ['asthma hypertension', true],
    ['asthma -hyper*', true],
    ['"essential hypertension" or asthma', false],
  ] as const)
    it(`looks words up by one index, whatever else is asked: ${value}`, async () => {
      const words = parseWords('_content', value);
      const word = client.db().collection('word');
      const count = async (filter: object) => word.countDocuments(filter);
      const found = await compileWords({ types: ['Condition'], among: 'content', words }, count);
      assert.ok(found);
      assert.equal(found.sure, sure);
      const one = seen(await word.find(found.filter, { hint: found.hint }).explain('executionStats'));
      const lead = await word.countDocuments({ t: 'Co', w: (found.filter as { w: object }).w });
      assert.ok(lead > 0);
      assert.deepEqual(one.indexes, ['tw']);
      assert.equal(one.rejected, 0);
      assert.ok(one.documents <= lead, JSON.stringify(one));
      // A bound of words has one key more at its end, a beginning two.
      assert.ok(one.keys <= lead * 2 + 4, JSON.stringify([one, lead]));
    });

  it('looks for the rarest of several words', async () => {
    const asked: object[] = [];
    const count = async (filter: object) => (asked.push(filter), JSON.stringify(filter).includes('rare') ? 1 : 50);
    const words = parseWords('_content', 'frequentword rare "often found" -absent');
    const found = await compileWords({ types: ['Condition'], among: 'text', words }, count);
    assert.deepEqual((found!.filter as { w: object }).w, { $in: ['_rare'] });
    assert.ok(asked.length >= 2);
  });

  it('bounds a range of an array on both sides', async () => {
    const one = await explain('Patient?family=smith', undefined, true);
    assert.ok(one.rows > 0 && one.rejected === 0);
    assert.ok(one.keys <= (await store.count(queryOf('Patient?family=smith'))).count * 2 + 1);
  });

  it('counts a point by its keys alone', async () => {
    for (const search of [
      'Observation',
      'Observation?patient=patient-3-0',
      'Observation?code=http://loinc.org|8480-6',
    ]) {
      const compiled = compileMatch(plan(layout, { ...queryOf(search), limit: 1 }, facts))!;
      const command = { count: 'resource', query: compiled.match, hint: compiled.hint };
      const one = seen(await client.db().command({ explain: command, verbosity: 'executionStats' }));
      assert.equal(one.documents, 0);
      assert.ok(one.stages.includes('COUNT_SCAN'));
    }
  });

  it('reads the first messages of an outbox without a look at those that are late, or at more than it gives', async () => {
    const messages = Array.from({ length: 2000 }, (_, i) => ({
      topic: 'plan',
      body: `${i}`,
      ...(i % 2 ? { notBefore: 1_000_000 - i } : {}),
    }));
    await store.commit({ changes: [], messages });
    for (const dueBy of [undefined, 0, 998_100, 2_000_000])
      for (const { filter, options } of pendingQueries('plan', LIMIT, dueBy)) {
        const found = client.db().collection<MessageDocument>('outbox').find(filter, options);
        const { rows, keys, documents, stages } = seen(await found.explain('executionStats'));
        assert.ok(!stages.includes('SORT'), stages.join());
        assert.ok(keys <= rows + 2 && documents === rows, `${keys} keys, ${documents} documents for ${rows} rows`);
      }
  });

  it('finds rows of before the ledger without a look at sealed ones', async () => {
    const deed = client.db().collection<DeedDocument>('deed');
    const row = { e: 1, k: [], x: Buffer.of(1, 1), c: Buffer.alloc(8) };
    const place = (_id: number) => ({ ...row, _id, l: _id });
    const sealed = (_id: number) => ({ ...place(_id), s: 'a', f: _id, r: Buffer.alloc(32) });
    await deed.insertMany(Array.from({ length: 50 }, (_, i) => (i % 10 === 4 ? place(i) : sealed(i))));
    for (const [behind, rows] of [
      [undefined, 5],
      [[24, 24], 2],
    ] as const) {
      const { filter, options } = unsealedRows({ after: behind, limit: 10 });
      const one = seen(await deed.find(filter, options).explain('executionStats'));
      assert.deepEqual([one.rows, one.indexes, one.stages.includes('SORT')], [rows, ['u'], false]);
      assert.ok(one.keys <= rows + 2 && one.documents <= rows + 1, JSON.stringify(one));
    }
  });

  it('keeps no key of a deleted resource', async () => {
    const resource = client.db().collection('resource');
    assert.equal(
      await resource.countDocuments({
        z: true,
        $or: ['k', 'g', 'f', 's', 'w', 'x'].map(field => ({ [field]: { $exists: true } })),
      }),
      0,
    );
    const stats = await resource.aggregate([{ $indexStats: {} }]).toArray();
    assert.deepEqual(
      stats
        .filter(({ spec }) => spec.partialFilterExpression)
        .map(({ name }) => name as string)
        .filter(name => /^[kg]$/.test(name))
        .toSorted(),
      ['g', 'k'],
    );
  });

  fullIt('holds a resource of a Synthea record in few keys and bytes', async function () {
    const folder = join(skipWithout(this, 'data', 'synthea-seed'), 'ndjson');
    const mongo = await sharedMongo();
    if ('skipped' in mongo) return this.skip();
    const url = mongo.database('layout');
    const loaded = await openMongo({ url, layout });
    const reader = new MongoClient(url);
    try {
      await loaded.migrate();
      const resources = readdirSync(folder).flatMap(name =>
        readText(join(folder, name))
          .split('\n')
          .filter(line => line !== '')
          .map(line => JSON.parse(line) as Resource),
      );
      await Promise.all(resources.map(resource => loaded.commit({ changes: [put(resource)] })));
      assert.equal(
        [...(await loaded.sizes()).values()].reduce((sum, size) => sum + size),
        resources.length,
      );
      const collection = reader.db().collection('resource');
      const size = (field: string) => ({ $avg: { $size: { $ifNull: [`$${field}`, []] } } });
      const [average] = await collection
        .aggregate([{ $group: { _id: null, k: size('k'), g: size('g'), f: size('f') } }])
        .toArray();
      const [stats] = await collection.aggregate([{ $collStats: { storageStats: {} } }]).toArray();
      const { k, g, f } = average as { k: number; g: number; f: number };
      const document = stats!['storageStats'].size / resources.length;
      process.stderr.write(
        `      ${resources.length} resources: ${k.toFixed(2)} keys by date, ${g.toFixed(2)} by arrival, ${f.toFixed(2)} to filter; ${document.toFixed(0)} bytes a document\n`,
      );
      // Four more belong to every resource; the budget is 20.
      assert.ok(k + g < 13, 'a key is dear: see place-table.ts');
    } finally {
      await reader.close();
      await loaded.close();
    }
  });
});
