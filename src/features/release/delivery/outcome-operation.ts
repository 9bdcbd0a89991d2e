/**
 * `Task/[id]/$delivery-outcome`: what became of a delivery that did not go as it should. Its link is revoked; or it failed, and the request is worked on again; or it
 * reached somebody else, and then an incident begins and the accounting of disclosures tells of it, in the same commit. Defined in
 * profiles/release/operationdefinition-delivery-outcome.json. 45 CFR 164.402, 164.404, 164.528: https://www.ecfr.gov/current/title-45/section-164.404
 */
import { FhirError } from '../../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../../fhir/json/json.js';
import { isObject, itemsOf, type Resource } from '../../../fhir/resource.js';
import type { Context, OperationImplementation } from '../../../interactions/engine.js';
import type { Companion } from '../../../interactions/interaction.js';
import { jsonText } from '../../../interactions/operations/operation.js';
import { badParameter, type GivenParameter, readGiven } from '../../../interactions/operations/parameters.js';
import { readCurrent } from '../../../interactions/read.js';
import type { Disclosure } from '../../../interactions/tell.js';
import { newId } from '../../../platform/ids.js';
import { type CheckGround, readRequest } from '../check-operation.js';
import { outputsOfKind, requestState, stateConcept } from '../request-task.js';
import { linkRecords } from '../../../interactions/handing-out.js';
import { DELIVERY_OUTPUT, isDelivery, localTarget, refuseDelivery } from './delivery.js';
import { revokeLinks } from './links.js';

const OUTCOMES = ['failed', 'wrong-recipient', 'revoked'];
/** State of a request that is worked on again, and the status of it. */
const REOPENED = { state: 'searching', status: 'in-progress' };
const LONGEST = 1000;

interface OutcomeAsked {
  readonly outcome: string;
  readonly reason: string;
  /** Who has it instead. */
  readonly receivedBy: string;
  readonly task: { readonly id: string; readonly resource: Resource };
  readonly delivery: { readonly id: string; readonly resource: Resource };
  readonly now: number;
}

export const deliveryOutcomeOperation = (ground: CheckGround): OperationImplementation => ({
  async run(context, ask) {
    const { given } = readGiven(context.engine, ask);
    const find = (name: string): GivenParameter | undefined => given.find(each => each.name === name);
    const outcome = jsonText(find('outcome')!.value);
    if (!OUTCOMES.includes(outcome))
      throw badParameter(`outcome is one of ${OUTCOMES.join(', ')}.`, find('outcome')!.at);
    const isWrong = outcome === 'wrong-recipient';
    const reason = boundedText(find('reason'), 'reason');
    const receivedBy = isWrong || find('received-by') ? boundedText(find('received-by'), 'received-by') : '';
    if (!isWrong && receivedBy !== '')
      throw badParameter('Who has it instead is said of what reached a wrong recipient.', find('received-by')!.at);
    const { row, task, decimals } = await readRequest(context, ask.id!);
    const delivery = await deliveryMeant(context, task, find('delivery')!);
    const isRevoked = outcome === 'revoked';
    if (isRevoked && delivery.resource['status'] !== 'in-progress')
      throw refuseDelivery('Only a link is revoked, and once.', find('delivery')!.at, 'nothing-to-revoke');
    if (!isRevoked && requestState(task).code !== 'released')
      throw refuseDelivery(
        'The request is worked on again already, or is over.',
        'Task.businessStatus',
        'not-released',
      );
    const now = ground.now();
    const asked: OutcomeAsked = { outcome, reason, receivedBy, delivery, now, task: { id: ask.id!, resource: task } };
    const incident = isWrong ? newId(now) : undefined;
    const reopened: Resource = {
      ...task,
      ...{ status: REOPENED.status, businessStatus: stateConcept(REOPENED.state), statusReason: { text: reason } },
    };
    // Before anything is committed: a link that is gone too early harms nobody.
    for (const each of isRevoked ? [delivery.id] : deliveriesOf(task, ground.bases))
      await revokeLinks(linkRecords(context.engine), each);
    const ifMatch = [String(row.version)];
    const companions: readonly Companion[] = [
      ...(isRevoked
        ? []
        : [{ kind: 'update', type: 'Task', id: ask.id!, ifMatch, body: { resource: reopened, decimals } } as const]),
      {
        ...{ kind: 'update', type: 'Communication', id: delivery.id, ifMatch: [delivery.version] },
        body: { resource: stopped(asked), decimals: undefined },
      },
      ...(incident === undefined ? [] : [incidentBegun(asked, incident)]),
    ];
    const parameter = [
      { name: 'outcome', valueCode: outcome },
      ...(incident === undefined ? [] : [{ name: 'incident', valueReference: { reference: `Task/${incident}` } }]),
    ];
    const result = {
      ...{ status: 200, patients: row.patients },
      text: Buffer.from(JSON.stringify({ resourceType: 'Parameters', parameter })),
    };
    const disclosed = isWrong
      ? { id: newId(context.stamp.now()), disclosure: wrongDisclosure(ground, asked) }
      : undefined;
    return {
      result,
      ...(disclosed
        ? {
            recordedParts: [
              { target: ask, result },
              { target: ask, result, disclosed },
            ],
          }
        : {}),
      accompaniment: {
        companions: companions.map(each => ({ owner: 'release', ask: each })),
        ...{ messages: [], mustNotMatch: [] },
      },
    };
  },
});

