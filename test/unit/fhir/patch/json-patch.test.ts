/** JSON Patch on the document itself: https://www.rfc-editor.org/rfc/rfc6902, https://www.rfc-editor.org/rfc/rfc6901 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { FhirError } from '../../../../src/fhir/error.js';
import { parseAnyJson } from '../../../../src/fhir/json/json.js';
import { applyJsonPatch } from '../../../../src/fhir/patch/json-patch.js';
import { print } from '../../../../src/fhir/json/print.js';
import type { Json } from '../../../../src/fhir/resource.js';
import { readText, skipWithout } from '../../../support/shared.js';
import { runsOf } from '../../../support/depth.js';

const read = (text: string) => parseAnyJson(Buffer.from(text), { maxDepth: 64 });

/** Text in, text out: the digits of numbers count. */
function patched(document: string, ...operations: readonly (Json | string)[]): string {
  const patch = `[${operations.map(each => (typeof each === 'string' ? each : JSON.stringify(each))).join()}]`;
  const { value, decimals } = applyJsonPatch(read(document), read(patch));
  return print(value, decimals);
}

function refusalOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof FhirError, String(error));
    return `${error.status} ${error.issues[0]?.detail}`;
  }
  return 'accepted';
}

interface Vector {
  readonly comment: string;
  readonly doc: Json;
  readonly patch: Json;
  readonly expected?: Json;
  readonly error?: string;
  readonly disabled?: boolean;
}

