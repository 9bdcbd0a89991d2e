/** The rows of the specification against extract, parse and match: the definition that stores must agree with. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { FhirError } from '../../../src/fhir/error.js';
import { extract } from '../../../src/search/extract.js';
import { match, type Subject } from '../../../src/search/match.js';
import { createSearchParameters } from '../../../src/search/parameters.js';
import { parseSearch } from '../../../src/search/parse.js';
import { validateStructure } from '../../../src/validation/gate/structure.js';
import { linksAmong } from '../../support/links.js';
import { EVERYTHING } from './everything.js';
import type { Row } from './row.js';
import { GROUPS, ROWS } from './rows.js';

const BASE = 'http://127.0.0.1:8080/fhir';

describe('search as the specification describes it', () => {
  const definitions = loadDefinitions();
  const parameters = createSearchParameters(definitions);
  const updated = Date.UTC(2024, 0, 1);
  const subjects = EVERYTHING.map(
    (resource): Subject => ({
      type: resource.resourceType,
      id: resource.id,
      updated,
      entries: extract(resource, parameters, { bases: [BASE] }),
    }),
  );
  const byType = new Map<string, Subject[]>();
  for (const subject of subjects) byType.set(subject.type, [...(byType.get(subject.type) ?? []), subject]);

  const links = linksAmong(subjects);

  const search = (query: string): string[] => {
    const [type = '', rest = ''] = query.replaceAll('{base}', BASE).split('?');
    const { where } = parseSearch(
      { types: [type], parameters: [...new URLSearchParams(rest)], lenient: false, bases: [BASE], now: Date.now() },
      parameters,
      definitions,
    );
    return (byType.get(type) ?? []).filter(subject => match(where, subject, links)).map(({ id }) => id);
  };

  const check = (row: Row) =>
    it(row.name, () => {
      if ('expect' in row) assert.deepEqual(search(row.query).toSorted(), row.expect.toSorted());
      else
        assert.throws(
          () => search(row.query),
          (error: unknown) => {
            assert.ok(error instanceof FhirError, String(error));
            assert.deepEqual([error.status, error.issues[0]?.detail], [row.status, row.detail], error.message);
            return true;
          },
        );
    });

  ROWS.forEach(check);
});

describe('the rows of the specification', () => {
  it('are many', () => {
    const queries = new Set(ROWS.map(row => row.query));
    assert.ok(queries.size >= 1500, `${queries.size} queries`);
  });

  it('begin with one that finds something, in every group, and find something more often than not', () => {
    for (const { title, rows } of GROUPS) {
      const finding = rows.filter(row => 'expect' in row && row.expect.length > 0);
      assert.equal(finding[0], rows[0], `The first row of "${title}" is no positive control.`);
      assert.ok(
        finding.length * 2 > rows.length,
        `${finding.length} of ${rows.length} rows of "${title}" find something.`,
      );
    }
  });

  it('have no name twice', () => {
    assert.deepEqual(repeated(ROWS.map(row => row.name)), []);
  });

  it('search resources that are valid, each with an id of its own', () => {
    const definitions = loadDefinitions();
    for (const resource of EVERYTHING)
      assert.deepEqual(validateStructure(resource, definitions), [], `${resource.resourceType}/${resource.id}`);
    assert.deepEqual(repeated(EVERYTHING.map(({ resourceType, id }) => `${resourceType}/${id}`)), []);
  });

  it('find every resource', () => {
    const found = new Set(
      ROWS.flatMap(row => ('expect' in row ? row.expect.map(id => `${row.query.split('?')[0]}/${id}`) : [])),
    );
    const unused = new Set(['Questionnaire/form', 'List/list-1', 'List/list-2']);
    assert.deepEqual(
      EVERYTHING.map(({ resourceType, id }) => `${resourceType}/${id}`).filter(
        name => !found.has(name) && !unused.has(name),
      ),
      [],
    );
  });

  it('find something by every composite parameter of every type', () => {
    const parameters = createSearchParameters(loadDefinitions());
    const wanted = loadDefinitions().resourceTypes.flatMap(type =>
      [...parameters.of(type)].flatMap(([code, { type: kind }]) => (kind === 'composite' ? [`${type}?${code}=`] : [])),
    );
    assert.ok(wanted.length > 70, `${wanted.length} composite parameters`);
    const without = wanted.filter(
      start => !ROWS.some(row => 'expect' in row && row.expect.length > 0 && row.query.startsWith(start)),
    );
    assert.deepEqual(without, []);
  });

  it('find something with every prefix, of dates, numbers and quantities', () => {
    const wanted = [
      'Observation?code=time&date',
      'RiskAssessment?probability',
      'Observation?code=amount&value-quantity',
    ];
    for (const start of wanted)
      for (const prefix of ['', 'eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'])
        assert.ok(
          ROWS.some(row => 'expect' in row && row.expect.length > 0 && row.query.startsWith(`${start}=${prefix}`)),
          `${start}=${prefix}`,
        );
  });
});

const repeated = (texts: readonly string[]) => texts.filter((text, at) => texts.indexOf(text) !== at);
