/**
 * A condition taken apart: what a store can answer of it, and what only `match` can decide. Pure. A store understands
 * neither links that are still open (chain, has, words) nor circles on the globe nor how a text ends, nor composites of
 * which no part is a point (a system without its code, a date with a string); it gets the nearest condition that holds wherever the whole one does.
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
  /** What the store is asked: everything wanted satisfies it. */
  readonly where: Where;
  /** What is wanted beyond that; undefined: nothing. */
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
export function isOne(types: readonly string[], names: readonly Name[]): Where {
  const idsOf = (type: string) => names.filter(name => name.type === type).map(({ id }) => id);
  const [only, another] = types;
  if (only !== undefined && another === undefined) return withIds(idsOf(only));
  return any(...types.map((type): Where => ({ kind: 'of', type, where: withIds(idsOf(type)) })));
}

/** What a store can say of a settled condition, and what is left to `match`. */
export function separate(where: Where): Separated {
  if (!needsMatch(where)) return { where };
  const parts = where.kind === 'all' ? where.of : [where];
  return { where: all(...parts.map(loosen)), rest: all(...parts.filter(needsMatch)) };
}

/** Whether anything in it is beyond a store. */
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
      return isUnkeyedComposite(where.test) || loosenTest(where.test) !== where.test;
    case 'present':
      return false;
    default:
      return true;
  }
}

/** The nearest condition that a store can answer and that holds wherever this one does. */
function loosen(where: Where): Where {
  switch (where.kind) {
    case 'all':
      return all(...where.of.map(loosen));
    case 'any':
      return any(...where.of.map(loosen));
    case 'not':
      return needsMatch(where.of) ? ANY_RESOURCE : where;
    case 'of':
      return { ...where, where: loosen(where.where) };
    case 'param':
      if (isUnkeyedComposite(where.test)) return { kind: 'present', code: where.code };
      return { ...where, test: loosenTest(where.test) };
    case 'chain':
      return { kind: 'present', code: where.code };
    case 'present':
      return where;
    default:
      return ANY_RESOURCE;
  }
}

/** A composite whose parts a store cannot bring together. */
const isUnkeyedComposite = (test: Test): boolean => test.kind === 'composite' && !isKeyed(test.parts);

function loosenTest(test: Test): Test {
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
