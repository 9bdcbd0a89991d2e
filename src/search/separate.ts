/**
 * Separates a condition into what a store can search and what only `match` can decide. Pure. A store can search
 * neither unresolved links (chain, has, words) nor `near` nor the end of a text, nor composites without a code or reference
 * (a system without its code, a date with a string): it gets the narrowest condition that holds wherever the whole one does.
 */
import { isKeyed } from './composite.js';
import { boxesAround } from './globe.js';
import { all, any, ANY_RESOURCE, NO_RESOURCE, type Test, type Where } from './query.js';

/** A resource by its name. */
interface Name {
  readonly type: string;
  readonly id: string;
}

export interface Separated {
  /** The condition for the store: every match satisfies it. */
  readonly where: Where;
  /** The condition that `match` tests on what the store finds; undefined: none. */
  readonly rest?: Where;
}

/** The parameter refers to one of these. */
export function refersTo(code: string, names: readonly Name[]): Where {
  const byType = new Map<string, Set<string>>();
  for (const { type, id } of names) {
    const ids = byType.get(type);
    if (ids) ids.add(id);
    else byType.set(type, new Set([id]));
  }
  return any(
    ...[...byType].map(
      ([type, ids]): Where => ({
        kind: 'param',
        code,
        test: { kind: 'reference', to: { kind: 'among', type, ids } },
      }),
    ),
  );
}

export const withIds = (ids: Iterable<string>): Where => {
  const values = [...ids].map(code => ({ code }));
  return values.length === 0 ? NO_RESOURCE : { kind: 'param', code: '_id', test: { kind: 'token', any: values } };
};

/** The resource is one of these. */
export function isOneOf(types: readonly string[], names: readonly Name[]): Where {
  const idsOf = (type: string) => names.filter(name => name.type === type).map(({ id }) => id);
  const [only, another] = types;
  if (only !== undefined && another === undefined) return withIds(idsOf(only));
  return any(...types.map((type): Where => ({ kind: 'of', type, where: withIds(idsOf(type)) })));
}

/** Whether something has to be asked before it can be answered: another resource, terminology, words. */
export function leadsElsewhere(where: Where): boolean {
  switch (where.kind) {
    case 'all':
    case 'any':
      return where.of.some(leadsElsewhere);
    case 'not':
      return leadsElsewhere(where.of);
    case 'of':
      return leadsElsewhere(where.where);
    case 'param':
      return where.test.kind === 'concept' || where.test.kind === 'hierarchy';
    case 'present':
      return false;
    case 'chain':
    case 'has':
    case 'words':
      return true;
  }
}

/** Separates a condition whose links have been resolved as far as they can be. */
export function separate(where: Where): Separated {
  if (!needsMatch(where)) return { where };
  const parts = where.kind === 'all' ? where.of : [where];
  return { where: all(...parts.map(relax)), rest: all(...parts.filter(needsMatch)) };
}

/** True where some part of the condition cannot be searched by a store. */
function needsMatch(where: Where): boolean {
  switch (where.kind) {
    case 'all':
    case 'any':
      return where.of.some(needsMatch);
    case 'not':
      return needsMatch(where.of);
    case 'of':
      return needsMatch(where.where);
    case 'param':
      return isUnkeyedComposite(where.test) || relaxTest(where.test) !== where.test;
    case 'present':
      return false;
    default:
      return true;
  }
}

/** The narrowest condition that a store can search and that holds wherever this one does. */
function relax(where: Where): Where {
  switch (where.kind) {
    case 'all':
      return all(...where.of.map(relax));
    case 'any':
      return any(...where.of.map(relax));
    case 'not':
      return needsMatch(where.of) ? ANY_RESOURCE : where;
    case 'of':
      return { ...where, where: relax(where.where) };
    case 'param':
      if (isUnkeyedComposite(where.test)) return { kind: 'present', code: where.code };
      return { ...where, test: relaxTest(where.test) };
    case 'chain':
      return { kind: 'present', code: where.code };
    case 'present':
      return where;
    default:
      return ANY_RESOURCE;
  }
}

/** True for a composite whose parts have no common key. */
const isUnkeyedComposite = (test: Test): boolean => test.kind === 'composite' && !isKeyed(test.parts);

function relaxTest(test: Test): Test {
  switch (test.kind) {
    case 'near':
      return { kind: 'box', any: boxesAround(test, test.metres) };
    case 'string':
      if (test.mode === 'equals') return { ...test, mode: 'starts' };
      return test.mode === 'ends' ? { ...test, mode: 'contains' } : test;
    default:
      return test;
  }
}
