/**
 * What a slice demands at the end of the path of a discriminator. https://hl7.org/fhir/R4/profiling.html#discriminator
 *
 * It may stand at the element itself, in a fixed value or pattern above it, in the profile of a type on the way, in a required binding, or
 * in what is below it; the most exact counts.
 */
import { isObject, type Json } from '../../fhir/resource.js';
import type { Binding, Origin, ProfileElement, ProfileType } from '../../fhir/structure-definition.js';
import { coreTypeOf, profilesOfType, type SliceContext } from './compile-context.js';
import { refTo } from './compiled.js';
import type { DiscriminatorStep } from './discriminator-path.js';
import { childNamed, type ElementTree } from './element-tree.js';
import type { CheckedElement } from '../run.js';
import { fixedTest, valuesAlong, patternTest, type ValueTest } from './same-value.js';
import type { SelectedTest } from './select.js';
import { chosen } from './value-checks.js';

export interface Criterion {
  readonly test: SelectedTest;
  /** What is said of a resource elsewhere, of which only the type is known, if that. Undefined: not known. */
  readonly outside?: (type: string | undefined) => boolean | undefined;
  /** A text that the value must be: for comparing at once. */
  readonly text?: string;
  /** Nothing may be at the end of the path. */
  readonly absent?: true;
}

/** A place in the definition. */
interface Spot {
  /** The definitions of the element, the profile's own first. */
  readonly trees: readonly ElementTree[];
  /** Parts of fixed values and patterns above. */
  readonly given: readonly Json[];
  /** Its types, or the path of its backbone element. */
  readonly owners: readonly string[];
  /** Where the first of the definitions comes from. */
  readonly from: Origin;
  /** After `resolve()`: what it may lead to. */
  readonly targets: readonly string[] | undefined;
}

/** Undefined: the slice demands nothing there that a value could be asked. */
export async function criterionAt(
  kind: string,
  slice: ElementTree,
  steps: readonly DiscriminatorStep[],
  owners: readonly string[],
  context: SliceContext,
): Promise<Criterion | undefined> {
  const short = urlOfProfile(slice, steps);
  if (short !== undefined) return textCriterion(short);
  const own = slice.definition.type?.map(({ code }) => code) ?? owners;
  let spot: Spot = {
    trees: [slice],
    given: [],
    owners: owners.some(owner => owner.includes('.')) ? owners : own,
    from: context.origin,
    targets: undefined,
  };
  for (const step of steps) spot = await follow(spot, step, context);
  if (kind === 'type') return typeCriterion(spot, context);
  if (kind === 'profile') return profileCriterion(spot, context);
  if (kind === 'exists') return existsCriterion(spot);
  return valueCriterion(spot, context);
}

/** An extension of a profile has the url of the profile: no need to read it. */
function urlOfProfile({ definition }: ElementTree, steps: readonly DiscriminatorStep[]): string | undefined {
  const [step] = steps;
  if (steps.length !== 1 || step?.kind !== 'child' || step.name !== 'url') return undefined;
  const [type] = definition.type ?? [];
  const profile = type?.code === 'Extension' ? type.profile : undefined;
  return profile?.length === 1 ? profile[0]!.split('|', 1)[0] : undefined;
}

const textCriterion = (text: string): Criterion => ({ text, test: ({ value }) => value === text });

async function follow(spot: Spot, step: DiscriminatorStep, context: SliceContext): Promise<Spot> {
  if (step.kind === 'type') return { ...spot, owners: [step.type] };
  if (step.kind === 'resolve') {
    const targets = spot.trees.flatMap(({ definition }) => (definition.type ?? []).flatMap(targetsOf));
    return { trees: await treesOf(targets, spot.from, context), given: [], owners: [], from: spot.from, targets };
  }
  const name = step.kind === 'extension' ? 'extension' : step.name;
  const trees: ElementTree[] = [];
  for (const tree of await withProfiles(spot, context)) {
    const child = childNamed(tree, name);
    if (!child) continue;
    if (step.kind === 'child') trees.push(child);
    else trees.push(...child.slices.filter(slice => isExtension(slice, step.url)));
  }
  return {
    trees,
    given: step.kind === 'child' ? partsGiven(spot).flatMap(part => valuesAlong(part, [name])) : [],
    owners: ownersOf(spot.owners, name, trees, context),
    from: spot.from,
    targets: undefined,
  };
}

