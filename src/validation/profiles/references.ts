/**
 * Checks of references: the type of what they lead to, how it is reached, and whether it conforms, as far as it can be found without the
 * store. https://hl7.org/fhir/R4/references.html, https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.type.targetProfile
 */
import { isObject, type JsonObject } from '../../fhir/resource.js';
import type { Origin, ProfileElement, ProfileType } from '../../fhir/structure-definition.js';
import { type ProfileContext, coreTypeOf } from './compile-context.js';
import { type ProfileCheck, type ProfileRef, type ProfileRun, refTo } from './compiled.js';
import { typeInReference } from './resolve.js';
import type { CheckedElement, ResolvedTarget } from '../run.js';

interface ReferenceRules {
  /** Undefined: any. */
  readonly types: ReadonlySet<string> | undefined;
  /** What a target of a type must conform to, one of them at least; none where the type is enough. */
  readonly profiles: ReadonlyMap<string, readonly ProfileRef[]>;
  /** `contained`, `referenced`, `bundled`; empty: any. */
  readonly aggregation: ReadonlySet<string>;
  readonly profile: string;
  readonly isType: (name: string) => boolean;
  /** In the definition of a type: what the Reference says of itself is checked, too. */
  readonly base: boolean;
}

/** Undefined: nothing is left to check. `before`: what the base says of the element. */
export async function compileReferenceCheck(
  definition: ProfileElement,
  before: ProfileElement | undefined,
  { context, origin, name, base }: { context: ProfileContext; origin: Origin; name: string; base: boolean },
): Promise<ProfileCheck | undefined> {
  const references = (definition.type ?? []).filter(({ code }) => code === 'Reference');
  if (references.length === 0) return undefined;
  const targets = references.flatMap(({ targetProfile }) => targetProfile ?? []);
  const aggregation = new Set(references.flatMap(type => type.aggregation ?? []));
  if (!base && aggregation.size === 0 && areSameTargets(targets, before?.type)) return undefined;
  const { types, profiles } = await typesOfTargets(targets, origin, context);
  if (!base && !types && profiles.size === 0 && aggregation.size === 0) return undefined;
  const isType = (type: string): boolean => context.definitions.types.get(type)?.kind === 'resource';
  return referenceCheck({ types, profiles, aggregation, profile: name, base, isType });
}

async function typesOfTargets(
  targets: readonly string[],
  origin: Origin,
  context: ProfileContext,
): Promise<Pick<ReferenceRules, 'types' | 'profiles'>> {
  const profiles = new Map<string, ProfileRef[]>();
  const types = new Set<string>();
  const plain = new Set<string>();
  let any = targets.length === 0;
  for (const target of targets) {
    const core = coreTypeOf(target, context.definitions);
    const type = core ?? (await context.headOf(target, origin))?.type;
    // Of a profile that is not known nothing can be said, so that any type may be right.
    if (type === undefined || type === 'Resource' || type === 'DomainResource') {
      any = true;
      continue;
    }
    types.add(type);
    if (core !== undefined) plain.add(type);
    else profiles.set(type, [...(profiles.get(type) ?? []), refTo(target, origin)]);
  }
  for (const type of plain) profiles.delete(type);
  return { types: any ? undefined : types, profiles };
}

function areSameTargets(targets: readonly string[], types: readonly ProfileType[] | undefined): boolean {
  const before = (types ?? []).flatMap(({ targetProfile }) => targetProfile ?? []);
  return before.length === targets.length && targets.every(target => before.includes(target));
}

function referenceCheck(rules: ReferenceRules): ProfileCheck {
  return (element, run) => {
    const { value, type } = element;
    if (type !== 'Reference' || !isObject(value)) return;
    const named = typeof value['type'] === 'string' ? value['type'] : undefined;
    if (typeof value['reference'] !== 'string') {
      if (named !== undefined) checkType(rules, named, element, run);
      return;
    }
    const target = run.resolve(value['reference'], element.site);
    const found = target.kind === 'found' ? target.site.resource.resourceType : typeOf(value['reference'], rules);
    if (found !== undefined) {
      checkType(rules, found, element, run);
      if (rules.base && named !== undefined && named !== found) reportDisagreement(element, run);
    }
    if (rules.aggregation.size > 0) checkAggregation(rules, value, target, element, run);
    if (target.kind === 'found') checkTarget(rules, target, element, run);
  };
}

/** An address elsewhere may only look like one of FHIR: `https://example.org/People/12` says nothing of a type. */
function typeOf(reference: string, { isType }: ReferenceRules): string | undefined {
  const type = typeInReference(reference);
  return type !== undefined && (isType(type) || !/^https?:/i.test(reference)) ? type : undefined;
}

function checkType({ types, profile }: ReferenceRules, type: string, { place }: CheckedElement, run: ProfileRun): void {
  if (!types || types.has(type)) return;
  run.report(place, {
    severity: 'error',
    code: 'structure',
    detail: 'target-type',
    text: `${place.name} refers to a resource of a type that is not allowed here; allowed: ${[...types].join(', ')}.`,
    diagnostics: profile,
  });
}

function reportDisagreement({ place }: CheckedElement, run: ProfileRun): void {
  run.report(place, {
    severity: 'error',
    code: 'structure',
    detail: 'reference-type',
    text: `The type that ${place.name} names is not that of the resource that it refers to.`,
  });
}

function checkAggregation(
  { aggregation, profile }: ReferenceRules,
  { reference }: JsonObject,
  target: ResolvedTarget,
  { place, site }: CheckedElement,
  run: ProfileRun,
): void {
  const inside = typeof reference === 'string' && reference.startsWith('#');
  const bundled = target.kind === 'found' && !inside;
  const way = inside ? 'contained' : bundled ? 'bundled' : 'referenced';
  if (aggregation.has(way) || (bundled && aggregation.has('referenced'))) return;
  // A resource that is checked alone may belong to a Bundle.
  if (aggregation.has('bundled') && way === 'referenced' && site.as === 'root') return;
  run.report(place, {
    severity: 'error',
    code: 'structure',
    detail: 'reference-aggregation',
    text: `${place.name} must lead to a resource that is ${[...aggregation].join(' or ')}.`,
    diagnostics: profile,
  });
}

function checkTarget(
  { profiles, profile }: ReferenceRules,
  { site: targetSite }: Extract<ResolvedTarget, { kind: 'found' }>,
  { place }: CheckedElement,
  run: ProfileRun,
): void {
  const { resource } = targetSite;
  const refs = profiles.get(resource.resourceType);
  if (!refs) return;
  const target: CheckedElement = {
    value: resource,
    sibling: undefined,
    holder: targetSite,
    key: 'resource',
    type: resource.resourceType,
    place: targetSite.place,
    site: targetSite,
  };
  for (const ref of refs) if (run.fits(ref, target) !== false) return;
  run.report(place, {
    severity: 'error',
    code: 'structure',
    detail: 'target-profile',
    text: `What ${place.name} refers to does not conform to the profile that is required of it: ${refs.map(({ canonical }) => canonical).join(' or ')}.`,
    diagnostics: profile,
  });
}
