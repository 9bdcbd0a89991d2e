/**
 * The drivers that a plan can have. Order of preference: _id, identifier, reference to something specific (an encounter,
 * an order), patient + token, patient: these are few by nature. Then reference to an actor (an organisation points at
 * half the store), dated token, token, URI, string, other ranges, token with few values; then the order wanted:
 * lastUpdated, a sort string, the id, the type key.
 */
import { all, any, type Query, type Where } from '../search/query.js';
import { after } from './codec.js';
import { checkKeys } from './expense.js';
import type { IndexedArray, KeyArray, KeyTest } from './key.js';
import { type PlanningContext, keyTest, openBefore } from './key-test.js';
import type { ParameterLayout } from './index-layout.js';
import { BROAD_TOKENS, SCOPED_TOKENS } from './index-layout-table.js';

/** What a plan is driven by: the one predicate that an index answers. */
export type AccessPathDriver =
  /**
   * Points of `byDate` (ordered by date, then n) or `byArrival` (ordered by n). `openBefore`: of what begins before this time, only what
   * has an open main date (its keys are written with OPEN before them, too).
   */
  | { readonly by: 'key'; readonly in: IndexedArray; readonly keys: readonly string[]; readonly openBefore?: number }
  /** Key ranges, each low ≤ key < high; no order. */
  | {
      readonly by: 'range';
      readonly in: IndexedArray;
      readonly ranges: readonly { readonly low: string; readonly high: string }[];
    }
  | { readonly by: 'id'; readonly of: readonly { readonly type: string; readonly id: string }[] }
  /** Everything of a type by its id. */
  | { readonly by: 'type'; readonly type: string }
  /** By lastUpdated of the types. */
  | { readonly by: 'updated'; readonly types: readonly string[] }
  /** By a sort string of one type (partial index), prefix = its parameter prefix. */
  | { readonly by: 'sort-string'; readonly type: string; readonly prefix: string }
  /** Nothing can match. */
  | { readonly by: 'nothing' };

/** Conditions that are considered as drivers, the best by rank: the candidates of each are counted. */
const MAX_DRIVERS = 8;

/** Merged scans keep their order up to this number of points in both stores. */
const MAX_POINTS = 200;

const DRIVER_RANK = {
  id: 0,
  identifier: 1,
  reference: 2,
  scoped: 3,
  patient: 4,
  actor: 5,
  dated: 6,
  token: 7,
  uri: 8,
  string: 9,
  range: 10,
  broad: 11,
  none: 99,
} as const;

const ACTORS: ReadonlySet<string> = new Set([
  'CareTeam',
  'Device',
  'Group',
  'HealthcareService',
  'Location',
  'Organization',
  'Practitioner',
  'PractitionerRole',
]);

/** A top-level condition with its test and how well it would drive. */
interface Conjunct {
  readonly test: KeyTest;
  readonly rank: number;
}

/** A driver, and what is left to filter. */
export interface DriverChoice {
  readonly driver: AccessPathDriver;
  readonly filter: readonly KeyTest[];
}

function parameterRank(where: Extract<Where, { kind: 'param' }>, parameter: ParameterLayout): number {
  const { test } = where;
  switch (test.kind) {
    case 'token':
      if (test.any.some(value => value.code === undefined)) return DRIVER_RANK.broad;
      if (parameter.code.endsWith('identifier')) return DRIVER_RANK.identifier;
      if (BROAD_TOKENS.has(parameter.code)) return DRIVER_RANK.broad;
      return parameter.array === 'byDate' ? DRIVER_RANK.dated : DRIVER_RANK.token;
    case 'reference':
      if (test.to.kind === 'identifier') return DRIVER_RANK.identifier;
      // Many name one profile or organisation.
      if (test.to.kind === 'url') return DRIVER_RANK.actor;
      if (parameter.patient && (test.to.type ?? 'Patient') === 'Patient') return DRIVER_RANK.patient;
      return ACTORS.has(test.to.type ?? 'Group') ? DRIVER_RANK.actor : DRIVER_RANK.reference;
    case 'of-type':
      return DRIVER_RANK.identifier;
    case 'uri':
      return DRIVER_RANK.uri;
    case 'string':
      return DRIVER_RANK.string;
    default:
      return DRIVER_RANK.range;
  }
}

