/** Rules of resources that define something. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import type { JsonObject, Resource } from '../../../src/fhir/resource.js';
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

const OTHER = 'http://a.example/other';
const FILTERED = 'http://a.example/filtered';
const PARAMETER = 'http://hl7.org/fhir/tools/StructureDefinition/valueset-parameter';
const EXPRESSION = 'http://hl7.org/fhir/StructureDefinition/cqf-expression';
/** Code systems that the rows are about. */
const KNOWN: readonly JsonObject[] = [
  { resourceType: 'CodeSystem', ...HEAD, url: OTHER, content: 'complete', concept: [{ code: 'o' }] },
  {
    resourceType: 'CodeSystem',
    ...HEAD,
    url: FILTERED,
    content: 'complete',
    property: ['Coding', 'boolean', 'integer', 'dateTime', 'code'].map(type => ({ code: type, type })),
    concept: [{ code: 'f' }, { code: 'g' }],
  },
  {
    resourceType: 'ValueSet',
    ...HEAD,
    url: 'http://a.example/some',
    compose: { include: [{ system: FILTERED, concept: [{ code: 'f' }] }] },
  },
];
const filtering = (property: string, op: string, value: string): JsonObject => ({
  resourceType: 'ValueSet',
  ...HEAD,
  compose: { include: [{ system: FILTERED, filter: [{ property, op, value }] }] },
});
const calculated = (language: string, expression: string): JsonObject => ({
  resourceType: 'ValueSet',
  ...HEAD,
  extension: [{ url: PARAMETER, extension: [{ url: 'name', valueCode: 'p-inactive' }] }],
  compose: {
    include: [
      {
        system: FILTERED,
        filter: [
          {
            property: 'boolean',
            op: '=',
            _value: { extension: [{ url: EXPRESSION, valueExpression: { language, expression } }] },
          },
        ],
      },
    ],
  },
});
const standardProperty = (property: JsonObject): JsonObject => ({
  resourceType: 'CodeSystem',
  ...HEAD,
  caseSensitive: true,
  content: 'complete',
  property: [{ uri: 'http://hl7.org/fhir/concept-properties#notSelectable', ...property }],
});
const mapping = (source: string, code: string): JsonObject => ({
  resourceType: 'ConceptMap',
  ...HEAD,
  [source]: 'http://a.example/some',
  group: [{ source: FILTERED, target: OTHER, element: [{ code, target: [{ code: 'o', equivalence: 'equal' }] }] }],
});
const sliced = (path: string, discriminator: string, more: JsonObject = {}): JsonObject => ({
  resourceType: 'StructureDefinition',
  ...HEAD,
  kind: 'resource',
  abstract: false,
  type: 'Observation',
  baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Observation',
  derivation: 'constraint',
  differential: {
    element: [
      { id: 'Observation', path: 'Observation' },
      { id: path, path, slicing: { discriminator: [{ type: 'value', path: discriminator }], rules: 'open' }, ...more },
    ],
  },
});
const DISCRIMINATOR = ['error discriminator-path StructureDefinition.differential.element[1].slicing.discriminator[0]'];
const VALUE = ['error filter-value ValueSet.compose.include[0].filter[0].value'];
const CALCULATION = ['error filter-expression ValueSet.compose.include[0].filter[0].value.extension[0].value'];

type DefinitionRow = readonly [what: string, right: JsonObject, wrong: JsonObject, issues: readonly string[]];
const SOURCE_CODE = ['error source-code ConceptMap.group[0].element[0].code'];

const ROWS: readonly DefinitionRow[] = [
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
  [
    'the types of properties of the standard',
    standardProperty({ code: 'notSelectable', type: 'boolean' }),
    standardProperty({ code: 'notSelectable', type: 'dateTime' }),
    ['error property-type CodeSystem.property[0]'],
  ],
  [
    'the codes of properties of the standard',
    standardProperty({ code: 'abstract', type: 'boolean' }),
    standardProperty({ code: 'inactive', type: 'boolean' }),
    ['error property-code CodeSystem.property[0]'],
  ],
  ...['sourceCanonical', 'sourceUri'].map(
    source =>
      [`mapped codes of ${source}`, mapping(source, 'f'), mapping(source, 'g'), SOURCE_CODE] satisfies DefinitionRow,
  ),
  ['codings of filters', filtering('Coding', '=', `${OTHER}#o`), filtering('Coding', '=', 'o'), VALUE],
  [
    'codes of codings of filters',
    filtering('Coding', '=', `${OTHER}#o`),
    filtering('Coding', '=', `${OTHER}#p`),
    VALUE,
  ],
  ['booleans of filters', filtering('boolean', '=', 'true'), filtering('boolean', '=', 'yes'), VALUE],
  ['integers of filters', filtering('integer', 'in', '1,2'), filtering('integer', 'in', '1,b'), VALUE],
  ['times of filters', filtering('dateTime', '=', '2020-01'), filtering('dateTime', '=', '1/2020'), VALUE],
  ['codes of filters', filtering('code', '=', 'g'), filtering('code', '=', 'h'), VALUE],
  ['concepts of filters', filtering('concept', 'is-a', 'g'), filtering('concept', 'is-a', 'h'), VALUE],
  ['filters by existence', filtering('code', 'exists', 'false'), filtering('code', 'exists', 'g'), VALUE],
  [
    'parameters of a value set',
    calculated('text/fhirpath', "%p-inactive and '%none' != 'a'"),
    calculated('text/fhirpath', '%p-inactive3'),
    CALCULATION,
  ],
  [
    'expressions of a value set',
    calculated('text/fhirpath', '%p-inactive and true'),
    calculated('text/fhirpath', '$ and %p-inactive'),
    CALCULATION,
  ],
  [
    'the language of expressions of a value set',
    calculated('text/fhirpath', '%p-inactive'),
    calculated('text/cql', '%p-inactive'),
    CALCULATION,
  ],
  ['discriminators', sliced('Observation.component', 'code'), sliced('Observation.component', 'kind'), DISCRIMINATOR],
  [
    'discriminators with functions',
    sliced('Observation.extension', "extension('http://a.example').value.ofType(Identifier).type"),
    sliced('Observation.extension', 'value.ofType(Identifier).kind'),
    DISCRIMINATOR,
  ],
  [
    'discriminators behind references',
    sliced('Observation.hasMember', 'resolve().kind'),
    sliced('Observation.hasMember', 'resolved.kind'),
    DISCRIMINATOR,
  ],
  [
    'discriminators of choices',
    sliced('Observation.value[x]', 'coding.code', { type: [{ code: 'CodeableConcept' }] }),
    sliced('Observation.value[x]', 'coding.code', { type: [{ code: 'Quantity' }] }),
    DISCRIMINATOR,
  ],
];

describe('resources that define something', () => {
  before(function () {
    skipWithout(this, 'data', 'r4-packages', 'hl7.fhir.r4.core-4.0.1.tgz');
  });

  for (const [what, right, wrong, issues] of ROWS)
    it(`have rules: ${what}`, async () => {
      const checker = checkerOf([{ origin: 'own', resources: KNOWN as Resource[] }, readCore()!]);
      assert.deepEqual(brief(errorsOf(await issuesOf(checker, right, []))), []);
      assert.deepEqual(brief(errorsOf(await issuesOf(checker, wrong, []))), issues);
    });
});
