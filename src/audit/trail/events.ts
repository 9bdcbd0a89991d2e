/**
 * Kept records → their AuditEvents, as versions that a search can test: it looks at thousands to find a few. Records of one form (same
 * interaction, outcome, user …) give events that differ in a handful of values, so the event of a form is made and indexed once, with
 * markers in the places of those values, and later records fill them in. That filling in gives exactly what making and extracting anew
 * would give is what the unit test compares.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { noteFilled, type TextForm } from '../../fhir/filled.js';
import type { Resource } from '../../fhir/resource.js';
import { escapeString } from '../../fhir/json/print.js';
import type { IndexEntry } from '../../search/entry.js';
import { extract, extractSome } from '../../search/extract.js';
import type { Subject } from '../../search/match.js';
import { normalise } from '../../search/normalise.js';
import type { SearchParameters } from '../../search/parameters.js';
import type { Version } from '../../store/store.js';
import { auditEvent, type AuditRecord } from '../event.js';
import { eventId, type KeptDeed, type KeptShape } from './deed.js';
import { type EventOfRecord, partsOfRecord } from './parts.js';
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

/** Those that stand in the text, under their names in the order in which they are looked for. */
/** What differs between records of one form and stands in the text of an event. */
type EventSlot =
  | ('id' | 'recorded' | 'name' | 'subject' | 'address' | 'requestId' | 'correlationId' | 'request')
  | ('dataId' | 'dataVersion' | 'hash' | 'patient')
  /** As it stands in the URI of a policy; empty: there is none. */
  | 'tokenId';
type TextValues = Readonly<Record<EventSlot, string>>;

/** All that differs. */
interface Values extends TextValues {
  readonly at: number;
}

interface EventForm extends TextForm {
  /** The text between the values, each of which stands inside a JSON string. */
  readonly pieces: readonly string[];
  /** What stands after each piece but the last. */
  readonly slots: readonly EventSlot[];
  readonly entries: readonly Fill[];
  /** The same by their parameters. */
  readonly byParameter: ReadonlyMap<string, EntriesOfForm>;
}

/** Those that all events of the form have, and those that are filled in. */
interface EntriesOfForm {
  readonly same: readonly IndexEntry[];
  readonly fills: readonly Fill[];
}

type Fill = (values: Values) => IndexEntry;

const NO_ENTRIES: EntriesOfForm = { same: [], fills: [] };

