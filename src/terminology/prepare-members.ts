/**
 * Makes a value set ready to be asked about one code after the other, without waiting: for each code system that it names a test of
 * codes (member-test.ts). The verdicts are those of $validate-code (check-code.ts; a property test compares them); what is not known
 * makes the verdict unknown where it matters, and is named. https://hl7.org/fhir/R4/valueset.html#compositions
 */
import { FhirError } from '../fhir/error.js';
import { breathe, inPieces, type Pieces } from '../platform/pieces.js';
import { type Budget, createBudget, MAX_VALUE_SET_DEPTH } from './budget.js';
import type { Sources } from './canonical-resources.js';
import type { Concepts } from './code-system.js';
import { containedSet } from './expand.js';
import { codesWhere, compileFilters, filteringConcepts } from './filter.js';
import {
  bothVerdicts,
  commonTest,
  lessTest,
  listedMembers,
  type MemberTest,
  NOTHING_KNOWN,
  notVerdict,
  unitedTest,
  type MemberVerdict,
  allOfSystem,
  written,
} from './member-test.js';
import { conceptsByRule, locatedCodes } from './rule-concepts.js';
import {
  canonicalOf,
  type ConceptFilterDefinition,
  type Contained,
  type ListedConcept,
  type ValueSet,
  type ValueSetInclude,
} from './resources.js';

/** By code system, '' for codes without one. */
interface Tests {
  readonly bySystem: ReadonlyMap<string, MemberTest>;
  /** What is so for codes of any other code system: false, or undefined where something that is not known may have them. */
  readonly elsewhere: false | undefined;
}

/** A value set that can be asked about codes. */
export interface PreparedSet {
  /** With its version, where it has one. */
  readonly canonical: string;
  /** `ValueSet.title` or `name`. */
  readonly title: string | undefined;
  /** Nothing is known of it: it is not known here, includes itself, is too large, or cannot be had or kept just now. */
  readonly trouble?: 'unknown' | 'invalid' | 'too-costly' | 'unavailable';
  /** Canonicals of what would have to be known: code systems, and value sets that it imports. */
  readonly missing: readonly string[];
  /** Of a code with its system. */
  has(system: string, code: string): MemberVerdict;
  /** Of a code alone: whether it is a member in any code system. */
  hasCode(code: string): MemberVerdict;
  /** Whether codes of this system are told apart by its version: what `has` says holds for these versions alone. */
  versionsOf(system: string): ReadonlySet<string | undefined>;
  /** Codes that are kept for it. */
  readonly weight: number;
}

interface MemberPreparation {
  readonly sources: Sources;
  readonly budget: Budget;
  readonly missing: Set<string>;
  readonly versions: Map<string, Set<string | undefined>>;
  readonly done: Map<string, Tests>;
}

interface MemberPlace {
  readonly set: ValueSet;
  readonly path: readonly string[];
}

/** A value set of which nothing is known. */
export const troubledSet = (canonical: string, trouble: NonNullable<PreparedSet['trouble']>): PreparedSet => ({
  canonical,
  title: undefined,
  trouble,
  missing: [canonical],
  has: () => undefined,
  hasCode: () => undefined,
  versionsOf: () => new Set(),
  weight: 1,
});

/** Throws nothing but faults of our own. */
export async function prepareMembers(canonical: string, sources: Sources): Promise<PreparedSet> {
  const budget = createBudget();
  try {
    const set = await sources.valueSet(canonical);
    if (!set) return troubledSet(canonical, 'unknown');
    const preparation = { sources, budget, missing: new Set<string>(), versions: new Map(), done: new Map() };
    const name = canonicalOf(set);
    const tests = await testsOf(preparation, { set, path: [name] });
    return preparedSet(set, tests, preparation);
  } catch (error) {
    if (!(error instanceof FhirError) || error.kind === 'fault' || error.kind === 'unavailable') throw error;
    return troubledSet(canonical, error.kind === 'too-costly' ? 'too-costly' : 'invalid');
  }
}

function preparedSet(
  set: ValueSet,
  { bySystem, elsewhere }: Tests,
  { missing, versions }: MemberPreparation,
): PreparedSet {
  const tests = [...bySystem.values()];
  const none = new Set<string | undefined>();
  // Of one code system, as most are, the first look-up is enough.
  return {
    canonical: canonicalOf(set),
    title: set.title ?? set.name,
    missing: [...missing],
    has(system, code) {
      const found = bySystem.get(system);
      return found ? found.test(code) : elsewhere;
    },
    hasCode(code) {
      let verdict: MemberVerdict = elsewhere;
      for (const each of tests) {
        const own = each.test(code);
        if (own === true) return true;
        if (own === undefined) verdict = undefined;
      }
      return verdict;
    },
    versionsOf: system => versions.get(system) ?? none,
    weight: tests.reduce((sum, { codes, concepts }) => sum + (codes?.size ?? concepts?.codes.length ?? 0), 1),
  };
}

