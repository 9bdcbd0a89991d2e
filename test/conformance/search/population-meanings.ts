/**
 * What is found by more than its text: canonicals and definitions with versions, URLs with fragments, media types, names by
 * their sound, the first entry of a Bundle.
 */
import type { JsonObject } from '../../../src/fhir/resource.js';
import type { Known } from './population.js';

export const FORM = 'http://forms.example/q';
export const STEPS = 'http://steps.example/a';

const numbered = (resourceType: string, prefix: string, of: readonly JsonObject[]): Known[] =>
  of.map((rest, at) => ({ resourceType, id: `${prefix}-${at + 1}`, ...rest }));

/** QuestionnaireResponse.questionnaire, and the same canonicals as profiles of Basics. */
const NAMED = ['', '|1', '|1.0', '|1.2.3', '|10', '|2.0', '|1-draft', '#part', '|1.0#part'].map(end => FORM + end);
const OTHERS = [
  'http://forms.example/other|1.0',
  'urn:uuid:5f3151bd-1cbf-4d64-b04d-cd9187a4c6e0|1.0',
  `${FORM}/deeper|1.0`,
];

const canonicals: readonly Known[] = [
  ...numbered(
    'QuestionnaireResponse',
    'answer',
    [...NAMED, ...OTHERS].map(questionnaire => ({ status: 'completed', questionnaire })),
  ),
  ...numbered(
    'Basic',
    'basic',
    [...NAMED.map(name => [name]), ...OTHERS.map(name => [name]), [`${FORM}|3.0`, 'http://forms.example/z|1.0']].map(
      profile => ({ meta: { profile }, code: { text: 'profiled' } }),
    ),
  ),
];

/** ActivityDefinitions: definitions with a url and a version of their own. */
const definitions: readonly Known[] = numbered(
  'ActivityDefinition',
  'defined',
  [
    { url: FORM },
    { url: FORM, version: '1.0' },
    { url: FORM, version: '1.2.3' },
    { url: FORM, version: '10' },
    { url: `${FORM}/deeper`, version: '1.0' },
    { url: `${FORM}#part`, version: '1.0' },
    { url: 'urn:oid:1.2.3', version: '1.0' },
    {
      url: 'http://forms.example/derived',
      relatedArtifact: [
        { type: 'derived-from', resource: `${FORM}|1.0` },
        { type: 'depends-on', resource: `${FORM}|2.0` },
      ],
    },
  ].map(rest => ({ status: 'draft', ...rest })),
);

/** Communication.instantiatesUri: no canonical, a bar is a part of it. */
const uris: readonly Known[] = numbered(
  'Communication',
  'step',
  [
    STEPS,
    `${STEPS}#b`,
    `${STEPS}#b/c`,
    `${STEPS}/b`,
    `${STEPS}/b#c`,
    `${STEPS}b`,
    `${STEPS}/`,
    'urn:oid:1.2.3',
    `${STEPS}|1`,
  ].map(uri => ({ status: 'completed', instantiatesUri: [uri] })),
);

/** Library.content: media types with parameters, in other case, long ones. */
export const TYPES = [
  'text/xml',
  'text/xml;charset=utf-8',
  'Text/XML; charset=UTF-8',
  'text/xml-external',
  'image/png',
  'image/svg+xml',
  'application/fhir+json; fhirVersion=4.0',
  'imagery/png',
];
const contents: readonly Known[] = [
  ...numbered(
    'Library',
    'content',
    TYPES.map(contentType => ({ status: 'draft', type: { text: 'content' }, content: [{ contentType }] })),
  ),
  {
    resourceType: 'Subscription',
    id: 'payload-1',
    status: 'off',
    reason: 'rows',
    criteria: 'Observation?code=x',
    channel: { type: 'rest-hook', payload: 'application/fhir+xml; fhirVersion=4.0' },
  },
];

/** InsurancePlan.name: by its sound. */
const sounds: readonly Known[] = numbered(
  'InsurancePlan',
  'sound',
  ['Smith', 'Smyth & Sons', 'Schmidt', 'John-Paul Catherine', 'Иванов', 'O’Brien', '4711', 'Müller'].map(name => ({
    name,
  })),
);

const composition = (rest: JsonObject): JsonObject => ({
  resourceType: 'Composition',
  status: 'final',
  type: { coding: [{ system: 'http://loinc.org', code: '11503-0' }] },
  date: '2020-02-03',
  author: [{ display: 'an author' }],
  title: 'Summary',
  ...rest,
});
const message = (rest: JsonObject): JsonObject => ({
  resourceType: 'MessageHeader',
  eventCoding: { system: 'http://events.example', code: 'admit' },
  source: { endpoint: 'http://sender.example/here' },
  ...rest,
});

/** Bundles: documents and messages, with and without ids of their first entries. */
const bundles: readonly Known[] = numbered('Bundle', 'bundle', [
  {
    type: 'document',
    entry: [
      {
        fullUrl: 'http://a.example/fhir/Composition/c-1',
        resource: composition({ id: 'c-1', subject: { reference: 'Patient/eve' } }),
      },
    ],
  },
  {
    type: 'document',
    entry: [
      {
        fullUrl: 'urn:uuid:6f3151bd-1cbf-4d64-b04d-cd9187a4c6e0',
        resource: composition({ title: 'Letter', status: 'amended' }),
      },
      {
        fullUrl: 'urn:uuid:7f3151bd-1cbf-4d64-b04d-cd9187a4c6e0',
        resource: composition({ title: 'Summary of another', date: '2019' }),
      },
    ],
  },
  {
    type: 'message',
    entry: [{ fullUrl: 'urn:uuid:8f3151bd-1cbf-4d64-b04d-cd9187a4c6e0', resource: message({}) }],
  },
  { type: 'collection', entry: [{ resource: { resourceType: 'Patient', id: 'eve' } }] },
]).map(bundle => ({ ...bundle, timestamp: '2020-01-01T00:00:00Z', identifier: { system: 'urn:b', value: bundle.id } }));

export const MEANT: readonly Known[] = [...canonicals, ...definitions, ...uris, ...contents, ...sounds, ...bundles];
