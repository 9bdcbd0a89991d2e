/**
 * Expands a value set. https://hl7.org/fhir/R4/valueset.html#compositions,
 * https://hl7.org/fhir/R4/valueset.html#expansion
 *
 * Includes are united, excludes taken away; the system and the value sets of one include are intersected. Choices:
 * concepts listed by code are members as they stand, whether their code system is known or not. With `inactive` false
 * the inactive concepts of known code systems are left out. The `lockedDate` is ignored: what is stored counts.
 * A value set without `compose` is what its `expansion` lists, if that is complete. Several versions of one code system
 * are not told apart, because no index entry names the version of its code.
 */
import { type Budget, createBudget, MAX_VALUE_SET_DEPTH } from './budget.js';
import type { Concepts } from './code-system.js';
import { filterConcepts } from './filter.js';
import { intersect, type ValueSetMembers, countListed, subtract, unite } from './members.js';
import { badValueSet, unknownCodeSystem, unknownValueSet } from './refuse.js';
import type { Contained, ValueSetInclude, ValueSet } from './resources.js';

/** Gives the value sets and code systems that an expansion names. */
export interface Sources {
  valueSet(canonical: string): Promise<ValueSet | undefined>;
  /** Undefined where the code system is not known, or not its concepts. */
  concepts(url: string, version?: string): Promise<Concepts | undefined>;
}

const UNCLOSED = /\/valueset-(?:unclosed|toocostly)$/;

/** One expansion under way. */
interface Expansion {
  readonly sources: Sources;
  readonly budget: Budget;
  /** Value sets that were expanded already, by canonical. */
  readonly done: Map<string, ValueSetMembers>;
}

/** The value set that is being expanded, for errors, and the canonicals of those around it and itself. */
interface SetPlace {
  readonly url: string | undefined;
  readonly path: readonly string[];
}

/** Throws FhirError `invalid`, `not-supported` or `too-costly`, see refuse.ts. */
export function expand(set: ValueSet, sources: Sources, budget: Budget = createBudget()): Promise<ValueSetMembers> {
  return expandSet({ sources, budget, done: new Map() }, set, set.url === undefined ? [] : [set.url]);
}

async function expandSet(expansion: Expansion, set: ValueSet, path: readonly string[]): Promise<ValueSetMembers> {
  expansion.budget.openValueSet();
  const { compose, url } = set;
  if (!compose) return expansionOf(set, expansion.budget);
  const place = { url, path };
  const included: ValueSetMembers[] = [];
  for (const include of compose.include ?? []) included.push(await expandInclude(expansion, include, place));
  let members = unite(included);
  for (const exclude of compose.exclude ?? []) {
    const excluded = await expandInclude(expansion, exclude, place);
    members = await subtract(members, excluded, system => wholeSystem(expansion, system));
  }
  return compose.inactive === false ? withoutInactive(expansion, members) : members;
}

async function expandInclude(
  expansion: Expansion,
  include: ValueSetInclude,
  place: SetPlace,
): Promise<ValueSetMembers> {
  const { url } = place;
  const parts: ValueSetMembers[] = [];
  if (include.system !== undefined) {
    const codes = await codesOf(expansion, include, include.system, url);
    if (codes !== 'all') expansion.budget.examineCodes(codes.size);
    parts.push(new Map([[include.system, codes]]));
  } else if (include.concept || include.filter) throw badValueSet(url, 'it names codes without their system');
  for (const canonical of include.valueSet ?? [])
    if (typeof canonical === 'string') parts.push(await expandNamed(expansion, canonical, place));
  const [first, ...rest] = parts;
  if (!first) throw badValueSet(url, 'an include or exclude names neither a system nor a value set');
  return rest.reduce(intersect, first);
}

async function codesOf(
  { sources, budget }: Expansion,
  include: ValueSetInclude,
  system: string,
  url: string | undefined,
): Promise<ReadonlySet<string> | 'all'> {
  if (include.concept) {
    if (include.filter) throw badValueSet(url, 'an include has both concepts and filters');
    return new Set(include.concept.flatMap(({ code }) => (typeof code === 'string' ? [code] : [])));
  }
  if (!include.filter) return 'all';
  const concepts = await sources.concepts(system, include.version);
  if (!concepts) throw unknownCodeSystem(system);
  return filterConcepts(concepts, include.filter, budget);
}

async function expandNamed(expansion: Expansion, canonical: string, { url, path }: SetPlace): Promise<ValueSetMembers> {
  const { sources, budget, done } = expansion;
  const known = done.get(canonical);
  if (known) {
    budget.examineCodes(countListed(known));
    return known;
  }
  if (path.includes(canonical)) throw badValueSet(url, 'it includes itself, directly or by way of others');
  if (path.length >= MAX_VALUE_SET_DEPTH)
    throw badValueSet(url, `more than ${MAX_VALUE_SET_DEPTH} value sets lie inside each other`);
  const found = await sources.valueSet(canonical);
  if (!found) throw unknownValueSet(canonical);
  const members = await expandSet(expansion, found, [...path, canonical]);
  done.set(canonical, members);
  budget.examineCodes(countListed(members));
  return members;
}

async function wholeSystem({ sources, budget }: Expansion, system: string): Promise<ReadonlySet<string>> {
  const concepts = await sources.concepts(system);
  if (!concepts) throw unknownCodeSystem(system);
  return filterConcepts(concepts, [], budget);
}

async function withoutInactive(expansion: Expansion, members: ValueSetMembers): Promise<ValueSetMembers> {
  const { sources, budget } = expansion;
  const inactive = new Map<string, ReadonlySet<string>>();
  for (const system of members.keys()) {
    const concepts = await sources.concepts(system);
    if (!concepts) continue;
    budget.examineCodes(concepts.codes.length);
    inactive.set(system, new Set(concepts.codes.filter((_, concept) => !concepts.isActive(concept))));
  }
  return subtract(members, inactive, system => wholeSystem(expansion, system));
}

function expansionOf({ url, expansion }: ValueSet, budget: Budget): ValueSetMembers {
  if (!expansion) throw badValueSet(url, 'it has neither compose nor expansion');
  const members = new Map<string, Set<string>>();
  let listed = 0;
  const waiting: Contained[] = [...(expansion.contains ?? [])];
  for (let each = waiting.pop(); each; each = waiting.pop()) {
    listed += 1;
    budget.examineCodes(1);
    for (const inner of each.contains ?? []) waiting.push(inner);
    if (each.abstract === true || typeof each.code !== 'string') continue;
    const system = each.system ?? '';
    const codes = members.get(system);
    if (codes) codes.add(each.code);
    else members.set(system, new Set([each.code]));
  }
  const partial = expansion.extension?.some(each => each.valueBoolean === true && UNCLOSED.test(each.url ?? ''));
  if (partial || (expansion.total ?? 0) > listed)
    throw badValueSet(url, 'its expansion is only a part, and it has no compose');
  return members;
}
