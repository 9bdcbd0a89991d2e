/**
 * A small population for the rows of the specification. Everything is valid R4 and self-contained; ids say what a
 * resource is there for.
 */
import type { JsonObject, Resource } from '../../../src/fhir/resource.js';

export const MRN = 'http://hospital.example/mrn';
export const UCUM = 'http://unitsofmeasure.org';
export const LOCAL = 'http://codes.example/local';
export const OTHER = 'http://codes.example/other';
export const ELSEWHERE = 'https://elsewhere.example/fhir';

/** A resource with its id. */
export type Known = Resource & { id: string };

const text = (status: string, value: string) => ({ coding: [{ system: LOCAL, code: value }], text: status });

const observation = (id: string, code: string, rest: JsonObject): Known => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: text(code, code),
  ...rest,
});

const patients: readonly Known[] = [
  {
    resourceType: 'Patient',
    id: 'eve',
    meta: {
      profile: ['http://profiles.example/patient|1.0'],
      tag: [{ system: LOCAL, code: 'first' }],
      security: [{ system: LOCAL, code: 'restricted' }],
      source: 'http://feeds.example/adt',
    },
    identifier: [{ system: MRN, value: '12345' }],
    active: true,
    name: [{ text: 'Eve Anne Everywoman', family: 'Everywoman', given: ['Eve', 'Anne'] }],
    telecom: [
      { system: 'phone', value: '555-0100' },
      { system: 'email', value: 'eve@example.org' },
    ],
    gender: 'female',
    birthDate: '1980-05-17',
    address: [{ line: ['12 Canal Street'], city: 'Amsterdam', postalCode: '1017', country: 'NL' }],
    managingOrganization: { reference: 'Organization/org-1' },
  },
  {
    resourceType: 'Patient',
    id: 'evelyn',
    meta: { tag: [{ system: LOCAL, code: 'second' }], profile: ['http://profiles.example/patient/child'] },
    identifier: [{ system: 'http://other.example/mrn', value: '12345' }],
    active: false,
    name: [{ family: 'Brown', given: ['EVELYN'] }],
    gender: 'female',
    birthDate: '1980-05',
  },
  {
    resourceType: 'Patient',
    id: 'severin',
    identifier: [{ value: '12345' }],
    name: [{ family: 'Green', given: ['Severin'] }],
    gender: 'male',
    birthDate: '1980',
    deceasedDateTime: '2020-02-01',
  },
  {
    resourceType: 'Patient',
    id: 'muller',
    identifier: [{ system: MRN, value: 'A-1' }],
    name: [{ family: 'Müller', given: ['Zoë'] }],
    gender: 'other',
    deceasedBoolean: true,
  },
  {
    resourceType: 'Patient',
    id: 'plain',
    identifier: [{ system: MRN, value: 'a-1' }],
    name: [{ family: 'MULLER', given: ['Jo  Ann'] }],
    deceasedBoolean: false,
  },
  {
    resourceType: 'Patient',
    id: 'odd',
    identifier: [
      { system: MRN, value: 'x,y' },
      { system: MRN, value: 'p|q' },
      { system: MRN, value: 'd$e' },
      { system: MRN, value: 'b\\s' },
    ],
    name: [{ family: 'Smith, Jr' }],
  },
  { resourceType: 'Patient', id: 'bare' },
];

const dates: readonly Known[] = [
  observation('d-year', 'date', { effectiveDateTime: '2013' }),
  observation('d-month', 'date', { effectiveDateTime: '2013-01' }),
  observation('d-day', 'date', { effectiveDateTime: '2013-01-14' }),
  observation('d-second', 'date', { effectiveDateTime: '2013-01-14T10:00:00Z' }),
  observation('d-instant', 'date', { effectiveInstant: '2013-01-14T10:00:00.500Z' }),
  observation('d-zone', 'date', { effectiveDateTime: '2013-01-14T23:30:00-02:00' }),
  observation('d-period', 'date', { effectivePeriod: { start: '2013-01-10', end: '2013-01-20' } }),
  observation('d-until', 'date', { effectivePeriod: { end: '2013-01-14' } }),
  observation('d-since', 'date', { effectivePeriod: { start: '2013-01-14' } }),
  observation('d-timing', 'date', { effectiveTiming: { event: ['2013-03-01', '2013-01-14'] } }),
  observation('d-before', 'date', { effectiveDateTime: '2013-01-13T12:00:00Z' }),
  observation('d-next', 'date', { effectiveDateTime: '2013-01-15' }),
  observation('d-later', 'date', { effectiveDateTime: '2013-02-02' }),
  observation('d-old', 'date', { effectiveDateTime: '1950-01-01' }),
  observation('d-none', 'date', {}),
];

