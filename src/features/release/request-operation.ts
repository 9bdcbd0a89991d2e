/**
 * `Task/$request-records`: somebody asks for records of a patient; `Task/$request-status`: how that is, by its tracking id. Defined in profiles/release/.
 * The term begins when the request was received, whenever it is taken into the books (45 CFR 164.524(b)(2)).
 * https://www.ecfr.gov/current/title-45/section-164.524
 */
import { FhirError } from '../../fhir/error.js';
import { parseGivenDateTime } from '../../fhir/datetime.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, type Json, type JsonObject } from '../../fhir/resource.js';
import type { Context, OperationImplementation } from '../../interactions/engine.js';
import { jsonText } from '../../interactions/operations/operation.js';
import { badParameter, type GivenParameter, readGiven } from '../../interactions/operations/parameters.js';
import { readCurrent } from '../../interactions/read.js';
import { findOne, readCriteria } from '../../interactions/write/conditional.js';
import { newId, newUuid } from '../../platform/ids.js';
import { LETTER_LANGUAGE } from './check-operation.js';
import type { RequesterClasses } from './requester-classes.js';
import { isRecordsRequest, type RecordsRequest, requestState, requestTask, TRACKING_SYSTEM } from './request-task.js';

const DELIVERIES = ['link', 'mail', 'fax', 'portal', 'ehr', 'pickup'];
/** Where nobody has to be told where to. */
const WITHOUT_ADDRESS: ReadonlySet<string> = new Set(['portal', 'pickup']);
const FORMATS = ['pdf', 'zip', 'fhir', 'paper'];
const LONGEST = 1000;
/** Codes of v3-ActReason that somebody outside asks with. */
const PURPOSES = (
  'TREAT ETREAT CAREMGT HPAYMT COVERAGE HOPERAT HQUALIMP PATSFTY HRESCH PUBHLTH HLEGAL PATRQT FAMRQT PWATRNY HDIRECT ' +
  'DISASTER THREAT'
).split(' ');
/** Parameters that name what is here: without it there is nothing to go by later. */
const MUST_BE_HERE: ReadonlySet<string> = new Set(['authorization', 'encounter']);
const STATE = /^[A-Z]{2}-[A-Z0-9]{1,3}$/;

export const requestRecordsOperation = (classes: RequesterClasses): OperationImplementation => ({
  async run(context, ask) {
    const { given } = readGiven(context.engine, ask);
    const request = requestGiven(classes, context, given);
    const patient = await patientOf(context, given);
    for (const { name, value, at } of given) {
      const target = MUST_BE_HERE.has(name) && parseReference(referenceText(value), context.engine.settings.bases);
      if (target && target.kind === 'local') await mustBeSeen(context, target, at, name);
    }
    const id = newId(context.engine.clock.now());
    const resource = requestTask({ ...request, patient }, newUuid());
    const patients = typeof patient?.['reference'] === 'string' ? [patient['reference'].slice('Patient/'.length)] : [];
    const result = { status: 201, patients, location: `Task/${id}/_history/1` };
    const companion = { kind: 'create', type: 'Task', id, body: { resource, decimals: undefined } } as const;
    return {
      result,
      accompaniment: { companions: [{ owner: 'release', ask: companion }], messages: [], mustNotMatch: [] },
      complete: async () => ({ ...result, text: (await readCurrent(context, 'Task', id)).text! }),
    };
  },
});

const referenceText = (value: Json): string =>
  isObject(value) && typeof value['reference'] === 'string' ? value['reference'] : '';

/** The patient who is named, as they are seen. Throws `unprocessable`. */
async function patientOf(context: Context, given: readonly GivenParameter[]): Promise<JsonObject | undefined> {
  const named = given.find(({ name }) => name === 'patient');
  if (!named) return undefined;
  const target = parseReference(referenceText(named.value), context.engine.settings.bases);
  if (target?.kind !== 'local' || target.type !== 'Patient')
    throw badParameter('patient is no Patient of this server.', named.at);
  await mustBeSeen(context, target, named.at, 'patient');
  return { reference: `Patient/${target.id}` };
}

/** What is named by its id is seen by whoever asks. Throws `unprocessable`, `unknown-<what>`. */
async function mustBeSeen(
  context: Context,
  { type, id }: { readonly type: string; readonly id: string },
  at: string,
  what: string,
): Promise<void> {
  await readCurrent(context, type, id).catch((error: unknown) => {
    if (!(error instanceof FhirError) || (error.kind !== 'not-found' && error.kind !== 'deleted')) throw error;
    throw new FhirError('unprocessable', `There is no such ${what}.`, { expression: at, detail: `unknown-${what}` });
  });
}