function driverRank(ground: PlanningContext, where: Where): number {
  if (where.kind === 'any') return Math.max(...where.of.map(part => driverRank(ground, part)), DRIVER_RANK.id);
  if (where.kind === 'of')
    return ground.types.includes(where.type)
      ? driverRank({ ...ground, types: [where.type] }, where.where)
      : DRIVER_RANK.id;
  if (where.kind === 'not') {
    const absent = where.of.kind === 'present' && ground.types.length === 1;
    return absent && ground.layout.of(ground.types[0]!).parameters.get(where.of.code)?.missingKeyIn
      ? DRIVER_RANK.dated
      : DRIVER_RANK.none;
  }
  if (where.kind !== 'param') return DRIVER_RANK.none;
  if (where.code === '_id') return DRIVER_RANK.id;
  if (where.code === '_lastUpdated') return DRIVER_RANK.none;
  return Math.max(...ground.types.map(type => parameterRank(where, ground.layout.find(type, where.code))));
}

interface FoundDriver {
  readonly driver: AccessPathDriver;
  readonly exact: boolean;
}

/** One driver for all alternatives, if all are keys or ranges of one array. */
function uniteDrivers(found: readonly (FoundDriver | undefined)[]): FoundDriver | undefined {
  const keys: string[] = [];
  const ranges: { low: string; high: string }[] = [];
  let array: IndexedArray | undefined;
  for (const part of found) {
    if (!part || (part.driver.by !== 'key' && part.driver.by !== 'range')) return undefined;
    array ??= part.driver.in;
    if (part.driver.in !== array) return undefined;
    if (part.driver.by === 'key') keys.push(...part.driver.keys);
    else ranges.push(...part.driver.ranges);
  }
  if (!array) return undefined;
  const exact = found.every(part => part?.exact);
  if (ranges.length === 0) return { driver: { by: 'key', in: array, keys: [...new Set(keys)] }, exact };
  ranges.push(...keys.map(key => ({ low: key, high: after(key) })));
  return { driver: { by: 'range', in: array, ranges }, exact };
}

/** The driver that yields exactly, or at least, what the test lets pass. */
function driverOf(test: KeyTest): FoundDriver | undefined {
  switch (test.is) {
    case 'key':
      return test.in === 'filterOnly'
        ? undefined
        : { driver: { by: 'key', in: test.in, keys: test.keys }, exact: true };
    case 'range':
      return test.in === 'filterOnly'
        ? undefined
        : { driver: { by: 'range', in: test.in, ranges: [{ low: test.low, high: test.high }] }, exact: true };
    case 'id':
      return { driver: { by: 'id', of: test.of }, exact: true };
    case 'any':
      return uniteDrivers(test.of.map(driverOf));
    case 'all':
      for (const part of test.of) {
        const found = driverOf(part);
        if (found) return { driver: found.driver, exact: false };
      }
      return undefined;
    default:
      return undefined;
  }
}

/**
 * A disjunction (the first of the conditions) by the indexes that have its alternatives: where matches are wanted in no
 * order, each is a query of its own, and together they need no walk. Undivided where some alternative has no index.
 */
export function divideByIndex(ground: PlanningContext, where: Where): readonly Where[] {
  const [first, ...rest] = where.kind === 'all' ? where.of : [where];
  if (first?.kind !== 'any') return [where];
  checkKeys(ground, where);
  const byArray = new Map<KeyArray, Where[]>();
  for (const part of first.of) {
    const driver = driverOf(keyTest(ground, part))?.driver;
    if (driver?.by !== 'key' && driver?.by !== 'range') return [where];
    const known = byArray.get(driver.in);
    if (known) known.push(part);
    else byArray.set(driver.in, [part]);
  }
  return byArray.size < 2 ? [where] : [...byArray.values()].map(parts => all(any(...parts), ...rest));
}

/** `p` patient `>` type, without a token. */
const isPatientKey = (key: string): boolean => key.startsWith('p') && key.at(-3) === '>';

/** Patient points and the points of a token that has keys per patient, as one list of points. */
function scopedDriver(
  ground: PlanningContext,
  conjuncts: readonly Conjunct[],
): { driver: AccessPathDriver; used: Conjunct[] } | undefined {
  const [type, another] = ground.types;
  if (type === undefined || another !== undefined) return undefined;
  const patient = conjuncts.find(({ test }) => test.is === 'key' && test.keys.every(isPatientKey));
  if (patient?.test.is !== 'key') return undefined;
  for (const code of SCOPED_TOKENS[type] ?? []) {
    const { prefix } = ground.layout.find(type, code);
    const token = conjuncts.find(({ test }) => test.is === 'key' && test.keys.every(key => key.startsWith(prefix)));
    if (token?.test.is !== 'key' || patient.test.keys.length * token.test.keys.length > MAX_POINTS) continue;
    const tokens = token.test.keys;
    // p patient > type  and  type parameter token: the type is said once.
    const keys = patient.test.keys.flatMap(key => tokens.map(tokenKey => key.slice(0, -2) + tokenKey));
    return { driver: { by: 'key', in: 'byDate', keys }, used: [patient, token] };
  }
  return undefined;
}

