/**
 * Rows of the store contract: searches over a small hospital. What must be found is said by match, and how it must be
 * ordered by the values themselves; every row is checked to find something, but not everything.
 */
import assert from 'node:assert/strict';
import { before, it } from 'mocha';
import type { IndexEntry } from '../../src/search/entry.js';
import type { Change } from '../../src/store/store.js';
import { put, remove } from '../support/changes.js';
import { FULL } from '../support/depth.js';
import { createPopulation } from '../support/population.js';
import { expected, nameOf, queryOf, walk, walkBack } from '../support/queries.js';
import type { Subject } from './store-suite.js';

const HOSPITAL = createPopulation({ seed: 9, patients: 16 });
const ids = (type: string): string[] => HOSPITAL.filter(r => r.resourceType === type).map(r => r['id'] as string);
const [patient0, patient1, patient2] = ids('Patient');
const START = Date.UTC(2024, 0, 1);

/** Each finds some resources of its type and leaves some. */
const SEARCHES: readonly string[] = [
  `Patient?_id=${patient1}`,
  `Patient?_id=${patient0},${patient2},nobody`,
  'Patient?identifier=urn:oid:2.16.840.1.113883.19.5|MRN9-3',
  'Patient?identifier=MRN9-3,MRN9-4',
  'Patient?identifier=|3,|4,|5,|6,|7,|8,|9',
  'Patient?identifier=urn:test:a-rather-long-identifier-system|',
  'Patient?family=smith',
  'Patient?family=MULLER',
  'Patient?family:exact=Müller',
  'Patient?family:contains=son',
  'Patient?name:contains=mit',
  'Patient?given=bartholomew maximilian alexander the younger of n',
  'Patient?given:contains=northumberland',
  'Patient?given:missing=true',
  'Patient?birthdate:missing=true',
  'Patient?birthdate=lt1990',
  'Patient?birthdate=ge1960-05&birthdate=lt1990',
  'Patient?death-date:missing=false',
  'Patient?gender=female',
  'Patient?gender=female,male&active=true',
  'Patient?gender:not=female',
  'Patient?address-city=bost&gender=male',
  'Patient?organization=Organization/org-9-1',
  `Observation?patient=${patient0}`,
  `Observation?subject=Patient/${patient1}`,
  `Observation?subject=${patient1}`,
  `Observation?patient=${patient0},${patient1}&code=http://loinc.org|8480-6,http://loinc.org|2339-0,http://loinc.org|718-7`,
  `Observation?patient=${patient0},${patient1},${patient2}&date=ge2020-06&status=final,amended`,
  `Observation?subject:missing=true`,
  'Observation?code=http://loinc.org|8480-6',
  'Observation?code=8480-6',
  'Observation?code=8480-6,8867-4,718-7',
  'Observation?code=urn:test:local|',
  'Observation?code:not=http://loinc.org|8480-6',
  'Observation?code=8480-6&date=2020',
  'Observation?date=gt2021',
  'Observation?date=sa2021-03-01',
  'Observation?date=eb2021-03-01',
  'Observation?date=le2020-06-15T12:00:00Z',
  'Observation?date=ne2020',
  'Observation?date=2020-01-01T00:00:00Z',
  'Observation?date:missing=true',
  'Observation?status=final',
  'Observation?status:not=final',
  'Observation?category=vital-signs&status=preliminary',
  'Observation?value-quantity=gt100',
  'Observation?value-quantity=lt80.5|http://unitsofmeasure.org|/min',
  'Observation?value-quantity=ge50||mg/dL',
  'Observation?value-string=neg',
  'Observation?value-string:exact=Negative',
  'Observation?value-concept=http://snomed.info/sct|260385009',
  'Observation?code-value-quantity=http://loinc.org|2339-0$gt60',
  'Observation?combo-value-quantity=gt120',
  'Observation?encounter:missing=true',
  'Observation?_lastUpdated=ge2024-01-01T00:00:05Z',
  'Observation?_lastUpdated=lt2024-01-01T00:00:05Z&code=8867-4',
  'Encounter?status=finished,planned',
  'Encounter?date=2020-06,2020-07,2021-08,2022-01',
  'Encounter?date=ge2021-01-01',
  'Encounter?participant=Practitioner/doctor-9-1',
  'Condition?code=http://snomed.info/sct|44054006',
  'Condition?onset-date=ge2021',
  'Condition?onset-date:missing=true',
  'Condition?recorded-date=lt2021-06',
  'DiagnosticReport?result=observation-9-0-1,observation-9-3-1,observation-9-4-1,observation-9-5-1',
  `DocumentReference?patient=${patient0}&type=http://loinc.org|18842-5,http://loinc.org|34133-9,http://loinc.org|11488-4`,
  'DocumentReference?type=http://loinc.org|18842-5&date=ge2020',
  'DocumentReference?period=ge2021-01-01',
  'DocumentReference?period=lt2021-01-01',
  'DocumentReference?description=discharge l',
  'DocumentReference?contenttype=text/plain',
  'DocumentReference?identifier=urn:uuid:doc-9-1-0',
  'MedicationRequest?status=active&authoredon=ge2020',
];

