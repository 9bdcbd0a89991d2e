/**
 * FHIRPath Patch: https://hl7.org/fhir/R4/fhirpatch.html. Paths are evaluated by fhirpath.js, which tells for every element
 * where it stands; the changes are made on a tree that keeps the digits of numbers.
 *
 * Choices: paths may use navigation, indexes and the functions below, nothing that walks the whole tree or repeats itself;
 * a path that means several elements is refused, for a list (insert, move) they must be its items; a path to an absent
 * list means the empty list of its parent. What elements a type has is the validator's business, afterwards.
 */
import { createRequire } from 'node:module';
import type * as Fhirpath from 'fhirpath';
import type { Definitions } from './definitions.js';
import { box, Digits, type Tree, unbox } from './digits.js';
import { FhirError } from './error.js';
import { MAX_OPERATIONS, prune } from './json-patch.js';
import type { Decimals, Json, JsonObject, Resource } from './resource.js';

const MAX_PATH = 1000;
const FUNCTIONS = new Set(
  'where exists not empty first last tail skip take single count ofType as is extension hasValue contains startsWith endsWith lower upper length all iif today now'.split(
    ' ',
  ),
);

type TreeObject = { [key: string]: Tree };
type Key = string | number;

interface Operation {
  readonly type: string;
  readonly path: string;
  readonly name?: string;
  readonly value?: Value;
  readonly index?: number;
  readonly source?: number;
  readonly destination?: number;
}

/** A value of the patch; `type` as in value[x]: `CodeableConcept`; undefined: anonymous parts or a resource. */
interface Value {
  readonly tree: Tree | undefined;
  /** Id and extensions of a primitive. */
  readonly beside?: Tree;
  readonly type?: string;
  readonly parts?: readonly TreeObject[];
}

const malformed = (at: number, message: string): FhirError =>
  new FhirError('invalid', message, { expression: `Parameters.parameter[${at}]`, detail: 'bad-patch' });

/** The patched resource. `parameters`: a valid Parameters. Throws `invalid`, `unprocessable`, `too-large`. */
export function applyFhirPathPatch(
  given: { readonly resource: Resource; readonly decimals: Decimals | undefined },
  patch: { readonly resource: Resource; readonly decimals: Decimals | undefined },
  definitions: Definitions,
): { readonly resource: Resource; readonly decimals: Decimals | undefined } {
  const tree = box(given.resource, given.decimals) as TreeObject;
  const parameters = (box(patch.resource, patch.decimals) as TreeObject)['parameter'];
  const list = Array.isArray(parameters) ? (parameters as TreeObject[]) : [];
  if (list.length > MAX_OPERATIONS)
    throw new FhirError('too-large', `A patch may have ${MAX_OPERATIONS} operations at most.`, {
      expression: 'Parameters.parameter',
    });
  const thinned = new Set<Tree[] | TreeObject>();
  let plain: Resource = given.resource;
  for (const [at, parameter] of list.entries()) {
    apply(tree, plain, readOperation(parameter, at), at, definitions, thinned);
    plain = unbox(tree).value as Resource;
  }
  const { value, decimals } = unbox(prune(tree, thinned) ?? tree);
  return { resource: value as Resource, decimals };
}

function readOperation(parameter: TreeObject, at: number): Operation {
  if (parameter['name'] !== 'operation')
    throw malformed(at, 'The parameters of a FHIRPath Patch are called operation.');
  const parts = Array.isArray(parameter['part']) ? (parameter['part'] as TreeObject[]) : [];
  const found: Record<string, unknown> = {};
  for (const part of parts) {
    const name = nameOf(part);
    if (!['type', 'path', 'name', 'value', 'index', 'source', 'destination'].includes(name))
      throw malformed(at, 'An operation has the parts type, path, name, value, index, source and destination.');
    if (name in found) throw malformed(at, `An operation has the part ${name} once.`);
    const value = readValue(part, at);
    found[name] = name === 'value' ? value : value.tree;
  }
  const { type, path } = found;
  if (typeof type !== 'string' || typeof path !== 'string') throw malformed(at, 'An operation needs type and path.');
  const needs = (NEEDS as Partial<Record<string, readonly string[]>>)[type];
  if (!needs) throw malformed(at, 'The type of an operation is add, insert, delete, replace or move.');
  for (const name of needs) {
    const part = found[name];
    const right =
      name === 'value' ? part !== undefined : name === 'name' ? typeof part === 'string' : Number.isInteger(part);
    if (!right) throw malformed(at, `An operation of type ${type} needs ${needs.join(' and ')}.`);
  }
  return found as unknown as Operation;
}

