/**
 * Explains why the gate refused a resource: walks it along the definitions and gives one issue per fault, in document
 * order, linear in its size and at most 50. https://hl7.org/fhir/R4/validation.html, aspects structure,
 * cardinality and value domain; https://hl7.org/fhir/R4/json.html
 *
 * Codes: unknown, empty or of the wrong shape → `structure`; missing → `required`; not of the form or range of its type
 * → `value`; not in the required code list → `code-invalid`. Texts name elements and allowed codes, never a value.
 * `detail` says which rule it is: what follows from it for other checks is told by `without.ts`.
 */
import type { Definitions, ElementDefinition, TypeDefinition } from '../../fhir/definitions.js';
import type { Issue } from '../../fhir/error.js';
import { type Decimals, isObject, type JsonObject, type Resource } from '../../fhir/resource.js';
import { nearest } from '../../platform/nearest.js';
import { haveOwnIds, isOneOrOther, MAX_NESTED_RESOURCES } from './checks.js';
import { faultOfPrimitive } from './primitive.js';
import { STRUCTURE_CODES, type StructureRule } from './structure-rule.js';
import { hasSibling, isRepeating, propertyName } from './shape.js';

/** Faults that are told at most; where there are as many nobody knows what the others are. */
export const MAX_STRUCTURE_ISSUES = 50;
/** Names that a text may repeat: those that could be an element's. */
const PLAIN_NAME = /^_?[A-Za-z][A-Za-z0-9]{0,63}$/;

/** What the walk knows, and what it has found. */
interface FaultWalk {
  readonly definitions: Definitions;
  /** Number literals that do not survive parsing. */
  readonly decimals: Decimals | undefined;
  readonly issues: Issue[];
}

/** One property of an object, as the definitions know it. */
interface PropertyPlace {
  /** The type that has the element. */
  readonly owner: TypeDefinition;
  readonly element: ElementDefinition;
  /** The type of the value: of a choice, the one that the name of the property says. */
  readonly code: string;
  /** FHIRPath to the element, for issues. */
  readonly expression: string;
  /** Resources around it. */
  readonly depth: number;
}

/** The faults of a resource; empty where there are none. */
export function explainFaults(resource: Resource, definitions: Definitions, decimals?: Decimals): Issue[] {
  const walk: FaultWalk = { definitions, decimals, issues: [] };
  walkResource(walk, resource, '', 0, false);
  return walk.issues;
}

function reportFault({ issues }: FaultWalk, detail: StructureRule, expression: string, text: string): void {
  if (issues.length < MAX_STRUCTURE_ISSUES)
    issues.push({ severity: 'error', code: STRUCTURE_CODES[detail], text, expression, detail });
}

const isFull = ({ issues }: FaultWalk): boolean => issues.length >= MAX_STRUCTURE_ISSUES;

function walkResource(walk: FaultWalk, value: unknown, path: string, depth: number, contained: boolean): void {
  if (!isObject(value)) return reportFault(walk, 'element-form', path, 'A resource must be an object.');
  const { types, resourceTypes } = walk.definitions;
  const name: unknown = value['resourceType'];
  const type = typeof name === 'string' ? types.get(name) : undefined;
  const at = path === '' ? 'Resource' : path;
  if (name === undefined) return reportFault(walk, 'element-missing', `${at}.resourceType`, 'resourceType is missing.');
  if (typeof name !== 'string' || type?.kind !== 'resource' || type.abstract) {
    const advice = typeof name === 'string' ? nearestName(name, resourceTypes) : '';
    return reportFault(walk, 'resource-type', `${at}.resourceType`, `resourceType is not a type of R4${advice}.`);
  }
  if (depth > MAX_NESTED_RESOURCES)
    return reportFault(walk, 'resource-nesting', path, 'Resources are nested too deeply.');
  if (contained && value['contained'] !== undefined)
    reportFault(walk, 'resource-nesting', `${path}.contained`, 'A contained resource must not contain others.');
  return walkObject(walk, value, type, path === '' ? name : path, depth);
}

