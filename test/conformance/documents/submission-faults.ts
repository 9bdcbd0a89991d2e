/** What is wrong with submissions of ITI-65: one change of a right one each, and what is said of it. */
import type { Bundle, BundleEntry, Composition, DocumentReference, FhirResource, List } from 'fhir/r4.js';
import { aBinary, base64 } from '../../support/document-reference.js';
import { type Parts, PATIENT } from '../../support/submission.js';

export type Change = (parts: Parts) => void;

/** The fault: its expression, our code and that of IHE. */
export const FAULTS: readonly (readonly [title: string, change: Change, fault: string])[] = [
  [
    'no SubmissionSet',
    ({ bundle }) => void bundle.entry!.splice(0, 1),
    'Bundle.entry no-submission-set XDSRegistryMetadataError',
  ],
  [
    'more documents than a hundred',
    ({ bundle, document }) => {
      for (let more = 0; more < 100; more++) bundle.entry!.push(entryOf({ ...document }, `urn:uuid:more-${more}`));
    },
    'Bundle.entry[102] too-many-documents XDSRegistryMetadataError',
  ],
  [
    'two SubmissionSets',
    ({ bundle, set }) =>
      void bundle.entry!.push(entryOf({ ...set, identifier: [usual('urn:oid:1.2.9')] }, 'urn:uuid:9')),
    'Bundle.entry[3] several-submission-sets XDSRegistryMetadataError',
  ],
  [
    'a SubmissionSet without sourceId',
    ({ set }) => void delete set.extension,
    'Bundle.entry[0].resource.extension mhd-metadata XDSRegistryMetadataError',
  ],
  [
    'a SubmissionSet without uniqueId',
    ({ set }) => void delete set.identifier,
    'Bundle.entry[0].resource.identifier mhd-metadata XDSRegistryMetadataError',
  ],
  [
    'a SubmissionSet without date',
    ({ set }) => void delete set.date,
    'Bundle.entry[0].resource.date mhd-metadata XDSRegistryMetadataError',
  ],
  [
    'a SubmissionSet that is retired',
    ({ set }) => void (set.status = 'retired'),
    'Bundle.entry[0].resource.status mhd-metadata XDSRegistryMetadataError',
  ],
  [
    'a SubmissionSet that is a snapshot',
    ({ set }) => void (set.mode = 'snapshot'),
    'Bundle.entry[0].resource.mode mhd-metadata XDSRegistryMetadataError',
  ],
  [
    'a SubmissionSet with an encounter',
    ({ set }) => void (set.encounter = { reference: 'Encounter/1' }),
    'Bundle.entry[0].resource.encounter mhd-metadata XDSRegistryMetadataError',
  ],
  [
    'a List of another kind',
    ({ set }) => void (set.code = { text: 'list' }),
    'Bundle.entry[0] entry-not-allowed XDSRegistryMetadataError',
  ],
  [
    'an Observation',
    ({ bundle }) =>
      void bundle.entry!.push(
        entryOf({ resourceType: 'Observation', status: 'final', code: { text: 'x' } }, 'urn:uuid:9'),
      ),
    'Bundle.entry[3] entry-not-allowed XDSRegistryMetadataError',
  ],
  [
    'a DELETE',
    ({ bundle }) => void bundle.entry!.push({ request: { method: 'DELETE', url: `Patient/${PATIENT}` } }),
    'Bundle.entry[3] entry-not-allowed XDSRegistryMetadataError',
  ],
  [
    'a GET of something else',
    ({ bundle }) => void bundle.entry!.push({ request: { method: 'GET', url: 'Observation/1' } }),
    'Bundle.entry[3] entry-not-allowed XDSRegistryMetadataError',
  ],
  [
    'a PUT of a document',
    ({ bundle }) =>
      void Object.assign(bundle.entry![1]!, {
        resource: { ...bundle.entry![1]!.resource, id: 'put' },
        request: { method: 'PUT', url: 'DocumentReference/put' },
      }),
    'Bundle.entry[1] entry-not-allowed XDSRegistryMetadataError',
  ],
  [
    'another patch',
    ({ bundle }) => void bundle.entry!.push(patchOf('current')),
    'Bundle.entry[3] entry-not-allowed XDSRegistryMetadataError',
  ],
  [
    'a patch of what nothing replaces',
    ({ bundle }) => void bundle.entry!.push(patchOf('superseded')),
    'Bundle.entry[3] patch-of-nothing-replaced XDSRegistryMetadataError',
  ],
  [
    'no masterIdentifier',
    ({ document }) => void delete document.masterIdentifier,
    'Bundle.entry[1].resource.masterIdentifier mhd-metadata XDSRegistryMetadataError',
  ],
  [
    'a docStatus',
    ({ document }) => void (document.docStatus = 'final'),
    'Bundle.entry[1].resource.docStatus mhd-metadata XDSRegistryMetadataError',
  ],
  [
    'a modifierExtension',
    ({ document }) => void (document.modifierExtension = [{ url: 'http://example.org/m', valueBoolean: true }]),
    'Bundle.entry[1].resource.modifierExtension mhd-metadata XDSRegistryMetadataError',
  ],
  [
    'a document that is retracted',
    ({ document }) => void (document.status = 'entered-in-error'),
    'Bundle.entry[1].resource.status mhd-metadata XDSRegistryMetadataError',
  ],
  [
    'two contents',
    ({ document }) => void document.content.push(document.content[0]!),
    'Bundle.entry[1].resource.content mhd-metadata XDSRegistryMetadataError',
  ],
  [
    'no contentType',
    ({ attachment }) => void delete attachment.contentType,
    'Bundle.entry[1].resource.content[0].attachment.contentType mhd-metadata XDSRegistryMetadataError',
  ],
  [
    'inline bytes',
    ({ attachment }) => void (attachment.data = base64('x')),
    'Bundle.entry[1].resource.content[0].attachment.data mhd-metadata XDSRegistryMetadataError',
  ],
  [
    'no url',
    ({ attachment }) => void delete attachment.url,
    'Bundle.entry[1].resource.content[0].attachment.url mhd-metadata XDSRegistryMetadataError',
  ],
  [
    'a url of no entry',
    ({ attachment }) => void (attachment.url = 'urn:uuid:nobody'),
    'Bundle.entry[1].resource.content[0].attachment.url no-content XDSMissingDocument',
  ],
  [
    'bytes that nobody names',
    ({ bundle }) =>
      void bundle.entry!.push(
        entryOf({ resourceType: 'Binary', contentType: 'text/plain', data: 'eA==' }, 'urn:uuid:9'),
      ),
    'Bundle.entry[3] unnamed-content XDSMissingDocumentMetadata',
  ],
  [
    'a wrong hash',
    ({ attachment }) => void (attachment.hash = base64('x'.repeat(20))),
    'Bundle.entry[1].resource.content[0].attachment.hash hash-mismatch XDSRepositoryMetadataError',
  ],
  [
    'a wrong size',
    ({ attachment }) => void (attachment.size = 12),
    'Bundle.entry[1].resource.content[0].attachment.size size-mismatch XDSRepositoryMetadataError',
  ],
  [
    'a wrong type',
    ({ binary }) => void (binary.data = base64('%PDF-1.4\n')),
    'Bundle.entry[1].resource.content[0].attachment.contentType content-type-mismatch InvalidDocumentContent',
  ],
  [
    'an unknown patient',
    ({ document, set }) => void (document.subject = set.subject = { reference: 'Patient/nobody' }),
    'Bundle.entry[0].resource.subject unknown-patient XDSUnknownPatientId',
  ],
  [
    'a patient of another server',
    ({ document, set }) => void (document.subject = set.subject = { reference: 'http://example.org/fhir/Patient/1' }),
    'Bundle.entry[0].resource.subject unknown-patient XDSUnknownPatientId',
  ],
  [
    'a patient who is not active',
    ({ document, set }) => void (document.subject = set.subject = { reference: 'Patient/mhd-inactive' }),
    'Bundle.entry[0].resource.subject unknown-patient XDSUnknownPatientId',
  ],
  [
    'an identifier of nobody',
    ({ document, set }) => void (document.subject = set.subject = { identifier: { system: 'urn:mrn', value: 'none' } }),
    'Bundle.entry[0].resource.subject unknown-patient XDSUnknownPatientId',
  ],
  [
    'two patients',
    ({ document }) => void (document.subject = { reference: 'Patient/mhd-other' }),
    'Bundle.entry[1].resource.subject other-patient XDSPatientIdDoesNotMatch',
  ],
  [
    'an item that leads nowhere',
    ({ set }) => void set.entry!.push({ item: { reference: 'DocumentReference/nobody' } }),
    'Bundle.entry[0].resource.entry[1].item item-not-found UnresolvedReferenceException',
  ],
  [
    'an item of another type',
    ({ set }) => void set.entry!.push({ item: { reference: `Patient/${PATIENT}` } }),
    'Bundle.entry[0].resource.entry[1].item item-not-found UnresolvedReferenceException',
  ],
  [
    'a document that the set does not name',
    ({ set }) => void delete set.entry,
    'Bundle.entry[1] not-submitted XDSRegistryMetadataError',
  ],
  [
    'replacing of nothing',
    ({ document }) =>
      void (document.relatesTo = [{ code: 'replaces', target: { reference: 'DocumentReference/nobody' } }]),
    'Bundle.entry[1].resource.relatesTo[0].target unknown-target XDSReplaceFailed',
  ],
  [
    'replacing of what is of another patient',
    ({ document }) =>
      void (document.relatesTo = [{ code: 'replaces', target: { reference: 'DocumentReference/mhd-of-other' } }]),
    'Bundle.entry[1].resource.relatesTo[0].target other-patient XDSPatientIdDoesNotMatch',
  ],
  [
    'an item of another patient',
    ({ set }) => void set.entry!.push({ item: { reference: 'DocumentReference/mhd-of-other' } }),
    'Bundle.entry[0].resource.entry[1].item other-patient XDSPatientIdDoesNotMatch',
  ],
  [
    'two documents that replace the same one',
    ({ bundle, set, document }) => {
      document.relatesTo = [{ code: 'replaces', target: { reference: 'DocumentReference/mhd-own' } }];
      addDocument({ bundle, set, document }, 'urn:uuid:8', { relatesTo: document.relatesTo });
    },
    'Bundle.entry[3].resource.relatesTo replaced-twice XDSReplaceFailed',
  ],
  [
    'a FHIR document with the hash of something',
    ({ bundle }) => asFhirDocument(bundle, false),
    'Bundle.entry[1].resource.content[0].attachment.hash hash-of-resource XDSRepositoryMetadataError',
  ],
  [
    'a FHIR document with the size of something',
    ({ bundle }) => asFhirDocument(bundle, false),
    'Bundle.entry[1].resource.content[0].attachment.size size-of-resource XDSRepositoryMetadataError',
  ],
  ...(
    [
      ['that is retired', { status: 'retired' }, 'resource.status mhd-metadata XDSRegistryMetadataError'],
      ['that is a snapshot', { mode: 'snapshot' }, 'resource.mode mhd-metadata XDSRegistryMetadataError'],
      ['with an order', { orderedBy: { text: 'x' } }, 'resource.orderedBy mhd-metadata XDSRegistryMetadataError'],
      [
        'of another patient',
        { subject: { reference: 'Patient/mhd-other' } },
        'resource.subject other-patient XDSPatientIdDoesNotMatch',
      ],
      [
        'with an item that leads nowhere',
        { entry: [{ item: { reference: 'DocumentReference/nobody' } }] },
        'resource.entry[0].item item-not-found UnresolvedReferenceException',
      ],
      [
        'with a List',
        { entry: [{ item: { reference: 'urn:uuid:9' } }] },
        'resource.entry[0].item item-not-found UnresolvedReferenceException',
      ],
      [
        'with a document of another patient',
        { entry: [{ item: { reference: 'DocumentReference/mhd-of-other' } }] },
        'resource.entry[0].item other-patient XDSPatientIdDoesNotMatch',
      ],
    ] as const satisfies readonly (readonly [string, Partial<List>, string])[]
  ).map(
    ([title, more, fault]) =>
      [
        `a Folder ${title}`,
        ({ bundle, set }: Parts) => void bundle.entry!.push(entryOf({ ...folderOf(set), ...more }, 'urn:uuid:9')),
        `Bundle.entry[3].${fault}`,
      ] as const,
  ),
  [
    'a SubmissionSet with an order',
    ({ set }) => void (set.orderedBy = { text: 'x' }),
    'Bundle.entry[0].resource.orderedBy mhd-metadata XDSRegistryMetadataError',
  ],
  [
    'a SubmissionSet with a reason for being empty',
    ({ set }) => void (set.emptyReason = { text: 'x' }),
    'Bundle.entry[0].resource.emptyReason mhd-metadata XDSRegistryMetadataError',
  ],
  [
    'a PUT of the SubmissionSet',
    ({ bundle }) => putOf(bundle, 0, 'put-list'),
    'Bundle.entry[0] entry-not-allowed XDSRegistryMetadataError',
  ],
  [
    'a PUT of the bytes',
    ({ bundle }) => putOf(bundle, 2, 'put-bytes'),
    'Bundle.entry[2] entry-not-allowed XDSRegistryMetadataError',
  ],
  [
    'a Bundle that is no document',
    ({ bundle }) => void bundle.entry!.push(entryOf({ resourceType: 'Bundle', type: 'collection' }, 'urn:uuid:9')),
    'Bundle.entry[3] entry-not-allowed XDSRegistryMetadataError',
  ],
  [
    'another patient beside it',
    ({ bundle }) => void bundle.entry!.push({ request: { method: 'GET', url: 'Patient/mhd-other' } }),
    'Bundle.entry[3] other-patient XDSPatientIdDoesNotMatch',
  ],
  [
    'two patients beside it',
    ({ bundle }) => {
      for (const id of [PATIENT, 'mhd-other']) bundle.entry!.push({ request: { method: 'GET', url: `Patient/${id}` } });
    },
    'Bundle.entry[4] several-patients XDSPatientIdDoesNotMatch',
  ],
  [
    'a uniqueId of two documents',
    parts => void addDocument(parts, 'urn:uuid:8', { masterIdentifier: parts.document.masterIdentifier! }),
    'Bundle.entry[3].resource.masterIdentifier duplicate-unique-id XDSRegistryDuplicateUniqueIdInMessage',
  ],
  [
    'a document and a SubmissionSet with one uniqueId',
    ({ set, document }) => void Object.assign(set.identifier![0]!, document.masterIdentifier),
    'Bundle.entry[0].resource.identifier duplicate-unique-id XDSRegistryDuplicateUniqueIdInMessage',
  ],
  [
    'bytes of two documents',
    parts => {
      const { content } = parts.document;
      addDocument(parts, 'urn:uuid:8', { content });
      parts.bundle.entry!.pop();
    },
    'Bundle.entry[3].resource.content[0].attachment.url content-named-twice XDSRegistryMetadataError',
  ],
  [
    'the SubmissionSet in the place of the bytes',
    ({ bundle, attachment }) => void (attachment.url = bundle.entry![0]!.fullUrl!),
    'Bundle.entry[1].resource.content[0].attachment.url no-content XDSMissingDocument',
  ],
  [
    'a uniqueId without a value',
    ({ document }) => void (document.masterIdentifier = { system: 'urn:ietf:rfc:3986' }),
    'Bundle.entry[1].resource.masterIdentifier mhd-metadata XDSRegistryMetadataError',
  ],
  [
    'replacing of what is retracted',
    ({ document }) =>
      void (document.relatesTo = [{ code: 'replaces', target: { reference: 'DocumentReference/mhd-retracted' } }]),
    'Bundle.entry[1].resource.relatesTo[0].target target-not-current XDSReplaceFailed',
  ],
];

