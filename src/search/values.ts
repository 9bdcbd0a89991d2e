/**
 * Converts the value of an element to index entries, by search parameter type and element type.
 * https://hl7.org/fhir/R4/search.html#string, #token, #date, #quantity, #reference, #uri
 *
 * Choices where the specification leaves room:
 * - HumanName and Address: one entry for each part (use and period aside) and one for `text`.
 * - CodeableConcept: one token for each coding, one text for each display and for `text` (for `:text`).
 * - Identifier: a token, one `of-type` for each coding of its type, a text for `type.text`.
 * - ContactPoint: its value as a token without a system.
 * - `code`, `boolean`, `id`, `string` and `uri` tokens have no system; the parser translates the implied one.
 * - An instant is a point in time, whatever its digits; a `dateTime` of second precision lasts its second.
 * - Timing: the envelope of its events, else `repeat.boundsPeriod`. A Period that ends before it starts gives nothing.
 * - A Quantity's comparator is ignored, SampledData gives nothing.
 * - Money: the currency as code of urn:iso:std:iso:4217.
 * - A canonical in a uri parameter keeps its fragment. References to contained resources give nothing.
 * - What an element gives to some parameters beyond its type, see reading.ts.
 */
import { OPEN, parseDateTime } from '../fhir/datetime.js';
import { parseCanonical, parseReference, splitCanonical } from '../fhir/reference.js';
import { type Json, type JsonObject, isObject } from '../fhir/resource.js';
import type { EntryValue } from './entry.js';
import { normalise } from './normalise.js';
import type { PathFrame, PathWalk } from './path-walk.js';
import { baseOf } from './units.js';

/** What extraction carries through a resource. */
export interface Extraction extends PathFrame {
  readonly out: EntryValue[];
  readonly bases: readonly string[];
}

type Convert = PathWalk<Extraction>;

export const CURRENCIES = 'urn:iso:std:iso:4217';

const string = (value: Json | undefined, { out }: Extraction) => {
  if (typeof value !== 'string') return;
  const norm = normalise(value);
  if (norm !== '') out.push({ kind: 'string', raw: value, norm });
};

/** The string members of an object, single or many, under these names. */
const strings =
  (...names: readonly string[]): Convert =>
  (value, frame) => {
    if (!isObject(value)) return;
    for (const name of names) {
      const member = value[name];
      if (Array.isArray(member)) for (const item of member) string(item, frame);
      else string(member, frame);
    }
  };

const pushToken = ({ out }: Extraction, system: Json | undefined, code: Json | undefined) => {
  const hasCode = typeof code === 'string' && code !== '';
  const hasSystem = typeof system === 'string' && system !== '';
  if (hasCode || hasSystem) out.push({ kind: 'token', system: hasSystem ? system : '', code: hasCode ? code : '' });
};

/** What `:text` searches. */
const label = (value: Json | undefined, { out }: Extraction) => {
  const norm = typeof value === 'string' ? normalise(value) : '';
  if (norm !== '') out.push({ kind: 'text', norm });
};

const coding: Convert = (value, frame) => {
  if (!isObject(value)) return;
  pushToken(frame, value['system'], value['code']);
  label(value['display'], frame);
};

const plainToken: Convert = (value, frame) =>
  pushToken(frame, undefined, typeof value === 'boolean' || typeof value === 'number' ? String(value) : value);

const date: Convert = (value, { out }) => {
  const span = dateSpan(value);
  if (span) out.push({ kind: 'date', low: span.low, high: span.high });
};

/** A fixed point: an instant has no precision that its digits could say. https://hl7.org/fhir/R4/search.html#date */
const instant: Convert = (value, { out }) => {
  const span = dateSpan(value);
  if (span) out.push({ kind: 'date', low: span.low, high: span.low });
};

const dateSpan = (value: Json | undefined) => (typeof value === 'string' ? parseDateTime(value) : undefined);

const period: Convert = (value, { out }) => {
  if (!isObject(value)) return;
  const start = dateSpan(value['start']);
  const end = dateSpan(value['end']);
  if (!start && !end) return;
  const low = start?.low ?? -OPEN;
  const high = end?.high ?? OPEN;
  if (low <= high) out.push({ kind: 'date', low, high });
};

