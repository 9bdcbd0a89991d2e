/**
 * Elements of a StructureDefinition as a tree: each element with its children and its slices, which the flat list of a snapshot or of a
 * differential says by paths, slice names and order. https://hl7.org/fhir/R4/elementdefinition.html#path, #id
 */
import type { Origin, ProfileElement } from '../../fhir/structure-definition.js';

/** Elements of a profile's snapshot, of which slices, and how deep they lie, at most. */
export const SNAPSHOT_LIMITS = { elements: 20_000, slices: 10_000, depth: 64 } as const;

/** An element in the making. Elements are shared between trees and never changed: another stands in its place. */
export interface SnapshotNode {
  /** Last part of the path: `value[x]`. */
  readonly name: string;
  /** In full, resliced ones too: `phone/home`. */
  readonly slice: string | undefined;
  element: ProfileElement;
  /** What was said of it before the differential that is being applied. */
  readonly before: ProfileElement;
  /** Where the definition that names its types comes from. */
  from: Origin | undefined;
  /** Undefined: they are those of its type, and not listed. */
  children: Map<string, SnapshotNode> | undefined;
  /** By their full names; reslices stand in their slice. */
  readonly slices: Map<string, SnapshotNode>;
}

/** A part of a path: the element's name, and the slice that is meant. */
export interface Segment {
  readonly name: string;
  readonly slice: string | undefined;
}

/** What is wrong with a list of elements, in words for its author. */
export class BrokenElements extends Error {}

/** The `type` of a choice: `valueQuantity` is `Quantity` of `value[x]`; undefined where `name` is none of it. */
export function typeOfChoice(choice: string, name: string): string | undefined {
  if (!choice.endsWith('[x]')) return undefined;
  const stem = choice.slice(0, -3);
  const first = name.charCodeAt(stem.length);
  return name.startsWith(stem) && first >= 65 && first <= 90 ? name.slice(stem.length) : undefined;
}

/**
 * Says for each element of a list, in its order, which segments lead to it. The id decides where it fits the path; where there is none, an
 * element belongs to the slice that was named last.
 */
export function segmentReader(): (element: ProfileElement) => readonly Segment[] {
  let last: readonly Segment[] = [];
  return element => {
    if (typeof element.path !== 'string') throw new BrokenElements('The element has no path.');
    const names = element.path.split('.');
    if (names.length > SNAPSHOT_LIMITS.depth || isTooFine(element))
      throw new BrokenElements(`The element lies deeper than ${SNAPSHOT_LIMITS.depth} others.`);
    last = segmentsOfId(element, names) ?? segmentsByOrder(element, names, last);
    return last;
  };
}

/** A slice of a slice of a slice … */
const isTooFine = ({ id = '', sliceName = '' }: ProfileElement): boolean =>
  [id, sliceName].some(name => name.split('/').length > SNAPSHOT_LIMITS.depth);

function segmentsOfId({ id, sliceName }: ProfileElement, names: readonly string[]): Segment[] | undefined {
  const parts = id?.split('.');
  if (parts?.length !== names.length) return undefined;
  const segments: Segment[] = [];
  for (const [index, part] of parts.entries()) {
    const colon = part.indexOf(':');
    const name = colon < 0 ? part : part.slice(0, colon);
    if (name !== names[index] && typeOfChoice(name, names[index]!) === undefined) return undefined;
    segments.push({ name, slice: colon < 0 ? undefined : part.slice(colon + 1) });
  }
  const own = segments.at(-1)!.slice;
  return sliceName === undefined || own === sliceName ? segments : undefined;
}

function segmentsByOrder(
  { sliceName }: ProfileElement,
  names: readonly string[],
  last: readonly Segment[],
): readonly Segment[] {
  let same = true;
  return names.map((name, index) => {
    same &&= last[index]?.name === name;
    if (index === names.length - 1) return { name, slice: sliceName };
    return { name, slice: same ? last[index]!.slice : undefined };
  });
}

/** The slice of a node by its full name; a reslice stands in its slice. */
export function sliceNamed(node: SnapshotNode, slice: string): SnapshotNode | undefined {
  const own = node.slices.get(slice);
  if (own) return own;
  for (let at = slice.indexOf('/'); at > 0; at = slice.indexOf('/', at + 1)) {
    const above = node.slices.get(slice.slice(0, at));
    if (above) return sliceNamed(above, slice);
  }
  return undefined;
}

/** Where a new slice belongs: in the slice that it divides further, else in the element. */
export function slicedBy(node: SnapshotNode, slice: string): SnapshotNode {
  const end = slice.lastIndexOf('/');
  return (end < 0 ? undefined : sliceNamed(node, slice.slice(0, end))) ?? node;
}

