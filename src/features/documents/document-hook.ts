/** What is done about each write of a DocumentReference, in its order. */
import type { Issue } from '../../fhir/error.js';
import type { Resource } from '../../fhir/resource.js';
import type { Companion } from '../../interactions/interaction.js';
import type { FeatureHook, HookedWrite, Preparation } from '../../interactions/write/hooks.js';
import { type Attached, type AttachmentGround, attach } from './attachments.js';
import { isMadeOnDemand } from './docref/on-demand.js';
import { fillIn } from './intake/fill.js';
import { noticedPages, noticedPatient, readReceived } from './intake/look.js';
import { receipt } from './intake/provenance.js';
import { isSampled, isScan, type Noticed, qualityTask, warningOf } from './intake/quality.js';
import { checkPublish, published } from './mhd/publish.js';
import { GENERATE, PROVIDE_BUNDLE, PUBLISH } from './mhd/transactions.js';
import { supersede } from './relations.js';
import { removedWith } from './removal.js';
import { retractionMeant } from './retraction.js';

/** ms: a document elsewhere may take half a minute, and 256 MB have to be read. */
export const DOCUMENT_PATIENCE = 60_000;

export interface DocumentGround extends AttachmentGround {
  /** Who sent what is kept as a Provenance. */
  readonly isAccounted: boolean;
  /** Percent of scans that a second person looks at. */
  readonly qcSample: number;
}

export const documentHook = (ground: DocumentGround): FeatureHook => ({
  types: ['DocumentReference'],
  patience: DOCUMENT_PATIENCE,
  meant: body => retractionMeant(body, ground.bases),
  prepare: write => {
    const { resource } = write;
    return resource ? prepareDocument(ground, write, resource) : removal(ground, write);
  },
});

const removal = async (ground: DocumentGround, write: HookedWrite): Promise<Preparation> => ({
  companions: await removedWith(write, ground.bases),
});

async function prepareDocument(ground: DocumentGround, asked: HookedWrite, document: Resource): Promise<Preparation> {
  const isPublish = await checkPublish(asked, document, ground.bases);
  const write = { ...asked, partOf: asked.partOf ?? (isPublish ? PUBLISH : undefined) };
  const attached = await attach(ground, write, document, !isPublish);
  // Nobody has sent it.
  const isMade = write.agent === 'documents' && isMadeOnDemand(document);
  const superseded = await supersede(write, document, ground.bases);
  const taken = isMade ? NOTHING : await takeIn(ground, write, document, attached);
  const companions = [...attached.companions, ...superseded, ...taken.companions];
  const warnings = [...attached.warnings, ...taken.warnings];
  if (!isPublish) return { ...(attached.changed || taken.changed ? { resource: document } : {}), companions, warnings };
  const { absent = [], submissionSet } = published(write, document, { base: ground.base, now: ground.now() });
  return { resource: document, companions: [...companions, submissionSet], absent, warnings };
}

interface TakenIn {
  readonly changed: boolean;
  readonly companions: readonly Companion[];
  readonly warnings: readonly Issue[];
}

const NOTHING: TakenIn = { changed: false, companions: [], warnings: [] };

/** What follows from new bytes: metadata that were left out, a check by somebody, and who sent them. */
async function takeIn(
  ground: DocumentGround,
  write: HookedWrite,
  document: Resource,
  { received }: Attached,
): Promise<TakenIn> {
  const [first] = received;
  if (!first) return NOTHING;
  const { bases, base } = ground;
  const by = write.partOf?.code;
  const now = ground.now();
  // Of a document that was put together from its own metadata they are known.
  const metadata = by === GENERATE.code ? undefined : await readReceived(write, document, first, bases);
  const isPlain = by !== PROVIDE_BUNDLE.code && by !== PUBLISH.code && by !== GENERATE.code;
  const isFilled = isPlain && write.interaction === 'create';
  if (isFilled) await fillIn(write, document, first.at, metadata);
  const isScanned = by === PUBLISH.code && isScan(first.bytes.found);
  const noticed: readonly Noticed[] = [
    ...(await noticedPatient(write, document, metadata, bases)),
    ...(isScanned ? await noticedPages(write, document, first, bases) : []),
  ];
  const isChecked = noticed.length > 0 || (isScanned && isSampled(first.bytes.sha256, ground.qcSample));
  if (isScanned) document['docStatus'] = isChecked ? 'preliminary' : 'final';
  const account = ground.isAccounted ? [receipt(write, document, received, { base, now })] : [];
  const tasks = isChecked ? [qualityTask(write, document, noticed, now)] : [];
  return { changed: isFilled || isScanned, companions: [...account, ...tasks], warnings: noticed.map(warningOf) };
}
