/** The rows of `_filter` that follow references, against match with the population behind it. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { extract } from '../../../src/search/extract.js';
import { match, type Resolver, type Subject } from '../../../src/search/match.js';
import { createSearchParameters } from '../../../src/search/parameters.js';
import { parseSearch } from '../../../src/search/parse.js';
import { POPULATION } from './population.js';
import { FILTER_CHAINS } from './rows-filter.js';

describe('_filter along references', () => {
  const definitions = loadDefinitions();
  const parameters = createSearchParameters(definitions);
  const subjects = POPULATION.map(
    (resource): Subject => ({
      type: resource.resourceType,
      id: resource.id,
      updated: 0,
      entries: extract(resource, parameters, { bases: [] }),
    }),
  );
  const refers = (from: Subject, code: string, to: Subject) =>
    from.entries.some(
      entry => entry.parameter === code && entry.kind === 'reference' && entry.type === to.type && entry.id === to.id,
    );
  const resolver: Resolver = {
    follow: (subject, code, to) => subjects.filter(other => other.type === to && refers(subject, code, other)),
    referring: (subject, from, code) => subjects.filter(other => other.type === from && refers(other, code, subject)),
    says: () => false,
  };

  for (const row of FILTER_CHAINS)
    it(row.name, () => {
      const [type = '', rest = ''] = row.query.split('?');
      const { where } = parseSearch(
        { types: [type], parameters: [...new URLSearchParams(rest)], lenient: false, bases: [] },
        parameters,
        definitions,
      );
      const found = subjects.filter(subject => subject.type === type && match(where, subject, resolver));
      assert.ok('expect' in row);
      assert.deepEqual(found.map(({ id }) => id).toSorted(), row.expect.toSorted());
    });
});
