/**
 * Parses a search as the client wrote it to the typed tree and the result options. https://hl7.org/fhir/R4/search.html
 *
 * Nothing is dropped in silence: an unknown parameter or modifier is an error, unless the client asked for lenient
 * handling; then it is left out of `used` (the self link) and named in `ignored`. A value that cannot be understood,
 * of a parameter that is known, is always an error.
 * https://hl7.org/fhir/R4/http.html#unknown-params, https://hl7.org/fhir/R4/search.html#errors
 */
import type { Definitions } from '../fhir/definitions.js';
import { FhirError, type Issue } from '../fhir/error.js';
import { zeroCost } from './cost.js';
import { didYouMean } from '../platform/nearest.js';
import type { SearchParameter, SearchParameters } from './parameters.js';
import { parseCondition } from './parse-condition.js';
import { type SearchInclude, isInclude, parseInclude } from './parse-include.js';
import { all, type SortKey, type Where } from './query.js';
import { invalidValue, findParameter, sharedNames, unsupportedName, type SearchScope, printableName } from './scope.js';

export interface SearchInput {
  /** Concrete resource types, at least one. With several, only parameters that all of them share. */
  readonly types: readonly string[];
  /** Decoded, in the order of the request. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
  readonly lenient: boolean;
  /** The server's own FHIR addresses without a trailing slash. */
  readonly bases: readonly string[];
  /** Names that are handled elsewhere (`_format`, `_type`, paging): neither read nor reported as used. */
  readonly skip?: ReadonlySet<string>;
  /** For `ap` on dates, ms since 1970. */
  readonly now: number;
  /** False: `_text` and `_content` are switched off. */
  readonly fullText?: boolean;
}

export const SUMMARY_VALUES = ['true', 'text', 'data', 'count', 'false'] as const;
export const TOTAL_VALUES = ['none', 'estimate', 'accurate'] as const;
export type SummaryValue = (typeof SUMMARY_VALUES)[number];
export type Total = (typeof TOTAL_VALUES)[number];

export interface ParsedSearch {
  readonly where: Where;
  readonly sort: readonly SortKey[];
  readonly includes: readonly SearchInclude[];
  /** As given; 0 comes with summary `count`. */
  readonly count?: number;
  readonly total?: Total;
  readonly summary?: SummaryValue;
  /** Top-level element names, each once. */
  readonly elements?: readonly string[];
  /** What was used, in the order given, for the self link. */
  readonly used: readonly (readonly [name: string, value: string])[];
  /** Warnings about what lenient handling left out. */
  readonly ignored: readonly Issue[];
}

/** Limits of one search. */
export const MAX_PARAMETERS = 100;
/** A list of 1,000 identifiers with their systems, or of 1,000 references. */
export const MAX_VALUE_BYTES = 65_536;

type Options = { -readonly [K in 'count' | 'total' | 'summary' | 'elements']?: ParsedSearch[K] };

interface ParseState {
  readonly input: SearchInput;
  readonly scope: SearchScope;
  readonly ignored: Issue[];
  readonly options: Options;
  readonly sort: SortKey[];
}

/** Throws FhirError `not-supported` (unknown parameter, modifier), `invalid` (value), `too-costly` (limits). */
export function parseSearch(input: SearchInput, parameters: SearchParameters, definitions: Definitions): ParsedSearch {
  const state: ParseState = {
    input,
    scope: {
      types: input.types,
      bases: input.bases,
      parameters,
      definitions,
      now: input.now,
      cost: zeroCost(),
      fullText: input.fullText ?? true,
    },
    ignored: [],
    options: {},
    sort: [],
  };
  const conditions: Where[] = [];
  const includes: SearchInclude[] = [];
  const used: (readonly [string, string])[] = [];
  const given = input.parameters.filter(([name]) => !input.skip?.has(name));
  if (given.length > MAX_PARAMETERS)
    throw new FhirError('too-costly', `A search may have ${MAX_PARAMETERS} parameters at most.`);
  const seen = new Set<string>();
  for (const [name, value] of given) {
    if (Buffer.byteLength(value) > MAX_VALUE_BYTES)
      throw new FhirError('too-costly', `The value of ${printableName(name)} is longer than ${MAX_VALUE_BYTES} bytes.`);
    const read = RESULTS.get(name);
    if (read && seen.has(name)) throw invalidValue(name, `The parameter ${name} may be given once.`);
    seen.add(name);
    if (value === '') {
      drop(
        state,
        invalidValue(name, `The parameter ${printableName(name)} has no value. Give it one, or leave it out.`),
      );
    } else if (read) {
      const kept = read(value, state, name);
      if (kept !== undefined) used.push([name, kept]);
    } else {
      try {
        if (isInclude(name)) includes.push(parseInclude(name, value, state.scope));
        else conditions.push(parseCondition(name, value, state.scope));
        used.push([name, value]);
      } catch (error) {
        if (!(error instanceof FhirError) || error.kind !== 'not-supported') throw error;
        drop(state, error);
      }
    }
  }
  const { sort, ignored } = state;
  return { where: all(...conditions), sort, includes, ...state.options, used, ignored };
}

