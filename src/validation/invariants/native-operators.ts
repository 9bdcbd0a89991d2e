/** Operators of compiled invariants. http://hl7.org/fhirpath/N1/#operations */
import { parseDateTime } from '../../fhir/datetime.js';
import type { InvariantTree } from './native-syntax.js';
import type { PrimitiveKind } from './native-types.js';
import {
  BarePrimitive,
  itemKey,
  type Native,
  type NativeItem,
  type NativeScope,
  type TruthOf,
  truthIn,
  truthNative,
} from './native-values.js';
import type { CheckRun } from '../run.js';

type OperatorTree = Extract<InvariantTree, { is: 'operator' }>;

/** Throws SyntaxError for what is left to the engine. */
export function compileOperator(tree: OperatorTree, scope: NativeScope): Native {
  const { operator, left, right } = tree;
  if (operator === 'is' || operator === 'as')
    return scope.compile({ is: 'call', of: left, name: operator, given: [right] }, scope);
  const a = scope.compile(left, scope);
  // What the types decide is not looked at: it may not have a meaning on this type.
  if (operator === 'implies' && a.always === false) return truthNative(() => true, true);
  if (operator === 'or' && a.always === true) return a;
  const b = scope.compile(right, scope);
  const combine = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined;
  if (!combine) throw new SyntaxError('An operator that is left to the engine.');
  return combine(a, b);
}

/** The right side is evaluated only where it can change the result, or fail; `undefined` is nothing. */
const LOGIC: Readonly<Record<'and' | 'or' | 'xor' | 'implies', (a: TruthOf, b: TruthOf) => TruthOf>> = {
  and: (a, b) => (env, self) => {
    const first = a(env, self);
    if (first === false) return false;
    const second = b(env, self);
    return second === false ? false : first === true ? second : undefined;
  },
  or: (a, b) => (env, self) => {
    const first = a(env, self);
    if (first === true) return true;
    const second = b(env, self);
    return second === true ? true : first === false ? second : undefined;
  },
  xor: (a, b) => (env, self) => {
    const first = a(env, self);
    const second = b(env, self);
    return first === undefined || second === undefined ? undefined : first !== second;
  },
  implies: (a, b) => (env, self) => {
    const first = a(env, self);
    if (first === false) return true;
    const second = b(env, self);
    return second === true ? true : first === true ? second : undefined;
  },
};

/** Quantities are compared by their units, dates by their precision. */
const isPlain = (native: Native): boolean =>
  native.kind !== 'date' && !native.types.some(type => DATES_AND_QUANTITIES.test(type));
const DATES_AND_QUANTITIES = /^(Quantity|Age|Count|Distance|Duration|Money|date|dateTime|instant|time)$/;

function compileEquality(a: Native, b: Native, wanted: boolean): Native {
  if (a.truth && b.truth) {
    const [first, second] = [a.truth, b.truth];
    return truthNative((env, self) => {
      const x = first(env, self);
      const y = second(env, self);
      return x === undefined || y === undefined ? undefined : (x === y) === wanted;
    });
  }
  if (a.types.length === 0 || b.types.length === 0) return truthNative(() => undefined);
  if (b.constants?.length === 1 && isComparable(a, b)) return compileEqualityWith(a, b.constants[0]!, wanted);
  if (a.kind !== b.kind || !isPlain(a) || !isPlain(b))
    throw new SyntaxError('A comparison that is left to the engine.');
  const same = a.kind === undefined ? haveSameKey : isSameValue;
  if (a.kind === undefined && a.types.join() !== b.types.join()) throw new SyntaxError('Items of several types.');
  return truthNative((env, self) => {
    const x = a.items(env, self);
    const y = b.items(env, self);
    if (x.length === 0 || y.length === 0) return undefined;
    env.run.spend(x.length);
    return (x.length === y.length && x.every((item, at) => same(item, y[at]!))) === wanted;
  });
}

/** Objects equal no literal, and primitives only those of their own kind. */
const isComparable = (native: Native, constants: Native): boolean =>
  native.types.every(type => !DATES_AND_QUANTITIES.test(type)) && (native.kind ?? constants.kind) === constants.kind;

function compileEqualityWith(native: Native, constant: string | number | boolean, wanted: boolean): Native {
  return truthNative((env, self) => {
    const items = native.items(env, self);
    if (items.length === 0) return undefined;
    return (items.length === 1 && items[0] === constant) === wanted;
  });
}

const isSameValue = (a: NativeItem, b: NativeItem): boolean =>
  a === b || (a instanceof BarePrimitive && b instanceof BarePrimitive && itemKey(a) === itemKey(b));

const haveSameKey = (a: NativeItem, b: NativeItem): boolean => a === b || itemKey(a) === itemKey(b);

function compileMembership(item: Native, among: Native): Native {
  if (item.types.length === 0) return truthNative(() => undefined);
  const plain = among.constants ? isComparable(item, among) : item.kind === among.kind && item.kind !== undefined;
  if (!plain || !isPlain(item)) throw new SyntaxError('A membership that is left to the engine.');
  const constants = among.constants ? new Set<NativeItem>(among.constants) : undefined;
  return truthNative((env, self) => {
    const items = item.items(env, self);
    if (items.length === 0) return undefined;
    if (items.length > 1) throw new TypeError('One item is expected.');
    if (constants) return constants.has(items[0]!);
    const list = among.items(env, self);
    env.run.spend(list.length);
    return list.some(each => isSameValue(each, items[0]!));
  });
}

