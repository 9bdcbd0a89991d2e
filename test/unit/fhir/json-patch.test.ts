/** https://www.rfc-editor.org/rfc/rfc6902, with the examples of its appendix from the reference data. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { box, type Tree, unbox } from '../../../src/fhir/digits.js';
import { FhirError } from '../../../src/fhir/error.js';
import { applyJsonPatch } from '../../../src/fhir/json-patch.js';
import { parseAnyJson } from '../../../src/fhir/json.js';
import { print } from '../../../src/fhir/print.js';
import type { Json, JsonObject } from '../../../src/fhir/resource.js';
import { readText, skipWithout } from '../../support/shared.js';

interface Vector {
  readonly comment?: string;
  readonly doc: Json;
  readonly patch: Json;
  readonly expected?: Json;
  readonly error?: string;
  readonly disabled?: boolean;
}

const apply = (document: Json, patch: Json): Json =>
  unbox(applyJsonPatch(box(structuredClone(document), undefined), box(patch, undefined))).value;

const kindOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof FhirError) return error.kind;
    throw error;
  }
  return 'none';
};

describe('JSON Patch', () => {
  it('does what the published vectors say', function () {
    const vectors = JSON.parse(
      readText(skipWithout(this, 'data', 'patch-vectors', 'json-patch-tests.json')),
    ) as Vector[];
    const active = vectors.filter(({ disabled }) => !disabled);
    assert.ok(active.length > 10);
    for (const { comment, doc, patch, expected, error } of active)
      if (error !== undefined)
        assert.match(
          kindOf(() => apply(doc, patch)),
          /^(invalid|unprocessable)$/,
          comment ?? error,
        );
      // An object that a removal emptied goes, too; RFC 6902 leaves it.
      else assert.deepEqual(apply(doc, patch), expected ?? doc, comment ?? JSON.stringify(patch));
  });

  it('carries the digits of numbers along, and compares numbers by value', () => {
    const { value, decimals } = parseAnyJson(Buffer.from('{"a":{"n":1.00,"list":[2.50,3.0,4]},"b":0.10}'), {
      maxDepth: 9,
    });
    const patch = parseAnyJson(
      Buffer.from(
        '[{"op":"test","path":"/a/n","value":1},{"op":"move","from":"/a/n","path":"/c"},{"op":"remove","path":"/a/list/0"},' +
          '{"op":"copy","from":"/a/list/0","path":"/d"},{"op":"add","path":"/e","value":7.000}]',
      ),
      { maxDepth: 9 },
    );
    const patched = unbox(applyJsonPatch(box(value, decimals), box(patch.value, patch.decimals)));
    assert.equal(
      print(patched.value as JsonObject, patched.decimals),
      '{"a":{"list":[3.0,4]},"b":0.10,"c":1.00,"d":3.0,"e":7.000}',
    );
  });

  it('drops what removals left empty, and keeps an empty array that is filled again', () => {
    assert.deepEqual(apply({ a: [{ b: 1 }], c: 1 }, [{ op: 'remove', path: '/a/0/b' }]), { c: 1 });
    const refill = [
      { op: 'remove', path: '/a/0' },
      { op: 'add', path: '/a/-', value: 2 },
    ];
    assert.deepEqual(apply({ a: [1] }, refill), { a: [2] });
    assert.deepEqual(apply({ a: 1 }, [{ op: 'add', path: '/b', value: [] }]), { a: 1, b: [] });
  });

  const rows: readonly (readonly [string, Json, string])[] = [
    ['an object', { op: 'add', path: '/a', value: 1 }, 'invalid'],
    ['an operation that is none', [3], 'invalid'],
    ['an unknown op', [{ op: 'merge', path: '/a' }], 'invalid'],
    ['no path', [{ op: 'remove' }], 'invalid'],
    ['a pointer without a slash', [{ op: 'remove', path: 'a' }], 'invalid'],
    ['a pointer with a lone tilde', [{ op: 'remove', path: '/a~2' }], 'invalid'],
    ['an add without a value', [{ op: 'add', path: '/b' }], 'invalid'],
    ['a move without from', [{ op: 'move', path: '/b' }], 'invalid'],
    ['a place that is not there', [{ op: 'remove', path: '/nothing' }], 'unprocessable'],
    ['a test that fails', [{ op: 'test', path: '/a/0', value: 9 }], 'unprocessable'],
    ['an index beyond the end', [{ op: 'add', path: '/a/7', value: 1 }], 'unprocessable'],
    ['an index with a leading zero', [{ op: 'remove', path: '/a/00' }], 'unprocessable'],
    ['a move into itself', [{ op: 'move', from: '/o', path: '/o/x' }], 'unprocessable'],
    ['the removal of everything', [{ op: 'remove', path: '' }], 'unprocessable'],
    ['inherited members', [{ op: 'remove', path: '/constructor' }], 'unprocessable'],
    ['too many operations', Array.from({ length: 1001 }, () => ({ op: 'test', path: '/a/0', value: 1 })), 'too-large'],
    [
      'copies of copies',
      Array.from({ length: 40 }, (_, i) => ({ op: 'copy', from: '', path: `/o/x${i}` })),
      'too-large',
    ],
  ];
  for (const [title, patch, kind] of rows)
    it(`refuses ${title} as ${kind}`, () => {
      assert.equal(
        kindOf(() => apply({ a: [1, 2], o: { p: 1 } }, patch)),
        kind,
      );
    });

  it('throws nothing but its own errors, whatever it is given', () => {
    const tree = fc.jsonValue({ maxDepth: 3 });
    const path = fc
      .array(fc.constantFrom('a', 'b', '0', '1', '-', '', '~1', '__proto__', 'constructor'), { maxLength: 3 })
      .map(tokens => tokens.map(token => `/${token}`).join(''));
    const operation = fc.record(
      { op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test'), path, from: path, value: tree },
      { requiredKeys: ['op', 'path'] },
    );
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('a', 'b', '0'), tree),
        fc.array(operation, { maxLength: 6 }),
        (document, patch) => {
          const kind = kindOf(() => apply(document as Json, patch as Json));
          assert.match(kind, /^(none|invalid|unprocessable)$/);
        },
      ),
      { numRuns: 2000 },
    );
    assert.equal(({} as Record<string, Tree>)['a'], undefined);
  });
});
