/**
 * ITI-105 Simplified Publish: a DocumentReference with its bytes inline, which claims the profile of it, is created. The bytes become a
 * Binary, and the SubmissionSet that the document implies is written in the same commit. https://profiles.ihe.net/ITI/MHD/4.2.3/ITI-105.html
 */
import { randomUUID } from 'node:crypto';
import { FhirError } from '../../../fhir/error.js';
import { isObject, itemsOf, type JsonObject, type Resource } from '../../../fhir/resource.js';
import type { Companion } from '../../../interactions/interaction.js';
import type { HookedWrite, Preparation } from '../../../interactions/write/hooks.js';
import { attachmentsOf } from '../attachments.js';
import { SubmissionFaults } from './faults.js';
import { resolveSubject } from './patient.js';
import { identifierToken } from './unique.js';
import { IDENTIFIER_TYPE, isSimplifiedPublish, LIST_TYPES, SOURCE_ID } from './vocabulary.js';

/** Whether this write is a Simplified Publish. Throws `unprocessable` with every fault, `conflict` where the document is there already. */
export async function checkPublish(write: HookedWrite, document: Resource, bases: readonly string[]): Promise<boolean> {
  const { meta } = document;
  const profiles = isObject(meta) ? itemsOf(meta['profile']) : [];
  if (write.interaction !== 'create' || !profiles.some(isSimplifiedPublish)) return false;
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
  if (first)
    throw new FhirError('conflict', `This was published before: DocumentReference/${first.id}.`, {
      expression: 'DocumentReference.masterIdentifier',
      detail: 'duplicate-unique-id',
    });
  return true;
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
  const set = {
    resourceType: 'List',
    extension: [{ url: SOURCE_ID, valueIdentifier: { system: 'urn:ietf:rfc:3986', value: base } }],
    identifier: [newIdentifier('usual', 'uniqueId')],
    status: 'current',
    mode: 'working',
    code: { coding: [{ system: LIST_TYPES, code: 'submissionset' }] },
    subject: document['subject'] as JsonObject,
    date: new Date(now).toISOString(),
    entry: [{ item: { reference: `DocumentReference/${write.id}` } }],
  };
  document['identifier'] = [newIdentifier('official', 'entryUUID')];
  return {
    absent: [{ type: 'DocumentReference', criteria: uniqueCriteria(document) }],
    submissionSet: { kind: 'create', type: 'List', body: { resource: set, decimals: undefined } },
  };
}

const newIdentifier = (use: string, code: string) => ({
  use,
  type: { coding: [{ system: IDENTIFIER_TYPE, code }] },
  system: 'urn:ietf:rfc:3986',
  value: `urn:uuid:${randomUUID()}`,
});
