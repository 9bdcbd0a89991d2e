/** Restrictions of which each type is made when it is first asked for: a request asks for one or two of a hundred and fifty. */
import type { Where } from '../search/query.js';
import type { Restrictions } from './permission.js';

type Seen = 'hidden' | Where;

export class LazyRestrictions implements Restrictions {
  readonly #base: Restrictions;
  readonly #parts: readonly ((type: string) => Where | undefined)[];
  readonly #types: readonly string[];
  readonly #made = new Map<string, Seen | undefined>();

  /** `parts`: what holds for resources of a type beside what `base` says. */
  constructor(base: Restrictions, types: readonly string[], parts: readonly ((type: string) => Where | undefined)[]) {
    this.#base = base;
    this.#parts = parts;
    this.#types = [...new Set([...types, ...base.keys()])];
  }

  get(type: string): Seen | undefined {
    if (!this.#made.has(type)) this.#made.set(type, this.#make(type));
    return this.#made.get(type);
  }

  has(type: string): boolean {
    return this.get(type) !== undefined;
  }

  get size(): number {
    return [...this.keys()].length;
  }

  *keys(): MapIterator<string> {
    for (const type of this.#types) if (this.has(type)) yield type;
  }

  *values(): MapIterator<Seen> {
    for (const [, seen] of this) yield seen;
  }

  *entries(): MapIterator<[string, Seen]> {
    for (const type of this.keys()) yield [type, this.get(type)!];
  }

  [Symbol.iterator](): MapIterator<[string, Seen]> {
    return this.entries();
  }

  forEach(each: (seen: Seen, type: string, map: Restrictions) => void): void {
    for (const [type, seen] of this) each(seen, type, this);
  }

  #make(type: string): Seen | undefined {
    const base = this.#base.get(type);
    if (base === 'hidden') return base;
    const of = [base, ...this.#parts.map(part => part(type))].filter(part => part !== undefined);
    // Not flattened: parts are known by their objects (row-rule.ts).
    return of.length < 2 ? of[0] : { kind: 'all', of };
  }
}
