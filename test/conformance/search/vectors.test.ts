/**
 * Queries with the number of their matches, as another server's tests have them, over that project's R4 fixtures.
 * What differs is named with its reason.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import type { Resource } from '../../../src/fhir/resource.js';
import { extract } from '../../../src/search/extract.js';
import { match, type Subject } from '../../../src/search/match.js';
import { createSearchParameters } from '../../../src/search/parameters.js';
import { parseSearch } from '../../../src/search/parse.js';
import { linksAmong } from '../../support/links.js';
import { readText, skipWithout } from '../../support/shared.js';

interface Vectors {
  readonly fixtures: Readonly<Record<string, Resource & { id: string }>>;
  readonly cases: readonly { readonly resourceType: string; readonly query: string; readonly matchCount: number }[];
}

/** Queries that mean something else in R4, or need a population that the fixtures do not hold. */
const DIFFERENT: readonly [query: RegExp, reason: string][] = [
  [/^Patient\?(_id:not=|_profile:missing=false|active:missing=true|_id=example$)/, 'one more patient was loaded there'],
  [/\$185.*,|,http.*\$/, 'a comma ends a composite value: both parts belong to each alternative'],
  [/[^|]\|(lbs|c[lL]\/s)$/, 'system|code compares the code, not the printed unit'],
  [/identifier=\|/, 'an identifier with a system is not one without'],
  [/telecom=phone\|/, 'a contact point has no token system in R4'],
  [/multiplebirth|name-use/, 'parameters of that project'],
];

describe('search vectors of another project', () => {
  it('give the same numbers of matches', function () {
    const file = skipWithout(this, 'data', 'search-vectors', 'r4-search.json');
    const { fixtures, cases } = JSON.parse(readText(file)) as Vectors;
    const definitions = loadDefinitions();
    const parameters = createSearchParameters(definitions);
    const subjects = Object.values(fixtures).map(
      (resource): Subject => ({
        type: resource.resourceType,
        id: resource.id,
        updated: 0,
        entries: extract(resource, parameters, { bases: [] }),
      }),
    );
    const links = linksAmong(subjects);
    let compared = 0;
    for (const { resourceType, query, matchCount } of cases) {
      if (!definitions.resourceTypes.includes(resourceType)) continue;
      const whole = `${resourceType}?${query}`;
      if (DIFFERENT.some(([pattern]) => pattern.test(whole))) continue;
      const given = [...new URLSearchParams(query)];
      const { where } = parseSearch(
        { types: [resourceType], parameters: given, lenient: false, bases: [], now: Date.now() },
        parameters,
        definitions,
      );
      const found = subjects.filter(one => one.type === resourceType && match(where, one, links)).length;
      assert.equal(found, matchCount, whole);
      compared++;
    }
    assert.ok(compared > 70, `only ${compared} were compared`);
  });
});
