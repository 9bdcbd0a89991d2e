/**
 * Parses one search value of one parameter to tests of the tree. https://hl7.org/fhir/R4/search.html#ptypes
 *
 * Choices: a token with several `|` splits at the first. A bare id takes the type of the modifier, or of the
 * parameter's only target. A quantity's unit without a system matches the code or the printed unit, with a system
 * the code, with UCUM's the amount in any unit of the same kind (units.ts). Canonicals take `|version`, and versions are what
 * `:above` and `:below` mean of them; of any other URI they mean its path, and of what is no URL nothing.
 * A media type is below its base part, whatever its parameters.
 */
import { ID_PATTERN } from '../fhir/id.js';
import { parseCanonical, parseReference } from '../fhir/reference.js';
import { IN_VERSIONS } from './below.js';
import { dateBounds, numberBounds } from './bounds.js';
import { baseOfMediaType } from './media-type.js';
import { normalise } from './normalise.js';
import type { SearchParameter } from './parameters.js';
import { parseNear } from './parse-near.js';
import { needFewParts, parseUri } from './parse-uri.js';
import { any, type RangeBounds, type ReferenceValue, type Test, type TokenValue, type Where } from './query.js';
import { reject } from './scope.js';
import { soundsLike, soundsOf, soundTest } from './sound.js';
import { splitValue, unescapeValue } from './split.js';
import { baseBounds } from './units.js';

export interface ValueContext {
  readonly bases: readonly string[];
  readonly now: number;
}

/** A modifier, `missing` aside; kind `type` is the name of a resource type. */
export type Modifier =
  | {
      readonly kind:
        | 'exact'
        | 'contains'
        | 'not'
        | 'identifier'
        | 'above'
        | 'below'
        | 'text'
        | 'in'
        | 'not-in'
        | 'of-type';
    }
  | { readonly kind: 'type'; readonly type: string };

const PREFIX_HINT = 'optionally after one of eq, ne, gt, lt, ge, le, sa, eb, ap';

/**
 * The alternatives that a value (without OR commas, escapes still in it) stands for; none: it can match nothing.
 * Throws FhirError `invalid`. `not` and the not of `not-in` are the caller's.
 */
