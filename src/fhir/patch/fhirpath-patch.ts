/**
 * FHIRPath Patch: https://hl7.org/fhir/R4/fhirpatch.html
 *
 * An element is a slot: its value and what stands beside a primitive (`_birthDate`), so that lists of primitives keep
 * their two arrays in step. What elements there may be, and of what types, validation says afterwards; the definitions
 * are asked here for what repeats, for the property of a choice, and for the children of anonymous types.
 *
 * Choices: `name` of a choice is the element (`value`, the type is that of the value) or the property (`valueString`); a
 * replaced choice takes the type of the new value; replacing replaces the whole element, extensions included. insert
 * and move want the path of one whole list. An element that a delete leaves empty goes, too.
 */
import { setImmediate as breath } from 'node:timers/promises';
import type { Definitions } from '../definitions.js';
import { fold, isMembers, type Members, type Node, prune, unfold, type Patched, type Value } from '../json/document.js';
import { FhirError } from '../error.js';
import { type Location, locate } from './fhirpath-location.js';
import { type FhirPathOperation, readFhirPathOperations, valueType } from './fhirpath-operations.js';
import { placed } from './operations.js';
import type { JsonObject } from '../resource.js';

interface ElementSlot {
  readonly value?: Node | undefined;
  /** Id and extensions of a primitive. */
  readonly beside?: Node | undefined;
}

/** Values that all operations together may look at: about a microsecond each. */
const MAX_WORK = 2_000_000;

const unfit = (why: string, detail = 'patch-path') => new FhirError('unprocessable', why, { detail });

/**
 * `parameters` is known to be a valid resource. Throws FhirError: `invalid`, `too-costly` for the patch itself;
 * `unprocessable` where it does not fit. Others get their turn between two operations.
 */
export async function applyFhirPathPatch(
  document: Value,
  parameters: Value,
  definitions: Definitions,
): Promise<Patched> {
  const operations = await readFhirPathOperations(unfold(parameters));
  const scope: PatchedTree = { root: unfold(document) as Members, definitions };
  let work = 0;
  for (const [at, operation] of operations.entries())
    try {
      await breath();
      const { value, size } = fold(scope.root);
      work += size;
      if (work > MAX_WORK)
        throw new FhirError('too-costly', 'So many operations on so large a resource take too long: send fewer.');
      applyFhirPathOperation(scope, operation, locate(value as JsonObject, operation.path));
    } catch (error) {
      throw placed(error, `Operation ${at} (${operation.type})`, `Parameters.parameter[${at}]`);
    }
  return fold(scope.root);
}

interface PatchedTree {
  readonly root: Members;
  readonly definitions: Definitions;
}

function applyFhirPathOperation(scope: PatchedTree, operation: FhirPathOperation, found: readonly Location[]): void {
  if (found.length === 0) {
    if (operation.type === 'delete') return;
    throw unfit('Its path leads to no element of this resource.');
  }
  switch (operation.type) {
    case 'add': {
      const { holder, type } = enter(scope, only(found));
      return addTo(scope, holder, type, operation.name, operation.value);
    }
    case 'insert': {
      const { holder, type, property, slots } = listAt(scope, found);
      if (operation.index < 0 || operation.index > slots.length) throw unfit('The list is shorter than the index.');
      slots.splice(operation.index, 0, slotOf(scope, operation.value, childOf(scope, type, property)));
      return writeSlots(holder, property, slots, true);
    }
    case 'move': {
      const { holder, property, slots } = listAt(scope, found);
      const { source, destination } = operation;
      if ([source, destination].some(index => index < 0 || index >= slots.length))
        throw unfit('The list is shorter than the index.');
      slots.splice(destination, 0, ...slots.splice(source, 1));
      return writeSlots(holder, property, slots, true);
    }
    case 'replace': {
      const { holder, type, property, slots, index } = elementAt(scope, only(found));
      const { choice, name } = elementOf(scope, type, property);
      const typed = valueType(operation.value);
      const chosen = choice && typed !== undefined ? name + typed : property;
      slots[index ?? 0] = slotOf(scope, operation.value, childOf(scope, type, chosen));
      if (chosen !== property) writeSlots(holder, property, [], false);
      return writeSlots(holder, chosen, slots, index !== undefined);
    }
    case 'delete': {
      const { holder, property, slots, index } = elementAt(scope, only(found));
      slots.splice(index ?? 0, 1);
      writeSlots(holder, property, slots, index !== undefined);
      return prune(scope.root, new Set([holder]));
    }
  }
}

function only(found: readonly Location[]): Location {
  if (found.length > 1) throw unfit('Its path leads to several elements: choose one of them.');
  return found[0]!;
}

/** An element by what holds it: the object, its type, the property in it, and all the slots of that. */
function elementAt(scope: PatchedTree, location: Location) {
  const last = location.at(-1);
  if (!last) throw unfit('Its path leads to the resource itself, which a patch can neither replace nor delete.');
  const { holder, type } = enter(scope, location.slice(0, -1));
  return { holder, type, ...last, slots: readSlots(holder, last.property) };
}

