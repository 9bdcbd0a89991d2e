/**
 * From a body to a Change, in three steps, the same for create, update and patch (https://hl7.org/fhir/R4/http.html#create):
 * - `prepare`: validate (structure, then what the judge asks beyond it) → run the hooks of its type (hooks.ts) → stamp id and meta → lift attachment bytes out → extract
 *   index entries and words; of a large one beside the event loop, or in pieces. It writes nothing;
 * - `storeUpload`: the bytes of an upload to Binary go into the store as they come;
 * - `storeAttachments`: those of attachments do, when nothing but the commit itself can refuse the change any more.
 */
import { withArticle } from '../../fhir/article.js';
import { randomBytes } from 'node:crypto';
import { withInlineFlag } from '../../access/inline-labels.js';
import { noteMachineText } from '../../access/machine-texts.js';
import { noteLabelled } from '../../access/masked-search.js';
import { isMachineText } from '../../fhir/content/machine-read.js';
import { type Lifted, LIFTED_FROM, liftingBase64 } from '../../fhir/json/base64.js';
import { FhirError, type Issue } from '../../fhir/error.js';
import { endsInStep } from '../../fhir/id.js';
import { stamp } from '../../fhir/json/stamp.js';
import { print } from '../../fhir/json/print.js';
import { isObject, type Json, type Parsed, type Resource } from '../../fhir/resource.js';
import { atOnce, breathe, inPieces } from '../../platform/pieces.js';
import type { IndexEntry } from '../../search/entry.js';
import { extracting } from '../../search/extract.js';
import { offeredText } from '../../search/index-resource.js';
import type { BlobLink, Change, Method, Store, Version } from '../../store/store.js';
import { refuseErrors } from '../../validation/gate/validate.js';
import { isSubset, keep, type Kept } from './meta-labels.js';
import { patientsOfBinary } from './pointing.js';
import { runHooks } from './run-hooks.js';
import { screenedBlobs, screenInline } from './screen.js';
import type { Context } from '../engine.js';
import { mostOfType } from '../long-lists.js';
import type { InteractionKind, Accompaniment, PendingBytes, PendingChange, RawBody } from '../interaction.js';
import { wholeText } from '../response/resource-text.js';

/** Bytes of a text in which attachments are found in pieces. */
const LONG_TEXT = 1024 * 1024;

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

/** What would be written. */
export interface Prepared {
  /** Without its attachments. */
  readonly change: Change;
  /** Attachments that were lifted out of the text, or an upload that has not been read yet. */
  readonly attachments: readonly PendingBytes[] | RawBody;
  /** What the client gets back, attachment bytes included; undefined for a raw upload. */
  readonly text: Buffer | undefined;
  /** Bytes that are stored already have holes in it. */
  readonly holes?: readonly BlobLink[];
  /** Warnings of its validation. */
  readonly findings: readonly Issue[];
  /** What hooks want to be committed with it. */
  readonly accompaniment: Accompaniment | undefined;
}

/** A change with the bytes of an upload. */
export interface Uploaded extends Pick<Prepared, 'findings' | 'accompaniment' | 'holes'> {
  readonly change: PendingChange;
  /** What the client gets back; undefined for a raw upload, unless it wants that. */
  readonly text: Buffer | undefined;
}

export const isRaw = (body: Parsed | RawBody): body is RawBody => 'contentType' in body;

/** A body as it is prepared: of a large Binary that was sent as a resource, what is left of it when its bytes are stored. */
export const received = async ({ engine }: Context, body: Parsed | RawBody): Promise<Parsed | RawBody> =>
  isRaw(body) && body.readResource
    ? body.readResource(screenedBlobs(engine.store.blobs, engine.hooks), engine.settings.maxBinary)
    : body;

/** Nobody can know it: stands for the data of a Binary that is stored, until that is cut out. */
const MARK = randomBytes(18);

/**
 * `kept`: labels of the version before that an update does not take away. Throws `invalid` with one issue per fault,
 * `unprocessable` where a hook refuses it. Writes nothing, but that a SearchParameter's check gives its code a number for good.
 */