export function unionOf(a: Native, b: Native): Native {
  const types = [...new Set([...a.types, ...b.types])];
  const kind = a.kind === b.kind ? a.kind : undefined;
  if (a.constants && b.constants && kind) {
    const constants = [...new Set([...a.constants, ...b.constants])];
    return { types, kind, constants, items: () => constants };
  }
  if (a.kind === 'date' || b.kind === 'date') throw new SyntaxError('Dates are equal in several ways.');
  return {
    types,
    kind,
    items: (env, self) => distinctItems([...a.items(env, self), ...b.items(env, self)], env.run),
    exists: (env, self) => a.items(env, self).length > 0 || b.items(env, self).length > 0,
  };
}

export function distinctItems(items: readonly NativeItem[], run: CheckRun): readonly NativeItem[] {
  if (items.length < 2) return items;
  run.spend(items.length);
  const seen = new Set<string>();
  return items.filter(item => {
    const key = itemKey(item);
    return seen.has(key) ? false : (seen.add(key), true);
  });
}

type ComparisonSign = '<' | '<=' | '>' | '>=';

function compileComparison(a: Native, b: Native, operator: ComparisonSign): Native {
  const { kind } = a;
  if (kind !== b.kind || kind === undefined || kind === 'boolean' || a.types.includes('time'))
    throw new SyntaxError('A comparison that is left to the engine.');
  return truthNative((env, self) => {
    const x = a.items(env, self);
    const y = b.items(env, self);
    if (x.length === 0 || y.length === 0) return undefined;
    if (x.length > 1 || y.length > 1) throw new TypeError('One item is expected on each side.');
    const order = orderOf(x[0]!, y[0]!, kind);
    if (order === undefined) return undefined;
    switch (operator) {
      case '<':
        return order < 0;
      case '<=':
        return order <= 0;
      case '>':
        return order > 0;
      case '>=':
        return order >= 0;
    }
  });
}

/** Less than 0, 0, or more; undefined where that is not known. */
function orderOf(a: NativeItem, b: NativeItem, kind: PrimitiveKind): number | undefined {
  if (a === null || b === null || typeof a === 'object' || typeof b === 'object') return undefined;
  if (kind === 'date') return orderOfDates(String(a), String(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Seconds and their fractions are one precision. http://hl7.org/fhirpath/N1/#comparison */
export function orderOfDates(a: string, b: string): number | undefined {
  const x = parseDateTime(a);
  const y = parseDateTime(b);
  if (!x || !y) return undefined;
  if (isExact(x.precision) && isExact(y.precision)) return x.low - y.low;
  if (x.high < y.low) return -1;
  if (x.low > y.high) return 1;
  return x.precision === y.precision ? 0 : undefined;
}

const isExact = (precision: string): boolean => precision === 'second' || precision === 'millisecond';

const ARITHMETIC: Readonly<Record<'+' | '-' | '*' | 'mod', (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  mod: (a, b) => a % b,
};

/** Whole numbers; decimals are calculated by the engine, and texts are put together. */
function calculated(a: Native, b: Native, operator: '+' | '-' | '*' | 'mod'): Native {
  const { kind } = a;
  const texts = kind === 'text' && operator === '+';
  if (kind !== b.kind || (kind !== 'number' && !texts))
    throw new SyntaxError('A calculation that is left to the engine.');
  if (!texts && ![...a.types, ...b.types].every(type => /[iI]nteger$|Int$/.test(type)))
    throw new SyntaxError('Decimals are left to the engine.');
  const calculate = ARITHMETIC[operator];
  return {
    types: [texts ? 'System.String' : 'System.Integer'],
    kind,
    items(env, self) {
      const x = a.items(env, self);
      const y = b.items(env, self);
      if (x.length > 1 || y.length > 1) throw new TypeError('One item is expected on each side.');
      if (x.length === 0 || y.length === 0 || x[0] instanceof BarePrimitive || y[0] instanceof BarePrimitive) return [];
      if (texts) return [`${x[0] as string}${y[0] as string}`];
      return operator === 'mod' && y[0] === 0 ? [] : [calculate(x[0] as number, y[0] as number)];
    },
  };
}

/** `&`: what is not there is an empty text. */
function joined(a: Native, b: Native): Native {
  if (a.kind !== 'text' || b.kind !== 'text') throw new SyntaxError('Texts are expected.');
  const text = (items: readonly NativeItem[]): string => {
    if (items.length > 1) throw new TypeError('One text is expected.');
    return typeof items[0] === 'string' ? items[0] : '';
  };
  return {
    types: ['System.String'],
    kind: 'text',
    items(env, self) {
      const made = text(a.items(env, self)) + text(b.items(env, self));
      env.run.spend(made.length >> 6);
      return [made];
    },
  };
}

const logic =
  (operator: keyof typeof LOGIC) =>
  (a: Native, b: Native): Native =>
    truthNative(LOGIC[operator](truthIn(a), truthIn(b)));
const comparison = (sign: ComparisonSign) => (a: Native, b: Native) => compileComparison(a, b, sign);
const calculation = (sign: keyof typeof ARITHMETIC) => (a: Native, b: Native) => calculated(a, b, sign);

const OPERATORS: Readonly<Record<string, (a: Native, b: Native) => Native>> = {
  and: logic('and'),
  or: logic('or'),
  xor: logic('xor'),
  implies: logic('implies'),
  '=': (a, b) => compileEquality(a, b, true),
  '!=': (a, b) => compileEquality(a, b, false),
  in: compileMembership,
  contains: (a, b) => compileMembership(b, a),
  '|': unionOf,
  '<': comparison('<'),
  '<=': comparison('<='),
  '>': comparison('>'),
  '>=': comparison('>='),
  '+': calculation('+'),
  '-': calculation('-'),
  '*': calculation('*'),
  mod: calculation('mod'),
  '&': joined,
};
