/** Bad resources of other types, and bodies that do not fit the address they are sent to. */
import { type BadRequest, JSON_TYPE, KNOWN, MARK, post } from './bad-request.js';

type Row = readonly [
  name: string,
  type: string,
  members: Readonly<Record<string, unknown>>,
  code: string,
  expression: string,
];

const code = { coding: [{ system: 'http://loinc.org', code: '8480-6' }] };
const observation = { status: 'final', code };
const document = { status: 'current', content: [{ attachment: { url: 'http://example.org/a' } }] };

const rows: readonly Row[] = [
  ['without status', 'Observation', { code }, 'required', 'Observation.status'],
  ['without code', 'Observation', { status: 'final' }, 'required', 'Observation.code'],
  ['with an unknown status', 'Observation', { status: MARK, code }, 'code-invalid', 'Observation.status'],
  ['whose code is text', 'Observation', { status: 'final', code: MARK }, 'structure', 'Observation.code'],
  [
    'whose value is text',
    'Observation',
    { ...observation, valueQuantity: { value: '7' } },
    'structure',
    'Observation.value.value',
  ],
  [
    'with two values',
    'Observation',
    { ...observation, valueString: 'a', valueInteger: 1 },
    'structure',
    'Observation.value',
  ],
  ['with a value of no type', 'Observation', { ...observation, value: 1 }, 'structure', 'Observation'],
  ['with a value of a wrong type', 'Observation', { ...observation, valueDecimal: 1 }, 'structure', 'Observation'],
  [
    'with a whole number too large',
    'Observation',
    { ...observation, valueInteger: 2 ** 31 },
    'value',
    'Observation.value',
  ],
  ['with a fraction as integer', 'Observation', { ...observation, valueInteger: 1.5 }, 'value', 'Observation.value'],
  ['with an impossible time', 'Observation', { ...observation, valueTime: '25:00:00' }, 'value', 'Observation.value'],
  [
    'with a time without zone',
    'Observation',
    { ...observation, issued: '2020-01-01T10:00:00' },
    'value',
    'Observation.issued',
  ],
  ['with a subject list', 'Observation', { ...observation, subject: [] }, 'structure', 'Observation.subject'],
  [
    'with samples without origin',
    'Observation',
    { ...observation, valueSampledData: { period: 1, dimensions: 1 } },
    'required',
    'Observation.value.origin',
  ],
  [
    'with dimensions of zero',
    'Observation',
    { ...observation, valueSampledData: { origin: { value: 1 }, period: 1, dimensions: 0 } },
    'value',
    'Observation.value.dimensions',
  ],
  [
    'with an empty component',
    'Observation',
    { ...observation, component: [{}] },
    'structure',
    'Observation.component[0]',
  ],
  ['without content', 'DocumentReference', { status: 'current' }, 'required', 'DocumentReference.content'],
  [
    'without attachment',
    'DocumentReference',
    { status: 'current', content: [{ format: { code: 'a' } }] },
    'required',
    'DocumentReference.content[0].attachment',
  ],
  [
    'with a negative size',
    'DocumentReference',
    { status: 'current', content: [{ attachment: { size: -1 } }] },
    'value',
    'DocumentReference.content[0].attachment.size',
  ],
  [
    'with a broken hash',
    'DocumentReference',
    { status: 'current', content: [{ attachment: { hash: `${MARK}*` } }] },
    'value',
    'DocumentReference.content[0].attachment.hash',
  ],
  [
    'with two master identifiers',
    'DocumentReference',
    { ...document, masterIdentifier: [{}] },
    'structure',
    'DocumentReference.masterIdentifier',
  ],
  [
    'with an unknown status',
    'DocumentReference',
    { ...document, status: 'final' },
    'code-invalid',
    'DocumentReference.status',
  ],
  ['without type', 'Bundle', { entry: [{ resource: { resourceType: 'Patient' } }] }, 'required', 'Bundle.type'],
  [
    'with a bad entry',
    'Bundle',
    { type: 'collection', entry: [{ resource: { resourceType: 'Patient', gender: MARK } }] },
    'code-invalid',
    'Bundle.entry[0].resource.gender',
  ],
  [
    'with an entry of no type',
    'Bundle',
    { type: 'collection', entry: [{ resource: {} }] },
    'required',
    'Bundle.entry[0].resource.resourceType',
  ],
  ['without content type', 'Binary', { data: 'AAAA' }, 'required', 'Binary.contentType'],
  ['with broken bytes', 'Binary', { contentType: 'text/plain', data: `${MARK}!` }, 'value', 'Binary.data'],
  [
    'with two values',
    'Parameters',
    { parameter: [{ name: 'a', valueCode: 'a', valueString: 'b' }] },
    'structure',
    'Parameters.parameter[0].value',
  ],
  ['without names', 'Parameters', { parameter: [{ valueString: 'b' }] }, 'required', 'Parameters.parameter[0].name'],
  ['without status', 'Questionnaire', { item: [{ linkId: 'a', type: 'group' }] }, 'required', 'Questionnaire.status'],
  [
    'with a bad inner item',
    'Questionnaire',
    { status: 'draft', item: [{ linkId: 'a', type: 'group', item: [{ linkId: 'b', type: MARK }] }] },
    'code-invalid',
    'Questionnaire.item[0].item[0].type',
  ],
  [
    'without beneficiary',
    'Coverage',
    { status: 'active', payor: [{ display: 'a' }] },
    'required',
    'Coverage.beneficiary',
  ],
  [
    'without intent',
    'MedicationRequest',
    { status: 'active', subject: { display: 'a' }, medicationCodeableConcept: code },
    'required',
    'MedicationRequest.intent',
  ],
  [
    'without medication',
    'MedicationRequest',
    { status: 'active', intent: 'order', subject: { display: 'a' } },
    'required',
    'MedicationRequest.medication',
  ],
];

