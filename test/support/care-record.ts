/** A record by hand, for documents that are made of one: a resource of each kind, with what is easily got wrong. */
import type {
  AllergyIntolerance,
  Condition,
  DiagnosticReport,
  Encounter,
  FhirResource,
  Immunization,
  Medication,
  MedicationRequest,
  MedicationStatement,
  Observation,
  Organization,
  Patient,
  Procedure,
} from 'fhir/r4.js';

const SNOMED = 'http://snomed.info/sct';
const LOINC = 'http://loinc.org';
const UCUM = 'http://unitsofmeasure.org';
const CLINICAL = 'http://terminology.hl7.org/CodeSystem/condition-clinical';
const coded = (system: string, code: string, display?: string) => ({
  coding: [{ system, code, ...(display === undefined ? {} : { display }) }],
});
const observed = (category: string) => [coded('http://terminology.hl7.org/CodeSystem/observation-category', category)];
/** Text that must be escaped, as content and in an attribute. */
export const NASTY = `<b>&"' ]]> \u{1F600}`;
const OTHERS = {
  organization: { resourceType: 'Organization', id: 'care-house', name: `House ${NASTY}` } as Organization,
  medication: {
    resourceType: 'Medication',
    id: 'care-drug',
    code: coded('http://www.nlm.nih.gov/research/umls/rxnorm', '309362', 'Clopidogrel 75 MG Oral Tablet'),
  } as Medication,
};