/** The driver for what no condition can drive: by the order wanted, else the types themselves. */
function walkOf(
  { layout, types }: PlanningContext,
  sort: Query['sort'],
  conjuncts: readonly Conjunct[],
): AccessPathDriver {
  const [first, second] = sort;
  const [type, another] = types;
  if (first?.code === '_lastUpdated' && !second) return { by: 'updated', types };
  if (first && !second && type !== undefined && another === undefined) {
    if (first.code === '_id') return { by: 'type', type };
    const parameter = layout.of(type).parameters.get(first.code);
    if (parameter?.sorts) return { by: 'sort-string', type, prefix: parameter.prefix };
  }
  if (conjuncts.some(({ test }) => test.is === 'updated')) return { by: 'updated', types };
  return { by: 'key', in: 'byDate', keys: types.map(each => layout.of(each).typeCode) };
}

/** Keys in the order of the main date, cut where only open periods can pass. */
function cutToOpenPeriods(driver: AccessPathDriver, before: number | undefined): AccessPathDriver {
  if (before === undefined || driver.by !== 'key' || driver.in !== 'byDate') return driver;
  return driver.keys.every(key => /^[A-Z-]/.test(key)) ? { ...driver, openBefore: before } : driver;
}

/**
 * The access paths to an answer, the one that gives the natural order first. `delivers`: whether a driver's index has the order
 * wanted; undefined: any order will do. See plan.ts for the rules.
 */
export function driverChoices(
  ground: PlanningContext,
  query: Pick<Query, 'types' | 'sort' | 'where'>,
  delivers: ((driver: AccessPathDriver) => boolean) | undefined,
): readonly [DriverChoice, ...DriverChoice[]] {
  const parts = query.where.kind === 'all' ? query.where.of : [query.where];
  const conjuncts = parts
    .map(where => ({ where, test: keyTest(ground, where), rank: driverRank(ground, where) }))
    .filter(({ test }) => !(test.is === 'all' && test.of.length === 0));
  if (conjuncts.some(({ test }) => test.is === 'any' && test.of.length === 0))
    return [{ driver: { by: 'nothing' }, filter: [] }];
  const starts = conjuncts.flatMap(({ where }) => openBefore(ground, where) ?? []);
  const before = starts.length === 0 ? undefined : Math.max(...starts);
  const choice = (driver: AccessPathDriver, used: readonly Conjunct[] = []): DriverChoice => ({
    driver: cutToOpenPeriods(driver, before),
    filter: conjuncts.filter(c => !used.includes(c)).flatMap(({ test }) => (test.is === 'all' ? test.of : [test])),
  });
  const usable = conjuncts
    .filter(({ rank }) => rank < DRIVER_RANK.none)
    .flatMap(conjunct => {
      const found = driverOf(conjunct.test);
      return found ? [{ rank: conjunct.rank, ...choice(found.driver, found.exact ? [conjunct] : []) }] : [];
    })
    .toSorted((a, b) => a.rank - b.rank)
    .slice(0, MAX_DRIVERS);
  const best = usable[0];
  const scoped = best && best.rank < DRIVER_RANK.scoped ? undefined : scopedDriver(ground, conjuncts);
  if (scoped) return [choice(scoped.driver, scoped.used)];
  if (best && best.rank <= DRIVER_RANK.patient) return [best];
  const walk = choice(walkOf(ground, query.sort, conjuncts));
  const isFirst = delivers ?? ((driver: AccessPathDriver) => driver === best?.driver && driver.by === 'key');
  const first =
    usable.find(({ driver }) => isFirst(driver)) ?? (!best || !delivers || delivers(walk.driver) ? walk : best);
  const updated = conjuncts.some(({ test }) => test.is === 'updated' && first.driver.by !== 'updated')
    ? [choice({ by: 'updated', types: ground.types })]
    : [];
  return [first, ...usable.filter(one => one !== first), ...updated];
}
