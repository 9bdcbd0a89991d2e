/** A search in the place of something else: criteria of a conditional interaction, the condition of a duty. */
import type { Definitions } from '../fhir/definitions.js';
import { FhirError } from '../fhir/error.js';
import type { SearchParameters } from './parameters.js';
import { parseSearch, type SearchInput } from './parse.js';
import type { Where } from './query.js';

/** What it means. Throws as parseSearch does; `invalid` where it is about the form of an answer, or selects everything. */
export function parseCriteria(
  input: Omit<SearchInput, 'lenient' | 'skip'>,
  parameters: SearchParameters,
  definitions: Definitions,
): Where {
  const parsed = parseSearch({ ...input, lenient: false }, parameters, definitions);
  const { where, sort, includes, count, total, summary, elements } = parsed;
  if (sort.length > 0 || includes.length > 0 || [count, total, summary, elements].some(option => option !== undefined))
    throw new FhirError('invalid', 'Criteria hold conditions alone, nothing about the form of an answer.', {
      expression: 'http.criteria',
      detail: 'criteria-with-options',
    });
  if (where.kind === 'all' && where.of.length === 0)
    throw new FhirError('invalid', 'Criteria must be given: without any, every resource of the type would be meant.', {
      expression: 'http.criteria',
      detail: 'no-criteria',
    });
  return where;
}