export const snapshotNodeOf = (
  name: string,
  slice: string | undefined,
  element: ProfileElement,
  from?: Origin,
): SnapshotNode => ({
  name,
  slice,
  element,
  before: element,
  from,
  children: undefined,
  slices: new Map(),
});

/**
 * The tree of a whole snapshot. `home` is the canonical of the type that content references without one lead to. Throws BrokenElements where
 * an element has none above it.
 */
export function snapshotTreeOf(
  elements: readonly ProfileElement[],
  from: Origin | undefined,
  home: string,
): SnapshotNode {
  const segmentsOf = segmentReader();
  const first = elements[0];
  if (!first || first.path.includes('.')) throw new BrokenElements('A snapshot does not begin with a root element.');
  const root = snapshotNodeOf(first.path, undefined, first, from);
  segmentsOf(first);
  for (const listed of elements.slice(1)) {
    const element = atHome(listed, home);
    const segments = segmentsOf(element);
    let node: SnapshotNode | undefined = root;
    for (const { name, slice } of segments.slice(1, -1)) {
      node = node?.children?.get(name);
      if (node && slice !== undefined) node = sliceNamed(node, slice);
    }
    const { name, slice } = segments.at(-1)!;
    const plain = node?.children?.get(name);
    if (!node || segments.length < 2 || (slice !== undefined && !plain))
      throw new BrokenElements('A snapshot has an element without one above it.');
    if (slice === undefined) (node.children ??= new Map()).set(name, snapshotNodeOf(name, undefined, element, from));
    else slicedBy(plain!, slice).slices.set(slice, snapshotNodeOf(name, slice, element, from));
  }
  return root;
}

/** What a type says of its content holds for it as the type has it, whatever a profile says of it in one place. */
const atHome = (element: ProfileElement, home: string): ProfileElement =>
  element.contentReference?.startsWith('#')
    ? { ...element, contentReference: home + element.contentReference }
    : element;

/** Counts what a snapshot is made of. Throws BrokenElements when it grows too large. */
export function snapshotCounter(): (node: SnapshotNode) => void {
  let elements = 0;
  let slices = 0;
  return ({ slice }) => {
    elements++;
    if (slice !== undefined) slices++;
    if (elements > SNAPSHOT_LIMITS.elements)
      throw new BrokenElements(`The snapshot has more than ${SNAPSHOT_LIMITS.elements} elements.`);
    if (slices > SNAPSHOT_LIMITS.slices)
      throw new BrokenElements(`The snapshot has more than ${SNAPSHOT_LIMITS.slices} slices.`);
  };
}

/** A node with everything below it, as another slice or of the same. Its own slices do not come along. */
export function copyNode(
  node: SnapshotNode,
  as: Pick<SnapshotNode, 'name' | 'slice'>,
  count: (node: SnapshotNode) => void,
): SnapshotNode {
  const copy = snapshotNodeOf(as.name, as.slice, node.element, node.from);
  count(copy);
  copy.children = copyChildren(node, count);
  return copy;
}

/** What stands below a node, for another one. */
export function copyChildren(
  node: SnapshotNode,
  count: (node: SnapshotNode) => void,
): Map<string, SnapshotNode> | undefined {
  if (!node.children) return undefined;
  const children = new Map<string, SnapshotNode>();
  for (const [name, child] of node.children) {
    const copy = copyNode(child, child, count);
    children.set(name, copy);
    copySlices(child, copy, count);
  }
  return children;
}

function copySlices(from: SnapshotNode, to: SnapshotNode, count: (node: SnapshotNode) => void): void {
  for (const [name, slice] of from.slices) {
    const copy = copyNode(slice, slice, count);
    to.slices.set(name, copy);
    copySlices(slice, copy, count);
  }
}

/** The flat list of a tree, with paths, ids and slice names; an element comes before its children, and these before its slices. */
export function snapshotListOf(root: SnapshotNode): ProfileElement[] {
  const list: ProfileElement[] = [];
  const add = (node: SnapshotNode, path: string, idAbove: string): void => {
    const own = path ? `${path}.${node.name}` : node.name;
    const label = node.slice === undefined ? node.name : `${node.name}:${node.slice}`;
    const id = idAbove ? `${idAbove}.${label}` : label;
    const { id: _id, path: _path, sliceName: _slice, ...rest } = node.element;
    list.push({ id, path: own, ...(node.slice === undefined ? {} : { sliceName: node.slice }), ...rest });
    for (const child of node.children?.values() ?? []) add(child, own, id);
    for (const slice of node.slices.values()) add(slice, path, idAbove);
  };
  add(root, '', '');
  return list;
}
