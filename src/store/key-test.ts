/**
 * A Where → an exact KeyTest: a resource's keys pass if and only if its entries satisfy the condition. The types searched are
 * part of the test, as keys begin with their type. Chains are resolved above the store.
 */
import { FhirError } from '../fhir/error.js';
import type { RangeBounds, Test, Where } from '../search/query.js';
import { encodeIdPart } from './codec.js';
import type { IndexCatalog } from './index-catalog.js';
import { type ParameterLayout, type IndexLayout, referenceArray } from './index-layout.js';
import type { KeyArray, KeyTest } from './key.js';
import { TYPE_CODES } from './type-codes.js';
import { allOf, anyOf, EVERYTHING_HELD, headTest, ledBy, NOTHING_HELD, notOf, pointTest } from './key-algebra.js';
import {
  bindingBounds,
  closeBounds,
  dateTest,
  type Spot,
  targetsOf,
  used,
  valueTest,
  versionTest,
} from './value-test.js';

/** What a query is compiled against. */
export interface Ground {
  readonly placement: IndexLayout;
  readonly facts: IndexCatalog;
  readonly types: readonly string[];
}

const homeOf = (place: ParameterLayout): KeyArray => (place.array === 'none' ? 'filterOnly' : place.array);

const spotOf = (facts: IndexCatalog, place: ParameterLayout): Spot => ({
  facts,
  in: homeOf(place),
  prefix: place.prefix,
  at: place.prefix,
});

/** Types that references by a parameter point at, as far as the facts know. */
export const targetTypes = (
  facts: IndexCatalog,
  placement: IndexLayout,
  type: string,
  code: string,
): readonly string[] => used(spotOf(facts, placement.find(type, code)), 't').toSorted();

function idTest(types: readonly string[], test: Test): KeyTest {
  if (test.kind !== 'token') throw mismatch('_id');
  const values = test.any.filter(value => value.system === undefined || value.system === '');
  if (values.some(value => value.code === undefined)) return EVERYTHING_HELD;
  const ids = [...new Set(values.map(value => value.code!))];
  if (ids.length === 0) return NOTHING_HELD;
  return { is: 'id', of: types.flatMap(type => ids.map(id => ({ type, id }))) };
}

/**
 * lastUpdated is an instant: bounds on its low and its high end are bounds on it. Bounds that touch become one (`ge` is
 * `after` or `equal`), so that an index can bound them.
 */
function updatedTest(test: Test): KeyTest {
  if (test.kind !== 'date') throw mismatch('_lastUpdated');
  const spans = test.any
    .map(closeBounds)
    .map(({ lowMin, lowMax, highMin, highMax }) => ({ min: Math.max(lowMin, highMin), max: Math.min(lowMax, highMax) }))
    .filter(({ min, max }) => min <= max)
    .toSorted((a, b) => a.min - b.min);
  const merged: { min: number; max: number }[] = [];
  for (const { min, max } of spans) {
    const last = merged.at(-1);
    if (last && min <= last.max + 1) last.max = Math.max(last.max, max);
    else merged.push({ min, max });
  }
  return anyOf(
    merged.map(({ min, max }) => ({
      is: 'updated',
      ...(Number.isFinite(min) ? { min } : {}),
      ...(Number.isFinite(max) ? { max } : {}),
    })),
  );
}

/** Bounds on d and e, with the bounds on d that follow, as d has the index. */
function mainDateBounds(widest: number, bounds: RangeBounds): KeyTest {
  const { lowMin, lowMax, highMin, highMax } = closeBounds(bounds);
  const closed = { lowMin: Math.max(lowMin, highMin - widest), lowMax: Math.min(lowMax, highMax), highMin, highMax };
  return closed.lowMin > closed.lowMax ? NOTHING_HELD : { is: 'date', ...bindingBounds(closed) };
}

/**
 * Where periods of the type are open, a bound on their end says nothing of their start. But all those that begin before
 * the time given here and may pass are open: they have a key of their own. Undefined: no such time.
 */
export function openBefore({ facts, placement, types }: Ground, where: Where): number | undefined {
  const [type, another] = types;
  if (where.kind !== 'param' || where.test.kind !== 'date' || type === undefined || another !== undefined)
    return undefined;
  const place = placement.of(type).places.get(where.code);
  // A second main date is found by other keys.
  if (!place?.main || !facts.isOpen(type) || used(spotOf(facts, place), 'c').length > 0) return undefined;
  const least = Math.min(
    ...where.test.any.map(closeBounds).map(({ lowMin, highMin }) => Math.max(lowMin, highMin - facts.widest(type))),
  );
  return Number.isFinite(least) ? least : undefined;
}

function mainDateTest(facts: IndexCatalog, place: ParameterLayout, bounds: readonly RangeBounds[]): KeyTest {
  const widest = facts.isOpen(place.type) ? Infinity : facts.widest(place.type);
  const main = anyOf(bounds.map(value => mainDateBounds(widest, value)));
  const further = dateTest(spotOf(facts, place), bounds);
  if (further.is !== 'any' || further.of.length > 0 || main.is !== 'any') return anyOf([main, further]);
  // Several alternatives (`ge`: after, or equal): the hull of their bounds lets an index help.
  const dates = main.of.filter(t => t.is === 'date');
  const min = Math.min(...dates.map(t => t.lowMin ?? -Infinity));
  const max = Math.max(...dates.map(t => t.lowMax ?? Infinity));
  if (dates.length !== main.of.length) return main;
  const hull = { lowMin: min, lowMax: max, highMin: -Infinity, highMax: Infinity };
  return allOf([{ is: 'date', ...bindingBounds(hull) }, main]);
}