const put = (name: string, path: string, body: Readonly<Record<string, unknown>>, expression: string): BadRequest => ({
  name,
  method: 'PUT',
  path: `/fhir/${path}`,
  headers: JSON_TYPE,
  body: JSON.stringify(body),
  status: 400,
  code: 'invalid',
  expression,
});

const mismatches: readonly BadRequest[] = [
  post(
    'a Patient sent to Observation',
    'Observation',
    { resourceType: 'Patient' },
    { status: 400, code: 'invalid', expression: 'resourceType' },
  ),
  post(
    'an unknown type sent to Patient',
    'Patient',
    { resourceType: MARK },
    { status: 400, code: 'invalid', expression: 'resourceType' },
  ),
  post(
    'a type in lower case sent to Patient',
    'Patient',
    { resourceType: 'patient' },
    { status: 400, code: 'invalid', expression: 'resourceType' },
  ),
  post(
    'a data type sent to Patient',
    'Patient',
    { resourceType: 'HumanName' },
    { status: 400, code: 'invalid', expression: 'resourceType' },
  ),
  put('an update without an id in the body', 'Patient/known', { resourceType: 'Patient' }, 'Patient.id'),
  put('an update with another id', 'Patient/known', { resourceType: 'Patient', id: MARK }, 'Patient.id'),
  put('an update with the id in another case', 'Patient/known', { resourceType: 'Patient', id: 'KNOWN' }, 'Patient.id'),
  put('an update with a number as id', 'Patient/4711', { resourceType: 'Patient', id: 4711 }, 'Patient.id'),
  put('an update with a list as id', 'Patient/known', { resourceType: 'Patient', id: ['known'] }, 'Patient.id'),
  put('an update of another type', 'Observation/known', KNOWN, 'resourceType'),
];

export const badResources: readonly BadRequest[] = [
  ...rows.map(([name, type, members, issue, expression]) =>
    post(`${type} ${name}`, type, { resourceType: type, ...members }, { status: 400, code: issue, expression }),
  ),
  ...mismatches,
];
