/**
 * The literal references of a resource, with those of contained resources and extensions. Walks by the definitions, so that
 * elements that are only named `reference` and canonicals are none. https://hl7.org/fhir/R4/references.html#literal
 *
 * What stands in the entries of a Bundle refers within the Bundle (https://hl7.org/fhir/R4/bundle.html#references), so that
 * it is passed over.
 */
import type { Definitions } from './definitions.js';
import { type Json, type JsonObject, type Resource, isObject } from './resource.js';

export interface LiteralReference {
  readonly text: string;
  /** FHIRPath of the Reference. */
  readonly expression: string;
  /** Ids that a reference to a contained resource can name here. */
  readonly contained: ReadonlySet<string>;
}

const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);

const containedIn = (resource: JsonObject): ReadonlySet<string> =>
  new Set(
    listOf(resource['contained']).flatMap(one => (isObject(one) && typeof one['id'] === 'string' ? one['id'] : [])),
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
      for (const [i, value] of (Array.isArray(member) ? member : [member]).entries()) {
        if (!isObject(value)) continue;
        const path = `${at}.${element.name}${Array.isArray(member) ? `[${i}]` : ''}`;
        if (code === 'Reference' && typeof value['reference'] === 'string')
          found.push({ text: value['reference'], expression: path, contained });
        if (code === 'Resource')
          visit(value['resourceType'] as string, value, path, name === 'contained' ? contained : containedIn(value));
        else visit((beside ? undefined : element.children) ?? code ?? '', value, path, contained);
      }
    }
  };
  visit(resource.resourceType, resource, resource.resourceType, containedIn(resource));
  return found;
}