async function testsOf(preparation: MemberPreparation, place: MemberPlace): Promise<Tests> {
  const { budget } = preparation;
  const { set } = place;
  budget.openValueSet(set);
  if (!set.compose) return listedTests(preparation, set);
  const included: Tests[] = [];
  for (const include of set.compose.include ?? []) included.push(await includeTests(preparation, include, place));
  let tests = await united(included, budget);
  for (const exclude of set.compose.exclude ?? [])
    tests = await less(tests, await includeTests(preparation, exclude, place, 'exclude'), budget);
  return tests;
}

async function includeTests(
  preparation: MemberPreparation,
  include: ValueSetInclude,
  place: MemberPlace,
  as: 'include' | 'exclude' = 'include',
): Promise<Tests> {
  await breathe();
  const { system, valueSet = [] } = include;
  const parts: Tests[] = [];
  if (system !== undefined)
    parts.push({
      bySystem: new Map([[system, await systemTest(preparation, { ...include, system }, place, as)]]),
      elsewhere: false,
    });
  for (const named of valueSet)
    if (typeof named === 'string') parts.push(await importedTests(preparation, named, place));
  const [first = { bySystem: new Map(), elsewhere: false }, ...rest] = parts;
  let tests: Tests = first;
  for (const each of rest) tests = await common(tests, each, preparation.budget);
  return tests;
}

async function systemTest(
  { sources, budget, missing, versions }: MemberPreparation,
  include: ValueSetInclude & { readonly system: string },
  { set }: MemberPlace,
  as: 'include' | 'exclude',
): Promise<MemberTest> {
  const { system, version, concept, filter } = include;
  const concepts = await sources.concepts(system, version);
  const known = versions.get(system) ?? new Set();
  versions.set(system, known.add(concepts?.rule ? undefined : (concepts?.version ?? version)));
  if (!concepts) {
    // What the value set lists belongs to it, whether anything else is known of it or not.
    if (concept && (await sources.versions(system)).length === 0)
      return listedMembers(new Set(concept.flatMap(({ code }) => (typeof code === 'string' ? [code] : []))));
    missing.add(canonicalOf({ url: system, version }));
    return NOTHING_KNOWN;
  }
  const all = concept ? await inPieces(listedTest(concept, concepts)) : allOfSystem(concepts);
  const filtered = filter ? await commonIn(all, await filterTest(concepts, filter, missing, budget), budget) : all;
  if (as === 'exclude' || set.compose?.inactive !== false || concepts.rule) return filtered;
  const inactive = await inPieces(codesWhere(concepts, each => !concepts.isActive(each)));
  return inactive.size === 0
    ? filtered
    : inPieces(lessTest(filtered, listedMembers(new Set(inactive.keys()), concepts), budget));
}

const commonIn = (a: MemberTest, b: MemberTest, budget: Budget): Promise<MemberTest> =>
  inPieces(commonTest(a, b, budget));

function* listedTest(listed: readonly ListedConcept[], concepts: Concepts): Pieces<MemberTest> {
  const codes = new Set<string>();
  for (const { code, found } of yield* locatedCodes(concepts, listed)) if (found !== undefined) codes.add(code);
  return listedMembers(codes, concepts.rule ? undefined : concepts);
}

/** A filter that cannot be followed decides nothing. */
async function filterTest(
  concepts: Concepts,
  filters: readonly ConceptFilterDefinition[],
  missing: Set<string>,
  budget: Budget,
): Promise<MemberTest> {
  const { rule } = concepts;
  try {
    if (!rule) {
      const codes = await inPieces(filteringConcepts(concepts, filters, budget, true));
      return listedMembers(new Set(codes.keys()), concepts);
    }
    compileFilters(concepts, filters, budget);
    return {
      test(code) {
        const asked = conceptsByRule(rule);
        const concept = asked?.locate(code);
        return asked !== undefined && concept !== undefined && compileFilters(asked, filters, createBudget())(concept);
      },
    };
  } catch (error) {
    if (!(error instanceof FhirError) || error.kind === 'too-costly') throw error;
    missing.add(canonicalOf(concepts));
    return NOTHING_KNOWN;
  }
}

