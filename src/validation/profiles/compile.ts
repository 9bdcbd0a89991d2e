/**
 * Compiles the snapshot of a definition into what is walked (compiled.ts). https://hl7.org/fhir/R4/elementdefinition.html
 *
 * Base definitions and profiles pass the same code. Of a base definition the gate has checked shape, cardinality and types, so that
 * constraints, bindings, references and profiles of types are left; of a profile all that its base says already is left out, because a
 * resource is always checked against that, too.
 */
import type { ProfileElement } from '../../fhir/structure-definition.js';
import { baseElementOf, type Compilation, countNode, type Known, knownOf } from './compilation.js';
import { compileChecks } from './compile-checks.js';
import { coreTypeOf, type ProfileContext, type ReadProfile, type SliceContext } from './compile-context.js';
import {
  type CompiledProfile,
  type ElementNode,
  type ElementRule,
  emptyNode,
  isEmptyNode,
  type Slice,
  type SliceSet,
} from './compiled.js';
import { elementUnder, formsOf, maxOf, ownersOfValues } from './element-forms.js';
import type { ElementTree } from './element-tree.js';
import { compileExtensionRules } from './extension-rules.js';
import { isRepeating } from '../gate/shape.js';
import { compileSliceTest, type Discriminator, discriminatorsOf } from './slice.js';

/** Throws FhirError `unprocessable` where the profile has too much in it. */
export async function compileProfile(
  { head, origin, tree }: ReadProfile,
  context: ProfileContext,
): Promise<CompiledProfile> {
  const base = coreTypeOf(head.url, context.definitions) === head.type;
  const compilation: Compilation = {
    context,
    origin,
    name: head.version === undefined ? head.url : `${head.url}|${head.version}`,
    base,
    nodes: new Map(),
    referring: [],
    flaws: [],
    work: { nodes: 0 },
    depth: 0,
  };
  const { path } = tree.definition;
  const baseRoot = base ? undefined : (await context.baseElements(head.type)).get(path);
  const owners = path === head.type || context.definitions.types.has(path) ? [path] : typesOfElement(tree);
  const root = await compileNode(compilation, tree, owners, await knownOf(compilation, baseRoot, []));
  for (const { rule, path: other } of compilation.referring) rule.node = compilation.nodes.get(other) ?? rule.node;
  return {
    usable: true,
    name: compilation.name,
    url: head.url,
    origin,
    type: head.type,
    root,
    flaws: compilation.flaws,
    extension: head.type === 'Extension' && !base ? compileExtensionRules(head, tree, compilation) : undefined,
  };
}

/** Of an element of a profile that is asked for on its own. */
const typesOfElement = ({ definition }: ElementTree): string[] => (definition.type ?? []).map(({ code }) => code);

/** Parts that are compiled for slices inside parts that are compiled for slices. */
const MAX_PART_DEPTH = 6;

/** A node of a part of a profile, with all that it says; undefined where that leads too far. */
async function compileAll(
  compilation: Compilation,
  tree: ElementTree,
  owners: readonly string[],
): Promise<ElementNode | undefined> {
  const depth = compilation.depth + 1;
  if (depth > MAX_PART_DEPTH) return undefined;
  const alone: Compilation = { ...compilation, nodes: new Map(), referring: [], flaws: [], depth };
  return compileNode(alone, tree, owners, { element: undefined, constraints: new Map() });
}

/** `owners`: the types of the values, or the path of their backbone element. */
async function compileNode(
  compilation: Compilation,
  tree: ElementTree,
  owners: readonly string[],
  known: Known,
): Promise<ElementNode> {
  const node = emptyNode();
  await countNode(compilation);
  const { definition } = tree;
  if (definition.sliceName === undefined) compilation.nodes.set(definition.path, node);
  node.checks.push(...(await compileChecks(compilation, definition, owners, known)));
  for (const child of tree.children) {
    const rule = await compileRule(compilation, child, owners);
    if (rule) addRule(compilation, node, rule, child.definition);
  }
  return node;
}

