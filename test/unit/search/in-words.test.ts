/** Conditions as people read them. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { parseCriteria } from '../../../src/search/criteria.js';
import { conditionInWords } from '../../../src/search/in-words.js';
import { createSearchParameters } from '../../../src/search/parameters.js';
import { ANY_RESOURCE, NO_RESOURCE, type Where } from '../../../src/search/query.js';

const definitions = loadDefinitions();
const parameters = createSearchParameters(definitions);
const parsed = (type: string, query: string): Where =>
  parseCriteria(
    { types: [type], parameters: [...new URLSearchParams(query)], bases: ['http://localhost/fhir'], now: 0 },
    parameters,
    definitions,
  );

const ROWS: readonly (readonly [type: string, query: string, words: string | RegExp])[] = [
  ['Observation', 'category=laboratory', 'category=laboratory'],
  ['Observation', 'code=http://loinc.org|1-8,|x', 'code=http://loinc.org|1-8,|x'],
  ['Observation', 'status:not=final', 'not status=final'],
  ['Observation', 'code=a&subject=Patient/1', 'code=a and subject=Patient/1'],
  ['Observation', 'subject=Patient/1,Patient/2&code=a', /^\(subject=Patient\/1 or subject=Patient\/2\) and code=a$/],
  ['Observation', 'code:missing=true', 'not code:missing=false'],
  ['Observation', 'code:text=ab', 'code:text=ab'],
  ['Observation', 'code:in=http://x/vs', 'code:in=http://x/vs'],
  ['Observation', 'patient.organization=Organization/1', 'patient:Patient.organization=Organization/1'],
  ['Patient', '_has:Observation:patient:code=a', '_has:Observation:patient:code=a'],
  ['Patient', 'family=Ab&given:exact=C&name:contains=d', 'family=ab and given:exact=C and name:contains=d'],
  ['Patient', 'organization:identifier=s|v', 'organization:identifier=s|v'],
  ['Patient', 'birthdate=2000-01-01', /^birthdate begins from 2000-01-01T00:00:00\.000Z, ends until 2000-01-01T23:59/],
  ['ValueSet', 'url:below=http://x', 'url:below=http://x'],
  ['Observation', 'code-value-concept=a$b', 'code-value-concept=a$b'],
  ['Observation', 'value-quantity=gt5', /^value-quantity .*from 5/],
  ['Patient', 'identifier:of-type=s|c|v', 'identifier:of-type=s|c|v'],
];

describe('a condition in words', () => {
  for (const [type, query, words] of ROWS)
    it(`${type}?${query}`, () => {
      const told = conditionInWords(parsed(type, query));
      if (typeof words === 'string') assert.equal(told, words);
      else assert.match(told, words);
    });

  it('of everything, and of nothing', () => {
    assert.deepEqual([ANY_RESOURCE, NO_RESOURCE].map(conditionInWords), ['everything', 'nothing']);
  });
});
