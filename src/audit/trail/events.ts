/**
 * Kept records → their AuditEvents, as versions that a search can test: it looks at thousands to find a few. Records of one form (same
 * interaction, outcome, user …) give events that differ in a handful of values, so the event of a form is made and indexed once, with
 * markers in the places of those values, and later records fill them in. That filling in gives exactly what making and extracting anew
 * would give is what the unit test compares.
 */
import { randomBytes, randomInt } from 'node:crypto';
import type { Resource } from '../../fhir/resource.js';
import { escapeString } from '../../fhir/json/print.js';
import type { IndexEntry } from '../../search/entry.js';
import { extract, extractSome } from '../../search/extract.js';
import type { Subject } from '../../search/match.js';
import { normalise } from '../../search/normalise.js';
import type { SearchParameters } from '../../search/parameters.js';
import type { Version } from '../../store/store.js';
import { auditEvent, type AuditRecord } from '../event.js';
import { eventId, type KeptDeed } from './deed.js';
import { partsOfRecord } from './parts.js';
import { eventFits, type Needed } from './keys.js';

export const EVENT = 'AuditEvent';

/** One event of a record. Its entries and its text are made when they are asked for. */
export interface RecordedEvent extends Subject {
  version(): Version;
}

/**
 * The events of a record in their order: one per patient, or one where no patient is concerned (AUD-1). With `keys` those alone that have
 * one of each list. Their entries are those of the standard's parameters, and of the custom ones that are `asked`.
 */
export type EventMaker = (
  kept: KeptDeed,
  keys?: Needed['keys'],
  asked?: ReadonlySet<string>,
) => readonly RecordedEvent[];

/** The values that differ between records of one form, as they stand in the event. */
interface Values {
  readonly id: string;
  readonly at: number;
  readonly recorded: string;
  readonly address: string;
  readonly requestId: string;
  readonly correlationId: string;
  readonly request: string;
  readonly dataId: string;
  readonly dataVersion: string;
  readonly hash: string;
  readonly patient: string;
  /** As it stands in the URI of a policy; empty: there is none. */
  readonly tokenId: string;
}

/** Those that stand in the text: all but `at`, which is there as `recorded`. */
type EventSlot = Exclude<keyof Values, 'at'>;

interface EventForm {
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
  correlationId: `${secret}-correlation-id`,
  request: Buffer.from(`${secret}-request`).toString('base64'),
  dataId: `${secret}-data`,
  dataVersion: String(randomInt(1e14, 2e14)),
  hash: `${secret}-hash`,
  patient: `${secret}-patient`,
  tokenId: `${secret}-token`,
};
const SLOTS = (Object.keys(MARKS) as (keyof Values)[]).filter((slot): slot is EventSlot => slot !== 'at');
const BETWEEN = new RegExp(SLOTS.map(slot => MARKS[slot].replaceAll(/[.+]/g, '\\$&')).join('|'), 'g');
const SLOT_OF = new Map(SLOTS.map(slot => [MARKS[slot], slot]));
/** Forms differ by user and kind of request: a trail that is walked has many in turn. */
const MAX_FORMS = 2000;

export function createEventMaker(parameters: SearchParameters, bases: readonly string[]): EventMaker {
  const forms = new Map<string, EventForm>();
  let { generation } = parameters;
  const formOf = (record: AuditRecord, patient: string | undefined): EventForm => {
    const { interaction, subtype, pattern, outcome, why, principal, agent, base, data } = record;
    const { asks, operation, dataType, hash, correlationId } = record;
    const name = [
      ...[interaction, pattern, outcome, why, agent, base, patient === undefined],
      ...[principal.name, principal.role, principal.issuer, principal.client, principal.purpose],
      ...[principal.subject, principal.tokenId === undefined, principal.glass === undefined],
      ...[data?.type, data?.version === undefined, subtype?.system, subtype?.code, subtype?.display, subtype?.dataRole],
      ...[asks, operation, dataType, hash === undefined, correlationId === undefined],
    ].join('\u0000');
    let form = forms.get(name);
    if (!form) {
      if (forms.size >= MAX_FORMS) forms.clear();
      form = makeForm(record, patient === undefined ? undefined : MARKS.patient, parameters, bases);
      forms.set(name, form);
    }
    return form;
  };
  const eventOf = (
    id: string,
    record: AuditRecord,
    patient: string | undefined,
    asked: ReadonlySet<string> | undefined,
  ): RecordedEvent => {
    // What is said beside is rare.
    if (record.details || record.consents) {
      const text = JSON.stringify(auditEvent(record, patient, id));
      return new WholeEvent(id, record.at, text, patientsOfEvent(record, patient), parameters, bases);
    }
    if (parameters.generation !== generation) {
      forms.clear();
      ({ generation } = parameters);
    }
    return new FilledEvent(id, record, patient, formOf(record, patient), asked && customEntries(asked));
  };
  /** What a custom parameter makes of a marker cannot be filled in. */
  const customEntries = (asked: ReadonlySet<string>): CustomEntries | undefined => {
    const codes = [...parameters.customOf(EVENT)].filter(code => asked.has(code));
    if (codes.length === 0) return undefined;
    return text => extractSome(JSON.parse(text) as Resource, parameters, { bases }, codes);
  };
  return (kept, keys = [], asked) => {
    const { id, at, record, event } = kept;
    if (event !== undefined) return [new WholeEvent(id, at, event, [], parameters, bases)];
    if (!record) return [];
    const fits = keys.length === 0 ? () => true : eventFits({ id, at, record }, keys);
    return partsOfRecord(record).flatMap(({ part, patient }, number) =>
      fits(patient) ? [eventOf(eventId(id, number), part, patient, asked)] : [],
    );
  };
}