export async function prepare(
  context: Context,
  interaction: InteractionKind,
  identity: Identity,
  given: Parsed | RawBody,
  kept?: Kept,
): Promise<Prepared> {
  if (isRaw(given)) return prepareRaw(context, interaction, identity, given, kept);
  const { engine } = context;
  const { type, id, version, updated } = identity;
  if (given.resource.resourceType !== type)
    throw new FhirError('invalid', `The body must be ${withArticle(type)}: its resourceType says otherwise.`, {
      expression: 'resourceType',
      detail: 'wrong-resource-type',
    });
  refuseUnfit(given.resource, id);
  refuseErrors(await engine.validate(given), 'The resource is not valid FHIR R4.');
  const findings = await engine.judge.written(given);
  const hooks = engine.hooks.byType.get(type);
  const hooked = hooks && (await runHooks(context, hooks, interaction, identity, given));
  const body = hooked ? hooked.body : given;
  const resource = ownResource(body);
  const { stored } = given;
  if (stored) resource['data'] = MARK.toString('base64');
  await breathe();
  const meta = engine.labelRules.labelled(metaToStore(context, type, { ...body, resource }, kept), resource, identity);
  const decimals = kept?.decimals ? new Map([...(body.decimals ?? []), ...kept.decimals]) : body.decimals;
  const stamped = stamp(
    { ...body, resource, decimals },
    { id, versionId: String(version), lastUpdated: new Date(updated).toISOString(), meta },
  );
  await screenInline(engine.hooks, type, stamped, MARK);
  await breathe();
  const lifting = liftingBase64(stamped, type === 'Binary' ? 1 : LIFTED_FROM);
  const { text, lifted } = stamped.length > LONG_TEXT ? await inPieces(lifting) : atOnce(lifting);
  const content = stored ? contentOf(stamped, lifted, stored) : { attachments: lifted, text: stamped };
  const change = await assemble(context, identity, { resource, large: body.large }, text);
  const told = hooked && hooked.warnings.length > 0 ? [...findings, ...hooked.warnings] : findings;
  return { change, findings: told, accompaniment: hooked?.accompaniment, ...content };
}

/**
 * Whoever has to run again starts from what the client sent. Not by a spread, to which `stamp` would add members: V8 of Node 20 then
 * gives every resource a shape of its own, and each access looks it up anew.
 */
function ownResource({ resource: given, decimals }: Parsed): Resource {
  const resource: Resource = Object.assign({}, given);
  const texts = decimals?.get(given);
  if (texts) decimals!.set(resource, texts);
  return resource;
}

/** What meta says beside version and time. */
function metaToStore(
  { engine: { hooks, store }, principal, address }: Context,
  type: string,
  body: Pick<Parsed, 'resource' | 'text'>,
  kept: Kept | undefined,
): Json | undefined {
  const { resource } = body;
  let meta = kept ? keep(resource['meta'], kept) : resource['meta'];
  for (const { hook } of hooks.byType.get(type) ?? [])
    meta = hook.meta?.(meta, resource, { principal, address }) ?? meta;
  const flagged = withInlineFlag(meta, body);
  if (flagged) noteLabelled(store, type);
  if (isMachineText(resource)) noteMachineText(store);
  return flagged ?? meta;
}

type ShownBytes = Pick<Prepared, 'attachments' | 'text' | 'holes'>;

/** Of a text with the mark: it stands for what is stored. */
function contentOf(stamped: Buffer, lifted: readonly Lifted[], stored: Omit<BlobLink, 'at'>): ShownBytes {
  const attachments = lifted.map(({ at, bytes }) => (bytes.equals(MARK) ? { at, ...stored } : { at, bytes }));
  const mark = MARK.toString('base64');
  const at = stamped.lastIndexOf(mark);
  const text = Buffer.concat([stamped.subarray(0, at), stamped.subarray(at + mark.length)]);
  return { attachments, text, holes: [{ at, ...stored }] };
}

/** Stores the bytes of an upload, and nothing else: attachments stay with the change. Throws what `save` throws. */
export async function storeUpload({ engine, stamp: open }: Context, prepared: Prepared): Promise<Uploaded> {
  const { change, attachments, text, holes, findings, accompaniment } = prepared;
  if ('save' in attachments) {
    // The bytes come as fast as their sender likes, for whom no horizon waits.
    open.release();
    const blobs = screenedBlobs(engine.store.blobs, engine.hooks);
    const { hash, size } = await attachments.save(blobs, engine.settings.maxBinary);
    const stamped = stampedAt(change, Math.max(open.now(), change.updated));
    const stored = { ...stamped, blobs: [{ at: change.text!.length - 2, hash, size }] };
    const shown = attachments.represent && size <= MOST_REPRESENTED;
    return { change: stored, text: shown ? await wholeText(engine, stored) : undefined, findings, accompaniment };
  }
  const pending = attachments.length > 0 ? { ...change, attachments } : change;
  return { change: pending, text, findings, accompaniment, ...(holes ? { holes } : {}) };
}