function walkObject(walk: FaultWalk, value: unknown, type: TypeDefinition, path: string, depth: number): void {
  if (!isObject(value)) return reportFault(walk, 'element-form', path, `${lastName(path)} must be an object.`);
  const keys = Object.keys(value);
  if (keys.length === 0) return reportFault(walk, 'element-empty', path, `${lastName(path)} must not be empty.`);
  const chosen = new Map<ElementDefinition, string>();
  for (const key of keys) {
    if (isFull(walk)) return;
    if (key === 'resourceType' && type.kind === 'resource') continue;
    const place = propertyPlace(walk, key, type, path, depth);
    if (!place) {
      reportFault(walk, 'element-unknown', path, faultOfUnknown(type, key));
      continue;
    }
    if (place.element.choice) checkChoice(walk, place, key, chosen);
    walkElement(walk, value, key, place);
  }
  walkRules(walk, value, type, path);
}

/** Undefined where the type has no property of this name. */
function propertyPlace(
  { definitions }: FaultWalk,
  key: string,
  owner: TypeDefinition,
  path: string,
  depth: number,
): PropertyPlace | undefined {
  const sibling = key.startsWith('_');
  const found = definitions.property(owner.name, sibling ? key.slice(1) : key);
  if (!found) return undefined;
  const { element } = found;
  const code = (found.type ?? element.types[0])?.code ?? '';
  if (sibling && !hasSibling(owner.name, element, definitions.types.get(code))) return undefined;
  return { owner, element, code, expression: `${path}.${element.name}`, depth };
}

/** `chosen`: the names under which the choices of the object have been met. */
function checkChoice(
  walk: FaultWalk,
  { element, expression }: PropertyPlace,
  key: string,
  chosen: Map<ElementDefinition, string>,
): void {
  const name = key.startsWith('_') ? key.slice(1) : key;
  const before = chosen.get(element);
  if (before !== undefined && before !== name)
    reportFault(walk, 'element-choice', expression, `${element.name}[x] must have one type only.`);
  chosen.set(element, name);
}

function walkElement(walk: FaultWalk, object: JsonObject, key: string, place: PropertyPlace): void {
  const { owner, element, code, expression } = place;
  const sibling = key.startsWith('_');
  if (!isRepeating(element)) {
    if (sibling) walkSibling(walk, object[key], expression);
    else walkValue(walk, object, key, place);
  } else if (hasSibling(owner.name, element, walk.definitions.types.get(code))) {
    // Both halves of the pair are walked at the first of the two keys.
    const name = sibling ? key.slice(1) : key;
    if (!sibling || object[name] === undefined) walkPrimitives(walk, object, name, place);
  } else if (isFilledArray(walk, object[key], expression, key)) {
    const list = object[key];
    list.forEach((_, index) => {
      if (!isFull(walk)) walkValue(walk, list, index, { ...place, expression: `${expression}[${index}]` });
    });
  }
}

/** Required elements, and what concerns several elements at once. */
function walkRules(walk: FaultWalk, value: JsonObject, type: TypeDefinition, path: string): void {
  const { types } = walk.definitions;
  for (const element of type.elements) {
    if (element.min === 0) continue;
    const present = element.types.some(({ code }) => {
      const name = propertyName(element, code);
      const sibling = hasSibling(type.name, element, types.get(code)) ? value[`_${name}`] : undefined;
      return value[name] !== undefined || sibling !== undefined;
    });
    const label = element.choice ? `${element.name}[x]` : element.name;
    if (!present) reportFault(walk, 'element-missing', `${path}.${element.name}`, `${label} is missing.`);
  }
  if (type.name === 'Extension' && !isOneOrOther(value))
    reportFault(walk, 'extension-content', path, 'An extension must have either a value or extensions of its own.');
  if (!haveOwnIds(value['contained']))
    reportFault(walk, 'contained-id', `${path}.contained`, 'Contained resources must have different ids.');
}

