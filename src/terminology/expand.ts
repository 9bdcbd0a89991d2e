/**
 * Expands a value set, for the modifiers of a search and for the operations. https://hl7.org/fhir/R4/valueset.html#compositions,
 * https://hl7.org/fhir/R4/valueset.html#expansion
 *
 * Includes are united, excludes taken away; the system and the value sets of one include are intersected. Choices: with `inactive`
 * false the inactive concepts of known code systems are left out. The `lockedDate` is ignored: what is stored counts. A value set
 * without `compose` is what its `expansion` lists, if that is complete.
 *
 * A search asks for codes of an index in which no code names its version: versions are one, a whole code system stays whole and
 * need not be known, listed concepts are members as they stand, and concepts that only group others are none. The operations
 * (`reading`) tell versions apart and look everything up; listed concepts of a code system that is not known stand as they are.
 */
import { breathe, inPieces, type Pieces } from '../platform/pieces.js';
import { type Budget, createBudget, MAX_VALUE_SET_DEPTH } from './budget.js';
import type { Sources } from './canonical-resources.js';
import type { Concepts } from './code-system.js';
import { codesWhere, filteringConcepts, operatorOf } from './filter.js';
import { listedExpansion } from './listed-expansion.js';
import {
  type Codes,
  countListed,
  intersect,
  type MemberPart,
  membersOf,
  subtract,
  unite,
  type ValueSetMembers,
} from './members.js';
import type { OperationReading } from './reading.js';
import { badValueSet, unknownCodeSystem, unknownValueSet } from './refuse.js';
import { locatedCodes } from './rule-concepts.js';
import { canonicalOf, type ListedConcept, type ValueSet, type ValueSetInclude } from './resources.js';
import {
  circularValueSet,
  expansionNeedsSystem,
  filterWithoutValue,
  pinnedValueSetNotFound,
  valueSetNotFound,
  versionNotAllowed,
} from './tx-issue.js';
import { parseCanonical } from '../fhir/reference.js';
import { forbiddenBy } from './versions.js';

/** What an expansion reads; versions are asked for only in order to name them. */
export type ExpansionSources = Pick<Sources, 'valueSet' | 'concepts'> & Partial<Pick<Sources, 'versions'>>;

export interface ExpandOptions {
  readonly budget?: Budget;
  /** Of an operation. */
  readonly reading?: OperationReading;
}

/** One expansion under way. */
interface Expansion {
  readonly sources: ExpansionSources;
  readonly budget: Budget;
  readonly reading: OperationReading | undefined;
  /** Value sets that were expanded already, by canonical. */
  readonly done: Map<string, ValueSetMembers>;
}

/** The value set that is being expanded, and the canonicals of those around it and itself. */
interface SetPlace {
  readonly set: ValueSet;
  readonly path: readonly string[];
}

/** Throws FhirError `invalid`, `not-supported` or `too-costly`, see refuse.ts and, for operations, tx-issue.ts. */
export function expand(
  set: ValueSet,
  sources: ExpansionSources,
  options: ExpandOptions = {},
): Promise<ValueSetMembers> {
  const { budget = createBudget(), reading } = options;
  reading?.usage.seeValueSet(set, set);
  return expandSet({ sources, budget, reading, done: new Map() }, { set, path: [canonicalOf(set)] });
}

async function expandSet(expansion: Expansion, place: SetPlace): Promise<ValueSetMembers> {
  const { budget, reading } = expansion;
  const { set } = place;
  budget.openValueSet(set);
  const { compose } = set;
  if (!compose) return listedExpansion(set, budget, reading !== undefined);
  const included: ValueSetMembers[] = [];
  for (const [at, include] of (compose.include ?? []).entries())
    included.push(await expandInclude(expansion, include, place, `include[${at}]`));
  let members = await inPieces(unite(included));
  for (const [at, exclude] of (compose.exclude ?? []).entries()) {
    const excluded = await expandInclude(expansion, exclude, place, `exclude[${at}]`);
    members = await subtract(members, excluded, part => writeOut(expansion, part), {
      exactly: reading?.exactly ?? false,
      crossed: () => reading?.usage.seeCrossing(),
    });
  }
  return compose.inactive === false ? withoutInactive(expansion, members) : members;
}

async function expandInclude(
  expansion: Expansion,
  include: ValueSetInclude,
  place: SetPlace,
  at: string,
): Promise<ValueSetMembers> {
  await breathe();
  const { url } = place.set;
  const parts: ValueSetMembers[] = [];
  if (include.system !== undefined) {
    if (include.concept && include.filter) throw badValueSet(url, 'an include has both concepts and filters');
    const part = await includedPart(expansion, { ...include, system: include.system }, place, at);
    if (part.codes !== 'all') expansion.budget.examineCodes(part.codes.size);
    parts.push(membersOf(part));
  } else if (include.concept || include.filter) throw badValueSet(url, 'it names codes without their system');
  for (const canonical of include.valueSet ?? [])
    if (typeof canonical === 'string') parts.push(await expandNamed(expansion, canonical, place));
  const [first, ...rest] = parts;
  if (!first) throw badValueSet(url, 'an include or exclude names neither a system nor a value set');
  let members = first;
  for (const each of rest) members = await inPieces(intersect(members, each));
  return members;
}

type SystemInclude = ValueSetInclude & { readonly system: string };