/** The order of one sort, as numbers or texts; undefined: missing, and last in both directions. */
type Rank = (change: Change, descending: boolean) => number | string | undefined;
const values = (change: Change, parameter: string) => change.entries.filter(entry => entry.parameter === parameter);
const dateRank =
  (parameter: string): Rank =>
  change => {
    const lows = values(change, parameter).flatMap(entry => (entry.kind === 'date' ? [entry.low] : []));
    return lows.length === 0 ? undefined : Math.min(...lows);
  };
/** Texts that are cut for the index: the first characters decide. */
const textRank =
  (parameter: string): Rank =>
  change => {
    const norms = values(change, parameter).flatMap((entry: IndexEntry) =>
      entry.kind === 'string' ? [entry.norm.slice(0, 20)] : [],
    );
    return norms.toSorted()[0];
  };
const SORTS: readonly (readonly [string, Rank])[] = [
  ['Observation?_sort=_lastUpdated', change => change.updated],
  ['Observation?_sort=date', dateRank('date')],
  ['Observation?code=8480-6&_sort=date', dateRank('date')],
  ['Observation?code=8480-6,8867-4&_sort=date', dateRank('date')],
  ['Observation?status=final&_sort=date', dateRank('date')],
  [`Observation?patient=${patient0},${patient1},${patient2}&_sort=date`, dateRank('date')],
  ['Observation?category=laboratory&_sort=date', dateRank('date')],
  ['Encounter?status=finished&_sort=date', dateRank('date')],
  ['Condition?_sort=onset-date', dateRank('onset-date')],
  ['Patient?_sort=family', textRank('family')],
  ['Patient?gender=male,female&_sort=family', textRank('family')],
  ['Patient?_sort=birthdate', dateRank('birthdate')],
  ['Organization?_sort=name', textRank('name')],
];

/** Of pages that are walked: in a full run as small as can be, at every change so that there are five at most. */
const limitFor = (least: number, found: number): number => (FULL ? least : Math.max(least, Math.ceil(found / 5)));

