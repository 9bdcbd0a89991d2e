/**
 * Operator and value of a `_filter` comparison as tests. https://hl7.org/fhir/R4/search_filter.html#ops
 *
 * Dates, numbers and quantities compare as the prefixes of the same names in any search, `eq` of a string is its whole
 * value. Choices where the specification leaves room, or an index does:
 * - `po`, `co` on dates: the ranges overlap; the resource's includes the value's. `co` on numbers is refused, because
 *   their digits are not kept; so is the order of strings by their first letter.
 * - `ss`: the value subsumes a concept of the resource, so that one is below it; `sb`: it is above. URIs have no column
 *   in the table; here they have `eq`, `ne` and, along the path of the URL, `ss`, `sb`. `eq` of references is `re`; those
 *   that can be asked `:below` (hierarchies, versions of canonicals) have `ss`, `sb`, too. Names by their sound have `eq`, `ne`.
 * - "Values are never case sensitive": strings compare without case, codes of the standard's required lists are found in
 *   any case; other codes, systems and URLs compare exactly, as everywhere in this server.
 * - A comma is a comma. `|` and its escapes in tokens and quantities are those of other searches.
 */
import { FhirError } from '../fhir/error.js';
import { invalidFilter, type Operator } from './filter-syntax.js';
import type { SearchParameter, SearchType } from './parameters.js';
import { allowedModifiers, type Modifier } from './modifier.js';
import { conditionOn, mergeTests, parseValue } from './parse-value.js';
import type { Test, Where } from './query.js';
import type { SearchScope } from './scope.js';
import { escapeValue } from './split.js';

const ORDER = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'] as const satisfies Operator[];

/** The operators of a parameter. */
export function offeredBy(parameter: SearchParameter, scope: SearchScope): readonly Operator[] {
  if (parameter.nature === 'sound') return ['eq', 'ne', 'pr'];
  const offered = OFFERED[parameter.type];
  const hasLevels = parameter.type === 'reference' && allowedModifiers(parameter, scope).includes('below');
  return hasLevels ? [...offered.slice(0, -1), 'ss', 'sb', 'pr'] : offered;
}

const OFFERED: Readonly<Record<SearchType, readonly Operator[]>> = {
  string: ['eq', 'ne', 'co', 'sw', 'ew', 'pr'],
  token: ['eq', 'ne', 'in', 'ni', 'ss', 'sb', 'pr'],
  date: [...ORDER, 'co', 'po', 'pr'],
  number: [...ORDER, 'pr'],
  quantity: [...ORDER, 'pr'],
  reference: ['eq', 'ne', 're', 'pr'],
  uri: ['eq', 'ne', 'ss', 'sb', 'pr'],
  composite: ['pr'],
  special: ['pr'],
};

/** Types whose tests express `ne` themselves. */
export const RANGES: ReadonlySet<SearchType> = new Set(['date', 'number', 'quantity']);

/** What each type needs, for the message. */
const WANTED: Readonly<Record<SearchType, string>> = {
  string: 'a text of more than blanks and accents',
  token: 'a code, system|code, system| or |code',
  date: 'a date such as 2024-05-31',
  number: 'a decimal number',
  quantity: 'a number, number|system|code, number|system or number||unit',
  reference: 'an id, Type/id or an absolute URL',
  uri: 'a URL',
  composite: 'true or false',
  special: 'true or false',
};

/**
 * One of these must hold; for `ne` on other types than ranges, and for `ni`, none. The operator is one that the type
 * is offered, and not `pr`. Throws FhirError `invalid`.
 */
export function readFilterTests(
  parameter: SearchParameter,
  operator: Operator,
  value: string,
  at: number,
  scope: SearchScope,
): readonly Test[] {
  return explainMisread(parameter, value, at, () => mergeTests(testsOf(parameter, operator, value, scope)));
}

/** The same as a condition on the parameter. */
export function readFilterCondition(
  parameter: SearchParameter,
  operator: Operator,
  value: string,
  at: number,
  scope: SearchScope,
): Where {
  const read = () => testsOf(parameter, operator, value, scope);
  return explainMisread(parameter, value, at, () => conditionOn(parameter, [escapeValue(value)], read));
}

