/**
 * Random index entries, for tests that compare a store (or a plan) with `match`. Values come from small pools so that
 * conditions hit; the pools hold the awkward ones: long codes, foreign ids, open periods, accents.
 * What extraction guarantees holds here too: `patient` repeats the Patients of `subject`, `combo-*` is a union.
 */
import * as fc from 'fast-check';
import { OPEN } from '../../src/fhir/datetime.js';
import type { IndexEntry, EntryValue } from '../../src/search/entry.js';
import { normalise } from '../../src/search/normalise.js';
import { baseOf, UCUM } from '../../src/search/units.js';

export type Kind =
  | 'token'
  | 'string'
  | 'date'
  | 'number'
  | 'quantity'
  | 'reference'
  | 'uri'
  | 'canonical'
  | 'position'
  | 'composite';
export type Arb<T> = fc.Arbitrary<T>;

/** Parameters of some types, enough to meet every kind of key. */
interface Shape {
  readonly parameters: Readonly<Record<string, Kind>>;
  /** Derived: the union of others, or the Patients of another. */
  readonly unions?: Readonly<Record<string, readonly string[]>>;
  readonly patient?: string;
  readonly composites?: Readonly<Record<string, readonly [Kind, Kind]>>;
  readonly sorts: readonly string[];
}

const COMMON: Readonly<Record<string, Kind>> = {
  _tag: 'token',
  _security: 'token',
  _source: 'uri',
  _profile: 'canonical',
};

export const SHAPES: Readonly<Record<string, Shape>> = {
  Observation: {
    parameters: {
      ...COMMON,
      code: 'token',
      category: 'token',
      status: 'token',
      identifier: 'token',
      date: 'date',
      subject: 'reference',
      encounter: 'reference',
      performer: 'reference',
      'value-quantity': 'quantity',
      'value-date': 'date',
      'value-string': 'string',
      'component-code': 'token',
      'component-value-quantity': 'quantity',
      'code-value-quantity': 'composite',
      'code-value-string': 'composite',
      'code-value-date': 'composite',
      'component-code-value-quantity': 'composite',
    },
    composites: {
      'code-value-quantity': ['token', 'quantity'],
      'code-value-string': ['token', 'string'],
      'code-value-date': ['token', 'date'],
      'component-code-value-quantity': ['token', 'quantity'],
    },
    unions: {
      'combo-code': ['code', 'component-code'],
      'combo-value-quantity': ['value-quantity', 'component-value-quantity'],
      'combo-code-value-quantity': ['code-value-quantity', 'component-code-value-quantity'],
    },
    patient: 'subject',
    sorts: ['date', 'code', 'value-date', 'status', '_lastUpdated', '_id'],
  },
  Patient: {
    parameters: {
      ...COMMON,
      family: 'string',
      given: 'string',
      address: 'string',
      gender: 'token',
      identifier: 'token',
      birthdate: 'date',
      'death-date': 'date',
      'general-practitioner': 'reference',
      link: 'reference',
    },
    sorts: ['family', 'given', 'birthdate', 'death-date', 'address', 'gender', '_lastUpdated', '_id'],
  },
  DocumentReference: {
    parameters: {
      ...COMMON,
      type: 'token',
      category: 'token',
      status: 'token',
      identifier: 'token',
      contenttype: 'token',
      date: 'date',
      period: 'date',
      description: 'string',
      location: 'uri',
      subject: 'reference',
      author: 'reference',
      relatesto: 'reference',
      relationship: 'composite',
    },
    composites: { relationship: ['reference', 'token'] },
    patient: 'subject',
    sorts: ['date', 'period', 'description', 'location', '_lastUpdated', '_id'],
  },
  AuditEvent: {
    parameters: {
      ...COMMON,
      date: 'date',
      type: 'token',
      outcome: 'token',
      site: 'token',
      agent: 'reference',
      source: 'reference',
      'entity-name': 'string',
      policy: 'uri',
    },
    sorts: ['date', '_lastUpdated'],
  },
  Location: {
    parameters: {
      ...COMMON,
      name: 'string',
      near: 'position',
      partof: 'reference',
      status: 'token',
      identifier: 'token',
    },
    sorts: ['name', 'status', '_lastUpdated', '_id'],
  },
  RiskAssessment: {
    parameters: { ...COMMON, date: 'date', probability: 'number', subject: 'reference', method: 'token' },
    patient: 'subject',
    sorts: ['date', 'probability', '_lastUpdated'],
  },
};