export function findRows(subject: Subject): void {
  const current: Change[] = [];

  before(async () => {
    const { store } = subject;
    for (const [i, resource] of HOSPITAL.entries()) {
      const first = put(resource, { updated: START + i * 100 });
      // Some reach their content by way of another, and some are deleted: nothing of that may be found.
      if (i % 5 === 1) {
        const draft = put(
          { resourceType: resource.resourceType, id: resource['id'] as string, language: 'xx' },
          { updated: START },
        );
        await store.commit({ changes: [draft] });
        const change = put(resource, { replaces: draft, updated: START + i * 100 });
        await store.commit({ changes: [change] });
        current.push(change);
      } else {
        await store.commit({ changes: [first] });
        current.push(first);
      }
    }
    const gone = createPopulation({ seed: 8, patients: 3 }).map(resource => put(resource, { updated: START }));
    await store.commit({ changes: gone });
    await store.commit({ changes: gone.map(change => remove(change, START + 1)) });
  });

  for (const search of SEARCHES)
    it(`finds what match finds: ${search}`, async () => {
      const query = queryOf(search);
      const wanted = expected(current, query);
      const population = current.filter(change => change.type === query.types[0]).length;
      assert.ok(wanted.size > 0 && wanted.size < population, `the row finds ${wanted.size} of ${population}`);
      for (const limit of [limitFor(3, wanted.size), 1000]) {
        const { rows, cursors } = await walk(subject.store, { ...query, limit });
        const names = rows.map(nameOf);
        assert.deepEqual(new Set(names), wanted);
        assert.equal(names.length, wanted.size, 'a resource came twice');
        const back = await walkBack(subject.store, { ...query, limit }, cursors.at(-1)!);
        assert.deepEqual(back.map(nameOf), names.slice(0, -1));
      }
      assert.deepEqual(await subject.store.count(query), { count: wanted.size, exact: true });
    });

  it('gives whole rows', async () => {
    const wanted = current.find(change => change.id === patient2)!;
    const { rows, more } = await subject.store.find({ ...queryOf(`Patient?_id=${patient2}`), limit: 1 });
    assert.equal(more, false);
    assert.deepEqual(rows, [await subject.store.read('Patient', patient2!)]);
    assert.deepEqual(rows[0]?.text, wanted.text);
  });

  it('finds nothing where nothing can match', async () => {
    const { store } = subject;
    for (const search of [
      'Patient?_id=nobody',
      'Observation?code=never-seen',
      'Observation?code=urn:never|x',
      'Device?type=x',
      'Patient?family=zzz',
    ]) {
      const query = queryOf(search);
      assert.deepEqual(await store.find({ ...query, limit: 5 }), { rows: [], cursors: [], more: false });
      assert.deepEqual(await store.count(query), { count: 0, exact: true });
    }
  });

  it('finds resources of several types together', async () => {
    const types = ['Condition', 'Encounter', 'Device'];
    const { where } = queryOf('Condition?_lastUpdated=ge2024-01-01T00:00:04Z');
    const wanted = expected(current, { types, where });
    assert.ok(wanted.size > 2);
    const sort = [{ code: '_lastUpdated', descending: true }];
    for (const query of [
      { types, where, sort: [] },
      { types, where, sort },
      { types, where: { kind: 'all', of: [] } as const, sort },
    ]) {
      const { rows, cursors } = await walk(subject.store, { ...query, limit: 4 });
      assert.deepEqual(new Set(rows.map(nameOf)), expected(current, query));
      const back = await walkBack(subject.store, { ...query, limit: 4 }, cursors.at(-1)!);
      assert.deepEqual(back.map(nameOf), rows.slice(0, -1).map(nameOf));
      if (query.sort.length > 0)
        assert.deepEqual(
          rows.map(row => row.updated),
          rows.map(row => row.updated).toSorted((a, b) => b - a),
        );
    }
  });

  for (const [search, rank] of SORTS)
    for (const descending of [false, true])
      it(`sorts, missing values last: ${descending ? search.replace('_sort=', '_sort=-') : search}`, async () => {
        const query = queryOf(descending ? search.replace('_sort=', '_sort=-') : search);
        const byName = new Map(current.map(change => [nameOf(change), change]));
        const limit = limitFor(4, expected(current, query).size);
        const { rows, cursors } = await walk(subject.store, { ...query, limit });
        const ranks = rows.map(row => rank(byName.get(nameOf(row))!, descending));
        assert.deepEqual(new Set(rows.map(nameOf)), expected(current, query));
        assert.equal(rows.length, expected(current, query).size);
        const present = ranks.filter(value => value !== undefined);
        assert.deepEqual(ranks.slice(present.length), Array(ranks.length - present.length).fill(undefined));
        const ordered = present.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
        assert.deepEqual(present, descending ? ordered.toReversed() : ordered);
        for (const at of [0, 1, Math.floor(rows.length / 2), rows.length - 1]) {
          const back = await walkBack(subject.store, { ...query, limit }, cursors[at]!);
          assert.deepEqual(back.map(nameOf), rows.slice(0, at).map(nameOf));
        }
      });

  it('sorts by several keys', async () => {
    const query = queryOf('Observation?_sort=status,-date');
    const { rows } = await walk(subject.store, { ...query, limit: 7 });
    const status = (text: Buffer): string => JSON.parse(text.toString()).status;
    const seen = rows.map(row => status(row.text!));
    assert.deepEqual(seen, seen.toSorted());
    assert.equal(rows.length, current.filter(change => change.type === 'Observation').length);
  });

  it('counts up to a limit and says when there is more', async () => {
    const { store } = subject;
    const query = queryOf('Observation?status=final,amended,preliminary');
    const all = current.filter(change => change.type === 'Observation').length;
    assert.deepEqual(await store.count(query), { count: all, exact: true });
    assert.deepEqual(await store.count(query, all), { count: all, exact: true });
    assert.deepEqual(await store.count(query, all + 1), { count: all, exact: true });
    const { exact, count } = await store.count(query, 10);
    assert.equal(exact, false);
    assert.ok(count >= 10 && count <= all);
  });

  it('says how many current resources it has of each type', async () => {
    const sizes = new Map<string, number>();
    for (const { type } of current) sizes.set(type, (sizes.get(type) ?? 0) + 1);
    const found = await subject.store.sizes();
    assert.deepEqual(new Map([...found].filter(([, count]) => count > 0)), sizes);
  });

  it('scans everything current in order of arrival, and goes on after a cursor', async () => {
    const { store } = subject;
    const names: string[] = [];
    const cursors: (readonly (string | number | null)[])[] = [];
    for await (const { row, cursor } of store.scan()) {
      names.push(nameOf(row));
      cursors.push(cursor);
      assert.ok(row.text);
    }
    assert.deepEqual(names, current.map(nameOf));
    const rest: string[] = [];
    for await (const { row } of store.scan({ after: cursors[99]! })) rest.push(nameOf(row));
    assert.deepEqual(rest, names.slice(100));
    const patients: string[] = [];
    for await (const { row } of store.scan({ type: 'Patient' })) patients.push(nameOf(row));
    assert.deepEqual(
      patients,
      names.filter(name => name.startsWith('Patient/')),
    );
    for await (const { row } of store.scan({ type: 'Device' })) assert.fail(nameOf(row));
  });

  it('finds by new index entries after a reindex, unless the version has passed', async () => {
    const { store } = subject;
    const change = put({ resourceType: 'Device', id: 'reindexed', status: 'active' });
    await store.commit({ changes: [change] });
    const entries: IndexEntry[] = [{ parameter: 'device-name', kind: 'string', raw: 'Pump', norm: 'pump' }];
    assert.equal(await store.reindex([{ row: change, entries }]), 1);
    assert.equal((await store.count(queryOf('Device?device-name=pump'))).count, 1);
    assert.equal((await store.count(queryOf('Device?status=active'))).count, 0);
    const next = put({ resourceType: 'Device', id: 'reindexed', status: 'active' }, { replaces: change });
    await store.commit({ changes: [next] });
    assert.equal((await store.count(queryOf('Device?device-name=pump'))).count, 0);
    assert.equal(await store.reindex([{ row: change, entries }]), 0);
    assert.equal((await store.count(queryOf('Device?device-name=pump'))).count, 0);
    await store.commit({ changes: [remove(next)] });
    assert.equal(await store.reindex([{ row: next, entries }]), 0);
    assert.equal((await store.count(queryOf('Device?status=active'))).count, 0);
    assert.deepEqual((await store.read('Device', 'reindexed', 1))?.text, change.text);
  });

  it('refuses conditions that must be resolved before', async () => {
    const where = { kind: 'chain', code: 'subject', to: 'Patient', where: { kind: 'all', of: [] } } as const;
    await assert.rejects(subject.store.find({ types: ['Observation'], where, sort: [], limit: 1 }), {
      kind: 'not-supported',
    });
  });
}