const AT = Date.UTC(2001, 1, 3, 4, 5, 6, 789);
/** Nobody can know them, so that no name or address of a caller is taken for one. */
const secret = randomBytes(8).toString('hex');
const MARKS: Values = {
  id: `${secret}-id`,
  at: AT,
  recorded: new Date(AT).toISOString(),
  name: `${secret}-name`,
  subject: `${secret}-subject`,
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
const MARKS_IN_TEXT = Object.fromEntries(SLOTS.map(slot => [slot, MARKS[slot]]));
const BETWEEN = new RegExp(SLOTS.map(slot => MARKS[slot].replaceAll(/[.+]/g, '\\$&')).join('|'), 'g');
const SLOT_OF = new Map(SLOTS.map(slot => [MARKS[slot], slot]));
/** Forms differ by kind of request, role and application: a trail that is walked has many in turn. */
const MAX_FORMS = 2000;

/** Names that begin otherwise may be empty, or nothing but blanks, of which there is no entry: they are part of the form. */
const isFilledIn = (name: string | undefined): name is string => name !== undefined && /^[!-~]/.test(name);
const areFilledIn = ({ name, subject }: AuditRecord['principal']): boolean =>
  (name === undefined || isFilledIn(name)) && (subject === undefined || isFilledIn(subject));

export function createEventMaker(parameters: SearchParameters, bases: readonly string[]): EventMaker {
  const forms = new Map<string, EventForm>();
  /** Of deeds of one shape, about no patient and about one. */
  const ofShapes = new Map<KeptShape, [EventForm?, EventForm?]>();
  let { generation } = parameters;
  const formOfShape = (shape: KeptShape, record: AuditRecord, patient: string | undefined): EventForm => {
    let both = ofShapes.get(shape);
    if (!both) {
      if (ofShapes.size >= MAX_FORMS) ofShapes.clear();
      ofShapes.set(shape, (both = []));
    }
    return (both[patient === undefined ? 0 : 1] ??= formOf(record, patient));
  };
  const formOf = (record: AuditRecord, patient: string | undefined): EventForm => {
    const { interaction, subtype, pattern, outcome, why, principal, agent, base, data } = record;
    const { asks, operation, dataType, hash, correlationId } = record;
    const apart = (value: string | undefined): readonly (string | boolean | undefined)[] =>
      isFilledIn(value) ? [true, ''] : [value === undefined, value];
    const name = [
      ...[interaction, pattern, outcome, why, agent, base, patient === undefined],
      ...[...apart(principal.name), ...apart(principal.subject), principal.name === undefined],
      ...[principal.subject === undefined, principal.role, principal.issuer, principal.client, principal.purpose],
      ...[principal.tokenId === undefined, principal.glass === undefined],
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
    { part: record, patient }: EventOfRecord,
    shape: KeptShape | undefined,
    asked: ReadonlySet<string> | undefined,
  ): RecordedEvent => {
    // What is said beside is rare.
    if (record.details || record.consents) {
      const text = JSON.stringify(auditEvent(record, patient, id));
      return new WholeEvent(id, record.at, text, patientsOfEvent(record, patient), parameters, bases);
    }
    if (parameters.generation !== generation) {
      forms.clear();
      ofShapes.clear();
      ({ generation } = parameters);
    }
    const form = shape && areFilledIn(record.principal) ? formOfShape(shape, record, patient) : formOf(record, patient);
    return new FilledEvent(id, record, patient, form, asked && customEntries(asked));
  };
  /** What a custom parameter makes of a marker cannot be filled in. */
  const customEntries = (asked: ReadonlySet<string>): CustomEntries | undefined => {
    const codes = [...parameters.customOf(EVENT)].filter(code => asked.has(code));
    if (codes.length === 0) return undefined;
    return text => extractSome(JSON.parse(text) as Resource, parameters, { bases }, codes);
  };
  return (kept, keys = [], asked) => {
    const { id, at, record, event, shape } = kept;
    if (event !== undefined) return [new WholeEvent(id, at, event, [], parameters, bases)];
    if (!record) return [];
    // Of a single event it would cost more to look at the keys than at what is asked.
    const fits = keys.length === 0 || record.patients.length < 2 ? () => true : eventFits({ id, at, record }, keys);
    return partsOfRecord(record).flatMap((each, number) =>
      fits(each.patient) ? [eventOf(eventId(id, number), each, shape, asked)] : [],
    );
  };
}

/** Its text is made when somebody looks at it. */
function versionOf(id: string, at: number, text: () => string, patients: readonly string[]): Version {
  let made: Buffer | undefined;
  return {
    ...{ type: EVENT, id, version: 1, updated: at, method: 'POST', patients },
    get text() {
      return (made ??= Buffer.from(text()));
    },
  };
}

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
    return versionOf(this.id, this.updated, () => this.#text, this.#patients);
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
    if (this.#entries) return this.#entries;
    const values = this.#filling();
    const entries = this.#form.entries.map(fill => fill(values));
    if (this.#custom) entries.push(...this.#custom(this.#text()));
    return (this.#entries = entries);
  }

  entriesOf(code: string): readonly IndexEntry[] {
    if (this.#custom) return this.entries.filter(({ parameter }) => parameter === code);
    const { same, fills } = this.#form.byParameter.get(code) ?? NO_ENTRIES;
    if (fills.length === 0) return same;
    const values = this.#filling();
    return [...same, ...fills.map(fill => fill(values))];
  }

  version(): Version {
    const { id, updated } = this;
    const row = versionOf(id, updated, () => this.#text(), patientsOfEvent(this.#record, this.#patient));
    const values: TextValues = this.#filling();
    noteFilled(row, { form: this.#form, values, at: updated });
    return row;
  }

  #text(): string {
    const values = this.#filling();
    const { pieces, slots } = this.#form;
    let text = pieces[0]!;
    for (let i = 0; i < slots.length; i++) text += escapeString(values[slots[i]!]) + pieces[i + 1]!;
    return text;
  }

  #filling(): Values {
    return new Filling(this.id, this.#record, this.#patient);
  }
}

/** Each value is made when it is needed: most events that are looked at have no more than one or two. */
class Filling implements Values {
  readonly id: string;
  readonly #record: AuditRecord;
  readonly patient: string;

  constructor(id: string, record: AuditRecord, patient = '') {
    this.id = id;
    this.#record = record;
    this.patient = patient;
  }

  get at(): number {
    return this.#record.at;
  }

  get recorded(): string {
    return new Date(this.#record.at).toISOString();
  }

  get name(): string {
    return this.#record.principal.name ?? '';
  }

  get subject(): string {
    return this.#record.principal.subject ?? '';
  }

  get address(): string {
    return this.#record.address;
  }

  get requestId(): string {
    return this.#record.requestId;
  }

  get correlationId(): string {
    return this.#record.correlationId ?? '';
  }

  get request(): string {
    return Buffer.from(this.#record.request).toString('base64');
  }

  get dataId(): string {
    return this.#record.data?.id ?? '';
  }

  get dataVersion(): string {
    return String(this.#record.data?.version ?? '');
  }

  get hash(): string {
    return this.#record.hash ?? '';
  }

  get tokenId(): string {
    return encodeURIComponent(this.#record.principal.tokenId ?? '');
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
    principal: markedPrincipal(record.principal),
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
  const fills = [...entries.values()].map(entry => filler(entry) ?? (() => entry));
  const byParameter = new Map<string, EntriesOfForm>();
  for (const entry of entries.values()) {
    const { same, fills: some } = byParameter.get(entry.parameter) ?? NO_ENTRIES;
    const fill = filler(entry);
    byParameter.set(entry.parameter, fill ? { same, fills: [...some, fill] } : { same: [...same, entry], fills: some });
  }
  return {
    ...{ text, marks: MARKS_IN_TEXT },
    pieces: text.split(BETWEEN),
    slots: [...text.matchAll(BETWEEN)].map(([mark]) => SLOT_OF.get(mark)!),
    ...{ entries: fills, byParameter },
  };
}

const markedPrincipal = (principal: AuditRecord['principal']): AuditRecord['principal'] => ({
  ...principal,
  ...(isFilledIn(principal.name) ? { name: MARKS.name } : {}),
  ...(isFilledIn(principal.subject) ? { subject: MARKS.subject } : {}),
  ...(principal.tokenId === undefined ? {} : { tokenId: MARKS.tokenId }),
});

const markedData = ({ type, version }: NonNullable<AuditRecord['data']>): NonNullable<AuditRecord['data']> => ({
  type,
  id: MARKS.dataId,
  ...(version === undefined ? {} : { version: Number(MARKS.dataVersion) }),
});

/** How an entry of the marked event follows from the values; undefined: it is the same in all events. */
function filler(entry: IndexEntry): Fill | undefined {
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
    case 'string': {
      const slot = SLOT_OF.get(entry.raw);
      if (slot) return values => ({ ...entry, raw: values[slot], norm: normalise(values[slot]) });
      break;
    }
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
  return undefined;
}
