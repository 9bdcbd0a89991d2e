/**
 * Audit records → the Changes that keep them, for the hottest path of the server: every read passes here. Records of
 * one shape (same interaction, outcome, user …) give events that differ in a handful of values, so the event of a shape
 * is made and indexed once, with markers in the places of those values, and later records fill them in. That filling
 * in gives exactly what making and extracting anew would give is what the unit test compares.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { escapeString } from '../fhir/json/print.js';
import type { Resource } from '../fhir/resource.js';
import { newId } from '../platform/ids.js';
import type { IndexEntry } from '../search/entry.js';
import { extract } from '../search/extract.js';
import { normalise } from '../search/normalise.js';
import type { SearchParameters } from '../search/parameters.js';
import type { Change } from '../store/store.js';
import { auditEvent, type AuditRecord } from './event.js';

/** One Change per patient, or one where no patient is concerned (AUD-1). */
export type Recorder = (record: AuditRecord) => Change[];

/** The values that differ between records of one shape, as they stand in the event. */
interface Values {
  readonly id: string;
  readonly at: number;
  readonly recorded: string;
  readonly address: string;
  readonly requestId: string;
  readonly request: string;
  readonly dataId: string;
  readonly dataVersion: string;
  readonly patient: string;
  /** As it stands in the URI of a policy; empty: there is none. */
  readonly tokenId: string;
}

/** Those that stand in the text: all but `at`, which is there as `recorded`. */
type EventSlot = Exclude<keyof Values, 'at'>;

interface EventShape {
  /** The text between the values, each of which stands inside a JSON string. */
  readonly pieces: readonly string[];
  /** What stands after each piece but the last. */
  readonly slots: readonly EventSlot[];
  readonly entries: readonly ((values: Values) => IndexEntry)[];
}

const AT = Date.UTC(2001, 1, 3, 4, 5, 6, 789);
/** Nobody can know them, so that no name or address of a caller is taken for one. */
const secret = randomBytes(8).toString('hex');
const MARKS: Values = {
  id: `${secret}-id`,
  at: AT,
  recorded: new Date(AT).toISOString(),
  address: `${secret}-address`,
  requestId: `${secret}-request-id`,
  request: Buffer.from(`${secret}-request`).toString('base64'),
  dataId: `${secret}-data`,
  dataVersion: String(randomInt(1e14, 2e14)),
  patient: `${secret}-patient`,
  tokenId: `${secret}-token`,
};
const SLOTS = (Object.keys(MARKS) as (keyof Values)[]).filter((slot): slot is EventSlot => slot !== 'at');
const BETWEEN = new RegExp(SLOTS.map(slot => MARKS[slot].replaceAll(/[.+]/g, '\\$&')).join('|'), 'g');
const SLOT_OF = new Map(SLOTS.map(slot => [MARKS[slot], slot]));
/** Shapes differ by user and kind of request: far fewer than this, unless somebody plays with us. */
const MAX_SHAPES = 2000;

export function createRecorder(parameters: SearchParameters, bases: readonly string[]): Recorder {
  const shapes = new Map<string, EventShape>();
  let { generation } = parameters;
  const shapeOf = (record: AuditRecord, patient: string | undefined): EventShape => {
    const { interaction, subtype, pattern, outcome, why, principal, agent, data } = record;
    const versioned = data?.version !== undefined;
    const { name: who, role, issuer, client, purpose, tokenId, glass } = principal;
    const key = [
      interaction,
      pattern,
      outcome,
      why,
      who,
      role,
      issuer,
      client,
      purpose,
      tokenId === undefined,
      glass === undefined,
      data?.type,
      versioned,
      patient === undefined,
    ];
    if (agent !== undefined || subtype) key.push(agent, subtype?.system, subtype?.code);
    const name = key.join('\u0000');
    let shape = shapes.get(name);
    if (!shape) {
      if (shapes.size >= MAX_SHAPES) shapes.clear();
      shape = makeShape(record, patient === undefined ? undefined : MARKS.patient, parameters, bases);
      shapes.set(name, shape);
    }
    return shape;
  };
  const one = (record: AuditRecord, patient: string | undefined): Change => {
    // What a custom parameter makes of a marker cannot be filled in; what is said beside is rare.
    if (record.details || parameters.hasCustom('AuditEvent')) return unshapedEvent(record, patient, parameters, bases);
    if (parameters.generation !== generation) {
      shapes.clear();
      ({ generation } = parameters);
    }
    const values: Values = {
      id: newId(record.at),
      at: record.at,
      recorded: new Date(record.at).toISOString(),
      address: record.address,
      requestId: record.requestId,
      request: record.data ? '' : Buffer.from(record.request).toString('base64'),
      dataId: record.data?.id ?? '',
      dataVersion: String(record.data?.version ?? ''),
      patient: patient ?? '',
      tokenId: encodeURIComponent(record.principal.tokenId ?? ''),
    };
    const { pieces, slots, entries } = shapeOf(record, patient);
    let text = pieces[0]!;
    for (let i = 0; i < slots.length; i++) text += escapeString(values[slots[i]!]) + pieces[i + 1]!;
    return {
      type: 'AuditEvent',
      id: values.id,
      version: 1,
      updated: record.at,
      method: 'POST',
      text: Buffer.from(text),
      entries: entries.map(fill => fill(values)),
      patients: patientsOfEvent(record, patient),
    };
  };
  return record => {
    const { patients, request } = record;
    if (patients.length === 0) return [one(record, undefined)];
    if (patients.length * request.length <= WHOLE || record.data) return patients.map(patient => one(record, patient));
    const brief = { ...record, request: `${request.slice(0, MAX_BRIEF_REQUEST)}…` };
    return [one(record, undefined), ...patients.map(patient => one(brief, patient))];
  };
}

