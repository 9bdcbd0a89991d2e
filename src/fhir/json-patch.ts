/**
 * JSON Patch: https://www.rfc-editor.org/rfc/rfc6902, with the pointers of https://www.rfc-editor.org/rfc/rfc6901
 *
 * Choices: a document that is no patch is `invalid`; one that cannot be carried out (a `test` that fails, a place that is not
 * there) is `unprocessable` and says which operation. FHIR has no empty arrays and objects, so what removals left empty is
 * dropped in the end. Copies are counted, because copies of copies grow without limit.
 */
import { Digits, define, type Tree } from './digits.js';
import { FhirError } from './error.js';

export const MAX_OPERATIONS = 1000;
/** Characters that all copies of a patch may add. */
const MAX_COPIED = 32 * 1024 * 1024;

type Container = Tree[] | { [key: string]: Tree };
type Fail = (message: string, detail: string) => FhirError;

interface State {
  root: Tree;
  copied: number;
  /** What something was removed from. */
  readonly thinned: Set<Container>;
}

/** The patched document; the one given may have been changed, too. Throws `invalid`, `unprocessable`, `too-large`. */
export function applyJsonPatch(document: Tree, patch: Tree): Tree {
  if (!Array.isArray(patch)) throw malformed('A JSON Patch must be an array of operations.');
  if (patch.length > MAX_OPERATIONS)
    throw new FhirError('too-large', `A patch may have ${MAX_OPERATIONS} operations at most.`, {
      expression: 'http.body',
    });
  const state: State = { root: document, copied: 0, thinned: new Set() };
  patch.forEach((operation, at) => apply(state, operation, at));
  return prune(state.root, state.thinned) ?? state.root;
}

const malformed = (message: string): FhirError =>
  new FhirError('invalid', message, { expression: 'http.body', detail: 'bad-patch' });

const isObject = (value: Tree | undefined): value is { [key: string]: Tree } =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Digits);
const isContainer = (value: Tree | undefined): value is Container => Array.isArray(value) || isObject(value);

function apply(state: State, operation: Tree, at: number): void {
  const name = `Operation ${at} of the patch`;
  if (!isObject(operation)) throw malformed(`${name} must be an object.`);
  const fail: Fail = (message, detail) =>
    new FhirError('unprocessable', `${name} cannot be carried out: ${message}`, { expression: `patch[${at}]`, detail });
  const pointer = (key: string): string[] => {
    const text = Object.hasOwn(operation, key) ? operation[key] : undefined;
    if (typeof text !== 'string') throw malformed(`${name} needs ${key}, a JSON Pointer.`);
    return parsePointer(text, name);
  };
  const value = (): Tree => {
    if (!Object.hasOwn(operation, 'value')) throw malformed(`${name} needs a value.`);
    return copy(state, operation['value']!);
  };
  const path = pointer('path');
  switch (operation['op']) {
    case 'add':
      return add(state, path, value(), fail);
    case 'remove':
      return void remove(state, path, fail);
    case 'replace': {
      const next = value();
      get(state.root, path, fail);
      if (path.length === 0) state.root = next;
      else replace(state, path, next, fail);
      return;
    }
    case 'move': {
      const from = pointer('from');
      if (path.length > from.length && from.every((token, i) => token === path[i]))
        throw fail('a value cannot be moved into itself.', 'patch-path');
      const moved = from.length === 0 ? get(state.root, from, fail) : remove(state, from, fail);
      return add(state, path, moved, fail);
    }
    case 'copy':
      return add(state, path, copy(state, get(state.root, pointer('from'), fail)), fail);
    case 'test':
      if (!equal(get(state.root, path, fail), value())) throw fail('the test failed.', 'patch-test-failed');
      return;
    default:
      throw malformed(`${name} needs op: add, remove, replace, move, copy or test.`);
  }
}

