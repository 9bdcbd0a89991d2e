/**
 * Checks a resource against what R4 says of its type, and against profiles: cardinalities, values, slices, types, references, extensions,
 * constraints and bindings. The structure must have been found valid before. https://hl7.org/fhir/R4/validation.html
 *
 * A pass is synchronous and waits for nothing. What it needs and has not got (a definition that was not compiled yet, a value set) it notes;
 * when that is loaded the whole pass is made again, so that after the first resources of a kind one pass is enough. Large resources are
 * checked in pieces, with turns for others in between.
 */
import type { Issue } from '../fhir/error.js';
import type { Json, Parsed, Resource } from '../fhir/resource.js';
import type { Origin } from '../fhir/structure-definition.js';
import { R4 } from '../fhir/structures.js';
import { turn } from '../platform/pieces.js';
import { claimedCanonicals, MAX_CLAIMS } from './claims.js';
import type { GlobalProfiles } from './global-profiles.js';
import { type CompiledProfile, type ProfileRun, refTo, type UnusableProfile } from './profiles/compiled.js';
import { createProfileCache, type ProfileCache, type ProfileSource } from './profiles/profile-cache.js';
import { PassRun, type RunInput } from './profiles/profile-run.js';
import type { CheckedElement, ElementCheck, Finding, ProfileOptions, ResourceSite } from './run.js';
import { vitalSignsProfiles } from './vital-signs.js';
import { resourceSites } from './profiles/sites.js';

export interface ProfileCheckerParts extends ProfileSource {
  /** Whether a code, Coding or CodeableConcept is in a value set; undefined: that is not known (yet). */
  readonly isMember: (value: Json, valueSet: string, from: Origin, run: ProfileRun) => boolean | undefined;
  /** What is asked of each resource of a type beside its definition. */
  readonly checksOf: (type: string) => readonly ElementCheck[];
  /** What guides ask of every resource of a type. */
  readonly globals: () => Promise<GlobalProfiles>;
}

/** What a resource is checked against. */
export interface ProfileTask {
  /** What R4 says of its type, and of those of the resources in it. */
  readonly base: boolean;
  /** `from`: where the canonical stands. */
  readonly profiles: readonly { readonly canonical: string; readonly from?: Origin }[];
  /** Whether it, and the resources inside it, are checked against the profiles that they claim. */
  readonly claims: boolean;
  /** Whether they are checked against what guides ask of every resource of their type, and R4 of vital signs. */
  readonly globals?: boolean;
}

export interface ProfileChecker {
  /** Errors first; at most 200, and one that says how many more there are. Throws FhirError `too-costly`. */
  check(parsed: Parsed, task: ProfileTask, options: ProfileOptions): Promise<readonly Issue[]>;
}

/** A definition leads to the next: so often is something loaded for one resource. */
const MAX_ROUNDS = 40;
/**
 * So much is loaded of what the resource itself names (extensions, claims, code systems), and so much of anything at a time. What
 * definitions name is loaded whatever it is: else a resource that names much would not be checked against R4.
 */
const MAX_NAMED = 1000;
const NEEDS_AT_ONCE = 32;
const BY_DEFINITIONS = /^(?:type|value set|invariant) /;
/** ms of work in one turn. */
const LONG_TURN = 10;

export function createProfileChecker(parts: ProfileCheckerParts): ProfileChecker {
  const cache = createProfileCache(parts);
  return {
    async check({ resource, decimals, large = false }, task, options) {
      const sites = resourceSites(resource);
      const loaded = new Set<string>();
      const globals = task.globals ? await parts.globals() : NO_GLOBALS;
      const input: RunInput = {
        cache,
        decimals,
        options,
        sites,
        large,
        isMember: parts.isMember,
        preferred: task.profiles[0]?.from ?? (await originOf(parts, task, resource)),
        pinned: new Map<string, CompiledProfile | UnusableProfile>(),
        loaded,
      };
      let named = 0;
      for (let round = 1; ; round++) {
        const run = new PassRun(input);
        const work = passOver(sites, task, globals, { parts, cache, run });
        await inTurns(work, run);
        if (run.pending.size === 0) return run.issues();
        const needs = [...run.pending].filter(([key]) => BY_DEFINITIONS.test(key) || named++ < MAX_NAMED);
        if (round === MAX_ROUNDS || needs.length === 0) return [...run.issues(), tooFar(resource)];
        await loadNeeds(needs, loaded);
      }
    },
  };
}