const versionOf = (id: string, at: number, text: string, patients: readonly string[]): Version => ({
  ...{ type: EVENT, id, version: 1, updated: at, method: 'POST' },
  ...{ text: Buffer.from(text), patients },
});

/** Extracted as any resource is. */
class WholeEvent implements RecordedEvent {
  readonly type = EVENT;
  readonly id: string;
  readonly updated: number;
  readonly #text: string;
  readonly #patients: readonly string[];
  readonly #extract: () => readonly IndexEntry[];
  #entries: readonly IndexEntry[] | undefined;

  constructor(
    id: string,
    at: number,
    text: string,
    patients: readonly string[],
    parameters: SearchParameters,
    bases: readonly string[],
  ) {
    this.id = id;
    this.updated = at;
    this.#text = text;
    this.#patients = patients;
    this.#extract = () => extract(JSON.parse(text) as Resource, parameters, { bases });
  }

  get entries(): readonly IndexEntry[] {
    return (this.#entries ??= this.#extract());
  }

  version(): Version {
    return versionOf(this.id, this.updated, this.#text, this.#patients);
  }
}

type CustomEntries = (text: string) => readonly IndexEntry[];

class FilledEvent implements RecordedEvent {
  readonly type = EVENT;
  readonly id: string;
  readonly #record: AuditRecord;
  readonly #patient: string | undefined;
  readonly #form: EventForm;
  readonly #custom: CustomEntries | undefined;
  #values: Values | undefined;
  #entries: readonly IndexEntry[] | undefined;

  constructor(
    id: string,
    record: AuditRecord,
    patient: string | undefined,
    form: EventForm,
    custom: CustomEntries | undefined,
  ) {
    this.id = id;
    this.#record = record;
    this.#patient = patient;
    this.#form = form;
    this.#custom = custom;
  }

  get updated(): number {
    return this.#record.at;
  }

  get entries(): readonly IndexEntry[] {
    const values = this.#filling();
    if (this.#entries) return this.#entries;
    const entries = this.#form.entries.map(fill => fill(values));
    if (this.#custom) entries.push(...this.#custom(this.#text()));
    return (this.#entries = entries);
  }

  version(): Version {
    return versionOf(this.id, this.updated, this.#text(), patientsOfEvent(this.#record, this.#patient));
  }

  #text(): string {
    const values = this.#filling();
    const { pieces, slots } = this.#form;
    let text = pieces[0]!;
    for (let i = 0; i < slots.length; i++) text += escapeString(values[slots[i]!]) + pieces[i + 1]!;
    return text;
  }

  #filling(): Values {
    const { at, address, requestId, correlationId = '', request, asks, data, hash = '', principal } = this.#record;
    return (this.#values ??= {
      ...{ id: this.id, at, recorded: new Date(at).toISOString(), address, requestId, correlationId },
      request: data && !asks ? '' : Buffer.from(request).toString('base64'),
      dataId: data?.id ?? '',
      dataVersion: String(data?.version ?? ''),
      hash,
      patient: this.#patient ?? '',
      tokenId: encodeURIComponent(principal.tokenId ?? ''),
    });
  }
}

/** The event is about the patient, and about the data where that is a Patient. */
function patientsOfEvent({ data }: AuditRecord, patient: string | undefined): string[] {
  const about = data?.type === 'Patient' ? [data.id] : [];
  if (patient !== undefined && patient !== about[0]) about.push(patient);
  return about;
}

function makeForm(
  record: AuditRecord,
  patient: string | undefined,
  parameters: SearchParameters,
  bases: readonly string[],
): EventForm {
  const marked: AuditRecord = {
    ...record,
    at: MARKS.at,
    address: MARKS.address,
    requestId: MARKS.requestId,
    ...(record.correlationId === undefined ? {} : { correlationId: MARKS.correlationId }),
    request: `${secret}-request`,
    principal:
      record.principal.tokenId === undefined ? record.principal : { ...record.principal, tokenId: MARKS.tokenId },
    ...(record.data ? { data: markedData(record.data) } : {}),
    ...(record.hash === undefined ? {} : { hash: MARKS.hash }),
  };
  const event = auditEvent(marked, patient, MARKS.id);
  const text = JSON.stringify(event);
  const custom = parameters.customOf(EVENT);
  const standard = [...parameters.of(EVENT).keys()].filter(code => !custom.has(code));
  const entries = new Map(
    extractSome(event, parameters, { bases }, standard).map(entry => [JSON.stringify(entry), entry]),
  );
  return {
    pieces: text.split(BETWEEN),
    slots: [...text.matchAll(BETWEEN)].map(([mark]) => SLOT_OF.get(mark)!),
    entries: [...entries.values()].map(filler),
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