const NEEDS = {
  add: ['name', 'value'],
  insert: ['index', 'value'],
  delete: [],
  replace: ['value'],
  move: ['source', 'destination'],
} as const satisfies Record<string, readonly string[]>;

function readValue(part: TreeObject, at: number): Value {
  if (part['resource'] !== undefined) return { tree: part['resource'] };
  if (Array.isArray(part['part'])) return { tree: undefined, parts: part['part'] as TreeObject[] };
  const key = Object.keys(part)
    .find(name => /^_?value[A-Z]/.test(name))
    ?.replace(/^_/, '');
  if (key === undefined) throw malformed(at, 'A part needs a value, parts or a resource.');
  const beside = part[`_${key}`];
  return { tree: part[key], type: key.slice(5), ...(beside === undefined ? {} : { beside }) };
}

const nameOf = ({ name }: TreeObject): string => (typeof name === 'string' ? name : '');

/** Where an element stands. */
interface Spot {
  readonly parent: TreeObject;
  /** Type whose element it is. */
  readonly owner: string;
  readonly key: string;
  readonly index?: number;
}

function apply(
  tree: TreeObject,
  plain: Resource,
  operation: Operation,
  at: number,
  definitions: Definitions,
  thinned: Set<Tree[] | TreeObject>,
): void {
  const fail = (message: string, detail = 'patch-path') =>
    new FhirError('unprocessable', `Operation ${at} of the patch cannot be carried out: ${message}`, {
      expression: `Parameters.parameter[${at}]`,
      detail,
    });
  const locations = evaluate(plain, operation.path, at);
  const spot = (keys: readonly Key[]): Spot => {
    let parent: Tree = tree;
    let owner = plain.resourceType;
    const last = typeof keys.at(-1) === 'number' ? -2 : -1;
    for (const key of keys.slice(0, last)) {
      parent = (parent as TreeObject)[key]!;
      if (typeof key === 'string') owner = typeOf(definitions, owner, key, undefined);
      const own = isObject(parent) ? parent['resourceType'] : undefined;
      if (typeof own === 'string') owner = own;
    }
    const index = keys.at(-1);
    const key = keys.at(last) as string;
    return { parent: parent as TreeObject, owner, key, ...(typeof index === 'number' ? { index } : {}) };
  };
  const one = (): Spot => {
    const [keys, another] = locations;
    if (!keys) throw fail('its path means nothing in this resource.');
    if (another) throw fail('its path means several elements.');
    if (keys.length === 0) throw fail('its path means the whole resource.');
    return spot(keys);
  };
  switch (operation.type) {
    case 'add': {
      const [keys, another] = locations;
      if (!keys) throw fail('its path means nothing in this resource.');
      if (another) throw fail('its path means several elements.');
      const here = keys.length === 0 ? undefined : spot(keys);
      const target: Tree = keys.reduce<Tree>((value, key) => (value as TreeObject)[key]!, tree);
      if (!isObject(target)) throw fail('an element cannot be added to a primitive value.');
      const own = target['resourceType'];
      const type =
        typeof own === 'string'
          ? own
          : here
            ? typeOf(definitions, here.owner, here.key, undefined)
            : plain.resourceType;
      addTo(target, type, operation, definitions, fail);
      return;
    }
    case 'delete': {
      if (locations.length === 0) return;
      const { parent, key, index } = one();
      for (const name of [key, `_${key}`]) {
        if (parent[name] === undefined) continue;
        if (index !== undefined && Array.isArray(parent[name])) {
          parent[name].splice(index, 1);
          thinned.add(parent[name]);
        } else delete parent[name];
      }
      thinned.add(parent);
      return;
    }
    case 'replace': {
      const { parent, owner, key, index } = one();
      const element = definitions.property(owner, key)?.element;
      const { type } = operation.value!;
      const next = element?.choice && type !== undefined ? element.name + type : key;
      const value = valueOf(operation.value!, typeOf(definitions, owner, next, type), definitions, fail);
      if (next !== key) {
        delete parent[key];
        delete parent[`_${key}`];
      }
      setAt(parent, next, index, value, operation.value!.beside);
      return;
    }
    default: {
      const { parent, owner, key } = listOf(locations, spot, plain, operation.path, at, fail);
      const items = Array.isArray(parent[key]) ? parent[key] : [];
      const beside = Array.isArray(parent[`_${key}`]) ? (parent[`_${key}`] as Tree[]) : undefined;
      const inside = (index: number, most: number) => {
        if (index < 0 || index > most) throw fail('the index is none of the list.', 'patch-index');
      };
      if (operation.type === 'move') {
        inside(operation.source!, items.length - 1);
        inside(operation.destination!, items.length - 1);
        for (const list of [items, beside]) {
          if (!list) continue;
          while (list.length < items.length) list.push(null);
          list.splice(operation.destination!, 0, ...list.splice(operation.source!, 1));
        }
        return;
      }
      inside(operation.index!, items.length);
      items.splice(
        operation.index!,
        0,
        valueOf(operation.value!, typeOf(definitions, owner, key, operation.value!.type), definitions, fail),
      );
      if (beside && beside.length > operation.index!)
        beside.splice(operation.index!, 0, operation.value!.beside ?? null);
      parent[key] = items;
    }
  }
}