export const SYSTEMS = ['', 'http://loinc.org', 'http://snomed.info/sct', 'urn:oid:1.2.3'];
export const CODES = [
  'a',
  'A',
  '85354-9',
  'b|c',
  '~odd',
  'two words',
  'x'.repeat(24),
  'x'.repeat(25),
  'naïve',
  'tab\there',
  '🙂',
];
/** Ids that resources of a test should have, some of them awkward. */
export const TEST_IDS = [
  'a',
  'abcdefghij1234',
  'abcdefghij123',
  '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
  'A.b-C',
  'aOb',
];
export const MEDIA_TYPES = ['text/xml', 'text/xml-external', 'texts/xml', 'image/png'];
export const TARGETS = ['Patient', 'Group', 'Practitioner', 'Organization', 'Encounter'];
export const URLS = [
  'http://a.example/b',
  'http://a.example/b/',
  'http://a.example/b/c',
  'http://a.example/bc',
  'http://a.example/b#c',
  'urn:uuid:1',
];
const WORDS = ['Müller', 'muller', 'Mull', "O'Neil", 'van der Berg', 'ÅSE', 'ﬁn', '李', '🙂 ok', 'M'];
const LONG = `${'Anna-Maria '.repeat(5)}Öberg`;
export const TEXTS = [...WORDS, LONG, `${LONG} II`, LONG.slice(0, 40), `  two   blanks `, `line\nbreak`];
export const DAY = 86_400_000;
/** Around the ends of a month and a year, and plainly apart. */
export const MOMENTS = [
  0,
  1,
  DAY,
  Date.UTC(1969, 11, 31),
  Date.UTC(2020, 0, 1),
  Date.UTC(2020, 0, 31, 23, 59, 59, 999),
  Date.UTC(2020, 1, 1),
  Date.UTC(2020, 1, 29, 12, 30),
  Date.UTC(2020, 11, 31),
  Date.UTC(2021, 0, 1),
];
export const NUMBERS = [-1e10, -5.5, -0, 0, 0.1, 0.3, 5, 5.4, 5.45, 5400, 1e10];
/** Units of the same kind, among others; `mmHg` and `kilo` are no codes of UCUM. */
export const UCUM_CODES = ['mm[Hg]', 'kPa', 'kg', 'g', '[lb_av]', 'Cel', '[degF]', '[pH]', 'mmHg', 'kilo'];
const UNITS = [
  ...UCUM_CODES.map(code => ({ system: UCUM, code, unit: code.replaceAll(/[[\]]/g, '') })),
  { system: '', code: '', unit: 'kg' },
  { system: 'urn:units', code: 'kg', unit: '' },
  { system: '', code: '', unit: '' },
];

export const of = <T>(values: readonly T[]): Arb<T> => fc.constantFrom(...values);

/** Instant, second, minute, day, month, year, or any period with or without ends. */
const range: Arb<{ low: number; high: number }> = fc.oneof(
  fc
    .record({ low: of(MOMENTS), width: of([0, 999, 59_999, DAY - 1, 7 * DAY]) })
    .map(r => ({ low: r.low, high: r.low + r.width })),
  of(MOMENTS).map(moment => {
    const date = new Date(moment);
    const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
    return { low: Date.UTC(year, month), high: Date.UTC(year, month + 1) - 1 };
  }),
  of(MOMENTS).map(moment => {
    const year = new Date(moment).getUTCFullYear();
    return { low: Date.UTC(year, 0), high: Date.UTC(year + 1, 0) - 1 };
  }),
  of(MOMENTS).map(low => ({ low, high: OPEN })),
  of(MOMENTS).map(high => ({ low: -OPEN, high })),
);
const interval: Arb<{ low: number; high: number }> = fc.oneof(
  { weight: 3, arbitrary: of(NUMBERS).map(n => ({ low: n, high: n })) },
  {
    weight: 1,
    arbitrary: fc.tuple(of(NUMBERS), of(NUMBERS)).map(([a, b]) => ({ low: Math.min(a, b), high: Math.max(a, b) })),
  },
);
export const VERSIONS = ['1', '2', '1.2', '12', '1-a'];
export const version = fc.option(of(VERSIONS), { nil: undefined, freq: 4 });
export const withVersion = <T extends object>(plain: T, v: string | undefined) =>
  v === undefined ? plain : { ...plain, version: v };

export const LATITUDES = [-90, -17.8, 0, 52.09, 52.37, 89.9];
export const LONGITUDES = [-180, -179.5, 0, 4.9, 5.12, 178, 180];

