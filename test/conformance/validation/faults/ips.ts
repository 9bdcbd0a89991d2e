/** Faults of IPS 1.1.0. */
import type { JsonObject } from '../../../../src/fhir/resource.js';
import { claiming, example, type FaultGroup, GONE, group } from './fault.js';

const IPS = 'http://hl7.org/fhir/uv/ips/StructureDefinition';
const ips = (file: string, profile: string) => example('hl7.fhir.uv.ips-1.1.0', file, `${IPS}/${profile}-uv-ips`);
const coded = (system: string, code: string): JsonObject => ({ coding: [{ system, code }] });
const LOINC = 'http://loinc.org';

const uuid = (n: number): string => `urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e${n}`;
const narrative: JsonObject = { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">x</div>' };
const section = (title: string, code: string, entry: number): JsonObject => ({
  title,
  code: coded(LOINC, code),
  text: narrative,
  entry: [{ reference: uuid(entry) }],
});

/** An entry whose resource claims its profile of IPS. */
const claimingEntry = (n: number, resourceType: string, elements: JsonObject): JsonObject => ({
  fullUrl: uuid(n),
  resource: { resourceType, meta: { profile: [`${IPS}/${resourceType}-uv-ips`] }, text: narrative, ...elements },
});

const COMPOSITION: JsonObject = {
  status: 'final',
  type: coded(LOINC, '60591-5'),
  subject: { reference: uuid(1) },
  date: '2024-01-01T00:00:00Z',
  author: [{ reference: uuid(1) }],
  title: 'Summary',
  section: [section('Medication', '10160-0', 2), section('Allergies', '48765-2', 3), section('Problems', '11450-4', 4)],
};

/** A patient summary with what every one has. */
const summary = (): JsonObject =>
  claiming(`${IPS}/Bundle-uv-ips`, {
    resourceType: 'Bundle',
    type: 'document',
    identifier: { system: 'urn:oid:2.16.724.4.8.10.200.10', value: '175bd032-8b00-4728-b2dc-748bb1501aed' },
    timestamp: '2024-01-01T00:00:00Z',
    entry: [
      claimingEntry(0, 'Composition', COMPOSITION),
      claimingEntry(1, 'Patient', { name: [{ family: 'x' }], birthDate: '1970-01-01' }),
      claimingEntry(2, 'MedicationStatement', {
        status: 'active',
        medicationCodeableConcept: { text: 'x' },
        subject: { reference: uuid(1) },
        effectiveDateTime: '2024',
      }),
      claimingEntry(3, 'AllergyIntolerance', {
        clinicalStatus: coded('http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical', 'active'),
        code: { text: 'x' },
        patient: { reference: uuid(1) },
      }),
      claimingEntry(4, 'Condition', {
        clinicalStatus: coded('http://terminology.hl7.org/CodeSystem/condition-clinical', 'active'),
        code: { text: 'x' },
        subject: { reference: uuid(1) },
      }),
    ],
  });

export const IPS_FAULTS: readonly FaultGroup[] = [
  group('patient summary of IPS', summary, [
    [
      'a summary has an identifier (and bdl-9)',
      { identifier: GONE },
      'invariant(bdl-9) Bundle',
      'profile-min Bundle.identifier',
    ],
    [
      'a summary has its time (and bdl-10)',
      { timestamp: GONE },
      'invariant(bdl-10) Bundle',
      'profile-min Bundle.timestamp',
    ],
    ['a summary is a document', { type: 'collection' }, 'fixed-value Bundle.type'],
    ['a summary has no links', { link: [{ relation: 'self', url: 'http://a.example' }] }, 'profile-max Bundle.link'],
    [
      'an entry is no result of a search',
      { 'entry[1].search': { mode: 'match' } },
      'invariant(bdl-2) Bundle',
      'profile-max Bundle.entry[1].search',
    ],
    [
      'there is one composition',
      { 'entry[5]': claimingEntry(5, 'Composition', COMPOSITION) },
      'invariant(bdl-ips-1) Bundle',
      'slice-max Bundle.entry',
    ],
    [
      'a patient is there',
      { 'entry[1].resource': { resourceType: 'Practitioner', name: [{ family: 'x' }], text: narrative } },
      'slice-min Bundle.entry',
      'target-type Bundle.entry[0].resource.subject',
      'slice-min Bundle.entry[0].resource.section[1].entry',
      'slice-min Bundle.entry[0].resource.section[2].entry',
      'target-type Bundle.entry[2].resource.subject',
      'target-type Bundle.entry[3].resource.patient',
      'target-type Bundle.entry[4].resource.subject',
    ],
    [
      'a patient has a date of birth',
      { 'entry[1].resource.birthDate': GONE },
      'slice-min Bundle.entry',
      'target-profile Bundle.entry[0].resource.subject',
      'slice-min Bundle.entry[0].resource.section[1].entry',
      'slice-min Bundle.entry[0].resource.section[2].entry',
      'profile-min Bundle.entry[1].resource.birthDate',
      'target-profile Bundle.entry[2].resource.subject',
      'target-profile Bundle.entry[3].resource.patient',
      'target-profile Bundle.entry[4].resource.subject',
    ],
    [
      'a section has a narrative',
      { 'entry[0].resource.section[0].text': GONE },
      'slice-min Bundle.entry',
      'profile-min Bundle.entry[0].resource.section[0].text',
    ],
    [
      'a section has no sections',
      { 'entry[0].resource.section[0].section': [{ title: 'x', text: narrative }] },
      'slice-min Bundle.entry',
      'profile-max Bundle.entry[0].resource.section[0].section',
    ],
    [
      'a section has no reason to be empty',
      { 'entry[0].resource.section[0].emptyReason': { text: 'x' } },
      'slice-min Bundle.entry',
      'invariant(cmp-2) Bundle.entry[0].resource.section[0]',
      'profile-max Bundle.entry[0].resource.section[0].emptyReason',
    ],
    [
      'a section has a code',
      { 'entry[0].resource.section[0].code': GONE },
      'slice-min Bundle.entry',
      'profile-min Bundle.entry[0].resource.section[0].code',
      'slice-min Bundle.entry[0].resource.section',
    ],
    [
      'a section of problems is there',
      { 'entry[0].resource.section[2].code.coding[0].code': '10164-2' },
      'slice-min Bundle.entry',
      'slice-min Bundle.entry[0].resource.section',
    ],
    [
      'a section of allergies is there once',
      { 'entry[0].resource.section[3]': section('Again', '48765-2', 3) },
      'slice-min Bundle.entry',
      'slice-max Bundle.entry[0].resource.section',
    ],
    [
      'a section of medication leads to medication',
      {
        'entry[0].resource.section[0].entry[0].reference': uuid(3),
        'entry[0].resource.section[3]': section('Other', '10164-2', 2),
      },
      'slice-min Bundle.entry',
      'target-type Bundle.entry[0].resource.section[0].entry[0]',
    ],
    [
      'a section of problems has a problem',
      { 'entry[0].resource.section[2].entry': GONE, 'entry[4]': GONE },
      'slice-min Bundle.entry',
      'profile-min Bundle.entry[0].resource.section[2].entry',
      'slice-min Bundle.entry[0].resource.section[2].entry',
    ],
    [
      'the type is that of a summary',
      { 'entry[0].resource.type.coding[0].code': '34133-9' },
      'slice-min Bundle.entry',
      'pattern-value Bundle.entry[0].resource.type',
    ],
    [
      'a title is required',
      { 'entry[0].resource.section[1].title': GONE },
      'slice-min Bundle.entry',
      'profile-min Bundle.entry[0].resource.section[1].title',
    ],
    [
      'a problem has a status',
      { 'entry[4].resource.clinicalStatus': GONE },
      'slice-min Bundle.entry',
      'slice-min Bundle.entry[0].resource.section[2].entry',
      'profile-min Bundle.entry[4].resource.clinicalStatus',
    ],
    [
      'a reference has a target in the document',
      { 'entry[0].resource.section[1].entry[0].reference': uuid(9), 'entry[3]': GONE },
      'reference-missing Bundle.entry[0].resource.section[1].entry[0]',
      'slice-min Bundle.entry',
      'slice-min Bundle.entry[0].resource.section[1].entry',
    ],
    [
      'nothing stands apart',
      { 'entry[5]': { fullUrl: uuid(5), resource: { resourceType: 'Basic', code: { text: 'x' }, text: narrative } } },
      'entry-unlinked Bundle.entry[5]',
    ],
  ]),

  group('laboratory result of IPS', ips('Observation-hemoglobin', 'Observation-results-laboratory'), [
    ['one category is laboratory', { 'category[0].coding[0].code': 'imaging' }, 'slice-min Observation.category'],
    ['a performer is required', { performer: GONE }, 'profile-min Observation.performer'],
    ['a value or members are there (ips-2)', { valueQuantity: GONE }, 'invariant(ips-2) Observation'],
    [
      'a quantity has a unit of UCUM',
      { 'valueQuantity.system': 'http://example.org/units' },
      'fixed-value Observation.value.system',
    ],
    ['a quantity has a code', { 'valueQuantity.code': GONE }, 'profile-min Observation.value.code'],
    ['a performer is no device', { 'performer[0].reference': 'Device/1' }, 'target-type Observation.performer[0]'],
    ['the subject has a reference', { subject: { display: 'somebody' } }, 'profile-min Observation.subject.reference'],
  ]),

  group('expected date of delivery of IPS', ips('Observation-pregnancy-edd-example', 'Observation-pregnancy-edd'), [
    ['no body site', { bodySite: { text: 'x' } }, 'profile-max Observation.bodySite'],
    ['no components', { component: [{ code: { text: 'x' }, valueString: 'x' }] }, 'profile-max Observation.component'],
    ['no range', { referenceRange: [{ text: 'x' }] }, 'profile-max Observation.referenceRange'],
    ['the time of the estimate is told', { effectiveDateTime: GONE }, 'profile-min Observation.effective'],
    ['the method is one of these', { 'code.coding[0].code': '82810-3' }, 'binding-required Observation.code'],
  ]),

  group('pregnancy of IPS', ips('Observation-pregnancy-status-example', 'Observation-pregnancy-status'), [
    [
      'a member is a date of delivery',
      { 'hasMember[0].reference': 'Patient/1' },
      'target-type Observation.hasMember[0]',
    ],
    ['the code is that of pregnancies', { 'code.coding[0].code': '11778-8' }, 'pattern-value Observation.code'],
  ]),

  group('tobacco use of IPS', ips('Observation-tobacco-use-example', 'Observation-tobaccouse'), [
    ['the code is that of smoking', { 'code.coding[0].code': '11778-8' }, 'pattern-value Observation.code'],
  ]),

  group('DiagnosticReport of IPS', ips('DiagnosticReport-hemoglobin', 'DiagnosticReport'), [
    ['the status is final', { status: 'amended' }, 'fixed-value DiagnosticReport.status'],
    ['there is one category', { 'category[1]': { text: 'x' } }, 'profile-max DiagnosticReport.category'],
    [
      'the subject has a reference',
      { 'subject.reference': GONE, 'subject.display': 'x' },
      'profile-min DiagnosticReport.subject.reference',
    ],
    ['the time is told', { effectiveDateTime: GONE }, 'profile-min DiagnosticReport.effective'],
    ['a result is an Observation', { 'result[0].reference': 'Condition/1' }, 'target-type DiagnosticReport.result[0]'],
  ]),

  group('Condition of IPS', ips('Condition-eumfh-39-07-1', 'Condition'), [
    ['the status is told', { clinicalStatus: GONE }, 'profile-min Condition.clinicalStatus'],
    ['the code is told', { code: GONE }, 'profile-min Condition.code'],
    ['the subject is a Patient', { 'subject.reference': 'Group/1' }, 'target-type Condition.subject'],
    ['the subject has a reference', { subject: { display: 'x' } }, 'profile-min Condition.subject.reference'],
  ]),
];
