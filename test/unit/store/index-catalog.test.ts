import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { createIndexCatalog, parameterCodeEntries } from '../../../src/store/index-catalog.js';

describe('numbers of custom parameter codes', () => {
  it('are given in the order asked, each code once, and never again to another', () => {
    const facts = createIndexCatalog();
    assert.equal(facts.parameter('race'), undefined);
    const first = parameterCodeEntries(facts, ['race', 'ethnicity', 'race']);
    facts.add(first);
    assert.deepEqual(
      first.map(({ value }) => value),
      ['race', 'ethnicity'],
    );
    const numbers = ['race', 'ethnicity'].map(code => facts.parameter(code));
    assert.equal(new Set(numbers).size, 2);
    assert.deepEqual(parameterCodeEntries(facts, ['ethnicity', 'race']), []);
    facts.add(parameterCodeEntries(facts, ['a-code-before-all-others']));
    assert.deepEqual(
      ['race', 'ethnicity'].map(code => facts.parameter(code)),
      numbers,
    );
    assert.ok(!numbers.includes(facts.parameter('a-code-before-all-others')));
  });

  it('are the same when they are read from the store again, beside facts of other kinds', () => {
    const facts = createIndexCatalog();
    const all = [
      ...parameterCodeEntries(facts, ['x', 'y']),
      { id: 's01', value: 'urn:test' },
      { id: 'uPaG8s01', value: '' },
    ];
    facts.add(all);
    const again = createIndexCatalog(all.toReversed());
    for (const code of ['x', 'y']) assert.equal(again.parameter(code), facts.parameter(code));
    assert.equal(again.parameters, 2);
    assert.equal(again.systems, 1);
    assert.deepEqual(again.uses('PaG8'), ['s01']);
  });

  it('have two characters each, until there are none left', () => {
    const facts = createIndexCatalog();
    const many = Array.from({ length: 2844 }, (_, i) => `code-${i}`);
    facts.add(parameterCodeEntries(facts, many));
    assert.equal(new Set(many.map(code => facts.parameter(code))).size, many.length);
    for (const code of many) assert.equal(facts.parameter(code)?.length, 2);
    assert.throws(() => parameterCodeEntries(facts, ['one-more']), { kind: 'unprocessable' });
    assert.deepEqual(parameterCodeEntries(facts, ['code-7']), []);
  });
});