/** Reads the value of a result parameter into the state; gives what was used of it, undefined: nothing. */
type ReadOption = (value: string, state: ParseState, name: string) => string | undefined;

const RESULTS: ReadonlyMap<string, ReadOption> = new Map<string, ReadOption>([
  ['_sort', readSort],
  [
    '_count',
    (value, { options }) => {
      if (!/^\d{1,9}$/.test(value))
        throw invalidValue('_count', 'The parameter _count needs a whole number, 0 or more.');
      options.count = Number(value);
      if (options.count === 0) options.summary = 'count';
      return value;
    },
  ],
  ['_total', (value, { options }) => (options.total = oneOf('_total', value, TOTAL_VALUES))],
  [
    '_summary',
    (value, { options }) => {
      const summary = oneOf('_summary', value, SUMMARY_VALUES);
      if (options.count !== 0) options.summary = summary;
      return summary;
    },
  ],
  ['_elements', readElementsOption],
  [
    '_contained',
    (value, state) => {
      if (value === 'false') return value;
      return drop(state, unsupportedName('_contained', 'Contained resources are not searched; leave _contained out.'));
    },
  ],
]);

function readSort(value: string, state: ParseState): string | undefined {
  const kept: string[] = [];
  for (const part of value.split(',')) {
    const code = part.replace(/^-/, '');
    if (code === '')
      throw invalidValue('_sort', 'The parameter _sort needs names, separated by commas, with - to descend.');
    if (!findParameter(code, state.scope)?.sortable) {
      drop(state, unsortable(code, state.scope));
    } else if (!state.sort.some(key => key.code === code)) {
      state.sort.push({ code, descending: part.startsWith('-') });
      kept.push(part);
    }
  }
  return kept.length > 0 ? kept.join(',') : undefined;
}

/** The error names the reason and what can be sorted by: results of several types have only `_id` and `_lastUpdated`. */
function unsortable(code: string, scope: SearchScope): FhirError {
  const parameter = findParameter(code, scope);
  const names = scope.types.length > 1 ? ['_id', '_lastUpdated'] : sharedNames(scope, ({ sortable }) => sortable);
  const where = scope.types.length > 1 ? 'Several types' : scope.types.join();
  const unknown = scope.types.length > 1 ? 'not all types have such a parameter' : 'there is no such parameter';
  const why = parameter ? `${whyUnordered(parameter)}.` : `${unknown}.${didYouMean(code, names)}`;
  return new FhirError(
    'not-supported',
    `_sort cannot order by ${printableName(code)}: ${why} ${where} can be ordered by ${names.toSorted().join(', ')}.`,
    { detail: 'unknown-sort', expression: 'http._sort' },
  );
}

function whyUnordered({ type, nature, code }: SearchParameter): string {
  if (nature === 'sound') return 'sounds have no order';
  return code.startsWith('combo-') ? 'two parameters together have no order' : `${type} parameters have no order`;
}

function readElementsOption(value: string, state: ParseState): string | undefined {
  const { options } = state;
  const kept: string[] = [];
  for (const name of value.split(',')) {
    const known = elementsOf(state).includes(name);
    if (!known) {
      const message = `_elements names ${printableName(name)}, which is no element of the type searched.`;
      drop(state, invalidValue('_elements', message + didYouMean(name, elementsOf(state))));
    } else if (!kept.includes(name)) kept.push(name);
  }
  if (kept.length === 0) return undefined;
  options.elements = kept;
  return kept.join(',');
}

const elementsOf = ({ input, scope }: ParseState): readonly string[] =>
  input.types.flatMap(type => (scope.definitions.types.get(type)?.elements ?? []).map(element => element.name));

function oneOf<T extends string>(name: string, value: string, values: readonly T[]): T {
  const found = values.find(candidate => candidate === value);
  if (found === undefined) throw invalidValue(name, `The parameter ${name} needs one of ${values.join(', ')}.`);
  return found;
}

/** Strict: throws. Lenient: keeps the issue as a warning. */
function drop({ input, ignored }: ParseState, error: FhirError): undefined {
  if (!input.lenient) throw error;
  ignored.push(...error.issues.map(issue => ({ ...issue, severity: 'warning' as const })));
  return undefined;
}
