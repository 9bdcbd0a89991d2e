import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { FhirError } from '../../../../src/fhir/error.js';
import { type JsonLimits, parseJson } from '../../../../src/fhir/json/json.js';
import { print, textOf } from '../../../../src/fhir/json/print.js';
import type { Json, JsonObject } from '../../../../src/fhir/resource.js';
import { closingQuote, scan } from '../../../../src/fhir/json/scan.js';
import { type Stamp, stamp } from '../../../../src/fhir/json/stamp.js';
import { whereBroken } from '../../../../src/fhir/json/syntax.js';
import { runsOf } from '../../../support/depth.js';

const limits: JsonLimits = { maxDepth: 64, portable: true };
const parse = (text: string | Buffer, more = limits) => parseJson(Buffer.from(text as string), more);
const by: Stamp = { id: 'new', versionId: '7', lastUpdated: '2026-01-02T03:04:05.678Z' };
const META = '{"versionId":"7","lastUpdated":"2026-01-02T03:04:05.678Z"}';
const stamped = (text: string) => stamp(parse(text), by).toString();

function detailOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof FhirError, String(error));
    assert.equal(error.status, 400);
    return error.issues[0]?.detail;
  }
  return 'accepted';
}

const nested = (levels: number) => `{"resourceType":"X","a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;

describe('reading JSON', () => {
  it('returns the object, the text and the places of its members', () => {
    const text = '{"resourceType":"Patient","active":true,"name":[{"family":"Müller"}]}';
    const { resource, decimals, compact, members, text: kept } = parse(text);
    assert.deepEqual(resource, JSON.parse(text));
    assert.equal(decimals, undefined);
    assert.equal(compact, true);
    assert.equal(kept, text);
    assert.deepEqual(
      members!.map(({ key, start, end }) => [key, text.slice(start, end)]),
      [
        ['resourceType', '"Patient"'],
        ['active', 'true'],
        ['name', '[{"family":"Müller"}]'],
      ],
    );
  });

  const rows: [string, string | Buffer, string][] = [
    ['a positive control', '{"resourceType":"X","id":"a"}', 'accepted'],
    ['a byte order mark', '\uFEFF{"resourceType":"X"}', 'accepted'],
    ['two byte order marks', '\uFEFF\uFEFF{"resourceType":"X"}', 'json-syntax'],
    [
      'a byte that is no UTF-8',
      Buffer.from([...Buffer.from('{"resourceType":"X","a":"'), 0xff, 0x22, 0x7d]),
      'json-utf8',
    ],
    ['an overlong NUL', Buffer.from([...Buffer.from('{"resourceType":"'), 0xc0, 0x80, 0x22, 0x7d]), 'json-utf8'],
    [
      'a surrogate in UTF-8',
      Buffer.from([...Buffer.from('{"resourceType":"'), 0xed, 0xa0, 0x80, 0x22, 0x7d]),
      'json-utf8',
    ],
    ['64 levels', nested(64), 'accepted'],
    ['65 levels', nested(65), 'json-depth'],
    ['a million brackets', '['.repeat(1_000_000), 'json-depth'],
    ['brackets inside a string', `{"resourceType":"X","a":"${'['.repeat(100)}"}`, 'accepted'],
    ['a key given twice', '{"resourceType":"X","id":"a","id":"b"}', 'json-duplicate-key'],
    ['a key given twice, once with an escape', '{"resourceType":"X","id":"a","\\u0069d":"b"}', 'json-duplicate-key'],
    ['a key given twice in an array item', '{"resourceType":"X","a":[{"b":1,"b":1}]}', 'json-duplicate-key'],
    ['__proto__ given twice', '{"resourceType":"X","__proto__":{},"__proto__":{}}', 'json-duplicate-key'],
    ['a colon inside a string', '{"resourceType":"X","a":"b:c","d:e":"\\":"}', 'accepted'],
    ['1e400', '{"resourceType":"X","v":1e400}', 'json-number'],
    ['-1e400', '{"resourceType":"X","v":-1e400}', 'json-number'],
    ['a number of 40 characters', `{"resourceType":"X","v":${'1'.repeat(40)}}`, 'accepted'],
    ['a number of 41 characters', `{"resourceType":"X","v":${'1'.repeat(41)}}`, 'json-number'],
    ['digits in a string', `{"resourceType":"X","v":"${'1'.repeat(41)}"}`, 'accepted'],
    ['an escaped NUL', '{"resourceType":"X","a":"a\\u0000b"}', 'json-character'],
    ['an escaped control character in a key', '{"resourceType":"X","\\u001f":1}', 'json-character'],
    ['escaped tab, CR and LF', '{"resourceType":"X","a":"\\u0009\\u000d\\u000A\\t"}', 'accepted'],
    ['a raw control character', '{"resourceType":"X","a":"\u0001"}', 'json-syntax'],
    ['an escaped high surrogate alone', '{"resourceType":"X","a":["\\ud800"]}', 'json-character'],
    ['an escaped low surrogate alone', '{"resourceType":"X","a":"\\uDC00x"}', 'json-character'],
    ['an escaped U+FFFE', '{"resourceType":"X","a":"\\ufffe"}', 'json-character'],
    ['an escaped U+FFFF in a key', '{"resourceType":"X","\\uFFFF":1}', 'json-character'],
    ['U+FFFE', '{"resourceType":"X","a":["a\ufffe"]}', 'json-character'],
    ['U+FFFF in a key', '{"resourceType":"X","\uffff":1}', 'json-character'],
    ['U+FFFD and U+1FFFE', '{"resourceType":"X","a":"\ufffd\u{1fffe}"}', 'accepted'],
    ['an escaped pair', '{"resourceType":"X","a":"\\ud83d\\ude00"}', 'accepted'],
    ['an escaped backslash before u0000', '{"resourceType":"X","a":"\\\\u0000"}', 'accepted'],
    ['an empty body', '', 'json-syntax'],
    ['blanks', ' \n', 'json-syntax'],
    ['[1 2], which is JSON once minified', '{"resourceType":"X","a":[1 2]}', 'json-syntax'],
    ['a string without an end', '{"resourceType":"X', 'json-syntax'],
    ['an object without an end', '{"resourceType":"X"', 'json-syntax'],
    ['one bracket too many', '{"resourceType":"X"}}', 'json-syntax'],
    ['01', '{"resourceType":"X","a":01}', 'json-syntax'],
    ['1.', '{"resourceType":"X","a":1.}', 'json-syntax'],
    ['NaN', '{"resourceType":"X","a":NaN}', 'json-syntax'],
    ['a long key and a million colons', `{"${'\\t'.repeat(1e6)}"${':'.repeat(1e6)}`, 'json-syntax'],
    ['a long key and a million numbers', `{"${'\\t'.repeat(1e6)}":${'1.0 '.repeat(1e6)}`, 'json-syntax'],
    ['a long key and a million arrays', `{"${'\\t'.repeat(1e6)}":${'[1.0]'.repeat(1e6)}`, 'json-syntax'],
    ['an array', '[]', 'json-no-resource'],
    ['null', 'null', 'json-no-resource'],
    ['a number', '1.0', 'json-no-resource'],
    ['no resourceType', '{"id":"a"}', 'json-no-resource'],
    ['a resourceType that is no string', '{"resourceType":1}', 'json-no-resource'],
    ['a resourceType in __proto__', '{"__proto__":{"resourceType":"X"}}', 'json-no-resource'],
  ];
  for (const [name, body, expected] of rows)
    it(expected === 'accepted' ? `accepts ${name}` : `refuses ${name} as ${expected}`, () =>
      assert.equal(
        detailOf(() => parse(body)),
        expected,
      ),
    );

  it('refuses an array that is longer than the limit', () => {
    const body = '{"resourceType":"X","a":[[1,2,3]]}';
    assert.equal(
      detailOf(() => parse(body, { maxDepth: 64, maxArray: 3 })),
      'accepted',
    );
    assert.equal(
      detailOf(() => parse(body, { maxDepth: 64, maxArray: 2 })),
      'json-array-length',
    );
  });

  it('leaves prototypes alone', () => {
    const { resource } = parse('{"resourceType":"X","__proto__":{"a":1.0},"constructor":{"prototype":{"b":2.0}}}');
    assert.equal(Object.getPrototypeOf(resource), Object.prototype);
    assert.deepEqual(Object.keys(resource), ['resourceType', '__proto__', 'constructor']);
    assert.equal(({} as JsonObject)['a'], undefined);
    assert.equal(({} as JsonObject)['b'], undefined);
    assert.equal(
      stamp(parse('{"resourceType":"X",\n"__proto__":{"a":1.0},"meta":{"__proto__":{"c":1}}}'), by).toString(),
      `{"resourceType":"X","id":"new","__proto__":{"a":1.0},"meta":${META.slice(0, -1)},"__proto__":{"c":1}}}`,
    );
  });

  it('says line and column of a syntax error and nothing of the content', () => {
    try {
      parse('{"resourceType":"X",\r\n "secret":"Doe", broken}');
      assert.fail('accepted');
    } catch (error) {
      assert.ok(error instanceof FhirError);
      assert.match(error.message, /line 2, column 18/);
      assert.doesNotMatch(JSON.stringify([error.message, error.issues, String(error.cause)]), /Doe|secret|broken/);
    }
  });

  const faults: [string, number][] = [
    ['', 1],
    ['{', 2],
    ['{"a"}', 5],
    ['{"a":1,}', 8],
    ['[1,]', 4],
    ['[1 2]', 4],
    ['{"a":tru}', 6],
    ['{"a":"\\x"}', 7],
    ['{"a":"\u0001"}', 7],
    ['[01]', 3],
    ['[]]', 3],
    ['{]', 2],
    ['[1}', 3],
    ['{} x', 4],
    ['"a', 3],
  ];
  for (const [text, column] of faults)
    it(`finds the fault of ${JSON.stringify(text)} in column ${column}`, () => {
      assert.throws(() => JSON.parse(text));
      assert.deepEqual(whereBroken(text), { line: 1, column });
    });

  it('counts a quote after an odd number of backslashes as content', () => {
    assert.equal(closingQuote('"a\\\\"', 0), 4);
    assert.equal(closingQuote('"a\\\\\\""', 0), 6);
    assert.equal(closingQuote('"a\\"', 0), -1);
  });

  it('calls a body compact that can be stored as it is', () => {
    const rest = `"resourceType":"X","a":"${'x'.repeat(200)}"`;
    assert.equal(parse(`{${rest}}`).compact, true);
    assert.equal(parse(`{"b": 1, ${rest}}\n`).compact, true, 'some blanks and a last line break');
    assert.equal(parse(`\n{${rest}}`).compact, true, 'a first line break');
    assert.equal(parse(`{\n${rest}}`).compact, false, 'a line break inside');
    assert.equal(parse(`{\r${rest}}`).compact, false, 'a carriage return inside');
    assert.equal(parse(`{${' '.repeat(30)}${rest}}`).compact, false, 'many blanks');
    assert.equal(parse(`{"b":"\\/",${rest}}`).compact, false, 'escaped solidus');
    assert.equal(parse(`{"b":"\\u002B",${rest}}`).compact, false, 'escaped plus');
    assert.equal(parse(`{"b":"\\u00e4",${rest}}`).compact, true, 'another escape');
  });
});

describe('numbers', () => {
  const kept = ['1', '0', '-1', '1.5', '0.5', '-0.25', '123456789012345', '1234567890123456', '0.000001', '48.1'];
  const lost = ['48.0', '1.10', '1e2', '1E+2', '-0', '0.00', '-0.0', '12345678901234567890', '0.1234567890123456789'];
  for (const literal of [...kept, ...lost])
    it(`keeps the text of ${literal}${kept.includes(literal) ? ' without the table' : ''}`, () => {
      const parsed = parse(`{"resourceType":"X","a":[{"v":${literal}},${literal}]}`);
      assert.equal(parsed.decimals === undefined, kept.includes(literal));
      const list = parsed.resource['a'] as Json[];
      assert.equal((list[0] as JsonObject)['v'], Number(literal));
      assert.equal(textOf(list[0] as JsonObject, 'v', parsed.decimals), literal);
      assert.equal(textOf(list, 1, parsed.decimals), literal);
      assert.equal(print(parsed.resource, parsed.decimals), parsed.text);
    });

  it('finds the number in nested arrays and under escaped keys', () => {
    const text = '{"resourceType":"X","a":[[0,[1.0]],{"b\\"":{"c":[{},{"d":2.0}]}}],"e":3.0}';
    const { resource, decimals } = parse(text);
    assert.equal(print(resource, decimals), text);
    assert.equal(decimals!.get(resource)!['e'], '3.0');
    assert.equal(decimals!.size, 3);
  });

  it('knows keys that every object inherits', () => {
    const text = '{"resourceType":"X","a":1.0,"constructor":"c","toString":2.0,"__proto__":3.0,"b":{"__proto__":{}}}';
    const { resource, decimals } = parse(text);
    assert.equal(print(resource, decimals), text);
  });

  it('leaves out what is undefined, with a table as without', () => {
    const { resource, decimals } = parse('{"resourceType":"X","a":1.0,"b":2}');
    Object.assign(resource, { b: undefined });
    assert.equal(print(resource, decimals), '{"resourceType":"X","a":1.0}');
  });

  it('prints with two blanks like JSON.stringify, digits kept', () => {
    const { resource, decimals } = parse('{"resourceType":"X","a":[],"b":{},"c":[1.0,{"d":"\\n\\"ü"}],"e":{"f":null}}');
    const expected = JSON.stringify(resource, null, 2).replace(/(\[\s*)1,/, '$11.0,');
    assert.equal(print(resource, decimals, 2), expected);
    assert.equal(print(resource, undefined, 2), JSON.stringify(resource, null, 2));
  });
});

describe('stamping id and meta', () => {
  const rows: [string, string, string][] = [
    [
      'inserts both after resourceType',
      '{"resourceType":"X","a":1}',
      `{"resourceType":"X","id":"new","meta":${META},"a":1}`,
    ],
    [
      'inserts into a resource with nothing else',
      '{"resourceType":"X"}',
      `{"resourceType":"X","id":"new","meta":${META}}`,
    ],
    [
      'replaces the id in place and puts meta behind it',
      '{"id":"old","resourceType":"X"}',
      `{"id":"new","meta":${META},"resourceType":"X"}`,
    ],
    [
      'replaces both in place, meta first',
      '{"meta":{"versionId":"1"},"resourceType":"X","id":"q"}',
      `{"meta":${META},"resourceType":"X","id":"new"}`,
    ],
    [
      'replaces meta in place and puts id after resourceType',
      '{"meta":{},"a":1,"resourceType":"X","b":2}',
      `{"meta":${META},"a":1,"resourceType":"X","id":"new","b":2}`,
    ],
    [
      'knows escaped keys',
      '{"\\u0069d":"a","m\\u0065ta":{},"resourceType":"X"}',
      `{"\\u0069d":"new","m\\u0065ta":${META},"resourceType":"X"}`,
    ],
    [
      'leaves id and meta of contained resources',
      '{"resourceType":"X","contained":[{"resourceType":"Y","id":"c","meta":{"versionId":"9"}}],"id":"a"}',
      `{"resourceType":"X","contained":[{"resourceType":"Y","id":"c","meta":{"versionId":"9"}}],"id":"new","meta":${META}}`,
    ],
    [
      'keeps the rest of meta with its digits',
      '{"resourceType":"X","id":"a","meta":{"_versionId":{"id":"x"},"profile":["p"],"tag":[{"code":"t"}],"security":[],"lastUpdated":"old","_lastUpdated":{"id":"y"},"source":"s","extension":[{"url":"u","valueDecimal":1.00}]}}',
      `{"resourceType":"X","id":"new","meta":${META.slice(0, -1)},"profile":["p"],"tag":[{"code":"t"}],"security":[],"source":"s","extension":[{"url":"u","valueDecimal":1.00}]}}`,
    ],
    [
      'keeps escapes, digits, key order and single blanks of a compact body',
      `{"resourceType": "X", "2": "\\u00e4\\t", "1": 1.50, "text": "${'long '.repeat(40)}"}`,
      `{"resourceType": "X","id":"new","meta":${META}, "2": "\\u00e4\\t", "1": 1.50, "text": "${'long '.repeat(40)}"}`,
    ],
    ['cuts blanks around the resource', ' {"resourceType":"X"}\n', `{"resourceType":"X","id":"new","meta":${META}}`],
    [
      'prints a body of several lines with its digits',
      '{\n  "a": 1.0,\n  "resourceType": "X",\n  "b": "a\\/b"\n}',
      `{"a":1.0,"resourceType":"X","id":"new","meta":${META},"b":"a/b"}`,
    ],
    [
      'prints with id and meta in their places',
      '{\n  "meta": {"profile": ["p"]},\n  "v": 2.0,\n  "id": "old",\n "resourceType": "X"}',
      `{"meta":${META.slice(0, -1)},"profile":["p"]},"v":2.0,"id":"new","resourceType":"X"}`,
    ],
    [
      'prints meta behind an id that was there',
      '{\n  "id": "old",\n  "v": 2.0,\n "resourceType": "X"}',
      `{"id":"new","meta":${META},"v":2.0,"resourceType":"X"}`,
    ],
  ];
  for (const [name, before, after] of rows) it(name, () => assert.equal(stamped(before), after));

  it('sets the same on the object', () => {
    const parsed = parse('{"resourceType":"X","meta":{"tag":[{"code":"t"}],"versionId":"1"}}');
    const text = stamp(parsed, by).toString();
    assert.deepEqual(parsed.resource, JSON.parse(text));
    assert.equal(parsed.resource['id'], 'new');
  });

  it('prints when there is no text', () => {
    const { resource, decimals } = parse('{"resourceType":"X","factor":1.0}');
    assert.equal(
      stamp({ resource, decimals }, by).toString(),
      `{"resourceType":"X","id":"new","meta":${META},"factor":1.0}`,
    );
  });
});

// Texts with everything that a scanner may stumble over; the object is known by construction.
const blank = fc.constantFrom('', '', '', ' ', '\n', '\t ', '\r\n  ');
const letters = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 6 }),
  fc.constantFrom('\\', '"', '\\"', '{', '[,]', ':', '€', '😀', 'id', 'meta', '\n', '/', '12', '"data":'),
);
/** A string literal, plain or with every character escaped. */
const stringText = (text: fc.Arbitrary<string>) =>
  fc
    .tuple(
      text.filter(value => !/[\p{Surrogate}]/u.test(value)),
      fc.boolean(),
    )
    .map(([value, escaped]) =>
      escaped
        ? `"${[...Array(value.length).keys()].map(at => `\\u${value.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`
        : JSON.stringify(value),
    );
