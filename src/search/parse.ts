/**
 * A search as the client wrote it → the typed tree and the result options. https://hl7.org/fhir/R4/search.html
 *
 * Nothing is dropped in silence: an unknown parameter or modifier is an error, unless the client asked for lenient
 * handling; then it is left out of `used` (the self link) and named in `ignored`. A value that cannot be understood,
 * of a parameter that is known, is always an error.
 * https://hl7.org/fhir/R4/http.html#unknown-params, https://hl7.org/fhir/R4/search.html#errors
 */
import type { Definitions } from '../fhir/definitions.js';
import { FhirError, type Issue } from '../fhir/error.js';
import { nearest } from '../platform/nearest.js';
import type { SearchParameter, SearchParameters, SearchType } from './parameters.js';
import { type Modifier, mergeTests, parseValue } from './parse-value.js';
import { all, any, type SortKey, type Where } from './query.js';
import { splitValue } from './split.js';

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
  /** For `ap` on dates, ms since 1970; the current time where it is not given. */
  readonly now?: number;
}

export const SUMMARIES = ['true', 'text', 'data', 'count', 'false'] as const;
export const TOTALS = ['none', 'estimate', 'accurate'] as const;
export type Summary = (typeof SUMMARIES)[number];
export type Total = (typeof TOTALS)[number];

export interface ParsedSearch {
  readonly where: Where;
  readonly sort: readonly SortKey[];
  /** As given; 0 comes with summary `count`. */
  readonly count?: number;
  readonly total?: Total;
  readonly summary?: Summary;
  /** Top-level element names, each once. */
  readonly elements?: readonly string[];
  /** What was used, in the order given, for the self link. */
  readonly used: readonly (readonly [name: string, value: string])[];
  /** Warnings about what lenient handling left out. */
  readonly ignored: readonly Issue[];
}

/** Limits of one search. */
export const MAX_PARAMETERS = 100;
export const MAX_ALTERNATIVES = 500;
export const MAX_VALUE_BYTES = 8192;

/** The modifiers offered, by parameter type; `[type]` stands for the names of resource types. */
export const MODIFIERS: Readonly<Record<SearchType, readonly string[]>> = {
  string: ['exact', 'contains', 'missing'],
  token: ['not', 'missing'],
  reference: ['[type]', 'identifier', 'missing'],
  date: ['missing'],
  number: ['missing'],
  quantity: ['missing'],
  uri: ['above', 'below', 'missing'],
  composite: ['missing'],
};

type Options = { -readonly [K in 'count' | 'total' | 'summary' | 'elements']?: ParsedSearch[K] };

interface State {
  readonly input: SearchInput;
  readonly parameters: SearchParameters;
  readonly definitions: Definitions;
  readonly now: number;
  readonly ignored: Issue[];
  readonly options: Options;
  readonly sort: SortKey[];
}

/** Throws FhirError `not-supported` (unknown parameter, modifier), `invalid` (value), `too-costly` (limits). */
export function parseSearch(input: SearchInput, parameters: SearchParameters, definitions: Definitions): ParsedSearch {
  const state: State = {
    input,
    parameters,
    definitions,
    now: input.now ?? Date.now(),
    ignored: [],
    options: {},
    sort: [],
  };
  const conditions: Where[] = [];
  const used: (readonly [string, string])[] = [];
  const given = input.parameters.filter(([name]) => !input.skip?.has(name));
  if (given.length > MAX_PARAMETERS)
    throw new FhirError('too-costly', `A search may have ${MAX_PARAMETERS} parameters at most.`);
  const seen = new Set<string>();
  for (const [name, value] of given) {
    if (Buffer.byteLength(value) > MAX_VALUE_BYTES)
      throw new FhirError('too-costly', `The value of ${shown(name)} is longer than ${MAX_VALUE_BYTES} bytes.`);
    const read = RESULTS.get(name);
    if (read && seen.has(name)) throw invalid(name, `The parameter ${name} may be given once.`);
    seen.add(name);
    if (value === '') {
      drop(state, invalid(name, `The parameter ${shown(name)} has no value. Give it one, or leave it out.`));
    } else if (read) {
      const kept = read(value, state, name);
      if (kept !== undefined) used.push([name, kept]);
    } else {
      const condition = parseCondition(name, value, state);
      if (condition) {
        conditions.push(condition);
        used.push([name, value]);
      }
    }
  }
  return { where: all(...conditions), sort: state.sort, ...state.options, used, ignored: state.ignored };
}

