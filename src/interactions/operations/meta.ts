/**
 * $meta, $meta-add, $meta-delete: https://hl7.org/fhir/R4/resource-operation-meta.html,
 * https://hl7.org/fhir/R4/resource-operation-meta-add.html, https://hl7.org/fhir/R4/resource-operation-meta-delete.html
 *
 * Choices:
 * - $meta is offered for a resource and for each of its versions. Of a type and of the whole server, all labels in use, it
 *   would have to read everything; R4 obliges nobody and asks for a 4xx error: it is an unknown operation there.
 * - A change of labels is a version like any other. Until STU3 the standard said that it is none; R4 says nothing, and
 *   here it decides who finds and who may see a resource: it has a place in history, an ETag, an audit event. If-Match is
 *   obeyed. What changes nothing makes no version. Versions of the past are not changed.
 * - Of the Meta that is given only profiles, security labels and tags count, so that a client may send what it has read.
 */
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import type { JsonObject } from '../../fhir/resource.js';
import type { Version } from '../../store/store.js';
import type { Context, Engine, OperationImplementation } from '../engine.js';
import type { Of, Outcome, Result } from '../interaction.js';
import { addLabels, hasLabels, isSubset, metaOf, removeLabels, withoutMark } from '../write/meta-labels.js';
import { readGiven } from './parameters.js';
import { prepare, storeUpload } from '../write/prepare.js';
import { auditSubject, readCurrent, readVersion } from '../read.js';
import { wholeText } from '../response/resource-text.js';
import { join } from '../../fhir/content/holes.js';
import { leftAlone } from '../write/unchanged.js';
import { checkPreconditions, nextIdentity } from '../update.js';

export const meta: OperationImplementation = { ofVersions: true, shows: 'Parameters', run: showMeta };

type Combine = (meta: JsonObject, given: JsonObject) => JsonObject;

const changing = (combine: Combine): OperationImplementation => ({
  run: (context, ask) => changeMeta(context, ask, combine),
});
export const metaAdd = changing(addLabels);
export const metaDelete = changing(removeLabels);

async function showMeta(context: Context, ask: Of<'operation'>): Promise<Outcome> {
  const { type = '', id = '', version } = ask;
  readGiven(context.engine, ask);
  const row =
    version === undefined ? await readCurrent(context, type, id) : await readVersion(context, type, id, version);
  return { result: answerMeta(row) };
}

async function changeMeta(context: Context, ask: Of<'operation'>, combine: Combine): Promise<Outcome> {
  const { type = '', id = '' } = ask;
  const { engine } = context;
  const given = labelsGiven(engine, ask);
  const row = await readCurrent(context, type, id);
  checkPreconditions(row, ask);
  const body = parseJson(await wholeText(engine, row), STORED_JSON);
  const before = (body.resource['meta'] ?? {}) as JsonObject;
  const after = combine(before, given);
  if (after === before) return leftAlone(row, answerMeta(row));
  body.resource['meta'] = isSubset(before) ? withoutMark(after) : after;
  const decimals = new Map([...(body.decimals ?? []), ...(ask.body?.decimals ?? [])]);
  const identity = nextIdentity(context, type, id, row, 'PUT');
  const prepared = await prepare(context, ask.kind, identity, { ...body, decimals });
  const { change: made, accompaniment } = await storeUpload(context, prepared);
  return { changes: [made], result: answerMeta(made), accompaniment };
}

/** The one parameter, `meta`. Throws `invalid` where it has nothing that could be added or removed. */
function labelsGiven(engine: Engine, ask: Of<'operation'>): JsonObject {
  const [{ value, at } = { value: {}, at: 'Parameters.parameter' }] = readGiven(engine, ask).given;
  if (!hasLabels(value as JsonObject))
    throw new FhirError('invalid', 'The parameter meta must be a Meta with profiles, security labels or tags.', {
      expression: at,
      detail: 'bad-parameter-value',
    });
  return value as JsonObject;
}

/** The meta of a version, as a read of it shows it. */
function answerMeta(row: Version): Result {
  const { text } = join([
    '{"resourceType":"Parameters","parameter":[{"name":"return","valueMeta":',
    metaOf(row.text!) ?? '{}',
    '}]}',
  ]);
  return { status: 200, ...auditSubject(row), text };
}
