/**
 * Parses one search value of one parameter to tests of the tree. https://hl7.org/fhir/R4/search.html#ptypes
 *
 * Tokens, references, URIs and `near` have parsers of their own. Choice: a quantity's unit without a system matches the code or
 * the printed unit, with a system the code, with UCUM's the amount in any unit of the same kind (units.ts).
 */
import { dateBounds, numberBounds } from './bounds.js';
import type { Modifier, ModifierOf } from './modifier.js';
import { normalise } from './normalise.js';
import type { SearchParameter, SearchType } from './parameters.js';
import { parseNear } from './parse-near.js';
import { parseReferenceValue } from './parse-reference.js';
import { parseToken } from './parse-token.js';
import { parseUri } from './parse-uri.js';
import { any, type RangeBounds, type Test, type Where } from './query.js';
import { reject } from './scope.js';
import { soundsLike, soundsOf, soundTest } from './sound.js';
import { splitValue, unescapeValue } from './split.js';
import { baseBounds } from './units.js';

export interface ValueContext {
  readonly bases: readonly string[];
  readonly now: number;
}

const PREFIX_HINT = 'optionally after one of eq, ne, gt, lt, ge, le, sa, eb, ap';

type ValueReader<T extends SearchType> = (
  parameter: SearchParameter,
  modifier: ModifierOf<T> | undefined,
  text: string,
  context: ValueContext,
) => readonly Test[];

/** Each knows all modifiers of its type; `undefined`: there are none. */
const READERS: { readonly [T in SearchType]: ValueReader<T> } = {
  string: (parameter, modifier, text) => [parseString(parameter, modifier, unescapeValue(text))],
  token: (parameter, modifier, text) => [parseToken(parameter, modifier, text)],
  date: (parameter, _: undefined, text, { now }) => [
    { kind: 'date', any: dateBounds(text, now) ?? reject(parameter, `a date such as 2024-05-31, ${PREFIX_HINT}`) },
  ],
  number: (parameter, _: undefined, text) => [
    { kind: 'number', any: numberBounds(text) ?? reject(parameter, `a decimal number, ${PREFIX_HINT}`) },
  ],
  quantity: (parameter, _: undefined, text) => [parseQuantity(parameter, text)],
  reference: (parameter, modifier, text, { bases }) => parseReferenceValue(parameter, modifier, text, bases),
  special: (parameter, _: undefined, text) => [parseNear(parameter, text)],
  uri: (parameter, modifier, text) => parseUri(parameter, modifier?.kind ?? 'exact', unescapeValue(text)),
  composite: (parameter, _: undefined, text, context) => parseComposites(parameter, text, context),
};

/**
 * The alternatives that a value (without OR commas, escapes still in it) stands for; none: it can match nothing. `modifier` is
 * one that the parameter has. Throws FhirError `invalid`. `not` and the not of `not-in` are the caller's.
 */
export function parseValue(
  parameter: SearchParameter,
  modifier: Modifier | undefined,
  text: string,
  context: ValueContext,
): readonly Test[] {
  const read = READERS[parameter.type] as ValueReader<SearchType>;
  return read(parameter, modifier, text, context);
}

/** The number of comparisons that these values need: one each, and for a phonetic parameter one for each word. */
export const comparisonsOf = ({ nature }: SearchParameter, values: readonly string[]): number =>
  nature === 'sound' ? values.reduce((sum, value) => sum + soundsOf(value).length, 0) : values.length;

/** The condition that some value matches; `read` gives the alternatives of each. A phonetic value matches by all of its words. */
export function conditionOn(
  parameter: SearchParameter,
  values: readonly string[],
  read: (value: string) => readonly Test[],
): Where {
  const { code, nature } = parameter;
  if (nature === 'sound')
    return any(...values.map(value => soundsLike(code, unescapeValue(value)) ?? wordless(parameter)));
  return any(...mergeTests(values.flatMap(read)).map((test): Where => ({ kind: 'param', code, test })));
}

/** Joins tests that can be one: lists of tokens, and bounds on the same kind of value. */
export function mergeTests(tests: readonly Test[]): readonly Test[] {
  const groups = new Map<string | Test, Test[]>();
  for (const test of tests) {
    const key = mergeKey(test) ?? test;
    const group = groups.get(key);
    if (group) group.push(test);
    else groups.set(key, [test]);
  }
  return [...groups.values()].map(mergeGroup);
}

function mergeKey(test: Test): string | undefined {
  if (test.kind === 'quantity') return JSON.stringify([test.kind, test.system, test.unit]);
  return test.kind === 'token' || test.kind === 'date' || test.kind === 'number' ? test.kind : undefined;
}

/** Tests of one `mergeKey`, a thousand perhaps. */
function mergeGroup(tests: readonly Test[]): Test {
  const first = tests[0]!;
  if (tests.length === 1) return first;
  const boundsOf = (test: Test): readonly RangeBounds[] =>
    test.kind === 'date' || test.kind === 'number' || test.kind === 'quantity' ? test.any : [];
  switch (first.kind) {
    case 'token':
      return { ...first, any: tests.flatMap(test => (test.kind === 'token' ? test.any : [])) };
    case 'date':
    case 'number':
      return { ...first, any: tests.flatMap(boundsOf) };
    case 'quantity': {
      // The same system and unit: all have a base, or none.
      const { base } = first;
      const inBase = tests.flatMap(test => (test.kind === 'quantity' ? (test.base?.any ?? []) : []));
      return { ...first, any: tests.flatMap(boundsOf), ...(base ? { base: { ...base, any: inBase } } : {}) };
    }
    default:
      return first;
  }
}

const wordless = (parameter: SearchParameter): never => reject(parameter, 'a word that can be said');

function parseString(parameter: SearchParameter, modifier: ModifierOf<'string'> | undefined, text: string): Test {
  if (parameter.nature === 'sound') {
    const [codes, another] = soundsOf(text);
    return codes && !another ? soundTest(codes) : reject(parameter, 'one word inside a composite');
  }
  const mode = modifier?.kind ?? 'starts';
  if (mode === 'exact') return { kind: 'string', mode, value: text };
  const value = normalise(text);
  return value === '' ? reject(parameter, 'some text beside blanks and accents') : { kind: 'string', mode, value };
}

function parseQuantity(parameter: SearchParameter, text: string): Test {
  const pieces = splitValue(text, '|').map(unescapeValue);
  const amounts = numberBounds(pieces[0] ?? '');
  if (!amounts || pieces.length > 3)
    return reject(parameter, `a number, number|system|code, number|system or number||unit, ${PREFIX_HINT}`);
  const [, system = '', unit = ''] = pieces;
  const base = baseBounds(system, unit, amounts);
  return {
    kind: 'quantity',
    any: amounts,
    ...(system === '' ? {} : { system }),
    ...(unit === '' ? {} : { unit }),
    ...(base ? { base } : {}),
  };
}

function parseComposites(parameter: SearchParameter, text: string, context: ValueContext): readonly Test[] {
  const pieces = splitValue(text, '$');
  const { components } = parameter;
  if (pieces.length !== components.length || pieces.includes(''))
    return reject(
      parameter,
      `${components.length} values joined by $ (${components.map(part => part.code).join('$')})`,
    );
  let combinations: readonly (readonly Test[])[] = [[]];
  components.forEach((component, index) => {
    const tests = parseValue(component, undefined, pieces[index]!, context);
    combinations = combinations.flatMap(parts => tests.map(test => [...parts, test]));
  });
  return combinations.map(parts => ({ kind: 'composite', parts }));
}