const timing: Convert = (value, frame) => {
  if (!isObject(value)) return;
  const spans = (Array.isArray(value['event']) ? value['event'] : []).map(dateSpan).filter(span => span !== undefined);
  if (spans.length > 0) {
    const low = Math.min(...spans.map(span => span.low));
    frame.out.push({ kind: 'date', low, high: Math.max(...spans.map(span => span.high)) });
  } else if (isObject(value['repeat'])) period(value['repeat']['boundsPeriod'] ?? null, frame);
};

const stringIn = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

const quantity: Convert = (value, { out }) => {
  if (!isObject(value) || typeof value['value'] !== 'number') return;
  const number = value['value'];
  out.push(measured(number, number, value));
};

/** A range of numbers in the unit of `unit`, and in base units where they are known. */
function measured(low: number, high: number, unit: JsonObject): EntryValue {
  const own = unitOf(unit);
  const base = baseOf(own.system, own.code, low, high);
  return base ? { kind: 'quantity', low, high, ...own, base } : { kind: 'quantity', low, high, ...own };
}

const unitOf = (value: JsonObject) => ({
  system: stringIn(value['system']),
  code: stringIn(value['code']),
  unit: stringIn(value['unit']),
});

const money: Convert = (value, { out }) => {
  if (!isObject(value) || typeof value['value'] !== 'number') return;
  const code = stringIn(value['currency']);
  const number = value['value'];
  out.push({ kind: 'quantity', low: number, high: number, system: code === '' ? '' : CURRENCIES, code, unit: '' });
};

/** Low and high of a Range; an absent end is the largest number with its sign. */
function rangeEnds(value: JsonObject): { low: number; high: number; unit: JsonObject } | undefined {
  const low = isObject(value['low']) ? value['low'] : {};
  const high = isObject(value['high']) ? value['high'] : {};
  const from = typeof low['value'] === 'number' ? low['value'] : undefined;
  const to = typeof high['value'] === 'number' ? high['value'] : undefined;
  if (from === undefined && to === undefined) return undefined;
  const ends = { low: from ?? -Number.MAX_VALUE, high: to ?? Number.MAX_VALUE, unit: from === undefined ? high : low };
  return ends.low <= ends.high ? ends : undefined;
}

const quantityRange: Convert = (value, { out }) => {
  const ends = isObject(value) ? rangeEnds(value) : undefined;
  if (ends) out.push(measured(ends.low, ends.high, ends.unit));
};

const number: Convert = (value, { out }) => {
  if (typeof value === 'number') out.push({ kind: 'number', low: value, high: value });
};

const convertNumberRange: Convert = (value, { out }) => {
  const ends = isObject(value) ? rangeEnds(value) : undefined;
  if (ends) out.push({ kind: 'number', low: ends.low, high: ends.high });
};

const reference: Convert = (value, { out, bases }) => {
  if (!isObject(value)) return;
  const literal = value['reference'];
  if (typeof literal === 'string') {
    const target = parseReference(literal, bases);
    if (target?.kind === 'local')
      out.push({
        kind: 'reference',
        type: target.type,
        id: target.id,
        ...(target.version === undefined ? {} : { version: target.version }),
      });
    else if (target?.kind === 'url' || target?.kind === 'urn') out.push({ kind: 'url', url: target.url });
  }
  const identifier = value['identifier'];
  if (isObject(identifier) && stringIn(identifier['value']) !== '')
    out.push({ kind: 'identifier', system: stringIn(identifier['system']), value: stringIn(identifier['value']) });
};

const convertCanonical: Convert = (value, { out }) => {
  if (typeof value === 'string' && value !== '' && !value.startsWith('#'))
    out.push({ kind: 'url', ...parseCanonical(value) });
};

/** The url of an attachment: a resource of this server, or an address elsewhere. */
const convertAddressOf: Convert = (value, frame) => {
  if (typeof value === 'string' && value !== '') reference({ reference: value }, frame);
};