function explainMisread<T>(parameter: SearchParameter, value: string, at: number, read: () => T): T {
  if (value === '') throw invalidFilter(at, 'a value that is not empty');
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FhirError) || error.kind !== 'invalid') throw error;
    throw invalidFilter(at, `${WANTED[parameter.type]}, for ${parameter.code}`);
  }
}

function testsOf(parameter: SearchParameter, operator: Operator, value: string, scope: SearchScope): readonly Test[] {
  const read = (text: string, modifier?: Modifier) => parseValue(parameter, modifier, text, scope);
  switch (parameter.type) {
    case 'string':
      return read(escapeValue(value)).map(test => withMode(test, operator));
    case 'token':
      return tokenTests(parameter, operator, longSystem(value, FIRST), scope, read);
    case 'date':
      return operator === 'po' || operator === 'co'
        ? read(`eq${value}`).map(test => overlap(test, operator))
        : read(`${operator}${value}`);
    case 'number':
      return read(`${operator}${value}`);
    case 'quantity':
      return read(`${operator}${longSystem(value, SECOND)}`);
    case 'uri':
      return read(escapeValue(value), SUBSUMES.get(operator));
    case 'reference':
      return read(escapeValue(value), SUBSUMES.get(operator));
    case 'composite':
    case 'special':
      return [];
  }
}

const MODES = new Map<Operator, 'equals' | 'contains' | 'starts' | 'ends'>([
  ['eq', 'equals'],
  ['ne', 'equals'],
  ['co', 'contains'],
  ['sw', 'starts'],
  ['ew', 'ends'],
]);

const withMode = (test: Test, operator: Operator): Test =>
  test.kind === 'string' ? { ...test, mode: MODES.get(operator) ?? test.mode } : test;

const SUBSUMES = new Map<Operator, Modifier>([
  ['ss', { kind: 'below' }],
  ['sb', { kind: 'above' }],
]);

/** Made from the bounds of `eq`, which are the range of the value. */
function overlap(test: Test, operator: 'po' | 'co'): Test {
  if (test.kind !== 'date') return test;
  const any = test.any.map(({ lowMin: low = 0, highMax: high = 0 }) =>
    operator === 'po' ? { lowMax: high, highMin: low } : { lowMax: low, highMin: high },
  );
  return { kind: 'date', any };
}

function tokenTests(
  parameter: SearchParameter,
  operator: Operator,
  value: string,
  { definitions }: SearchScope,
  read: (text: string, modifier?: Modifier) => readonly Test[],
): readonly Test[] {
  if (operator === 'in' || operator === 'ni') return read(escapeValue(value), { kind: 'in' });
  const subsumes = SUBSUMES.get(operator);
  if (subsumes) return read(value, subsumes);
  return read(value).map(test => {
    if (test.kind !== 'token') return test;
    const listed = test.any.flatMap(each => {
      const code = listedCode(parameter, each.code ?? '', definitions);
      return code === undefined ? [each] : [each, { ...each, code }];
    });
    return { kind: 'token', any: listed };
  });
}

/** The code as the parameter's required code list writes it, where that differs in case. */
function listedCode(
  { implied }: SearchParameter,
  code: string,
  { codeLists }: SearchScope['definitions'],
): string | undefined {
  if (implied === undefined) return undefined;
  const folded = code.toLowerCase();
  if (folded !== code && (folded === 'true' || folded === 'false')) return folded;
  const lists = [...codeLists.values()].filter(({ system }) => system === implied);
  if (lists.some(({ codes }) => codes.includes(code))) return undefined;
  return lists.flatMap(({ codes }) => codes).find(each => each.toLowerCase() === folded);
}

/** "For convenience" these names stand for their systems. */
const SYSTEMS: ReadonlyMap<string, string> = new Map([
  ['loinc', 'http://loinc.org'],
  ['snomed', 'http://snomed.info/sct'],
  ['rxnorm', 'http://www.nlm.nih.gov/research/umls/rxnorm'],
  ['ucum', 'http://unitsofmeasure.org'],
]);

/** The system of a token, `loinc|1234-5`, and of a quantity, `5|ucum|mg`. */
const FIRST = /^()(\w+)(?=\|)/;
const SECOND = /^([^|]*\|)(\w+)(?=\||$)/;

const longSystem = (value: string, place: RegExp): string =>
  value.replace(place, (all, before: string, name: string) => {
    const system = SYSTEMS.get(name.toLowerCase());
    return system === undefined ? all : `${before}${system}`;
  });
