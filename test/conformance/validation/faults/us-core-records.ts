/** Faults of US Core 8.0.0: observations, documents, plans and orders. */
import type { JsonObject } from '../../../../src/fhir/resource.js';
import { claiming, type FaultGroup, GONE, group } from './fault.js';
import { usExample } from './us-core.js';

const LOINC = 'http://loinc.org';
const coded = (system: string, code: string): JsonObject => ({ coding: [{ system, code }] });
const observed = (code: string): JsonObject =>
  coded('http://terminology.hl7.org/CodeSystem/observation-category', code);
const AUTHOR = coded('http://terminology.hl7.org/CodeSystem/provenance-participant-type', 'author');

const provenance = (): JsonObject =>
  claiming('http://hl7.org/fhir/us/core/StructureDefinition/us-core-provenance|8.0.0', {
    resourceType: 'Provenance',
    target: [{ reference: 'Patient/example' }],
    recorded: '2024-01-01T00:00:00Z',
    agent: [{ type: AUTHOR, who: { reference: 'Practitioner/1' }, onBehalfOf: { reference: 'Organization/1' } }],
  });

export const US_CORE_RECORDS: readonly FaultGroup[] = [
  group('blood pressure of US Core', usExample('Observation-blood-pressure'), [
    [
      'a category is required',
      { category: GONE },
      'profile-min Observation.category',
      'slice-min Observation.category',
    ],
    ['one category is vital signs', { category: [observed('laboratory')] }, 'slice-min Observation.category'],
    [
      'the code is that of the panel, by which it is a panel of R4, too',
      { 'code.coding[0].code': '85353-1' },
      'pattern-value Observation.code',
      'profile-min Observation.hasMember',
      'slice-min Observation.code.coding',
    ],
    [
      'both pressures are there',
      { 'component[1]': GONE },
      'profile-min Observation.component',
      'slice-min Observation.component',
    ],
    [
      'the systolic one is there once',
      {
        'component[2]': {
          code: coded(LOINC, '8480-6'),
          valueQuantity: { value: 1, unit: 'mmHg', system: 'http://unitsofmeasure.org', code: 'mm[Hg]' },
        },
      },
      'slice-max Observation.component',
    ],
    [
      'the unit is mm[Hg]',
      { 'component[0].valueQuantity.code': 'kPa' },
      'fixed-value Observation.component[0].value.code',
    ],
    [
      'the unit is one of UCUM',
      { 'component[0].valueQuantity.system': 'http://example.org/units' },
      'fixed-value Observation.component[0].value.system',
    ],
    [
      'the unit is written',
      { 'component[0].valueQuantity.unit': GONE },
      'profile-min Observation.component[0].value.unit',
    ],
    [
      'there is a number',
      { 'component[0].valueQuantity.value': GONE },
      'profile-min Observation.component[0].value.value',
    ],
    [
      'there is a value or a reason (vs-3)',
      { 'component[1].valueQuantity': GONE },
      'invariant(vs-3) Observation.component[1]',
    ],
    ['the time has a day (vs-1)', { effectiveDateTime: '1999-07' }, 'invariant(vs-1) Observation.effective'],
    ['the time is told', { effectiveDateTime: GONE }, 'profile-min Observation.effective'],
    [
      'the time is no Timing',
      { effectiveDateTime: GONE, effectiveTiming: { event: ['1999-07-02'] } },
      'type-not-allowed Observation.effective',
    ],
    ['the subject is told', { subject: GONE }, 'profile-min Observation.subject'],
    ['the subject is a Patient', { subject: { reference: 'Group/1' } }, 'target-type Observation.subject'],
    [
      'the subject is a Patient, also by its type',
      { subject: { type: 'Group', display: 'all' } },
      'target-type Observation.subject',
    ],
  ]),

  group('oxygen saturation of US Core', usExample('Observation-oxygen-saturation'), [
    [
      'both codes are there',
      { 'code.coding[1]': GONE },
      'profile-min Observation.code.coding',
      'slice-min Observation.code.coding',
    ],
    ['one code is that of pulse oximetry', { 'code.coding[1].code': '59407-7' }, 'slice-min Observation.code.coding'],
    ['the unit is %', { 'valueQuantity.code': '1' }, 'fixed-value Observation.value.code'],
    ['there is a value or a reason (vs-2)', { valueQuantity: GONE }, 'invariant(vs-2) Observation'],
    [
      'a flow has its unit',
      {
        component: [
          {
            code: coded(LOINC, '3151-8'),
            valueQuantity: { value: 6, unit: 'l/min', system: 'http://unitsofmeasure.org', code: 'L/h' },
          },
        ],
      },
      'fixed-value Observation.component[0].value.code',
    ],
    [
      'a flow is there once',
      {
        component: [1, 2].map(value => ({
          code: coded(LOINC, '3151-8'),
          valueQuantity: { value, unit: 'l/min', system: 'http://unitsofmeasure.org', code: 'L/min' },
        })),
      },
      'slice-max Observation.component',
    ],
  ]),

  group('laboratory result of US Core', usExample('Observation-serum-glucose'), [
    ['one category is laboratory', { category: [observed('imaging')] }, 'slice-min Observation.category'],
    [
      'a range has units of UCUM (us-core-22)',
      { 'referenceRange[0].low.system': 'http://example.org/units' },
      'invariant(us-core-22) Observation.referenceRange[0]',
    ],
    ['the subject is told', { subject: GONE }, 'profile-min Observation.subject'],
    ['the time has a day (us-core-1)', { effectiveDateTime: '2005-07' }, 'invariant(us-core-1) Observation.effective'],
    ['there is a value or a reason (us-core-2)', { valueQuantity: GONE }, 'invariant(us-core-2) Observation'],
    [
      'a quantity has a unit of UCUM (us-core-3)',
      { 'valueQuantity.system': 'http://example.org/units' },
      'invariant(us-core-3) Observation.value',
    ],
    [
      'a coded value has one of SNOMED CT (us-core-4)',
      { valueQuantity: GONE, valueCodeableConcept: coded('http://example.org/findings', 'a') },
      'warning invariant(us-core-4) Observation.value',
    ],
    ['a specimen is a Specimen', { 'specimen.reference': 'Device/1' }, 'target-type Observation.specimen'],
  ]),

  group('smoking status of US Core', usExample('Observation-some-day-smoker'), [
    [
      'the status of smoking has a concept (us-core-24)',
      {
        valueCodeableConcept: GONE,
        valueQuantity: { value: 1, unit: 'a', system: 'http://unitsofmeasure.org', code: 'a' },
      },
      'invariant(us-core-24) Observation',
    ],
    [
      'the value is told',
      { valueCodeableConcept: GONE },
      'profile-min Observation.value',
      'invariant(us-core-24) Observation',
    ],
    ['one category is social history', { category: [observed('survey')] }, 'slice-min Observation.category'],
    ['the status is final or wrong', { status: 'preliminary' }, 'binding-required Observation.status'],
    ['the time is told', { effectivePeriod: GONE }, 'profile-min Observation.effective'],
    [
      'the time is no instant',
      { effectivePeriod: GONE, effectiveInstant: '2016-03-18T05:27:04Z' },
      'type-not-allowed Observation.effective',
    ],
  ]),

  group('occupation of US Core', usExample('Observation-observation-occupation'), [
    ['the code is that of occupations', { 'code.coding[0].code': '11340-7' }, 'pattern-value Observation.code'],
    [
      'the occupation is told',
      { valueCodeableConcept: GONE },
      'profile-min Observation.value',
      'slice-min Observation.value',
    ],
    [
      'an industry is a concept',
      { 'component[0].valueCodeableConcept': GONE, 'component[0].valueString': 'x' },
      'type-not-allowed Observation.component[0].value',
    ],
    [
      'there is one industry',
      { 'component[1]': { code: coded(LOINC, '86188-0'), valueCodeableConcept: { text: 'x' } } },
      'slice-max Observation.component',
    ],
  ]),

  group('DocumentReference of US Core', usExample('DocumentReference-discharge-summary'), [
    ['a type is required', { type: GONE }, 'profile-min DocumentReference.type'],
    ['a category is required', { category: GONE }, 'profile-min DocumentReference.category'],
    [
      'there is data or an address (us-core-6)',
      { 'content[0].attachment.data': GONE },
      'invariant(us-core-6) DocumentReference.content[0].attachment',
    ],
    [
      'it is of one encounter',
      { 'context.encounter[1]': { reference: 'Encounter/2' } },
      'profile-max DocumentReference.context.encounter',
    ],
    ['an author is no location', { author: [{ reference: 'Location/1' }] }, 'target-type DocumentReference.author[0]'],
  ]),

  group('encounter diagnosis of US Core', usExample('Condition-encounter-diagnosis-example1'), [
    [
      'one category is encounter diagnosis',
      { 'category[0].coding[0].code': 'problem-list-item' },
      'slice-min Condition.category',
    ],
    ['a code is required', { code: GONE }, 'profile-min Condition.code'],
    ['the subject is no device', { 'subject.reference': 'Device/1' }, 'target-type Condition.subject'],
    [
      'what is over is not active (con-4)',
      {
        clinicalStatus: coded('http://terminology.hl7.org/CodeSystem/condition-clinical', 'active'),
        abatementDateTime: '2020',
      },
      'invariant(con-4) Condition',
    ],
    [
      'what was an error has no status (con-5)',
      {
        clinicalStatus: coded('http://terminology.hl7.org/CodeSystem/condition-clinical', 'resolved'),
        verificationStatus: coded('http://terminology.hl7.org/CodeSystem/condition-ver-status', 'entered-in-error'),
      },
      'invariant(con-5) Condition',
    ],
    [
      'the status is one of conditions',
      { clinicalStatus: coded('http://terminology.hl7.org/CodeSystem/condition-clinical', 'nonsense') },
      'binding-required Condition.clinicalStatus',
      'unknown-code Condition.clinicalStatus.coding[0].code',
    ],
    [
      'the status is of its code system',
      { clinicalStatus: coded('http://example.org/status', 'active') },
      'binding-required Condition.clinicalStatus',
    ],
  ]),

  group('AllergyIntolerance of US Core', usExample('AllergyIntolerance-example'), [
    ['a code is required', { code: GONE }, 'profile-min AllergyIntolerance.code'],
    [
      'it has a clinical status unless it was an error (ait-1)',
      { clinicalStatus: GONE },
      'invariant(ait-1) AllergyIntolerance',
    ],
    [
      'an error has none (ait-2)',
      { 'verificationStatus.coding[0].code': 'entered-in-error' },
      'invariant(ait-2) AllergyIntolerance',
    ],
    [
      'a reaction shows itself',
      { 'reaction[0].manifestation': GONE },
      'element-missing AllergyIntolerance.reaction[0].manifestation',
    ],
    ['the patient is a Patient', { 'patient.reference': 'RelatedPerson/1' }, 'target-type AllergyIntolerance.patient'],
  ]),

  group('MedicationRequest of US Core', usExample('MedicationRequest-medicationrequest-contained-oral-axid'), [
    ['who asks for an order is told (us-core-21)', { requester: GONE }, 'invariant(us-core-21) MedicationRequest'],
    [
      'a contained medication conforms to its profile',
      { 'contained[0].code': GONE },
      'target-profile MedicationRequest.medication',
    ],
    [
      'a contained medication is a Medication',
      { 'contained[0]': { resourceType: 'Substance', id: 'med2', code: { text: 'x' } } },
      'target-type MedicationRequest.medication',
    ],
    [
      'a contained medication is there',
      { 'medicationReference.reference': '#med3' },
      'invariant(dom-3) MedicationRequest',
      'invariant(ref-1) MedicationRequest.medication',
    ],
    [
      'a dose has a unit of UCUM (max value set)',
      { 'dosageInstruction[0].doseAndRate[0].doseQuantity.code': 'no unit' },
      'binding-required MedicationRequest.dosageInstruction[0].doseAndRate[0].dose',
    ],
    [
      'a dose is no quantity with a comparator',
      { 'dosageInstruction[0].doseAndRate[0].doseQuantity.comparator': '<' },
      'invariant(sqty-1) MedicationRequest.dosageInstruction[0].doseAndRate[0].dose',
      'profile-max MedicationRequest.dosageInstruction[0].doseAndRate[0].dose.comparator',
    ],
    [
      'a medication is told',
      { medicationReference: GONE, contained: GONE },
      'element-missing MedicationRequest.medication',
    ],
  ]),

  group('Encounter of US Core', usExample('Encounter-1036'), [
    ['a type is required', { type: GONE }, 'profile-min Encounter.type'],
    ['the subject is told', { subject: GONE }, 'profile-min Encounter.subject'],
    ['an identifier has a system', { identifier: [{ value: '1' }] }, 'profile-min Encounter.identifier[0].system'],
    [
      'a participant is no device',
      { participant: [{ individual: { reference: 'Device/1' } }] },
      'target-type Encounter.participant[0].individual',
    ],
  ]),

  group('CarePlan of US Core', usExample('CarePlan-colonoscopy'), [
    ['a category is required', { category: GONE }, 'profile-min CarePlan.category'],
    [
      'a narrative is not empty',
      { text: { status: 'empty', div: '<div xmlns="http://www.w3.org/1999/xhtml">x</div>' } },
      'binding-required CarePlan.text.status',
    ],
  ]),

  group('Goal of US Core', usExample('Goal-goal-1'), [
    ['the subject is no device', { 'subject.reference': 'Device/1' }, 'target-type Goal.subject'],
    ['a detail needs a measure (gol-1)', { 'target[0].detailString': 'x' }, 'invariant(gol-1) Goal.target[0]'],
    ['a status is one of goals', { lifecycleStatus: 'nonsense' }, 'binding-required Goal.lifecycleStatus'],
  ]),

  group('DiagnosticReport of US Core', usExample('DiagnosticReport-cardiology-report'), [
    ['what is final has a time (us-core-10)', { effectiveDateTime: GONE }, 'invariant(us-core-10) DiagnosticReport'],
    ['a category is required', { category: GONE }, 'profile-min DiagnosticReport.category'],
    ['the subject is told', { subject: GONE }, 'profile-min DiagnosticReport.subject'],
    [
      'a result is an Observation',
      { 'result[0].reference': 'DiagnosticReport/1' },
      'target-type DiagnosticReport.result[0]',
    ],
  ]),

  group('Immunization of US Core', usExample('Immunization-imm-1'), [
    [
      'a CVX code has an NDC beside it (us-core-5)',
      { 'vaccineCode.coding[1]': GONE },
      'warning invariant(us-core-5) Immunization',
    ],
    ['the time is told', { occurrenceDateTime: GONE }, 'element-missing Immunization.occurrence'],
    [
      'education names its document (imm-1)',
      { education: [{ publicationDate: '2020' }] },
      'invariant(imm-1) Immunization.education[0]',
    ],
  ]),

  group('survey of US Core', usExample('Observation-HVS-item-example-88122-7'), [
    ['one category is survey', { 'category[1]': GONE }, 'slice-min Observation.category'],
    [
      'a quantity has a unit of UCUM (us-core-3)',
      { valueCodeableConcept: GONE, valueQuantity: { value: 1, system: 'http://example.org/units', code: 'x' } },
      'invariant(us-core-3) Observation.value',
    ],
    ['there is a value or a reason (us-core-2)', { valueCodeableConcept: GONE }, 'invariant(us-core-2) Observation'],
    ['the subject is told', { subject: GONE }, 'profile-min Observation.subject'],
  ]),

  group('Provenance of US Core', provenance, [
    [
      'a practitioner acts for somebody (provenance-1)',
      {
        'agent[0].onBehalfOf': GONE,
        contained: [
          {
            resourceType: 'Practitioner',
            id: 'p',
            name: [{ family: 'x' }],
            identifier: [{ system: 'http://a.example', value: '1' }],
          },
        ],
        'agent[0].who.reference': '#p',
      },
      'invariant(provenance-1) Provenance.agent[0]',
    ],
    ['an agent is no group', { 'agent[0].who.reference': 'Group/1' }, 'target-type Provenance.agent[0].who'],
    ['somebody is told of', { 'agent[0].who': GONE }, 'element-missing Provenance.agent[0].who'],
  ]),
];
