/**
 * A request for records as a Task, made and read: what is asked for, by whom and how, stands in its inputs. After the data requests of
 * https://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-task-data-request.html, with kinds of input of our own beside.
 */
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';

const RELEASE = 'release-of-information';
export const TRACKING_SYSTEM = 'urn:chartroom:tracking';
const TASK_CODES = 'urn:chartroom:task';
const STATE_CODES = 'urn:chartroom:state';
const INPUT_CODES = 'urn:chartroom:input';
export const HREX_CODES = 'http://hl7.org/fhir/us/davinci-hrex/CodeSystem/hrex-temp';
/** Kinds of documents that the desk writes. */
export const DESK_DOCUMENTS = 'urn:chartroom:document';
export const ACT_REASON_CODES = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';

/** An input: `value` is its member, as in `{ valueCode: 'mail' }`. */
export const inputOf = (code: string, value: JsonObject, system = INPUT_CODES): JsonObject => ({
  type: { coding: [{ system, code }] },
  ...value,
});

const OUTPUT_CODES = 'urn:chartroom:task-output';
/** What came of a request: a DocumentReference, and the List of what is in it, in versions; of each kind the last one counts. */
export const PACKAGE_OUTPUT = 'package';
export const FROZEN_SET_OUTPUT = 'frozen-set';
/** The job that makes the package, until that is there: anybody may ask $jobs-status how it is. */
export const PACKAGE_JOB_OUTPUT = 'package-job';
/** An AuditEvent, a Communication, an Invoice. */
export const DISCLOSURE_OUTPUT = 'disclosure';
export const DELIVERY_OUTPUT = 'delivery';
export const INVOICE_OUTPUT = 'invoice';

/** States: records are looked for, somebody else looks at what was chosen, a package is made, it has gone out. */
export const SEARCHING = 'searching';
export const QUALITY_REVIEW = 'quality-review';
export const DENIED_STATE = 'denied';
/** Of a request after which nothing goes out. */
export const COME_TO_NOTHING: ReadonlySet<string> = new Set([DENIED_STATE, 'withdrawn']);
export const READY = 'ready';
export const RELEASED = 'released';
export const CLOSED_STATE = 'closed';
/** Those in which documents are chosen. */
export const CHOSEN_STATES: ReadonlySet<string> = new Set([QUALITY_REVIEW, READY, RELEASED]);

/** An output: `value` is its member. */
export const outputOf = (code: string, value: JsonObject): JsonObject => ({
  type: { coding: [{ system: OUTPUT_CODES, code }] },
  ...value,
});

/** The outputs of a kind, in their order. */
export const outputsOfKind = ({ output }: Resource, code: string): JsonObject[] =>
  itemsOf(output)
    .filter(isObject)
    .filter(({ type }) => codesOf(type, OUTPUT_CODES).includes(code));

export interface RecordsRequest {
  readonly requesterClass: string;
  readonly requester: JsonObject;
  /** Or how they may be found. */
  readonly patient: JsonObject | undefined;
  readonly description: string | undefined;
  readonly types: readonly JsonObject[];
  readonly start: string | undefined;
  readonly end: string | undefined;
  readonly encounters: readonly JsonObject[];
  readonly purpose: string;
  readonly reason: string | undefined;
  readonly format: string | undefined;
  readonly delivery: string;
  readonly address: string | undefined;
  readonly authorization: JsonObject | undefined;
  /** Papers that stand for other rights, and who asks. */
  readonly evidence: readonly JsonObject[];
  readonly jurisdiction: string | undefined;
  /** Of letters, as in BCP 47. */
  readonly language: string | undefined;
  /** A FHIR dateTime. */
  readonly received: string;
}

export function requestTask(request: RecordsRequest, tracking: string): Resource {
  const { patient, purpose, reason, received, requester } = request;
  return {
    resourceType: 'Task',
    identifier: [{ system: TRACKING_SYSTEM, value: tracking }],
    status: 'requested',
    businessStatus: stateConcept('received'),
    intent: 'order',
    code: {
      coding: [
        { system: TASK_CODES, code: RELEASE },
        { system: HREX_CODES, code: 'data-request' },
      ],
    },
    ...(patient === undefined ? {} : { for: patient }),
    authoredOn: received,
    requester,
    reasonCode: {
      coding: [{ system: ACT_REASON_CODES, code: purpose }],
      text: reason ?? purpose,
    },
    input: inputsOf(request),
  };
}

function inputsOf(request: RecordsRequest): JsonObject[] {
  const { requesterClass, description, types, start, end, encounters, format, delivery } = request;
  const { address, authorization, evidence, jurisdiction, language } = request;
  const period = { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) };
  const maybe = (code: string, member: string, value: Json | undefined): JsonObject[] =>
    value === undefined ? [] : [inputOf(code, { [member]: value })];
  return [
    inputOf('requester-class', { valueCode: requesterClass }),
    ...types.map(each => inputOf('data-code', { valueCodeableConcept: { coding: [each] } }, HREX_CODES)),
    ...maybe('period', 'valuePeriod', Object.keys(period).length > 0 ? period : undefined),
    ...encounters.map(each => inputOf('encounter', { valueReference: each })),
    ...maybe('patient-description', 'valueString', description),
    ...maybe('format', 'valueCode', format),
    inputOf('delivery-method', { valueCode: delivery }),
    ...maybe('delivery-address', 'valueString', address),
    ...maybe('authorization', 'valueReference', authorization),
    ...evidence.map(each => inputOf('evidence', { valueReference: each })),
    ...maybe('jurisdiction', 'valueCode', jurisdiction),
    ...maybe('language', 'valueCode', language),
  ];
}

/** The codings of a system in a concept. */
const codesOf = (concept: Json | undefined, system: string): string[] =>
  (isObject(concept) ? itemsOf(concept['coding']) : []).flatMap(each =>
    isObject(each) && each['system'] === system && typeof each['code'] === 'string' ? [each['code']] : [],
  );

export const isRecordsRequest = (task: Resource): boolean =>
  task.resourceType === 'Task' && codesOf(task['code'], TASK_CODES).includes(RELEASE);

/** The inputs of a kind. */
export const inputsOfKind = (task: Resource, code: string, system = INPUT_CODES): JsonObject[] =>
  itemsOf(task['input'])
    .filter(isObject)
    .filter(({ type }) => codesOf(type, system).includes(code));

/** Values of the inputs of a kind: of each the member that begins with `value`. */
export const inputValues = (task: Resource, code: string, system = INPUT_CODES): Json[] =>
  inputsOfKind(task, code, system).flatMap(each => {
    const member = Object.keys(each).find(name => name.startsWith('value'));
    return member === undefined ? [] : [each[member]!];
  });

export const stateConcept = (code: string): JsonObject => ({ coding: [{ system: STATE_CODES, code }] });

/** The state of a request, as the work kernel says it: code and words. */
export function requestState({ businessStatus }: Resource): { readonly code: string; readonly display: string } {
  const coding = (isObject(businessStatus) ? itemsOf(businessStatus['coding']) : []).find(
    each => isObject(each) && each['system'] === STATE_CODES,
  );
  const { code, display } = isObject(coding) ? coding : {};
  const state = typeof code === 'string' ? code : '';
  return { code: state, display: typeof display === 'string' ? display : state };
}