/** Reads the value of a result parameter into the state; gives what was used of it, undefined: nothing. */
type Read = (value: string, state: State, name: string) => string | undefined;

const RESULTS: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['_sort', readSort],
  [
    '_count',
    (value, { options }) => {
      if (!/^\d{1,9}$/.test(value)) throw invalid('_count', 'The parameter _count needs a whole number, 0 or more.');
      options.count = Number(value);
      if (options.count === 0) options.summary = 'count';
      return value;
    },
  ],
  ['_total', (value, { options }) => (options.total = oneOf('_total', value, TOTALS))],
  [
    '_summary',
    (value, { options }) => {
      const summary = oneOf('_summary', value, SUMMARIES);
      if (options.count !== 0) options.summary = summary;
      return summary;
    },
  ],
  ['_elements', readElements],
  [
    '_contained',
    (value, state) => {
      if (value === 'false') return value;
      return drop(state, refused('_contained', 'Contained resources are not searched; leave _contained out.'));
    },
  ],
]);

function readSort(value: string, state: State): string | undefined {
  const kept: string[] = [];
  for (const part of value.split(',')) {
    const code = part.replace(/^-/, '');
    if (code === '') throw invalid('_sort', 'The parameter _sort needs names, separated by commas, with - to descend.');
    if (!lookUp(code, state)?.sortable) {
      const message = `_sort cannot order by ${shown(code)} here.`;
      drop(
        state,
        new FhirError('not-supported', message + hint(code, state), {
          detail: 'unknown-sort',
          expression: 'http._sort',
        }),
      );
    } else if (!state.sort.some(key => key.code === code)) {
      state.sort.push({ code, descending: part.startsWith('-') });
      kept.push(part);
    }
  }
  return kept.length > 0 ? kept.join(',') : undefined;
}

function readElements(value: string, state: State): string | undefined {
  const { input, definitions, options } = state;
  const kept: string[] = [];
  for (const name of value.split(',')) {
    const known = input.types.some(type =>
      definitions.types.get(type)?.elements.some(element => element.name === name),
    );
    if (!known)
      drop(state, invalid('_elements', `_elements names ${shown(name)}, which is no element of the type searched.`));
    else if (!kept.includes(name)) kept.push(name);
  }
  if (kept.length === 0) return undefined;
  options.elements = kept;
  return kept.join(',');
}

function oneOf<T extends string>(name: string, value: string, values: readonly T[]): T {
  const found = values.find(candidate => candidate === value);
  if (found === undefined) throw invalid(name, `The parameter ${name} needs one of ${values.join(', ')}.`);
  return found;
}

/** Undefined: left out by lenient handling. */
function parseCondition(name: string, value: string, state: State): Where | undefined {
  const { input } = state;
  const refusal = REFUSED.get(name.split(':', 1)[0]!);
  if (refusal !== undefined) return drop(state, refused(name, refusal));
  if (name.includes('.')) return drop(state, refused(name, `Chained parameters (${shown(name)}) are not offered.`));
  const colon = name.indexOf(':');
  const code = colon < 0 ? name : name.slice(0, colon);
  const parameter = lookUp(code, state);
  if (!parameter) {
    const types = input.types.length > 3 ? 'all types searched' : input.types.join(', ');
    const message = `The search parameter ${shown(code)} is not known for ${types}.${hint(code, state)}`;
    return drop(state, refused(name, message));
  }
  const suffix = colon < 0 ? undefined : name.slice(colon + 1);
  if (suffix === 'missing') {
    if (value !== 'true' && value !== 'false') throw invalid(name, `${name} needs true or false.`);
    const present: Where = { kind: 'present', code };
    return value === 'true' ? { kind: 'not', of: present } : present;
  }
  const modifier = suffix === undefined ? undefined : modifierOf(parameter, suffix, state);
  if (suffix !== undefined && !modifier) {
    const allowed = MODIFIERS[parameter.type]
      .map(allow => (allow === '[type]' ? typesOf(parameter) : allow))
      .join(', ');
    const message = `The parameter ${code} (${parameter.type}) has no modifier ${shown(suffix)} here; it allows ${allowed}.`;
    return drop(
      state,
      new FhirError('not-supported', message, { detail: 'unknown-modifier', expression: `http.${code}` }),
    );
  }
  const values = splitValue(value, ',');
  if (values.length > MAX_ALTERNATIVES)
    throw new FhirError('too-costly', `The parameter ${code} has more than ${MAX_ALTERNATIVES} values.`);
  if (values.includes('')) throw invalid(name, `The parameter ${code} has an empty value between commas.`);
  const context = { bases: input.bases, now: state.now };
  const tests = mergeTests(values.flatMap(each => parseValue(parameter, modifier, each, context)));
  const condition = any(...tests.map((test): Where => ({ kind: 'param', code, test })));
  return modifier?.kind === 'not' ? { kind: 'not', of: condition } : condition;
}

