/**
 * What deeds are found by: a few numbers each, hashes of what their events are asked for most. A row of deeds that has a number may have
 * what is asked for; whether it does, `match` decides. What is common to nearly all of them, as that they succeeded, has no number.
 */
import { isIP } from 'node:net';
import { timeOfId } from '../../platform/ids.js';
import type { Test, TokenValue, Where } from '../../search/query.js';
import type { AuditRecord } from '../event.js';
import { codesOfPattern } from '../patterns.js';
import type { IsMeant, KeptDeed, KeptShape } from './deed.js';

/** A hash of 53 bits, as good as a table of some million entries needs it. FNV-1a twice: http://www.isthe.com/chongo/tech/comp/fnv/ */
function hash(text: string): number {
  let [a, b] = [0x811c9dc5, 0x01000193];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x85ebca6b);
    b ^= b >>> 13;
  }
  return (a >>> 0) * 0x20_0000 + ((b >>> 0) & 0x1f_ffff);
}

const OF = {
  /** What an event is about: `Type/id`. */
  entity: (type: string, id: string) => hash(`e${type}/${id}`),
  /** A user or a feature by its name. */
  agent: (name: string) => hash(`a${name}`),
  /** What an event is about and names by an identifier. */
  named: (identifier: string) => hash(`n${identifier}`),
  outcome: (code: string) => hash(`o${code}`),
  type: (code: string) => hash(`t${code}`),
  subtype: (code: string) => hash(`s${code}`),
  id: (id: string) => hash(`i${id}`),
};

/** An id tells its time, but for what was made at the same time. */
const ID_SPREAD_MS = 1000;
const USUAL_TYPE = 'rest';
/** Codes of http://hl7.org/fhir/restful-interaction. */
const RESTFUL =
  /^(?:v?read|update|patch|delete|create|batch|transaction|operation|capabilities|(?:history|search)(?:-\w+)?)$/;

/** Of what is about this patient, among others. */
export const keyOfPatient = (id: string): number => OF.entity('Patient', id);

export function keysOfDeed({ id, at, record, event }: KeptDeed): number[] {
  if (!record && event === undefined) return [];
  const keys = new Set(record ? keysOfRecord(record) : keysOfEvent(JSON.parse(event) as EventKeys));
  if (!tellsTime(id, at)) keys.add(OF.id(id));
  return [...keys];
}

function keysOfRecord(record: AuditRecord): number[] {
  const { patients, data, principal, agent, consents } = record;
  const keys = patients.map(patient => OF.entity('Patient', patient));
  if (data) keys.push(OF.entity(data.type, data.id));
  // Under these names its events have agents.
  for (const name of [principal.name, principal.subject, principal.client, agent])
    if (name !== undefined) keys.push(OF.agent(name));
  if (consents) for (const { id } of consents) keys.push(OF.entity('Consent', id));
  keys.push(...keysOfShape(record));
  return keys;
}

function keysOfShape({
  outcome,
  pattern,
  subtype,
  operation,
}: Pick<AuditRecord, 'outcome' | 'pattern' | 'subtype' | 'operation'>): number[] {
  const keys = outcome === '0' ? [] : [OF.outcome(outcome)];
  const own = codesOfPattern(pattern);
  if (own.type !== USUAL_TYPE) keys.push(OF.type(own.type));
  for (const code of [own.subtype, subtype?.code, operation]) if (code !== undefined) keys.push(OF.subtype(code));
  return keys;
}

/** Whether events of deeds of a shape can match what needs these keys, of which no value of a deed makes one. */
export function shapeFits(fixed: Needed['fixed'] = []): IsMeant {
  if (fixed.length === 0) return () => true;
  const known = new Map<KeptShape, boolean>();
  const fits = (shape: KeptShape): boolean => {
    if (typeof shape === 'string') return true;
    const own = new Set(keysOfShape(shape));
    return fixed.every(list => list.some(key => own.has(key)));
  };
  return shape => {
    let verdict = known.get(shape);
    if (verdict === undefined) known.set(shape, (verdict = fits(shape)));
    return verdict;
  };
}

/** What of an event has keys. */
interface EventKeys {
  readonly type: { readonly code: string };
  readonly subtype?: readonly { readonly code: string }[];
  readonly outcome: string;
  readonly agent: readonly {
    readonly name?: string;
    readonly who?: { readonly reference?: string; readonly identifier?: { readonly value?: string } };
  }[];
  readonly entity?: readonly {
    readonly what?: {
      readonly reference?: string;
      readonly type?: string;
      readonly identifier?: { readonly system?: string; readonly value?: string };
    };
  }[];
}

