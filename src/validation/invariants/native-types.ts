/**
 * What elements of R4's types the paths of invariants lead to, asked when an invariant is compiled so that nothing is looked up
 * while it is evaluated. https://hl7.org/fhir/R4/json.html#choice
 */
import type { Definitions } from '../../fhir/definitions.js';

/** A step of a path, from one type. */
export interface ElementStep {
  /** Property of the JSON → type of its value. One for most; a choice has one for each of its types. */
  readonly properties: ReadonlyMap<string, string>;
  /** Primitives may have `_name` beside them. */
  readonly primitive: boolean;
}

/** How values of primitive types are compared; undefined: of another kind of type. */
export type PrimitiveKind = 'text' | 'number' | 'boolean' | 'date';

export interface NativeTypes {
  /** Undefined where the type has no such element. */
  step(type: string, name: string): ElementStep | undefined;
  /** Whether the one is the other, or derived from it. Undefined: there is no such type. */
  isA(type: string, other: string): boolean | undefined;
  kindOf(type: string): PrimitiveKind | undefined;
}

const NUMBERS: ReadonlySet<string> = new Set(['decimal', 'integer', 'positiveInt', 'unsignedInt']);
const DATES: ReadonlySet<string> = new Set(['date', 'dateTime', 'instant', 'time']);

export function createNativeTypes(definitions: Definitions): NativeTypes {
  const { types } = definitions;
  const isPrimitive = (type: string): boolean => types.get(type)?.kind === 'primitive';
  const find = (type: string, name: string): ElementStep | undefined => {
    const element = types.get(type)?.elements.find(each => each.name === name);
    if (!element) return findProperty(type, name);
    const properties = new Map(
      element.types.map(({ code }): [string, string] => [
        element.choice ? name + code.charAt(0).toUpperCase() + code.slice(1) : name,
        element.children ?? code,
      ]),
    );
    return { properties, primitive: [...properties.values()].some(isPrimitive) };
  };
  /** `valueQuantity`, which is no element but is written by some. */
  const findProperty = (type: string, name: string): ElementStep | undefined => {
    const { element, type: chosen } = definitions.property(type, name) ?? {};
    if (!element || !chosen) return undefined;
    return { properties: new Map([[name, chosen.code]]), primitive: isPrimitive(chosen.code) };
  };
  return {
    // The elements of DomainResource are those of all resources that have them.
    step: (type, name) => find(type, name) ?? (type === 'Resource' ? find('DomainResource', name) : undefined),
    isA(type, other) {
      if (!types.has(other)) return undefined;
      for (let each: string | undefined = type; each !== undefined; each = types.get(each)?.base)
        if (each === other) return true;
      return false;
    },
    kindOf(type) {
      if (!isPrimitive(type) || type === 'xhtml') return undefined;
      if (NUMBERS.has(type)) return 'number';
      if (DATES.has(type)) return 'date';
      return type === 'boolean' ? 'boolean' : 'text';
    },
  };
}
