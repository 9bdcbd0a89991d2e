/** The shapes of the growth benchmark. Each makes its searches from chance, over all patients loaded so far. */
import type { Random } from '../support/random.js';
import { encounterId, familyOf, LATER, observationId, patientId, practitionerId, RARE } from './growth-population.js';
import { LOINC, MRN, PANEL, person } from './population.js';

export interface Shape {
  readonly name: string;
  /** A search, or `Observation/id` to read. `patients`: how many there are. */
  readonly ask: (random: Random, patients: number) => string;
  /** Resolved above the store: asked over HTTP alone. */
  readonly http?: true;
  /** Why it may get dearer as the store grows. */
  readonly grows?: string;
  /** Fewest rows that a right answer has. */
  readonly least: number;
}

const GLUCOSE = `${LOINC}|2345-7`;
const UNIT = 'http://unitsofmeasure.org|mg/dL';
const chronic = (random: Random, patients: number) => patientId(random.below(patients / 10) * 10);
const someone = (random: Random, patients: number) => patientId(random.below(patients));
const fixed = (name: string, search: string, least: number, more: Partial<Shape> = {}): Shape => ({
  name,
  ask: () => search,
  least,
  ...more,
});

export const SHAPES: readonly Shape[] = [
  { name: 'read', ask: (r, n) => `Observation/${observationId(r.below(n), r.below(25))}`, least: 1 },
  { name: 'identifier', ask: (r, n) => `Patient?identifier=${MRN}|${person(r.below(n)).mrn}`, least: 1 },
  { name: 'family', ask: (r, n) => `Patient?family=${familyOf(r.below(n)).toLowerCase()}`, least: 1 },
  {
    name: 'patient, code, date sorted',
    ask: (r, n) => `Observation?patient=${chronic(r, n)}&code=${LOINC}|${PANEL}&date=ge2024-02-01&_sort=-date`,
    least: 50,
  },
  {
    name: 'patient, category newest',
    ask: (r, n) => `Observation?patient=${chronic(r, n)}&category=vital-signs&_sort=-date`,
    least: 50,
  },
  fixed('code newest', `Observation?code=${GLUCOSE}&_sort=-date`, 50),
  fixed('code, broad values', `Observation?code=${GLUCOSE}&value-quantity=gt90`, 50),
  fixed('code, narrow values', `Observation?code=${GLUCOSE}&value-quantity=gt${RARE.value}`, 10),
  fixed('composite, narrow values', `Observation?code-value-quantity=${GLUCOSE}$gt${RARE.value}|${UNIT}`, 10),
  fixed('values alone, narrow', `Observation?value-quantity=gt${RARE.value}|${UNIT}`, 10),
  fixed('values alone, broad', `Observation?value-quantity=gt90|${UNIT}`, 50),
  fixed('status common', 'Observation?status=final', 50),
  fixed('status rare', 'Observation?status=entered-in-error', 10),
  fixed('status rare, category', 'Observation?category=laboratory&status=entered-in-error&_sort=-date', 0),
  fixed('type rare', `Encounter?type=${RARE.encounterType}`, 10),
  fixed('tag rare', `Observation?_tag=${RARE.tag}`, 10),
  fixed('document type rare', `DocumentReference?type=${LOINC}|${RARE.documentType}`, 10),
  fixed('task status rare', 'Task?status=rejected', 10),
  fixed('category common, by date', 'Observation?category=laboratory&_sort=-date', 50),
  fixed('component or code', `Observation?combo-code=${LOINC}|8480-6`, 50),
  { name: 'encounter', ask: (r, n) => `Observation?encounter=${encounterId(r.below(n), r.below(4))}`, least: 0 },
  fixed('code:not', `Observation?code:not=${GLUCOSE}`, 50),
  fixed('code:missing rare', 'Condition?code:missing=true', 10),
  fixed('date, open ends only', `Encounter?date=ge${LATER}`, 10),
  fixed('date window', 'Observation?date=ge2025-03-01&date=lt2025-03-04', 50),
  fixed('lastUpdated newest', 'Observation?_sort=-_lastUpdated', 50),
  fixed('status rare, lastUpdated', 'Observation?status=entered-in-error&_sort=-_lastUpdated', 10),
  fixed('sorted by family', 'Patient?_sort=family', 50),
  fixed('gender, sorted by family', 'Patient?gender=female&_sort=family', 50),
  fixed('sorted by id', 'Observation?_sort=_id', 50),
  { name: 'audit of a patient', ask: (r, n) => `AuditEvent?patient=${someone(r, n)}&date=ge2024`, least: 1 },
  {
    name: 'audit of an agent',
    ask: (r, n) => `AuditEvent?agent=Practitioner/${practitionerId(r.below(n))}&date=ge2025&_sort=-date`,
    least: 1,
  },
  fixed('audit of a day', 'AuditEvent?date=2025-03-01&_sort=-date', 1, { grows: 'so do the answers, up to a page' }),
  fixed('name:contains', 'Patient?family:contains=kker1', 1, { grows: 'every name is looked at' }),
  {
    name: 'chain, identifier',
    ask: (r, n) => `Observation?patient.identifier=${MRN}|${person(r.below(n)).mrn}&code=${GLUCOSE}`,
    http: true,
    least: 0,
  },
  {
    name: 'chain, family',
    ask: (r, n) => `Observation?patient:Patient.family=${familyOf(r.below(n)).toLowerCase()}&code=${GLUCOSE}`,
    http: true,
    least: 0,
  },
  fixed('_has rare', `Patient?_has:Observation:patient:code=${LOINC}|${RARE.code}`, 10, { http: true }),
  {
    name: '_has of one patient',
    ask: (r, n) =>
      `Patient?identifier=${MRN}|${person(r.below(n)).mrn}&_has:Observation:patient:code=${LOINC}|${PANEL}`,
    http: true,
    least: 0,
  },
  {
    name: '_revinclude',
    ask: (r, n) => `Patient?_id=${someone(r, n)}&_revinclude=Observation:patient`,
    http: true,
    least: 2,
  },
];
