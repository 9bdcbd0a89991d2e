/**
 * A made-up population for load: about sixty resources a patient in the proportions of an outpatient record, two years
 * back from a fixed day. Deterministic: the same number of patients gives the same texts, but for the ids, which the
 * server assigns. Every tenth patient is chronically ill and has 120 readings of one code more.
 */
import { createRandom, type Random } from '../support/random.js';

type Json = Readonly<Record<string, unknown>>;

export const MRN = 'http://hospital.example/mrn';
export const LOINC = 'http://loinc.org';
/** Of the blood pressure panel, of which the chronically ill have many. */
export const PANEL = '85354-9';
const END = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;

const FAMILIES = `Abbott Bakker Carvalho Dimitrov Eriksen Fischer Garcia Haddad Ivanova Jansen Keller Lindqvist Moreau
  Novak Okafor Pereira Quinn Rossi Schmidt Tanaka Ueda Vellinga Weber Xu Yilmaz Zhang`.split(/\s+/);
const GIVENS = 'Ada Bram Chloe Davi Elin Femi Greta Hugo Ines Jonas Karim Lena Mika Nora Omar Pia'.split(' ');
const LABS = [
  ['2345-7', 'Glucose', 'mg/dL', 95],
  ['2160-0', 'Creatinine', 'mg/dL', 1],
  ['718-7', 'Hemoglobin', 'g/dL', 14],
  ['2823-3', 'Potassium', 'mmol/L', 4],
  ['2951-2', 'Sodium', 'mmol/L', 140],
  ['4548-4', 'Hemoglobin A1c', '%', 6],
] as const;
const VITALS = [
  ['8867-4', 'Heart rate', '/min', 72],
  ['29463-7', 'Body weight', 'kg', 78],
  ['8310-5', 'Body temperature', 'Cel', 37],
] as const;
const PROBLEMS = ['44054006', '38341003', '195967001', '13645005', '73211009'];

export interface Person {
  readonly index: number;
  readonly family: string;
  readonly mrn: string;
  readonly chronic: boolean;
  readonly resource: Json;
}

const concept = (system: string, code: string, display?: string) => ({
  coding: [{ system, code, ...(display === undefined ? {} : { display }) }],
  ...(display === undefined ? {} : { text: display }),
});
const category = (code: string) => concept('http://terminology.hl7.org/CodeSystem/observation-category', code);
const when = (random: Random): string => new Date(END - random.below(730 * 24) * 3_600_000).toISOString();
const many = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);

export function person(index: number): Person {
  const random = createRandom(index + 1);
  const family = FAMILIES[index % FAMILIES.length]!;
  const mrn = `M${String(index).padStart(7, '0')}`;
  const resource = {
    resourceType: 'Patient',
    active: true,
    identifier: [
      { use: 'usual', system: MRN, value: mrn },
      { use: 'secondary', system: 'http://insurance.example/member', value: `K${random.below(1e9)}` },
    ],
    name: [{ use: 'official', family, given: [random.pick(GIVENS)] }],
    telecom: [{ system: 'phone', value: `+31 6 ${10_000_000 + random.below(80_000_000)}`, use: 'mobile' }],
    gender: random.chance(0.5) ? 'female' : 'male',
    birthDate: new Date(END - (20 * 365 + random.below(60 * 365)) * DAY).toISOString().slice(0, 10),
    address: [
      {
        line: [`${1 + random.below(200)} Canal Street`],
        city: 'Harbourtown',
        postalCode: String(10_000 + (index % 90)),
        country: 'NL',
      },
    ],
  };
  return { index, family, mrn, chronic: index % 10 === 0, resource };
}

const subjectOf = (patient: string) => ({ reference: `Patient/${patient}` });

export function encounters({ index }: Person, patient: string): Json[] {
  const random = createRandom(index + 1_000_003);
  return many(4, () => {
    const start = when(random);
    return {
      resourceType: 'Encounter',
      status: 'finished',
      class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB', display: 'ambulatory' },
      type: [concept('http://snomed.info/sct', '185349003', 'Encounter for check up')],
      subject: subjectOf(patient),
      period: { start, end: new Date(Date.parse(start) + 1_800_000).toISOString() },
    };
  });
}