/** Reference tokens of a pointer. */
function parsePointer(text: string, name: string): string[] {
  if (text === '') return [];
  if (!text.startsWith('/') || /~(?![01])/.test(text))
    throw malformed(
      `${name} has a pointer that is none: it starts with a slash, and a tilde stands before 0 or 1 only.`,
    );
  return text
    .slice(1)
    .split('/')
    .map(token => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

const INDEX = /^(?:0|[1-9]\d{0,8})$/;
const missing = (fail: Fail) => fail('there is nothing at the place that it names.', 'patch-path');

function step(container: Tree, token: string): Tree | undefined {
  if (Array.isArray(container)) return INDEX.test(token) ? container[Number(token)] : undefined;
  return isObject(container) && Object.hasOwn(container, token) ? container[token] : undefined;
}

function get(root: Tree, path: readonly string[], fail: Fail): Tree {
  let at: Tree = root;
  for (const token of path) {
    const next = step(at, token);
    if (next === undefined) throw missing(fail);
    at = next;
  }
  return at;
}

function parentOf(root: Tree, path: readonly string[], fail: Fail): [Container, string] {
  const parent = get(root, path.slice(0, -1), fail);
  if (!isContainer(parent)) throw missing(fail);
  return [parent, path.at(-1)!];
}

function add(state: State, path: readonly string[], value: Tree, fail: Fail): void {
  if (path.length === 0) {
    state.root = value;
    return;
  }
  const [parent, token] = parentOf(state.root, path, fail);
  if (!Array.isArray(parent)) return define(parent, token, value);
  const index = token === '-' ? parent.length : INDEX.test(token) ? Number(token) : Infinity;
  if (index > parent.length) throw fail('the index is none of the array.', 'patch-path');
  parent.splice(index, 0, value);
}

function remove(state: State, path: readonly string[], fail: Fail): Tree {
  if (path.length === 0) throw fail('the whole resource cannot be removed.', 'patch-path');
  const [parent, token] = parentOf(state.root, path, fail);
  const value = step(parent, token);
  if (value === undefined) throw missing(fail);
  if (Array.isArray(parent)) parent.splice(Number(token), 1);
  else delete parent[token];
  state.thinned.add(parent);
  return value;
}

function replace(state: State, path: readonly string[], value: Tree, fail: Fail): void {
  const [parent, token] = parentOf(state.root, path, fail);
  if (Array.isArray(parent)) parent[Number(token)] = value;
  else define(parent, token, value);
}

function copy(state: State, value: Tree): Tree {
  state.copied += typeof value === 'string' ? value.length + 8 : 16;
  if (state.copied > MAX_COPIED)
    throw new FhirError('too-large', 'The patch makes the resource too large.', { expression: 'http.body' });
  if (Array.isArray(value)) return value.map(item => copy(state, item));
  if (!isObject(value)) return value;
  const made: { [key: string]: Tree } = {};
  for (const [key, inner] of Object.entries(value)) define(made, key, copy(state, inner));
  return made;
}

/** https://www.rfc-editor.org/rfc/rfc6902#section-4.6: numbers by value, objects without order. */
function equal(a: Tree, b: Tree): boolean {
  const [x, y] = [a, b].map(item => (item instanceof Digits ? item.value : item)) as [Tree, Tree];
  if (Array.isArray(x) || Array.isArray(y))
    return Array.isArray(x) && Array.isArray(y) && x.length === y.length && x.every((item, i) => equal(item, y[i]!));
  if (!isObject(x) || !isObject(y)) return x === y;
  const keys = Object.keys(x);
  return keys.length === Object.keys(y).length && keys.every(key => Object.hasOwn(y, key) && equal(x[key]!, y[key]!));
}

/** Drops containers that removals left empty, inside out; undefined: nothing is left. */
export function prune(value: Tree, thinned: Set<Container>): Tree | undefined {
  if (!isContainer(value) || thinned.size === 0) return value;
  if (Array.isArray(value)) {
    for (let i = value.length - 1; i >= 0; i--)
      if (prune(value[i]!, thinned) === undefined) {
        value.splice(i, 1);
        thinned.add(value);
      }
  } else
    for (const [key, inner] of Object.entries(value))
      if (prune(inner, thinned) === undefined) {
        delete value[key];
        thinned.add(value);
      }
  return Object.keys(value).length === 0 && thinned.has(value) ? undefined : value;
}