/** Of Comprehensive metadata: what is left out. */
export const COMPREHENSIVE: readonly (readonly [string, Change, string])[] = [
  ['type', ({ document }) => void delete document.type, 'Bundle.entry[1].resource.type'],
  ['category', ({ document }) => void delete document.category, 'Bundle.entry[1].resource.category'],
  ['subject', ({ document }) => void delete document.subject, 'Bundle.entry[1].resource.subject'],
  ['securityLabel', ({ document }) => void delete document.securityLabel, 'Bundle.entry[1].resource.securityLabel'],
  [
    'language',
    ({ attachment }) => void delete attachment.language,
    'Bundle.entry[1].resource.content[0].attachment.language',
  ],
  [
    'creation',
    ({ attachment }) => void delete attachment.creation,
    'Bundle.entry[1].resource.content[0].attachment.creation',
  ],
  ['format', ({ document }) => void delete document.content[0]!.format, 'Bundle.entry[1].resource.content[0].format'],
  [
    'facilityType',
    ({ document }) => void delete document.context!.facilityType,
    'Bundle.entry[1].resource.context.facilityType',
  ],
  [
    'practiceSetting',
    ({ document }) => void delete document.context!.practiceSetting,
    'Bundle.entry[1].resource.context.practiceSetting',
  ],
  [
    'sourcePatientInfo',
    ({ document }) => void delete document.context!.sourcePatientInfo,
    'Bundle.entry[1].resource.context.sourcePatientInfo',
  ],
  [
    'one category',
    ({ document }) => void document.category!.push(document.category![0]!),
    'Bundle.entry[1].resource.category',
  ],
  [
    'a signer who is contained',
    ({ document }) => void (document.authenticator = { reference: 'Practitioner/1' }),
    'Bundle.entry[1].resource.authenticator',
  ],
  [
    'the title of a Folder',
    ({ bundle, set }) => {
      const { title: _, ...folder } = { ...folderOf(set), extension: set.extension!.slice(0, 1) };
      bundle.entry!.push(entryOf(folder, 'urn:uuid:9'));
    },
    'Bundle.entry[3].resource.title',
  ],
  ['designationType', ({ set }) => void set.extension!.shift(), 'Bundle.entry[0].resource.extension'],
  [
    'an author who is contained',
    ({ document }) => void (document.author = [{ reference: 'Practitioner/1' }]),
    'Bundle.entry[1].resource.author[0]',
  ],
];

