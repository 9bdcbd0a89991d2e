/**
 * A small hospital, made up: people and organisations, encounters, conditions, observations, reports, prescriptions and
 * documents that refer to one another, as resources with ids. Deterministic: the same options give the same resources.
 * It is rich in what searches stumble over: equal and missing dates, open periods, several codings, identifiers without
 * a system, names with accents, quotation marks and long texts, quantities with and without units, ranges.
 */
import type { Json, JsonObject, Resource } from '../../src/fhir/resource.js';
import { createRandom, type Random } from './random.js';

export interface PopulationOptions {
  readonly seed?: number;
  /** About 14 resources each. */
  readonly patients?: number;
}

const LOINC = 'http://loinc.org';
const SNOMED = 'http://snomed.info/sct';
const UCUM = 'http://unitsofmeasure.org';
const MRN = 'urn:oid:2.16.840.1.113883.19.5';
const DAY = 86_400_000;
const START = Date.UTC(2020, 0, 1);

const FAMILIES = [
  'Müller',
  'Mueller',
  'Smith',
  'Smithson',
  "O'Neil",
  'van der "Berg"',
  'Ångström',
  'Nguyễn',
  '李',
  'Smith-Jones',
];
const GIVENS = [
  'Ana',
  'Anna',
  'José',
  'Jose',
  'Li',
  'Zoë',
  'Bartholomew Maximilian Alexander the Younger of Northumberland',
  'Al',
];
const CITIES = ['Boston', 'Bostonia', 'São Paulo', 'Köln', 'Springfield'];
const CODES = [
  ['8480-6', 'Systolic blood pressure', 'mm[Hg]'],
  ['8867-4', 'Heart rate', '/min'],
  ['2339-0', 'Glucose', 'mg/dL'],
  ['29463-7', 'Body weight', 'kg'],
  ['718-7', 'Hemoglobin', 'g/dL'],
] as const;
const DISEASES = [
  ['44054006', 'Diabetes'],
  ['38341003', 'Hypertension'],
  ['195967001', 'Asthma'],
] as const;
const DOCUMENTS = [
  ['18842-5', 'Discharge summary'],
  ['34133-9', 'Summary of episode note'],
  ['11488-4', 'Consult note'],
] as const;

const coding = (system: string | undefined, code: string, display?: string): JsonObject => ({
  ...(system === undefined ? {} : { system }),
  code,
  ...(display === undefined ? {} : { display }),
});
const concept = (...codings: JsonObject[]): JsonObject => ({ coding: codings });
const reference = (type: string, id: string): JsonObject => ({ reference: `${type}/${id}` });
const maybe = (present: boolean, element: JsonObject): JsonObject => (present ? element : {});

/** A date or dateTime of some precision, with or without a zone. */
function dateText(random: Random, at: number): string {
  const iso = new Date(at).toISOString();
  return random.pick([
    iso.slice(0, 4),
    iso.slice(0, 7),
    iso.slice(0, 10),
    `${iso.slice(0, 19)}Z`,
    iso,
    `${iso.slice(0, 19)}+02:00`,
  ]);
}
/** Few enough that several resources share one. */
const someTime = (random: Random): number =>
  START + random.below(120) * DAY * 7 + (random.chance(0.5) ? random.below(DAY) : 0);
const instant = (at: number): string => new Date(at).toISOString();

/** All resources of the hospital, referenced ones first. `meta` is left to whoever stores them. */
export function createPopulation({ seed = 1, patients = 20 }: PopulationOptions = {}): Resource[] {
  const random = createRandom(seed);
  const made: Resource[] = [];
  const add = (resourceType: string, id: string, content: JsonObject): string => {
    made.push({ resourceType, id, ...content });
    return id;
  };
  const organizations = ['General Hospital', 'General Practice', 'Höpital'].map((name, i) =>
    add('Organization', `org-${seed}-${i}`, {
      active: i !== 1,
      name,
      identifier: [{ system: 'urn:test:org', value: `${i}` }],
    }),
  );
  const practitioners = [0, 1, 2, 3].map(i =>
    add('Practitioner', `doctor-${seed}-${i}`, {
      active: true,
      name: [{ family: random.pick(FAMILIES), given: [random.pick(GIVENS)] }],
      identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: `99999${i}` }],
    }),
  );
  for (let i = 0; i < patients; i++) {
    const id = add('Patient', idOf(random, 'patient', seed, i), patientOf(random, seed, i, organizations));
    addCare(random, add, { id, practitioners, prefix: `${seed}-${i}` });
  }
  return made;
}