describe('JSON Patch', () => {
  it('does what the examples of the RFC say', function () {
    const file = skipWithout(this, 'data', 'patch-vectors', 'json-patch-tests.json');
    const vectors = (JSON.parse(readText(file)) as Vector[]).filter(({ disabled }) => !disabled);
    assert.equal(vectors.length, 16);
    for (const { comment, doc, patch, expected, error } of vectors) {
      const run = () => applyJsonPatch({ value: doc }, { value: patch }).value;
      if (error === undefined) assert.deepEqual(run(), expected, comment);
      else assert.match(refusalOf(run), /^422 patch-(path|test)$/, comment);
    }
  });

  const add = (path: string, value: Json) => ({ op: 'add', path, value });
  const refused: [string, string, Json | string, string][] = [
    ['a positive control', '{"a":[1]}', [add('/a/0', 0)], 'accepted'],
    ['no array', '{}', add('/a', 1), '400 patch-malformed'],
    ['an operation that is no object', '{}', [1], '400 patch-malformed'],
    ['an unknown op', '{}', [{ op: 'spam', path: '/a' }], '400 patch-malformed'],
    ['no path', '{}', [{ op: 'add', value: 1 }], '400 patch-malformed'],
    ['a path without its slash', '{}', [add('a', 1)], '400 patch-malformed'],
    ['a path with half an escape', '{}', [add('/a~', 1)], '400 patch-malformed'],
    ['a path with an unknown escape', '{}', [add('/a~2', 1)], '400 patch-malformed'],
    ['add without value', '{}', [{ op: 'add', path: '/a' }], '400 patch-malformed'],
    ['test without value', '{}', [{ op: 'test', path: '/a' }], '400 patch-malformed'],
    ['move without from', '{}', [{ op: 'move', path: '/a' }], '400 patch-malformed'],
    ['a move into itself', '{"a":{"b":1}}', [{ op: 'move', from: '/a', path: '/a/b' }], '400 patch-malformed'],
    ['a fault after a failing test', '{}', [{ op: 'test', path: '/a', value: 1 }, 7], '400 patch-malformed'],
    ['more operations than allowed', '{}', Array.from({ length: 1001 }, () => add('/a', 1)), '400 too-costly'],
    ['remove of nothing', '{}', [{ op: 'remove', path: '/a' }], '422 patch-path'],
    ['replace of nothing', '{}', [{ op: 'replace', path: '/a', value: 1 }], '422 patch-path'],
    ['remove of the document', '{}', [{ op: 'remove', path: '' }], '422 patch-path'],
    ['an inherited member', '{}', [{ op: 'test', path: '/constructor', value: 1 }], '422 patch-path'],
    ['a way through __proto__', '{}', [add('/__proto__/polluted', 1)], '422 patch-path'],
    ['an index behind the end', '{"a":[1]}', [add('/a/2', 1)], '422 patch-path'],
    ['an index with a leading zero', '{"a":[1,2]}', [add('/a/01', 1)], '422 patch-path'],
    ['a negative index', '{"a":[1]}', [add('/a/-1', 1)], '422 patch-path'],
    ['no index', '{"a":[1]}', [add('/a/length', 1)], '422 patch-path'],
    ['remove of the dash', '{"a":[1]}', [{ op: 'remove', path: '/a/-' }], '422 patch-path'],
    ['a way into a number', '{"a":1.50}', [add('/a/text', 1)], '422 patch-path'],
    ['a way into a text', '{"a":"x"}', [{ op: 'test', path: '/a/0', value: 'x' }], '422 patch-path'],
    ['a test of a text against a number', '{"a":1}', [{ op: 'test', path: '/a', value: '1' }], '422 patch-test'],
    ['a test of an object against an array', '{"a":{}}', [{ op: 'test', path: '/a', value: [] }], '422 patch-test'],
    ['a test of more members', '{"a":{"b":1}}', [{ op: 'test', path: '/a', value: { b: 1, c: 2 } }], '422 patch-test'],
  ];
  for (const [title, document, patch, expected] of refused)
    it(`${title}: ${expected}`, () =>
      assert.equal(
        refusalOf(() => applyJsonPatch(read(document), read(JSON.stringify(patch)))),
        expected,
      ));

  it('ends copies that double the document, whether it grows wide or deep', () => {
    const copy = (from: string, path: string) => ({ op: 'copy', from, path });
    assert.equal(patched('{"a":["x"]}', copy('/a', '/a/-')), '{"a":["x",["x"]]}');
    const wide = Array.from({ length: 900 }, () => copy('/a', '/b/-'));
    const document = JSON.stringify({ a: 'x'.repeat(100_000), b: [] });
    assert.equal(
      refusalOf(() => patched(document, ...wide)),
      '413 too-large',
    );
    const doubling = Array.from({ length: 40 }, (_, at) => copy('/a', `/a/x${at}`));
    assert.equal(
      refusalOf(() => patched('{"a":{"b":"x"}}', ...doubling)),
      '413 too-large',
    );
    const deep = Array.from({ length: 100 }, () => copy('', '/a'));
    assert.equal(
      refusalOf(() => patched('{"a":1}', ...deep)),
      '422 patch-depth',
    );
  });

  it('ends values nested below one another by many operations, without a stack that overflows', () => {
    const nest = JSON.parse(`${'{"x":'.repeat(50)}{}${'}'.repeat(50)}`) as Json;
    const operations = Array.from({ length: 200 }, (_, at) => add(`/a${'/x'.repeat(51 * at)}`, nest));
    assert.equal(
      refusalOf(() => patched('{}', ...operations)),
      '422 patch-depth',
    );
  });

  it('keeps the digits of numbers: in place, moved, copied, shifted, and of the patch itself', () => {
    const document = '{"a":[1.00,2.0,3],"b":{"c":7.500},"d":1e2}';
    assert.equal(patched(document), document);
    assert.equal(patched(document, '{"op":"remove","path":"/a/0"}'), '{"a":[2.0,3],"b":{"c":7.500},"d":1e2}');
    assert.equal(
      patched(document, '{"op":"add","path":"/a/1","value":4.10}', { op: 'move', from: '/a/0', path: '/a/2' }),
      '{"a":[4.10,2.0,1.00,3],"b":{"c":7.500},"d":1e2}',
    );
    assert.equal(
      patched(document, { op: 'copy', from: '/b', path: '/e' }, { op: 'replace', path: '/b/c', value: 8 }),
      '{"a":[1.00,2.0,3],"b":{"c":8},"d":1e2,"e":{"c":7.500}}',
    );
    assert.equal(
      patched(document, '{"op":"replace","path":"/d","value":{"e":0.10}}'),
      document.replace('1e2', '{"e":0.10}'),
    );
  });

  it('tests numbers by their value, to the last of many digits', () => {
    const holds = (there: string, asked: string) =>
      refusalOf(() => patched(`{"a":[${there}]}`, `{"op":"test","path":"/a","value":[${asked}]}`)) === 'accepted';
    for (const [a, b] of [
      ['1.0', '1.00'],
      ['1.00', '1'],
      ['100', '1e2'],
      ['0.10', '1e-1'],
      ['-0.0', '0'],
      ['1e21', '1000000000000000000000'],
    ])
      assert.ok(holds(a!, b!) && holds(b!, a!), `${a} is ${b}`);
    for (const [a, b] of [
      ['1.0', '-1.0'],
      ['1.0', '10'],
      ['0.12345678901234567890', '0.12345678901234567891'],
      ['1.0', '1.01'],
    ])
      assert.ok(!holds(a!, b!) && !holds(b!, a!), `${a} is not ${b}`);
  });

  it('tests objects whatever the order of their members', () => {
    assert.equal(
      patched('{"a":{"b":1,"c":[2]}}', { op: 'test', path: '', value: { a: { c: [2], b: 1 } } }),
      '{"a":{"b":1,"c":[2]}}',
    );
  });

  it('drops what it emptied, all the way up, and nothing else', () => {
    const remove = (path: string) => ({ op: 'remove', path });
    const document = '{"name":[{"given":["A"]}],"note":[{}],"x":[]}';
    assert.equal(patched(document, remove('/name/0/given/0')), '{"note":[{}],"x":[]}');
    assert.equal(patched(document, remove('/name/0'), add('/name/-', 'B')), '{"name":["B"],"note":[{}],"x":[]}');
    assert.equal(patched(document, add('/y', []), add('/z', {})), `${document.slice(0, -1)},"y":[],"z":{}}`);
    assert.equal(
      patched('{"given":["A","B"],"_given":[{"id":"a"},{"id":"b"}]}', remove('/_given/0/id')),
      '{"given":["A","B"],"_given":[null,{"id":"b"}]}',
    );
    assert.equal(patched('{"given":["A"],"_given":[{"id":"a"}]}', remove('/_given/0/id')), '{"given":["A"]}');
    assert.equal(
      patched('{"a":{"b":1},"c":{"d":1}}', { op: 'move', from: '/a/b', path: '/c/e' }),
      '{"c":{"d":1,"e":1}}',
    );
  });

  it('leaves the document and the patch as they were', () => {
    const [document, patch] = [
      read('{"a":[{"b":1.0}]}'),
      read(
        '[{"op":"add","path":"/a/-","value":{"c":2.0}},{"op":"remove","path":"/a/0"},{"op":"add","path":"/a/0/d","value":3}]',
      ),
    ];
    const before = JSON.stringify([document.value, patch.value]);
    const run = () => {
      const { value, decimals } = applyJsonPatch(document, patch);
      return print(value, decimals);
    };
    assert.equal(run(), '{"a":[{"c":2.0,"d":3}]}');
    assert.equal(JSON.stringify([document.value, patch.value]), before);
    assert.equal(run(), '{"a":[{"c":2.0,"d":3}]}');
  });

  it('names __proto__ like any other member and pollutes nothing', () => {
    assert.equal(
      patched('{}', '{"op":"add","path":"/__proto__","value":{"polluted":1}}'),
      '{"__proto__":{"polluted":1}}',
    );
    assert.equal(({} as { polluted?: number }).polluted, undefined);
  });

  it('throws nothing but FhirError, whatever the documents and patches', () => {
    const key = fc.constantFrom('a', 'b', '0', '1', '-', '', '__proto__', '~0', '~1', '~');
    const pointer = fc.array(key, { maxLength: 4 }).map(tokens => tokens.map(token => `/${token}`).join(''));
    const value = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>;
    const small = fc.letrec<{ json: Json }>(tie => ({
      json: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom<Json>(1, 'x', null, true),
        fc.array(tie('json'), { maxLength: 3 }) as fc.Arbitrary<Json>,
        fc.dictionary(fc.constantFrom('a', 'b', '0', '_a'), tie('json'), { maxKeys: 3 }) as fc.Arbitrary<Json>,
      ),
    })).json;
    const operation = fc.record(
      {
        op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'x'),
        path: pointer,
        from: pointer,
        value,
      },
      { requiredKeys: ['op', 'path'] },
    );
    let accepted = 0;
    fc.assert(
      fc.property(small, fc.array(operation, { maxLength: 5 }), (document, operations) => {
        const before = JSON.stringify(document);
        const outcome = refusalOf(() => applyJsonPatch({ value: document }, { value: operations }));
        if (outcome === 'accepted') accepted++;
        assert.match(outcome, /^(accepted|400 patch-malformed|413 too-large|422 patch-(path|test|depth))$/);
        assert.equal(JSON.stringify(document), before);
      }),
      { numRuns: runsOf(2000) },
    );
    assert.ok(accepted > runsOf(200), `${accepted} patches were accepted`);
  });

  it('finds by test what add put there, and gets back by remove what was there before', () => {
    const value = fc.jsonValue({ maxDepth: 3 }).filter(each => !Object.is(each, -0)) as fc.Arbitrary<Json>;
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 4 }), value, fc.nat(), (list, added, at) => {
        const path = `/list/${at % (list.length + 1)}`;
        const document = { value: { list } };
        const [add1, test, remove] = [add(path, added), { op: 'test', path, value: added }, { op: 'remove', path }];
        const { value: whole } = applyJsonPatch(document, { value: [add1, test, remove] });
        assert.equal(JSON.stringify(whole), JSON.stringify(document.value));
        assert.doesNotThrow(() => applyJsonPatch(document, { value: [{ op: 'test', path: '', value: { list } }] }));
      }),
      { numRuns: runsOf(300) },
    );
  });
});