async function compileRule(
  compilation: Compilation,
  tree: ElementTree,
  owners: readonly string[],
): Promise<ElementRule | undefined> {
  const found = elementUnder(compilation, tree.name, owners);
  if (!found) return undefined;
  const { owner, element, only } = found;
  const { definition } = tree;
  const forms = formsOf(compilation, owner, element, only);
  const valueOwners = ownersOfValues(
    definition,
    forms.map(form => form.type),
  );
  const baseElement = await baseElementOf(compilation, owner, element);
  const known = await knownOf(compilation, baseElement, valueOwners);
  const { base, name } = compilation;
  const rule: ElementRule = {
    name: element.name,
    forms,
    repeating: isRepeating(element),
    min: base || (definition.min ?? 0) <= element.min ? 0 : definition.min!,
    max: base ? Infinity : maxOf(definition, element),
    node: await compileNode(compilation, tree, valueOwners, known),
    slicing: await compileSlices(compilation, tree, valueOwners, baseElement),
    profile: name,
  };
  const reference = definition.contentReference;
  if (reference?.includes('#')) {
    const path = reference.slice(reference.indexOf('#') + 1);
    if (reference.startsWith('#') || base) compilation.referring.push({ rule, path });
  }
  return rule;
}

async function compileSlices(
  compilation: Compilation,
  tree: ElementTree,
  owners: readonly string[],
  baseElement: ProfileElement | undefined,
  around: readonly Discriminator[] = [],
): Promise<SliceSet | undefined> {
  const { rules = 'open', ordered = false } = tree.definition.slicing ?? {};
  if (tree.slices.length === 0 && (rules !== 'closed' || compilation.base)) return undefined;
  const discriminators = discriminatorsOf(tree, around);
  const slices: Slice[] = [];
  let rest: Slice | undefined;
  for (const part of tree.slices) {
    const slice = await compileSlice(compilation, part, tree, discriminators, owners, baseElement);
    if (slice.name === '@default') rest = slice;
    else slices.push(slice);
  }
  // Where a slice cannot be told, anything may be of it.
  const told = slices.every(({ test }) => test !== undefined);
  return { slices, rules: told ? rules : 'open', ordered: ordered && told, rest };
}

async function compileSlice(
  compilation: Compilation,
  part: ElementTree,
  sliced: ElementTree,
  discriminators: readonly Discriminator[],
  owners: readonly string[],
  baseElement: ProfileElement | undefined,
): Promise<Slice> {
  const { definition } = part;
  const { sliceName: name = part.name, min = 0, max = '*' } = definition;
  const context: SliceContext = {
    ...compilation.context,
    origin: compilation.origin,
    compileAll: (inner, innerOwners) => compileAll(compilation, inner, innerOwners),
  };
  const types = ownersOfValues(definition, owners);
  const test = name === '@default' ? undefined : await compileSliceTest(part, discriminators, owners, context);
  if (!test && name !== '@default')
    compilation.flaws.push(`The values of ${definition.path} that belong to its slice ${name} cannot be told.`);
  return {
    name,
    min,
    max: max === '*' ? Infinity : Number(max),
    test,
    node: await compileNode(compilation, part, types, await knownOf(compilation, baseElement, types, sliced)),
    slicing: await compileSlices(compilation, part, types, baseElement, discriminators),
  };
}

function addRule({ base }: Compilation, node: ElementNode, rule: ElementRule, definition: ProfileElement): void {
  if (definition.mustSupport === true && !base) node.supported.push(rule);
  const refers = definition.contentReference !== undefined;
  const asked = rule.min > 0 || isAsked(rule.slicing);
  const taken = rule.forms.some(({ key }) => node.byKey.has(key));
  if (asked || taken) {
    node.always.push(rule);
    return;
  }
  const heard = rule.max !== Infinity || rule.slicing !== undefined || refers || !isEmptyNode(rule.node);
  for (const form of rule.forms) {
    const paired = heard || form.link !== undefined;
    if (paired) node.byKey.set(form.key, { rule, form, beside: false, paired });
    if (form.siblingKey !== undefined && (paired || base))
      node.byKey.set(form.siblingKey, { rule, form, beside: true, paired });
  }
}

const isAsked = (set: SliceSet | undefined): boolean =>
  set !== undefined && (set.slices.some(({ min }) => min > 0) || (set.rest?.min ?? 0) > 0);
