/**
 * How a search is answered, for administrators: what was understood, what the store is asked, how it goes about it and
 * what that costs. `GET [base]/Observation?…&_explain=true` gives it as Parameters, `chartroom explain` as text.
 */
import { FhirError } from '../../fhir/error.js';
import type { Where } from '../../search/query.js';
import type { Query } from '../../search/query.js';
import type { Explanation } from '../../store/store.js';
import type { Context } from '../engine.js';
import type { Outcome, Parameters } from '../interaction.js';

export const EXPLAIN = '_explain';

/** What is told about one search. */
export interface SearchExplanation {
  /** As it was parsed. */
  readonly understood: Where;
  /** What the store is asked, chains and value sets resolved. */
  readonly asked: Query;
  /** What is decided row by row, above the store. */
  readonly rest?: Where;
  readonly store: Explanation;
}

/** Whether the caller wants to know. Throws `forbidden` for roles that may not, `invalid` for another value. */
export function wantsExplanation({ engine, principal }: Context, parameters: Parameters): boolean {
  const value = parameters.find(([name]) => name === EXPLAIN)?.[1];
  if (value === undefined || value === 'false') return false;
  if (value !== 'true')
    throw new FhirError('invalid', '_explain must be true or false.', { expression: `http.${EXPLAIN}` });
  if (!engine.decide(principal, { operation: EXPLAIN }).allow)
    throw new FhirError('forbidden', 'This role may not see how a search is answered.');
  return true;
}

export function explanation(told: SearchExplanation): Outcome {
  const { understood, asked, rest, store } = told;
  const text = (name: string, value: unknown) => ({ name, valueString: printCompact(value) });
  const number = (name: string, value: number | undefined) =>
    value === undefined ? [] : [{ name, valueDecimal: value }];
  const parameter = [
    text('understood', understood),
    text('asked', asked),
    ...(rest ? [text('rest', rest)] : []),
    text('driver', store.driver),
    ...store.filter.map(filter => text('filter', filter)),
    text('order', store.order),
    { name: 'ordered-by-index', valueBoolean: store.ordered },
    ...store.statements.map(statement => ({ name: 'statement', valueString: statement })),
    ...store.steps.map(step => ({ name: 'step', valueString: step })),
    ...number('keys-examined', store.keys),
    ...number('documents-examined', store.documents),
    ...number('rows', store.rows),
    ...number('milliseconds', Math.round(store.milliseconds * 1000) / 1000),
  ];
  return {
    result: { status: 200, text: Buffer.from(JSON.stringify({ resourceType: 'Parameters', parameter })), patients: [] },
  };
}

/** Elements of a long list that are shown. */
const SHOWN = 20;

/** Compact JSON; sets as lists, long lists cut. */
export const printCompact = (value: unknown): string =>
  JSON.stringify(value, (_, member: unknown) => {
    const list = member instanceof Set ? [...member] : member;
    return Array.isArray(list) && list.length > SHOWN
      ? [...list.slice(0, SHOWN), `… ${list.length - SHOWN} more`]
      : list;
  });
