/** Rules of resources that define something. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import type { JsonObject } from '../../../src/fhir/resource.js';
import { brief, checkerOf, errorsOf, issuesOf, readCore } from '../../support/profiles.js';
import { skipWithout } from '../../support/shared.js';

const HEAD: JsonObject = { url: 'http://a.example/d', name: 'D', status: 'draft', description: 'd' };
const search = (more: JsonObject): JsonObject => ({
  resourceType: 'SearchParameter',
  ...HEAD,
  code: 'name',
  expression: 'Organization.name',
  derivedFrom: 'http://hl7.org/fhir/SearchParameter/Organization-name',
  ...more,
});
const offering = (type: string): JsonObject => ({
  resourceType: 'CapabilityStatement',
  ...HEAD,
  date: '2026',
  kind: 'instance',
  fhirVersion: '4.0.1',
  format: ['json'],
  implementation: { description: 'a' },
  rest: [
    {
      mode: 'server',
      resource: [
        {
          type: 'Organization',
          searchParam: [{ name: 'name', type, definition: 'http://hl7.org/fhir/SearchParameter/Organization-name' }],
        },
      ],
    },
  ],
});
const valueSet = (system: string): JsonObject => ({
  resourceType: 'ValueSet',
  ...HEAD,
  compose: { include: [{ system }] },
});
const codeSystem = (property: JsonObject[], given: JsonObject): JsonObject => ({
  resourceType: 'CodeSystem',
  ...HEAD,
  caseSensitive: true,
  content: 'complete',
  property,
  concept: [{ code: 'a', concept: [{ code: 'b', property: [given] }] }],
});
const rank = { code: 'rank', uri: 'http://a.example/rank', type: 'integer' };

const ROWS: readonly (readonly [what: string, right: JsonObject, wrong: JsonObject, issues: readonly string[]])[] = [
  [
    'the type of a derived search parameter',
    search({ type: 'string', base: ['Organization'] }),
    search({ type: 'token', base: ['Organization'] }),
    ['error derived-type SearchParameter'],
  ],
  [
    'the bases of a derived search parameter',
    search({ type: 'string', base: ['Organization'] }),
    search({ type: 'string', base: ['Patient'] }),
    ['error derived-base SearchParameter'],
  ],
  [
    'the type of an offered search parameter',
    offering('string'),
    offering('date'),
    ['error search-type CapabilityStatement.rest[0].resource[0].searchParam[0]'],
  ],
  [
    'the systems of a value set',
    valueSet('http://loinc.org'),
    valueSet('#own'),
    ['error relative-system ValueSet.compose.include[0].system'],
  ],
  [
    'the names of properties',
    codeSystem([rank], { code: 'rank', valueInteger: 1 }),
    codeSystem([rank, { ...rank, uri: 'http://a.example/r' }], { code: 'rank', valueInteger: 1 }),
    ['error double-property CodeSystem.property[1]'],
  ],
  [
    'the uris of properties',
    codeSystem([rank], { code: 'rank', valueInteger: 1 }),
    codeSystem([rank, { ...rank, code: 'r' }], { code: 'rank', valueInteger: 1 }),
    ['error double-property CodeSystem.property[1]'],
  ],
  [
    'the types of properties',
    codeSystem([rank], { code: 'rank', valueInteger: 1 }),
    codeSystem([rank], { code: 'rank', valueString: '1' }),
    ['error property-type CodeSystem.concept[0].concept[0].property[0]'],
  ],
];

describe('resources that define something', () => {
  before(function () {
    skipWithout(this, 'data', 'r4-packages', 'hl7.fhir.r4.core-4.0.1.tgz');
  });

  for (const [what, right, wrong, issues] of ROWS)
    it(`have rules: ${what}`, async () => {
      const checker = checkerOf([readCore()!]);
      assert.deepEqual(brief(errorsOf(await issuesOf(checker, right, []))), []);
      assert.deepEqual(brief(errorsOf(await issuesOf(checker, wrong, []))), issues);
    });
});
