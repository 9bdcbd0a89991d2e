/**
 * Codes for the rows of token parameters: the same shapes as Coding, CodeableConcept and Identifier, and the other types
 * that a token is read from. https://hl7.org/fhir/R4/search.html#token
 */
import type { JsonObject } from '../../../src/fhir/resource.js';
import { type Known, LOCAL, OTHER, UCUM } from './population.js';

export interface Code {
  readonly system?: string;
  readonly code?: string;
}

/** What one element can say. */
export const SHAPES: readonly (readonly Code[])[] = [
  [{ system: LOCAL, code: 'x' }],
  [{ system: OTHER, code: 'x' }],
  [{ code: 'x' }],
  [{ system: LOCAL, code: 'y' }],
  [{ system: LOCAL, code: 'X' }],
  [{ system: LOCAL }],
  [
    { system: LOCAL, code: 'x' },
    { system: OTHER, code: 'y' },
  ],
  [{ code: 'y' }, { system: OTHER, code: 'z' }],
  [{ system: LOCAL, code: 'xx' }],
  [{ system: `${LOCAL}/deeper`, code: 'x' }],
  [],
];

const SHAPED = SHAPES.map((codes, at) => ({ codes, n: at + 1 }));

/** Meta.tag: Coding, several. */
const tagged: readonly Known[] = SHAPED.map(({ codes, n }) => ({
  resourceType: 'MedicationKnowledge',
  id: `coding-${n}`,
  ...(codes.length > 0 ? { meta: { tag: codes.map(code => ({ ...code })) } } : {}),
}));

/** Medication.code: one CodeableConcept with several codings. */
const concepts: readonly Known[] = SHAPED.map(({ codes, n }) => ({
  resourceType: 'Medication',
  id: `concept-${n}`,
  ...(codes.length > 0 ? { code: { coding: codes.map(code => ({ ...code })) } } : {}),
}));

/** Device.identifier: several. */
const identifiers: readonly Known[] = SHAPED.map(({ codes, n }) => ({
  resourceType: 'Device',
  id: `identifier-${n}`,
  ...(codes.length > 0
    ? {
        identifier: codes.map(
          ({ system, code }): JsonObject => ({
            ...(system === undefined ? {} : { system }),
            ...(code === undefined ? {} : { value: code }),
          }),
        ),
      }
    : {}),
}));

const V2 = 'http://terminology.hl7.org/CodeSystem/v2-0203';

/** Texts beside codes, and types of identifiers. */
const labelled: readonly Known[] = [
  {
    resourceType: 'Specimen',
    id: 'label-1',
    type: { coding: [{ system: LOCAL, code: 'bld', display: 'Whole Blood' }], text: 'Blood, drawn by a needle' },
    identifier: [
      { system: 'urn:lab', value: '12', type: { coding: [{ system: V2, code: 'MR' }], text: 'Medical record number' } },
      { system: 'urn:lab', value: '34', type: { coding: [{ system: V2, code: 'PLAC' }] } },
    ],
  },
  {
    resourceType: 'Specimen',
    id: 'label-2',
    type: { coding: [{ system: LOCAL, code: 'ser', display: 'S\u00e9rum' }] },
    identifier: [{ system: 'urn:lab', value: '34', type: { coding: [{ system: V2, code: 'MR' }] } }],
  },
  {
    resourceType: 'Specimen',
    id: 'label-3',
    type: { text: 'bloody fluid' },
    identifier: [{ value: '12', type: { coding: [{ code: 'MR' }] } }],
  },
  {
    resourceType: 'Specimen',
    id: 'label-4',
    type: { coding: [{ system: LOCAL, code: 'blood' }] },
    identifier: [{ system: 'urn:lab', value: '12' }],
  },
  {
    resourceType: 'Specimen',
    id: 'label-5',
    type: {
      coding: [
        { system: LOCAL, code: 'pls', display: 'Plasma' },
        { system: OTHER, code: 'p', display: 'Blood plasma' },
      ],
    },
    identifier: [
      {
        value: 'a|b',
        type: {
          coding: [
            { system: V2, code: 'MR' },
            { system: OTHER, code: 'own' },
          ],
        },
      },
    ],
  },
  { resourceType: 'Specimen', id: 'label-6' },
];

/** Code, boolean, ContactPoint, string and uri. */
const plain: readonly Known[] = [
  {
    resourceType: 'PractitionerRole',
    id: 'plain-1',
    active: true,
    telecom: [
      { system: 'phone', value: '+31 20 555 0101', use: 'work' },
      { system: 'email', value: 'One@example.org' },
    ],
  },
  {
    resourceType: 'PractitionerRole',
    id: 'plain-2',
    active: false,
    telecom: [{ system: 'fax', value: 'one@example.org' }, { value: '555' }],
  },
  { resourceType: 'PractitionerRole', id: 'plain-3' },
  {
    resourceType: 'AllergyIntolerance',
    id: 'allergy-1',
    patient: { reference: 'Patient/eve' },
    type: 'allergy',
    category: ['food', 'medication'],
    criticality: 'high',
  },
  {
    resourceType: 'AllergyIntolerance',
    id: 'allergy-2',
    patient: { reference: 'Patient/eve' },
    type: 'intolerance',
    category: ['food'],
    criticality: 'low',
  },
  { resourceType: 'AllergyIntolerance', id: 'allergy-3', patient: { reference: 'Patient/evelyn' } },
  { resourceType: 'Measure', id: 'version-1', status: 'draft', version: '1.0.0', experimental: true },
  { resourceType: 'Measure', id: 'version-2', status: 'active', version: '1.0.0-RC', experimental: false },
  {
    resourceType: 'MessageDefinition',
    id: 'event-1',
    status: 'draft',
    date: '2020',
    eventUri: 'http://events.example/admit',
  },
  {
    resourceType: 'MessageDefinition',
    id: 'event-2',
    status: 'draft',
    date: '2020',
    eventCoding: { system: LOCAL, code: 'admit' },
  },
  {
    resourceType: 'Group',
    id: 'traits-1',
    type: 'person',
    actual: true,
    characteristic: [
      { code: { coding: [{ system: LOCAL, code: 'smoker' }] }, valueBoolean: true, exclude: false },
      {
        code: { coding: [{ system: LOCAL, code: 'colour' }] },
        valueCodeableConcept: { coding: [{ system: LOCAL, code: 'red' }] },
        exclude: true,
      },
    ],
  },
  {
    resourceType: 'Group',
    id: 'traits-2',
    type: 'animal',
    actual: false,
    characteristic: [
      { code: { coding: [{ system: LOCAL, code: 'smoker' }] }, valueBoolean: false, exclude: false },
      {
        code: { coding: [{ system: LOCAL, code: 'weight' }] },
        valueQuantity: { value: 5, system: UCUM, code: 'kg' },
        exclude: false,
      },
    ],
  },
];

export const CODED: readonly Known[] = [...tagged, ...concepts, ...identifiers, ...labelled, ...plain];
