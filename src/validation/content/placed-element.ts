/** From keys of JSON to the element that they lead to: its type and its place. https://hl7.org/fhir/R4/json.html */
import type { Definitions } from '../../fhir/definitions.js';
import type { ElementPlace, ResourceSite } from '../run.js';

/** Names of properties and numbers of items, from a resource downward. */
export type JsonKeys = readonly (string | number)[];

export interface PlacedElement {
  readonly place: ElementPlace;
  /** Type of the value; undefined where R4 has no such element. */
  readonly type: string | undefined;
}

/** Of a choice the place has the name without the type; siblings (`_birthDate`) are places of their element. */
export function placedElement(site: ResourceSite, keys: JsonKeys, definitions: Definitions): PlacedElement {
  let { place } = site;
  let type: string | undefined = site.resource.resourceType;
  for (const [at, key] of keys.entries()) {
    if (typeof key === 'number') continue;
    const isSibling = key.startsWith('_');
    const name = isSibling ? key.slice(1) : key;
    const found: ReturnType<Definitions['property']> =
      type === undefined ? undefined : definitions.property(type, name);
    const index = keys[at + 1];
    place = { above: place, name: found?.element.name ?? name, index: typeof index === 'number' ? index : -1 };
    if (isSibling) type = found && 'Element';
    else type = found?.element.children ?? found?.type?.code ?? found?.element.types[0]?.code;
  }
  return { place, type };
}
