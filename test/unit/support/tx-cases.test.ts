/** The comparison of terminology answers must be able to fail: it decides what test/conformance/terminology/tx-cases.test.ts finds. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { difference, toR5, verdictOf } from '../../support/tx-cases.js';

describe('an expected answer', () => {
  it('is met by the same, in another order, and by what its templates stand for', () => {
    const expected = {
      $count$: 1,
      id: '$id$',
      when: '$instant$',
      level: '$choice:a|b$',
      text: '$external:1:needle$',
      url: 'http://x|$version$',
      list: [{ name: 'a' }, { name: 'b', $optional$: true }, { name: 'c' }],
      '$optional-properties$': ['extra', 'more'],
      more: 1,
    };
    const { $count$: _, ...plain } = expected;
    const met = { id: 'x', when: '2020-01-01T00:00:00Z', level: 'b', text: 'a needle here', url: 'http://x|4.0.1' };
    assert.equal(difference(plain, { ...met, list: [{ name: 'c' }, { name: 'a' }], extra: true }), undefined);
    assert.equal(difference(plain, { ...met, list: [{ name: 'b' }, { name: 'c' }, { name: 'a' }] }), undefined);
    for (const [what, other] of Object.entries({
      id: { ...met, id: 'no id' },
      level: { ...met, level: 'c' },
      text: { ...met, text: 'hay' },
      url: { ...met, url: 'http://y|1' },
      nothing: {},
    }))
      assert.ok(difference(plain, { ...other, list: [{ name: 'a' }, { name: 'c' }] }), what);
    assert.ok(difference(plain, { ...met, list: [{ name: 'a' }] }), 'an item is missing');
    assert.ok(
      difference(plain, { ...met, list: [{ name: 'a' }, { name: 'c' }, { name: 'd' }] }),
      'an item is too much',
    );
    assert.ok(difference(plain, { ...met, list: [{ name: 'a' }, { name: 'c' }], other: 1 }), 'a property is too much');
  });

  it('may leave out the place that an issue repeats, and no other', () => {
    const issue = { code: 'invalid', expression: ['Coding.code'] };
    assert.equal(difference(issue, { ...issue, location: ['Coding.code'] }), undefined);
    assert.ok(difference(issue, { ...issue, location: ['Coding'] }));
    assert.ok(difference({ ...issue, location: ['Coding.code'] }, issue));
  });

  it('is of R5, and its verdict is what matters most', () => {
    const extension = {
      url: 'http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.expansion.contains.property',
      extension: [
        { url: 'code', valueCode: 'status' },
        { url: 'value', valueCode: 'retired' },
      ],
    };
    assert.deepEqual(toR5({ code: 'a', extension: [extension, { url: 'x' }] }), {
      code: 'a',
      extension: [{ url: 'x' }],
      property: [{ code: 'status', valueCode: 'retired' }],
    });
    const set = (...codes: string[]) => ({
      resourceType: 'ValueSet',
      expansion: { contains: codes.map(code => ({ code })) },
    });
    assert.equal(verdictOf(set('a', 'b')), verdictOf(set('b', 'a')));
    assert.notEqual(verdictOf(set('a', 'b')), verdictOf(set('a')));
    const answer = (valueBoolean: boolean) => ({
      resourceType: 'Parameters',
      parameter: [{ name: 'result', valueBoolean }],
    });
    assert.notEqual(verdictOf(answer(true)), verdictOf(answer(false)));
  });
});