/** Throws `invalid`. */
function boundedText(given: GivenParameter | undefined, name: string): string {
  const text = given ? jsonText(given.value).trim() : '';
  if (text !== '' && text.length <= LONGEST) return text;
  throw badParameter(`${name} has ${LONGEST} characters at most, and not none.`, given?.at ?? 'Parameters.parameter');
}

/** Ids of the Communications. */
const deliveriesOf = (task: Resource, bases: readonly string[]): string[] =>
  outputsOfKind(task, DELIVERY_OUTPUT).flatMap(each => localTarget(each['valueReference'], bases)?.id ?? []);

/** One of the deliveries of a request. Throws `invalid` and `unprocessable`. */
async function deliveryMeant(
  context: Context,
  task: Resource,
  { value, at }: GivenParameter,
): Promise<{ readonly id: string; readonly version: string; readonly resource: Resource }> {
  const { bases } = context.engine.settings;
  const target = localTarget(value, bases);
  const known = deliveriesOf(task, bases);
  if (target?.type !== 'Communication' || !known.includes(target.id))
    throw badParameter('delivery names no delivery of this request.', at);
  const row = await readCurrent(context, 'Communication', target.id).catch((error: unknown) => {
    if (!(error instanceof FhirError)) throw error;
    throw refuseDelivery('This delivery cannot be read.', at, 'unknown-delivery');
  });
  const { resource } = parseJson(row.text!, STORED_JSON);
  if (!isDelivery(resource)) throw badParameter('delivery names no delivery of this request.', at);
  return { id: row.id, version: String(row.version), resource };
}

/** https://hl7.org/fhir/R4/valueset-event-status.html: what never reached them is not done, what reached somebody else was. */
const STATUS: Readonly<Record<string, string>> = {
  failed: 'not-done',
  'wrong-recipient': 'completed',
  revoked: 'stopped',
};

const stopped = ({ delivery, outcome, reason }: OutcomeAsked): Resource => ({
  ...delivery.resource,
  status: STATUS[outcome]!,
  statusReason: { coding: [{ system: 'urn:chartroom:delivery-outcome', code: outcome }], text: reason },
});

/** Patients are told of it by its notification, not by the work on it. */
const NOT_FOR_PATIENTS = { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'NOPAT' };

/** A Task of the process privacy-incident: its term counts from the day of the discovery. */
function incidentBegun({ task, delivery, reason, now }: OutcomeAsked, id: string): Companion {
  const { for: subject } = task.resource;
  const at = new Date(now).toISOString();
  const resource: Resource = {
    resourceType: 'Task',
    meta: { security: [NOT_FOR_PATIENTS] },
    basedOn: [{ reference: `Task/${task.id}` }],
    status: 'requested',
    businessStatus: stateConcept('reported'),
    intent: 'order',
    code: { coding: [{ system: 'urn:chartroom:task', code: 'privacy-incident' }] },
    focus: { reference: `Communication/${delivery.id}` },
    ...(isObject(subject) ? { for: subject } : {}),
    authoredOn: at,
    reasonCode: {
      coding: [{ system: 'urn:chartroom:delivery-outcome', code: 'wrong-recipient' }],
      text: reason,
    },
  };
  return { kind: 'create', own: true, type: 'Task', id, body: { resource, decimals: undefined } };
}

/** What was sent to somebody else is told in an accounting: by 45 CFR 164.404. */
function wrongDisclosure({ bases }: CheckGround, { task, delivery, receivedBy }: OutcomeAsked): Disclosure {
  const patient = localTarget(task.resource['for'], bases)?.id ?? '';
  const data = itemsOf(delivery.resource['payload'])
    .filter(isObject)
    .flatMap(each => {
      const target = localTarget(each['contentReference'], bases);
      return target ? [`${target.type}/${target.id}`] : [];
    });
  const { sent } = delivery.resource;
  return {
    ...({ direction: 'given', purpose: 'PATRQT', basis: '164.404' } as const),
    ...{ patient, data, request: `Task/${task.id}` },
    other: { name: receivedBy, address: receivedBy },
    description: 'Sent to the wrong recipient.',
    ...(typeof sent === 'string' ? { when: sent } : {}),
  };
}
