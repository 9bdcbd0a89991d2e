/**
 * Documents and their bytes: each document names one Binary (or document Bundle) of the submission, each of which is named once, and what
 * is said of the bytes is right (MHD-3, MHD-11). Items of lists lead somewhere.
 */
import { parseReference } from '../../../fhir/reference.js';
import { isObject, itemsOf, type Resource } from '../../../fhir/resource.js';
import type { HookGround } from '../../../interactions/write/hooks.js';
import { resourceExists } from '../attachment-url.js';
import { attachmentsOf, compareBytes } from '../attachments.js';
import type { ByteReader } from '../bytes.js';
import type { SubmissionFaults } from './faults.js';
import { listKind, referenceIn, type Submission } from './submission.js';
import type { MhdErrorCode } from './vocabulary.js';

const IHE_OF: Readonly<Record<string, MhdErrorCode>> = {
  'hash-mismatch': 'XDSRepositoryMetadataError',
  'size-mismatch': 'XDSRepositoryMetadataError',
  'content-type-mismatch': 'InvalidDocumentContent',
};

export async function checkContents(
  submission: Submission,
  reader: ByteReader,
  faults: SubmissionFaults,
): Promise<void> {
  const { documents, contents, byFullUrl } = submission;
  const named = new Set<number>();
  for (const { at, resource } of documents) {
    const [attachment = {}] = attachmentsOf(resource);
    const { url } = attachment;
    if (typeof url !== 'string' || !url.startsWith('urn:')) continue;
    const path = 'resource.content[0].attachment.url';
    const content = byFullUrl.get(url);
    if (!content || !contents.includes(content)) {
      faults.add(
        at,
        path,
        'no-content',
        'XDSMissingDocument',
        'No entry has this fullUrl and the bytes of the document.',
      );
      continue;
    }
    if (named.has(content.at))
      faults.add(
        at,
        path,
        'content-named-twice',
        'XDSRegistryMetadataError',
        'Another document has these bytes: give each its own Binary.',
      );
    named.add(content.at);
    const { data } = content.resource;
    if (content.resource.resourceType !== 'Binary' || typeof data !== 'string') continue;
    const bytes = await reader.ofBase64(data);
    const { issues } = compareBytes(attachment, bytes, 'DocumentReference.content[0].attachment');
    faults.take(at, issues, detail => IHE_OF[detail] ?? 'XDSRepositoryMetadataError');
  }
  for (const { at } of contents)
    if (!named.has(at))
      faults.add(
        at,
        '',
        'unnamed-content',
        'XDSMissingDocumentMetadata',
        'No document names these bytes by the fullUrl of the entry.',
      );
}

export async function checkListItems(
  ground: HookGround,
  { sets, folders, documents, byFullUrl }: Submission,
  bases: readonly string[],
  faults: SubmissionFaults,
): Promise<void> {
  const typeAt = async (reference: string): Promise<string | undefined> => {
    const inside = byFullUrl.get(reference);
    if (inside) return inside.resource.resourceType;
    const target = parseReference(reference, bases);
    if (target?.kind !== 'local') return undefined;
    return (await resourceExists(ground, target.type, target.id)) ? target.type : undefined;
  };
  for (const list of [...sets, ...folders]) {
    const allowed = listKind(list.resource) === 'submissionset' ? ['DocumentReference', 'List'] : ['DocumentReference'];
    const text = `An item leads to a ${allowed.join(' or ')} of the submission or of this server.`;
    for (const [index, reference] of listedItems(list.resource).entries()) {
      const type = reference === undefined ? undefined : await typeAt(reference);
      if (type === undefined || !allowed.includes(type))
        faults.add(list.at, `resource.entry[${index}].item`, 'item-not-found', 'UnresolvedReferenceException', text);
    }
  }
  const [set, ...others] = sets;
  if (!set || others.length > 0) return;
  const submitted = new Set(listedItems(set.resource));
  const missing = 'The SubmissionSet names each document among its items.';
  for (const { at, fullUrl } of documents)
    if (fullUrl === undefined || !submitted.has(fullUrl))
      faults.add(at, '', 'not-submitted', 'XDSRegistryMetadataError', missing);
}

const listedItems = ({ entry }: Resource): readonly (string | undefined)[] =>
  itemsOf(entry).map(one => (isObject(one) ? referenceIn(one['item']) : undefined));