/**
 * A member name. Not one that is a single escape (`"\\n"`, `"\\u002f"`): V8 13.6 (Node 24) confuses such names with one
 * another, and no FHIR element has a name of one character.
 */
const nameText = stringText(letters).filter(literal => !/^"\\(?:[^u]|u[\da-f]{4})"$/.test(literal));
const numberText = fc.oneof(
  fc.constantFrom('0', '-0', '1.0', '0.10', '1e2', '1E-2', '12345678901234567890', '-5', '100', '0.1'),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(value => JSON.stringify(value)),
  fc.integer().map(String),
);
const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string; object: string }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('true', 'false', 'null'),
    numberText,
    stringText(letters),
    fc
      .array(fc.tuple(blank, tie('value'), blank), { maxLength: 4 })
      .map(items => `[${items.map(i => i.join('')).join(',')}]`),
    tie('object'),
  ),
  object: fc
    .uniqueArray(fc.tuple(blank, nameText, blank, blank, tie('value'), blank), {
      maxLength: 4,
      selector: ([, key]) => JSON.parse(key) as string,
    })
    .map(members => `{${members.map(([a, key, b, c, value, d]) => `${a}${key}${b}:${c}${value}${d}`).join(',')}}`),
})).value;
/** A resource text with resourceType and perhaps id and meta somewhere among other members. */
const resourceText = fc
  .tuple(
    fc.uniqueArray(fc.tuple(nameText, jsonText), {
      maxLength: 4,
      selector: ([key]) => JSON.parse(key) as string,
    }),
    fc.subarray([
      ['"id"', '"old"'],
      ['"meta"', '{"versionId":"1","tag":[{"code":"\\u00e4"}],"x":1.0}'],
    ] as [string, string][]),
    fc.array(fc.nat(), { minLength: 7, maxLength: 7 }),
    fc.tuple(blank, blank),
  )
  .map(([others, own, shuffle, [before, after]]) => {
    const members = [
      ...others.filter(([key]) => !['id', 'meta', 'resourceType'].includes(JSON.parse(key) as string)),
      ...own,
      ['"resourceType"', '"X"'] as [string, string],
    ];
    const order = members.map((member, index) => ({ member, rank: shuffle[index % 7]! }));
    return `${before}{${order
      .toSorted((a, b) => a.rank - b.rank)
      .map(({ member }) => member.join(':'))
      .join(',')}}${after}`;
  })
  .filter(text => !/[\p{Surrogate}]/u.test(JSON.stringify(JSON.parse(text))));

