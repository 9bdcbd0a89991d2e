/**
 * Rows of the store contract: names of matches, and of what matches refer to. What must be found is said by match and by
 * the entries themselves; targets need not exist.
 */
import assert from 'node:assert/strict';
import { before, it } from 'mocha';
import { referrerQueries } from '../../src/interactions/write/referrers.js';
import type { IndexEntry } from '../../src/search/entry.js';
import type { Change } from '../../src/store/store.js';
import { definitions, parameters, put } from '../support/changes.js';
import { createPopulation } from '../support/population.js';
import { expected, nameOf, queryOf } from '../support/queries.js';
import type { Subject } from './store-suite.js';

const HOSPITAL = createPopulation({ seed: 11, patients: 12 });
const LIMIT = 100_000;

const NAMES: readonly string[] = [
  'Patient?gender=female',
  'Observation?code=http://loinc.org|8480-6',
  'Observation?date=gt2021',
  'Observation?code:not=8480-6',
  'Encounter?_lastUpdated=gt2000',
  'Patient?_id=nobody',
];
const TARGETS: readonly (readonly [query: string, by: string])[] = [
  ['Observation?code=http://loinc.org|8480-6', 'patient'],
  ['Observation?code=http://loinc.org|8480-6', 'subject'],
  ['Observation?code=http://loinc.org|8480-6', 'encounter'],
  ['Observation?date=gt2021', 'performer'],
  ['Patient?gender=female', 'organization'],
  ['Patient?gender=female', 'general-practitioner'],
  ['Encounter?_lastUpdated=gt2000', 'patient'],
  ['DocumentReference?_lastUpdated=gt2000', 'subject'],
  ['Observation?code=none-has-it', 'patient'],
];

/** What the entries of matching resources refer to. */
function targets(current: readonly Change[], query: string, by: string): string[] {
  const matching = expected(current, queryOf(query));
  const found = current
    .filter(change => matching.has(nameOf(change)))
    .flatMap(({ entries }) => entries.filter(({ parameter }) => parameter === by))
    .flatMap(entry => (entry.kind === 'reference' ? [nameOf(entry)] : []));
  return [...new Set(found)].toSorted();
}

const refersTo = (type: string, id: string) => (entry: IndexEntry) =>
  entry.kind === 'reference' && entry.type === type && entry.id === id;

export function collectRows(subject: Subject): void {
  const changes = HOSPITAL.map(resource => put(resource, { updated: Date.UTC(2024, 0, 1) }));

  before(async () => {
    for (let i = 0; i < changes.length; i += 50) await subject.store.commit({ changes: changes.slice(i, i + 50) });
  });

  for (const query of NAMES)
    it(`names what matches: ${query}`, async () => {
      const { found, complete } = await subject.store.findIds(queryOf(query), LIMIT);
      assert.equal(complete, true);
      assert.deepEqual(found.map(nameOf).toSorted(), [...expected(changes, queryOf(query))].toSorted());
    });

  for (const [query, by] of TARGETS)
    it(`names what matches refer to by ${by}: ${query}`, async () => {
      const { found, complete } = await subject.store.findIds(queryOf(query), LIMIT, by);
      assert.equal(complete, true);
      assert.deepEqual(found.map(nameOf).toSorted(), targets(changes, query, by));
    });

  for (const type of ['Patient', 'Practitioner', 'Organization', 'Encounter'])
    it(`names what refers to a ${type} by any parameter, in whatever index`, async () => {
      const target = HOSPITAL.find(({ resourceType }) => resourceType === type);
      const other = changes.find(change => change.entries.some(refersTo(type, target!['id'] as string)));
      assert.ok(target && other, 'something is referred to');
      for (const except of [[], [other]]) {
        const [query, another] = referrerQueries(
          { definitions, parameters },
          [{ type, id: target['id'] as string }],
          except,
        );
        assert.ok(query && !another);
        const { found, complete } = await subject.store.findIds(query, LIMIT);
        assert.equal(complete, true);
        const names = [...expected(changes, query)].toSorted();
        assert.ok(names.length > 0 && names.includes(nameOf(other)) === (except.length === 0));
        assert.deepEqual(found.map(nameOf).toSorted(), names);
      }
    });

  it('has rows that find something', () => {
    assert.ok(TARGETS.filter(([query, by]) => targets(changes, query, by).length > 1).length >= 6);
  });

  it('stops at a limit and says so, each name once', async () => {
    const everybody = await subject.store.findIds(queryOf('Patient?_lastUpdated=gt2000'), 5);
    assert.deepEqual([everybody.found.length, everybody.complete], [5, false]);
    const whose = queryOf('Observation?_lastUpdated=gt2000');
    const all = targets(changes, 'Observation?_lastUpdated=gt2000', 'patient').length;
    assert.equal((await subject.store.findIds(whose, all, 'patient')).complete, true);
    const some = await subject.store.findIds(whose, all - 1, 'patient');
    assert.ok(some.found.length < all && !some.complete);
  });

  it('does not look at any number of matches for a few names', async () => {
    const observations = HOSPITAL.filter(({ resourceType }) => resourceType === 'Observation').length;
    assert.ok(observations > 40);
    const one = { ...queryOf('Observation?_lastUpdated=gt2000') };
    assert.equal((await subject.store.findIds(one, 1, 'patient')).complete, false);
  });

  it('refuses a parameter that the type does not have', async () => {
    await assert.rejects(subject.store.findIds(queryOf('Patient?gender=female'), 5, 'encounter'), {
      kind: 'not-supported',
    });
  });
}