/** A repeating primitive and its siblings: `given`, `_given`. */
function walkPrimitives(walk: FaultWalk, object: JsonObject, name: string, place: PropertyPlace): void {
  const { expression } = place;
  const values: unknown = object[name];
  const siblings: unknown = object[`_${name}`];
  if (values !== undefined && !isFilledArray(walk, values, expression, name)) return;
  if (siblings !== undefined && !isFilledArray(walk, siblings, expression, `_${name}`)) return;
  const [count, others] = [values?.length ?? 0, siblings?.length ?? 0];
  if (values && others > count)
    reportFault(walk, 'element-form', expression, `_${name} must not be longer than ${name}.`);
  for (let index = 0; index < Math.max(count, others) && !isFull(walk); index++)
    walkPair(walk, values, siblings?.[index] ?? null, index, { ...place, expression: `${expression}[${index}]` });
}

function walkPair(
  walk: FaultWalk,
  values: readonly unknown[] | undefined,
  sibling: unknown,
  index: number,
  place: PropertyPlace,
): void {
  const value = values?.[index] ?? null;
  if (value === null && sibling === null)
    reportFault(walk, 'element-empty', place.expression, `${place.element.name} has a place without a value.`);
  if (value !== null && values) walkValue(walk, values, index, place);
  if (sibling !== null) walkSibling(walk, sibling, place.expression);
}

function walkSibling(walk: FaultWalk, value: unknown, expression: string): void {
  const element = walk.definitions.types.get('Element');
  if (element) walkObject(walk, value, element, expression, 0);
}

function walkValue(
  walk: FaultWalk,
  holder: object,
  key: string | number,
  { owner, element, code, expression, depth }: PropertyPlace,
): void {
  const value = (holder as Readonly<Record<string | number, unknown>>)[key];
  if (Array.isArray(value) && typeof key === 'string')
    return reportFault(walk, 'element-form', expression, `${element.name} must not be an array.`);
  const { types, codeLists } = walk.definitions;
  if (code === 'Resource')
    return walkResource(walk, value, expression, depth + 1, owner.kind === 'resource' && element.name === 'contained');
  const type = types.get(element.children ?? code);
  if (!type) return undefined;
  if (type.kind !== 'primitive') return walkObject(walk, value, type, expression, depth);
  const fault = faultOfPrimitive(value, type, element, walk.decimals?.get(holder)?.[key], codeLists);
  return fault && reportFault(walk, fault.detail, expression, fault.text);
}

/** The issue says that an element is missing, or that there is one that R4 does not have: what is there is as it should be. */
export const isOfElementsAlone = ({ detail }: Issue): boolean =>
  detail === 'element-missing' || detail === 'element-unknown';

function faultOfUnknown(type: TypeDefinition, key: string): string {
  const names = type.elements.flatMap(element => element.types.map(({ code }) => propertyName(element, code)));
  const name = PLAIN_NAME.test(key) ? ` ${key}` : ' of that name';
  const start = `${type.name} has no property${name}`;
  if (key.startsWith('_') && names.includes(key.slice(1))) return `${start}: this element takes no extensions.`;
  if (type.elements.some(element => element.choice && element.name === key))
    return `${start}: the name of ${key}[x] ends with its type.`;
  return `${start}${nearestName(key, names)}.`;
}

function isFilledArray(walk: FaultWalk, value: unknown, expression: string, name: string): value is readonly unknown[] {
  if (Array.isArray(value) && value.length > 0) return true;
  reportFault(
    walk,
    Array.isArray(value) ? 'element-empty' : 'element-form',
    expression,
    `${name} must ${Array.isArray(value) ? 'not be empty' : 'be an array'}.`,
  );
  return false;
}

/** The last name of a path, without an index. */
const lastName = (path: string): string => path.slice(path.lastIndexOf('.') + 1).replace(/\[\d+\]$/, '');

/** Ends a sentence with the name that was probably meant; empty where none is near. */
function nearestName(name: string, names: readonly string[]): string {
  const meant = nearest(name, names);
  return meant === undefined ? '' : `; did you mean ${meant}`;
}
