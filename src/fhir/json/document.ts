/**
 * A JSON document while a patch changes it. Numbers whose digits matter (`Decimals`) stand in the tree as `Digits`, so
 * that whatever is moved, copied or shifted within an array takes them along; the table is made again at the end.
 *
 * Choices: what a patch emptied is dropped (FHIR has neither empty arrays nor empty objects), with whatever becomes empty by
 * that; what a patch adds empty stays, for validation to refuse. In the arrays beside primitives (`_given`) a dropped
 * item leaves null, so that the others keep their places.
 */
import { FhirError } from '../error.js';
import { MAX_DEPTH, note } from './json.js';
import type { Decimals, Json, JsonObject } from '../resource.js';

/** A number as it was written. */
export class Digits {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Objects have no prototype: `__proto__` is a name like any other. */
export type Members = { [key: string]: Node };
export type Node = string | number | boolean | null | Digits | Node[] | Members;

/** A JSON value with the digits beside it. */
export interface Value {
  readonly value: Json;
  readonly decimals?: Decimals | undefined;
}

/** A document that was patched, with the number of its values. */
export interface Patched extends Value {
  readonly size: number;
}

export const isMembers = (node: Node | undefined): node is Members =>
  typeof node === 'object' && node !== null && !Array.isArray(node) && !(node instanceof Digits);

/** A tree that may be changed. */
export function unfold({ value, decimals }: Value): Node {
  if (typeof value !== 'object' || value === null) return value;
  const texts = decimals?.get(value);
  const child = (item: Json, key: string | number): Node => {
    const text = texts?.[key];
    return text === undefined ? unfold({ value: item, decimals }) : new Digits(text);
  };
  if (Array.isArray(value)) return value.map(child);
  const members: Members = Object.create(null) as Members;
  for (const key of Object.keys(value)) members[key] = child(value[key]!, key);
  return members;
}

/** The document with its table again, and the number of its values. Throws `unprocessable` where it got too deep. */
export function fold(root: Node): Patched {
  const decimals: Decimals = new Map();
  let size = 0;
  const plain = (node: Node, level: number): Json => {
    size++;
    if (typeof node !== 'object' || node === null) return node;
    if (node instanceof Digits) return Number(node.text);
    const below = deeper(level);
    if (Array.isArray(node)) {
      const out = node.map(item => plain(item, below));
      node.forEach((item, at) => {
        if (item instanceof Digits) note(decimals, out, at, item.text);
      });
      return out;
    }
    const out: JsonObject = Object.fromEntries(Object.entries(node).map(([key, item]) => [key, plain(item, below)]));
    for (const key of Object.keys(node)) {
      const item = node[key];
      if (item instanceof Digits) note(decimals, out, key, item.text);
    }
    return out;
  };
  const value = plain(root, 0);
  return { value, decimals: decimals.size > 0 ? decimals : undefined, size };
}

/** Characters for which a value counts: what it costs beside its text. */
const VALUE = 64;

/** A copy that shares nothing; `spend` hears how much each part of it will be to print. */
export function copyOf(node: Node, spend: (characters: number) => void, level = 0): Node {
  spend(typeof node === 'string' ? node.length + VALUE : VALUE);
  if (typeof node !== 'object' || node === null || node instanceof Digits) return node;
  const below = deeper(level);
  if (Array.isArray(node)) return node.map(item => copyOf(item, spend, below));
  const members: Members = Object.create(null) as Members;
  for (const key of Object.keys(node)) {
    spend(key.length);
    members[key] = copyOf(node[key]!, spend, below);
  }
  return members;
}

/** Drops what has become empty: containers in `emptied` without members, and those left empty by dropping them. */
export function prune(root: Node, emptied: ReadonlySet<object>): void {
  if (emptied.size > 0) dropEmptied(root, emptied, '', 0);
}

/** Whether `node` itself is to go. `name`: that of the member it is or stands in. */
function dropEmptied(node: Node, emptied: ReadonlySet<object>, name: string, level: number): boolean {
  if (typeof node !== 'object' || node === null || node instanceof Digits) return false;
  const below = deeper(level);
  let dropped = emptied.has(node);
  if (!Array.isArray(node)) {
    for (const key of Object.keys(node))
      if (dropEmptied(node[key]!, emptied, key, below)) {
        delete node[key];
        dropped = true;
      }
    return dropped && Object.keys(node).length === 0;
  }
  const beside = name.startsWith('_');
  for (let at = node.length - 1; at >= 0; at--)
    if (dropEmptied(node[at]!, emptied, name, below)) {
      if (beside) node[at] = null;
      else node.splice(at, 1);
      dropped = true;
    }
  return dropped && (beside ? node.every(item => item === null) : node.length === 0);
}

/** https://www.rfc-editor.org/rfc/rfc6902#section-4.6: numbers by value, members in any order. */
export function areEqual(a: Node, b: Node): boolean {
  if (isNumber(a) && isNumber(b)) return canonical(a) === canonical(b);
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, at) => areEqual(item, b[at]!));
  if (!isMembers(a) || !isMembers(b)) return a === b;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every(key => b[key] !== undefined && areEqual(a[key]!, b[key]));
}

const isNumber = (node: Node): node is number | Digits => typeof node === 'number' || node instanceof Digits;

/** The same text for the same number, however many digits: 1.0, 1.00 and 10e-1. */
function canonical(number: number | Digits): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number instanceof Digits ? number.text : String(number)) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}

function deeper(level: number): number {
  if (level === MAX_DEPTH)
    throw new FhirError('unprocessable', `The patch nests values more than ${MAX_DEPTH} levels deep.`, {
      detail: 'patch-depth',
    });
  return level + 1;
}