export function parseValue(
  parameter: SearchParameter,
  modifier: Modifier | undefined,
  text: string,
  context: ValueContext,
): readonly Test[] {
  switch (parameter.type) {
    case 'string':
      return [parseString(parameter, modifier, unescapeValue(text))];
    case 'token':
      return [parseToken(parameter, modifier, text)];
    case 'date':
      return [
        {
          kind: 'date',
          any: dateBounds(text, context.now) ?? reject(parameter, `a date such as 2024-05-31, ${PREFIX_HINT}`),
        },
      ];
    case 'number':
      return [{ kind: 'number', any: numberBounds(text) ?? reject(parameter, `a decimal number, ${PREFIX_HINT}`) }];
    case 'quantity':
      return [parseQuantity(parameter, text)];
    case 'reference':
      return parseReferences(parameter, modifier, text, context).map(to => toReferenceTest(parameter, modifier, to));
    case 'special':
      return [parseNear(parameter, text)];
    case 'uri':
      return parseUri(parameter, modeOf(modifier), unescapeValue(text));
    case 'composite':
      return parseComposites(parameter, text, context);
  }
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

function parseString(parameter: SearchParameter, modifier: Modifier | undefined, text: string): Test {
  if (parameter.nature === 'sound') {
    const [codes, another] = soundsOf(text);
    return codes && !another ? soundTest(codes) : reject(parameter, 'one word inside a composite');
  }
  if (modifier?.kind === 'exact') return { kind: 'string', mode: 'exact', value: text };
  const value = normalise(text);
  if (value === '') return reject(parameter, 'some text beside blanks and accents');
  return { kind: 'string', mode: modifier?.kind === 'contains' ? 'contains' : 'starts', value };
}

function parseToken(parameter: SearchParameter, modifier: Modifier | undefined, text: string): Test {
  switch (modifier?.kind) {
    case 'text': {
      const value = normalise(unescapeValue(text));
      return value === '' ? reject(parameter, 'some text beside blanks and accents') : { kind: 'text', value };
    }
    case 'of-type':
      return parseIdentifierOfType(parameter, text);
    case 'in':
    case 'not-in':
      return { kind: 'concept', relation: 'in', value: unescapeValue(text) };
    case 'above':
    case 'below':
      return parameter.nature === 'media-type'
        ? parseMediaTypeLevel(parameter, modifier.kind, text)
        : parseConcept(parameter, modifier.kind, text);
    default:
      return { kind: 'token', any: parseTokens(parameter, text) };
  }
}

function parseIdentifierOfType(parameter: SearchParameter, text: string): Test {
  const [system = '', code = '', value = '', ...more] = splitValue(text, '|').map(unescapeValue);
  if (code === '' || value === '' || more.length > 0)
    return reject(parameter, 'system|code|value with the modifier of-type: the type of the identifier, its value');
  return { kind: 'of-type', system, code, value };
}

function parseConcept(parameter: SearchParameter, relation: 'above' | 'below', text: string): Test {
  const [{ system, code } = {}] = parseTokens(parameter, text);
  if (code === undefined) return reject(parameter, `a code, with its system before it: system|code`);
  // A code element's own system is implied, whether the value names it or not.
  const known = system || parameter.implied || system;
  return { kind: 'concept', relation, value: code, ...(known === undefined ? {} : { system: known }) };
}

const modeOf = (modifier: Modifier | undefined): 'exact' | 'above' | 'below' =>
  modifier?.kind === 'above' || modifier?.kind === 'below' ? modifier.kind : 'exact';

/** Above is what the type itself says, and its base part: codes are compared as they stand. */
function parseMediaTypeLevel(parameter: SearchParameter, mode: 'above' | 'below', text: string): Test {
  const [{ system, code } = {}] = parseTokens(parameter, text);
  const base = baseOfMediaType(code ?? '');
  if (base === '') return reject(parameter, `a media type with the modifier ${mode}`);
  if (system !== undefined && system !== '') return { kind: 'token', any: [] };
  if (mode === 'below') return { kind: 'media-type', base };
  return { kind: 'token', any: [...new Set([code!, base])].map(each => ({ system: '', code: each })) };
}

function toReferenceTest(parameter: SearchParameter, modifier: Modifier | undefined, to: ReferenceValue): Test {
  if (modifier?.kind !== 'above' && modifier?.kind !== 'below') return { kind: 'reference', to };
  if (to.kind === 'url' && parameter.nature === 'canonical') {
    if (to.version === undefined) return { kind: 'reference', to };
    if (modifier.kind === 'above') needFewParts(parameter, to.version, IN_VERSIONS);
    return { kind: 'reference', to: { ...to, versions: modifier.kind } };
  }
  if (to.kind !== 'local') return reject(parameter, `a resource of this server with the modifier ${modifier.kind}`);
  return { kind: 'hierarchy', mode: modifier.kind, to };
}

function parseTokens(parameter: SearchParameter, text: string): readonly TokenValue[] {
  const [first = '', ...rest] = splitValue(text, '|');
  if (rest.length === 0) return [{ code: unescapeValue(first) }];
  const system = unescapeValue(first);
  const code = unescapeValue(rest.join('|'));
  if (code === '' && system === '') return reject(parameter, 'a code, system|code, system| or |code');
  return tokensFor(parameter, [code === '' ? { system } : { system, code }]);
}

/** Codes with their systems, as the parameter's entries hold them: `code` and `boolean` elements have no system there. */
export function tokensFor(parameter: SearchParameter, values: readonly TokenValue[]): readonly TokenValue[] {
  const bareAlone = [...parameter.elements].every(type => type === 'code' || type === 'boolean');
  return values.flatMap(value => {
    if (value.system === undefined || value.system !== parameter.implied) return [value];
    const bare = { ...value, system: '' };
    return bareAlone ? [bare] : [bare, value];
  });
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

function parseReferences(
  parameter: SearchParameter,
  modifier: Modifier | undefined,
  text: string,
  { bases }: ValueContext,
): readonly ReferenceValue[] {
  if (modifier?.kind === 'identifier')
    return parseTokens(parameter, text).map(value => ({ kind: 'identifier', value }));
  const value = unescapeValue(text);
  const type = modifier?.kind === 'type' ? modifier.type : undefined;
  const canonicals: readonly ReferenceValue[] =
    parameter.nature === 'canonical' && type === undefined ? [{ kind: 'url', ...parseCanonical(value) }] : [];
  const isLiteral = parameter.elements.has('Reference') || parameter.elements.has('Resource');
  return isLiteral ? [...canonicals, ...parseLiteral(parameter, type, value, bases)] : canonicals;
}

/** `Reference.reference`: an id, `Type/id` or an absolute URL, which is left out where the canonical alternative covers it. */
function parseLiteral(
  parameter: SearchParameter,
  type: string | undefined,
  value: string,
  bases: readonly string[],
): readonly ReferenceValue[] {
  const isCanonical = parameter.nature === 'canonical';
  const target = parseReference(value, bases);
  if (target?.kind === 'local') return type === undefined || type === target.type ? [target] : [];
  if (target?.kind === 'url' || target?.kind === 'urn') return isCanonical ? [] : [{ kind: 'url', url: target.url }];
  if (ID_PATTERN.test(value)) {
    const only = type ?? (parameter.targets.length === 1 ? parameter.targets[0] : undefined);
    return [only === undefined ? { kind: 'local', id: value } : { kind: 'local', type: only, id: value }];
  }
  return isCanonical ? [] : reject(parameter, 'an id, Type/id or an absolute URL');
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
