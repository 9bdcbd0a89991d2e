/**
 * How the elements of a type stand in XML and in JSON: one table for reading and writing.
 * https://hl7.org/fhir/R4/xml.html, https://hl7.org/fhir/R4/json.html
 *
 * Names are the same in both; XML needs the order, JSON the kind of the value and whether it is an array. Attributes are
 * `id` of everything but resources and `url` of Extension (and `value` of primitives, which is no element of its own).
 */
import type { Definitions, ElementDefinition, TypeDefinition, TypeRef } from '../definitions.js';

export const FHIR = 'http://hl7.org/fhir';

export interface Slot {
  /** JSON property = XML element or attribute, with the type for a choice: `valueQuantity`. */
  readonly name: string;
  /** Its name in FHIRPath: `value`. */
  readonly step: string;
  readonly order: number;
  readonly many: boolean;
  /** `boolean`, `integer`, `decimal`, `text`: primitives, by the JSON value; `resource`: an element around a resource. */
  readonly as: 'attribute' | 'boolean' | 'integer' | 'decimal' | 'text' | 'xhtml' | 'complex' | 'resource';
  /** The type that holds the children; of a primitive: Element (id and extension). */
  readonly type: string;
}

export type Shape = ReadonlyMap<string, Slot>;

const INTEGERS = new Set(['integer', 'positiveInt', 'unsignedInt']);
const shapes = new WeakMap<Definitions, Map<string, Shape>>();

/** The elements of a type by name. An unknown type has none. */
export function shapeOf(definitions: Definitions, type: string): Shape {
  let known = shapes.get(definitions);
  if (!known) shapes.set(definitions, (known = new Map()));
  let shape = known.get(type);
  if (!shape) known.set(type, (shape = build(definitions, type)));
  return shape;
}

export const isResourceType = (definitions: Definitions, name: string): boolean => {
  const type = definitions.types.get(name);
  return type?.kind === 'resource' && !type.abstract;
};

function build(definitions: Definitions, name: string): Shape {
  const owner = definitions.types.get(name);
  const slots = new Map<string, Slot>();
  for (const element of owner?.elements ?? [])
    for (const type of element.choice ? element.types : [element.types[0]]) {
      const property = element.choice
        ? element.name + type!.code[0]!.toUpperCase() + type!.code.slice(1)
        : element.name;
      slots.set(property, {
        name: property,
        step: element.name,
        order: slots.size,
        many: element.max !== 1,
        ...valueOf(definitions, owner!, element, type),
      });
    }
  return slots;
}

function valueOf(
  definitions: Definitions,
  owner: TypeDefinition,
  element: ElementDefinition,
  type: TypeRef | undefined,
): Pick<Slot, 'as' | 'type'> {
  if ((element.name === 'id' && owner.kind !== 'resource') || (element.name === 'url' && owner.name === 'Extension'))
    return { as: 'attribute', type: 'Element' };
  const code = element.children ?? type?.code ?? '';
  if (code === 'xhtml') return { as: 'xhtml', type: code };
  const kind = definitions.types.get(code)?.kind;
  if (kind === 'resource') return { as: 'resource', type: code };
  if (kind !== 'primitive') return { as: 'complex', type: code };
  if (code === 'boolean' || code === 'decimal') return { as: code, type: 'Element' };
  return { as: INTEGERS.has(code) ? 'integer' : 'text', type: 'Element' };
}