/** The key of "this patient's resources of this type". */
export const patientKey = (id: string, typeCode: string): string => `p${encodeIdPart(id)}>${typeCode}`;

function referenceTest(facts: IndexCatalog, place: ParameterLayout, test: Test): KeyTest {
  if (test.kind !== 'reference') throw mismatch(place.code);
  const spot = spotOf(facts, place);
  const { to } = test;
  if (to.kind === 'identifier')
    return valueTest({ ...spot, in: spot.in === 'filterOnly' ? 'filterOnly' : 'byArrival' }, test);
  const targets = targetsOf(spot, to);
  const patient = place.patient && to.kind !== 'url' && (to.type ?? 'Patient') === 'Patient';
  const ids = !patient ? [] : to.kind === 'among' ? [...to.ids] : [to.id];
  const found = ids.map(id => patientKey(id, place.prefix.slice(0, 2)));
  const others = patient ? targets.filter(target => !target.startsWith('Pa')) : targets;
  const pointing = anyOf([
    pointTest('byDate', found),
    ...others.map(target => pointTest(referenceArray(place, target), [`r${target}>${place.prefix}`])),
  ]);
  return ledBy(pointing, versionTest(spot, to));
}

const mismatch = (code: string) =>
  new FhirError('not-supported', `The search parameter ${code} cannot be searched with this kind of value.`);

function placeTest({ placement, facts, types }: Ground, place: ParameterLayout, test: Test): KeyTest {
  if (place.union)
    return anyOf(
      place.union.map(code => placeTest({ placement, facts, types }, placement.find(place.type, code), test)),
    );
  if (place.kind === 'reference') return referenceTest(facts, place, test);
  if (place.main && test.kind === 'date') {
    const found = mainDateTest(facts, place, test.any);
    return types.length === 1 ? found : allOf([pointTest('byDate', [place.prefix.slice(0, 2)]), found]);
  }
  // The texts of a token parameter are never indexed.
  const spot = spotOf(facts, place);
  return valueTest(test.kind === 'string' && place.kind !== 'string' ? { ...spot, in: 'filterOnly' } : spot, test);
}

function presentTest(ground: Ground, place: ParameterLayout): KeyTest {
  const { placement, types } = ground;
  if (place.union) return anyOf(place.union.map(code => presentTest(ground, placement.find(place.type, code))));
  if (place.absent) {
    const has = notOf(pointTest(place.absent, [`-${place.prefix}`]));
    return types.length === 1 ? has : allOf([pointTest('byDate', [place.prefix.slice(0, 2)]), has]);
  }
  if (place.kind === 'reference' || place.kind === 'composite') return pointTest('filterOnly', [`${place.prefix}!`]);
  const home = headTest(homeOf(place), place.prefix);
  return place.kind === 'token' ? anyOf([home, headTest('filterOnly', place.prefix)]) : home;
}

/** Whether only resources of one type can pass: keys begin with their type, other things a test looks at do not. */
function isBound(test: KeyTest): boolean {
  switch (test.is) {
    case 'all':
      return test.of.some(isBound);
    case 'any':
      return test.of.every(isBound);
    default:
      return test.is === 'key' || test.is === 'range' || test.is === 'contains' || test.is === 'span';
  }
}

/** Beside other points of `byDate`, a Patient's id is one of them: "this patient, or what is linked to it" is one list of points. */
function asPoints(tests: readonly KeyTest[]): readonly KeyTest[] {
  if (!tests.some(test => test.is === 'key' && test.in === 'byDate')) return tests;
  return tests.map(test =>
    test.is === 'id' && test.of.every(({ type }) => type === 'Patient')
      ? pointTest(
          'byDate',
          test.of.map(({ id }) => patientKey(id, TYPE_CODES['Patient']!)),
        )
      : test,
  );
}

/** The condition as a test on keys. Throws `not-supported` for what the keys cannot answer. */
export function keyTest(ground: Ground, where: Where): KeyTest {
  const { placement, types } = ground;
  switch (where.kind) {
    case 'all':
      return allOf(where.of.map(part => keyTest(ground, part)));
    case 'any':
      return anyOf(asPoints(where.of.map(part => keyTest(ground, part))));
    case 'not':
      return notOf(keyTest(ground, where.of));
    case 'param':
      if (where.code === '_id') return idTest(types, where.test);
      if (where.code === '_lastUpdated') return updatedTest(where.test);
      return anyOf(types.map(type => placeTest(ground, placement.find(type, where.code), where.test)));
    case 'present':
      if (where.code === '_id' || where.code === '_lastUpdated') return EVERYTHING_HELD;
      return anyOf(types.map(type => presentTest(ground, placement.find(type, where.code))));
    case 'of': {
      if (!types.includes(where.type)) return NOTHING_HELD;
      const found = keyTest({ ...ground, types: [where.type] }, where.where);
      return isBound(found) ? found : allOf([found, pointTest('byDate', [placement.of(where.type).typeCode])]);
    }
    case 'chain':
    case 'has':
    case 'words':
      throw new FhirError('not-supported', 'Chained conditions must be resolved before the store is asked.');
  }
}
