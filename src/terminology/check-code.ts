/**
 * Whether one code belongs to a value set, without expanding it: https://hl7.org/fhir/R4/valueset-operation-validate-code.html
 *
 * The includes are asked one after the other, for this code alone, and what is found out on the way is noted. `undefined` stands
 * for what cannot be known, because the code system that the value set names is not known.
 */
import { breathe } from '../platform/pieces.js';
import { checkConcept } from './check-concept.js';
import {
  type CodeCheck,
  type Found,
  type Membership,
  noteForbiddenVersion,
  noteStatus,
  quietly,
} from './code-check.js';
import { abstractCode, noSystem, unknownSystem } from './code-issues.js';
import { containedSet } from './expand.js';
import { compileFilters } from './filter.js';
import { meantVersion, preferredVersion, sortedIncludes } from './include-version.js';
import type { Contained, ValueSet, ValueSetInclude } from './resources.js';
import { means } from './rule-concepts.js';
import { pinVersion } from './versions.js';

const NO: Membership = { isMember: false };
const NOT_KNOWN: Membership = { isMember: undefined };

export function checkMember(check: CodeCheck, set: ValueSet): Promise<Membership> {
  const known = check.asked.get(set) ?? memberOf(check, set);
  check.asked.set(set, known);
  return known;
}

async function memberOf(check: CodeCheck, set: ValueSet): Promise<Membership> {
  const { coding, issues, path } = check;
  if (coding.system === undefined || coding.system === '') {
    issues.add(noSystem(path), 'told');
    return NO;
  }
  if (!set.compose) return checkListed(check, set);
  const verdict = await checkIncludes(check, set);
  if (verdict.isMember !== true) return verdict;
  for (const exclude of set.compose.exclude ?? []) {
    await breathe();
    if (await isExcluded(check, set, exclude, verdict.found)) return { isMember: false, found: verdict.found };
  }
  return verdict;
}

async function checkIncludes(check: CodeCheck, set: ValueSet): Promise<Membership> {
  const { coding } = check;
  const includes = sortedIncludes(set.compose?.include ?? []);
  const preferred = await preferredVersion(check, includes);
  /** Of several versions that the value set names, the one that the code says, or that has it. */
  const isMeant = ({ system, version }: ValueSetInclude): boolean =>
    system === coding.system &&
    (preferred === undefined || version === preferred) &&
    (coding.version === undefined ||
      version === coding.version ||
      !includes.some(each => each.version === coding.version));
  let last = NO;
  for (const include of includes) {
    await breathe();
    const meant = include.system !== undefined && isMeant(include);
    const own = meant ? await checkSystem(check, set, include) : { isMember: include.system === undefined };
    if (meant && own.isMember === undefined) return own;
    const verdict = await checkImports(check, set, include, own);
    if (verdict.isMember === true) return verdict;
    if (verdict.isMember === undefined || last.isMember !== undefined) last = verdict;
  }
  return last;
}

/** It must belong to all value sets that the include names. */
async function checkImports(
  check: CodeCheck,
  set: ValueSet,
  { system, valueSet = [] }: ValueSetInclude,
  own: Membership,
): Promise<Membership> {
  let verdict = system === undefined && valueSet.length === 0 ? NO : own;
  for (const named of valueSet) {
    const other = typeof named === 'string' ? importOf(check, set, named) : undefined;
    if (!other) continue;
    noteStatus(check, 'ValueSet', other, set);
    if (verdict.isMember === true) verdict = joined(verdict, await checkMember(check, other));
  }
  return verdict;
}

/** What was found by the system counts before what an imported value set found. */
const joined = (first: Membership, second: Membership): Membership => ({
  isMember: second.isMember,
  found: first.found ?? second.found,
});

const importOf = ({ imports }: CodeCheck, set: ValueSet, named: string): ValueSet | undefined =>
  named.startsWith('#') ? containedSet(set, named) : imports.get(named);

async function checkSystem(check: CodeCheck, set: ValueSet, include: ValueSetInclude): Promise<Membership> {
  const { sources, options, issues, unknown, path, coding } = check;
  const system = coding.system!;
  const version = await meantVersion(check, include);
  const concepts = await sources.concepts(system, version);
  if (!concepts) {
    const versions = await sources.versions(system);
    const unknownHere = unknownSystem(path, system, version, versions);
    if (include.concept && versions.length === 0) {
      // What the value set lists belongs to it, whether anything else is known of it or not.
      const isMember = include.concept.some(({ code }) => code === coding.code);
      if (isMember) issues.add({ ...unknownHere, severity: 'warning' }, 'told');
      return { isMember };
    }
    if (options.membershipOnly) return NO;
    unknown.add(version === undefined || versions.length === 0 ? system : `${system}|${version}`);
    issues.add(unknownHere);
    return NOT_KNOWN;
  }
  noteForbiddenVersion(check, concepts);
  noteStatus(check, 'CodeSystem', concepts.head, set);
  return checkConcept(check, set, include, concepts);
}

async function isExcluded(
  check: CodeCheck,
  set: ValueSet,
  exclude: ValueSetInclude,
  found: Found | undefined,
): Promise<boolean> {
  const { sources, options, coding, budget } = check;
  if (exclude.system !== undefined) {
    if (exclude.system !== coding.system) return false;
    const { version } = pinVersion(options.rules, exclude.system, exclude.version);
    const concepts = await sources.concepts(exclude.system, version);
    if (!concepts) return exclude.concept?.some(({ code }) => code === coding.code) ?? false;
    if (options.exactly && found && found.concepts.version !== concepts.version) return false;
    const concept = concepts.locate(coding.code ?? '');
    if (concept === undefined) return false;
    if (exclude.concept && !exclude.concept.some(each => means(concepts, each.code, concept))) return false;
    if (exclude.filter && !compileFilters(concepts, exclude.filter, budget)(concept)) return false;
  }
  for (const named of exclude.valueSet ?? []) {
    const other = typeof named === 'string' ? importOf(check, set, named) : undefined;
    if (other && !(await checkMember(quietly(check), other)).isMember) return false;
  }
  return true;
}

/** Of a value set that says nothing but its expansion. */
async function checkListed(check: CodeCheck, set: ValueSet): Promise<Membership> {
  const { coding, sources, options, issues, path } = check;
  const waiting: Contained[] = [...(set.expansion?.contains ?? [])];
  for (let each = waiting.pop(); each; each = waiting.pop()) {
    waiting.push(...(each.contains ?? []));
    check.budget.examineCodes(1);
    const sameVersion = coding.version === undefined || each.version === undefined || each.version === coding.version;
    if (each.system !== coding.system || each.code !== coding.code || !sameVersion) continue;
    const concepts = await sources.concepts(coding.system!, each.version ?? coding.version);
    const concept = concepts?.locate(coding.code ?? '');
    if (!concepts || concept === undefined) return { isMember: true };
    const found = { concepts, concept, listed: each, set };
    if (options.abstractAllowed || concepts.isSelectable(concept)) return { isMember: true, found };
    issues.add(abstractCode(path, coding.code ?? '', concepts));
    return { isMember: false, found };
  }
  return NO;
}
