/**
 * Invariants of StructureDefinition and ImplementationGuide as functions of their own. Their expressions look for the first element, or
 * through all groupings, once for each of thousands of elements: a legal definition would take more steps than one resource has.
 * https://hl7.org/fhir/R4/structuredefinition.html#invs, https://hl7.org/fhir/R4/implementationguide.html#invs
 */
import { isObject, itemsOf, type Json, type JsonObject } from '../../fhir/resource.js';
import { BarePrimitive, itemKey, type NativeEnvironment, type NativeItem } from './native-values.js';

type DefinitionRule = (env: NativeEnvironment, self: NativeItem) => boolean;

/** The objects of a member, and their steps. */
function objectsOf(self: NativeItem | undefined, name: string, { run }: NativeEnvironment): JsonObject[] {
  if (!isObject(self) || self instanceof BarePrimitive) return [];
  const list = itemsOf(self[name]).filter(isObject);
  run.spend(list.length);
  return list;
}

const isThere = (element: JsonObject, name: string): boolean =>
  element[name] !== undefined || element[`_${name}`] !== undefined;

const textOrNone = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

/** Whether all elements but the first are below what the path begins with. */
const areBelow = (elements: readonly JsonObject[], beginning: string): boolean =>
  elements.slice(1).every(({ path }) => typeof path === 'string' && path.startsWith(beginning));

/** What the path of the first element of the resource's own snapshot or differential begins with. */
function firstPath(env: NativeEnvironment, name: 'snapshot' | 'differential'): string {
  const list = env.element.site.resource[name];
  const first = isObject(list) ? itemsOf(list['element'])[0] : undefined;
  return isObject(first) ? textOrNone(first['path']) : '';
}

const valueIn = (object: JsonObject, name: string): string | undefined =>
  isThere(object, name) ? itemKey(object[name] ?? new BarePrimitive(object[`_${name}`] as JsonObject)) : undefined;

/** sdf-8: the first element of a snapshot is that of the type, and the others are inside it. */
function isOneTree(env: NativeEnvironment, self: NativeItem): boolean {
  const { resource } = env.element.site;
  const elements = objectsOf(self, 'element', env);
  const first = elements[0] && valueIn(elements[0], 'path');
  if (resource['kind'] !== 'logical' && (first === undefined || first !== valueIn(resource, 'type'))) return false;
  return areBelow(elements, `${firstPath(env, 'snapshot')}.`);
}

/** sdf-8a: the first element of a differential is in the type, and the others too. */
function isInOneTree(env: NativeEnvironment, self: NativeItem): boolean {
  const { kind, type } = env.element.site.resource;
  const elements = objectsOf(self, 'element', env);
  const first = elements[0]?.['path'];
  const begins = typeof first === 'string' && typeof type === 'string' && first.startsWith(type);
  if (kind !== 'logical' && !begins) return false;
  return areBelow(elements, `${firstPath(env, 'differential').split('.', 1)[0]}.`);
}

function allElements(self: NativeItem, env: NativeEnvironment): JsonObject[] {
  if (!isObject(self) || self instanceof BarePrimitive) return [];
  const { snapshot, differential } = self;
  return [...objectsOf(snapshot, 'element', env), ...objectsOf(differential, 'element', env)];
}

/** sdf-9: elements that no dot is in the path of have no label, code or requirements. */
const haveBareRoots: DefinitionRule = (env, self) =>
  allElements(self, env).every(
    element =>
      typeof element['path'] !== 'string' ||
      element['path'].includes('.') ||
      !(isThere(element, 'label') || isThere(element, 'code') || isThere(element, 'requirements')),
  );

/** sdf-23: elements that no dot is in the path of have no slice name. */
const haveUnslicedRoots: DefinitionRule = (env, self) =>
  allElements(self, env).every(element => textOrNone(element['path']).includes('.') || !isThere(element, 'sliceName'));

/** ig-1: each resource is in a grouping that there is. */
function areInGroupings(env: NativeEnvironment, self: NativeItem): boolean {
  const ids = objectsOf(self, 'grouping', env).map(({ id }) => id);
  const groupings = new Set(ids.filter(id => id !== undefined));
  return objectsOf(self, 'resource', env).every(
    resource => !isThere(resource, 'groupingId') || groupings.has(resource['groupingId']!),
  );
}

/** ig-2: resources are of versions that the guide is of. */
function areOfVersions(env: NativeEnvironment, self: NativeItem): boolean {
  const versions = isObject(self) ? itemsOf(self['fhirVersion']) : [];
  const known = new Set(versions.map(version => itemKey(version)));
  const definition = isObject(self) ? self['definition'] : undefined;
  return objectsOf(definition, 'resource', env).every(resource => {
    const asked = itemsOf(resource['fhirVersion']);
    env.run.spend(asked.length);
    return asked.every(version => known.has(itemKey(version)));
  });
}

/** By key and expression as it is published, and the type that it is of. */
export const DEFINITION_RULES: readonly (readonly [string, string, DefinitionRule, string])[] = [
  [
    'sdf-8',
    "(%resource.kind = 'logical' or element.first().path = %resource.type) and element.tail().all(path.startsWith(%resource.snapshot.element.first().path&'.'))",
    isOneTree,
    'StructureDefinition.snapshot',
  ],
  [
    'sdf-8a',
    String.raw`(%resource.kind = 'logical' or element.first().path.startsWith(%resource.type)) and (element.tail().empty() or element.tail().all(path.startsWith(%resource.differential.element.first().path.replaceMatches('\\..*','')&'.')))`,
    isInOneTree,
    'StructureDefinition.differential',
  ],
  [
    'sdf-9',
    "children().element.where(path.contains('.').not()).label.empty() and children().element.where(path.contains('.').not()).code.empty() and children().element.where(path.contains('.').not()).requirements.empty()",
    haveBareRoots,
    'StructureDefinition',
  ],
  [
    'sdf-23',
    "(snapshot | differential).element.all(path.contains('.').not() implies sliceName.empty())",
    haveUnslicedRoots,
    'StructureDefinition',
  ],
  [
    'ig-1',
    'resource.groupingId.all(%context.grouping.id contains $this)',
    areInGroupings,
    'ImplementationGuide.definition',
  ],
  [
    'ig-2',
    'definition.resource.fhirVersion.all(%context.fhirVersion contains $this)',
    areOfVersions,
    'ImplementationGuide',
  ],
];
