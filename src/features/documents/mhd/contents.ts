/**
 * Documents and their bytes: each document names one Binary (or document Bundle) of the submission, each of which is named once, and what
 * is said of the bytes is right (MHD-3, MHD-11). Items of lists lead somewhere.
 */
import { withArticle } from '../../../fhir/article.js';
import { parseReference } from '../../../fhir/reference.js';
import { isObject, itemsOf, type Resource } from '../../../fhir/resource.js';
import type { HookGround } from '../../../interactions/write/hooks.js';
import { attachmentsOf, compareBytes, sizedResource } from '../attachments.js';
import type { ByteReader } from '../bytes.js';
import type { SubmissionFaults } from './faults.js';
import { ONE_PATIENT } from './patient.js';
import { listKind, referenceIn, type Submission, type Submitted } from './submission.js';
import type { MhdErrorCode } from './vocabulary.js';

const IHE_OF: Readonly<Record<string, MhdErrorCode>> = {
  'hash-mismatch': 'XDSRepositoryMetadataError',
  'size-mismatch': 'XDSRepositoryMetadataError',
  'content-type-mismatch': 'InvalidDocumentContent',
};

const faultOf = (detail: string): MhdErrorCode => IHE_OF[detail] ?? 'XDSRepositoryMetadataError';

export async function checkContents(
  submission: Submission,
  reader: ByteReader,
  faults: SubmissionFaults,
): Promise<void> {
  const { documents, contents } = submission;
  const named = new Set<number>();
  for (const document of documents) {
    const { at, resource } = document;
    const [attachment = {}] = attachmentsOf(resource);
    const { url } = attachment;
    if (typeof url !== 'string') continue;
    const path = 'resource.content[0].attachment.url';
    const content = submission.named(document, url);
    // Any other address is that of something here, or is fetched: attachments.ts looks.
    if (!content && !url.startsWith('urn:')) continue;
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
    if (content.resource.resourceType !== 'Binary') {
      faults.take(at, sizedResource(attachment, 'DocumentReference.content[0].attachment'), faultOf);
      continue;
    }
    if (typeof data !== 'string') continue;
    const bytes = await reader.ofBase64(data);
    const { issues } = compareBytes(attachment, bytes, 'DocumentReference.content[0].attachment');
    faults.take(at, issues, faultOf);
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

/** `persons`: whom the submission is about. */
export async function checkListItems(
  { view }: HookGround,
  { sets, folders, documents, named }: Submission,
  { persons, bases }: { readonly persons: ReadonlySet<string>; readonly bases: readonly string[] },
  faults: SubmissionFaults,
): Promise<void> {
  const submitted = new Set<Submitted>();
  /** Of this server: undefined where there is none. */
  const storedAt = async (reference: string): Promise<Resource | undefined> => {
    const target = parseReference(reference, bases);
    const row = target?.kind === 'local' ? await view.read(target.type, target.id) : undefined;
    return row?.text && (JSON.parse(row.text.toString()) as Resource);
  };
  for (const list of [...sets, ...folders]) {
    const isSet = listKind(list.resource) === 'submissionset';
    const allowed = isSet ? ['DocumentReference', 'List'] : ['DocumentReference'];
    const text = `An item leads to ${allowed.map(withArticle).join(' or ')} of the submission or of this server.`;
    for (const [index, reference] of listedItems(list.resource).entries()) {
      const path = `resource.entry[${index}].item`;
      const inside = reference === undefined ? undefined : named(list, reference);
      if (inside && isSet) submitted.add(inside);
      const item = inside?.resource ?? (reference === undefined ? undefined : await storedAt(reference));
      if (!item || !allowed.includes(item.resourceType))
        faults.add(list.at, path, 'item-not-found', 'UnresolvedReferenceException', text);
      else if (!inside && isOfAnother(item, persons, bases))
        faults.add(list.at, path, 'other-patient', 'XDSPatientIdDoesNotMatch', ONE_PATIENT);
    }
  }
  const [set, ...others] = sets;
  if (!set || others.length > 0) return;
  const missing = 'The SubmissionSet names each document among its items.';
  for (const document of documents)
    if (!submitted.has(document)) faults.add(document.at, '', 'not-submitted', 'XDSRegistryMetadataError', missing);
}

/** Of nobody is no other. */
function isOfAnother({ subject }: Resource, persons: ReadonlySet<string>, bases: readonly string[]): boolean {
  const reference = referenceIn(subject);
  const target = parseReference(reference ?? '', bases);
  const name = target?.kind === 'local' ? `${target.type}/${target.id}` : reference;
  return name !== undefined && persons.size > 0 && !persons.has(name);
}

const listedItems = ({ entry }: Resource): readonly (string | undefined)[] =>
  itemsOf(entry).map(one => (isObject(one) ? referenceIn(one['item']) : undefined));