const risk = (id: string, probability: JsonObject): Known => ({
  resourceType: 'RiskAssessment',
  id,
  status: 'final',
  subject: { reference: 'Patient/eve' },
  prediction: [{ outcome: { text: 'a fall' }, ...probability }],
});

const numbers: readonly Known[] = [
  risk('n-9.4', { probabilityDecimal: 9.4 }),
  risk('n-9.5', { probabilityDecimal: 9.5 }),
  risk('n-10', { probabilityDecimal: 10 }),
  risk('n-10.4', { probabilityDecimal: 10.4 }),
  risk('n-10.5', { probabilityDecimal: 10.5 }),
  risk('n-range', { probabilityRange: { low: { value: 9 }, high: { value: 11 } } }),
  risk('n-none', {}),
];

const quantity = (id: string, value: JsonObject) => observation(id, 'dose', { valueQuantity: value });
const mg = (value: number) => ({ value, unit: 'milligram', system: UCUM, code: 'mg' });

const quantities: readonly Known[] = [
  quantity('q-5.4', mg(5.4)),
  quantity('q-5.35', mg(5.35)),
  quantity('q-5.45', mg(5.45)),
  quantity('q-5.9', mg(5.9)),
  quantity('q-gram', { value: 5.4, unit: 'g', system: UCUM, code: 'g' }),
  quantity('q-text', { value: 5.4, unit: 'mg' }),
  quantity('q-bare', { value: 5.4 }),
  quantity('q-local', { value: 5.4, unit: 'mg', system: LOCAL, code: 'mg' }),
  quantity('q-100', { value: 100, unit: '%', system: UCUM, code: '%' }),
  quantity('q-99.5', { value: 99.5, unit: '%', system: UCUM, code: '%' }),
  quantity('q-negative', { value: -5.4, unit: 'mg', system: UCUM, code: 'mg' }),
  observation('q-none', 'dose', {}),
  {
    resourceType: 'Condition',
    id: 'q-age',
    subject: { reference: 'Patient/eve' },
    onsetAge: { value: 40, unit: 'years', system: UCUM, code: 'a' },
  },
  {
    resourceType: 'Condition',
    id: 'q-ages',
    subject: { reference: 'Patient/eve' },
    onsetRange: { low: { value: 30, system: UCUM, code: 'a' }, high: { value: 50, system: UCUM, code: 'a' } },
  },
  {
    resourceType: 'Invoice',
    id: 'q-money',
    status: 'issued',
    totalNet: { value: 12.5, currency: 'EUR' },
  },
];

const ucum = (id: string, value: number, code: string): Known =>
  observation(`uc-${id}`, 'units', { valueQuantity: { value, system: UCUM, code } });

const pressureIn = (id: string, code: string, systolic: number, diastolic: number): Known =>
  observation(`uc-${id}`, 'units', {
    component: [
      { code: text('upper', 'upper'), valueQuantity: { value: systolic, system: UCUM, code } },
      { code: text('lower', 'lower'), valueQuantity: { value: diastolic, system: UCUM, code } },
    ],
  });

