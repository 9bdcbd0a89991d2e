/**
 * Parts of a condition that are known by what stands beside a row, or that no query should have: thousands of patients. A condition is
 * what it says (search/match.ts); a rule says the same of a row faster, or more exactly.
 */
import { ANY_RESOURCE, any, type Where } from '../search/query.js';
import type { Version } from '../store/store.js';

export interface RowRule {
  /** Queries leave the part out, and each row that they find is looked at. */
  readonly byRow: boolean;
  /**
   * Which versions are seen only where it allows the newest one as well. `each`: what was protected later is protected, whoever the newest one is about;
   * `nobodys`: those about nobody, as it was found out later whose they are; `none`: each version is judged by itself.
   */
  readonly ofNewest: 'each' | 'nobodys' | 'none';
  /** Of a row with its text. `holds`: whether a condition does, by what the row is indexed by. */
  allows(row: Version, holds: (where: Where) => boolean): boolean;
}

const rules = new WeakMap<Where, RowRule>();

/** The same condition, by an object of its own. */
export function ruledBy(where: Where, rule: RowRule): Where {
  const own: Where = { ...where };
  rules.set(own, rule);
  return own;
}

/** A conjunction, taken apart. */
export interface RowParts {
  readonly rules: readonly RowRule[];
  /** What has no rule; undefined: nothing. */
  readonly rest: Where | undefined;
  /** What a query has of it; undefined: nothing. */
  readonly asked: Where | undefined;
  /** Rows that a query finds must be looked at. */
  readonly byRow: boolean;
}

/** The rules of a condition that are asked of the newest version when this one is to be seen. */
export const askedOfNewest = (where: Where, { patients }: Version): readonly RowRule[] =>
  rowParts(where).rules.filter(
    ({ ofNewest }) => ofNewest === 'each' || (ofNewest === 'nobodys' && patients.length === 0),
  );

const known = new WeakMap<Where, RowParts>();

export function rowParts(where: Where): RowParts {
  let parts = known.get(where);
  if (!parts) known.set(where, (parts = partsOf(where)));
  return parts;
}

function partsOf(where: Where): RowParts {
  const parts = conjuncts(where);
  const found = parts.flatMap(part => rules.get(part) ?? []);
  if (found.length === 0) return { rules: [], rest: where, asked: where, byRow: false };
  const byRow = found.some(rule => rule.byRow);
  return {
    rules: found,
    rest: conjoined(parts.filter(part => !rules.has(part))),
    asked: byRow ? conjoined(parts.filter(part => !rules.get(part)?.byRow)) : where,
    byRow,
  };
}

const conjuncts = (where: Where): readonly Where[] =>
  where.kind === 'all' && !rules.has(where) ? where.of.flatMap(conjuncts) : [where];

const conjoined = (parts: readonly Where[]): Where | undefined =>
  parts.length < 2 ? parts[0] : { kind: 'all', of: parts };

/** What resources of these types must satisfy, by what those of each must; undefined: nothing. */
export function conditionOnTypes(
  types: readonly string[],
  conditionOf: (type: string) => Where | undefined,
): Where | undefined {
  const partly = types.filter(type => conditionOf(type) !== undefined);
  if (partly.length === 0) return undefined;
  if (types.length === 1) return conditionOf(types[0]!);
  if (partly.length === types.length)
    return any(...types.map((type): Where => ({ kind: 'of', type, where: conditionOf(type) ?? ANY_RESOURCE })));
  const unseen = (type: string): Where => ({
    kind: 'of',
    type,
    where: { kind: 'not', of: conditionOf(type)! },
  });
  return { kind: 'not', of: any(...partly.map(unseen)) };
}
