/**
 * ITI-65 Provide Document Bundle: a transaction whose Bundle.meta.profile is one of MHD, checked as a whole before any entry is written.
 * Any other Bundle is a transaction like every other. https://profiles.ihe.net/ITI/MHD/4.2.3/ITI-65.html
 */
import type { Issue } from '../../../fhir/error.js';
import { asFhirError } from '../../../fhir/error.js';
import type { Resource } from '../../../fhir/resource.js';
import type { BundlePreparation, HookedBundle } from '../../../interactions/write/hooks.js';
import { attachmentsOf } from '../attachments.js';
import type { ByteReader } from '../bytes.js';
import { supersede } from '../relations.js';
import { checkContents, checkListItems } from './contents.js';
import { SubmissionFaults } from './faults.js';
import { checkMetadata, identifiersOfBoth } from './metadata.js';
import { checkPatient, type SubmissionPatient } from './patient.js';
import { readSubmission, type Submission } from './submission.js';
import { PROVIDE_BUNDLE } from './transactions.js';
import { checkUnique } from './unique.js';
import { claimedLevel } from './vocabulary.js';

/** What is written instead of what was sent, and what must be absent. Throws `unprocessable` with every fault, `conflict`. */
export async function provide(
  bundle: HookedBundle,
  bases: readonly string[],
  reader: ByteReader,
): Promise<BundlePreparation | undefined> {
  const level = claimedLevel(bundle.profiles);
  if (level === undefined) return undefined;
  const faults = new SubmissionFaults();
  const submission = readSubmission(bundle.entries, faults);
  // Before any of them is looked at: that is what it is about.
  refuseLongSubmission(submission, faults);
  checkMetadata(submission, level, faults);
  const patient = await checkPatient(bundle, submission, bases, faults);
  await checkContents(submission, reader, faults);
  const persons = new Set(patient.meant.values());
  await checkListItems(bundle, submission, { persons, bases }, faults);
  await checkRelations(bundle, submission, bases, patient, faults);
  const { absent, conflict } = await checkUnique(bundle, submission, reader, faults);
  faults.refuse();
  if (conflict) throw conflict;
  const { at } = submission.sets[0]!;
  return { absent, entries: completed(submission, patient), recorded: { as: PROVIDE_BUNDLE, at, dataRole: '20' } };
}

/** Documents of a submission, whose bytes are all held against what is said of them before any of it is written. */
const MOST_DOCUMENTS = 100;

function refuseLongSubmission({ documents }: Submission, faults: SubmissionFaults): void {
  const first = documents[MOST_DOCUMENTS];
  if (!first) return;
  const text = `A submission has ${MOST_DOCUMENTS} documents at most, this one ${documents.length}: send several.`;
  faults.add(first.at, '', 'too-many-documents', 'XDSRegistryMetadataError', text);
  faults.refuse();
}

/** What is replaced must be here, current and of the patient; and what a patch supersedes is replaced by a document of the submission. */
async function checkRelations(
  bundle: HookedBundle,
  { documents, patches }: Submission,
  bases: readonly string[],
  { meant }: SubmissionPatient,
  faults: SubmissionFaults,
): Promise<void> {
  const replaced = new Set<string>();
  for (const one of documents) {
    const document = withSubject(one.resource, meant.get(one));
    const { companions, issues } = await replacing(bundle, document, bases);
    const twice = companions.some(({ id }) => id !== undefined && replaced.has(id));
    if (twice) faults.add(one.at, 'resource.relatesTo', 'replaced-twice', 'XDSReplaceFailed', REPLACED_TWICE);
    for (const { id } of companions) if (id !== undefined) replaced.add(id);
    faults.take(one.at, issues, detail =>
      detail === 'other-patient' ? 'XDSPatientIdDoesNotMatch' : 'XDSReplaceFailed',
    );
  }
  for (const { at, id } of patches)
    if (!replaced.has(id))
      faults.add(
        at,
        '',
        'patch-of-nothing-replaced',
        'XDSRegistryMetadataError',
        'No document of the submission replaces the one that this patches.',
      );
}

const REPLACED_TWICE =
  'Another document of the submission supersedes the same one: one document has one successor. Send what else belongs to it by appends.';

/** What a document would supersede, or why it cannot. */
async function replacing(bundle: HookedBundle, document: Resource, bases: readonly string[]) {
  const { view, find } = bundle;
  try {
    const write = { view, find, id: '', before: undefined, beside: () => undefined };
    return { companions: await supersede(write, document, bases, true), issues: [] as readonly Issue[] };
  } catch (error) {
    return { companions: [], issues: asFhirError(error).issues };
  }
}

/** Subjects as references, identifiers as both versions of MHD write them, and Binaries as belonging to their document. */
function completed(
  { documents, sets, folders, named }: Submission,
  { resolved }: SubmissionPatient,
): NonNullable<BundlePreparation['entries']> {
  const written = [...sets, ...folders, ...documents].flatMap(one => {
    const patient = resolved.get(one);
    const identifier = identifiersOfBoth(one.resource);
    if (patient === undefined && identifier === undefined) return [];
    const resource = withSubject(one.resource, patient);
    return [{ at: one.at, resource: identifier ? { ...resource, identifier } : resource }];
  });
  const contents = documents.flatMap(({ fullUrl, resource }) => {
    const [{ url } = {}] = attachmentsOf(resource);
    const content = typeof url === 'string' ? named({ fullUrl }, url) : undefined;
    if (!content || fullUrl === undefined || content.resource.resourceType !== 'Binary') return [];
    const { data, securityContext = { reference: fullUrl }, ...rest } = content.resource;
    return [{ at: content.at, resource: { ...rest, securityContext, ...(data === undefined ? {} : { data }) } }];
  });
  return [...written, ...contents];
}

const withSubject = (resource: Resource, patient: string | undefined): Resource =>
  patient === undefined
    ? resource
    : { ...resource, subject: { ...(resource['subject'] as object), reference: patient } };
