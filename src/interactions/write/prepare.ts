/**
 * From a body to a Change: validate → check what its type means to us (hooks.ts) → stamp id and meta → lift attachment bytes
 * out → extract index entries and words; of a large one beside the event loop, or in pieces. The same path for create and
 * update. https://hl7.org/fhir/R4/http.html#create
 */
import { liftBase64 } from '../../fhir/json/base64.js';
import { FhirError } from '../../fhir/error.js';
import { endsInStep } from '../../fhir/id.js';
import { stamp } from '../../fhir/json/json.js';
import { print } from '../../fhir/json/print.js';
import type { Parsed, Resource } from '../../fhir/resource.js';
import { atOnce, breathe, inPieces } from '../../platform/pieces.js';
import type { IndexEntry } from '../../search/entry.js';
import { extracting } from '../../search/extract.js';
import { offeredText } from '../../search/index-resource.js';
import type { BlobLink, Change, Method, Version } from '../../store/store.js';
import { validate } from '../../validation/beside.js';
import { isSubset, keep, type Kept } from './meta-labels.js';
import type { Engine } from '../engine.js';
import type { RawBody } from '../interaction.js';
import { wholeText } from '../response/resource-text.js';

/** Base64 shorter than this stays in the text: a look-up would cost more than it saves. */
const SMALL_ATTACHMENT = 4096;

/** Bytes of an upload up to which it is given back as a resource where the sender prefers that. */
const MOST_REPRESENTED = 16 * 1024 * 1024;

export interface Identity {
  readonly type: string;
  readonly id: string;
  readonly version: number;
  /** ms. */
  readonly updated: number;
  readonly method: Method;
  readonly replaces?: Version;
}

export interface Prepared {
  readonly change: Change;
  /** What the client gets back, attachment bytes included; undefined for a raw upload, unless it wants that. */
  readonly text?: Buffer;
}

export const isRaw = (body: Parsed | RawBody): body is RawBody => 'contentType' in body;

/** `kept`: labels of the version before that an update does not take away. Throws `invalid` with one issue per fault, `unprocessable` where a hook refuses it; stores attachment bytes, nothing else. */
export async function prepare(
  engine: Engine,
  identity: Identity,
  body: Parsed | RawBody,
  kept?: Kept,
): Promise<Prepared> {
  if (isRaw(body)) return prepareRaw(engine, identity, body, kept);
  const { type, id, version, updated } = identity;
  if (body.resource.resourceType !== type)
    throw new FhirError('invalid', `The body must be a ${type}: its resourceType says otherwise.`, {
      expression: 'resourceType',
      detail: 'wrong-resource-type',
    });
  refuseUnfit(body.resource, id);
  const issues = await validate(body, engine.definitions);
  if (issues.some(issue => issue.severity === 'error' || issue.severity === 'fatal'))
    throw new FhirError('invalid', 'The resource is not valid FHIR R4.', { issues });
  const hook = engine.hooks.get(type);
  await hook?.check?.(body.resource, id);
  // On a copy: whoever has to run again starts from what the client sent.
  const resource: Resource = { ...body.resource };
  const texts = body.decimals?.get(body.resource);
  if (texts) body.decimals!.set(resource, texts);
  await breathe();
  const given = kept ? keep(resource['meta'], kept) : resource['meta'];
  const meta = hook?.meta?.(given) ?? given;
  const decimals = kept?.decimals ? new Map([...(body.decimals ?? []), ...kept.decimals]) : body.decimals;
  const stamped = stamp(
    { ...body, resource, decimals },
    { id, versionId: String(version), lastUpdated: new Date(updated).toISOString(), meta },
  );
  const { text, lifted } = liftBase64(stamped, type === 'Binary' ? 1 : SMALL_ATTACHMENT);
  const blobs: BlobLink[] = [];
  for (const { at, bytes } of lifted) blobs.push({ at, ...(await engine.store.blobs.put(bytes)) });
  return { change: await assemble(engine, identity, { resource, large: body.large }, text, blobs), text: stamped };
}

/** What is valid R4 and still must not be stored. */
function refuseUnfit({ resourceType: type, id: given, meta }: Resource, id: string): void {
  for (const each of [given, id])
    if (typeof each === 'string' && endsInStep(each))
      throw new FhirError('invalid', 'The ids . and .. cannot be used in addresses: choose another one.', {
        expression: `${type}.id`,
        detail: 'bad-id',
      });
  if (isSubset(meta))
    throw new FhirError(
      'unprocessable',
      'This is a part of a resource (SUBSETTED): to write it would lose the rest. Read the whole, without _summary and _elements, and change that, or send a patch.',
      { expression: `${type}.meta.tag`, detail: 'subset' },
    );
}

/** A Binary given as its bytes: the resource is written around them. */
async function prepareRaw(engine: Engine, identity: Identity, body: RawBody, kept?: Kept): Promise<Prepared> {
  refuseUnfit({ resourceType: 'Binary' }, identity.id);
  const { hash, size } = await body.save(engine.store.blobs, engine.settings.maxBinary);
  const resource: Resource = {
    resourceType: 'Binary',
    id: identity.id,
    meta: {
      versionId: String(identity.version),
      lastUpdated: new Date(identity.updated).toISOString(),
      ...kept?.labels,
    },
    contentType: body.contentType,
    ...(body.securityContext === undefined ? {} : { securityContext: { reference: body.securityContext } }),
    data: '',
  };
  const text = Buffer.from(print(resource, kept?.decimals));
  const change = await assemble(engine, identity, { resource }, text, [{ at: text.length - 2, hash, size }]);
  return body.represent && size <= MOST_REPRESENTED ? { change, text: await wholeText(engine, change) } : { change };
}

async function assemble(
  engine: Engine,
  identity: Identity,
  { resource, large }: { readonly resource: Resource; readonly large?: boolean | undefined },
  text: Buffer,
  blobs: BlobLink[],
): Promise<Change> {
  const { bases, maxIndexed } = engine.settings;
  await breathe();
  const work = extracting(resource, engine.parameters, { bases }, maxIndexed);
  const entries = large ? await inPieces(work) : atOnce(work);
  await breathe();
  const patients = patientsOf(identity.type, identity.id, entries);
  return {
    ...identity,
    text,
    entries,
    patients,
    ...offeredText(engine, resource),
    ...(blobs.length ? { blobs } : {}),
  };
}

/** Patients whom a resource is about: itself, or what its `patient` parameter refers to. */
export function patientsOf(type: string, id: string, entries: readonly IndexEntry[]): string[] {
  if (type === 'Patient') return [id];
  const found = new Set<string>();
  for (const entry of entries)
    if (entry.parameter === 'patient' && entry.kind === 'reference' && entry.type === 'Patient') found.add(entry.id);
  return [...found];
}
