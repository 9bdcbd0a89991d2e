import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { newId } from '../../../src/platform/ids.js';
import type { IndexEntry } from '../../../src/search/entry.js';
import {
  compareKeys,
  decodeId,
  encodeDouble,
  encodeId,
  encodeNumber,
  encodeText,
  nextDown,
  nextUp,
  successor,
} from '../../../src/store/codec.js';
import { encode } from '../../../src/store/encode.js';
import { createIndexCatalog, type CatalogEntry } from '../../../src/store/index-catalog.js';
import { createIndexLayout } from '../../../src/store/index-layout.js';
import { NO_DATE } from '../../../src/store/key.js';
import { classOf, lowBounds } from '../../../src/store/span-class.js';

const ID_CHARACTERS = Array.from('abzABZ0189-.');
const anyId = fc.oneof(
  fc.string({ unit: fc.constantFrom(...ID_CHARACTERS), minLength: 1, maxLength: 64 }),
  fc.string({ unit: fc.constantFrom(...Array.from('0123456789abcdefz')), minLength: 14, maxLength: 14 }),
  fc.uuid(),
  fc.uuid().map(uuid => uuid.toUpperCase()),
  fc.uuid().map(uuid => uuid.slice(0, 22)),
);

describe('ids in keys', () => {
  it('come back as they were, so no two share a key', () => {
    fc.assert(
      fc.property(fc.constantFrom('Patient', 'Observation'), anyId, (type, id) => {
        assert.deepEqual(decodeId(encodeId(type, id)), { type, id });
      }),
    );
  });

  it('are short where they can be', () => {
    assert.match(encodeId('Observation', newId(Date.now())), /^Ob[0-9a-z]{14}$/);
    assert.equal(encodeId('Patient', '3f2504e0-4f89-41d3-9a0c-0305e82c3301').length, 24);
    assert.equal(
      encodeId('Patient', '3F2504E0-4F89-41D3-9A0C-0305E82C3301'),
      'Pa.3F2504E0-4F89-41D3-9A0C-0305E82C3301',
    );
  });

  it('of UUIDs sort like the UUIDs', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), (a, b) => {
        assert.equal(Math.sign(compareKeys(encodeId('List', a), encodeId('List', b))), a < b ? -1 : a > b ? 1 : 0);
      }),
    );
  });

  it('of a type that R4 does not have are refused', () => {
    assert.throws(() => encodeId('Pasta', 'a'), RangeError);
    assert.throws(() => decodeId('??a'), RangeError);
  });
});

describe('numbers in keys', () => {
  const double = fc.double({ noNaN: true });
  it('sort like the numbers, in 11 characters', () => {
    fc.assert(
      fc.property(double, double, (a, b) => {
        const [x, y] = [encodeDouble(a), encodeDouble(b)];
        assert.equal(x.length, 11);
        // -0 and 0 are one number.
        assert.equal(Math.sign(compareKeys(x, y)), a < b ? -1 : a > b ? 1 : 0);
      }),
    );
  });

  it('have exact neighbours', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), value => {
        assert.ok(nextUp(value) > value && nextDown(value) < value);
        if (Math.abs(value) < 1e308) assert.ok(nextDown(nextUp(value)) === value);
      }),
    );
  });

  it('of code systems sort and never run out of form', () => {
    const sample = [0, 1, 61, 62, 3843].map(encodeNumber);
    assert.deepEqual(sample, ['00', '01', '0z', '10', 'zz']);
    assert.equal(encodeNumber(3844).length, 5);
    assert.equal(encodeNumber(3844)[0], '_');
  });
});