/**
 * A search that names a thousand patients names them in the event of each: a million names. Where the events of a
 * record would take more characters than this for its request, one event without a patient has the whole, and each of
 * the others its beginning; their request id joins them.
 */
const WHOLE = 4_000_000;
const MAX_BRIEF_REQUEST = 500;

/** The event made and extracted as any resource is. */
function unshapedEvent(
  record: AuditRecord,
  patient: string | undefined,
  parameters: SearchParameters,
  bases: readonly string[],
): Change {
  const event = auditEvent(record, patient, newId(record.at));
  return changeOfEvent(event, record.at, patientsOfEvent(record, patient), { parameters, bases });
}

/** The Change that keeps an event. `at`: ms since 1970; `patients`: ids of those whom it is about. */
export const changeOfEvent = (
  event: Resource,
  at: number,
  patients: readonly string[],
  { parameters, bases }: { readonly parameters: SearchParameters; readonly bases: readonly string[] },
): Change => ({
  type: 'AuditEvent',
  id: typeof event['id'] === 'string' ? event['id'] : '',
  version: 1,
  updated: at,
  method: 'POST',
  text: Buffer.from(JSON.stringify(event)),
  entries: extract(event, parameters, { bases }),
  patients,
});

/** The event is about the patient, and about the data where that is a Patient. */
function patientsOfEvent({ data }: AuditRecord, patient: string | undefined): string[] {
  const about = data?.type === 'Patient' ? [data.id] : [];
  if (patient !== undefined && patient !== about[0]) about.push(patient);
  return about;
}

function makeShape(
  record: AuditRecord,
  patient: string | undefined,
  parameters: SearchParameters,
  bases: readonly string[],
): EventShape {
  const marked: AuditRecord = {
    ...record,
    at: MARKS.at,
    address: MARKS.address,
    requestId: MARKS.requestId,
    request: `${secret}-request`,
    principal:
      record.principal.tokenId === undefined ? record.principal : { ...record.principal, tokenId: MARKS.tokenId },
    ...(record.data ? { data: markedData(record.data) } : {}),
  };
  const event = auditEvent(marked, patient, MARKS.id);
  const text = JSON.stringify(event);
  return {
    pieces: text.split(BETWEEN),
    slots: [...text.matchAll(BETWEEN)].map(([mark]) => SLOT_OF.get(mark)!),
    entries: extract(event, parameters, { bases }).map(filler),
  };
}

const markedData = ({ type, version }: NonNullable<AuditRecord['data']>): NonNullable<AuditRecord['data']> => ({
  type,
  id: MARKS.dataId,
  ...(version === undefined ? {} : { version: Number(MARKS.dataVersion) }),
});

/** How an entry of the marked event follows from the values. */
function filler(entry: IndexEntry): (values: Values) => IndexEntry {
  switch (entry.kind) {
    case 'date':
      if (entry.low === MARKS.at) return ({ at }) => ({ ...entry, low: at, high: at });
      break;
    case 'token': {
      const slot = SLOT_OF.get(entry.code);
      if (slot) return values => ({ ...entry, code: values[slot] });
      break;
    }
    case 'identifier': {
      const slot = SLOT_OF.get(entry.value);
      if (slot) return values => ({ ...entry, value: values[slot] });
      break;
    }
    case 'string':
      if (entry.raw === MARKS.address) return ({ address }) => ({ ...entry, raw: address, norm: normalise(address) });
      break;
    case 'uri':
      if (entry.value.endsWith(MARKS.tokenId))
        return ({ tokenId }) => ({ ...entry, value: entry.value.slice(0, -MARKS.tokenId.length) + tokenId });
      break;
    case 'reference': {
      const slot = SLOT_OF.get(entry.id);
      if (slot && entry.version === undefined) return values => ({ ...entry, id: values[slot] });
      if (slot) return values => ({ ...entry, id: values[slot], version: values.dataVersion });
      break;
    }
    default:
  }
  return () => entry;
}
