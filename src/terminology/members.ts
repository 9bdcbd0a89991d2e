/**
 * The members of a value set: by code system either some codes or all of them. A whole code system stays `all`, so that
 * a search asks for one range of the index and not for thousands of codes, and its concepts need not be known.
 */
import type { TokenValue } from '../search/query.js';

/** System ('' where a code has none) → its codes. */
export type ValueSetMembers = ReadonlyMap<string, ReadonlySet<string> | 'all'>;

export function unite(all: readonly ValueSetMembers[]): ValueSetMembers {
  if (all.length === 1) return all[0]!;
  const result = new Map<string, Set<string> | 'all'>();
  for (const members of all)
    for (const [system, codes] of members) {
      const known = result.get(system);
      if (known === 'all') continue;
      if (codes === 'all') result.set(system, 'all');
      else if (known) for (const code of codes) known.add(code);
      else result.set(system, new Set(codes));
    }
  return result;
}

export function intersect(first: ValueSetMembers, second: ValueSetMembers): ValueSetMembers {
  const result = new Map<string, ReadonlySet<string> | 'all'>();
  for (const [system, codes] of first) {
    const others = second.get(system);
    if (others === undefined) continue;
    const both =
      codes === 'all' ? others : others === 'all' ? codes : new Set([...codes].filter(code => others.has(code)));
    if (both === 'all' || both.size > 0) result.set(system, both);
  }
  return result;
}

/** `concepts` gives the codes of a whole code system, of which some are taken away. */
export async function subtract(
  from: ValueSetMembers,
  what: ValueSetMembers,
  concepts: (system: string) => Promise<ReadonlySet<string>>,
): Promise<ValueSetMembers> {
  const result = new Map<string, ReadonlySet<string> | 'all'>();
  for (const [system, codes] of from) {
    const less = what.get(system);
    if (less === undefined || (less !== 'all' && less.size === 0)) result.set(system, codes);
    else if (less !== 'all') {
      const all = codes === 'all' ? await concepts(system) : codes;
      const rest = new Set([...all].filter(code => !less.has(code)));
      if (rest.size > 0) result.set(system, rest);
    }
  }
  return result;
}

/** Codes that are listed, whole systems not counted. */
export const countListed = (members: ValueSetMembers): number =>
  [...members.values()].reduce((sum, codes) => sum + (codes === 'all' ? 0 : codes.size), 0);

export const memberTokens = (members: ValueSetMembers): readonly TokenValue[] =>
  [...members].flatMap(([system, codes]): TokenValue[] =>
    codes === 'all' ? [{ system }] : Array.from(codes, code => ({ system, code })),
  );
