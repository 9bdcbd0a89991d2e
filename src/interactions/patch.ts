/**
 * patch and conditional patch: https://hl7.org/fhir/R4/http.html#patch. The version that was read is the commit's
 * precondition: when somebody else was faster, `perform` patches what is there now.
 *
 * Choices: a patch that is none is 400, one that does not fit the resource 422; what it leads to is judged as the body of an
 * update is, with the same answers;
 * resourceType and id cannot be patched, meta.versionId and meta.lastUpdated are the server's whatever a patch says;
 * a patch that changes nothing, tests alone for one, makes no version.
 */
import type { Patched, Value } from '../fhir/json/document.js';
import { FhirError } from '../fhir/error.js';
import { applyFhirPathPatch } from '../fhir/patch/fhirpath-patch.js';
import { readJson, STORED_JSON } from '../fhir/json/json.js';
import { print } from '../fhir/json/print.js';
import { applyJsonPatch } from '../fhir/patch/json-patch.js';
import type { Json, JsonObject, Resource } from '../fhir/resource.js';
import type { Version } from '../store/store.js';
import { refuseErrors } from '../validation/gate/validate.js';
import { resolveReferences } from './transaction/conditional-references.js';
import type { Context, Engine } from './engine.js';
import type { Of, Outcome, Patch } from './interaction.js';
import type { LocatedTarget } from './write/conditional.js';
import { isSubset, withoutMark } from './write/meta-labels.js';
import { prepare, storeUpload } from './write/prepare.js';
import { auditSubject, deletedError } from './read.js';
import { wholeText } from './response/resource-text.js';
import { isSame, unchanged } from './write/unchanged.js';
import { checkPreconditions, findCurrent, nextIdentity } from './update.js';

/** Bytes beside the text, above which a resource is not patched: all of it is in memory while it is. */
export const MAX_ATTACHED = 64 * 1024 * 1024;
/** Values from which on work on a resource is done beside the event loop, or in pieces. */
const MANY_VALUES = 5000;

const patchTooLarge = (): FhirError =>
  new FhirError('too-large', 'The patch leads to a resource that is larger than this server takes.');

/** `located`: what its criteria match, where that was looked up already. */
export async function patch(context: Context, ask: Of<'patch'>, located?: LocatedTarget): Promise<Outcome> {
  const { engine } = context;
  const { current } = located ?? (await findCurrent(context, ask));
  checkPreconditions(current, ask);
  if (!current)
    throw new FhirError(
      'not-found',
      ask.id === undefined ? `No ${ask.type} matches the criteria.` : `There is no ${ask.type} with this id.`,
    );
  if (!current.text) throw deletedError(current);
  const patched = await resolveReferences(context, await patchedBody(engine, current, ask.patch), current.text);
  const identity = nextIdentity(context, ask.type, current.id, current, 'PATCH');
  const prepared = await prepare(context, ask.kind, identity, patched);
  if (prepared.text && prepared.text.length > engine.settings.maxBody) throw patchTooLarge();
  const { change, text, findings, accompaniment } = await storeUpload(context, prepared);
  if (isSame(current, change) || isSame(await reprinted(current), change)) return unchanged(current, true);
  const location = `${ask.type}/${change.id}/_history/${change.version}`;
  const result = { status: 200, location, ...auditSubject(change), ...(text ? { text } : {}), findings };
  return { changes: [change], result, accompaniment };
}

/** As a patch prints it: a text that came as it is stored may have blanks. */
async function reprinted(row: Version): Promise<Version> {
  const { resource, decimals } = await readJson(row.text!, STORED_JSON);
  return { ...row, text: Buffer.from(print(resource, decimals)) };
}

async function patchedBody(engine: Engine, current: Version, how: Patch) {
  if ((current.blobs ?? []).reduce((sum, { size }) => sum + size, 0) > MAX_ATTACHED)
    throw new FhirError('too-large', 'The attachments of this resource are too large for a patch: update it instead.');
  const { resource, decimals, large } = await readJson(await wholeText(engine, current), STORED_JSON);
  const { meta: marked } = resource;
  const patched = await changed(engine, { value: resource, decimals }, how);
  if (patched.size > engine.settings.maxValues) throw patchTooLarge();
  if (!isOf(patched.value, current))
    throw new FhirError('unprocessable', 'A patch cannot change the resourceType or the id.', {
      expression: `${current.type}.id`,
      detail: 'patch-identity',
    });
  const { meta } = patched.value;
  // Stored in the past: a patch that leaves it there does not claim it.
  if (isSubset(marked) && typeof meta === 'object') patched.value['meta'] = withoutMark(meta as JsonObject);
  const heavy = large || patched.size > MANY_VALUES || (how.form === 'json' ? how : how.parameters).large;
  return { resource: patched.value, decimals: patched.decimals, ...(heavy ? { large: true as const } : {}) };
}

async function changed({ definitions, validate }: Engine, document: Value, how: Patch): Promise<Patched> {
  if (how.form === 'json') return applyJsonPatch(document, { value: how.operations, decimals: how.decimals });
  const { resource, decimals } = how.parameters;
  if (resource.resourceType !== 'Parameters')
    throw new FhirError('invalid', 'A FHIRPath Patch is a Parameters resource.', {
      expression: 'resourceType',
      detail: 'patch-malformed',
    });
  refuseErrors(await validate(how.parameters), 'The Parameters are not valid FHIR R4.');
  return applyFhirPathPatch(document, { value: resource, decimals }, definitions);
}

const isOf = (value: Json, { type, id }: Version): value is Resource =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  value['resourceType'] === type &&
  value['id'] === id;
