/**
 * JSON Patch: https://www.rfc-editor.org/rfc/rfc6902, with JSON Pointer: https://www.rfc-editor.org/rfc/rfc6901. It knows JSON
 * alone: `given` and `_given` are two arrays to it, and whoever removes an item from one must do so from the other.
 *
 * Choices: the whole patch is read before any of it is applied: what is no patch is `invalid`, what does not fit the
 * document `unprocessable`. The document itself cannot be removed. Containers that a patch emptied are dropped when it
 * is through (document.ts). Copies may grow a document by 16 MB.
 */
import {
  areEqual,
  copyOf,
  Digits,
  fold,
  isMembers,
  type Members,
  type Node,
  type Patched,
  prune,
  unfold,
  type Value,
} from '../json/document.js';
import { FhirError } from '../error.js';
import { malformedPatch, operationsIn, placed } from './operations.js';

type Pointer = readonly string[];
type JsonPatchOperation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: Pointer; readonly value: Node }
  | { readonly op: 'remove'; readonly path: Pointer }
  | { readonly op: 'move' | 'copy'; readonly from: Pointer; readonly path: Pointer };

/** Characters that `copy` may add. */
const MAX_GROWTH = 16 * 1024 * 1024;

/** Throws FhirError: `invalid`, `too-costly` for the patch itself; `unprocessable`, `too-large` where it does not fit. */
export function applyJsonPatch(document: Value, patch: Value): Patched {
  const operations = readJsonPatchOperations(unfold(patch));
  const state: State = { root: unfold(document), emptied: new Set(), growth: 0 };
  operations.forEach((operation, at) => {
    try {
      applyJsonPatchOperation(state, operation);
    } catch (error) {
      throw placed(error, `Operation ${at} (${operation.op})`);
    }
  });
  prune(state.root, state.emptied);
  return fold(state.root);
}

const nowhere = (why: string) => new FhirError('unprocessable', why, { detail: 'patch-path' });

function readJsonPatchOperations(patch: Node): JsonPatchOperation[] {
  return operationsIn(patch, 'A JSON Patch is an array of operations.').map((item, at) => {
    try {
      return readJsonPatchOperation(item);
    } catch (error) {
      throw placed(error, `Operation ${at}`);
    }
  });
}

function readJsonPatchOperation(item: Node): JsonPatchOperation {
  if (!isMembers(item)) throw malformedPatch('It must be an object.');
  const { op, value } = item;
  const path = readPointer(item, 'path');
  switch (op) {
    case 'add':
    case 'replace':
    case 'test':
      if (value === undefined) throw malformedPatch('It needs a value.');
      return { op, path, value };
    case 'remove':
      return { op, path };
    case 'move':
    case 'copy': {
      const from = readPointer(item, 'from');
      if (op === 'move' && from.length < path.length && from.every((token, at) => token === path[at]))
        throw malformedPatch('Nothing can be moved into itself.');
      return { op, from, path };
    }
    default:
      throw malformedPatch('Its op must be add, remove, replace, move, copy or test.');
  }
}

function readPointer(item: Members, name: 'path' | 'from'): Pointer {
  const text = item[name];
  if (typeof text !== 'string' || !/^(?:\/(?:[^~/]|~[01])*)*$/.test(text))
    throw malformedPatch(`It needs a ${name} that is a JSON Pointer, like /name/0/given.`);
  return text
    .split('/')
    .slice(1)
    .map(token => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

interface State {
  root: Node;
  /** Containers that something was taken from. */
  readonly emptied: Set<object>;
  growth: number;
}

function applyJsonPatchOperation(state: State, operation: JsonPatchOperation): void {
  const { path } = operation;
  switch (operation.op) {
    case 'add':
      return add(state, path, operation.value);
    case 'replace':
      return replace(state, path, operation.value);
    case 'remove':
      remove(state, path);
      return;
    case 'move':
      return add(state, path, remove(state, operation.from));
    case 'copy':
      return add(state, path, copyOf(find(state, operation.from), spendIn(state)));
    case 'test':
      if (areEqual(find(state, path), operation.value)) return;
      throw new FhirError('unprocessable', 'What is there is not what the test expects.', { detail: 'patch-test' });
  }
}

const spendIn = (state: State) => (characters: number) => {
  state.growth += characters;
  if (state.growth > MAX_GROWTH)
    throw new FhirError('too-large', 'The copies of this patch would make the resource too large.');
};

function find({ root }: State, path: Pointer): Node {
  let node = root;
  for (const token of path) {
    const next = Array.isArray(node) ? node[indexIn(node, token)] : isMembers(node) ? node[token] : undefined;
    if (next === undefined) throw nowhere('The pointer leads nowhere in this resource.');
    node = next;
  }
  return node;
}

/** The container that a pointer ends in, and its last token. */
function split(state: State, path: Pointer): { parent: Node[] | Members; token: string } {
  const parent = find(state, path.slice(0, -1));
  if (typeof parent !== 'object' || parent === null || parent instanceof Digits)
    throw nowhere('The pointer leads into a value that has no members.');
  return { parent, token: path.at(-1)! };
}

/** -1 for what is no index, or none that may be used: `most` is the highest. */
function indexIn(list: readonly Node[], token: string, most = list.length - 1): number {
  const index = /^(?:0|[1-9]\d{0,9})$/.test(token) ? Number(token) : -1;
  return index <= most ? index : -1;
}

function add(state: State, path: Pointer, value: Node): void {
  if (path.length === 0) {
    state.root = value;
    return;
  }
  const { parent, token } = split(state, path);
  if (!Array.isArray(parent)) {
    parent[token] = value;
    return;
  }
  const index = token === '-' ? parent.length : indexIn(parent, token, parent.length);
  if (index < 0) throw nowhere('The array has no such index.');
  parent.splice(index, 0, value);
}

function replace(state: State, path: Pointer, value: Node): void {
  find(state, path);
  if (path.length === 0) {
    state.root = value;
    return;
  }
  const { parent, token } = split(state, path);
  if (Array.isArray(parent)) parent[indexIn(parent, token)] = value;
  else parent[token] = value;
}

function remove(state: State, path: Pointer): Node {
  const node = find(state, path);
  if (path.length === 0) throw nowhere('The whole resource cannot be removed by a patch: delete it.');
  const { parent, token } = split(state, path);
  if (Array.isArray(parent)) parent.splice(indexIn(parent, token), 1);
  else delete parent[token];
  state.emptied.add(parent);
  return node;
}
