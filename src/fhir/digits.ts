/**
 * Trees whose numbers carry their digits, for whoever moves values about: a number that would lose digits is a `Digits`
 * while the tree is worked on, and a plain number with an entry in the table of Decimals (resource.ts) before and after.
 */
import { note } from './json.js';
import type { Decimals, Json, JsonObject } from './resource.js';

/** A number with the text that it was written as. */
export class Digits {
  readonly value: number;
  readonly text: string;
  constructor(value: number, text: string) {
    this.value = value;
    this.text = text;
  }
}

export type Tree = string | number | boolean | null | Digits | Tree[] | { [key: string]: Tree };

/** A copy in which every number of the table is a Digits. */
export function box(value: Json, decimals: Decimals | undefined): Tree {
  if (typeof value !== 'object' || value === null) return value;
  const texts = decimals?.get(value);
  const one = (inner: Json, key: string | number): Tree => {
    const text = texts?.[key];
    return text !== undefined && typeof inner === 'number' ? new Digits(inner, text) : box(inner, decimals);
  };
  if (Array.isArray(value)) return value.map(one);
  const copy: { [key: string]: Tree } = {};
  for (const [key, inner] of Object.entries(value)) define(copy, key, one(inner, key));
  return copy;
}

/** The plain tree and its table. */
export function unbox(tree: Tree): { readonly value: Json; readonly decimals: Decimals | undefined } {
  const table: Decimals = new Map();
  const plain = (item: Tree): Json => {
    if (typeof item !== 'object' || item === null) return item;
    if (item instanceof Digits) return item.value;
    const copy: Json[] | JsonObject = Array.isArray(item) ? [] : {};
    for (const [key, inner] of Object.entries(item)) {
      if (Array.isArray(copy)) copy.push(plain(inner));
      else define(copy, key, plain(inner));
      if (inner instanceof Digits) note(table, copy, key, inner.text);
    }
    return copy;
  };
  const value = plain(tree);
  return { value, decimals: table.size > 0 ? table : undefined };
}

/** Sets an own property, whatever its name. */
export function define<T>(target: { [key: string]: T }, key: string, value: T): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
  else target[key] = value;
}