async function includedPart(
  expansion: Expansion,
  include: SystemInclude,
  place: SetPlace,
  at: string,
): Promise<MemberPart> {
  const { reading, budget } = expansion;
  const { system, concept, filter } = include;
  if (reading?.excludeSystems.has(system)) return { system, codes: new Map() };
  if (!reading && !filter) return { system, codes: concept ? listedCodes(concept) : 'all' };
  const concepts = await conceptsOf(expansion, include, place);
  if (!concepts) return { system, version: include.version, codes: listedCodes(concept ?? []) };
  const part = { system, ...(reading ? { version: concepts.version, concepts } : {}) };
  if (concept) return { ...part, codes: await inPieces(listing(concept, concepts)) };
  if (!filter) return { ...part, codes: 'all' };
  if (reading) refuseEmptyFilters(include, `ValueSet.compose.${at}`);
  return { ...part, codes: await inPieces(filteringConcepts(concepts, filter, budget, reading !== undefined)) };
}

/** Undefined: it is not known, and need not be, because the concepts are listed. */
async function conceptsOf(
  { sources, reading }: Expansion,
  { system, version: said, concept }: SystemInclude,
  { set }: SetPlace,
): Promise<Concepts | undefined> {
  if (!reading) {
    const concepts = await sources.concepts(system, said);
    if (!concepts) throw unknownCodeSystem(system);
    return concepts;
  }
  const { rules, usage } = reading;
  const version = usage.pin(rules, system, said);
  const concepts = await sources.concepts(system, version);
  if (!concepts) {
    const versions = (await sources.versions?.(system)) ?? [];
    if (concept && versions.length === 0) return undefined;
    throw expansionNeedsSystem(system, version, versions);
  }
  const forbidden = forbiddenBy(rules, system, concepts.version);
  if (forbidden) throw versionNotAllowed(system, concepts.version, forbidden.version);
  usage.seeSystem(concepts, said, set);
  return concepts;
}

/** As they stand. */
function listedCodes(listed: readonly ListedConcept[]): Codes {
  const codes = new Map<string, ListedConcept | undefined>();
  for (const each of listed) if (typeof each.code === 'string') codes.set(each.code, each);
  return codes;
}

/** Those of the code system; of a fragment those that it does not have, too. */
function* listing(listed: readonly ListedConcept[], concepts: Concepts): Pieces<Codes> {
  const codes = new Map<string, ListedConcept | undefined>();
  const isFragment = concepts.head.content === 'fragment';
  for (const each of yield* locatedCodes(concepts, listed))
    if (each.found !== undefined || isFragment) codes.set(each.code, each.listed);
  return codes;
}

export function refuseEmptyFilters({ system, filter }: ValueSetInclude, at: string): void {
  for (const [index, each] of (filter ?? []).entries())
    if (each.value === undefined)
      throw filterWithoutValue(system ?? '', each.property ?? '', operatorOf(each) ?? '', `${at}.filter[${index}]`);
}

async function expandNamed(expansion: Expansion, named: string, { set, path }: SetPlace): Promise<ValueSetMembers> {
  const { budget, done, reading } = expansion;
  const contained = named.startsWith('#');
  const canonical = contained ? `${path.at(-1)}${named}` : pinnedCanonical(reading, named);
  const known = done.get(canonical);
  if (known) {
    budget.examineCodes(countListed(known));
    return known;
  }
  const found = contained ? containedSet(set, named) : await expansion.sources.valueSet(canonical);
  if (!found) throw notFound(reading, named, canonical);
  const again = contained ? canonical : canonicalOf(found);
  if (path.includes(again))
    throw reading
      ? circularValueSet(path, again)
      : badValueSet(set.url, 'it includes itself, directly or by way of others');
  if (path.length >= MAX_VALUE_SET_DEPTH)
    throw badValueSet(set.url, `more than ${MAX_VALUE_SET_DEPTH} value sets lie inside each other`);
  if (!contained) reading?.usage.seeValueSet(found, set);
  const members = await expandSet(expansion, { set: found, path: [...path, again] });
  done.set(canonical, members);
  budget.examineCodes(countListed(members));
  return members;
}

/** A value set that stands in the one that names it, as `#id`. */
export const containedSet = ({ contained }: ValueSet, reference: string): ValueSet | undefined =>
  contained?.find((each): each is ValueSet => each.resourceType === 'ValueSet' && `#${each.id}` === reference);

export function pinnedCanonical(reading: Pick<OperationReading, 'rules' | 'usage'> | undefined, named: string): string {
  const { url, version } = parseCanonical(named);
  return reading ? canonicalOf({ url, version: reading.usage.pin(reading.rules, url, version) }) : named;
}

function notFound(reading: OperationReading | undefined, named: string, canonical: string) {
  if (!reading) return unknownValueSet(named);
  const { url, version } = parseCanonical(canonical);
  return canonical === named || version === undefined ? valueSetNotFound(named) : pinnedValueSetNotFound(url, version);
}

async function writeOut({ sources, budget, reading }: Expansion, { system, concepts }: MemberPart): Promise<Codes> {
  const found = concepts ?? (await sources.concepts(system));
  if (!found) throw unknownCodeSystem(system);
  return inPieces(filteringConcepts(found, [], budget, reading !== undefined));
}

async function withoutInactive(expansion: Expansion, members: ValueSetMembers): Promise<ValueSetMembers> {
  const { sources, budget } = expansion;
  const inactive = new Map<string, MemberPart>();
  for (const [key, part] of members) {
    const concepts = part.concepts ?? (await sources.concepts(part.system, part.version));
    if (!concepts) continue;
    budget.examineCodes(concepts.codes.length);
    const codes = await inPieces(codesWhere(concepts, concept => !concepts.isActive(concept)));
    inactive.set(key, { ...part, codes });
  }
  return subtract(members, inactive, part => writeOut(expansion, part), { exactly: true });
}