const countAllKeys = (value: Json): number =>
  typeof value !== 'object' || value === null
    ? 0
    : Object.entries(value).reduce(
        (sum, [, member]) => sum + countAllKeys(member),
        Array.isArray(value) ? 0 : Object.keys(value).length,
      );
/** All number literals in the order of the text, found without the scanner. */
const literalsOf = (text: string) =>
  [...text.matchAll(/"(?:[^"\\]|\\.)*"|(-?\d[\d.eE+-]*)/gs)].flatMap(match => match[1] ?? []);

describe('properties of the scan, the printer and the stamp', () => {
  it('scan and JSON.parse agree on keys and members', () => {
    fc.assert(
      fc.property(jsonText, text => {
        const value = JSON.parse(text) as Json;
        const found = scan(text, 64);
        assert.equal(found.keys, countAllKeys(value));
        if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
        const members = found.members.map(({ key, start, end }) => [key, JSON.parse(text.slice(start, end)) as Json]);
        assert.deepEqual(Object.fromEntries(members), value);
        assert.equal(members.length, Object.keys(value).length);
        for (const { start, end } of found.members) assert.equal(text.slice(start, end), text.slice(start, end).trim());
      }),
      { numRuns: runsOf(400) },
    );
  });

  it('never fails otherwise than with a FhirError, whatever the bytes', () => {
    const damaged = fc
      .tuple(resourceText, fc.nat(), fc.nat(8), fc.constantFrom('', '"', '\\', '{', ']', ':', ',', '0', 'e', '\u0000'))
      .map(([text, at, cut, put]) => text.slice(0, at % text.length) + put + text.slice((at % text.length) + cut));
    fc.assert(
      fc.property(damaged, text => {
        let sound = true;
        try {
          JSON.parse(text);
        } catch {
          sound = false;
          const { line, column } = whereBroken(text)!;
          assert.ok(line >= 1 && column >= 1);
        }
        const detail = detailOf(() => parse(text));
        if (!sound) assert.notEqual(detail, 'accepted');
        else assert.notEqual(detail, 'json-syntax');
      }),
      { numRuns: runsOf(600) },
    );
  });

  it('printing keeps every literal and value', () => {
    fc.assert(
      fc.property(resourceText, fc.constantFrom(0, 2), (text, indent) => {
        if (detailOf(() => parse(text)) !== 'accepted') return fc.pre(false);
        const { resource, decimals } = parse(text);
        const printed = print(resource, decimals, indent);
        assert.deepEqual(JSON.parse(printed), resource);
        if (!Object.keys(flatKeys(resource)).some(key => /^\d+$/.test(key)))
          assert.deepEqual(literalsOf(printed), literalsOf(text));
      }),
      { numRuns: runsOf(400) },
    );
  });

  it('stamping the text equals changing the object', () => {
    fc.assert(
      fc.property(resourceText, text => {
        if (detailOf(() => parse(text)) !== 'accepted') return fc.pre(false);
        const before = parse(text);
        const expected = structuredClone(before.resource);
        const { versionId: _v, lastUpdated: _l, ...rest } = (expected['meta'] ?? {}) as JsonObject;
        expected['id'] = by.id;
        expected['meta'] = { ...rest, versionId: by.versionId, lastUpdated: by.lastUpdated };
        const stored = stamp(before, by);
        assert.deepEqual(JSON.parse(stored.toString()), expected);
        assert.deepEqual(before.resource, expected);
        assert.ok(!/[\r\n]/.test(stored.toString()), 'one line');
        const again = parse(stored);
        assert.deepEqual(literalsOf(stored.toString()).toSorted(), literalsOf(text).toSorted());
        assert.equal(stamp(again, by).equals(stored), true, 'stamping twice changes nothing');
      }),
      { numRuns: runsOf(400) },
    );
  });
});

function flatKeys(value: Json): Record<string, true> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.entries(value).reduce<Record<string, true>>(
    (keys, [key, member]) => Object.assign(keys, Array.isArray(value) ? {} : { [key]: true }, flatKeys(member)),
    {},
  );
}
