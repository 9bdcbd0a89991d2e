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
  type KeyPlace,
  targetHeads,
  used,
  valueTest,
  versionTest,
} from './value-test.js';

/** What a query is compiled against. */
export interface PlanningContext {
  readonly layout: IndexLayout;
  readonly catalog: IndexCatalog;
  readonly types: readonly string[];
}

const arrayOfKeys = (parameter: ParameterLayout): KeyArray =>
  parameter.array === 'none' ? 'filterOnly' : parameter.array;

const keyPlace = (catalog: IndexCatalog, parameter: ParameterLayout): KeyPlace => ({
  catalog,
  in: arrayOfKeys(parameter),
  prefix: parameter.prefix,
  at: parameter.prefix,
});

/** Types that references by a parameter point at, as far as the catalog knows. */
export const targetTypes = (
  catalog: IndexCatalog,
  layout: IndexLayout,
  type: string,
  code: string,
): readonly string[] => used(keyPlace(catalog, layout.find(type, code)), 't').toSorted();

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
export function openBefore({ catalog, layout, types }: PlanningContext, where: Where): number | undefined {
  const [type, another] = types;
  if (where.kind !== 'param' || where.test.kind !== 'date' || type === undefined || another !== undefined)
    return undefined;
  const parameter = layout.of(type).parameters.get(where.code);
  // A second main date is found by other keys.
  if (!parameter?.main || !catalog.isOpen(type) || used(keyPlace(catalog, parameter), 'c').length > 0) return undefined;
  const least = Math.min(
    ...where.test.any.map(closeBounds).map(({ lowMin, highMin }) => Math.max(lowMin, highMin - catalog.widest(type))),
  );
  return Number.isFinite(least) ? least : undefined;
}

function mainDateTest(catalog: IndexCatalog, parameter: ParameterLayout, bounds: readonly RangeBounds[]): KeyTest {
  const widest = catalog.isOpen(parameter.type) ? Infinity : catalog.widest(parameter.type);
  const main = anyOf(bounds.map(value => mainDateBounds(widest, value)));
  const further = dateTest(keyPlace(catalog, parameter), bounds);
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

function referenceKeyTest(catalog: IndexCatalog, parameter: ParameterLayout, test: Test): KeyTest {
  if (test.kind !== 'reference') throw mismatch(parameter.code);
  const spot = keyPlace(catalog, parameter);
  const { to } = test;
  if (to.kind === 'identifier')
    return valueTest({ ...spot, in: spot.in === 'filterOnly' ? 'filterOnly' : 'byArrival' }, test);
  const targets = targetHeads(spot, to);
  const patient = parameter.patient && to.kind !== 'url' && (to.type ?? 'Patient') === 'Patient';
  const ids = !patient ? [] : to.kind === 'among' ? [...to.ids] : [to.id];
  const found = ids.map(id => patientKey(id, parameter.prefix.slice(0, 2)));
  const others = patient ? targets.filter(target => !target.startsWith('Pa')) : targets;
  const pointing = anyOf([
    pointTest('byDate', found),
    ...others.map(target => pointTest(referenceArray(parameter, target), [`r${target}>${parameter.prefix}`])),
  ]);
  return ledBy(pointing, versionTest(spot, to));
}

const mismatch = (code: string) =>
  new FhirError('not-supported', `The search parameter ${code} cannot be searched with this kind of value.`);

function parameterKeyTest(
  { layout, catalog, types }: PlanningContext,
  parameter: ParameterLayout,
  test: Test,
): KeyTest {
  if (parameter.union)
    return anyOf(
      parameter.union.map(code =>
        parameterKeyTest({ layout, catalog, types }, layout.find(parameter.type, code), test),
      ),
    );
  if (parameter.kind === 'reference') return referenceKeyTest(catalog, parameter, test);
  if (parameter.main && test.kind === 'date') {
    const found = mainDateTest(catalog, parameter, test.any);
    return types.length === 1 ? found : allOf([pointTest('byDate', [parameter.prefix.slice(0, 2)]), found]);
  }
  // The texts of a token parameter are never indexed.
  const spot = keyPlace(catalog, parameter);
  return valueTest(test.kind === 'string' && parameter.kind !== 'string' ? { ...spot, in: 'filterOnly' } : spot, test);
}

function presentTest(ground: PlanningContext, parameter: ParameterLayout): KeyTest {
  const { layout, types } = ground;
  if (parameter.union)
    return anyOf(parameter.union.map(code => presentTest(ground, layout.find(parameter.type, code))));
  if (parameter.missingKeyIn) {
    const has = notOf(pointTest(parameter.missingKeyIn, [`-${parameter.prefix}`]));
    return types.length === 1 ? has : allOf([pointTest('byDate', [parameter.prefix.slice(0, 2)]), has]);
  }
  if (parameter.kind === 'reference' || parameter.kind === 'composite')
    return pointTest('filterOnly', [`${parameter.prefix}!`]);
  const home = headTest(arrayOfKeys(parameter), parameter.prefix);
  return parameter.kind === 'token' ? anyOf([home, headTest('filterOnly', parameter.prefix)]) : home;
}

/** Whether only resources of one type can pass: keys begin with their type, other things a test looks at do not. */
function isOfOneType(test: KeyTest): boolean {
  switch (test.is) {
    case 'all':
      return test.of.some(isOfOneType);
    case 'any':
      return test.of.every(isOfOneType);
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
export function keyTest(ground: PlanningContext, where: Where): KeyTest {
  const { layout, types } = ground;
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
      return anyOf(types.map(type => parameterKeyTest(ground, layout.find(type, where.code), where.test)));
    case 'present':
      if (where.code === '_id' || where.code === '_lastUpdated') return EVERYTHING_HELD;
      return anyOf(types.map(type => presentTest(ground, layout.find(type, where.code))));
    case 'of': {
      if (!types.includes(where.type)) return NOTHING_HELD;
      const found = keyTest({ ...ground, types: [where.type] }, where.where);
      return isOfOneType(found) ? found : allOf([found, pointTest('byDate', [layout.of(where.type).typeCode])]);
    }
    case 'chain':
    case 'has':
    case 'words':
      throw new FhirError('not-supported', 'Chained conditions must be resolved before the store is asked.');
  }
}
