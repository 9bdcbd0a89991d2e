/**
 * Documents: what a DocumentReference says is held against its bytes, kept together with them, and superseded by what replaces it.
 * docs/documents.md
 */
import { choice, textSetting } from '../../interactions/feature-settings.js';
import type { Feature } from '../../interactions/feature.js';
import type { FeatureHook } from '../../interactions/write/hooks.js';
import { newId } from '../../platform/ids.js';
import { type AttachmentGround, attach } from './attachments.js';
import { createByteReader } from './bytes.js';
import { documentOperation } from './composition/operation.js';
import { createFetch } from './fetch.js';
import { generateOperation } from './mhd/generate.js';
import { receipt } from './intake/provenance.js';
import { provide } from './mhd/provide.js';
import { checkPublish, published } from './mhd/publish.js';
import { GENERATE, nameOfTransaction, PUBLISH } from './mhd/transactions.js';
import { supersede } from './relations.js';
import { removedWith } from './removal.js';
import { renderOperation } from './render/operation.js';
import { retractionMeant } from './retraction.js';

const settings = {
  fetchHosts: textSetting(
    'FETCH_HOSTS',
    '',
    'Hosts, separated by commas, from which documents are fetched when a DocumentReference names them, as in `docs.example.org,*.example.com:8443`; any other foreign address is refused.',
  ),
  provenance: choice(
    'PROVENANCE',
    'on',
    ['on', 'off'],
    '`on`: a Provenance says of each received document who sent it, from where, and the hash of its bytes. `off`: for loads that bring their own, and tests that count resources.',
  ),
};

/** ms: a document elsewhere may take half a minute, and 256 MB have to be read. */
const PATIENCE = 60_000;

/** Whoever may read resources may have them in another form. */
const DUTY = { operations: ['document', 'render'] };
const READING_ROLES = ['reader', 'privacy-officer', 'patient'];
const WRITING_ROLES = ['writer', 'records-specialist', 'clinician', 'service'];

export const documents: Feature<typeof settings> = {
  name: 'documents',
  settings,
  profiles: new URL('../../../../profiles/documents/', import.meta.url),
  open({ own: { fetchHosts, provenance }, outgoing, clock, settings: { base, bases } }) {
    const ground: AttachmentGround = {
      base,
      bases,
      reader: createByteReader(),
      newId: () => newId(clock.now()),
      now: () => clock.now(),
      fetch: createFetch(fetchHosts, outgoing),
    };
    return {
      hooks: [
        documentHook(ground, provenance === 'on'),
        { patience: PATIENCE, bundle: bundle => provide(bundle, bases, ground.reader) },
      ],
      operations: { document: documentOperation, render: renderOperation, 'generate-metadata': generateOperation },
      subtypes: { 'generate-metadata': GENERATE },
      nameOf: nameOfTransaction,
      duties: {
        ...Object.fromEntries(
          WRITING_ROLES.map(role => [role, { operations: [...DUTY.operations, 'generate-metadata'] }]),
        ),
        ...Object.fromEntries(READING_ROLES.map(role => [role, DUTY])),
      },
    };
  },
};

/** `isAccounted`: who sent what is kept as a Provenance. */
const documentHook = (ground: AttachmentGround, isAccounted: boolean): FeatureHook => ({
  types: ['DocumentReference'],
  patience: PATIENCE,
  meant: body => retractionMeant(body, ground.bases),
  async prepare(write) {
    const { resource } = write;
    if (!resource) return { companions: await removedWith(write, ground.bases) };
    const isPublish = await checkPublish(write, resource, ground.bases);
    const { changed, companions, warnings, received } = await attach(ground, write, resource);
    const superseded = await supersede(write, resource, ground.bases);
    const told = { base: ground.base, now: ground.now() };
    const isNew = isAccounted && received.length > 0;
    const partOf = write.partOf ?? (isPublish ? PUBLISH : undefined);
    const account = isNew ? [receipt({ ...write, partOf }, resource, received, told)] : [];
    const together = [...companions, ...superseded, ...account];
    if (!isPublish) return { ...(changed ? { resource } : {}), companions: together, warnings };
    const { absent = [], submissionSet } = published(write, resource, told);
    return { resource, companions: [...together, submissionSet], absent, warnings };
  },
});