/** A Folder beside a SubmissionSet. */
const folderOf = ({ subject, code }: List): List => ({
  ...{ resourceType: 'List', status: 'current', mode: 'working', title: 'Folder' },
  code: { coding: [{ ...code!.coding![0], code: 'folder' }] },
  ...(subject ? { subject } : {}),
});

function putOf(bundle: Bundle, at: number, id: string): void {
  const { resource, fullUrl } = bundle.entry![at]!;
  const { resourceType } = resource!;
  bundle.entry![at] = {
    fullUrl: fullUrl!,
    resource: { ...resource!, id },
    request: { method: 'PUT', url: `${resourceType}/${id}` },
  };
}

const usual = (value: string) => ({ use: 'usual', system: 'urn:ietf:rfc:3986', value }) as const;
const entryOf = (resource: FhirResource, fullUrl: string): BundleEntry<FhirResource> => ({
  fullUrl,
  resource,
  request: { method: 'POST', url: resource.resourceType },
});
export const patchOf = (status: string): BundleEntry<FhirResource> => ({
  fullUrl: 'urn:uuid:patch',
  resource: {
    resourceType: 'Parameters',
    parameter: [
      {
        name: 'operation',
        part: [
          { name: 'type', valueCode: 'replace' },
          { name: 'path', valueString: 'DocumentReference.status' },
          { name: 'value', valueCode: status },
        ],
      },
    ],
  },
  request: { method: 'PATCH', url: 'DocumentReference/mhd-of-other' },
});

