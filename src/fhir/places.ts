/**
 * Where elements stand in the text of a resource, for what is told of them: the elements are named by FHIRPath as issues name them
 * (`Patient.name[0].given[1]`), and looked for in one pass over the text (json/places.ts, xml/places.ts). An element that is not
 * there stands where the nearest one around it does.
 */
import type { TextPosition } from './error.js';

/** Elements that are looked for, inside one another. */
export interface SoughtElement {
  readonly children: Map<string, SoughtElement>;
  /** Where its text begins, in characters; undefined: it has not been met. */
  offset: number | undefined;
}

export const soughtElement = (): SoughtElement => ({ children: new Map(), offset: undefined });

/** The steps of a path: names and indexes. What is not understood ends it. */
export function stepsOf(expression: string): string[] {
  const steps: string[] = [];
  for (const part of expression.split('.')) {
    const [, name, index] = /^([A-Za-z]\w*)(?:\[(\d+)\])?$/.exec(part) ?? [];
    if (name === undefined) break;
    steps.push(name, ...(index === undefined ? [] : [index]));
  }
  return steps;
}

/** Adds an element to those that are sought. Gives the elements on the way to it, itself last. */
export function seekPath(root: SoughtElement, steps: readonly string[]): readonly SoughtElement[] {
  const way = [root];
  for (const step of steps) {
    const { children } = way.at(-1)!;
    let next = children.get(step);
    if (!next) children.set(step, (next = soughtElement()));
    way.push(next);
  }
  return way;
}

/** Those sought that a property or element of this name is: by its name, or of a choice by the name without the type. */
export function soughtByName({ children }: SoughtElement, name: string): SoughtElement | undefined {
  const exactly = children.get(name);
  if (exactly) return exactly;
  for (const [key, child] of children)
    if (name.length > key.length && name.startsWith(key) && /[A-Z]/.test(name[key.length]!)) return child;
  return undefined;
}

/** Line and column, both from 1, of offsets in a text. */
export function positionsOf(text: string, offsets: readonly number[]): ReadonlyMap<number, TextPosition> {
  const found = new Map<number, TextPosition>();
  let line = 1;
  let start = 0;
  for (const offset of [...new Set(offsets)].toSorted((a, b) => a - b)) {
    for (let next = text.indexOf('\n', start); next >= 0 && next < offset; next = text.indexOf('\n', start)) {
      line++;
      start = next + 1;
    }
    found.set(offset, { line, column: offset - start + 1 });
  }
  return found;
}
