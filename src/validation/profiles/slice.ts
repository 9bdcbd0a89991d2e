/**
 * Compiles what tells the slices of an element apart. https://hl7.org/fhir/R4/profiling.html#slicing
 *
 * The path of a discriminator is followed twice: through the definition of the slice, where it ends at what the slice demands
 * (criterion.ts), and through a value, where it ends at what is compared with it (select.ts).
 *
 * Choices: an extension without a discriminator is told by its url, a choice by its type. Of several discriminators those count of which
 * the slice says something. A slice that says nothing at the end of any cannot be told apart; its profile has a flaw, and no resource is
 * refused for it. Reslices without a slicing of their own are told as the slices around them.
 */
import type { ProfileElement } from '../../fhir/structure-definition.js';
import type { SliceContext } from './compile-context.js';
import type { SliceTest } from './compiled.js';
import { criterionAt, type Criterion } from './criterion.js';
import { readDiscriminatorPath } from './discriminator-path.js';
import type { ElementTree } from './element-tree.js';
import { compileSelection } from './select.js';

export type Discriminator = NonNullable<NonNullable<ProfileElement['slicing']>['discriminator']>[number];

const BY_URL: readonly Discriminator[] = [{ type: 'value', path: 'url' }];
const BY_TYPE: readonly Discriminator[] = [{ type: 'type', path: '$this' }];

/** `around`: those of the slices among which the sliced element stands, if it is a slice itself. */
export function discriminatorsOf(
  { definition, name, slices }: ElementTree,
  around: readonly Discriminator[],
): readonly Discriminator[] {
  const given = definition.slicing?.discriminator ?? [];
  if (given.length > 0) return given;
  if (around.length > 0) return around;
  if (name === 'extension' || name === 'modifierExtension') return BY_URL;
  const choice = name.endsWith('[x]') || slices.some(slice => slice.name !== name);
  return choice ? BY_TYPE : [];
}

/** `owners`: the types of the sliced element's values, or the path of its backbone element. Undefined: the slice cannot be told apart. */
export async function compileSliceTest(
  slice: ElementTree,
  discriminators: readonly Discriminator[],
  owners: readonly string[],
  context: SliceContext,
): Promise<SliceTest | undefined> {
  if (discriminators.length === 0) return undefined;
  const tests: SliceTest[] = [];
  for (const discriminator of discriminators) {
    const test = await compileDiscriminator(slice, discriminator, owners, context);
    if (test) tests.push(test);
  }
  if (tests.length <= 1) return tests[0];
  return (element, run) => {
    let known = true;
    for (const test of tests) {
      const answer = test(element, run);
      if (answer === false) return false;
      if (answer === undefined) known = false;
    }
    return known ? true : undefined;
  };
}

async function compileDiscriminator(
  slice: ElementTree,
  { type, path }: Discriminator,
  owners: readonly string[],
  context: SliceContext,
): Promise<SliceTest | undefined> {
  const steps = readDiscriminatorPath(path);
  if (!steps) return undefined;
  const criterion = await criterionAt(type, slice, steps, owners, context);
  if (!criterion) return undefined;
  const quick = isChoice(path, owners, context) ? undefined : quickTest(criterion, path);
  if (quick) return quick;
  const select = compileSelection(steps, owners, context.definitions);
  const { test, outside = () => undefined } = criterion;
  if (criterion.absent) {
    return (element, run) => {
      const there = select(
        element,
        run,
        () => true,
        () => true,
      );
      return there === undefined ? undefined : !there;
    };
  }
  return (element, run) => select(element, run, test, outside);
}

const isChoice = (name: string, owners: readonly string[], { definitions }: SliceContext): boolean =>
  owners.some(owner => definitions.types.get(owner)?.elements.some(each => each.name === name && each.choice));

/** Most slices are told by one member that has a fixed text: `url`, `system`. */
function quickTest({ text }: Criterion, path: string): SliceTest | undefined {
  if (text === undefined || !/^[a-z]\w*$/i.test(path)) return undefined;
  return ({ value }) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? memberIs(value[path], text) : false;
}

const memberIs = (member: unknown, text: string): boolean =>
  member === text || (Array.isArray(member) && member.includes(text));