/** Ids as servers and clients make them: UUIDs, server-like ones, and others. */
function idOf(random: Random, name: string, seed: number, i: number): string {
  if (i % 3 === 0) return `${name}-${seed}-${i}`;
  const hex = Array.from({ length: 32 }, () => random.below(16).toString(16)).join('');
  if (i % 3 === 1)
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  return hex.slice(0, 14);
}

function patientOf(random: Random, seed: number, i: number, organizations: readonly string[]): JsonObject {
  const names: Json[] = [
    { use: 'official', family: random.pick(FAMILIES), given: [random.pick(GIVENS), random.pick(GIVENS)] },
  ];
  if (random.chance(0.3)) names.push({ use: 'maiden', family: random.pick(FAMILIES) });
  return {
    identifier: [
      { system: MRN, value: `MRN${seed}-${i}` },
      ...(random.chance(0.3) ? [{ value: `${i}` }] : []),
      ...(random.chance(0.2) ? [{ system: 'urn:test:a-rather-long-identifier-system', value: `x"${i}","y\\` }] : []),
    ],
    active: random.chance(0.9),
    ...maybe(random.chance(0.9), { name: names }),
    gender: random.pick(['male', 'female', 'other', 'unknown']),
    ...maybe(random.chance(0.85), {
      birthDate: instant(START - random.below(90 * 365) * DAY).slice(0, random.pick([4, 7, 10])),
    }),
    ...maybe(random.chance(0.2), { deceasedDateTime: dateText(random, someTime(random)) }),
    address: [{ city: random.pick(CITIES), state: 'MA', postalCode: `0${2000 + random.below(30)}` }],
    telecom: [{ system: 'phone', value: `555-${1000 + i}` }],
    managingOrganization: reference('Organization', random.pick(organizations)),
  };
}

interface Care {
  readonly id: string;
  readonly practitioners: readonly string[];
  readonly prefix: string;
}
type Add = (type: string, id: string, content: JsonObject) => string;

function addCare(random: Random, add: Add, { id, practitioners, prefix }: Care): void {
  const subject = reference('Patient', id);
  const encounters = [0, 1].map(i => {
    const at = someTime(random);
    return add('Encounter', `encounter-${prefix}-${i}`, {
      status: random.pick(['finished', 'in-progress', 'planned']),
      class: coding('http://terminology.hl7.org/CodeSystem/v3-ActCode', random.pick(['AMB', 'IMP', 'EMER'])),
      subject,
      ...maybe(random.chance(0.85), {
        period: { start: instant(at), ...maybe(random.chance(0.8), { end: instant(at + random.below(20) * DAY) }) },
      }),
      participant: [{ individual: reference('Practitioner', random.pick(practitioners)) }],
    });
  });
  for (let i = 0; i < 2; i++) {
    const [code, display] = random.pick(DISEASES);
    add('Condition', `condition-${prefix}-${i}`, {
      clinicalStatus: concept(
        coding('http://terminology.hl7.org/CodeSystem/condition-clinical', random.pick(['active', 'resolved'])),
      ),
      category: [concept(coding('http://terminology.hl7.org/CodeSystem/condition-category', 'problem-list-item'))],
      code: concept(coding(SNOMED, code, display), ...(random.chance(0.3) ? [coding(undefined, display)] : [])),
      subject,
      encounter: reference('Encounter', random.pick(encounters)),
      ...maybe(random.chance(0.7), { onsetDateTime: dateText(random, someTime(random)) }),
      ...maybe(random.chance(0.6), { recordedDate: dateText(random, someTime(random)) }),
    });
  }
  const observations = [0, 1, 2, 3, 4].map(i =>
    add('Observation', `observation-${prefix}-${i}`, observationOf(random, subject, encounters)),
  );
  add('DiagnosticReport', `report-${prefix}`, {
    status: random.pick(['final', 'preliminary']),
    category: [concept(coding('http://terminology.hl7.org/CodeSystem/v2-0074', 'LAB'))],
    code: concept(coding(LOINC, '24323-8')),
    subject,
    ...maybe(random.chance(0.8), { effectiveDateTime: dateText(random, someTime(random)) }),
    result: observations.slice(0, 1 + random.below(3)).map(one => reference('Observation', one)),
  });
  add('MedicationRequest', `prescription-${prefix}`, {
    status: random.pick(['active', 'stopped', 'completed']),
    intent: 'order',
    medicationCodeableConcept: concept(
      coding('http://www.nlm.nih.gov/research/umls/rxnorm', random.pick(['860975', '314076'])),
    ),
    subject,
    requester: reference('Practitioner', random.pick(practitioners)),
    authoredOn: dateText(random, someTime(random)),
  });
  for (let i = 0; i < 2; i++)
    add('DocumentReference', `document-${prefix}-${i}`, documentOf(random, subject, encounters, prefix, i));
}