type Fail = (message: string, detail?: string) => FhirError;
const isObject = (value: Tree | undefined): value is TreeObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Digits);

/** Appends to a list, or sets what is not there yet. */
function addTo(
  target: TreeObject,
  type: string,
  { name, value }: Operation,
  definitions: Definitions,
  fail: Fail,
): void {
  const choice = definitions.types.get(type)?.elements.find(element => element.choice && element.name === name);
  const key = choice && value!.type !== undefined ? name! + value!.type : name!;
  if (choice?.types.some(each => target[name! + each.code[0]!.toUpperCase() + each.code.slice(1)] !== undefined))
    throw fail('the element has a value already.', 'patch-exists');
  const many = (definitions.property(type, key)?.element.max ?? 1) !== 1;
  const made = valueOf(value!, typeOf(definitions, type, key, value!.type), definitions, fail);
  const there = target[key];
  if (!many) {
    if (there !== undefined) throw fail('the element has a value already.', 'patch-exists');
    setAt(target, key, undefined, made, value!.beside);
    return;
  }
  const items = Array.isArray(there) ? there : [];
  target[key] = items;
  setAt(target, key, items.length, made, value!.beside);
}

function setAt(
  parent: TreeObject,
  key: string,
  index: number | undefined,
  value: Tree,
  beside: Tree | undefined,
): void {
  const sibling = `_${key}`;
  if (index === undefined) {
    parent[key] = value;
    if (beside !== undefined) parent[sibling] = beside;
    else delete parent[sibling];
    return;
  }
  (parent[key] as Tree[])[index] = value;
  if (beside === undefined && !Array.isArray(parent[sibling])) return;
  const list = Array.isArray(parent[sibling]) ? parent[sibling] : [];
  while (list.length < index) list.push(null);
  list[index] = beside ?? null;
  parent[sibling] = list;
}

/** Type that holds the children of an element. */
function typeOf(definitions: Definitions, owner: string, key: string, type: string | undefined): string {
  const property = definitions.property(owner, key);
  return property?.element.children ?? (property?.type ?? property?.element.types[0])?.code ?? type ?? '';
}

