/**
 * An audit record as the deed that a store keeps (store/deeds.ts), and back. What many records have in common is their shape, kept
 * once; a deed has the number of its shape and the values that differ, so that it takes a hundred bytes or two where its events
 * would take some thousand each.
 *
 * The events of a deed follow from it alone (events.ts). Their ids are that of the deed, and from the second one on `-1`, `-2` … behind it.
 */
import { newId } from '../../platform/ids.js';
import type { RefusingConsent } from '../../fhir/error.js';
import type { Resource } from '../../fhir/resource.js';
import type { Deed, DeedShape } from '../../store/deeds.js';
import type { AuditDetail, AuditRecord } from '../event.js';
import type { Principal } from '../../identity/principal.js';
import { DeedReader, DeedWriter, YEAR_ONE } from '../../store/deed-bytes.js';
import { shapeOfText } from '../../store/ledger-entry.js';
import { keysOfDeed } from './keys.js';

/** A deed that was kept: a record, an event that was made as a whole, or an entry of the ledger, of which there is no event. */
export type KeptDeed = {
  /** Of its first event. */
  readonly id: string;
  /** ms since 1970. */
  readonly at: number;
  /** Of a record that was read: equal records of one shape have the same. */
  readonly shape?: KeptShape;
} & (
  | { readonly record: AuditRecord; readonly event?: never; readonly entry?: never }
  | { readonly event: string; readonly record?: never; readonly entry?: never }
  /** A JSON object: see audit/ledger/entry.ts. */
  | { readonly entry: string; readonly record?: never; readonly event?: never }
);

/** Far more than there are of interactions, outcomes and roles together. */
const MAX_SHAPES = 10_000;

const PRINCIPAL_VALUES = ['name', 'subject', 'tokenId', 'glass'] as const satisfies readonly (keyof Principal)[];
type PrincipalValue = (typeof PRINCIPAL_VALUES)[number];

/** All of a record but the values that its deed has. */
type ShapeOfRecord = Pick<
  AuditRecord,
  'interaction' | 'subtype' | 'pattern' | 'outcome' | 'why' | 'agent' | 'base' | 'asks' | 'operation' | 'dataType'
> & {
  readonly principal: Pick<Principal, 'role' | 'issuer' | 'client' | 'purpose'>;
  /** Which of the principal's own values there are. */
  readonly has: readonly PrincipalValue[];
  readonly data?: {
    readonly type: string;
    readonly versioned: boolean;
    readonly detailed: boolean;
    readonly hashed?: true;
  };
  /** It is about no resource, and says details all the same. */
  readonly detailed?: true;
  /** The client has an id for the request. */
  readonly correlated?: true;
  /** There are Consents that refuse it. */
  readonly refusing?: true;
};

/** The shape of an event that was made as a whole. */
const WHOLE = 'whole';
const WHOLE_SHAPE = shapeAs(WHOLE);
/** The shape of what the ledger says of itself. */
const LEDGER = 'ledger';
export type KeptShape = ShapeOfRecord | typeof WHOLE | typeof LEDGER;

/** A search that names a thousand patients names them in the event of each: see events.ts. */
export const isTooLongForEach = ({ patients, request, data }: AuditRecord): boolean =>
  !data && patients.length * request.length > 4_000_000;

/** How many events a record stands for. */
export const countEvents = (record: AuditRecord): number =>
  isTooLongForEach(record) ? record.patients.length + 1 : Math.max(1, record.patients.length);

export type MakeDeed = (record: AuditRecord) => Deed;

