/**
 * The literal references of a resource, with those of contained resources and extensions. Walks by the definitions, so that
 * elements that are only named `reference` and canonicals are none. https://hl7.org/fhir/R4/references.html#literal
 *
 * What stands in the entries of a Bundle refers within the Bundle (https://hl7.org/fhir/R4/bundle.html#references), so that
 * it is passed over.
 */
import type { Definitions } from './definitions.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from './resource.js';

export interface LiteralReference {
  readonly text: string;
  /** FHIRPath of the Reference. */
  readonly expression: string;
  /** Ids that a reference to a contained resource can name here. */
  readonly contained: ReadonlySet<string>;
}

/** An element of a type: what its values are, and where the definitions of their children are found. */
interface Child {
  /** Of the values. Undefined: the definitions name none. */
  readonly code: string | undefined;
  readonly childrenOf: string;
  /** They are the contained resources of the resource around them. */
  readonly contained: boolean;
}

const containedIn = (resource: JsonObject): ReadonlySet<string> =>
  new Set(
    itemsOf(resource['contained']).flatMap(one => (isObject(one) && typeof one['id'] === 'string' ? one['id'] : [])),
  );

/** Of a valid resource, in its order. */
export function literalReferences(resource: Resource, definitions: Definitions): LiteralReference[] {
  const found: LiteralReference[] = [];
  const visit = (type: string, object: JsonObject, at: string, contained: ReadonlySet<string>): void => {
    for (const [name, member] of Object.entries(object)) {
      if (typeof member !== 'object' || (type === 'Bundle' && name === 'entry')) continue;
      // What stands beside a primitive is an Element, whatever the primitive is.
      const beside = name.startsWith('_');
      const property = definitions.property(type, beside ? name.slice(1) : name);
      if (!property) continue;
      const { element } = property;
      const code = beside ? 'Element' : (property.type ?? element.types[0])?.code;
      const childrenOf = (beside ? undefined : element.children) ?? code ?? '';
      const child = { code, childrenOf, contained: name === 'contained' };
      const path = `${at}.${element.name}`;
      if (Array.isArray(member))
        for (const [i, value] of member.entries()) follow(child, value, `${path}[${i}]`, contained);
      else follow(child, member, path, contained);
    }
  };
  const follow = (child: Child, value: Json, path: string, contained: ReadonlySet<string>): void => {
    if (!isObject(value)) return;
    if (child.code === 'Reference' && typeof value['reference'] === 'string')
      found.push({ text: value['reference'], expression: path, contained });
    if (child.code !== 'Resource') visit(child.childrenOf, value, path, contained);
    else visit(value['resourceType'] as string, value, path, child.contained ? contained : containedIn(value));
  };
  visit(resource.resourceType, resource, resource.resourceType, containedIn(resource));
  return found;
}
