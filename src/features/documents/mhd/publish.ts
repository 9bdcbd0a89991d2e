/**
 * ITI-105 Simplified Publish: a DocumentReference with its bytes inline, which claims the profile of it, is created. The bytes become a
 * Binary, and the SubmissionSet that the document implies is written in the same commit. https://profiles.ihe.net/ITI/MHD/4.2.3/ITI-105.html
 */
import { randomUUID } from 'node:crypto';
import { FhirError, issueOfKind } from '../../../fhir/error.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../../fhir/resource.js';
import type { Companion } from '../../../interactions/interaction.js';
import type { HookedWrite, Preparation } from '../../../interactions/write/hooks.js';
import { attachmentsOf, earlier } from '../attachments.js';
import { SubmissionFaults } from './faults.js';
import { resolveSubject } from './patient.js';
import { identifierToken } from './unique.js';
import { ERROR_SYSTEM, IDENTIFIER_TYPE, isSimplifiedPublish, LIST_TYPES, SOURCE_ID } from './vocabulary.js';

/** Whether a document claims the profile of ITI-105. */
const claimsPublish = (document: Resource | undefined): boolean => profilesOf(document).some(isSimplifiedPublish);

const profilesOf = (document: Resource | undefined): readonly Json[] => {
  const meta = document?.['meta'];
  return isObject(meta) ? itemsOf(meta['profile']) : [];
};

/** Whether this write is a Simplified Publish. Throws `unprocessable` with every fault, `conflict` where the document is there already. */
export async function checkPublish(write: HookedWrite, document: Resource, bases: readonly string[]): Promise<boolean> {
  if (!claimsPublish(document)) return false;
  if (write.before?.text) {
    // As a document was kept that was published by an earlier version of this server.
    if (claimsPublish(earlier(write))) return false;
    throw new FhirError(
      'unprocessable',
      'ITI-105 publishes what is new: create it, and name what it replaces in relatesTo.',
      {
        expression: 'DocumentReference.meta.profile',
        detail: 'published-by-update',
      },
    );
  }
  const faults = new SubmissionFaults('DocumentReference');
  const contents = attachmentsOf(document);
  const { data, url, contentType } = contents[0] ?? {};
  const demands: readonly (readonly [path: string, met: boolean, wanted: string])[] = [
    ['masterIdentifier', identifierToken(document['masterIdentifier']) !== undefined, 'A document has a uniqueId.'],
    ['identifier', document['identifier'] === undefined, 'The server assigns the entryUUID: leave identifier out.'],
    ['status', document['status'] === 'current', 'What is published is current.'],
    ['docStatus', document['docStatus'] === undefined, 'What is published has no docStatus.'],
    ['modifierExtension', document['modifierExtension'] === undefined, 'What is published has no modifierExtension.'],
    ['subject', document['subject'] !== undefined, 'What is published is about a patient.'],
    ['category', itemsOf(document['category']).length <= 1, 'What is published has one category at most.'],
    ['content', contents.length === 1, 'A document has one content.'],
    ['content[0].attachment.contentType', contentType !== undefined, 'A document has a contentType.'],
    ['content[0].attachment.data', data !== undefined, 'The bytes of what is published come inline.'],
    ['content[0].attachment.url', url === undefined, 'The server gives the bytes their address: leave url out.'],
  ];
  for (const [path, met, wanted] of demands)
    if (!met) faults.add(undefined, path, 'mhd-metadata', 'XDSRegistryMetadataError', wanted);
  if (document['subject'] !== undefined) {
    const reference = await resolveSubject(write, document['subject'], { patients: [] }, bases);
    if (reference === undefined)
      faults.add(
        undefined,
        'subject',
        'unknown-patient',
        'XDSUnknownPatientId',
        'This server knows no such patient, who is active.',
      );
    else document['subject'] = { ...(document['subject'] as JsonObject), reference };
  }
  faults.refuse();
  const [first] = await write.find('DocumentReference', uniqueCriteria(document), 1);
  if (first) throw publishedBefore(`DocumentReference/${first.id}`);
  return true;
}

/** `address`: left out where the sender may not see what is there. */
function publishedBefore(address?: string): FhirError {
  const text = address === undefined ? 'This was published before.' : `This was published before: ${address}.`;
  const coding = { system: ERROR_SYSTEM, code: 'XDSDuplicateUniqueIdInRegistry' };
  const expression = 'DocumentReference.masterIdentifier';
  return new FhirError('conflict', text, {
    issues: [issueOfKind('conflict', { text, detail: 'duplicate-unique-id', coding, expression })],
  });
}

const uniqueCriteria = ({ masterIdentifier }: Resource) =>
  [['identifier', identifierToken(masterIdentifier)!]] as const;

/** The document without its inline bytes, which have a `url` by now; its SubmissionSet; and that nobody else has its uniqueId. */
export function published(
  write: Pick<HookedWrite, 'id'>,
  document: Resource,
  { base, now }: { readonly base: string; readonly now: number },
): Pick<Preparation, 'absent'> & { readonly submissionSet: Companion } {
  for (const attachment of attachmentsOf(document)) delete attachment['data'];
  // What is kept has other elements than the profile of what is sent.
  const { profile: _, ...meta } = document['meta'] as JsonObject;
  const others = profilesOf(document).filter(profile => !isSimplifiedPublish(profile));
  document['meta'] = others.length > 0 ? { ...meta, profile: others } : meta;
  if (Object.keys(document['meta']).length === 0) delete document['meta'];
  const set = {
    resourceType: 'List',
    extension: [{ url: SOURCE_ID, valueIdentifier: { system: 'urn:ietf:rfc:3986', value: base } }],
    identifier: [newIdentifier('usual', 'uniqueId', newOid())],
    status: 'current',
    mode: 'working',
    code: { coding: [{ system: LIST_TYPES, code: 'submissionset' }] },
    subject: document['subject'] as JsonObject,
    date: new Date(now).toISOString(),
    entry: [{ item: { reference: `DocumentReference/${write.id}` } }],
  };
  document['identifier'] = [newIdentifier('official', 'entryUUID')];
  return {
    absent: [{ type: 'DocumentReference', criteria: uniqueCriteria(document), conflict: publishedBefore() }],
    submissionSet: { kind: 'create', own: true, type: 'List', body: { resource: set, decimals: undefined } },
  };
}

/** MHD wants the uniqueId of a SubmissionSet to be an OID: https://www.rfc-editor.org/rfc/rfc3061, that of a UUID (ITU-T X.667). */
const newOid = (): string => `urn:oid:2.25.${BigInt(`0x${randomUUID().replaceAll('-', '')}`)}`;

const newIdentifier = (use: string, code: string, value = `urn:uuid:${randomUUID()}`) => ({
  use,
  type: { coding: [{ system: IDENTIFIER_TYPE, code }] },
  system: 'urn:ietf:rfc:3986',
  value,
});