function keysOfEvent({ type, subtype = [], outcome, agent, entity = [] }: EventKeys): number[] {
  const names = agent.flatMap(({ name, who }) => [name, who?.identifier?.value]);
  const named = [...entity.map(({ what }) => what?.reference), ...agent.map(({ who }) => who?.reference)];
  // Without a type and a system it is the id of a request, which every event has.
  const identified = entity.flatMap(({ what: { type: of, identifier } = {} }) =>
    identifier?.value !== undefined && (of || identifier.system) ? [OF.named(identifier.value)] : [],
  );
  const references = named.map(reference => /^([A-Za-z]+)\/([^/]+)/.exec(reference ?? ''));
  return [
    ...references.flatMap(found => (found ? [OF.entity(found[1]!, found[2]!)] : [])),
    ...names.flatMap(name => (name === undefined ? [] : [OF.agent(name)])),
    ...identified,
    ...(outcome === '0' ? [] : [OF.outcome(outcome)]),
    ...(type.code === USUAL_TYPE ? [] : [OF.type(type.code)]),
    ...subtype.map(({ code }) => OF.subtype(code)),
  ];
}

/**
 * Whether an event of the record about a patient, or about none, can match what needs these keys: it has one of each list itself. A
 * deed has those of all its patients.
 */
export function eventFits(
  { id, at, record }: { readonly id: string; readonly at: number; readonly record: AuditRecord },
  keys: Needed['keys'],
): (patient: string | undefined) => boolean {
  const common = new Set(keysOfDeed({ id, at, record: { ...record, patients: [] } }));
  const open = keys.filter(list => !list.some(key => common.has(key)));
  if (open.length === 0) return () => true;
  return patient => patient !== undefined && open.every(list => list.includes(OF.entity('Patient', patient)));
}

const tellsTime = (id: string, at: number): boolean => {
  const told = timeOfId(id);
  return told !== undefined && Math.abs(told - at) <= ID_SPREAD_MS;
};

/** Where a deed of this id can be: between two times, or in rows with a key. */
export function placesOfId(
  id: string,
): readonly { readonly keys?: readonly (readonly number[])[]; readonly from?: number; readonly to?: number }[] {
  const told = timeOfId(id);
  return [
    ...(told === undefined ? [] : [{ from: told - ID_SPREAD_MS, to: told + ID_SPREAD_MS }]),
    { keys: [[OF.id(id)]] },
  ];
}

/** What the rows of all deeds with matching events have, and between which times those are. */
export interface Needed {
  /** A key of each list. */
  readonly keys: readonly (readonly number[])[];
  /** Of these lists those keys that follow from the shape of a deed. */
  readonly fixed?: readonly (readonly number[])[];
  /** ms, inclusive. */
  readonly from: number;
  readonly to: number;
}

export const ALL_DEEDS: Needed = { keys: [], from: -Infinity, to: Infinity };
/** More keys than these are not walked along. */
const MAX_NEEDED_KEYS = 100;

/** Keys of which a row has one, and how many rows it is likely to have, beside other lists. */
interface KeyList {
  readonly keys: readonly number[];
  readonly weight: number;
  /** They follow from the shape of a deed. */
  readonly isFixed: boolean;
}

interface Narrowing extends Pick<Needed, 'from' | 'to'> {
  readonly lists: readonly KeyList[];
}

/** Rows of one key: a user has more than a patient, and what is as it usually is not has more than a user. */
const WEIGHTS: Readonly<Record<string, number>> = { patient: 1, entity: 1, agent: 20, 'agent-name': 20 };
const WEIGHT_OF_CODES = 100;
/** Parameters of which the keys follow from the shape of a deed. */
const OF_SHAPES: ReadonlySet<string> = new Set(['outcome', 'type', 'subtype']);
const EVERYTHING: Narrowing = { lists: [], from: -Infinity, to: Infinity };
const NOTHING: Narrowing = { lists: [], from: Infinity, to: -Infinity };

export function neededBy(where: Where): Needed {
  const { lists, from, to } = narrowing(where);
  return {
    keys: lists.map(({ keys }) => keys),
    fixed: lists.flatMap(({ keys, isFixed }) => (isFixed ? [keys] : [])),
    ...{ from, to },
  };
}

function narrowing(where: Where): Narrowing {
  switch (where.kind) {
    case 'all':
      return where.of.map(narrowing).reduce(bothNeeded, EVERYTHING);
    case 'any':
      return where.of.map(narrowing).reduce(either, NOTHING);
    case 'of':
      return where.type === 'AuditEvent' ? narrowing(where.where) : NOTHING;
    case 'param':
      return neededByTest(where.code, where.test);
    default:
      return EVERYTHING;
  }
}

