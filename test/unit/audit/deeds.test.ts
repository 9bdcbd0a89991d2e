/** What a deed keeps is the whole record, and what is filled into a remembered form is what would have been made anew. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { auditEvent, type AuditRecord } from '../../../src/audit/event.js';
import type { AuditPattern } from '../../../src/audit/patterns.js';
import { createDeedMaker, deedOfEvent, readDeed, type KeptShape, splitEventId } from '../../../src/audit/trail/deed.js';
import { createEventMaker, type RecordedEvent } from '../../../src/audit/trail/events.js';
import { eventsOfDeed, eventTextsOf } from '../../../src/audit/trail/parts.js';
import { trailFaults } from '../../../src/audit/trail/faults.js';
import { ALL_DEEDS, neededBy, shapeFits } from '../../../src/audit/trail/keys.js';
import { walkTrail, type WalkedTrail } from '../../../src/audit/trail/walk.js';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import type { Resource } from '../../../src/fhir/resource.js';
import { tellEvent } from '../../../src/features/privacy/told-event.js';
import { tellFilled } from '../../../src/features/privacy/told-form.js';
import { filledTextOf } from '../../../src/fhir/filled.js';
import { match } from '../../../src/search/match.js';
import { all, any, type Where } from '../../../src/search/query.js';
import type { IndexEntry } from '../../../src/search/entry.js';
import { extract } from '../../../src/search/extract.js';
import { createSearchParameters } from '../../../src/search/parameters.js';
import { deedRow, type KeptDeedRow } from '../../../src/store/deeds.js';
import { deedOfEntry } from '../../../src/store/ledger-entry.js';
import { runsOf } from '../../support/depth.js';

const bases = ['http://localhost:8080/fhir'];
const parameters = createSearchParameters(loadDefinitions());
const makeDeed = createDeedMaker();
const eventsOf = createEventMaker(parameters, bases);

/** The events of a record that was kept and read again. */
function record(asked: AuditRecord, makeEvents = eventsOf): readonly RecordedEvent[] {
  const { shape, bytes, at, events } = makeDeed(asked);
  const kept = readDeed(bytes, id => {
    assert.equal(id, shape.id);
    return JSON.parse(shape.text) as KeptShape;
  });
  const made = makeEvents(kept);
  assert.deepEqual([at, events], [asked.at, made.length]);
  return made;
}
/** That an event is told by its form as by its text; gives whether it is told by its form at all. */
function tells(event: RecordedEvent): boolean {
  const row = event.version();
  const filled = filledTextOf(row);
  const told = filled && tellFilled(filled, 7, bases);
  if (told) assert.deepEqual(told, tellEvent(JSON.parse(row.text!.toString()) as Resource, 7, bases));
  return told !== undefined;
}
const textOf = (event: RecordedEvent): string => event.version().text!.toString();

/** What could end a string, an object, a line, or be half of a character. */
const HOSTILE = [
  '"',
  '\\',
  '\\"',
  '","outcome":"0","x":"',
  '"}],"entity":[],"agent":[{"name":"',
  '\u0000',
  '\n\r\t\u001f\u007f',
  '\u2028\u2029',
  '\ud800',
  '\udc00\ud800',
  '\u{1f600}',
  '$&$1$`',
  '</script>',
  '__proto__',
  '',
];