/** The same amounts in different units. */
const units: readonly Known[] = [
  ucum('mg', 5.4, 'mg'),
  ucum('g', 0.0054, 'g'),
  ucum('ug', 5400, 'ug'),
  ucum('mg-least', 5.395, 'mg'),
  ucum('mg-most', 5.405, 'mg'),
  ucum('kg', 5.4, 'kg'),
  ucum('pound', 11.904962158, '[lb_av]'),
  ucum('no-code', 5.4, 'milligram'),
  observation('uc-local', 'units', { valueQuantity: { value: 5.4, system: LOCAL, code: 'mg' } }),
  observation('uc-text', 'units', { valueQuantity: { value: 5.4, unit: 'mg' } }),
  ucum('mmol', 5.1, 'mmol/L'),
  ucum('umol', 5100, 'umol/L'),
  ucum('litre', 5.1, '/L'),
  ucum('mmhg', 120, 'mm[Hg]'),
  ucum('kpa', 16, 'kPa'),
  ucum('cel', 37, 'Cel'),
  ucum('degf', 98.6, '[degF]'),
  ucum('fever', 39.5, 'Cel'),
  ucum('kelvin', 310.15, 'K'),
  ucum('inch', 70, '[in_i]'),
  ucum('cm', 177.8, 'cm'),
  ucum('hour', 1.5, 'h'),
  ucum('minute', 90, 'min'),
  ucum('percent', 40, '%'),
  ucum('one', 0.4, '1'),
  ucum('thousands', 7, '10*3/uL'),
  ucum('billions', 7, '10*9/L'),
  ucum('cells', 7000, '{cells}/uL'),
  ucum('iu', 3, '[iU]/mL'),
  ucum('arb', 3, "[arb'U]/mL"),
  ucum('acid', 7, '[pH]'),
  pressureIn('bp', 'kPa', 20, 12),
  pressureIn('bp-odd', 'kPa', 12, 20),
];

const references: readonly Known[] = [
  observation('r-relative', 'reference', { subject: { reference: 'Patient/eve' } }),
  observation('r-version', 'reference', { subject: { reference: 'Patient/eve/_history/1' } }),
  observation('r-group', 'reference', { subject: { reference: 'Group/eve' } }),
  observation('r-other', 'reference', { subject: { reference: 'Patient/evelyn' } }),
  observation('r-foreign', 'reference', { subject: { reference: `${ELSEWHERE}/Patient/eve` } }),
  observation('r-logical', 'reference', { subject: { type: 'Patient', identifier: { system: MRN, value: '12345' } } }),
  observation('r-none', 'reference', {}),
];

const pressure = (id: string, systolic: number, diastolic: number): Known =>
  observation(id, 'pressure', {
    component: [
      {
        code: { coding: [{ system: LOCAL, code: 'systolic' }] },
        valueQuantity: { value: systolic, system: UCUM, code: 'mm[Hg]' },
      },
      {
        code: { coding: [{ system: LOCAL, code: 'diastolic' }] },
        valueQuantity: { value: diastolic, system: UCUM, code: 'mm[Hg]' },
      },
    ],
  });

const valueSet = (id: string, url: string): Known => ({ resourceType: 'ValueSet', id, status: 'draft', url });

export const POPULATION: readonly Known[] = [
  ...patients,
  ...dates,
  ...numbers,
  ...quantities,
  ...units,
  ...references,
  pressure('bp-high', 150, 90),
  pressure('bp-odd', 90, 150),
  { resourceType: 'Organization', id: 'org-1', name: 'General Hospital', alias: ['The General'] },
  { resourceType: 'Group', id: 'eve', type: 'person', actual: true },
  valueSet('u-root', 'http://acme.example/fhir/ValueSet'),
  valueSet('u-child', 'http://acme.example/fhir/ValueSet/colours'),
  valueSet('u-grandchild', 'http://acme.example/fhir/ValueSet/colours/warm'),
  valueSet('u-sibling', 'http://acme.example/fhir/ValueSets'),
  valueSet('u-case', 'http://acme.example/fhir/valueset'),
  valueSet('u-urn', 'urn:oid:1.2.3'),
  {
    resourceType: 'Questionnaire',
    id: 'form',
    status: 'draft',
    url: 'http://acme.example/fhir/Questionnaire/form',
  },
  {
    resourceType: 'QuestionnaireResponse',
    id: 'c-versioned',
    status: 'completed',
    questionnaire: 'http://acme.example/fhir/Questionnaire/form|2',
  },
  {
    resourceType: 'QuestionnaireResponse',
    id: 'c-plain',
    status: 'completed',
    questionnaire: 'http://acme.example/fhir/Questionnaire/form',
  },
  {
    resourceType: 'DocumentReference',
    id: 'doc-1',
    status: 'current',
    content: [{ attachment: { contentType: 'application/pdf', url: 'http://files.example/1.pdf' } }],
  },
  {
    resourceType: 'DocumentReference',
    id: 'doc-2',
    status: 'superseded',
    relatesTo: [{ code: 'replaces', target: { reference: 'DocumentReference/doc-1' } }],
    content: [{ attachment: { contentType: 'text/plain' } }],
  },
];