/** A blood pressure (`panel`), else a laboratory value or a vital sign. */
export function observation(random: Random, patient: string, encounter: string, panel: boolean): Json {
  const at = when(random);
  const common = {
    resourceType: 'Observation',
    status: 'final',
    subject: subjectOf(patient),
    encounter: { reference: `Encounter/${encounter}` },
    effectiveDateTime: at,
    issued: at,
  };
  const quantity = (value: number, unit: string) => ({
    value: Math.round(value * 10) / 10,
    unit,
    system: 'http://unitsofmeasure.org',
    code: unit,
  });
  if (panel)
    return {
      ...common,
      category: [category('vital-signs')],
      code: concept(LOINC, PANEL, 'Blood pressure panel'),
      component: [
        { code: concept(LOINC, '8480-6', 'Systolic'), valueQuantity: quantity(110 + random.below(40), 'mm[Hg]') },
        { code: concept(LOINC, '8462-4', 'Diastolic'), valueQuantity: quantity(70 + random.below(20), 'mm[Hg]') },
      ],
    };
  const lab = random.chance(0.6);
  const [code, display, unit, usual] = lab ? random.pick(LABS) : random.pick(VITALS);
  return {
    ...common,
    category: [category(lab ? 'laboratory' : 'vital-signs')],
    code: concept(LOINC, code, display),
    valueQuantity: quantity(usual * (0.8 + 0.4 * random.next()), unit),
  };
}

/** Everything of a patient that refers to the patient and to an encounter. */
export function chart(one: Person, patient: string, visits: readonly string[]): Json[] {
  const random = createRandom(one.index + 2_000_003);
  const subject = subjectOf(patient);
  const encounter = () => ({ reference: `Encounter/${random.pick(visits)}` });
  return [
    ...many(25, () => observation(random, patient, random.pick(visits), false)),
    ...many(one.chronic ? 123 : 3, () => observation(random, patient, random.pick(visits), true)),
    ...many(3, () => ({
      resourceType: 'Condition',
      clinicalStatus: concept('http://terminology.hl7.org/CodeSystem/condition-clinical', 'active'),
      category: [concept('http://terminology.hl7.org/CodeSystem/condition-category', 'problem-list-item')],
      code: concept('http://snomed.info/sct', random.pick(PROBLEMS)),
      subject,
      encounter: encounter(),
      recordedDate: when(random),
    })),
    ...many(4, () => ({
      resourceType: 'MedicationRequest',
      status: 'active',
      intent: 'order',
      medicationCodeableConcept: concept(
        'http://www.nlm.nih.gov/research/umls/rxnorm',
        `${310_000 + random.below(900)}`,
      ),
      subject,
      encounter: encounter(),
      authoredOn: when(random),
      dosageInstruction: [{ text: 'One tablet daily' }],
    })),
    ...many(3, () => ({
      resourceType: 'Procedure',
      status: 'completed',
      code: concept('http://snomed.info/sct', '430193006', 'Medication reconciliation'),
      subject,
      encounter: encounter(),
      performedDateTime: when(random),
    })),
    ...many(2, () => ({
      resourceType: 'Immunization',
      status: 'completed',
      vaccineCode: concept('http://hl7.org/fhir/sid/cvx', '140'),
      patient: subject,
      encounter: encounter(),
      occurrenceDateTime: when(random),
    })),
    ...many(2, () => ({
      resourceType: 'DiagnosticReport',
      status: 'final',
      category: [concept('http://terminology.hl7.org/CodeSystem/v2-0074', 'LAB')],
      code: concept(LOINC, '51990-0', 'Basic metabolic panel'),
      subject,
      encounter: encounter(),
      effectiveDateTime: when(random),
    })),
    ...many(2, () => ({
      resourceType: 'DocumentReference',
      status: 'current',
      type: concept(LOINC, '11506-3', 'Progress note'),
      category: [concept('http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category', 'clinical-note')],
      subject,
      date: when(random),
      content: [
        {
          attachment: { contentType: 'text/plain', data: Buffer.from('Seen and well. '.repeat(20)).toString('base64') },
        },
      ],
      context: { encounter: [encounter()] },
    })),
  ];
}
