/** The rows of the specification against extract, parse and match: the definition that stores must agree with. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { FhirError } from '../../../src/fhir/error.js';
import { extract } from '../../../src/search/extract.js';
import { match, type Subject } from '../../../src/search/match.js';
import { createSearchParameters } from '../../../src/search/parameters.js';
import { parseSearch } from '../../../src/search/parse.js';
import { validateStructure } from '../../../src/validation/structure.js';
import { linksAmong } from '../../support/links.js';
import { POPULATION } from './population.js';
import { ROWS } from './rows.js';

const BASE = 'http://127.0.0.1:8080/fhir';

describe('search as the specification describes it', () => {
  const definitions = loadDefinitions();
  const parameters = createSearchParameters(definitions);
  const updated = Date.UTC(2024, 0, 1);
  const subjects = POPULATION.map(
    (resource): Subject => ({
      type: resource.resourceType,
      id: resource.id,
      updated,
      entries: extract(resource, parameters, { bases: [BASE] }),
    }),
  );

  const links = linksAmong(subjects);

  const search = (query: string): string[] => {
    const [type = '', rest = ''] = query.replaceAll('{base}', BASE).split('?');
    const { where } = parseSearch(
      { types: [type], parameters: [...new URLSearchParams(rest)], lenient: false, bases: [BASE] },
      parameters,
      definitions,
    );
    const found = subjects.filter(subject => subject.type === type && match(where, subject, links));
    return found.map(subject => subject.id);
  };

  for (const row of ROWS)
    it(row.name, () => {
      if ('expect' in row) assert.deepEqual(search(row.query).toSorted(), row.expect.toSorted());
      else
        assert.throws(
          () => search(row.query),
          (error: unknown) =>
            error instanceof FhirError && error.status === row.status && error.issues[0]?.detail === row.detail,
        );
    });

  it('searches a population of valid resources', () => {
    for (const resource of POPULATION)
      assert.deepEqual(validateStructure(resource, definitions), [], `${resource.resourceType}/${resource.id}`);
  });

  it('has no two rows of one name', () => {
    assert.equal(new Set(ROWS.map(row => row.name)).size, ROWS.length);
  });

  it('finds every resource of the population by some row', () => {
    const found = new Set(ROWS.flatMap(row => ('expect' in row ? row.expect : [])));
    const unused = new Set(['form']);
    assert.deepEqual(
      POPULATION.map(resource => resource.id).filter(id => !found.has(id) && !unused.has(id)),
      [],
    );
  });
});
