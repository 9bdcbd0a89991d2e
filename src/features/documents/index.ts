/**
 * Documents: what a DocumentReference says is held against its bytes, kept together with them, and superseded by what replaces it.
 * docs/documents.md
 */
import { choice, textSetting, wholeNumber } from '../../interactions/feature-settings.js';
import type { Feature } from '../../interactions/feature.js';
import { createScanner } from '../../outgoing/scanner.js';
import { newId } from '../../platform/ids.js';
import type { AttachmentGround } from './attachments.js';
import { createByteReader } from './bytes.js';
import { chartOperation } from './chart.js';
import { documentOperation } from './composition/operation.js';
import { documentHook, DOCUMENT_PATIENCE } from './document-hook.js';
import type { MadeBytes } from './docref/document-parts.js';
import { createDocref } from './docref/operation.js';
import { createFetch } from './fetch.js';
import { generateOperation } from './mhd/generate.js';
import { scannerAt, scannerSetting } from './intake/scanner-setting.js';
import { verdict } from './intake/verdict.js';
import { provide } from './mhd/provide.js';
import { CAPABILITIES, GENERATE, nameOfTransaction } from './mhd/transactions.js';
import { NO_PICTURE, stripExif } from './read/strip-exif.js';
import { isJpeg } from '../../fhir/content/jpeg-segments.js';
import { renderOperation } from './render/operation.js';

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
  scan: scannerSetting,
  stripExif: choice(
    'STRIP_EXIF',
    'off',
    ['on', 'off'],
    '`on`: where a JPEG picture was taken, when and with what is not given out, neither with its bytes nor in a resource. What is stored stays.',
  ),
  qcSample: wholeNumber(
    'QC_SAMPLE',
    100,
    'Percent of the scans published by ITI-105 that are preliminary until a second person has checked them; those about which something is noticed always are.',
    0,
    100,
  ),
};

/** Whoever may read resources may have them in another form. */
const DUTY = { operations: ['chart', 'docref', 'document', 'render'] };
const READING_ROLES = ['reader', 'privacy-officer', 'patient'];
const WRITING_ROLES = ['writer', 'records-specialist', 'clinician', 'service'];

export const documents: Feature<typeof settings> = {
  name: 'documents',
  settings,
  profiles: new URL('../../../../profiles/documents/', import.meta.url),
  open({
    own: { fetchHosts, provenance, qcSample, scan, stripExif: strips },
    outgoing,
    clock,
    settings: { base, bases },
  }) {
    const made: MadeBytes = new Map();
    const ground: AttachmentGround = {
      made,
      base,
      bases,
      reader: createByteReader(),
      newId: () => newId(clock.now()),
      now: () => clock.now(),
      fetch: createFetch(fetchHosts, outgoing),
    };
    const scanner = scannerAt(scan);
    return {
      hooks: [
        documentHook({ ...ground, isAccounted: provenance === 'on', qcSample }),
        ...(scanner ? [{ bytes: createScanner(scanner) }] : []),
        { types: ['Task'], prepare: write => verdict(write, bases, clock.now()) },
        { patience: DOCUMENT_PATIENCE, bundle: bundle => provide(bundle, bases, ground.reader) },
      ],
      operations: {
        chart: chartOperation,
        docref: createDocref(made),
        document: documentOperation,
        'generate-metadata': generateOperation,
        render: renderOperation,
      },
      subtypes: { 'generate-metadata': GENERATE },
      nameOf: nameOfTransaction,
      ...(strips === 'on' ? { release: { applies: isJpeg, change: stripExif, instead: NO_PICTURE } } : {}),
      instantiates: CAPABILITIES,
      duties: {
        ...Object.fromEntries(
          WRITING_ROLES.map(role => [role, { operations: [...DUTY.operations, 'generate-metadata'] }]),
        ),
        ...Object.fromEntries(READING_ROLES.map(role => [role, DUTY])),
      },
    };
  },
};