const id = fc.stringMatching(/^[A-Za-z0-9.-]{1,64}$/);
const names = fc.oneof(fc.constantFrom(...HOSTILE, ' ', ' a', 'a ', '=b'), fc.string({ maxLength: 250 }));
const PRINCIPALS: readonly AuditRecord['principal'][] = [
  { role: 'admin' },
  { name: 'clerk "1"\u00e9', role: 'writer' },
  { name: 'b', role: 'reader' },
  {
    name: 'i|s',
    role: 'reader',
    issuer: 'https://id.example.org',
    subject: 's',
    client: 'app',
    tokenId: 'a~b "1"',
  },
  { name: 'i|s', role: 'reader', issuer: 'https://id.example.org', subject: 's', tokenId: 'c', purpose: 'TREAT' },
];
const data = fc.record(
  { type: fc.constantFrom('Patient', 'Observation', 'Binary'), id, version: fc.integer({ min: 1, max: 1_000_000 }) },
  { requiredKeys: ['type', 'id'] },
);
const unpatterned: fc.Arbitrary<Omit<AuditRecord, 'pattern'>> = fc.record(
  {
    interaction: fc.constantFrom(
      'read',
      'vread',
      'create',
      'update',
      'delete',
      'search-type',
      'search-system',
      'history-type',
    ),
    at: fc.integer({ min: 1.5e12, max: 2e12 }),
    outcome: fc.constantFrom('0', '4', '8', '12'),
    why: fc.constantFrom('forbidden', 'not-found'),
    principal: fc.oneof(
      fc.constantFrom('', 'reader').chain(role => names.map(each => ({ role, name: each }))),
      names.map(subject => ({ role: 'reader', name: 'i|s', issuer: 'https://id.example.org', subject })),
      ...PRINCIPALS.map(each => fc.constant(each)),
    ),

    agent: fc.constantFrom(undefined, 'welcome', 'reports'),
    subtype: fc.constantFrom(
      undefined,
      { system: 'urn:ihe:event-type-code', code: 'ITI-65', display: 'Provide "it"' },
      { system: 'urn:ihe:event-type-code', code: 'ITI-67', display: 'Find\u2028it' },
    ),
    address: fc.constantFrom('127.0.0.1', '::1', 'FE80::1', 'unknown'),
    requestId: fc.stringMatching(/^[\w.:-]{1,64}$/),
    base: fc.constant('http://localhost:8080/fhir'),
    request: fc.string({ maxLength: 200 }),
    data,
    asks: fc.constant(true as const),
    operation: fc.constantFrom('everything', 'meta-add'),
    dataType: fc.constantFrom('Patient', 'Observation'),
    correlationId: fc.stringMatching(/^[\w.:-]{1,64}$/),
    hash: fc.stringMatching(/^[0-9a-f]{64}$/),
    details: fc.constantFrom(
      [{ type: 'done', value: '3 "\u00e9' }],
      [
        { type: 'a', value: '1' },
        { type: 'b', value: '' },
      ],
    ),
    patients: fc.uniqueArray(id, { maxLength: 3 }),
  },
  {
    requiredKeys: ['interaction', 'at', 'outcome', 'principal', 'address', 'requestId', 'base', 'request', 'patients'],
  },
) as fc.Arbitrary<Omit<AuditRecord, 'pattern'>>;
const PATTERN: Readonly<Record<string, AuditPattern>> = {
  read: 'read',
  vread: 'read',
  create: 'create',
  update: 'update',
  delete: 'delete',
  'history-type': 'history',
};
const DENIALS: readonly AuditPattern[] = ['denied', 'denied-by-consent', 'unauthenticated'];
const deeds: fc.Arbitrary<AuditRecord> = fc
  .tuple(unpatterned, fc.option(fc.constantFrom(...DENIALS)), id)
  .map(([{ hash, ...deed }, denial, consent]) => ({
    ...deed,
    ...(hash !== undefined && deed.data ? { hash } : {}),
    pattern: (deed.outcome === '0' ? undefined : denial) ?? PATTERN[deed.interaction] ?? 'query',
    // Of the first patient alone.
    ...(denial === 'denied-by-consent' && deed.patients[0] !== undefined && deed.outcome !== '0'
      ? { asks: true, consents: [{ id: consent, patient: deed.patients[0] }] }
      : {}),
  }));

const asSet = (entries: readonly unknown[]) => [...new Set(entries.map(entry => JSON.stringify(entry)))].toSorted();