/** Another document, with bytes of its own. */
export function addDocument(
  { bundle, set, document }: Pick<Parts, 'bundle' | 'set' | 'document'>,
  fullUrl: string,
  more: Partial<DocumentReference> = {},
): DocumentReference {
  const bytes = `${fullUrl}0`;
  const { url: _, ...attachment } = document.content[0]!.attachment;
  const added: DocumentReference = {
    ...document,
    masterIdentifier: { system: 'urn:ietf:rfc:3986', value: `urn:oid:1.2.3.${Date.now()}` },
    content: [{ ...document.content[0], attachment: { ...attachment, url: bytes } }],
    ...more,
  };
  bundle.entry!.push(entryOf(added, fullUrl), entryOf(aBinary('text/plain', 'Hello World'), bytes));
  set.entry!.push({ item: { reference: fullUrl } });
  return added;
}

/** The bytes become a document Bundle. */
export function asFhirDocument(bundle: Bundle, clean = true): void {
  const [, document, bytes] = bundle.entry!;
  const { attachment } = (document!.resource as DocumentReference).content[0]!;
  attachment.contentType = 'application/fhir+json';
  if (clean) {
    delete attachment.hash;
    delete attachment.size;
  }
  const subject = { reference: `Patient/${PATIENT}` };
  const composition: Composition = {
    ...{ resourceType: 'Composition', status: 'final', type: { text: 'Note' }, subject, title: 'Note' },
    ...{ date: '2026-01-02T03:04:05Z', author: [subject] },
  };
  Object.assign(bytes!, {
    ...entryOf(
      {
        ...{ resourceType: 'Bundle', type: 'document', timestamp: '2026-01-02T03:04:05Z' },
        identifier: { system: 'urn:ietf:rfc:3986', value: 'urn:oid:1.2.3.4.5' },
        entry: [{ fullUrl: 'urn:uuid:c0c0c0c0-0000-4000-8000-000000000001', resource: composition }],
      },
      bytes!.fullUrl!,
    ),
  });
}