async function loadNeeds(
  needs: readonly (readonly [string, () => Promise<void>])[],
  loaded: Set<string>,
): Promise<void> {
  for (let at = 0; at < needs.length; at += NEEDS_AT_ONCE) {
    const lot = needs.slice(at, at + NEEDS_AT_ONCE);
    await Promise.all(lot.map(([, load]) => load()));
    for (const [key] of lot) loaded.add(key);
  }
}

/** The guide of the first profile: what the resource names without a version is looked for there first. */
async function originOf(
  { find }: ProfileSource,
  { profiles, claims }: ProfileTask,
  resource: Resource,
): Promise<Origin | undefined> {
  const first = profiles[0]?.canonical ?? (claims ? claimedCanonicals(resource)[0] : undefined);
  return first === undefined ? undefined : (await find('StructureDefinition', first))?.origin;
}

function* passOver(
  sites: readonly ResourceSite[],
  { base, profiles, claims, globals: asksAll = false }: ProfileTask,
  globals: GlobalProfiles,
  {
    parts: { checksOf },
    cache,
    run,
  }: { readonly parts: ProfileCheckerParts; readonly cache: ProfileCache; readonly run: PassRun },
): Generator<() => void> {
  for (const site of sites) {
    const element = elementOfSite(site);
    if (base) {
      yield () => {
        const node = run.nodeOf(cache.linkTo(site.resource.resourceType));
        if (node) run.walk(node, element);
      };
      for (const check of checksOf(site.resource.resourceType)) yield () => check(element, run);
    }
    if (site.as === 'root')
      for (const { canonical, from } of profiles) yield () => run.apply(refTo(canonical, from), element);
    // What is contained is a part of the resource around it, and of no guide by itself.
    if (site.as !== 'contained')
      for (const { canonical, from } of globals.get(site.resource.resourceType) ?? [])
        yield () => run.apply(refTo(canonical, from), element);
    if (asksAll)
      for (const canonical of vitalSignsProfiles(site.resource)) yield () => run.apply(refTo(canonical, R4), element);
    if (!claims) continue;
    const claimed = claimedCanonicals(site.resource);
    for (const canonical of claimed.slice(0, MAX_CLAIMS)) yield () => run.apply(refTo(canonical, undefined), element);
    if (claimed.length > MAX_CLAIMS) yield () => run.report(site.place, MANY_CLAIMS);
  }
}

const NO_GLOBALS: GlobalProfiles = new Map();

const MANY_CLAIMS: Finding = {
  severity: 'warning',
  code: 'informational',
  detail: 'not-checked',
  text: `meta.profile names more than ${MAX_CLAIMS} profiles: the others are not checked.`,
};

function elementOfSite(site: ResourceSite): CheckedElement {
  const { resource, place } = site;
  return {
    value: resource,
    sibling: undefined,
    holder: site,
    key: 'resource',
    type: resource.resourceType,
    place,
    site,
  };
}

/** The work, and what it leaves for later, with turns for others. */
async function inTurns(work: Iterable<() => void>, run: PassRun): Promise<void> {
  let begun = performance.now();
  const breathe = async (): Promise<void> => {
    if (performance.now() - begun < LONG_TURN) return;
    await turn();
    begun = performance.now();
  };
  for (const step of work) {
    step();
    await breathe();
    for (let next = run.waiting.pop(); next; next = run.waiting.pop()) {
      next();
      await breathe();
    }
  }
}

const tooFar = ({ resourceType }: Resource): Issue => ({
  severity: 'warning',
  code: 'informational',
  detail: 'not-checked',
  expression: resourceType,
  text: 'The resource and its profiles name too many definitions: not all of it is checked.',
});
