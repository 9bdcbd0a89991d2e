/** Functions of compiled invariants. http://hl7.org/fhirpath/N1/#functions, https://hl7.org/fhir/R4/fhirpath.html#functions */
import { isObject, itemsOf, type Json } from '../../fhir/resource.js';
import { asNumber, type CompileCall, constantText, leftToEngine, noneGiven, onlyGiven } from './native-given.js';
import { distinctItems, unionOf } from './native-operators.js';
import type { InvariantTree } from './native-syntax.js';
import { TEXT_CALLS } from './native-text-calls.js';
import { TYPE_CALLS } from './native-type-calls.js';
import {
  BarePrimitive,
  existsIn,
  itemKey,
  type Native,
  type NativeItem,
  type NativeScope,
  NO_ITEMS,
  truthIn,
  truthNative,
} from './native-values.js';

type CallTree = Extract<InvariantTree, { is: 'call' }>;

/** Throws SyntaxError for what is left to the engine. */
export function compileCall({ of, name, given }: CallTree, scope: NativeScope): Native {
  const base = of ? scope.compile(of, scope) : scope.focus;
  const compile = Object.hasOwn(CALLS, name) ? CALLS[name] : undefined;
  if (!compile) throw new SyntaxError('A function that is left to the engine.');
  return compile(base, given, scope);
}

/** An argument that is evaluated on each item. */
const onItems = (base: Native, tree: InvariantTree, scope: NativeScope): Native =>
  scope.compile(tree, {
    ...scope,
    focus: { types: base.types, kind: base.kind, items: (_, self) => [self], exists: () => true, isFocus: true },
  });

function where(base: Native, given: readonly InvariantTree[], scope: NativeScope): Native {
  const tree = onlyGiven(given);
  const keep = truthIn(onItems(base, tree, scope));
  const { narrow } = base;
  return {
    types: base.types,
    kind: base.kind,
    items(env, self) {
      const items = base.items(env, self);
      if (items.length > 0) env.run.spend(items.length);
      return items.filter(item => keep(env, item) === true);
    },
    ...(narrow ? { narrow: (type: string) => where(narrow(type), given, scope) } : {}),
  };
}

function selectItems(base: Native, given: readonly InvariantTree[], scope: NativeScope): Native {
  const projected = onItems(base, onlyGiven(given), scope);
  const { types, kind } = projected;
  return {
    types,
    kind,
    items(env, self) {
      const items = base.items(env, self);
      if (items.length > 0) env.run.spend(items.length);
      const found: NativeItem[] = [];
      for (const item of items) {
        const some = projected.items(env, item);
        env.run.spend(some.length);
        for (const each of some) found.push(each);
      }
      return found;
    },
  };
}

function allItems(base: Native, given: readonly InvariantTree[], scope: NativeScope): Native {
  const holds = truthIn(onItems(base, onlyGiven(given), scope));
  return truthNative((env, self) => {
    const items = base.items(env, self);
    if (items.length > 0) env.run.spend(items.length);
    return items.every(item => holds(env, item) === true);
  });
}

function exists(base: Native, given: readonly InvariantTree[], scope: NativeScope): Native {
  if (base.types.length === 0) return truthNative(() => false, false);
  return truthNative(existsIn(given.length === 0 ? base : where(base, given, scope)));
}

/** On the focus alone: its arguments are evaluated on the whole collection. */
function iif(base: Native, given: readonly InvariantTree[], scope: NativeScope): Native {
  if (!base.isFocus || given.length < 2 || given.length > 3) return leftToEngine();
  const condition = truthIn(scope.compile(given[0]!, scope));
  const yes = scope.compile(given[1]!, scope);
  const no = given[2] ? scope.compile(given[2], scope) : NO_ITEMS;
  const types = [...new Set([...yes.types, ...no.types])];
  const kind = yes.kind === no.kind || no === NO_ITEMS ? yes.kind : undefined;
  return { types, kind, items: (env, self) => (condition(env, self) === true ? yes : no).items(env, self) };
}

function part(from: number, to: number | undefined): CompileCall {
  return (base, given) => {
    noneGiven(given);
    return { types: base.types, kind: base.kind, items: (env, self) => base.items(env, self).slice(from, to) };
  };
}

function hasValue(base: Native, given: readonly InvariantTree[], { types }: NativeScope): Native {
  noneGiven(given);
  if (base.types.some(type => type.startsWith('System.'))) return leftToEngine();
  const primitive = base.types.every(type => types.kindOf(type) !== undefined);
  if (!primitive && (base.types.length > 1 || base.types.includes('xhtml'))) return leftToEngine();
  return truthNative((env, self) => {
    if (!primitive) return false;
    const items = base.items(env, self);
    return items.length === 1 && !(items[0] instanceof BarePrimitive);
  });
}