/** The definitions of the spot, and those of the profile of its type, if there is one. */
async function withProfiles({ trees, from, targets }: Spot, context: SliceContext): Promise<readonly ElementTree[]> {
  const profiles = targets ? [] : trees.flatMap(({ definition }) => (definition.type ?? []).flatMap(profilesOfType));
  return profiles.length === 1 ? [...trees, ...(await treesOf(profiles, from, context))] : trees;
}

async function treesOf(profiles: readonly string[], from: Origin, context: SliceContext): Promise<ElementTree[]> {
  const trees: ElementTree[] = [];
  for (const profile of profiles) {
    if (coreTypeOf(profile, context.definitions) !== undefined) continue;
    const read = await context.readProfile(profile, from);
    if (read) trees.push(read.tree);
  }
  return trees;
}

const targetsOf = ({ targetProfile }: ProfileType): readonly string[] => targetProfile ?? [];

const isExtension = (slice: ElementTree, url: string): boolean =>
  (slice.definition.type ?? []).some(({ profile }) => profile?.some(each => each.split('|', 1)[0] === url)) ||
  chosen(childNamed(slice, 'url')?.definition ?? { path: '' }, 'fixed')?.value === url;

const partsGiven = ({ trees, given }: Spot): Json[] => {
  const own = trees.flatMap(({ definition }) => {
    const value = chosen(definition, 'fixed') ?? chosen(definition, 'pattern');
    return value ? [value.value] : [];
  });
  return own.length > 0 ? own : [...given];
};

function ownersOf(
  owners: readonly string[],
  name: string,
  trees: readonly ElementTree[],
  { definitions }: SliceContext,
): string[] {
  const found = new Set<string>();
  for (const owner of owners) {
    const element = definitions.types.get(owner)?.elements.find(each => each.name === name);
    if (element?.children !== undefined) found.add(element.children);
    else for (const { code } of element?.types ?? []) found.add(code);
  }
  const named = trees[0]?.definition.type?.map(({ code }) => code) ?? [];
  const both = named.filter(code => found.has(code));
  return both.length > 0 ? both : [...found];
}

/** The first of the definitions, and of the slices below it that must be there, that says what the value is. */
function valueOf(trees: readonly ElementTree[]): { readonly test: ValueTest; readonly value: Json } | undefined {
  for (const { definition } of trees) {
    const fixed = chosen(definition, 'fixed');
    if (fixed) return { test: fixedTest(fixed.value), value: fixed.value };
    const pattern = chosen(definition, 'pattern');
    if (pattern) return { test: patternTest(pattern.value), value: pattern.value };
  }
  return undefined;
}

async function valueCriterion(spot: Spot, context: SliceContext): Promise<Criterion | undefined> {
  const { trees, given, from } = spot;
  const own = valueOf(trees);
  if (own) {
    if (typeof own.value === 'string') return textCriterion(own.value);
    return { test: (selected, run) => own.test(selected, run.decimals) };
  }
  if (given.length > 0)
    return { test: (selected, run) => given.some(part => patternTest(part)(selected, run.decimals)) };
  const binding = trees.map(requiredBinding).find(each => each !== undefined);
  if (binding?.valueSet !== undefined) {
    const { valueSet } = binding;
    return { test: ({ value }, run) => (value === undefined ? false : run.isMember(value, valueSet, from)) };
  }
  return (await partsCriterion(spot, context)) ?? existsCriterion(spot);
}

