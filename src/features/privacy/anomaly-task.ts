/** What becomes of a hit: a Task for the privacy officer, and a Communication that tells of it. https://hl7.org/fhir/R4/task.html */
import { createHash } from 'node:crypto';
import type { JsonObject, Resource } from '../../fhir/resource.js';
import { protectedAs } from '../../fhir/security-labels.js';
import type { Companion } from '../../interactions/interaction.js';
import type { Hit } from './anomaly-rules.js';

/** ms in which a privacy officer is to look at it. */
const TIME_TO_REVIEW = 72 * 3_600_000;
const REVIEW_CODES = 'urn:chartroom:task';
const PRIVACY_REVIEW = 'privacy-review';
/** Their ids begin so, and no others. */
export const ANOMALY_ID = 'anomaly-';
/** The type of the input that names who is looked at. */
export const PERSON_OF_HIT: JsonObject = { coding: [{ system: 'urn:chartroom:anomaly', code: 'person' }] };

/** The same of the same hit. */
export function idOfHit({ rule, person, patient = '', day }: Hit): string {
  const digest = createHash('sha256').update([rule, person, patient, day].join('\u0000')).digest('hex');
  return `${ANOMALY_ID}${digest.slice(0, 40)}`;
}

export const sentenceOfHit = ({ rule, person, patient, day, why }: Hit): string =>
  `${rule}: on ${day} ${person === '' ? 'somebody unknown' : person}${patient === undefined ? '' : ` with Patient/${patient}`}: ${why}.`;

/** Not seen by the patient, nor by roles that are not cleared for the most confidential. */
const PROTECTED = protectedAs('V');

const created = (type: string, id: string, resource: Resource): Companion => ({
  ...{ kind: 'create', own: true, type, id, body: { resource, decimals: undefined } },
});

/** `whose`: a Reference to the patient of the hit, where it is about one. */
export function anomalyTask(hit: Hit, id: string, now: number, whose: JsonObject | undefined): Companion {
  return created('Task', id, {
    resourceType: 'Task',
    meta: PROTECTED,
    status: 'requested',
    intent: 'order',
    priority: hit.rule === 'break-glass' ? 'urgent' : 'routine',
    code: { coding: [{ system: REVIEW_CODES, code: PRIVACY_REVIEW, display: 'Privacy review' }] },
    description: sentenceOfHit(hit),
    focus: { reference: `AuditEvent/${hit.event.id}` },
    ...(whose ? { for: whose } : {}),
    authoredOn: new Date(now).toISOString(),
    reasonCode: { coding: [{ system: 'urn:chartroom:anomaly', code: hit.rule }] },
    restriction: { period: { end: new Date(now + TIME_TO_REVIEW).toISOString() } },
    ...(hit.person === '' ? {} : { input: [{ type: PERSON_OF_HIT, valueString: hit.person }] }),
  });
}

export function anomalyNotice(hit: Hit, task: string, now: number): Companion {
  const id = `${task}-c`;
  return created('Communication', id, {
    resourceType: 'Communication',
    meta: PROTECTED,
    status: 'completed',
    category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/communication-category', code: 'alert' }] }],
    about: [{ reference: `Task/${task}` }, { reference: `AuditEvent/${hit.event.id}` }],
    sent: new Date(now).toISOString(),
    recipient: [{ display: 'Privacy officer' }],
    payload: [{ contentString: sentenceOfHit(hit) }],
  });
}
