/**
 * What the server keeps of a glass that was broken: a Task, by which a privacy officer reviews it within 72 hours, and a Communication to those who lead
 * the care of the patient (`Patient.generalPractitioner`), who know best whether there was an emergency. Of a patient without one it has no recipient: whoever
 * reads the record finds it there.
 *
 * Choices: both are kept from the patient (NOPAT), who learns of it from the audit trail and from people. The Task is as confidential as the patient, and restricted (R) at
 * least: it says the reason, which is clinical. The Communication says none, and has no level, so that whoever leads the care reads it, whatever their role is cleared for.
 * https://hl7.org/fhir/R4/task.html, https://hl7.org/fhir/R4/communication.html
 */
import { BREAKING } from '../../access/glasses.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import { type Confidentiality, placeOfLevel, protectedAs, protectionIn } from '../../fhir/security-labels.js';
import type { Principal } from '../../identity/principal.js';

const REVIEW = { system: 'urn:chartroom:task', code: 'btg-review', display: 'Review of a broken glass' } as const;
const TOLD = { system: 'urn:chartroom:communication', code: 'btg-notice', display: 'A broken glass' } as const;
const ACT_REASON = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';
/** Of a Task. */
const LEAST: Confidentiality = 'R';
/** ms in which a privacy officer is to look at it. */
const REVIEW_TIME = 72 * 60 * 60_000;

export interface GlassBreak {
  readonly principal: Principal;
  readonly patient: string;
  readonly reason: string;
  /** ms since 1970. */
  readonly now: number;
  /** Id of the Task. */
  readonly review: string;
  /** How confidential the patient is. */
  readonly level: Confidentiality;
  /** References. */
  readonly leads: readonly JsonObject[];
}

/** For whoever looks after privacy. */
export const reviewTask = ({ principal, patient, reason, now, level }: GlassBreak): Resource => ({
  resourceType: 'Task',
  meta: protectedAs(placeOfLevel(level) > placeOfLevel(LEAST) ? level : LEAST),
  status: 'requested',
  intent: 'order',
  priority: 'urgent',
  code: { coding: [{ ...REVIEW }] },
  description: 'The glass was broken for this patient. Look whether there was an emergency, and what was looked at.',
  for: { reference: `Patient/${patient}` },
  authoredOn: new Date(now).toISOString(),
  requester: { identifier: whoAsked(principal) },
  reasonCode: { coding: [{ system: ACT_REASON, code: BREAKING }], text: reason },
  restriction: { period: { end: new Date(now + REVIEW_TIME).toISOString() } },
});

/** For those who lead the care. */
export const noticeToCare = ({ principal, patient, now, review, leads }: GlassBreak): Resource => ({
  resourceType: 'Communication',
  meta: protectedAs(),
  status: 'completed',
  category: [{ coding: [{ ...TOLD }] }],
  priority: 'urgent',
  subject: { reference: `Patient/${patient}` },
  about: [{ reference: `Task/${review}` }],
  sent: new Date(now).toISOString(),
  ...(leads.length > 0 ? { recipient: [...leads] } : {}),
  sender: { identifier: whoAsked(principal) },
  reasonCode: [{ coding: [{ system: ACT_REASON, code: BREAKING }] }],
  payload: [
    {
      contentString:
        'The glass was broken for your patient. A privacy officer reviews it; tell them what you know of it.',
    },
  ],
});

/** How confidential a patient is. Of one that is too large to be looked into it is not known, and the most is taken. */
export const levelOfPatient = (patient: Resource | undefined): Confidentiality =>
  patient ? protectionIn(patient).level : 'V';

/** References to who leads the care of a patient; those to what the Patient contains are none of anybody. */
export function careLeadsOf(patient: Resource | undefined): readonly JsonObject[] {
  return itemsOf(patient?.['generalPractitioner']).flatMap(each => {
    if (!isObject(each)) return [];
    const { reference, identifier, type, display } = each;
    const isNamed = typeof reference === 'string' ? !reference.startsWith('#') : identifier !== undefined;
    return isNamed ? [only({ reference, identifier, type, display })] : [];
  });
}

const only = (members: Readonly<Record<string, Json | undefined>>): JsonObject =>
  Object.fromEntries(Object.entries(members).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));

/** What a review or a notice says of what it is about; undefined: the resource is neither. */
export function fixedInGlassRecord(resource: Resource): readonly string[] | undefined {
  if (resource.resourceType === 'Task') return hasCoding(resource['code'], REVIEW) ? FIXED_IN_TASK : undefined;
  const categories = itemsOf(resource['category']);
  return categories.some(each => hasCoding(each, TOLD)) ? FIXED_IN_NOTICE : undefined;
}

const FIXED_IN_TASK = [
  ...['code', 'for', 'authoredOn', 'requester', 'reasonCode', 'restriction', 'description', 'intent', 'priority'],
] as const;
/** A recipient may say when it came (`received`), and what they know (`note`). */
const FIXED_IN_NOTICE = [
  ...['status', 'category', 'priority', 'subject', 'about', 'sent', 'recipient', 'sender', 'reasonCode', 'payload'],
] as const;

/** One of these stands in the text of such a record: any character may be written as an escape. */
export const IN_GLASS_RECORDS = [REVIEW.code, TOLD.code, '\\u'] as const;

const hasCoding = (concept: Json | undefined, { system, code }: typeof REVIEW | typeof TOLD): boolean =>
  isObject(concept) &&
  itemsOf(concept['coding']).some(each => isObject(each) && each['system'] === system && each['code'] === code);

/** As the audit trail names them. */
export const whoAsked = ({ name = '', issuer, subject }: Principal): JsonObject =>
  issuer !== undefined && subject !== undefined ? { system: issuer, value: subject } : { value: name };
