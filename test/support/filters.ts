/** What the tests of `_filter` share: filters and plain searches as conditions, and the refusals of filters. */
import assert from 'node:assert/strict';
import { loadDefinitions } from '../../src/fhir/definitions.js';
import { FhirError } from '../../src/fhir/error.js';
import { parseFilter } from '../../src/search/filter.js';
import { createSearchParameters } from '../../src/search/parameters.js';
import { parseCondition } from '../../src/search/parse-condition.js';
import type { Test, Where } from '../../src/search/query.js';
import type { SearchScope } from '../../src/search/scope.js';

export const definitions = loadDefinitions();
export const parameters = createSearchParameters(definitions);
export const BASES = ['http://fhir.example/r4'];
const NOW = Date.UTC(2024, 0, 1);

export const scope = (...types: readonly string[]): SearchScope => ({
  types,
  parameters,
  definitions,
  bases: BASES,
  now: NOW,
});
export const filter = (type: string, text: string): Where => parseFilter(text, scope(type));
/** `name=value` as a plain search understands it. */
export const plain = (type: string, pair: string): Where => {
  const at = pair.indexOf('=');
  return parseCondition(pair.slice(0, at), pair.slice(at + 1), scope(type));
};
export const not = (of: Where): Where => ({ kind: 'not', of });
export const param = (code: string, test: Test): Where => ({ kind: 'param', code, test });
export const present = (code: string): Where => ({ kind: 'present', code });

export function refusal(type: string, text: string): FhirError {
  try {
    filter(type, text);
  } catch (error) {
    if (error instanceof FhirError) return error;
    throw error;
  }
  return assert.fail(`${text.slice(0, 200)} was accepted`);
}