/** About a patient with this id; the first one is the Patient. `ids` of all begin with it, but for who is referred to. */
export function aCareRecord(id: string): readonly FhirResource[] {
  const subject = { reference: `Patient/${id}` };
  const patient: Patient = {
    resourceType: 'Patient',
    id,
    identifier: [{ system: 'urn:oid:1.2.3.9', value: id }],
    name: [{ use: 'official', family: `O'Neil ${NASTY}`, given: ['Ann', 'B.'] }],
    gender: 'female',
    birthDate: '1970-05',
    telecom: [{ system: 'phone', value: '555 1234', use: 'home' }],
    managingOrganization: { reference: 'Organization/care-house' },
  };
  const problem: Condition = {
    resourceType: 'Condition',
    id: `${id}-problem`,
    subject,
    clinicalStatus: coded(CLINICAL, 'resolved'),
    code: { ...coded(SNOMED, '195662009', 'Acute viral pharyngitis'), text: NASTY },
    onsetDateTime: '2019',
    abatementDateTime: '2020-02-03',
  };
  const uncoded: Condition = {
    resourceType: 'Condition',
    id: `${id}-uncoded`,
    subject,
    clinicalStatus: coded(CLINICAL, 'active'),
    code: coded('urn:local', 'x', 'Of a local system'),
  };
  const mistaken: Condition = {
    resourceType: 'Condition',
    id: `${id}-mistaken`,
    subject,
    verificationStatus: coded('http://terminology.hl7.org/CodeSystem/condition-ver-status', 'entered-in-error'),
    code: { text: 'MISTAKEN' },
  };
  const allergy: AllergyIntolerance = {
    resourceType: 'AllergyIntolerance',
    id: `${id}-allergy`,
    patient: subject,
    clinicalStatus: coded('http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical', 'active'),
    type: 'allergy',
    category: ['medication'],
    code: coded('http://www.nlm.nih.gov/research/umls/rxnorm', '7980', 'Penicillin G'),
    reaction: [{ manifestation: [coded(SNOMED, '247472004', 'Hives')], severity: 'moderate' }],
  };
  const order: MedicationRequest = {
    resourceType: 'MedicationRequest',
    id: `${id}-order`,
    status: 'active',
    intent: 'order',
    subject,
    medicationReference: { reference: 'Medication/care-drug' },
    authoredOn: '2026-01-02T03:04:05.678+01:00',
    dosageInstruction: [
      {
        text: 'Two a day',
        timing: { repeat: { frequency: 2, period: 1, periodUnit: 'd' } },
        doseAndRate: [{ doseQuantity: { value: 1.5, system: UCUM, code: 'mg', unit: 'mg' } }],
      },
    ],
  };
  const statement: MedicationStatement = {
    resourceType: 'MedicationStatement',
    id: `${id}-statement`,
    status: 'completed',
    subject,
    medicationCodeableConcept: { text: 'Something for the cough' },
    effectivePeriod: { start: '2025-11' },
  };
  const pressure: Observation = {
    resourceType: 'Observation',
    id: `${id}-pressure`,
    status: 'final',
    category: observed('vital-signs'),
    code: coded(LOINC, '85354-9', 'Blood pressure panel'),
    subject,
    effectiveDateTime: '2026-01-02T03:04:05Z',
    component: [
      {
        code: coded(LOINC, '8480-6', 'Systolic'),
        valueQuantity: { value: 120, unit: 'mmHg', system: UCUM, code: 'mm[Hg]' },
      },
      { code: coded(LOINC, '8462-4', 'Diastolic'), dataAbsentReason: { text: 'not measured' } },
    ],
  };
  const result: Observation = {
    resourceType: 'Observation',
    id: `${id}-result`,
    status: 'final',
    category: observed('laboratory'),
    code: coded(LOINC, '2160-0', 'Creatinine'),
    subject,
    effectiveDateTime: '2026-01-03',
    valueQuantity: { comparator: '<', value: 0.5, unit: 'mg/dL', system: UCUM, code: 'mg/dL' },
    interpretation: [coded('http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation', 'L', 'Low')],
    referenceRange: [{ low: { value: 0.6, system: UCUM, code: 'mg/dL', unit: 'mg/dL' } }],
  };
  const local: Observation = {
    ...result,
    id: `${id}-local`,
    valueQuantity: { value: 3, unit: 'spoon fulls' },
    interpretation: [{ text: 'as usual' }],
  };
  const report: DiagnosticReport = {
    resourceType: 'DiagnosticReport',
    id: `${id}-report`,
    status: 'final',
    code: coded(LOINC, '24323-8', 'Comprehensive metabolic panel'),
    subject,
    effectiveDateTime: '2026-01-03',
    result: [{ reference: `Observation/${id}-result` }],
  };
  const smoking: Observation = {
    resourceType: 'Observation',
    id: `${id}-smoking`,
    status: 'final',
    category: observed('social-history'),
    code: coded(LOINC, '72166-2', 'Tobacco smoking status'),
    subject,
    effectiveDateTime: '2025-06-07',
    valueCodeableConcept: coded(SNOMED, '8517006', 'Former smoker'),
  };
  const procedure: Procedure = {
    resourceType: 'Procedure',
    id: `${id}-procedure`,
    status: 'completed',
    code: coded(SNOMED, '80146002', 'Appendectomy'),
    subject,
    performedPeriod: { start: '2024-03-04T10:00:00Z', end: '2024-03-04T11:00:00Z' },
  };
  const vaccination: Immunization = {
    resourceType: 'Immunization',
    id: `${id}-vaccination`,
    status: 'not-done',
    vaccineCode: coded('http://hl7.org/fhir/sid/cvx', '140', 'Influenza'),
    patient: subject,
    occurrenceDateTime: '2025-10-01',
    lotNumber: 'L&1',
  };
  const encounter: Encounter = {
    resourceType: 'Encounter',
    id: `${id}-encounter`,
    status: 'finished',
    class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
    type: [coded('http://www.ama-assn.org/go/cpt', '99213', 'Office visit')],
    subject,
    period: { start: '2024-03-04T09:00:00+01:00', end: '2024-03-04T12:00:00+01:00' },
  };
  return [
    OTHERS.organization,
    OTHERS.medication,
    patient,
    problem,
    uncoded,
    mistaken,
    allergy,
    order,
    statement,
    pressure,
    result,
    local,
    report,
    smoking,
    procedure,
    vaccination,
    encounter,
  ];
}
