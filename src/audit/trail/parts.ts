/** Which events a record stands for: one per patient, or one where no patient is concerned (https://profiles.ihe.net/ITI/BALP, row AUD-1). */
import { type AuditRecord, auditEvent } from '../event.js';
import { countEvents, eventId, isTooLongForEach, type KeptDeed } from './deed.js';

export interface EventOfRecord {
  /** What the event says. */
  readonly part: AuditRecord;
  readonly patient: string | undefined;
}

/**
 * A search that names a thousand patients names them in the event of each: a million names. Where the events of a
 * record would take too many characters for its request, one event without a patient has the whole, and each of
 * the others its beginning; their request id joins them.
 */
const MAX_BRIEF_REQUEST = 500;

/** In the order of the numbers that their ids end with. */
export function partsOfRecord(record: AuditRecord): readonly EventOfRecord[] {
  const { patients, request } = record;
  if (patients.length === 0) return [{ part: record, patient: undefined }];
  if (!isTooLongForEach(record)) return patients.map(patient => ({ part: record, patient }));
  const part = { ...record, request: `${request.slice(0, MAX_BRIEF_REQUEST)}…` };
  return [{ part: record, patient: undefined }, ...patients.map(patient => ({ part, patient }))];
}

/** The texts of the AuditEvents of a deed, made anew one by one: what events.ts gives, without an index. */
export function* eventTextsOf({ id, record, event }: KeptDeed): Generator<string> {
  if (event !== undefined) yield event;
  if (!record) return;
  for (const [number, { part, patient }] of partsOfRecord(record).entries())
    yield JSON.stringify(auditEvent(part, patient, eventId(id, number)));
}

/** How many events a deed stands for. */
export const eventsOfDeed = ({ record, event }: KeptDeed): number =>
  record ? countEvents(record) : event === undefined ? 0 : 1;
