/**
 * An element of a FHIR XML document while it is open: what has been read of it, and how it goes into its parent when it
 * closes, so that the object is the one that the JSON form gives. https://hl7.org/fhir/R4/json.html
 */
import { note } from '../json/json.js';
import { LONGEST_NUMBER } from '../json/numbers.js';
import type { Decimals, Json, JsonObject, Resource } from '../resource.js';
import type { Shape, Slot } from './shape.js';

export interface OpenElement {
  readonly parent: OpenElement | undefined;
  /** How it stands in its parent; undefined for a resource, which fills the element around it. */
  readonly slot: Slot | undefined;
  /** Of what may stand inside; undefined for an element around a resource. */
  readonly shape: Shape | undefined;
  /** The children so far; of a primitive: id and extension. */
  readonly object: JsonObject;
  /** Levels of JSON from the root to the object. */
  readonly depth: number;
  /** Names of repeating primitives among the children. */
  lists: Set<string> | undefined;
  /** The value of a primitive or a div, or the resource of the element around it. */
  value: Json | undefined;
  /** The text of a number that `Number` would not give back. */
  literal: string | undefined;
}

/** A resource, in the element around it or as the root. */
export const openResourceIn = (parent: OpenElement | undefined, shape: Shape, object: Resource): OpenElement =>
  newElement(parent, undefined, shape, object, parent?.depth ?? 1);

export const openElementIn = (parent: OpenElement, slot: Slot, shape: Shape | undefined): OpenElement =>
  newElement(parent, slot, shape, {}, parent.depth + (slot.many ? 2 : 1));

const newElement = (
  parent: OpenElement | undefined,
  slot: Slot | undefined,
  shape: Shape | undefined,
  object: JsonObject,
  depth: number,
): OpenElement => ({ parent, slot, shape, object, depth, lists: undefined, value: undefined, literal: undefined });

/** How many elements of a repeating slot stand in the parent already. */
export const countIn = (parent: OpenElement, slot: Slot): number =>
  (parent.object[slot.name] as Json[] | undefined)?.length ?? 0;

/** Whether the element of a slot that does not repeat stands in the parent already. */
export const isIn = ({ object }: OpenElement, { name }: Slot): boolean =>
  Object.hasOwn(object, name) || Object.hasOwn(object, `_${name}`);

const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** Takes the value of a primitive as JSON has it. Returns what is wrong with it, if it has no such form. */
export function takeValue(element: OpenElement, as: Slot['as'], written: string): string | undefined {
  element.value = written;
  if (as === 'text') return undefined;
  if (as === 'boolean') {
    if (written !== 'true' && written !== 'false') return 'The value is neither "true" nor "false".';
    element.value = written === 'true';
    return undefined;
  }
  // R4 allows a plus before an integer; JSON does not.
  const literal = as === 'integer' && written.startsWith('+') ? written.slice(1) : written;
  const value = Number(literal);
  if (literal.length > LONGEST_NUMBER || !JSON_NUMBER.test(literal) || !Number.isFinite(value))
    return 'The value is not a number that can be kept.';
  element.value = value;
  if (String(value) !== literal) element.literal = literal;
  return undefined;
}

/** Puts a finished element into its parent. False, with nothing done, where it has neither a value nor content. */
export function putInto(parent: OpenElement, slot: Slot, element: OpenElement, decimals: Decimals): boolean {
  const { shape, object, literal } = element;
  const complex = slot.as === 'complex';
  const primitive = shape !== undefined && !complex;
  const value = complex ? object : element.value;
  const extra = primitive && Object.keys(object).length > 0 ? object : undefined;
  if (value === undefined && !extra) return false;
  const { name } = slot;
  if (!slot.many) {
    if (value !== undefined) parent.object[name] = value;
    if (extra) parent.object[`_${name}`] = extra;
    if (literal !== undefined) note(decimals, parent.object, name, literal);
    return true;
  }
  const values = (parent.object[name] ??= []) as Json[];
  values.push(value ?? null);
  if (literal !== undefined) note(decimals, values, values.length - 1, literal);
  if (primitive) (parent.lists ??= new Set()).add(name);
  if (!extra) return true;
  const extras = (parent.object[`_${name}`] ??= []) as Json[];
  while (extras.length < values.length - 1) extras.push(null);
  extras.push(extra);
  return true;
}

/** Pads the siblings of the repeating primitives among the children, and drops the values of those that have none. */
export function finishLists({ lists, object }: OpenElement): void {
  for (const name of lists ?? []) {
    const values = object[name] as Json[];
    const extras = object[`_${name}`] as Json[] | undefined;
    if (!extras) continue;
    while (extras.length < values.length) extras.push(null);
    if (values.every(value => value === null)) delete object[name];
  }
}

/** FHIRPath of an open element. */
export function pathOf({ parent, slot, object }: OpenElement): string {
  if (!slot) return parent ? pathOf(parent) : (object['resourceType'] as string);
  const index = slot.many ? `[${countIn(parent!, slot)}]` : '';
  return `${pathOf(parent!)}.${slot.step}${index}`;
}
