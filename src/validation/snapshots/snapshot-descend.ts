/**
 * From an element of a snapshot in the making to the one below it that a differential names: a child, a slice of it, or one type of a
 * choice; what is not there yet is made. https://hl7.org/fhir/R4/profiling.html#slicing, https://hl7.org/fhir/R4/elementdefinition.html#path
 */
import type { Origin, ProfileElement, ProfileType } from '../../fhir/structure-definition.js';
import { ELEMENT_RULES } from './snapshot-merge.js';
import {
  BrokenElements,
  copyNode,
  snapshotNodeOf,
  type Segment,
  type SnapshotNode,
  slicedBy,
  sliceNamed,
  typeOfChoice,
} from './snapshot-tree.js';

const TYPE_SLICING = { discriminator: [{ type: 'type', path: '$this' }], ordered: false, rules: 'open' } as const;
const URL_SLICING = { discriminator: [{ type: 'value', path: 'url' }], ordered: false, rules: 'open' } as const;

/** What the elements of one differential have in common. */
export interface Descent {
  /** Whether the definition may have elements that what it is built on has not. */
  readonly extending: boolean;
  /** Where the definition comes from. */
  readonly from: Origin | undefined;
  readonly count: (node: SnapshotNode) => void;
}

/** The child, and the slice of it, that a segment names. `own` is the element of the differential if the segment is its last. */
export function descendTo(
  { extending, from, count }: Descent,
  node: SnapshotNode,
  { name, slice }: Segment,
  own: ProfileElement | undefined,
  sliced: boolean,
): SnapshotNode {
  const child = node.children?.get(name);
  if (child) return slice === undefined ? child : (sliceNamed(child, slice) ?? addSlice(child, slice, own, count));
  const found = choiceNamed(node, name);
  if (found) return oneOfChoice(found, slice ?? name, sliced) ?? addSlice(found.choice, slice ?? name, own, count);
  if (extending && own && slice === undefined) {
    const added = newChild(name, own, from);
    count(added);
    (node.children ??= new Map()).set(name, added);
    return added;
  }
  throw new BrokenElements('The element is not one that its type has: correct its path.');
}

function newChild(name: string, own: ProfileElement, from: Origin | undefined): SnapshotNode {
  const code = own.type?.[0]?.code ?? '';
  // It is an Element, unless it holds resources or is what a primitive is made of.
  const isElement = code !== 'Resource' && !code.startsWith('http://hl7.org/fhirpath/');
  return snapshotNodeOf(name, undefined, isElement ? { ...own, constraint: ELEMENT_RULES } : own, from);
}

interface ChoiceType {
  readonly choice: SnapshotNode;
  readonly type: ProfileType;
}

/** The choice, and the type of it, that `valueQuantity` is. */
function choiceNamed({ children }: SnapshotNode, name: string): ChoiceType | undefined {
  for (let end = 1; end < name.length; end++) {
    const choice = children?.get(`${name.slice(0, end)}[x]`);
    const type = choice && typeNamed(choice, name);
    if (choice && type) return { choice, type };
  }
  return undefined;
}

/**
 * What `valueQuantity` means of `value[x]` where it is no new slice: one that is there; and the choice itself, of which that type alone is
 * left, inside of a slice, and where it has but one.
 */
function oneOfChoice({ choice, type }: ChoiceType, slice: string, sliced: boolean): SnapshotNode | undefined {
  const known = sliceNamed(choice, slice);
  if (known) return known;
  if (choice.element.type?.length === 1 && choice.slices.size === 0) return choice;
  if (!sliced) return undefined;
  choice.element = { ...choice.element, type: [type] };
  return choice;
}

function addSlice(
  sliced: SnapshotNode,
  slice: string,
  own: ProfileElement | undefined,
  count: Descent['count'],
): SnapshotNode {
  const owner = slicedBy(sliced, slice);
  const type = typeNamed(owner, slice);
  if (owner.slice === undefined) owner.element = withSlicing(owner, type, own?.min ?? 0);
  const node = copyNode(owner, { name: owner.name, slice }, count);
  node.element = asSlice(owner, type && !own?.type ? [type] : undefined);
  owner.slices.set(slice, node);
  return node;
}

const withCapital = (code: string): string => code.charAt(0).toUpperCase() + code.slice(1);

/** The type of a choice that `valueQuantity` names. */
function typeNamed({ name, element }: SnapshotNode, wanted: string): ProfileType | undefined {
  const type = typeOfChoice(name, wanted);
  return type === undefined ? undefined : element.type?.find(({ code }) => withCapital(code) === type);
}

/** Extensions are sliced by url, choices by type, also where nobody says so; a choice of which one type must be there can be no other. */
function withSlicing({ name, element }: SnapshotNode, type: ProfileType | undefined, min: number): ProfileElement {
  if (element.slicing) return element;
  if (name === 'extension' || name === 'modifierExtension') return { ...element, slicing: URL_SLICING };
  if (!name.endsWith('[x]')) return element;
  if (!type || min < 1) return { ...element, slicing: TYPE_SLICING };
  return { ...element, min, type: [type], slicing: { ...TYPE_SLICING, rules: 'closed' } };
}

/**
 * What a new slice begins with: what is said of the element, but that it must be there. What the differential adds for all of them,
 * constraints and mustSupport, stays with the element, and is not said again of its slices; those of choices and of slices have it.
 */
function asSlice(owner: SnapshotNode, type: readonly ProfileType[] | undefined): ProfileElement {
  const { slicing: _slicing, ...whole } = owner.element;
  const element = { ...whole, min: 0, ...(type ? { type } : {}) };
  if (owner.slice !== undefined || owner.name.endsWith('[x]')) return element;
  const { constraint: _constraint, mustSupport: _support, ...rest } = element;
  const { constraint, mustSupport } = owner.before;
  return { ...rest, ...(constraint ? { constraint } : {}), ...(mustSupport === undefined ? {} : { mustSupport }) };
}