function isDistinct(base: Native, given: readonly InvariantTree[]): Native {
  noneGiven(given);
  if (base.kind === 'date') return leftToEngine();
  return truthNative((env, self) => {
    const items = base.items(env, self);
    return distinctItems(items, env.run).length === items.length;
  });
}

function distinct(base: Native, given: readonly InvariantTree[]): Native {
  noneGiven(given);
  if (base.kind === 'date') return leftToEngine();
  const { types, kind } = base;
  return { types, kind, items: (env, self) => distinctItems(base.items(env, self), env.run) };
}

function intersectItems(base: Native, given: readonly InvariantTree[], scope: NativeScope): Native {
  const other = scope.compile(onlyGiven(given), scope);
  if (other.types.join() !== base.types.join() || base.types.length !== 1 || base.kind === 'date')
    return leftToEngine();
  const { types, kind } = base;
  return {
    types,
    kind,
    items(env, self) {
      const items = base.items(env, self);
      const others = items.length === 0 ? items : other.items(env, self);
      if (others.length === 0) return others;
      env.run.spend(items.length + others.length);
      const keys = new Set(others.map(itemKey));
      return distinctItems(items, env.run).filter(item => keys.has(itemKey(item)));
    },
  };
}

function combine(base: Native, given: readonly InvariantTree[], scope: NativeScope): Native {
  const other = scope.compile(onlyGiven(given), scope);
  const types = [...new Set([...base.types, ...other.types])];
  const kind = base.kind === other.kind ? base.kind : undefined;
  return {
    types,
    kind,
    items(env, self) {
      const items = base.items(env, self);
      const others = other.items(env, self);
      env.run.spend(items.length + others.length);
      return [...items, ...others];
    },
  };
}

function extension(base: Native, given: readonly InvariantTree[]): Native {
  const url = constantText(given);
  return {
    types: ['Extension'],
    kind: undefined,
    items: (env, self) =>
      base.items(env, self).flatMap(item => {
        const holder: unknown = item instanceof BarePrimitive ? item.sibling : item;
        // Extensions beside a value are not at hand here.
        if (!isObject(holder)) return [];
        return itemsOf(holder['extension']).filter(each => isObject(each) && each['url'] === url);
      }),
  };
}

function memberOf(base: Native, given: readonly InvariantTree[], scope: NativeScope): Native {
  const valueSet = scope.compile(onlyGiven(given), scope).constants?.[0];
  if (typeof valueSet !== 'string') return leftToEngine();
  return truthNative((env, self) => {
    const items = base.items(env, self);
    if (items.length !== 1 || items[0] instanceof BarePrimitive) return undefined;
    const member = env.run.isMember(items[0] as Json, valueSet, env.from);
    if (member === undefined) env.unknown = true;
    return member;
  });
}

/** Whether all or any of the items, which must be booleans, are as wanted. */
const booleans = (wanted: boolean, every: boolean): CompileCall =>
  function compile(base, given) {
    noneGiven(given);
    if (base.kind !== 'boolean') return leftToEngine();
    const test = (item: NativeItem): boolean => {
      if (typeof item !== 'boolean') throw new TypeError('A boolean is expected.');
      return item === wanted;
    };
    return truthNative((env, self) => (every ? base.items(env, self).every(test) : base.items(env, self).some(test)));
  };

const CALLS: Readonly<Record<string, CompileCall>> = {
  where,
  select: selectItems,
  all: allItems,
  exists,
  hasValue,
  isDistinct,
  distinct,
  iif,
  intersect: intersectItems,
  combine,
  memberOf,
  extension: (base, given, scope) => {
    // Beside a primitive that has a value, extensions are in another place.
    if (base.types.some(type => scope.types.kindOf(type))) return leftToEngine();
    return extension(base, given);
  },
  ...TYPE_CALLS,
  empty(base, given) {
    noneGiven(given);
    if (base.types.length === 0) return truthNative(() => true, true);
    const some = existsIn(base);
    return truthNative((env, self) => !some(env, self));
  },
  not(base, given) {
    noneGiven(given);
    const truth = truthIn(base);
    return truthNative((env, self) => {
      const value = truth(env, self);
      return value === undefined ? undefined : !value;
    });
  },
  count(base, given) {
    noneGiven(given);
    return asNumber((env, self) => [base.items(env, self).length]);
  },
  first: part(0, 1),
  tail: part(1, undefined),
  last: part(-1, undefined),
  allTrue: booleans(true, true),
  anyTrue: booleans(true, false),
  allFalse: booleans(false, true),
  anyFalse: booleans(false, false),
  trace: (base, given) => (given.length === 1 ? base : leftToEngine()),
  union: (base, given, scope) => unionOf(base, scope.compile(onlyGiven(given), scope)),
  ...TEXT_CALLS,
};
