/** From keys back to what they point at: `collect` of both stores reads names off them, so that no text is looked into. */
import { decodeId } from './codec.js';
import type { ParameterLayout, IndexLayout } from './index-layout.js';
import type { FoundIds, ResourceName } from './store.js';
import type { KeyArray } from './key.js';
import { TYPE_CODES } from './type-codes.js';

/** Keys that name what a parameter refers to: `r target > prefix`, `p patient > type`; the first `>` begins the tail. */
export interface Pointing {
  readonly in: KeyArray;
  readonly head: 'r' | 'p';
  readonly tail: string;
}

function pointingOfParameter(parameter: ParameterLayout): readonly Pointing[] {
  const tail = `>${parameter.prefix}`;
  const arrays = parameter.array === 'filterOnly' ? (['filterOnly'] as const) : (['byDate', 'byArrival'] as const);
  return [
    ...arrays.map((array): Pointing => ({ in: array, head: 'r', tail })),
    ...(parameter.patient ? [{ in: 'byDate', head: 'p', tail: `>${parameter.prefix.slice(0, 2)}` } as const] : []),
  ];
}

/** Matches that are looked at for so many names: many may refer to the same few. */
export const matchesFor = (limit: number): number => 10 * (limit + 1);

/** What a pointing key names; undefined: a resource elsewhere, or a key that only looks like one. */
export function pointedAt(key: string, { head, tail }: Pointing): ResourceName | undefined {
  const target = key.slice(1, -tail.length);
  if (!key.startsWith(head) || !key.endsWith(tail) || target.startsWith('^') || target.includes('>')) return undefined;
  return decodeId(head === 'p' ? `${TYPE_CODES['Patient']!}${target}` : target);
}

/** The pointing keys of a reference parameter of these types. */
export const pointingKeys = (layout: IndexLayout, types: readonly string[], code: string): readonly Pointing[] =>
  types.flatMap(type => pointingOfParameter(layout.find(type, code)));

/** Names (encodeId), or with `pointing` the keys of referring resources, as what `collect` gives. */
export function foundIds(keys: readonly string[], pointing: readonly Pointing[], limit: number): FoundIds {
  const found = keys.slice(0, limit).flatMap((key): ResourceName[] => {
    if (pointing.length === 0) return [decodeId(key)];
    const name = pointing.map(one => pointedAt(key, one)).find(one => one !== undefined);
    return name ? [name] : [];
  });
  return { found: eachOnce(found), complete: keys.length <= limit };
}

/** What the parts of one question gave (driver.ts `divide`). */
export function joinFound(parts: readonly FoundIds[], limit: number): FoundIds {
  const found = eachOnce(parts.flatMap(part => part.found));
  return { found: found.slice(0, limit), complete: found.length <= limit && parts.every(({ complete }) => complete) };
}

/** A patient may be named by both kinds of keys. */
const eachOnce = (names: readonly ResourceName[]): ResourceName[] => [
  ...new Map(names.map(name => [`${name.type}/${name.id}`, name])).values(),
];
