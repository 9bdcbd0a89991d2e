/**
 * Makes the snapshot of a StructureDefinition that has a differential alone: what it is built on, with what it says laid over it.
 * https://hl7.org/fhir/R4/profiling.html#snapshot, https://hl7.org/fhir/R4/elementdefinition.html
 *
 * The definition below is taken as a tree, and each element of the differential is looked up in it. Where it goes deeper than the tree, the
 * children of the element's type (or of the one profile of it) are taken in. A new slice begins as the element that it is a slice of,
 * with what the differential has said of it so far, and need not be there unless the differential says so.
 */
import { FhirError } from '../../fhir/error.js';
import type {
  FindDefinition,
  Origin,
  ProfileElement,
  StructureDefinition,
  StructureHead,
} from '../../fhir/structure-definition.js';
import { breathe } from '../../platform/pieces.js';
import { descendTo } from './snapshot-descend.js';
import { asDefined, ELEMENT_RULES, mergeElement } from './snapshot-merge.js';
import {
  BrokenElements,
  copyChildren,
  copyNode,
  snapshotListOf,
  snapshotNodeOf,
  type Segment,
  SNAPSHOT_LIMITS,
  type SnapshotNode,
  segmentReader,
  snapshotCounter,
  snapshotTreeOf,
} from './snapshot-tree.js';

const UNKNOWN_BASE = 'The base of the definition is not known: load it first.';
const UNKNOWN_TYPE = 'A type that the definition goes into is not known: load it first.';
const CORE = 'http://hl7.org/fhir/StructureDefinition/';

/** What the making of one snapshot shares with that of those it needs. */
interface Making {
  readonly find: FindDefinition;
  /** Definitions whose snapshots are being made, the outermost first. */
  readonly under: readonly StructureDefinition[];
  readonly trees: Map<StructureDefinition, SnapshotNode>;
}

/**
 * The elements of a snapshot, in their order; those of `definition.snapshot` are not looked at. `from` says where the definition comes from.
 * What a differential says of all items of a sliced element (constraints, mustSupport) stands at that element and not again at its slices.
 * Throws FhirError `unprocessable` that says what is wrong with the definition or with one that it needs: not known, in a circle, an
 * element that its type does not have, or more than SNAPSHOT_LIMITS.
 */
export async function generateSnapshot(
  definition: StructureDefinition,
  find: FindDefinition,
  from?: Origin,
): Promise<ProfileElement[]> {
  return snapshotListOf(await make(definition, from, { find, under: [], trees: new Map() }));
}

const headOf = (definition: StructureDefinition): StructureHead => definition as unknown as StructureHead;

/** `at` is the number of an element of the differential; `diagnostics` the canonical that is meant, without it that of the definition. */
function unusable(
  definition: StructureDefinition,
  detail: string,
  text: string,
  { at, diagnostics }: { readonly at?: number; readonly diagnostics?: string } = {},
): FhirError {
  const { url, version } = headOf(definition);
  const own = version === undefined ? url : `${url}|${version}`;
  const place = at === undefined ? {} : { expression: `StructureDefinition.differential.element[${at}]` };
  return new FhirError('unprocessable', text, {
    issues: [{ severity: 'error', code: 'processing', text, ...place, detail, diagnostics: diagnostics ?? own }],
  });
}

async function make(definition: StructureDefinition, from: Origin | undefined, above: Making): Promise<SnapshotNode> {
  if (above.under.includes(definition))
    throw unusable(definition, 'profile-circular', 'The definition is built on itself: give it another base.');
  if (above.under.length >= SNAPSHOT_LIMITS.depth)
    throw unusable(definition, 'too-costly', `The definition stands on more than ${SNAPSHOT_LIMITS.depth} others.`);
  const making: Making = { find: above.find, under: [...above.under, definition], trees: above.trees };
  return createBuilder(definition, from, making)();
}

/** The tree of a definition as it was published, or as it is made now. It is shared: take a copy. */
async function treeOfDefinition(
  definition: StructureDefinition,
  from: Origin | undefined,
  making: Making,
): Promise<SnapshotNode> {
  const known = making.trees.get(definition);
  if (known) return known;
  const { snapshot, type } = headOf(definition);
  const elements = snapshot?.element.length ? snapshot.element : snapshotListOf(await make(definition, from, making));
  const tree = snapshotTreeOf(elements, from, canonicalOfType(type));
  making.trees.set(definition, tree);
  return tree;
}

async function findTree(
  canonical: string,
  from: Origin | undefined,
  making: Making,
): Promise<SnapshotNode | undefined> {
  const found = await making.find('StructureDefinition', canonical, from);
  return found && treeOfDefinition(found.resource as StructureDefinition, found.origin, making);
}

/** A type's own definition; logical types are named by their urls. */
const canonicalOfType = (code: string): string => (code.includes(':') ? code : CORE + code);