async function importedTests(
  preparation: MemberPreparation,
  named: string,
  { set, path }: MemberPlace,
): Promise<Tests> {
  const { sources, done, missing } = preparation;
  const contained = named.startsWith('#');
  const found = contained ? containedSet(set, named) : await sources.valueSet(named);
  if (!found) {
    missing.add(contained ? canonicalOf(set) : named);
    return { bySystem: new Map(), elsewhere: undefined };
  }
  const canonical = contained ? `${path.at(-1)}${named}` : canonicalOf(found);
  const known = done.get(canonical);
  if (known) return known;
  if (path.includes(canonical) || path.length >= MAX_VALUE_SET_DEPTH)
    throw new FhirError('invalid', 'The value set includes itself, or too many lie inside each other.');
  const tests = await testsOf(preparation, { set: found, path: [...path, canonical] });
  done.set(canonical, tests);
  return tests;
}

/** Of a value set that says nothing but its expansion: what it does not list may belong to it all the same, if that is a part. */
function listedTests({ budget, versions }: MemberPreparation, { expansion }: ValueSet): Tests {
  const codes = new Map<string, Set<string>>();
  let count = 0;
  const waiting: Contained[] = [...(expansion?.contains ?? [])];
  for (let each = waiting.pop(); each; each = waiting.pop()) {
    waiting.push(...(each.contains ?? []));
    budget.examineCodes(1);
    count += 1;
    const { system = '', code, version } = each;
    if (code === undefined) continue;
    codes.set(system, (codes.get(system) ?? new Set()).add(code));
    versions.set(system, (versions.get(system) ?? new Set()).add(version));
  }
  const isPart =
    !expansion ||
    (expansion.total ?? 0) > count ||
    (expansion.extension ?? []).some(
      ({ url, valueBoolean }) => valueBoolean === true && /\/valueset-(?:unclosed|toocostly)$/.test(url ?? ''),
    );
  const test = (all: ReadonlySet<string>): MemberTest =>
    isPart ? { test: code => all.has(code) || undefined } : listedMembers(all);
  return {
    bySystem: new Map([...codes].map(([system, all]) => [system, test(all)])),
    elsewhere: isPart ? undefined : false,
  };
}

async function united(all: readonly Tests[], budget: Budget): Promise<Tests> {
  if (all.length === 1) return all[0]!;
  const lists = new Map<string, MemberTest[]>();
  for (const { bySystem } of all)
    for (const [system, test] of bySystem) lists.set(system, [...(lists.get(system) ?? []), test]);
  const elsewhere = all.some(each => each.elsewhere === undefined) ? undefined : false;
  const bySystem = new Map<string, MemberTest>();
  for (const [system, tests] of lists) {
    await breathe();
    const others = all.some(each => each.elsewhere === undefined && !each.bySystem.has(system));
    bySystem.set(system, await unitedOf(others ? [...tests, NOTHING_KNOWN] : tests, budget));
  }
  return { bySystem, elsewhere };
}

async function unitedOf(tests: readonly MemberTest[], budget: Budget): Promise<MemberTest> {
  const lists = tests.filter(({ codes }) => codes);
  const [first, ...rest] = tests;
  if (lists.length === tests.length && tests.every(({ concepts }) => concepts === first!.concepts)) {
    const codes = new Set<string>();
    for (const each of lists) {
      budget.examineCodes(each.codes!.size);
      for (const code of each.codes!) codes.add(code);
    }
    return listedMembers(codes, first!.concepts);
  }
  let test = first!;
  for (const each of rest) test = unitedTest(test, each);
  return rest.length === 0 ? test : inPieces(written(test, undefined, budget));
}

async function common(a: Tests, b: Tests, budget: Budget): Promise<Tests> {
  const bySystem = new Map<string, MemberTest>();
  for (const system of new Set([...a.bySystem.keys(), ...b.bySystem.keys()])) {
    await breathe();
    const [left, right] = [testIn(a, system), testIn(b, system)];
    if (left && right) bySystem.set(system, await commonIn(left, right, budget));
  }
  return { bySystem, elsewhere: bothVerdicts(a.elsewhere, b.elsewhere) === false ? false : undefined };
}

/** Undefined: no code of it belongs to the set. */
const testIn = ({ bySystem, elsewhere }: Tests, system: string): MemberTest | undefined =>
  bySystem.get(system) ?? (elsewhere === undefined ? NOTHING_KNOWN : undefined);

async function less(a: Tests, b: Tests, budget: Budget): Promise<Tests> {
  const bySystem = new Map<string, MemberTest>();
  for (const [system, test] of a.bySystem) {
    await breathe();
    const other = testIn(b, system);
    bySystem.set(system, other ? await inPieces(lessTest(test, other, budget)) : test);
  }
  if (a.elsewhere === undefined)
    for (const [system, test] of b.bySystem)
      if (!bySystem.has(system))
        bySystem.set(system, { test: code => bothVerdicts(undefined, notVerdict(test.test(code))) });
  return { bySystem, elsewhere: a.elsewhere };
}