/** The value as JSON; an anonymous one is made of its parts. */
function valueOf({ tree, parts }: Value, type: string, definitions: Definitions, fail: Fail): Tree {
  if (!parts) {
    if (tree === undefined) throw fail('its value has no content.', 'patch-value');
    return tree;
  }
  const made: TreeObject = {};
  for (const part of parts)
    addTo(made, type, { type: 'add', path: '', name: nameOf(part), value: readValue(part, 0) }, definitions, fail);
  return made;
}

/** The list that a path means: that of its items, or where there are none, an absent element of its parent. */
function listOf(
  locations: readonly (readonly Key[])[],
  spot: (keys: readonly Key[]) => Spot,
  plain: Resource,
  path: string,
  at: number,
  fail: Fail,
): Spot {
  const [first] = locations;
  if (first) {
    const list = JSON.stringify(first.slice(0, -1));
    if (typeof first.at(-1) !== 'number' || locations.some(keys => JSON.stringify(keys.slice(0, -1)) !== list))
      throw fail('its path does not mean a list.');
    return spot(first);
  }
  const name = /^(.+)\.([A-Za-z]\w*)$/s.exec(path);
  const [parent, another] = name ? evaluate(plain, name[1]!, at) : [];
  if (!name || !parent || another) throw fail('its path does not mean a list.');
  return spot([...parent, name[2]!]);
}

interface Node {
  readonly parentResNode: Node | null;
  readonly propName: string | null;
  readonly index: number | null;
  readonly data: unknown;
}

let engine: { readonly fhirpath: typeof Fhirpath; readonly model: Fhirpath.Model } | undefined;

function loadEngine() {
  const require = createRequire(import.meta.url);
  engine ??= {
    fhirpath: require('fhirpath') as typeof Fhirpath,
    model: require('fhirpath/fhir-context/r4') as Fhirpath.Model,
  };
  return engine;
}

/** Keys from the resource down to each element that the path means. */
function evaluate(resource: Resource, path: string, at: number): readonly (readonly Key[])[] {
  if (path.length > MAX_PATH) throw malformed(at, `A path has ${MAX_PATH} characters at most.`);
  const unknown = [...path.replaceAll(/'(?:[^'\\]|\\.)*'/g, "''").matchAll(/([A-Za-z]\w*)\s*\(/g)].find(
    ([, name]) => !FUNCTIONS.has(name!),
  );
  if (unknown) throw malformed(at, `A path may use these functions: ${[...FUNCTIONS].join(', ')}.`);
  const { fhirpath, model } = loadEngine();
  let nodes: readonly unknown[];
  try {
    // `div` is an operator of FHIRPath and the element of every narrative.
    nodes = fhirpath.evaluate(resource, path.replaceAll(/\.div\b/g, '.`div`'), undefined, model, {
      resolveInternalTypes: false,
      traceFn: () => undefined,
      async: false,
    }) as unknown[];
  } catch {
    throw malformed(at, 'The path is no FHIRPath expression that can be evaluated.');
  }
  return nodes.map(node => {
    const keys: Key[] = [];
    for (let here = node as Node; here.parentResNode; here = here.parentResNode) {
      if (here.propName === null)
        throw malformed(at, 'The path must mean elements of the resource, not a computed value.');
      keys.unshift(
        ...(here.index === null || here.index === undefined ? [here.propName] : [here.propName, here.index]),
      );
    }
    if (typeof node !== 'object' || node === null || !('parentResNode' in node))
      throw malformed(at, 'The path must mean elements of the resource, not a computed value.');
    return spelled(resource, keys);
  });
}

/** Keys as JSON has them: fhirpath.js calls every choice by its first name, `value`. */
function spelled(resource: Resource, keys: readonly Key[]): readonly Key[] {
  let here: Json = resource;
  return keys.map(key => {
    const parent = here as JsonObject;
    const name =
      typeof key === 'number' || key in parent
        ? key
        : (Object.keys(parent).find(each => each.startsWith(key) && /^[A-Z]/.test(each.slice(key.length))) ?? key);
    here = parent[name] ?? null;
    return name;
  });
}
