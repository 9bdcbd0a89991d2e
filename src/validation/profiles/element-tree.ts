/**
 * The elements of a snapshot as the tree that they stand for: children below their parents, slices beside what they slice.
 * https://hl7.org/fhir/R4/elementdefinition.html#path, https://hl7.org/fhir/R4/profiling.html#slicing
 *
 * The order of the elements says who belongs to whom: the children of an element, and of a slice, follow it at once. Their ids say the
 * same, but need not be there.
 */
import { FhirError } from '../../fhir/error.js';
import type { ProfileElement } from '../../fhir/structure-definition.js';

export interface ElementTree {
  readonly definition: ProfileElement;
  /** By its path and the slices on it: `Patient.extension:race.url`. */
  readonly id: string;
  /** Last part of the path: `value[x]`, and sometimes `valueQuantity`. */
  readonly name: string;
  readonly children: ElementTree[];
  /** In their order; those of a slice are its reslices. */
  readonly slices: ElementTree[];
}

/** Elements of a snapshot that are taken. */
const MAX_ELEMENTS = 20_000;

/** Throws FhirError `unprocessable` where the elements are no tree. */
export function elementTreeOf(elements: readonly ProfileElement[]): ElementTree {
  if (elements.length > MAX_ELEMENTS)
    throw new FhirError('unprocessable', `The profile has more than ${MAX_ELEMENTS} elements.`);
  const open: ElementTree[] = [];
  for (const definition of elements) {
    const parts = definition.path.split('.');
    const depth = parts.length - 1;
    const parent = open[depth - 1];
    const tree: ElementTree = {
      definition,
      id: idOf(definition, parts[depth]!, parent),
      name: parts[depth]!,
      children: [],
      slices: [],
    };
    if (depth > 0 && !parent)
      throw new FhirError('unprocessable', `The snapshot of the profile has no element above ${definition.path}.`);
    if (depth === 0 && open.length > 0)
      throw new FhirError('unprocessable', 'The snapshot of the profile has two roots.');
    if (parent) place(parent, tree);
    open.length = depth;
    open.push(tree);
  }
  const [root] = open;
  if (!root) throw new FhirError('unprocessable', 'The profile has no elements.');
  return root;
}

const idOf = ({ sliceName }: ProfileElement, name: string, parent: ElementTree | undefined): string =>
  `${parent ? `${parent.id}.` : ''}${name}${sliceName === undefined ? '' : `:${sliceName}`}`;

/** The element of this id, by its slices. */
export function elementWithId(root: ElementTree, id: string): ElementTree | undefined {
  if (root.id === id) return root;
  if (!id.startsWith(root.id)) return undefined;
  for (const tree of [...root.children, ...root.slices]) {
    const found = elementWithId(tree, id);
    if (found) return found;
  }
  return undefined;
}

function place(parent: ElementTree, tree: ElementTree): void {
  const { sliceName } = tree.definition;
  const sliced = sliceName === undefined ? undefined : parent.children.findLast(({ name }) => name === tree.name);
  if (!sliced) {
    parent.children.push(tree);
    return;
  }
  const above = sliceName!.includes('/') ? slicedAbove(sliced, sliceName!) : undefined;
  (above ?? sliced).slices.push(tree);
}

/** The slice `a` of a reslice `a/b`. */
function slicedAbove(sliced: ElementTree, sliceName: string): ElementTree | undefined {
  const above = sliceName.slice(0, sliceName.lastIndexOf('/'));
  for (const slice of sliced.slices) {
    if (slice.definition.sliceName === above) return slice;
    if (above.startsWith(`${slice.definition.sliceName}/`)) return slicedAbove(slice, sliceName);
  }
  return undefined;
}

/** The child of this name, a choice with or without its `[x]`. */
export const childNamed = ({ children }: ElementTree, name: string): ElementTree | undefined =>
  children.find(child => child.name === name || child.name === `${name}[x]`);