export function createDeedMaker(): MakeDeed {
  const shapes = new Map<string, DeedShape>();
  const writer = new DeedWriter();
  const shapeOf = (record: AuditRecord): DeedShape => {
    const { interaction, subtype, pattern, outcome, why, agent, base, principal, data } = record;
    const name = [
      ...[interaction, pattern, outcome, why, agent, base, principal.role, principal.issuer, principal.client],
      ...[principal.purpose, ...PRINCIPAL_VALUES.map(value => principal[value] === undefined)],
      ...[
        data?.type,
        data?.version === undefined,
        record.details === undefined,
        subtype?.system,
        subtype?.code,
        subtype?.display,
        subtype?.dataRole,
        record.asks,
        record.operation,
        record.dataType,
        record.consents === undefined,
        record.hash === undefined,
        record.correlationId === undefined,
      ],
    ].join('\u0000');
    let shape = shapes.get(name);
    if (!shape) {
      if (shapes.size >= MAX_SHAPES) shapes.clear();
      shapes.set(name, (shape = shapeAs(shapeOfRecord(record))));
    }
    return shape;
  };
  return record => {
    const { at, principal, address, requestId, correlationId, request, asks, data, details, hash, consents, patients } =
      record;
    const id = newId(at);
    const shape = shapeOf(record);
    writer
      .begin()
      .number(shape.id)
      .number(at - YEAR_ONE)
      .text(id)
      .text(address)
      .text(requestId);
    if (correlationId !== undefined) writer.text(correlationId);
    for (const value of PRINCIPAL_VALUES) {
      const text = principal[value];
      if (text !== undefined) writer.text(text);
    }
    if (!data || asks) writer.text(request);
    if (data) {
      writer.text(data.id);
      if (data.version !== undefined) writer.number(data.version);
      if (hash !== undefined) writer.digest(hash);
      if (details) writer.text(JSON.stringify(details));
    } else if (details) writer.text(JSON.stringify(details));
    if (consents) writer.text(JSON.stringify(consents));
    writer.number(patients.length);
    for (const patient of patients) writer.text(patient);
    const keys = keysOfDeed({ id, at, record });
    return { at, events: countEvents(record), shape, bytes: writer.taken(), keys };
  };
}

/** The deed of an event that is made as a whole, with the id that it has. `at`: ms since 1970. */
export function deedOfEvent(event: Resource, at: number): Deed {
  const id = event['id'] as string;
  const text = JSON.stringify(event);
  const bytes = wholeBytes(WHOLE_SHAPE, at, id, text);
  return { at, events: 1, shape: WHOLE_SHAPE, bytes, keys: keysOfDeed({ id, at, event: text }) };
}

const wholeBytes = (shape: DeedShape, at: number, id: string, text: string): Uint8Array =>
  new DeedWriter()
    .number(shape.id)
    .number(at - YEAR_ONE)
    .text(id)
    .text(text)
    .taken();

function shapeOfRecord(record: AuditRecord): ShapeOfRecord {
  const { interaction, subtype, pattern, outcome, why, agent, base, principal, data, details } = record;
  const { role, issuer, client, purpose } = principal;
  const { asks, operation, dataType, consents } = record;
  return {
    ...{ interaction, pattern, outcome, base },
    principal: { role, ...given({ issuer }), ...given({ client }), ...given({ purpose }) },
    has: PRINCIPAL_VALUES.filter(value => principal[value] !== undefined),
    ...(subtype ? { subtype } : {}),
    ...(why === undefined ? {} : { why }),
    ...(agent === undefined ? {} : { agent }),
    ...{ ...given({ asks }), ...given({ operation }), ...given({ dataType }) },
    ...(details && !data ? { detailed: true } : {}),
    ...(record.correlationId === undefined ? {} : { correlated: true }),
    ...(consents ? { refusing: true } : {}),
    ...(data
      ? {
          data: {
            type: data.type,
            versioned: data.version !== undefined,
            detailed: details !== undefined,
            ...(record.hash === undefined ? {} : { hashed: true }),
          },
        }
      : {}),
  };
}

function shapeAs(shape: KeptShape): DeedShape {
  return shapeOfText(JSON.stringify(shape));
}

const given = <T extends object>(member: T): Partial<T> => (Object.values(member)[0] === undefined ? {} : member);

/** The number of the shape of a deed. Throws RangeError where there is none. */
export const shapeIdOf = (bytes: Uint8Array): number => new DeedReader(bytes).number();