function observationOf(random: Random, subject: JsonObject, encounters: readonly string[]): JsonObject {
  const [code, display, unit] = random.pick(CODES);
  const at = someTime(random);
  const value = Math.round(random.next() * 2000) / 10;
  const quantity = (n: number): JsonObject => ({
    value: n,
    unit,
    ...maybe(random.chance(0.8), { system: UCUM, code: unit }),
  });
  const effective = random.pick<JsonObject>([
    { effectiveDateTime: dateText(random, at) },
    { effectiveDateTime: instant(START) },
    { effectivePeriod: { start: instant(at), end: instant(at + random.below(3) * DAY) } },
    { effectivePeriod: { start: instant(at) } },
    {},
  ]);
  const result = random.pick<JsonObject>([
    { valueQuantity: quantity(value) },
    { valueQuantity: quantity(value) },
    { valueCodeableConcept: concept(coding(SNOMED, random.pick(['260385009', '10828004']))) },
    { valueString: random.pick(['Negative', 'négative ', 'Positive, "strong"']) },
    { component: [1, 2].map(n => ({ code: concept(coding(LOINC, `c-${n}`)), valueQuantity: quantity(value + n) })) },
    { dataAbsentReason: concept(coding('http://terminology.hl7.org/CodeSystem/data-absent-reason', 'unknown')) },
  ]);
  return {
    status: random.pick(['final', 'amended', 'preliminary']),
    category: [
      concept(
        coding(
          'http://terminology.hl7.org/CodeSystem/observation-category',
          random.pick(['vital-signs', 'laboratory']),
        ),
      ),
    ],
    code: concept(coding(LOINC, code, display), ...(random.chance(0.2) ? [coding('urn:test:local', code)] : [])),
    ...maybe(random.chance(0.9), { subject }),
    ...maybe(random.chance(0.7), { encounter: reference('Encounter', random.pick(encounters)) }),
    ...effective,
    ...result,
  };
}

function documentOf(
  random: Random,
  subject: JsonObject,
  encounters: readonly string[],
  prefix: string,
  i: number,
): JsonObject {
  const [code, display] = random.pick(DOCUMENTS);
  const at = someTime(random);
  return {
    masterIdentifier: { system: 'urn:ietf:rfc:3986', value: `urn:uuid:doc-${prefix}-${i}` },
    status: random.pick(['current', 'superseded']),
    type: concept(coding(LOINC, code, display)),
    category: [concept(coding(LOINC, random.pick(['11488-4', '47039-3'])))],
    subject,
    ...maybe(random.chance(0.9), { date: instant(at) }),
    description: random.pick(['Discharge of the patient', 'discharge Letter', 'Überweisung']),
    content: [
      {
        attachment: {
          contentType: random.pick(['text/plain', 'application/pdf']),
          url: `http://example.org/d/${prefix}/${i}`,
        },
      },
    ],
    context: {
      encounter: [reference('Encounter', random.pick(encounters))],
      period: { start: instant(at - DAY), ...maybe(random.chance(0.5), { end: instant(at) }) },
    },
  };
}