const requiredBinding = ({ definition }: ElementTree): Binding | undefined =>
  definition.binding?.strength === 'required' ? definition.binding : undefined;

/** What the definition says below the element, or in the profile of its type. */
async function partsCriterion({ trees, owners, from }: Spot, context: SliceContext): Promise<Criterion | undefined> {
  const [tree] = trees;
  if (!tree) return undefined;
  const needed = tree.slices.filter(({ definition }) => (definition.min ?? 0) > 0);
  for (const slice of needed) {
    const value = valueOf([slice]);
    if (value) return { test: (selected, run) => value.test(selected, run.decimals) };
  }
  const candidates = [...needed, tree].filter(saysSomething);
  if (candidates.length > 0) {
    const node = await context.compileAll(candidates[0]!, owners);
    return node && { test: (selected, run) => (selected.value === undefined ? false : run.holds(node, selected)) };
  }
  const profiles = (tree.definition.type ?? []).flatMap(profilesOfType);
  if (profiles.length === 0) return undefined;
  const refs = profiles.map(profile => refTo(profile, from));
  return { test: (selected, run) => anyAnswer(refs.map(ref => run.fits(ref, selected))) };
}

/** Whether something below the element is fixed. */
const saysSomething = ({ children }: ElementTree): boolean =>
  children.some(
    child => valueOf([child]) !== undefined || requiredBinding(child) !== undefined || saysSomething(child),
  );

function existsCriterion({ trees }: Spot): Criterion | undefined {
  const definition: ProfileElement | undefined = trees[0]?.definition;
  if (definition?.max === '0') return { absent: true, test: () => true };
  if ((definition?.min ?? 0) > 0) return { test: () => true, outside: () => true };
  return undefined;
}

async function typeCriterion(spot: Spot, context: SliceContext): Promise<Criterion | undefined> {
  const types = new Set<string>();
  const add = async (profile: string): Promise<void> => {
    const type = coreTypeOf(profile, context.definitions) ?? (await context.headOf(profile, spot.from))?.type;
    if (type !== undefined) types.add(type);
  };
  if (spot.targets) for (const target of spot.targets) await add(target);
  else
    for (const { code, profile } of spot.trees[0]?.definition.type ?? []) {
      if (code === 'Resource' && profile) for (const each of profile) await add(each);
      else types.add(code);
    }
  if (types.size === 0) return undefined;
  const any = types.has('Resource');
  return {
    test: ({ type, value }) => {
      const own = isObject(value) && typeof value['resourceType'] === 'string' ? value['resourceType'] : type;
      return any || types.has(own);
    },
    outside: type => (type === undefined ? undefined : any || types.has(type)),
  };
}

async function profileCriterion(spot: Spot, context: SliceContext): Promise<Criterion | undefined> {
  const profiles =
    spot.targets ?? spot.trees.flatMap(({ definition }) => (definition.type ?? []).flatMap(profilesOfType));
  if (profiles.length === 0) return typeCriterion(spot, context);
  const byType = await typeCriterion({ ...spot, targets: profiles }, context);
  const tests = profiles.map((profile): SelectedTest => {
    const core = coreTypeOf(profile, context.definitions);
    if (core !== undefined) return ({ type }: CheckedElement) => core === 'Resource' || type === core;
    const ref = refTo(profile, spot.from);
    return (selected, run) => run.fits(ref, selected);
  });
  return {
    test: (selected, run) => anyAnswer(tests.map(test => test(selected, run))),
    // Of another type it cannot conform.
    outside: type => (byType?.outside?.(type) === false ? false : undefined),
  };
}

/** True where one is, else undefined where one is not known. */
function anyAnswer(answers: readonly (boolean | undefined)[]): boolean | undefined {
  if (answers.includes(true)) return true;
  return answers.includes(undefined) ? undefined : false;
}
