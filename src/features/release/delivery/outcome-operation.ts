/**
 * `Task/[id]/$delivery-outcome`: what became of a delivery that did not go as it should. Its link is revoked; or it failed, and a released request is worked on again; or it
 * reached somebody else, and then an incident begins and the accounting of disclosures tells of it, in the same commit. Defined in
 * profiles/release/operationdefinition-delivery-outcome.json. 45 CFR 164.402, 164.404, 164.528: https://www.ecfr.gov/current/title-45/section-164.404
 */
import { isObject, itemsOf, type Resource } from '../../../fhir/resource.js';
import type { OperationImplementation } from '../../../interactions/engine.js';
import type { Companion } from '../../../interactions/interaction.js';
import { jsonText } from '../../../interactions/operations/operation.js';
import { badParameter, type GivenParameter, readGiven } from '../../../interactions/operations/parameters.js';
import type { Disclosure } from '../../../interactions/tell.js';
import { newId } from '../../../platform/ids.js';
import { type CheckGround, readRequest } from '../check-operation.js';
import { RELEASED, requestState, SEARCHING, stateConcept } from '../request-task.js';
import { linkRecords } from '../../../interactions/handing-out.js';
import { localTarget, refuseDelivery } from './delivery.js';
import { deliveriesOf, deliveryMeant, type MeantDelivery } from './kept-deliveries.js';
import { revokeLinks } from './links.js';

const OUTCOMES = ['failed', 'wrong-recipient', 'revoked'];
/** State of a request that is worked on again, and the status of it. */
const REOPENED = { state: SEARCHING, status: 'in-progress' };
const LONGEST = 1000;
const OUTCOME_CODES = 'urn:chartroom:delivery-outcome';

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
    const { outcome, reason, receivedBy, delivery: named } = outcomeGiven(readGiven(context.engine, ask).given);
    const { row, task, decimals } = await readRequest(context, ask.id!);
    const meant = await deliveryMeant(context, { id: ask.id!, resource: task }, named);
    const isRevoked = outcome === 'revoked';
    const isReleased = requestState(task).code === RELEASED;
    if (!isRevoked) checkUntold(outcome, meant, named.at, isReleased);
    // Before anything is committed: a link that is gone too early harms nobody.
    let ended = 0;
    for (const each of isRevoked || !isReleased ? [meant.id] : deliveriesOf(task, ground.bases))
      ended += await revokeLinks(linkRecords(context.engine), each);
    const { told } = meant;
    if (isRevoked && ended === 0 && told?.resource['status'] !== 'in-progress')
      throw refuseDelivery('Only a link is revoked, and once.', named.at, 'nothing-to-revoke');
    const now = ground.now();
    const delivery = { id: meant.id, resource: told?.resource ?? { resourceType: 'Communication' } };
    const asked: OutcomeAsked = { outcome, reason, receivedBy, delivery, now, task: { id: ask.id!, resource: task } };
    const incident = outcome === 'wrong-recipient' ? newId(now) : undefined;
    const reopened: Resource = {
      ...task,
      ...{ status: REOPENED.status, businessStatus: stateConcept(REOPENED.state), statusReason: { text: reason } },
    };
    const ifMatch = [String(row.version)];
    const companions: readonly Companion[] = [
      ...(isRevoked || !isReleased
        ? []
        : [{ kind: 'update', type: 'Task', id: ask.id!, ifMatch, body: { resource: reopened, decimals } } as const]),
      ...(told
        ? [
            {
              ...({ kind: 'update', type: 'Communication', id: delivery.id, ifMatch: [told.version] } as const),
              body: { resource: stopped(asked), decimals: undefined },
            },
          ]
        : []),
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
    const disclosed =
      incident === undefined
        ? undefined
        : { id: newId(context.stamp.now()), disclosure: wrongDisclosure(ground, asked) };
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
function outcomeGiven(given: readonly GivenParameter[]): Pick<OutcomeAsked, 'outcome' | 'reason' | 'receivedBy'> & {
  readonly delivery: GivenParameter;
} {
  const find = (name: string): GivenParameter | undefined => given.find(each => each.name === name);
  const outcome = jsonText(find('outcome')!.value);
  if (!OUTCOMES.includes(outcome)) throw badParameter(`outcome is one of ${OUTCOMES.join(', ')}.`, find('outcome')!.at);
  const isWrong = outcome === 'wrong-recipient';
  const reason = boundedText(find('reason'), 'reason');
  const receivedBy = isWrong || find('received-by') ? boundedText(find('received-by'), 'received-by') : '';
  if (!isWrong && receivedBy !== '')
    throw badParameter('Who has it instead is said of what reached a wrong recipient.', find('received-by')!.at);
  return { outcome, reason, receivedBy, delivery: find('delivery')! };
}

/** Throws `invalid`. */
function boundedText(given: GivenParameter | undefined, name: string): string {
  const text = given ? jsonText(given.value).trim() : '';
  if (text !== '' && text.length <= LONGEST) return text;
  throw badParameter(`${name} has ${LONGEST} characters at most, and not none.`, given?.at ?? 'Parameters.parameter');
}

/**
 * That a delivery reached somebody else is often known late: when the request is closed, or was opened again. It begins an incident whenever it is told, once.
 * Throws `unprocessable`.
 */
function checkUntold(outcome: string, { told }: MeantDelivery, at: string, isReleased: boolean): void {
  if (!told) throw refuseDelivery('This delivery cannot be read.', at, 'unknown-delivery');
  const { statusReason } = told.resource;
  const known = (isObject(statusReason) ? itemsOf(statusReason['coding']) : [])
    .filter(isObject)
    .find(({ system }) => system === OUTCOME_CODES)?.['code'];
  if (known === 'wrong-recipient')
    throw refuseDelivery('That this delivery reached somebody else is told already.', at, 'outcome-told');
  // Of what is open still it is told whatever has become of the request.
  if (outcome === 'failed' && !isReleased && told.resource['status'] !== 'in-progress')
    throw refuseDelivery('The request is worked on again already, or is over.', 'Task.businessStatus', 'not-released');
  // What was released since is another delivery.
  if (outcome === 'failed' && known === 'failed')
    throw refuseDelivery('That this delivery failed is told already.', at, 'outcome-told');
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
  statusReason: { coding: [{ system: OUTCOME_CODES, code: outcome }], text: reason },
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
      coding: [{ system: OUTCOME_CODES, code: 'wrong-recipient' }],
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