/** A resource inside a Bundle: itself, and found as the resource that it is a copy of. */
const embedded: Convert = (value, { out }) => {
  if (!isObject(value) || stringIn(value['resourceType']) === '') return;
  out.push({ kind: 'held', resource: value });
  if (stringIn(value['id']) !== '')
    out.push({ kind: 'reference', type: stringIn(value['resourceType']), id: stringIn(value['id']) });
};

const uri: Convert = (value, { out }) => {
  if (typeof value === 'string' && value !== '') out.push({ kind: 'uri', value });
};

const versionedUri: Convert = (value, { out }) => {
  if (typeof value === 'string' && value !== '') out.push({ kind: 'uri', ...splitCanonical(value) });
};

const under = (convert: Convert, ...types: readonly string[]) => types.map(type => [type, convert] as const);
const QUANTITIES = ['Quantity', 'SimpleQuantity', 'MoneyQuantity', 'Age', 'Duration', 'Distance', 'Count'];
const convertHumanName = strings('text', 'family', 'given', 'prefix', 'suffix');
const convertAddress = strings('text', 'line', 'city', 'district', 'state', 'postalCode', 'country');
const codingsOf = (concept: Json | undefined): readonly Json[] =>
  isObject(concept) && Array.isArray(concept['coding']) ? concept['coding'] : [];
const concept: Convert = (value, frame) => {
  for (const item of codingsOf(value)) coding(item, frame);
  if (isObject(value)) label(value['text'], frame);
};
const identifier: Convert = (value, frame) => {
  if (!isObject(value)) return;
  pushToken(frame, value['system'], value['value']);
  const type = value['type'];
  const own = stringIn(value['value']);
  if (own !== '')
    for (const item of codingsOf(type))
      if (isObject(item) && stringIn(item['code']) !== '')
        frame.out.push({ kind: 'of-type', system: stringIn(item['system']), code: stringIn(item['code']), value: own });
  if (isObject(type)) label(type['text'], frame);
};
const convertPosition: Convert = (value, { out }) => {
  if (!isObject(value)) return;
  const { latitude, longitude } = value;
  if (typeof latitude === 'number' && typeof longitude === 'number')
    out.push({ kind: 'position', latitude, longitude });
};
const contactPoint: Convert = (value, frame) => {
  if (isObject(value)) pushToken(frame, undefined, value['value']);
};

/** Parameter type → element type → conversion. */
const CONVERSIONS: Readonly<Record<string, ReadonlyMap<string, Convert>>> = {
  string: new Map([
    ...under(string as Convert, 'string', 'markdown', 'code', 'id', 'uri', 'url', 'canonical'),
    ...under(convertHumanName, 'HumanName'),
    ...under(convertAddress, 'Address'),
  ]),
  token: new Map([
    ...under(coding, 'Coding'),
    ...under(concept, 'CodeableConcept'),
    ...under(identifier, 'Identifier'),
    ...under(contactPoint, 'ContactPoint'),
    ...under(plainToken, 'code', 'boolean', 'string', 'id', 'uri', 'url', 'oid', 'uuid', 'canonical', 'integer'),
  ]),
  date: new Map([
    ...under(date, 'date', 'dateTime'),
    ...under(instant, 'instant'),
    ...under(period, 'Period'),
    ...under(timing, 'Timing'),
  ]),
  quantity: new Map([...under(quantity, ...QUANTITIES), ...under(money, 'Money'), ...under(quantityRange, 'Range')]),
  number: new Map([
    ...under(number, 'integer', 'decimal', 'positiveInt', 'unsignedInt'),
    ...under(convertNumberRange, 'Range'),
  ]),
  reference: new Map([
    ...under(reference, 'Reference'),
    ...under(convertCanonical, 'canonical', 'uri'),
    ...under(convertAddressOf, 'url'),
    ...under(embedded, 'Resource'),
  ]),
  special: new Map(under(convertPosition, 'Location.position')),
  uri: new Map([...under(uri, 'uri', 'url', 'oid', 'uuid'), ...under(versionedUri, 'canonical')]),
};

/** Undefined: values of this element type mean nothing to this type of parameter. */
export const conversion = (parameter: string, element: string): Convert | undefined =>
  CONVERSIONS[parameter]?.get(element);