describe('recording', () => {
  it('gives one event per patient, or one without any', () => {
    const deed: AuditRecord = {
      interaction: 'search-type',
      pattern: 'query',
      at: 1.7e12,
      outcome: '0',
      principal: { role: 'admin' },
      address: '::1',
      requestId: 'r',
      base: bases[0]!,
      request: 'GET /fhir/Observation',
      patients: ['a', 'b', 'c'],
    };
    assert.deepEqual(
      record(deed).map(event => event.version().patients),
      [['a'], ['b'], ['c']],
    );
    assert.deepEqual(
      record({ ...deed, patients: [] }).map(event => event.version().patients),
      [[]],
    );
  });

  const ordinary: AuditRecord = {
    interaction: 'read',
    pattern: 'read',
    at: 1.7e12,
    outcome: '0',
    principal: { name: 'clerk', role: 'writer' },
    address: '127.0.0.1',
    requestId: 'r',
    base: bases[0]!,
    request: 'GET /fhir/Patient/1',
    data: { type: 'Patient', id: '1', version: 3 },
    patients: ['1'],
  };
  const slots: Readonly<Record<string, (value: string) => Partial<AuditRecord>>> = {
    'the address': address => ({ address }),
    'the user': name => ({ principal: { name, role: 'reader' } }),
    'the request id': requestId => ({ requestId }),
    'the request': request =>
      ({ request, interaction: 'search-type', pattern: 'query', data: undefined }) as unknown as Partial<AuditRecord>,
    'the id of what was touched': value => ({ data: { type: 'Patient', id: value, version: 3 } }),
    'the id of a patient': value => ({ patients: [value] }),
    'the refusal': refusal => ({ outcome: '4', refusal }),
  };
  for (const [slot, having] of Object.entries(slots))
    it(`lets no value of ${slot} out of its place`, () => {
      for (const hostile of HOSTILE)
        for (const deed of [having(hostile), having(`a${hostile}b`), having('ordinary')].map(part => ({
          ...ordinary,
          ...part,
        }))) {
          // By forms that are known, and by those that are not.
          for (const makeEvents of [eventsOf, createEventMaker(parameters, bases)]) {
            const [made] = record(deed, makeEvents);
            const event = auditEvent(deed, deed.patients[0], made!.id);
            assert.equal(textOf(made!), JSON.stringify(event));
            tells(made!);
          }
        }
    });

  it('tells questions what the text says, without a look at it', () => {
    const query: Partial<AuditRecord> = { interaction: 'search-type', pattern: 'query', data: undefined as never };
    const denied: Partial<AuditRecord> = { outcome: '8', pattern: 'denied', why: 'role reader lacks c', asks: true };
    for (const deed of [ordinary, { ...ordinary, ...query }, { ...ordinary, ...denied }, { ...ordinary, patients: [] }])
      assert.ok(tells(record(deed)[0]!), JSON.stringify(deed));
  });

  it('is passed over by its shape where no event of it can match, and nowhere else', () => {
    const token = (code: string, ...codes: readonly string[]): Where => ({
      ...{ kind: 'param', code },
      test: { kind: 'token', any: codes.map(each => ({ code: each })) },
    });
    const asked = [
      token('outcome', '4'),
      token('outcome', '4', '8', '12'),
      all(token('type', '110113'), token('outcome', '8')),
      token('subtype', '110122'),
      any(token('subtype', 'everything'), token('outcome', '12')),
      any(token('subtype', 'ITI-65'), token('agent', 'x')),
    ];
    const passed = new Set<Where>();
    const matched = new Set<Where>();
    fc.assert(
      fc.property(deeds, deed => {
        const shape = JSON.parse(makeDeed(deed).shape.text) as KeptShape;
        const events = record(deed);
        for (const where of asked) {
          const fits = shapeFits(neededBy(where).fixed)(shape);
          if (!fits) passed.add(where);
          if (!events.some(event => match(where, event))) continue;
          assert.ok(fits);
          matched.add(where);
        }
      }),
      { numRuns: runsOf(300) },
    );
    assert.deepEqual([passed.size, matched.size], [asked.length - 1, asked.length]);
  });

  it('equals making the event and extracting its entries', () => {
    fc.assert(
      fc.property(deeds, deed => {
        const ids = new Set<string>();
        record(deed).forEach((made, i) => {
          const event = auditEvent(deed, deed.patients[i], made.id);
          assert.equal(textOf(made), JSON.stringify(event));
          assert.deepEqual(asSet(made.entries), asSet(extract(event, parameters, { bases })));
          for (const code of parameters.of('AuditEvent').keys())
            assert.deepEqual(
              asSet(made.entriesOf?.(code) ?? []),
              asSet(made.entriesOf ? made.entries.filter(({ parameter }) => parameter === code) : []),
              code,
            );
          tells(made);
          assert.equal(splitEventId(made.id).number, i);
          ids.add(made.id);
        });
        assert.equal(ids.size, Math.max(1, deed.patients.length));
      }),
      { numRuns: runsOf(1500) },
    );
  });

  it('has entries of custom parameters where they are asked for, and then alone', () => {
    const custom = createSearchParameters(loadDefinitions(), [
      {
        ...{ url: 'urn:part', code: 'request-part', type: 'token', base: ['AuditEvent'] },
        expression: 'AuditEvent.entity.what.identifier.value.upper()',
      },
    ]);
    const makeEvents = createEventMaker(custom, bases);
    const entriesOf = (asked?: readonly string[]) =>
      record(ordinary, (kept, keys) => makeEvents(kept, keys, asked && new Set(asked))).flatMap(
        ({ entries }) => entries,
      );
    const [made] = record(ordinary);
    const whole = extract(JSON.parse(textOf(made!)) as Resource, custom, { bases });
    const standard = whole.filter(({ parameter }) => parameter !== 'request-part');
    assert.equal(whole.length, standard.length + 1);
    const others = (entries: readonly IndexEntry[]) => asSet(entries.filter(({ parameter }) => parameter !== '_id'));
    for (const asked of [undefined, [], ['agent']]) assert.deepEqual(others(entriesOf(asked)), others(standard));
    assert.deepEqual(others(entriesOf(['agent', 'request-part'])), others(whole));
  });

  it('keeps every time that FHIR has, and what comes after a record that cannot be kept', () => {
    for (const at of [Date.parse('0001-01-01T00:00:00Z'), -1, 0, Date.parse('9999-12-31T23:59:59.999Z')])
      assert.equal(record({ ...ordinary, at })[0]!.updated, at);
    for (const wrong of [{ patients: ['p', undefined as never] }, { at: Number.NaN }, { requestId: null as never }]) {
      assert.throws(() => makeDeed({ ...ordinary, ...wrong }));
      const [made] = record(ordinary);
      assert.equal(textOf(made!), JSON.stringify(auditEvent(ordinary, '1', made!.id)));
    }
  });

  it('may be an entry of the ledger, which is no event and is found by nothing', () => {
    const { shape, bytes, events, keys } = deedOfEntry('{"what":"closed"}', ordinary.at);
    const kept = readDeed(bytes, () => JSON.parse(shape.text) as KeptShape);
    assert.deepEqual([kept.at, kept.entry, events, keys], [ordinary.at, '{"what":"closed"}', 0, []]);
    assert.deepEqual([eventsOf(kept), eventsOfDeed(kept), [...eventTextsOf(kept)]], [[], 0, []]);
  });

  it('gives the same texts without an index', () => {
    fc.assert(
      fc.property(unpatterned, about => {
        const asked: AuditRecord = { ...about, pattern: 'query' };
        const { shape, bytes, events } = makeDeed(asked);
        const kept = readDeed(bytes, () => JSON.parse(shape.text) as KeptShape);
        assert.deepEqual([...eventTextsOf(kept)], eventsOf(kept).map(textOf));
        assert.equal(eventsOfDeed(kept), events);
      }),
    );
  });

  it('is never read from bytes that are none', () => {
    const { shape, bytes } = makeDeed(ordinary);
    const shapeOf = () => JSON.parse(shape.text) as KeptShape;
    for (let length = 0; length < bytes.length; length++)
      assert.throws(() => readDeed(bytes.subarray(0, length), shapeOf), RangeError, String(length));
  });

  it('is never read from an event whose text is no JSON, and a row of one that lacks what events have is told', async () => {
    const event = auditEvent(ordinary, undefined, 'whole');
    const { shape, bytes, at } = deedOfEvent(event, 1_000_000);
    const read = (given: Uint8Array) => readDeed(given, () => JSON.parse(shape.text) as KeptShape);
    assert.equal(read(bytes).event, JSON.stringify(event));
    const edited = (from: string, to: string): Uint8Array =>
      Buffer.from(Buffer.from(bytes).toString('latin1').replace(from, to), 'latin1');
    assert.throws(() => read(edited('"resourceType"', '"resourceTyp\n"')), RangeError);
    const lacking = edited('"agent"', '"agenX"');
    assert.ok(read(lacking).event);
    const faultsOf = async (deed: Uint8Array): Promise<readonly string[]> => {
      const row: KeptDeedRow = { ...deedRow([{ at, events: 1, bytes: deed, keys: [] }]), sequence: 1, altered: false };
      const find = async (): Promise<readonly KeptDeedRow[]> => [row];
      const faults: string[] = [];
      for await (const { fault } of trailFaults({ find }, read)) faults.push(fault);
      return faults;
    };
    assert.deepEqual(await faultsOf(bytes), []);
    assert.deepEqual(await faultsOf(lacking), ['unreadable']);
  });

  it('tells of a row that is damaged, and finds what is at other times', async () => {
    const { shape, bytes } = makeDeed(ordinary);
    const rowAt = (last: number, deed: Uint8Array): KeptDeedRow => {
      const row = deedRow([{ at: last, events: 1, bytes: deed, keys: [] }]);
      return { ...row, sequence: last, altered: false };
    };
    const rows = [rowAt(5, bytes.subarray(0, 20)), rowAt(1, bytes)];
    const trail: WalkedTrail = {
      deeds: { find: async ({ to = 9 }) => rows.filter(({ last }) => last <= to) },
      read: deed => readDeed(deed, () => JSON.parse(shape.text) as KeptShape),
      eventsOf,
    };
    const walk = (to: number) => walkTrail(trail, { ...ALL_DEEDS, to, oldestFirst: false, until: Infinity });
    await assert.rejects(walk(ordinary.at).next(), { kind: 'fault', message: /damaged.*verify/ });
    rows.shift();
    assert.equal((await walk(ordinary.at).next()).done, false);
  });

  it('takes two hundred bytes, and sixteen more for each patient', () => {
    const uuid = (n: number) => `7a1f3c52-0d4e-4b6a-9c8d-${String(n).padStart(12, '0')}`;
    const bytesOf = (patients: number): number =>
      makeDeed({
        ...ordinary,
        ...{ interaction: 'search-type', pattern: 'query', requestId: uuid(0) },
        request: 'GET http://localhost:8080/fhir/Patient?family=Alpha&birthdate=1970-01-01&_count=20',
        data: undefined as never,
        patients: Array.from({ length: patients }, (_, i) => uuid(i)),
      }).bytes.length;
    assert.ok(bytesOf(1) <= 200, String(bytesOf(1)));
    assert.equal(bytesOf(101) - bytesOf(1), 100 * 17);
  });
});
