/** What stands in a section that an IPS must have where the record says nothing: https://hl7.org/fhir/uv/ips/STU1.1/design.html#absent-unknown-data */
import type { Resource } from '../../../../fhir/resource.js';

const ABSENT = 'http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips';
const NO_TIME = {
  extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }],
};

/** That nothing is known is not that there is nothing: nobody has said so. */
export interface AbsentInformation {
  readonly words: string;
  /** About the patient at this address. */
  resource(patient: string): Resource;
}

const coded = (code: string, display: string) => ({ coding: [{ system: ABSENT, code, display }] });
const active = (type: 'condition' | 'allergyintolerance') => ({
  coding: [{ system: `http://terminology.hl7.org/CodeSystem/${type}-clinical`, code: 'active' }],
});

export const NO_MEDICATION_INFO: AbsentInformation = {
  words: 'No information about medications',
  resource: reference => ({
    resourceType: 'MedicationStatement',
    status: 'unknown',
    medicationCodeableConcept: coded('no-medication-info', 'No information about medications'),
    subject: { reference },
    effectivePeriod: NO_TIME,
  }),
};

export const NO_ALLERGY_INFO: AbsentInformation = {
  words: 'No information about allergies',
  resource: reference => ({
    resourceType: 'AllergyIntolerance',
    clinicalStatus: active('allergyintolerance'),
    code: coded('no-allergy-info', 'No information about allergies'),
    patient: { reference },
  }),
};

export const NO_PROBLEM_INFO: AbsentInformation = {
  words: 'No information about problems',
  resource: reference => ({
    resourceType: 'Condition',
    clinicalStatus: active('condition'),
    code: coded('no-problem-info', 'No information about problems'),
    subject: { reference },
  }),
};
