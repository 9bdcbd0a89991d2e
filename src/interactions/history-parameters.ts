/**
 * The parameters of a history (https://hl7.org/fhir/R4/http.html#history): _since, _at and _count, and as searches have
 * them _summary, _elements, _total and, by _lastUpdated alone, _sort; of the system _type, too. Others are refused, because
 * leaving one out would change what the answer means.
 *
 * Choice: the history of the system passes over the audit trail, unless _type names it.
 */
import { parseGivenDateTime, type Span } from '../fhir/datetime.js';
import { FhirError } from '../fhir/error.js';
import type { HistoryOf } from '../store/store.js';
import type { Context, Engine } from './engine.js';
import type { Of, Parameters, View } from './interaction.js';
import { sortOut } from './unknown-parameters.js';
import { clampCount } from './response/paging.js';
import { TRAIL, typesNamed } from './search/types-named.js';
import { readElements, readSummary } from './response/summary-view.js';

export interface HistoryAsked {
  readonly of: HistoryOf;
  /** Versions of a page. */
  readonly limit: number;
  readonly oldestFirst: boolean;
  /** `_total` asks for it. */
  readonly counted: boolean;
  /** Only the number of versions is wanted. */
  readonly countOnly: boolean;
  readonly view: View;
  /** The parameters as they were used. */
  readonly used: Parameters;
}

/** What a value changes of what is asked. Throws `invalid`. */
type Read = (value: string, asked: HistoryAsked, engine: Engine, types: readonly string[]) => Partial<HistoryAsked>;

const badHistoryParameter = (name: string, allowed: string): FhirError =>
  new FhirError('invalid', `${name} must be ${allowed}.`, {
    expression: `http.${name}`,
    detail: 'bad-parameter-value',
  });

function spanOf(name: string, value: string, allowed: string): Span {
  const span = parseGivenDateTime(value);
  if (!span) throw badHistoryParameter(name, allowed);
  return span;
}

const READ: ReadonlyMap<string, Read> = new Map<string, Read>([
  [
    '_count',
    (value, { countOnly }, engine) => {
      if (!/^\d{1,9}$/.test(value)) throw badHistoryParameter('_count', 'a whole number, 0 or more');
      const limit = clampCount(engine, Number(value));
      return { limit, countOnly: countOnly || limit === 0 };
    },
  ],
  ['_since', (value, { of }) => ({ of: { ...of, since: spanOf('_since', value, 'an instant').low } })],
  ['_at', (value, { of }) => ({ of: { ...of, at: spanOf('_at', value, 'a date or dateTime') } })],
  [
    '_sort',
    value => {
      if (value !== '_lastUpdated' && value !== '-_lastUpdated')
        throw badHistoryParameter('_sort', '_lastUpdated or -_lastUpdated: a history is in the order of time');
      return { oldestFirst: value === '_lastUpdated' };
    },
  ],
  [
    '_total',
    value => {
      if (!['none', 'estimate', 'accurate'].includes(value))
        throw badHistoryParameter('_total', 'one of none, estimate, accurate');
      return { counted: value !== 'none' };
    },
  ],
  [
    '_summary',
    (value, { view }) => {
      const summary = readSummary(value);
      return summary === 'count' ? { countOnly: true } : { view: { ...view, summary } };
    },
  ],
  [
    '_elements',
    (value, { view }, engine, types) => ({ view: { ...view, elements: readElements(engine, types, value) } }),
  ],
]);

/** What is asked, without what a lenient client lets us pass over. Throws `not-supported`. */
export const historyParameters = (given: Parameters, { type, lenient }: Of<'history'>): Parameters =>
  sortOut(given, [...READ.keys(), ...(type === undefined ? ['_type'] : [])], lenient, 'A history').known;

/** `given`: what `historyParameters` gave. */
export function readHistoryParameters(
  { engine, view }: Context,
  { type, id }: Of<'history'>,
  given: Parameters,
): HistoryAsked {
  const isOfSystem = (name: string): boolean => name === '_type' && type === undefined;
  const named = typesNamed(
    engine,
    given.flatMap(([name, value]) => (isOfSystem(name) ? [value] : [])),
    view,
  );
  const every = engine.definitions.resourceTypes.filter(name => name !== TRAIL && view.shows(name));
  const types = type === undefined ? (named.length > 0 ? named : every) : [type];
  const asked: HistoryAsked = {
    of: { ...(type === undefined ? { types } : { type }), ...(id === undefined ? {} : { id }) },
    limit: engine.settings.pageSize,
    oldestFirst: false,
    counted: false,
    countOnly: false,
    view: {},
    used: [],
  };
  const seen = new Set<string>();
  for (const [name, value] of given.filter(([each]) => !isOfSystem(each))) {
    const read = READ.get(name)!;
    if (seen.has(name)) throw badHistoryParameter(name, 'given once');
    seen.add(name);
    Object.assign(asked, read(value, asked, engine, types));
  }
  const { limit } = asked;
  return { ...asked, used: given.map(([name, value]) => [name, name === '_count' ? String(limit) : value]) };
}
