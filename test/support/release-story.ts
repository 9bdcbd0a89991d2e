/** A release in tests: what a clerk and another one do with a request until its package is made. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { Bundle, Consent, DocumentReference, Parameters, ParametersParameter, Patient, Task } from 'fhir/r4.js';
import { type GivenValues, ledTo, requestBegun, runOn } from './records-request.js';
import type { Headers, Reply, Talk } from './talk.js';
import { ADMIN, asRole, CLERK } from './work.js';

/** Who confirms what the clerk has chosen. */
export const SECOND = asRole('admin');

export const storyPatient = (id: string): Patient => ({
  resourceType: 'Patient',
  id,
  identifier: [{ system: 'urn:mrn', value: 'MRN-1' }],
  name: [{ family: 'Lindqvist', given: ['Ada'] }],
  birthDate: '1970-02-03',
});
export const storyDocument = (
  patient: string,
  id: string,
  words: string,
  more: Partial<DocumentReference> = {},
): DocumentReference => ({
  resourceType: 'DocumentReference',
  id: `${patient}-${id}`,
  status: 'current',
  docStatus: 'final',
  description: `Document ${id}`,
  type: { coding: [{ system: 'http://loinc.org', code: '18842-5' }] },
  subject: { reference: `Patient/${patient}` },
  date: '2025-03-01T10:00:00Z',
  content: [{ attachment: { contentType: 'text/plain', data: Buffer.from(words).toString('base64') } }],
  ...more,
});
export const storyConsent = (patient: string): Consent => ({
  resourceType: 'Consent',
  id: `consent-${patient}`,
  status: 'active',
  scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
  category: [{ coding: [{ system: 'http://loinc.org', code: '64292-6' }] }],
  patient: { reference: `Patient/${patient}` },
  dateTime: '2026-02-01',
  performer: [{ reference: `Patient/${patient}` }],
  organization: [{ display: 'This house' }],
  sourceAttachment: { title: 'The signed paper' },
  policy: [{ uri: 'urn:form' }],
  provision: {
    type: 'permit',
    period: { end: '2026-12-31' },
    actor: [
      {
        role: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: 'IRCP' }] },
        reference: { reference: 'Organization/law', display: 'Doe & Partners' },
      },
    ],
    purpose: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'HLEGAL' }],
    code: [{ coding: [{ system: 'http://loinc.org', code: '18842-5' }] }],
  },
});
const attorney = (patient: string): GivenValues => [
  { name: 'requester-class', valueCode: 'attorney' },
  { name: 'requester', valueString: 'Doe & Partners' },
  { name: 'requester-reference', valueReference: { reference: 'Organization/law' } },
  { name: 'patient', valueReference: { reference: `Patient/${patient}` } },
  { name: 'authorization', valueReference: { reference: `Consent/consent-${patient}` } },
  { name: 'purpose', valueCode: 'HLEGAL' },
  { name: 'delivery', valueCode: 'mail' },
  { name: 'address', valueString: '1 Court Street' },
];

/** A patient with these documents, a Consent, and a request that is permitted. */
export async function storySearching(
  talk: Talk,
  patient: string,
  documents: readonly DocumentReference[],
  more: GivenValues = [],
): Promise<string> {
  for (const each of [storyPatient(patient), ...documents, storyConsent(patient)]) {
    const { status, text } = await talk.update(each, ADMIN);
    assert.equal(status, 201, text);
  }
  const id = await requestBegun(talk, ...attorney(patient), ...more);
  await ledTo(talk, id, 'log', 'identify', 'accept');
  return id;
}
export const documentRead = (document: string, more: readonly ParametersParameter[] = []): ParametersParameter => ({
  name: 'document',
  part: [
    { name: 'document', valueReference: { reference: document } },
    { name: 'identifier', valueString: 'MRN-1' },
    { name: 'birth-date', valueDate: '1970-02-03' },
    ...more,
  ],
});

/** References with versions, as an operation tells them. */
export const documentsTold = ({ parameter = [] }: Parameters): readonly string[] =>
  parameter.flatMap(({ name, part }) => (name === 'document' ? (part?.[0]?.valueReference?.reference ?? []) : []));

export const inputsOf = ({ input = [] }: Task, code: string) =>
  input.filter(({ type }) => type.coding?.some(each => each.code === code));
export const outputsOf = ({ output = [] }: Task, code: string) =>
  output.filter(({ type }) => type.coding?.some(each => each.code === code));

/** Waits until a job that an answer names has ended: its answer. */
export async function jobEnded(talk: Talk, begun: Reply<unknown>, headers: Headers = CLERK): Promise<Reply<Bundle>> {
  assert.equal(begun.status, 202, begun.text);
  const at = begun.header('content-location')!.replace(/^.*\/fhir\//, '');
  for (;;) {
    const reply = await talk.get<Bundle>(at, headers);
    if (reply.status !== 202) return reply;
    await pause(30);
  }
}

export const packageResult = ({ body }: Reply<Bundle>): Parameters => body.entry![0]!.resource as Parameters;

/** Chooses, confirms and packs what a request gives out. */
export async function packed(
  talk: Talk,
  id: string,
  more: readonly ParametersParameter[] = [],
): Promise<readonly string[]> {
  const chosen = await runOn(talk, `${id}/$release-select`);
  assert.equal(chosen.status, 200, chosen.text);
  const documents = documentsTold(chosen.body);
  const confirmed = await runOn(
    talk,
    `${id}/$release-confirm`,
    documents.map(each => documentRead(each)),
    SECOND,
  );
  assert.equal(confirmed.status, 200, confirmed.text);
  const ended = await jobEnded(talk, await runOn(talk, `${id}/$release-package`, [...more]));
  assert.equal(ended.status, 200, ended.text);
  return documents;
}