/** The list that consists of the elements found, all of them. */
function listAt(scope: PatchedTree, found: readonly Location[]) {
  const list = elementAt(scope, found[0]!);
  const whole =
    found.length === list.slots.length &&
    found.every(
      (location, at) => location.at(-1)?.index === at && areSame(location.slice(0, -1), found[0]!.slice(0, -1)),
    );
  if (!whole) throw unfit('Its path must lead to a list, and to the whole of it.');
  return list;
}

const areSame = (a: Location, b: Location): boolean =>
  a.length === b.length && a.every(({ property, index }, at) => property === b[at]!.property && index === b[at]!.index);

/** The object that holds the children of an element (beside it for a primitive, made where there is none), and their type. */
function enter(scope: PatchedTree, location: Location): { holder: Members; type: string } {
  let holder = scope.root;
  let type = resourceTypeOf(holder);
  for (const { property, index } of location) {
    type = childOf(scope, type, property);
    const slots = readSlots(holder, property);
    const slot = slots[index ?? 0] ?? {};
    let child = slot.value;
    if (isPrimitive(scope, type)) {
      child = slot.beside ?? newMembers();
      slots[index ?? 0] = { ...slot, beside: child };
      writeSlots(holder, property, slots, index !== undefined);
    }
    if (!isMembers(child)) throw unfit('Its path leads into a value that has no elements.');
    holder = child;
    if (type === 'Resource') type = resourceTypeOf(holder);
  }
  return { holder, type };
}

const newMembers = (): Members => Object.create(null) as Members;

const resourceTypeOf = ({ resourceType }: Members): string => (typeof resourceType === 'string' ? resourceType : '');

const isPrimitive = ({ definitions }: PatchedTree, type: string) => definitions.types.get(type)?.kind === 'primitive';

function readSlots(holder: Members, property: string): ElementSlot[] {
  const [values, besides] = [nodesOf(holder[property]), nodesOf(holder[`_${property}`])];
  return Array.from({ length: Math.max(values.length, besides.length) }, (_, at) => ({
    value: values[at] ?? undefined,
    beside: besides[at] ?? undefined,
  }));
}

const nodesOf = (node: Node | undefined): readonly Node[] =>
  Array.isArray(node) ? node : node === undefined ? [] : [node];

function writeSlots(holder: Members, property: string, slots: readonly ElementSlot[], repeats: boolean): void {
  const write = (name: string, nodes: readonly Node[]) => {
    if (nodes.every(node => node === null)) delete holder[name];
    else holder[name] = repeats ? [...nodes] : nodes[0]!;
  };
  write(
    property,
    slots.map(({ value }) => value ?? null),
  );
  write(
    `_${property}`,
    slots.map(({ beside }) => beside ?? null),
  );
}

/** Appends to a list, or sets what is not there yet. `part` has the value. */
function addTo(scope: PatchedTree, holder: Members, type: string, name: string, part: Members): void {
  const typed = valueType(part) ?? '';
  const property = scope.definitions.property(type, name) ? name : name + typed;
  const { choice, max, types, name: element } = elementOf(scope, type, property);
  if (property !== name && !choice) throw unfit(NO_ELEMENT, 'patch-element');
  const others = choice ? types.map(({ code }) => element + capitalised(code)) : [property];
  const repeats = max !== 1;
  if (!repeats && others.some(other => readSlots(holder, other).length > 0))
    throw unfit('The element is there already, and cannot be there twice: replace it.', 'patch-present');
  const slots = [...readSlots(holder, property), slotOf(scope, part, childOf(scope, type, property))];
  writeSlots(holder, property, slots, repeats);
}

const capitalised = (code: string) => code[0]!.toUpperCase() + code.slice(1);

const NO_ELEMENT = 'There is no such element at this place.';

function elementOf({ definitions }: PatchedTree, type: string, property: string) {
  const element = definitions.property(type, property)?.element;
  if (!element) throw unfit(NO_ELEMENT, 'patch-element');
  return element;
}

/** The type that the children of an element are found in. */
function childOf(scope: PatchedTree, type: string, property: string): string {
  const { children, types } = elementOf(scope, type, property);
  return children ?? (scope.definitions.property(type, property)!.type ?? types[0]!).code;
}

/** What a checked part has as its value; its own parts are the children of an anonymous type. */
function slotOf(scope: PatchedTree, part: Members, type: string): ElementSlot {
  const { resource, part: parts } = part;
  if (resource !== undefined) return { value: resource };
  const typed = valueType(part);
  if (typed !== undefined) return { value: part[`value${typed}`], beside: part[`_value${typed}`] };
  const built = newMembers();
  for (const child of parts as Members[]) addTo(scope, built, type, child['name'] as string, child);
  return isPrimitive(scope, type) ? { beside: built } : { value: built };
}
