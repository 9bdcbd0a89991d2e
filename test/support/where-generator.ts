/** Random conditions and sort keys over the parameters of entry-generator.ts. Without chains. */
import * as fc from 'fast-check';
import { boxesAround } from '../../src/search/globe.js';
import { normalise } from '../../src/search/normalise.js';
import type {
  RangeBounds,
  ReferenceValue,
  SortKey,
  Test,
  TokenValue,
  VersionTest,
  Where,
} from '../../src/search/query.js';
import { baseBounds, UCUM } from '../../src/search/units.js';
import {
  type Arb,
  CODES,
  DAY,
  type Kind,
  LATITUDES,
  LONGITUDES,
  MEDIA_TYPES,
  MOMENTS,
  NUMBERS,
  of,
  SHAPES,
  SYSTEMS,
  TARGETS,
  TEST_IDS,
  TEXTS,
  UCUM_CODES,
  URLS,
  version,
  VERSIONS,
  withVersion,
} from './entry-generator.js';

const tokenValue: Arb<TokenValue> = fc.oneof(
  { weight: 3, arbitrary: of(CODES).map(code => ({ code })) },
  { weight: 3, arbitrary: fc.record({ system: of([...SYSTEMS, 'urn:unknown']), code: of(CODES) }) },
  { weight: 1, arbitrary: of(SYSTEMS).map(system => ({ system })) },
);

/** Every bound on its own or together, as prefixes give them. */
function bounds(points: readonly number[], openEnds: boolean): Arb<RangeBounds> {
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

const versions: Arb<VersionTest> = fc.oneof(
  fc.constant<VersionTest>({}),
  of([...VERSIONS, '1.2.3']).map((v): VersionTest => ({ version: v })),
  fc.record({ version: of([...VERSIONS, '1.2.3']), versions: of(['above', 'below'] as const) }),
);

const referenceValue: Arb<ReferenceValue> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.option(of(TARGETS), { nil: undefined, freq: 4 }), of(TEST_IDS), version)
      .map(([type, id, v]) => withVersion({ kind: 'local' as const, id, ...(type === undefined ? {} : { type }) }, v)),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(of(URLS), versions).map(([url, beside]) => ({ kind: 'url' as const, url, ...beside })),
  },
  { weight: 1, arbitrary: tokenValue.map(v => ({ kind: 'identifier' as const, value: v })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(of(TARGETS), fc.subarray([...TEST_IDS], { minLength: 1 }))
      .map(([type, ids]) => ({ kind: 'among' as const, type, ids: new Set(ids) })),
  },
);

/** Some of a text, from its start more often than not. By characters: never half of a surrogate pair. */
function piece(text: string, from: number, length: number): string {
  const characters = Array.from(text);
  const start = from % 3 === 0 ? from % Math.max(characters.length, 1) : 0;
  return normalise(characters.slice(start, start + length).join(''));
}

function test(kind: Exclude<Kind, 'composite'>): Arb<Test> {
  switch (kind) {
    case 'token':
      return fc.oneof(
        { weight: 6, arbitrary: alternatives(tokenValue).map((any): Test => ({ kind: 'token', any })) },
        {
          weight: 1,
          arbitrary: fc
            .tuple(of(TEXTS), fc.integer({ min: 1, max: 60 }))
            .map(([text, length]): Test => ({ kind: 'text', value: piece(normalise(text), 0, length) })),
        },
        {
          weight: 1,
          arbitrary: of([...MEDIA_TYPES, 'text', 'image', 'image/pn']).map(
            (base): Test => ({ kind: 'media-type', base }),
          ),
        },
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
      return fc
        .tuple(of(LATITUDES), of(LONGITUDES), of([0, 1000, 50_000, 2_000_000]))
        .map(([latitude, longitude, metres]) => ({ kind: 'box', any: boxesAround({ latitude, longitude }, metres) }));
    case 'string':
      return fc.oneof(
        of(TEXTS).map((text): Test => ({ kind: 'string', mode: 'exact', value: text })),
        fc.tuple(of(['starts', 'contains'] as const), of(TEXTS), fc.nat(60), fc.integer({ min: 1, max: 60 })).map(
          ([mode, text, from, length]): Test => ({
            kind: 'string',
            mode,
            value: piece(normalise(text), from, length),
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
          of<{ system?: string; unit?: string }>([
            {},
            { unit: 'kg' },
            { unit: 'mmHg' },
            { system: UCUM },
            { system: 'urn:units', unit: 'kg' },
            ...UCUM_CODES.map(unit => ({ system: UCUM, unit })),
          ]),
        )
        .map(([any, unit]) => {
          const base = baseBounds(unit.system ?? '', unit.unit ?? '', any);
          return { kind: 'quantity', any, ...unit, ...(base ? { base } : {}) };
        });
    case 'reference':
      return referenceValue.map(to => ({ kind: 'reference', to }));
    case 'uri':
      return fc.record({
        kind: fc.constant('uri' as const),
        mode: of(['exact', 'above', 'below'] as const),
        value: of([...URLS, 'http://a.example/b/c/d', 'http://a.example/b/c/']),
      });
    case 'canonical':
      return fc.tuple(of(URLS), versions).map(([value, beside]) => ({ kind: 'uri', mode: 'exact', value, ...beside }));
  }
}

function compositeTest([first, second]: readonly [Kind, Kind]): Arb<Test> {
  const lead: Arb<Test> =
    first === 'token'
      ? fc.record({ system: fc.option(of(SYSTEMS), { nil: undefined }), code: of(CODES) }).map(({ system, code }) => ({
          kind: 'token',
          any: [system === undefined ? { code } : { system, code }],
        }))
      : fc
          .tuple(of(TARGETS), of(TEST_IDS))
          .map(([type, id]) => ({ kind: 'reference', to: { kind: 'local', type, id } }));
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

/** A patient with a code or category: what has keys of its own. */
function clinical(type: string): Arb<Where>[] {
  const { parameters, patient } = SHAPES[type]!;
  const codes = ['code', 'category', 'type', 'method'].filter(code => parameters[code] === 'token');
  if (patient === undefined || codes.length === 0) return [];
  const who = fc.subarray([...TEST_IDS], { minLength: 1, maxLength: 2 }).map(
    (ids): Where => ({
      kind: 'any',
      of: ids.map(id => ({
        kind: 'param',
        code: 'patient',
        test: { kind: 'reference', to: { kind: 'local', type: 'Patient', id } },
      })),
    }),
  );
  const what = fc.tuple(of(codes), fc.subarray([...CODES], { minLength: 1 })).map(
    ([code, values]): Where => ({
      kind: 'param',
      code,
      test: { kind: 'token', any: values.map(v => ({ code: v })) },
    }),
  );
  return [
    fc
      .tuple(who, fc.array(what, { minLength: 1, maxLength: 2 }))
      .map(([p, parts]) => ({ kind: 'all', of: [p, ...parts] })),
  ];
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
  const single = types.map(type => leaf(type, ids).map((where): Where => ({ kind: 'of', type, where })));
  return fc.oneof(...own, ...everywhere(ids), ...single);
}

/** Random conditions on resources of these types; `ids` are worth asking for by `_id`. Without chains. */
export function arbitraryWhere(types: readonly string[], ids: readonly string[] = TEST_IDS): Arb<Where> {
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
    ...(types.length === 1 ? clinical(types[0]!).map(arbitrary => ({ weight: 1, arbitrary })) : []),
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