/** Reads a deed whose shape `shapeOf` knows. Throws RangeError where it is none. */
export const readDeed = (bytes: Uint8Array, shapeOf: (id: number) => KeptShape): KeptDeed =>
  readMeant(bytes, shapeOf, () => true)!;

/** The same where its shape is meant; undefined: it is not, and no more of it was read. */
export function readMeant(
  bytes: Uint8Array,
  shapeOf: (id: number) => KeptShape,
  isMeant: IsMeant,
): KeptDeed | undefined {
  const reader = new DeedReader(bytes);
  const shape = shapeOf(reader.number());
  if (!isMeant(shape)) return undefined;
  const at = reader.number() + YEAR_ONE;
  const id = reader.text();
  if (shape === WHOLE) return { id, at, event: eventIn(reader) };
  return shape === LEDGER ? { id, at, entry: reader.text() } : { id, at, shape, record: recordIn(reader, at, shape) };
}

export type IsMeant = (shape: KeptShape) => boolean;

/** Its text is kept as it is, and is held to be one of JSON here: whoever reads it later takes it for that. */
function eventIn(reader: DeedReader): string {
  const event = reader.text();
  try {
    JSON.parse(event);
  } catch (cause) {
    throw new RangeError('A deed has an event that cannot be read.', { cause });
  }
  return event;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

type SameInAll = Omit<ShapeOfRecord, 'principal' | 'has' | 'data' | 'detailed' | 'correlated' | 'refusing'>;

/** What records have of their shapes as it is there, which is found out once: thousands are read for one answer. */
const ofShapes = new WeakMap<ShapeOfRecord, SameInAll>();
/** Members of a shape that its records do not have, or have otherwise. */
const OF_SHAPE_ALONE: ReadonlySet<string> = new Set<keyof ShapeOfRecord>([
  ...(['principal', 'has', 'data', 'detailed', 'correlated', 'refusing'] as const),
]);

function sameIn(shape: ShapeOfRecord): SameInAll {
  let same = ofShapes.get(shape);
  if (!same) {
    const members = Object.entries(shape).filter(([name]) => !OF_SHAPE_ALONE.has(name));
    ofShapes.set(shape, (same = Object.fromEntries(members) as unknown as SameInAll));
  }
  return same;
}

function recordIn(reader: DeedReader, at: number, shape: ShapeOfRecord): AuditRecord {
  const { principal: common, has, data: about, detailed, correlated, refusing } = shape;
  const address = reader.text();
  const requestId = reader.text();
  const correlationId = correlated && reader.text();
  const principal: Mutable<Principal> = { ...common };
  for (const value of has) principal[value] = reader.text();
  const request = about && !shape.asks ? '' : reader.text();
  const patients: string[] = [];
  const record: Mutable<AuditRecord> = {
    ...sameIn(shape),
    at,
    principal,
    address,
    requestId,
    request,
    patients,
  };
  if (correlationId !== undefined) record.correlationId = correlationId;
  if (about) {
    const id = reader.text();
    record.data = about.versioned ? { type: about.type, id, version: reader.number() } : { type: about.type, id };
    if (about.hashed) record.hash = reader.digest();
  }
  if (detailed || about?.detailed) record.details = reader.json() as readonly AuditDetail[];
  if (refusing) record.consents = reader.json() as readonly RefusingConsent[];
  for (let rest = reader.number(); rest > 0; rest--) patients.push(reader.text());
  return record;
}

/** Id of the deed that an event of this id would belong to, and which of its events it would be, from 0. */
export function splitEventId(text: string): { readonly id: string; readonly number: number } {
  const [, id, number] = /^(.+)-([1-9]\d*)$/.exec(text) ?? [];
  return id === undefined ? { id: text, number: 0 } : { id, number: Number(number) };
}

export const eventId = (deedId: string, number: number): string => (number === 0 ? deedId : `${deedId}-${number}`);
