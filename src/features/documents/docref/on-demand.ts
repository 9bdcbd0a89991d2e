/**
 * Documents that are made of a record when somebody asks for them: https://hl7.org/fhir/us/core/OperationDefinition-docref.html
 *
 * One is made of what the caller may see, and stored as a DocumentReference with its bytes, in the name of the caller, who must be allowed to.
 * It has a digest of everything that went into it as an identifier: as long as nothing of that has changed, and somebody asks who sees
 * the same, it is used again. Of several who ask at the same time one makes it: a conditional create says so across processes.
 */
import { URI_SYSTEM } from '../../../fhir/content/bytes-name.js';
import { createHash } from 'node:crypto';
import { FhirError } from '../../../fhir/error.js';
import { isObject, itemsOf, type JsonObject, type Resource } from '../../../fhir/resource.js';
import type { Context } from '../../../interactions/engine.js';
import { actingFor } from '../../../interactions/feature.js';
import { perform } from '../../../interactions/perform.js';
import { newUuid } from '../../../platform/ids.js';
import { breathe } from '../../../platform/pieces.js';
import { digestOfVersions, uuidOfDigest } from '../composition/document-bundle.js';
import type { StoredVersion } from '../composition/gather.js';
import { stringAt, whenOf } from './ccd/values.js';
import type { MadeBytes } from './document-parts.js';
import type { DocumentKind } from './kinds.js';
import { type PatientRecord, readRecord, type RecordPeriod } from './record.js';

/** Namespace of the digests. */
export const ON_DEMAND = 'urn:chartroom:on-demand';

/** Whether a document says that it is one of these. */
export const isMadeOnDemand = (document: Resource): boolean =>
  itemsOf(document['identifier']).some(one => isObject(one) && one['system'] === ON_DEMAND);

/** The period that is asked for, as it was written, too. */
export interface AskedPeriod extends RecordPeriod {
  readonly startText?: string;
  readonly endText?: string;
}

export interface OnDemandAsk {
  readonly patient: StoredVersion;
  readonly period: AskedPeriod;
}

/** What those who ask share. */
export interface SharedMaking {
  /** Who waits for which document: those who ask for one at the same time wait for the same. */
  readonly underWay: Map<string, Promise<string>>;
  readonly made: MadeBytes;
}

/** Whether the caller may have documents made: store them, and see whether one is there. */
export function mayMake({ permission, beside }: Context): boolean {
  const { c, s } = permission.lettersOf('DocumentReference');
  return c && s && permission.lettersOf('Binary').c && !beside;
}

/**
 * Id of the DocumentReference of a document that says what is in the record now. Throws `too-costly` for a record that is too large, and
 * what a create throws.
 */
export async function documentOnDemand(
  context: Context,
  kind: DocumentKind,
  { patient, period }: OnDemandAsk,
  { underWay, made: bytes }: SharedMaking,
): Promise<string> {
  const record = await readRecord(context, patient, period);
  const { base } = context.engine.settings;
  const made = [kind.name, base, period.startText ?? '', period.endText ?? ''].join(' ');
  const digest = digestOfVersions(made, record.versions);
  const waiting = underWay.get(digest);
  if (waiting) return waiting;
  const work = findOrMake(context, kind, { patient, period }, { record, digest, bytes });
  underWay.set(digest, work);
  try {
    return await work;
  } finally {
    underWay.delete(digest);
  }
}

interface Ingredients {
  readonly record: PatientRecord;
  readonly digest: string;
  readonly bytes: MadeBytes;
}

async function findOrMake(
  context: Context,
  kind: DocumentKind,
  { patient, period }: OnDemandAsk,
  ingredients: Ingredients,
): Promise<string> {
  const { digest, bytes } = ingredients;
  const criteria = [
    ['identifier', `${ON_DEMAND}|${digest}`],
    ['status', 'current'],
  ] as const;
  const caller = actingFor(context, 'documents');
  const known = await perform(caller, {
    kind: 'search',
    type: 'DocumentReference',
    parameters: [...criteria, ['patient', patient.id], ['_elements', 'id'], ['_count', '1']],
    lenient: false,
  });
  const { entry = [] } = JSON.parse(String(known.text)) as { entry?: { resource: { id: string } }[] };
  if (entry[0]) return entry[0].resource.id;
  const place = `urn:uuid:${newUuid()}`;
  try {
    const resource = await describedDocument(context, kind, { patient, period }, ingredients, place);
    const { subject } = await perform(caller, {
      kind: 'create',
      type: 'DocumentReference',
      body: { resource, decimals: undefined },
      ifNoneExist: criteria,
    });
    if (!subject) throw new FhirError('fault', 'A document was stored without a name.');
    return subject.id;
  } finally {
    bytes.delete(place);
  }
}

/** What is stored. Its bytes are kept under the address `place`. */
async function describedDocument(
  { engine }: Context,
  kind: DocumentKind,
  { patient, period }: OnDemandAsk,
  { record, digest, bytes }: Ingredients,
  place: string,
): Promise<Resource> {
  const { definitions, settings, clock } = engine;
  const { base, software } = settings;
  const made = new Date(clock.now()).toISOString();
  const from = period.startText ?? (await firstDay(record));
  const to = period.endText ?? made;
  const id = newUuid();
  const root = uuidOfDigest(createHash('sha256').update(base).digest('hex')).slice('urn:uuid:'.length);
  const parts = await kind.make({ record, root, id, made, from, to, software, base, definitions });
  bytes.set(place, parts);
  const attachment: JsonObject = {
    contentType: kind.contentType,
    language: 'en-US',
    url: place,
    title: kind.title,
    creation: made,
  };
  return {
    resourceType: 'DocumentReference',
    contained: [
      {
        resourceType: 'Device',
        id: 'server',
        deviceName: [{ name: software.name, type: 'model-name' }],
        version: [{ value: software.version }],
      },
    ],
    masterIdentifier: { system: URI_SYSTEM, value: `urn:uuid:${id}` },
    identifier: [{ system: ON_DEMAND, value: digest }],
    status: 'current',
    docStatus: 'final',
    type: { coding: [{ ...kind.type }] },
    category: [
      {
        coding: [
          {
            system: 'http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category',
            code: 'clinical-note',
            display: 'Clinical Note',
          },
        ],
      },
    ],
    subject: { reference: `Patient/${patient.id}` },
    date: made,
    author: [{ reference: '#server' }],
    description: kind.title,
    content: [{ attachment, format: { ...kind.format } }],
    context: { period: { ...(from === undefined ? {} : { start: from }), end: to } },
  };
}

/** When care began: with the first encounter, else with the birth. */
async function firstDay(record: PatientRecord): Promise<string | undefined> {
  let first: string | undefined;
  for (const { resource } of record.of('Encounter')) {
    await breathe();
    const { low } = whenOf(resource, 'period');
    if (low !== undefined && (first === undefined || Date.parse(low) < Date.parse(first))) first = low;
  }
  return first ?? stringAt(record.patient.resource, 'birthDate');
}