function modifierOf(parameter: SearchParameter, suffix: string, { definitions }: State): Modifier | undefined {
  // A canonical has neither a type nor an identifier beside it.
  if (parameter.type === 'reference' && !parameter.elements.has('Reference')) return undefined;
  if (parameter.type === 'reference' && suffix !== 'identifier') {
    const known = definitions.types.get(suffix)?.kind === 'resource';
    const allowed = parameter.targets.length === 0 || parameter.targets.includes(suffix);
    return known && allowed ? { kind: 'type', type: suffix } : undefined;
  }
  const kinds = ['exact', 'contains', 'not', 'identifier', 'above', 'below'] as const;
  const kind = kinds.find(candidate => candidate === suffix);
  return kind !== undefined && MODIFIERS[parameter.type].includes(kind) ? { kind } : undefined;
}

const typesOf = ({ targets }: SearchParameter) =>
  targets.length === 0 || targets.length > 8 ? 'a resource type' : targets.join(', ');

const REFUSED: ReadonlyMap<string, string> = new Map([
  ['_has', 'Reverse chaining (_has) is not offered.'],
  ['_include', 'Including referenced resources (_include) is not offered.'],
  ['_revinclude', 'Including referring resources (_revinclude) is not offered.'],
  ['_filter', 'Filter expressions (_filter) are not offered; use the search parameters of the type.'],
  ['_text', 'Full text search (_text) is not offered; use the string parameters of the type.'],
  ['_content', 'Full text search (_content) is not offered; use the string parameters of the type.'],
  ['_list', 'Searching through a List (_list) is not offered; read the List and search by _id.'],
  ['_query', 'Named queries (_query) are not offered.'],
  ['_containedType', 'Contained resources are not searched; leave _containedType out.'],
]);

/** The parameter, if all types searched have it with one type; then with everything that any of them reads. */
function lookUp(code: string, { input, parameters }: State): SearchParameter | undefined {
  const [first, ...others] = input.types.map(type => parameters.get(type, code));
  if (!first || others.length === 0) return first;
  const same = others.filter(other => other?.type === first.type).map(other => other!);
  if (same.length < others.length) return undefined;
  const whole = [first, ...same];
  return {
    ...first,
    elements: new Set(whole.flatMap(({ elements }) => [...elements])),
    targets: whole.some(({ targets }) => targets.length === 0)
      ? []
      : [...new Set(whole.flatMap(({ targets }) => targets))],
  };
}

const refused = (name: string, message: string) =>
  new FhirError('not-supported', message, { detail: 'unknown-parameter', expression: `http.${shown(name)}` });

const invalid = (name: string, message: string) =>
  new FhirError('invalid', message, { detail: 'invalid-value', expression: `http.${shown(name)}` });

/** Strict: throws. Lenient: keeps the issue as a warning. */
function drop({ input, ignored }: State, error: FhirError): undefined {
  if (!input.lenient) throw error;
  ignored.push(...error.issues.map(issue => ({ ...issue, severity: 'warning' as const })));
  return undefined;
}

/** A name as a message may carry it. */
const shown = (name: string) => (/^[\w:.-]{1,64}$/.test(name) ? name : '(a name with other characters)');

/** " Did you mean …?" for the nearest known name, or where to look. */
function hint(code: string, { input, parameters }: State): string {
  const known = [...parameters.of(input.types[0] ?? '').keys()];
  const best = nearest(code, known) ?? nearest(code.replaceAll('_', '-'), known);
  return best === undefined ? ' The CapabilityStatement lists what is.' : ` Did you mean ${best}?`;
}