const token: Arb<EntryValue> = fc.record({
  kind: fc.constant('token' as const),
  system: of(SYSTEMS),
  code: of([...CODES, '']),
});

function value(kind: Exclude<Kind, 'composite'>): Arb<EntryValue> {
  switch (kind) {
    case 'token':
      return fc.oneof(
        { weight: 6, arbitrary: token },
        { weight: 1, arbitrary: of(TEXTS).map(text => ({ kind: 'text' as const, norm: normalise(text) })) },
        { weight: 1, arbitrary: of(MEDIA_TYPES).map(type => ({ kind: 'media-type' as const, type })) },
        {
          weight: 1,
          arbitrary: fc.record({
            kind: fc.constant('of-type' as const),
            system: of(SYSTEMS),
            code: of(CODES),
            value: of(CODES),
          }),
        },
      );
    case 'position':
      return fc.record({ kind: fc.constant('position' as const), latitude: of(LATITUDES), longitude: of(LONGITUDES) });
    case 'string':
      return of(TEXTS).map(raw => ({ kind: 'string', raw, norm: normalise(raw) }));
    case 'date':
      return range.map(ends => ({ kind: 'date', ...ends }));
    case 'number':
      return interval.map(ends => ({ kind: 'number', ...ends }));
    case 'quantity':
      return fc.tuple(interval, of(UNITS)).map(([ends, unit]) => {
        const base = baseOf(unit.system, unit.code, ends.low, ends.high);
        return { kind: 'quantity', ...ends, ...unit, ...(base ? { base } : {}) };
      });
    case 'reference':
      return fc.oneof(
        {
          weight: 6,
          arbitrary: fc
            .tuple(of(TARGETS), of(TEST_IDS), version)
            .map(([type, id, v]) => withVersion({ kind: 'reference' as const, type, id }, v)),
        },
        {
          weight: 1,
          arbitrary: fc.tuple(of(URLS), version).map(([url, v]) => withVersion({ kind: 'url' as const, url }, v)),
        },
        {
          weight: 1,
          arbitrary: fc.record({ kind: fc.constant('identifier' as const), system: of(SYSTEMS), value: of(CODES) }),
        },
      );
    case 'uri':
      return of(URLS).map(url => ({ kind: 'uri', value: url }));
    case 'canonical':
      return fc.tuple(of(URLS), version).map(([url, v]) => withVersion({ kind: 'uri' as const, value: url }, v));
  }
}

/** An identifier with a type is a token, too. */
const withItsToken = (one: EntryValue): EntryValue[] =>
  one.kind === 'of-type' ? [one, { kind: 'token', system: '', code: one.value }] : [one];

function entriesOf(shape: Shape, code: string, kind: Kind): Arb<IndexEntry[]> {
  if (kind !== 'composite')
    return fc
      .array(value(kind), { maxLength: 2 })
      .map(values => values.flatMap(withItsToken).map(v => ({ parameter: code, ...v })));
  const [first, second] = shape.composites![code]!;
  // Nothing that only modifiers search is part of a composite.
  const plain = (k: Kind) => (k === 'token' ? token : value(k as Exclude<Kind, 'composite'>));
  const part = (k: Kind) => fc.array(plain(k), { minLength: 1, maxLength: 2 });
  const one: Arb<IndexEntry> = fc
    .tuple(part(first), part(second))
    .map(parts => ({ parameter: code, kind: 'composite', parts }));
  return fc.array(one, { maxLength: 2 });
}

/** What every resource says of itself. */
export const idEntry = (id: string): IndexEntry => ({ parameter: '_id', kind: 'token', system: '', code: id });

/** All entries of one random resource, but for that of its id. */
export function arbitraryEntries(type: string): Arb<IndexEntry[]> {
  const shape = SHAPES[type]!;
  const own = Object.entries(shape.parameters).map(([code, kind]) => entriesOf(shape, code, kind));
  return fc.tuple(...own).map(lists => {
    const entries = lists.flat();
    const patients = entries
      .filter(e => e.parameter === shape.patient && e.kind === 'reference' && e.type === 'Patient')
      .map(e => ({ ...e, parameter: 'patient' }));
    const unions = Object.entries(shape.unions ?? {}).flatMap(([parameter, parts]) =>
      entries.filter(e => parts.includes(e.parameter)).map(e => ({ ...e, parameter })),
    );
    return [...entries, ...patients, ...unions];
  });
}
