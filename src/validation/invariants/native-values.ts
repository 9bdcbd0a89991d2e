/** What compiled invariants work on: items of the JSON, their kinds, and three-valued truth. http://hl7.org/fhirpath/N1/#boolean-logic */
import type { Json, JsonObject, Resource } from '../../fhir/resource.js';
import type { Origin } from '../../fhir/structure-definition.js';
import type { InvariantTree } from './native-syntax.js';
import type { NativeTypes, PrimitiveKind } from './native-types.js';
import type { CheckedElement, CheckRun } from '../run.js';

/** A primitive without a value: it has an id or extensions. */
export class BarePrimitive {
  readonly sibling: object;
  constructor(sibling: object) {
    this.sibling = sibling;
  }
}

export type NativeItem = Json | BarePrimitive;

/** What an evaluation knows. */
export interface NativeEnvironment {
  readonly run: CheckRun;
  readonly element: CheckedElement;
  readonly from: Origin;
  /** The element's value. */
  readonly focus: NativeItem;
  readonly rootResource: Resource;
  /** Something was asked whose answer is not known (yet). */
  unknown: boolean;
}

export type ItemsOf = (env: NativeEnvironment, self: NativeItem) => readonly NativeItem[];
/** Undefined: nothing. Throws TypeError where several items are no boolean. */
export type TruthOf = (env: NativeEnvironment, self: NativeItem) => boolean | undefined;

/** A compiled expression. */
export interface Native {
  /** Types that its items may have; `System.Boolean` … of computed ones. */
  readonly types: readonly string[];
  /** How its items are compared; undefined: not as primitives, or not all in one way. */
  readonly kind: PrimitiveKind | undefined;
  readonly items: ItemsOf;
  /** Of a boolean expression: quicker than its items. */
  readonly truth?: TruthOf;
  /** Quicker than to look whether there are items. */
  readonly exists?: (env: NativeEnvironment, self: NativeItem) => boolean;
  /** Of literals, and unions of them. */
  readonly constants?: readonly (string | number | boolean)[];
  /** The items of one type. */
  readonly narrow?: (type: string) => Native;
  /** It is the focus itself. */
  readonly isFocus?: true;
  /** Its truth, where the types of elements tell it. */
  readonly always?: boolean;
  /** Resources of which the type alone may be asked. */
  readonly typeOnly?: true;
}

/** What never has an item. */
export const NO_ITEMS: Native = { types: [], kind: undefined, items: () => [], exists: () => false };

/** What an expression is compiled in. */
export interface NativeScope {
  readonly types: NativeTypes;
  readonly focus: Native;
  readonly compile: (tree: InvariantTree, scope: NativeScope) => Native;
  readonly place: { readonly element: string; readonly resource: string; readonly root: string };
}

export function systemTypeOf(value: string | number | boolean): { kind: PrimitiveKind; type: string } {
  if (typeof value === 'string') return { kind: 'text', type: 'System.String' };
  if (typeof value === 'boolean') return { kind: 'boolean', type: 'System.Boolean' };
  return { kind: 'number', type: Number.isInteger(value) ? 'System.Integer' : 'System.Decimal' };
}

export const truthNative = (truth: TruthOf, always?: boolean): Native => ({
  ...(always === undefined ? {} : { always }),
  types: ['System.Boolean'],
  kind: 'boolean',
  truth,
  items(env, self) {
    const value = truth(env, self);
    return value === undefined ? [] : [value];
  },
});

/** One boolean is what it is; one item of another kind is true. */
export function truthOfItems(items: readonly NativeItem[]): boolean | undefined {
  if (items.length === 0) return undefined;
  if (items.length > 1) throw new TypeError('Several items are no boolean.');
  const only = items[0];
  if (only instanceof BarePrimitive) return undefined;
  return typeof only === 'boolean' ? only : true;
}

export const truthIn = (native: Native): TruthOf =>
  native.truth ?? ((env, self) => truthOfItems(native.items(env, self)));

export const existsIn = (native: Native): ((env: NativeEnvironment, self: NativeItem) => boolean) =>
  native.exists ?? ((env, self) => native.items(env, self).length > 0);

/** The one text; undefined where there is none. */
export function textIn(items: readonly NativeItem[]): string | undefined {
  if (items.length > 1) throw new TypeError('One text is expected.');
  const only = items[0];
  return typeof only === 'string' ? only : undefined;
}

/** Equal items have equal keys. */
export function itemKey(item: NativeItem): string {
  if (typeof item === 'string') return `text ${item}`;
  if (typeof item !== 'object' || item === null) return String(item);
  return JSON.stringify(inOrder(item instanceof BarePrimitive ? { bare: item.sibling as JsonObject } : item));
}

/** The order of members means nothing. */
function inOrder(value: Json): Json {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map(key => [key, inOrder(value[key]!)]),
  );
}