describe('texts in keys', () => {
  const text = fc.string({ unit: 'binary', minLength: 1 });
  it('compare as both stores compare them: by their bytes', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        assert.equal(Math.sign(compareKeys(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  it('with a prefix lie below the successor of the prefix, and nothing else does', () => {
    fc.assert(
      fc.property(text, text, fc.string({ unit: 'binary' }), (prefix, other, tail) => {
        // Above the last character there is nothing. A key never begins with it: it begins with its type.
        if (/^\u{10ffff}+$/u.test(prefix)) return assert.throws(() => successor(prefix), RangeError);
        const high = successor(prefix);
        assert.ok(compareKeys(prefix + tail, high) < 0);
        const between = compareKeys(prefix, other) <= 0 && compareKeys(other, high) < 0;
        assert.equal(between, other.startsWith(prefix));
      }),
      { examples: [['\u{10ffff}', 'a', '']] },
    );
  });

  it('that are long or odd become digests, and no code can pretend to be one', () => {
    const long = encodeText('x'.repeat(25));
    assert.match(long, /^~[\w-]{16}$/);
    assert.notEqual(encodeText(long), long);
    assert.equal(encodeText('x'.repeat(24)), 'x'.repeat(24));
    assert.match(encodeText('a\u0001b'), /^~/);
  });
});

describe('classes of date ranges', () => {
  const rows: [string, number, number, string][] = [
    ['an instant', 5, 5, 'i'],
    ['a second', 1000, 1999, 's'],
    ['a minute', 60_000, 119_999, 'm'],
    ['a day', Date.UTC(2024, 1, 29), Date.UTC(2024, 2, 1) - 1, 'd'],
    ['a month', Date.UTC(2024, 1), Date.UTC(2024, 2) - 1, 'M'],
    ['a year before 1000', new Date('0099-01-01').getTime(), new Date('0100-01-01').getTime() - 1, 'y'],
    ['a year', Date.UTC(2024, 0), Date.UTC(2025, 0) - 1, 'y'],
    ['31 days across months', Date.UTC(2024, 0, 2), Date.UTC(2024, 1, 2) - 1, 'p'],
    ['an open period', Date.UTC(2024, 0), Number.MAX_SAFE_INTEGER, 'p'],
  ];
  for (const [name, low, high, expected] of rows)
    it(`${name} is ${expected}`, () => assert.equal(classOf(low, high), expected));

  it('bounds on the high end are exact as bounds on the low end', () => {
    const moment = fc.integer({ min: Date.UTC(1600, 0), max: Date.UTC(2400, 0) });
    fc.assert(
      fc.property(
        moment,
        moment,
        moment,
        fc.constantFrom('M' as const, 'y' as const, 'd' as const),
        (at, a, b, cls) => {
          const date = new Date(at);
          const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
          const ends = {
            M: [Date.UTC(year, month), Date.UTC(year, month + 1) - 1],
            y: [Date.UTC(year, 0), Date.UTC(year + 1, 0) - 1],
            d: [at, at + 86_399_999],
          };
          const [low, high] = ends[cls] as [number, number];
          for (const [highMin, highMax] of [
            [a, b],
            [high, high],
            [high + 1, Infinity],
            [-Infinity, high - 1],
          ] as const) {
            const { min, max } = lowBounds(cls, highMin, highMax);
            assert.equal(min <= low && low <= max, highMin <= high && high <= highMax);
          }
        },
      ),
    );
  });
});

describe('keys of a resource', () => {
  const layout = createIndexLayout(loadDefinitions().searchParameters);
  const keysOf = (type: string, entries: readonly IndexEntry[], facts = createIndexCatalog()) => {
    facts.add(encode(layout, type, entries, facts).missing);
    return encode(layout, type, entries, facts).keys;
  };
  const id = 'abcdefghij1234';
  const patient = (parameter: string): IndexEntry => ({ parameter, kind: 'reference', type: 'Patient', id });
  const prefix = (type: string, code: string) => layout.find(type, code).prefix;

  it('of an Observation: type, dated code, patient, and patient with code and category', () => {
    const facts = createIndexCatalog([{ id: 's01', value: 'http://loinc.org' }]);
    const keys = keysOf(
      'Observation',
      [
        { parameter: 'code', kind: 'token', system: 'http://loinc.org', code: '85354-9' },
        { parameter: 'category', kind: 'token', system: '', code: 'vital-signs' },
        { parameter: 'date', kind: 'date', low: 1000, high: 1999 },
        { parameter: 'encounter', kind: 'reference', type: 'Encounter', id },
        patient('subject'),
        patient('patient'),
      ],
      facts,
    );
    const code = `${prefix('Observation', 'code')}01|85354-9`;
    const category = `${prefix('Observation', 'category')}00|vital-signs`;
    assert.deepEqual(keys.byDate, ['Ob', code, `p${id}>Ob`, `p${id}>${code}`, `p${id}>${category}`]);
    assert.deepEqual(keys.byArrival, [category, `rEn${id}>${prefix('Observation', 'encounter')}`]);
    assert.deepEqual([keys.mainDate, keys.mainDateEnd], [1000, 1999]);
  });

  it('of a resource with two patients: each has all', () => {
    const second: IndexEntry = { parameter: 'patient', kind: 'reference', type: 'Patient', id: 'b' };
    const code: IndexEntry = { parameter: 'code', kind: 'token', system: '', code: 'x' };
    const all = keysOf('Condition', [patient('patient'), second, code]);
    const k = all.byDate.filter(key => !key.startsWith('-'));
    const token = `${prefix('Condition', 'code')}00|x`;
    assert.deepEqual(k, ['Co', `p${id}>Co`, `p${id}>${token}`, 'p.b>Co', `p.b>${token}`]);
  });

  it('of a Patient: that patient has it, too', () => {
    const { byDate: k } = keysOf('Patient', [{ parameter: '_id', kind: 'token', system: '', code: 'a' }]);
    assert.deepEqual(
      k.filter(key => key.startsWith('p')),
      ['p.a>Pa'],
    );
  });

  it('say that what nearly every resource has is missing', () => {
    const missing = (type: string, code: string) => `-${prefix(type, code)}`;
    const { byDate: k } = keysOf('Observation', [
      patient('subject'),
      { parameter: 'status', kind: 'token', system: '', code: 'x' },
    ]);
    assert.deepEqual(
      k.filter(key => key.startsWith('-')).toSorted(),
      ['code', 'date', 'encounter', 'patient'].map(code => missing('Observation', code)).toSorted(),
    );
    assert.deepEqual(keysOf('Organization', []).byDate, ['Or']);
  });

  it('of a quantity: the number in an index, everything else about it to filter', () => {
    const quantity = { kind: 'quantity', low: 5, high: 5, system: 'urn:u', code: 'mg', unit: 'milligram' } as const;
    const { byArrival: g, filterOnly: f } = keysOf('Observation', [
      { parameter: 'value-quantity', ...quantity },
      {
        parameter: 'code-value-quantity',
        kind: 'composite',
        parts: [[{ kind: 'token', system: '', code: 'x' }], [quantity]],
      },
    ]);
    const [value, pair] = ['value-quantity', 'code-value-quantity'].map(code => prefix('Observation', code));
    assert.deepEqual(g, [`${value}n${encodeDouble(5)}`, `${pair}00|x\u0001n${encodeDouble(5)}`]);
    for (const head of [value, `${pair}00|x\u0001`])
      assert.equal(f.filter(key => key.startsWith(head!) && key.endsWith(encodeDouble(5))).length, 3);
  });

  it('of a resource whose main date is open are there once more, but for those of patients', () => {
    const status: IndexEntry = { parameter: 'status', kind: 'token', system: '', code: 'x' };
    const { byDate: k } = keysOf('Encounter', [
      status,
      patient('patient'),
      { parameter: 'date', kind: 'date', low: 0, high: 8e15 },
    ]);
    const own = ['En', `${prefix('Encounter', 'status')}00|x`, `-${prefix('Encounter', 'subject')}`];
    for (const key of own) assert.ok(k.includes(key) && k.includes(`^${key}`), key);
    assert.equal(k.filter(key => key.startsWith('^')).length, own.length);
    const closed = keysOf('Encounter', [status, { parameter: 'date', kind: 'date', low: 0, high: 8e9 }]);
    assert.ok(!closed.byDate.some(key => key.startsWith('^')));
  });

  it('of a reference begin with its target', () => {
    const { byArrival: g } = keysOf('Observation', [
      { parameter: 'encounter', kind: 'reference', type: 'Encounter', id },
    ]);
    assert.deepEqual(g, [`rEn${id}>${prefix('Observation', 'encounter')}`]);
  });

  it('of an AuditEvent are few: what is not looked up by itself only filters', () => {
    const {
      byDate: k,
      byArrival: g,
      filterOnly: f,
    } = keysOf('AuditEvent', [
      { parameter: 'type', kind: 'token', system: 's', code: 'rest' },
      { parameter: 'outcome', kind: 'token', system: '', code: '0' },
      { parameter: 'agent', kind: 'reference', type: 'Practitioner', id },
      { parameter: 'source', kind: 'reference', type: 'Device', id },
      { parameter: 'site', kind: 'token', system: '', code: 'x' },
      patient('patient'),
    ]);
    // Its time is missing, which is so rare that it has a key.
    assert.equal(k.length, 5);
    assert.equal(g.length, 1);
    assert.ok(f.some(key => key.startsWith(`rDe${id}`)));
  });

  it('tell an open start from no date', () => {
    const open = keysOf('Encounter', [
      { parameter: 'date', kind: 'date', low: -Number.MAX_SAFE_INTEGER, high: Number.MAX_SAFE_INTEGER },
    ]);
    assert.ok(open.mainDate > NO_DATE);
    assert.equal(keysOf('Encounter', []).mainDate, NO_DATE);
  });

  it('ask for the facts they need once, numbered in order', () => {
    const facts = createIndexCatalog();
    const tokens = ['urn:a', 'urn:b', 'urn:a'].map(
      (system): IndexEntry => ({ parameter: 'identifier', kind: 'token', system, code: system }),
    );
    const { missing } = encode(layout, 'Patient', tokens, facts);
    const at = prefix('Patient', 'identifier');
    const expected: CatalogEntry[] = [
      { id: 's01', value: 'urn:a' },
      { id: `u${at}s01`, value: '' },
      { id: 's02', value: 'urn:b' },
      { id: `u${at}s02`, value: '' },
    ];
    assert.deepEqual(missing, expected);
    facts.add(JSON.parse(JSON.stringify(missing)) as CatalogEntry[]);
    assert.deepEqual([facts.systems, facts.system('urn:b'), facts.uses(at)], [2, '02', ['s01', 's02']]);
  });

  it('keep the longest main date of a type, rounded up, and that one is open', () => {
    const facts = createIndexCatalog();
    const date = (low: number, high: number): IndexEntry[] => [{ parameter: 'date', kind: 'date', low, high }];
    for (const width of [0, 999, 5, 86_399_999]) facts.add(encode(layout, 'Encounter', date(0, width), facts).missing);
    assert.ok(facts.widest('Encounter') >= 86_399_999 && facts.widest('Encounter') < 2 * 86_400_000);
    assert.ok(!facts.isOpen('Encounter'));
    facts.add(encode(layout, 'Encounter', date(0, Number.MAX_SAFE_INTEGER), facts).missing);
    assert.ok(facts.isOpen('Encounter') && facts.widest('Encounter') < 2 * 86_400_000);
  });

  it('are refused for a parameter that has no place', () => {
    assert.throws(() => keysOf('Patient', [{ parameter: 'shoe-size', kind: 'number', low: 1, high: 1 }]), /shoe-size/);
  });
});
