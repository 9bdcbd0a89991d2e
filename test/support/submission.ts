/** Submissions of documents (ITI-65) for tests: https://profiles.ihe.net/ITI/MHD/4.2.3/ITI-65.html */
import { randomUUID } from 'node:crypto';
import type { Attachment, Binary, Bundle, DocumentReference, FhirResource, List, Patient } from 'fhir/r4.js';
import { aBinary, sha1 } from './document-reference.js';

export const MHD = 'https://profiles.ihe.net/ITI/MHD';
/** Whom they are about. */
export const PATIENT = 'mhd-patient';

/** The Bundle, and its parts to be changed. */
export interface Parts {
  readonly bundle: Bundle;
  readonly set: List;
  readonly document: DocumentReference;
  readonly attachment: Attachment;
  readonly binary: Binary;
}

const LEVELS = {
  minimal: 'Minimal',
  uncontained: 'UnContained.Comprehensive',
  comprehensive: 'Comprehensive',
} as const;
const coded = (system: string, code: string) => ({ coding: [{ system, code }] });
const TEXT = 'Hello World';

/** A new submission of one document with the bytes `Hello World`: SubmissionSet, DocumentReference and Binary, in this order. */
export function aSubmission(level: keyof typeof LEVELS): Parts {
  const [list, reference, bytes] = [1, 2, 3].map(() => `urn:uuid:${randomUUID()}`) as [string, string, string];
  const subject = { reference: `Patient/${PATIENT}` };
  const designation = `${MHD}/StructureDefinition/ihe-designationType`;
  const set: List = {
    resourceType: 'List',
    extension: [
      { url: designation, valueCodeableConcept: coded('http://snomed.info/sct', '225728007') },
      { url: `${MHD}/StructureDefinition/ihe-sourceId`, valueIdentifier: { value: 'urn:oid:1.2.3.4' } },
    ],
    identifier: [{ use: 'usual', system: 'urn:ietf:rfc:3986', value: `urn:uuid:${randomUUID()}` }],
    status: 'current',
    mode: 'working',
    code: coded(`${MHD}/CodeSystem/MHDlistTypes`, 'submissionset'),
    subject,
    date: '2026-01-02T03:04:05Z',
    entry: [{ item: { reference } }],
  };
  const attachment: Attachment = { contentType: 'text/plain', url: bytes, size: TEXT.length, hash: sha1(TEXT) };
  const isContained = level === 'comprehensive';
  const document: DocumentReference = {
    resourceType: 'DocumentReference',
    masterIdentifier: { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${randomUUID()}` },
    status: 'current',
    subject,
    content: [{ attachment }],
    ...(level === 'minimal' ? {} : comprehensive(attachment, isContained)),
  };
  const binary = aBinary('text/plain', TEXT);
  const posted = (resource: FhirResource, fullUrl: string) => ({
    fullUrl,
    resource,
    request: { method: 'POST' as const, url: resource.resourceType },
  });
  const bundle: Bundle = {
    resourceType: 'Bundle',
    meta: { profile: [`${MHD}/StructureDefinition/IHE.MHD.${LEVELS[level]}.ProvideBundle`] },
    type: 'transaction',
    entry: [posted(set, list), posted(document, reference), posted(binary, bytes)],
  };
  return { bundle, set, document, attachment, binary };
}

function comprehensive(attachment: Attachment, isContained: boolean): Partial<DocumentReference> {
  Object.assign(attachment, { language: 'en', creation: '2026-01-02T03:04:05Z' });
  const format = {
    system: 'http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode',
    code: 'urn:ihe:iti:xds:2017:mimeTypeSufficient',
  };
  return {
    ...(isContained ? { contained: [{ resourceType: 'Patient', id: 'source', active: true } as Patient] } : {}),
    type: coded('http://loinc.org', '60591-5'),
    category: [coded('http://loinc.org', '11369-6')],
    securityLabel: [coded('http://terminology.hl7.org/CodeSystem/v3-Confidentiality', 'N')],
    content: [{ attachment, format }],
    context: {
      facilityType: coded('http://snomed.info/sct', '82242000'),
      practiceSetting: coded('http://snomed.info/sct', '408467006'),
      sourcePatientInfo: { reference: isContained ? '#source' : `Patient/${PATIENT}` },
    },
  };
}