/** A change whose text tells another time: one that is as long. */
function stampedAt(change: Change, updated: number): Change {
  const [before, after] = [change.updated, updated].map(time => `"lastUpdated":"${new Date(time).toISOString()}"`);
  const text = Buffer.from(change.text!);
  text.write(after!, text.indexOf(before!));
  return { ...change, updated, text };
}

/** Changes of which the attachments are stored at the same time: stores gather what is written together. */
const CHANGES_AT_ONCE = 64;

/** Stores the bytes of all attachments: what can be committed. */
export async function storeAttachments(
  { blobs }: Pick<Store, 'blobs'>,
  changes: readonly PendingChange[],
): Promise<readonly Change[]> {
  if (!changes.some(({ attachments }) => attachments)) return changes;
  const attach = async ({ attachments, ...change }: PendingChange): Promise<Change> => {
    if (!attachments) return change;
    const links: BlobLink[] = [];
    for (const each of attachments)
      links.push('bytes' in each ? { at: each.at, ...(await blobs.put(each.bytes)) } : each);
    return { ...change, blobs: links };
  };
  const attached: Change[] = [];
  for (let at = 0; at < changes.length; at += CHANGES_AT_ONCE)
    attached.push(...(await Promise.all(changes.slice(at, at + CHANGES_AT_ONCE).map(attach))));
  return attached;
}

/** What is valid R4 and still must not be stored. Throws `invalid`, `unprocessable`. */
export function refuseUnfit({ resourceType: type, id: given, meta }: Resource, id: string): void {
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
async function prepareRaw(
  context: Context,
  interaction: InteractionKind,
  identity: Identity,
  body: RawBody,
  kept?: Kept,
): Promise<Prepared> {
  const { engine } = context;
  refuseUnfit({ resourceType: 'Binary' }, identity.id);
  const given: Resource = {
    resourceType: 'Binary',
    contentType: body.contentType,
    ...(body.securityContext === undefined ? {} : { securityContext: { reference: body.securityContext } }),
  };
  const hooks = engine.hooks.byType.get('Binary');
  const hooked =
    hooks && (await runHooks(context, hooks, interaction, identity, { resource: given, decimals: undefined }));
  const { resourceType, meta, ...rest } = hooked ? hooked.body.resource : given;
  const { versionId: _, lastUpdated: __, ...labels } = kept ? keep(meta, kept) : isObject(meta) ? meta : {};
  const resource: Resource = {
    resourceType,
    id: identity.id,
    meta: {
      versionId: String(identity.version),
      lastUpdated: new Date(identity.updated).toISOString(),
      ...labels,
    },
    ...rest,
  };
  // Last, where its bytes go.
  delete resource['data'];
  resource['data'] = '';
  const text = Buffer.from(print(resource, kept?.decimals));
  const change = await assemble(context, identity, { resource }, text);
  return { change, attachments: body, text: undefined, findings: [], accompaniment: hooked?.accompaniment };
}

async function assemble(
  context: Context,
  identity: Identity,
  { resource, large }: { readonly resource: Resource; readonly large?: boolean | undefined },
  text: Buffer,
): Promise<Change> {
  const { engine } = context;
  const { bases, maxIndexed } = engine.settings;
  await breathe();
  const work = extracting(resource, engine.parameters, { bases }, mostOfType(identity.type, maxIndexed));
  const entries = large ? await inPieces(work) : atOnce(work);
  await breathe();
  const { type, id, replaces } = identity;
  const patients =
    type === 'Binary'
      ? await patientsOfBinary(context, resource['securityContext'], replaces?.patients)
      : patientsAbout(type, id, entries);
  return { text, entries, patients, ...identity, ...offeredText(engine, resource) };
}

/** Patients whom a resource is about: itself, or what its `patient` parameter refers to. */
function patientsAbout(type: string, id: string, entries: readonly IndexEntry[]): string[] {
  if (type === 'Patient') return [id];
  const found = new Set<string>();
  for (const entry of entries)
    if (entry.parameter === 'patient' && entry.kind === 'reference' && entry.type === 'Patient') found.add(entry.id);
  return [...found];
}