function createBuilder(definition: StructureDefinition, from: Origin | undefined, making: Making) {
  const head = headOf(definition);
  const differential = head.differential?.element ?? [];
  /** Whether it may have elements that what it is built on has not. */
  const extending = head.derivation === 'specialization' || head.baseDefinition === undefined;
  const count = snapshotCounter();
  const descent = { extending, from, count };

  async function build(): Promise<SnapshotNode> {
    let at: number | undefined;
    try {
      const root = await begin();
      const segmentsOf = segmentReader();
      for (const [index, element] of differential.entries()) {
        at = index;
        await breathe();
        await apply(root, segmentsOf(element), element);
      }
      needSlices(root);
      return root;
    } catch (error) {
      if (!(error instanceof BrokenElements)) throw error;
      throw unusable(definition, 'profile-element', error.message, at === undefined ? {} : { at });
    }
  }

  async function begin(): Promise<SnapshotNode> {
    const { baseDefinition, type, kind } = head;
    const name = differential[0]?.path.split('.')[0] ?? type.slice(type.lastIndexOf('/') + 1);
    if (baseDefinition === undefined || baseDefinition === `${CORE}Base`) {
      const any = kind === 'logical' ? { min: 0, max: '*', constraint: ELEMENT_RULES } : {};
      return snapshotNodeOf(name, undefined, { path: name, ...any }, from);
    }
    const tree = await findTree(baseDefinition, from, making);
    if (!tree) throw unusable(definition, 'unknown-profile', UNKNOWN_BASE, { diagnostics: baseDefinition });
    return copyNode(tree, { name: extending ? name : tree.name, slice: undefined }, count);
  }

  async function apply(root: SnapshotNode, segments: readonly Segment[], element: ProfileElement): Promise<void> {
    if (segments[0]!.name !== root.name)
      throw new BrokenElements('The element belongs to another type than its profile.');
    let node = root;
    let sliced = false;
    for (const [index, segment] of segments.entries()) {
      if (index === 0) continue;
      if (!node.children && (node.element.type || !extending)) await open(node, segment.name);
      node = descendTo(descent, node, segment, index === segments.length - 1 ? element : undefined, sliced);
      sliced ||= node.slice !== undefined;
    }
    await merge(node, element);
  }

  /** Takes the children of a node's type in. `child` is the one that is wanted. */
  async function open(node: SnapshotNode, child: string): Promise<void> {
    const canonical = canonicalOfContent(node, child);
    if (canonical === undefined) throw new BrokenElements('The element lies below one of several types, or of none.');
    const tree = await findTree(canonical, node.from, making);
    if (!tree) throw unusable(definition, 'unknown-profile', UNKNOWN_TYPE, { diagnostics: canonical });
    const content = contentOf(tree, node.element.contentReference);
    if (!content) throw new BrokenElements('The element lies below one whose contentReference leads nowhere.');
    node.children = copyChildren(content, count) ?? new Map();
    if (node.element.contentReference !== undefined) {
      const { contentReference: _reference, ...rest } = node.element;
      node.element = { ...rest, ...(content.element.type ? { type: content.element.type } : {}) };
    }
  }

  async function merge(node: SnapshotNode, element: ProfileElement): Promise<void> {
    const [type, ...others] = element.type ?? [];
    const profile = type?.code === 'Extension' && others.length === 0 ? type.profile?.[0] : undefined;
    let base = node.element;
    if (profile !== undefined && !making.under.some(each => headOf(each).url === profile)) {
      const tree = await findTree(profile, from, making);
      if (tree) base = asDefined(base, tree.element);
    }
    node.element = mergeElement(base, element, head.url);
    if (type) node.from = from;
  }

  return build;
}

/** The definition that says what stands below an element; of several types the one that they have in common. */
function canonicalOfContent({ element }: SnapshotNode, child: string): string | undefined {
  if (element.contentReference !== undefined) {
    const [base = '', path = ''] = element.contentReference.split('#');
    return base || CORE + path.split('.')[0]!;
  }
  const [type, ...others] = element.type ?? [];
  if (!type) return undefined;
  if (others.every(({ code }) => code === type.code)) {
    const [profile, ...more] = others.length === 0 ? (type.profile ?? []) : [];
    return profile !== undefined && more.length === 0 ? profile : canonicalOfType(type.code);
  }
  return child === 'id' || child === 'extension' ? `${CORE}Element` : undefined;
}

/** The part of a tree that a content reference names; all of it without one. */
function contentOf(tree: SnapshotNode, reference: string | undefined): SnapshotNode | undefined {
  if (reference === undefined) return tree;
  let node: SnapshotNode | undefined = tree;
  for (const name of reference
    .slice(reference.indexOf('#') + 1)
    .split('.')
    .slice(1))
    node = node?.children?.get(name);
  return node;
}

/** An element must be there as often as its slices must. */
function needSlices(node: SnapshotNode): void {
  let needed = 0;
  for (const slice of node.slices.values()) {
    needSlices(slice);
    needed += slice.element.min ?? 0;
  }
  if (needed > (node.element.min ?? 0)) node.element = { ...node.element, min: needed };
  for (const child of node.children?.values() ?? []) needSlices(child);
}