/** That of the fewest rows first. */
const bothNeeded = (a: Narrowing, b: Narrowing): Narrowing => ({
  lists: [...a.lists, ...b.lists].toSorted((x, y) => x.weight - y.weight),
  from: Math.max(a.from, b.from),
  to: Math.min(a.to, b.to),
});

const isNone = ({ from, to }: Narrowing): boolean => from > to;

function either(a: Narrowing, b: Narrowing): Narrowing {
  if (isNone(a) || isNone(b)) return isNone(a) ? b : a;
  const [first, second] = [a.lists[0], b.lists[0]];
  const keys = [...new Set([...(first?.keys ?? []), ...(second?.keys ?? [])])];
  const has = first !== undefined && second !== undefined && keys.length <= MAX_NEEDED_KEYS;
  return {
    lists: has ? [{ keys, weight: first.weight + second.weight, isFixed: first.isFixed && second.isFixed }] : [],
    from: Math.min(a.from, b.from),
    to: Math.max(a.to, b.to),
  };
}

function neededByTest(code: string, test: Test): Narrowing {
  if (test.kind === 'date' && (code === 'date' || code === '_lastUpdated')) {
    const spans = test.any.map(({ lowMin, lowMax, highMin, highMax }) => ({
      ...{ lists: [], from: Math.max(lowMin ?? -Infinity, highMin ?? -Infinity) },
      to: Math.min(lowMax ?? Infinity, highMax ?? Infinity),
    }));
    return spans.reduce<Narrowing>(either, NOTHING);
  }
  const keys = keysOfTest(code, test);
  if (keys?.length === 0) return NOTHING;
  if (!keys || keys.length > MAX_NEEDED_KEYS) return EVERYTHING;
  const weight = keys.length * (WEIGHTS[code] ?? WEIGHT_OF_CODES);
  return { ...EVERYTHING, lists: [{ keys, weight, isFixed: OF_SHAPES.has(code) }] };
}

/** Undefined: an event may pass the test without any of our keys. */
function keysOfTest(code: string, test: Test): readonly number[] | undefined {
  switch (code) {
    case 'patient':
    case 'entity':
    case 'agent':
      return test.kind === 'reference' ? keysOfReference(code, test) : undefined;
    case 'agent-name':
      return test.kind === 'string' && test.mode === 'exact' ? [OF.agent(test.value)] : undefined;
    case 'outcome':
      return keysOfTokens(test, OF.outcome, value => value === '0');
    case 'type':
      return keysOfTokens(test, OF.type, value => value === USUAL_TYPE);
    case 'subtype':
      return keysOfTokens(test, OF.subtype, value => RESTFUL.test(value));
    // No event that is a deed has one, nor a label: those alone that others have sent.
    case 'altid':
    case '_security':
      return test.kind === 'token' ? [] : undefined;
    default:
      return undefined;
  }
}

function keysOfReference(
  code: 'patient' | 'entity' | 'agent',
  { to }: Extract<Test, { kind: 'reference' }>,
): readonly number[] | undefined {
  if (to.kind === 'identifier') return keysOfIdentifier(code, to.value);
  const type = code === 'patient' ? 'Patient' : 'type' in to ? to.type : undefined;
  if (type === undefined) return undefined;
  if (to.kind === 'local') return [OF.entity(type, to.id)];
  return to.kind === 'among' ? [...to.ids].map(id => OF.entity(type, id)) : undefined;
}

function keysOfIdentifier(
  code: 'patient' | 'entity' | 'agent',
  { system = '', code: value }: TokenValue,
): readonly number[] | undefined {
  if (value === undefined) return undefined;
  if (code === 'agent') return keysOfAgent(value);
  // What is known to be a patient is no request, even without a system, and may be who did it.
  if (code === 'patient') return [OF.named(value), OF.agent(value)];
  return system === '' ? undefined : [OF.named(value)];
}

function keysOfTokens(
  test: Test,
  keyOf: (code: string) => number,
  isUsual: (code: string) => boolean,
): readonly number[] | undefined {
  if (test.kind !== 'token') return undefined;
  const codes = test.any.flatMap(token => (token.code === undefined || isUsual(token.code) ? [] : [token.code]));
  return codes.length === test.any.length ? codes.map(keyOf) : undefined;
}

/** Machines and servers are agents by their addresses, which have no key. */
const keysOfAgent = (name: string | undefined): readonly number[] | undefined =>
  name === undefined || isIP(name) > 0 || name === 'unknown' || /^https?:/.test(name) ? undefined : [OF.agent(name)];
