/**
 * Whether an extension stands where its definition lets it: in an element of a type, at a path, or in another extension.
 * https://hl7.org/fhir/R4/defining-extensions.html#context
 *
 * Choices: a choice may be named with and without `[x]`, and with its type. A context of R5 that R4 does not have (CanonicalResource,
 * MetadataResource) means the types that are of that kind in R4.
 */
import type { Definitions, TypeDefinition } from '../../fhir/definitions.js';
import { isObject, type Json, type JsonObject } from '../../fhir/resource.js';
import type { ElementPlace, ResourceSite } from '../run.js';

/** Where an element stands, in the words of contexts. */
export interface ExtensionPlace {
  /** Paths and types: `Patient.name`, `HumanName`, `Element`. */
  readonly names: ReadonlySet<string>;
  /** Url of the extension around it. */
  readonly extension: string | undefined;
  /** The element itself. */
  readonly value: Json | undefined;
  readonly sibling: JsonObject | undefined;
  readonly type: string;
}

/** The places from the resource to the element; undefined where it is not in the resource. */
function placesTo(place: ElementPlace, root: ElementPlace): ElementPlace[] | undefined {
  const places: ElementPlace[] = [];
  for (let at: ElementPlace | undefined = place; at !== root; at = at.above) {
    if (!at) return undefined;
    places.unshift(at);
  }
  return places;
}

interface At {
  value: Json | undefined;
  sibling: JsonObject | undefined;
  type: string;
  /** By every type on the way: `Patient.contact.name.given`, `HumanName.given`. */
  paths: string[];
}

/** What is known of the element at the place. Undefined where it cannot be found. */
export function standingOf(
  place: ElementPlace,
  site: ResourceSite,
  definitions: Definitions,
): ExtensionPlace | undefined {
  const places = placesTo(place, site.place);
  if (!places) return undefined;
  const { resource } = site;
  const at: At = {
    value: resource,
    sibling: undefined,
    type: resource.resourceType,
    paths: [resource.resourceType],
  };
  for (const step of places) if (!stepDown(at, step, definitions)) return undefined;
  const names = new Set(at.paths);
  for (let type = definitions.types.get(at.type); type; type = baseType(type, definitions)) names.add(type.name);
  if (definitions.types.get(at.type)?.kind === 'resource') addKinds(names, at.type, definitions);
  const { value } = at;
  const extension = at.type === 'Extension' && isObject(value) ? value['url'] : undefined;
  return {
    names,
    extension: typeof extension === 'string' ? extension : undefined,
    value,
    sibling: at.sibling,
    type: at.type,
  };
}

const baseType = ({ base }: TypeDefinition, { types }: Definitions): TypeDefinition | undefined =>
  base === undefined ? undefined : types.get(base);

/** https://hl7.org/fhir/R5/canonicalresource.html, https://hl7.org/fhir/R5/metadataresource.html */
function addKinds(names: Set<string>, type: string, { types }: Definitions): void {
  const has = (name: string) => types.get(type)?.elements.some(element => element.name === name);
  if (!has('url') || !has('status')) return;
  names.add('CanonicalResource');
  names.add('MetadataResource');
}

function stepDown(at: At, { name, index }: ElementPlace, definitions: Definitions): boolean {
  const object = isObject(at.value) ? at.value : at.sibling;
  if (!object) return false;
  const owner = isObject(at.value) ? at.type : 'Element';
  const element = definitions.types.get(owner)?.elements.find(each => each.name === name);
  if (!element) return false;
  for (const { code } of element.types) {
    const key = element.choice ? name + code.charAt(0).toUpperCase() + code.slice(1) : name;
    if (object[key] === undefined && object[`_${key}`] === undefined) continue;
    const starts = isOpen(at.type, definitions) ? at.paths : [...at.paths, ...inherited(at.type, definitions)];
    at.paths = [...new Set(starts)].flatMap(path =>
      element.choice ? [`${path}.${name}[x]`, `${path}.${name}`, `${path}.${key}`] : [`${path}.${name}`],
    );
    at.value = item(object[key], index);
    const beside = item(object[`_${key}`], index);
    at.sibling = isObject(beside) ? beside : undefined;
    at.type = element.children ?? backboneType(owner, name, code, definitions);
    return true;
  }
  return false;
}

const isOpen = (type: string, { types }: Definitions): boolean => types.get(type)?.kind === 'backbone';

/** The type and what it is made of: a path may begin at each of them. */
function inherited(type: string, definitions: Definitions): string[] {
  const names: string[] = [];
  for (let at = definitions.types.get(type); at; at = baseType(at, definitions)) names.push(at.name);
  return names;
}

const item = (value: Json | undefined, index: number): Json | undefined =>
  Array.isArray(value) ? (value[index] ?? undefined) : value;

const backboneType = (owner: string, name: string, code: string, { types }: Definitions): string =>
  (code === 'BackboneElement' || code === 'Element') && types.has(`${owner}.${name}`) ? `${owner}.${name}` : code;