/** Throws `invalid` and `unprocessable` for what is no request. */
function requestGiven(
  classes: RequesterClasses,
  { engine }: Context,
  given: readonly GivenParameter[],
): RecordsRequest {
  const find = (name: string): GivenParameter | undefined => given.find(each => each.name === name);
  const all = (name: string): JsonObject[] =>
    given.flatMap(each => (each.name === name && isObject(each.value) ? [each.value] : []));
  // By another resource, or none, nothing would be selected, or permitted, and nobody would see why.
  const named = (name: string, type: string): JsonObject[] =>
    given
      .filter(each => each.name === name)
      .map(({ value, at }) => {
        const target = parseReference(referenceText(value), engine.settings.bases);
        if (target?.kind === 'local' && target.type === type) return value as JsonObject;
        throw badParameter(`${name} names a resource of this server, as ${type}/1.`, at);
      });
  const text = (name: string): string | undefined => {
    const found = find(name);
    if (!found) return undefined;
    const trimmed = jsonText(found.value).trim();
    if (trimmed === '' || trimmed.length > LONGEST)
      throw badParameter(`${name} has ${LONGEST} characters at most, and not none.`, found.at);
    return trimmed;
  };
  const oneOf = (name: string, known: readonly string[]): string | undefined => {
    const code = text(name);
    if (code !== undefined && !known.includes(code))
      throw badParameter(`${name} is one of ${known.join(', ')}.`, find(name)!.at);
    return code;
  };
  const delivery = oneOf('delivery', DELIVERIES)!;
  const address = text('address');
  if (address === undefined && !WITHOUT_ADDRESS.has(delivery))
    throw badParameter(`Where to? ${delivery} needs the parameter address.`, find('delivery')!.at);
  const description = text('patient-description');
  if (!find('patient') && description === undefined)
    throw new FhirError('invalid', 'Whose records? It needs patient, or patient-description.', {
      ...{ expression: 'Parameters.parameter', detail: 'no-patient' },
    });
  const [start, end] = [text('start'), text('end')];
  const requester = find('requester-reference')?.value;
  const jurisdiction = text('jurisdiction');
  if (jurisdiction !== undefined && !STATE.test(jurisdiction))
    throw badParameter('jurisdiction is a state as in ISO 3166-2: US-CA.', find('jurisdiction')!.at);
  const language = text('language');
  if (language !== undefined && !LETTER_LANGUAGE.test(language))
    throw badParameter('language is a code as in BCP 47.', find('language')!.at);
  return {
    requesterClass: oneOf('requester-class', [...classes.keys()])!,
    requester: { ...(isObject(requester) ? requester : {}), display: text('requester')! },
    patient: undefined,
    ...{ description, start, end, delivery, address },
    ...{ types: all('type'), encounters: named('encounter', 'Encounter') },
    authorization: named('authorization', 'Consent').at(0),
    evidence: all('evidence'),
    ...{ purpose: oneOf('purpose', PURPOSES)!, reason: text('reason'), format: oneOf('format', FORMATS) },
    ...{ jurisdiction, language },
    received: receivedGiven(engine.clock.now(), find('received')),
  };
}

/** ms: what is said to be older is a slip. Nothing of a request is kept longer (45 CFR 164.530(j)). */
const OLDEST = 6 * 365.25 * 86_400_000;

/** Throws `invalid` for what is still to come, and for what cannot be open any more. */
function receivedGiven(now: number, given: GivenParameter | undefined): string {
  if (!given) return new Date(now).toISOString();
  const text = jsonText(given.value);
  const { low } = parseGivenDateTime(text)!;
  if (low > now) throw badParameter('received is in the future.', given.at);
  if (low < now - OLDEST) throw badParameter('received is more than six years ago.', given.at);
  return text;
}

export const requestStatusOperation: OperationImplementation = {
  shows: 'Parameters',
  async run(context, ask) {
    const { given } = readGiven(context.engine, ask);
    const tracking = jsonText(given[0]?.value);
    const unknown = new FhirError('not-found', 'There is no request with this tracking id.');
    if (!/^[0-9a-f-]{36}$/.test(tracking)) throw unknown;
    const sought = await readCriteria(context, 'Task', [['identifier', `${TRACKING_SYSTEM}|${tracking}`]]);
    const row = await findOne(context, sought);
    const task = row?.text && parseJson(row.text, STORED_JSON).resource;
    if (!row || !task || !isRecordsRequest(task)) throw unknown;
    const { code, display } = requestState(task);
    const { restriction, authoredOn, status } = task;
    const due = isObject(restriction) && isObject(restriction['period']) ? restriction['period']['end'] : undefined;
    const parameter: Json[] = [
      { name: 'state', valueCode: code },
      { name: 'display', valueString: display },
      { name: 'received', valueDateTime: authoredOn! },
      ...(typeof due === 'string' ? [{ name: 'due', valueDate: due.slice(0, 'yyyy-mm-dd'.length) }] : []),
      { name: 'over', valueBoolean: OVER.has(status) },
    ];
    const text = Buffer.from(JSON.stringify({ resourceType: 'Parameters', parameter }));
    return { result: { status: 200, text, patients: row.patients } };
  },
};

const OVER: ReadonlySet<Json | undefined> = new Set(['completed', 'rejected', 'cancelled', 'failed']);
