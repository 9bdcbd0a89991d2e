/**
 * Random index entries and random conditions over them, for tests that compare a store (or a plan) with `match`. Values come from
 * small pools so that conditions hit; the pools hold the awkward ones: long codes, foreign ids, open periods, accents.
 * What extraction guarantees holds here too: `patient` repeats the Patients of `subject`, `combo-*` is a union.
 */
import * as fc from 'fast-check';
import { OPEN } from '../../src/fhir/datetime.js';
import type { Entry, EntryValue } from '../../src/search/entry.js';
import { normalise } from '../../src/search/normalise.js';
import type { Bounds, ReferenceValue, SortKey, Test, TokenValue, Where } from '../../src/search/query.js';

type Kind = 'token' | 'string' | 'date' | 'number' | 'quantity' | 'reference' | 'uri' | 'canonical' | 'composite';
type Arb<T> = fc.Arbitrary<T>;

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
  RiskAssessment: {
    parameters: { ...COMMON, date: 'date', probability: 'number', subject: 'reference', method: 'token' },
    patient: 'subject',
    sorts: ['date', 'probability', '_lastUpdated'],
  },
};

const SYSTEMS = ['', 'http://loinc.org', 'http://snomed.info/sct', 'urn:oid:1.2.3'];
const CODES = [
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
const IDS = ['a', 'abcdefghij1234', 'abcdefghij123', '3f2504e0-4f89-41d3-9a0c-0305e82c3301', 'A.b-C', 'aOb'];
const TARGETS = ['Patient', 'Group', 'Practitioner', 'Organization', 'Encounter'];
const URLS = ['http://a.example/b', 'http://a.example/b/', 'http://a.example/b/c', 'http://a.example/bc', 'urn:uuid:1'];
const WORDS = ['Müller', 'muller', 'Mull', "O'Neil", 'van der Berg', 'ÅSE', 'ﬁn', '李', '🙂 ok', 'M'];
const LONG = `${'Anna-Maria '.repeat(5)}Öberg`;
const TEXTS = [...WORDS, LONG, `${LONG} II`, LONG.slice(0, 40), `  two   blanks `, `line\nbreak`];
const DAY = 86_400_000;
/** Around the ends of a month and a year, and plainly apart. */
const MOMENTS = [
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
const NUMBERS = [-1e10, -5.5, -0, 0, 0.1, 0.3, 5, 5.4, 5.45, 1e10];
const UNITS = [
  { system: 'http://unitsofmeasure.org', code: 'mm[Hg]', unit: 'mmHg' },
  { system: 'http://unitsofmeasure.org', code: 'kg', unit: 'kg' },
  { system: '', code: '', unit: 'kg' },
  { system: 'urn:units', code: 'kg', unit: '' },
  { system: '', code: '', unit: '' },
];

const of = <T>(values: readonly T[]): Arb<T> => fc.constantFrom(...values);

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
const version = fc.option(of(['1', '2']), { nil: undefined, freq: 4 });
const withVersion = <T extends object>(plain: T, v: string | undefined) =>
  v === undefined ? plain : { ...plain, version: v };

function value(kind: Exclude<Kind, 'composite'>): Arb<EntryValue> {
  switch (kind) {
    case 'token':
      return fc.record({ kind: fc.constant('token' as const), system: of(SYSTEMS), code: of([...CODES, '']) });
    case 'string':
      return of(TEXTS).map(raw => ({ kind: 'string', raw, norm: normalise(raw) }));
    case 'date':
      return range.map(ends => ({ kind: 'date', ...ends }));
    case 'number':
      return interval.map(ends => ({ kind: 'number', ...ends }));
    case 'quantity':
      return fc.tuple(interval, of(UNITS)).map(([ends, unit]) => ({ kind: 'quantity', ...ends, ...unit }));
    case 'reference':
      return fc.oneof(
        {
          weight: 6,
          arbitrary: fc
            .tuple(of(TARGETS), of(IDS), version)
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
      return fc.tuple(of(URLS), version).map(([url, v]) => withVersion({ kind: 'url' as const, url }, v));
  }
}

function entriesOf(shape: Shape, code: string, kind: Kind): Arb<Entry[]> {
  if (kind !== 'composite')
    return fc.array(value(kind), { maxLength: 2 }).map(values => values.map(v => ({ parameter: code, ...v })));
  const [first, second] = shape.composites![code]!;
  const part = (k: Kind) => fc.array(value(k as Exclude<Kind, 'composite'>), { minLength: 1, maxLength: 2 });
  const one: Arb<Entry> = fc
    .tuple(part(first), part(second))
    .map(parts => ({ parameter: code, kind: 'composite', parts }));
  return fc.array(one, { maxLength: 2 });
}

/** All entries of one random resource. */
export function arbitraryEntries(type: string): Arb<Entry[]> {
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

const tokenValue: Arb<TokenValue> = fc.oneof(
  { weight: 3, arbitrary: of(CODES).map(code => ({ code })) },
  { weight: 3, arbitrary: fc.record({ system: of([...SYSTEMS, 'urn:unknown']), code: of(CODES) }) },
  { weight: 1, arbitrary: of(SYSTEMS).map(system => ({ system })) },
);

/** Every bound on its own or together, as prefixes give them. */
function bounds(points: readonly number[], openEnds: boolean): Arb<Bounds> {
  const end = fc.option(of(points), { nil: undefined, freq: 2 });
  const flag = openEnds ? fc.boolean() : fc.constant(false);
  return fc.tuple(end, end, end, end, flag).map(([lowMin, lowMax, highMin, highMax, isOpen]) => ({
    ...(lowMin === undefined ? {} : { lowMin }),
    ...(lowMax === undefined ? {} : { lowMax }),
    ...(highMin === undefined ? {} : { highMin }),
    ...(highMax === undefined ? {} : { highMax }),
    ...(isOpen ? { open: { lowMax: true, highMin: true } } : {}),
  }));
}

const alternatives = <T>(one: Arb<T>) => fc.array(one, { minLength: 1, maxLength: 2 });
const dateBounds = bounds(
  MOMENTS.flatMap(m => [m - 1, m, m + 1, m + 999, m + DAY - 1]),
  false,
);
const numberBounds = bounds(NUMBERS, true);

const referenceValue: Arb<ReferenceValue> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.option(of(TARGETS), { nil: undefined, freq: 4 }), of(IDS), version)
      .map(([type, id, v]) => withVersion({ kind: 'local' as const, id, ...(type === undefined ? {} : { type }) }, v)),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(of(URLS), version).map(([url, v]) => withVersion({ kind: 'url' as const, url }, v)),
  },
  { weight: 1, arbitrary: tokenValue.map(v => ({ kind: 'identifier' as const, value: v })) },
);

function test(kind: Exclude<Kind, 'composite'>): Arb<Test> {
  switch (kind) {
    case 'token':
      return alternatives(tokenValue).map(any => ({ kind: 'token', any }));
    case 'string':
      return fc.oneof(
        of(TEXTS).map((text): Test => ({ kind: 'string', mode: 'exact', value: text })),
        fc
          .tuple(of(['starts', 'contains'] as const), of(TEXTS), fc.nat(6))
          // What arrives is well-formed: never half of a surrogate pair.
          .map(
            ([mode, text, cut]): Test => ({
              kind: 'string',
              mode,
              value: normalise(
                normalise(text)
                  .slice(cut)
                  .replace(/^\p{Cs}/u, ''),
              ),
            }),
          ),
      );
    case 'date':
      return alternatives(dateBounds).map(any => ({ kind: 'date', any }));
    case 'number':
      return alternatives(numberBounds).map(any => ({ kind: 'number', any }));
    case 'quantity':
      return fc
        .tuple(
          alternatives(numberBounds),
          of<object>([
            {},
            { unit: 'kg' },
            { unit: 'mmHg' },
            { system: 'http://unitsofmeasure.org' },
            { system: 'http://unitsofmeasure.org', unit: 'kg' },
          ]),
        )
        .map(([any, unit]) => ({ kind: 'quantity', any, ...unit }));
    case 'reference':
      return referenceValue.map(to => ({ kind: 'reference', to }));
    case 'uri':
      return fc.record({
        kind: fc.constant('uri' as const),
        mode: of(['exact', 'above', 'below'] as const),
        value: of([...URLS, 'http://a.example/b/c/d', 'http://a.example/b/c/']),
      });
    case 'canonical':
      return fc
        .tuple(of(URLS), version)
        .map(([url, v]) => ({ kind: 'reference', to: withVersion({ kind: 'url' as const, url }, v) }));
  }
}

function compositeTest([first, second]: readonly [Kind, Kind]): Arb<Test> {
  const lead: Arb<Test> =
    first === 'token'
      ? fc.record({ system: fc.option(of(SYSTEMS), { nil: undefined }), code: of(CODES) }).map(({ system, code }) => ({
          kind: 'token',
          any: [system === undefined ? { code } : { system, code }],
        }))
      : fc.tuple(of(TARGETS), of(IDS)).map(([type, id]) => ({ kind: 'reference', to: { kind: 'local', type, id } }));
  return fc.tuple(lead, test(second as Exclude<Kind, 'composite'>)).map(parts => ({ kind: 'composite', parts }));
}

function leaf(type: string, ids: readonly string[]): Arb<Where> {
  const shape = SHAPES[type]!;
  const own = Object.entries(shape.parameters).flatMap(([code, kind]) => {
    const tested = kind === 'composite' ? compositeTest(shape.composites![code]!) : test(kind);
    return [
      tested.map((t): Where => ({ kind: 'param', code, test: t })),
      fc.constant<Where>({ kind: 'present', code }),
    ];
  });
  const derived = Object.entries(shape.unions ?? {}).map(([code, parts]) => {
    const kind = shape.parameters[parts[0]!]!;
    const tested = kind === 'composite' ? compositeTest(shape.composites![parts[0]!]!) : test(kind);
    return tested.map((t): Where => ({ kind: 'param', code, test: t }));
  });
  const patients = shape.patient
    ? [test('reference').map((t): Where => ({ kind: 'param', code: 'patient', test: t }))]
    : [];
  return fc.oneof(...own, ...derived, ...patients, ...everywhere(ids));
}

const everywhere = (ids: readonly string[]): Arb<Where>[] => [
  of(ids).map((code): Where => ({ kind: 'param', code: '_id', test: { kind: 'token', any: [{ code }] } })),
  alternatives(dateBounds).map((any): Where => ({ kind: 'param', code: '_lastUpdated', test: { kind: 'date', any } })),
];

/** Parameters that some types share, for queries over several. */
function sharedLeaf(types: readonly string[], ids: readonly string[]): Arb<Where> {
  const shapes = types.map(type => SHAPES[type]!);
  const codes = Object.entries(shapes[0]!.parameters).filter(
    ([code, kind]) => kind !== 'composite' && shapes.every(shape => shape.parameters[code] === kind),
  );
  const own = codes.flatMap(([code, kind]) => [
    test(kind as Exclude<Kind, 'composite'>).map((t): Where => ({ kind: 'param', code, test: t })),
    fc.constant<Where>({ kind: 'present', code }),
  ]);
  return fc.oneof(...own, ...everywhere(ids));
}

/** Random conditions on resources of these types; `ids` are worth asking for by `_id`. Without chains. */
export function arbitraryWhere(types: readonly string[], ids: readonly string[] = IDS): Arb<Where> {
  const one = types.length === 1 ? leaf(types[0]!, ids) : sharedLeaf(types, ids);
  const tree: Arb<Where> = fc.letrec<{ where: Where }>(tie => ({
    where: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      { weight: 6, arbitrary: one },
      {
        weight: 1,
        arbitrary: fc.array(tie('where'), { maxLength: 3 }).map((parts): Where => ({ kind: 'all', of: parts })),
      },
      {
        weight: 1,
        arbitrary: fc.array(tie('where'), { maxLength: 3 }).map((parts): Where => ({ kind: 'any', of: parts })),
      },
      { weight: 1, arbitrary: tie('where').map((part): Where => ({ kind: 'not', of: part })) },
    ),
  })).where;
  return fc.oneof(
    { weight: 2, arbitrary: one },
    { weight: 3, arbitrary: fc.array(tree, { maxLength: 3 }).map((parts): Where => ({ kind: 'all', of: parts })) },
    { weight: 1, arbitrary: tree },
  );
}

/** No key, or one that the type (all types) can be sorted by. */
export function arbitrarySort(types: readonly string[]): Arb<SortKey[]> {
  const codes = types.length === 1 ? SHAPES[types[0]!]!.sorts : ['_lastUpdated', '_id'];
  return fc.oneof(
    fc.constant<SortKey[]>([]),
    fc.record({ code: of(codes), descending: fc.boolean() }).map(key => [key]),
  );
}

/** Ids that resources of a test should have, some of them awkward. */
export const TEST_IDS = IDS;
