import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import fc from 'fast-check';
import { createBudget } from '../../../src/terminology/budget.js';
import { compilePattern } from '../../../src/terminology/pattern.js';
import { FhirError } from '../../../src/fhir/error.js';
import { runsOf } from '../../support/depth.js';

const matches = (pattern: string, text: string): boolean => compilePattern(pattern)(text, createBudget());

/** Patterns that JavaScript reads as we do. */
const pattern: fc.Arbitrary<string> = fc.letrec<{ node: string; atom: string }>(tie => ({
  atom: fc.oneof(
    fc.constantFrom('a', 'b', '-', '1', '.', '[ab]', '[^a]', '[a-c1]', '\\d', '\\w', '\\.', '\\-', '\\S'),
    tie('node').map(node => `(${node})`),
    tie('node').map(node => `(?:${node})`),
  ),
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('atom'),
    fc
      .tuple(tie('atom'), fc.constantFrom('*', '+', '?', '{2}', '{1,3}', '{0,2}', '{1,}', '*?', '??'))
      .map(pair => pair.join('')),
    fc.tuple(tie('node'), tie('node')).map(pair => pair.join('')),
    fc.tuple(tie('node'), tie('node')).map(pair => pair.join('|')),
  ),
})).node;

describe('patterns of value set filters', () => {
  it('match the whole text', () => {
    assert.equal(matches('[0-9]{3}', '276'), true);
    assert.equal(matches('[0-9]{3}', '2766'), false);
    assert.equal(matches('[0-9]{3}', 'x276'), false);
    assert.equal(matches('^[A-Z]{3}$', 'DEU'), true);
    assert.equal(matches('a|bc', 'bc'), true);
    assert.equal(matches('a|bc', 'abc'), false);
    assert.equal(matches('', ''), true);
    assert.equal(matches('a$b', 'ab'), false);
    assert.equal(matches('$^', ''), true);
    assert.equal(matches('(^a|b)+$', 'ab'), true);
    assert.equal(matches('(^a|b)+$', 'aa'), false);
  });

  it('agree with JavaScript on what both understand', () => {
    fc.assert(
      fc.property(
        pattern,
        fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1', '-', '.', ' '), maxLength: 8 }),
        (source, text) => {
          assert.equal(matches(source, text), new RegExp(`^(?:${source})$`).test(text));
        },
      ),
      { numRuns: runsOf(3000) },
    );
  });

  it('are as fast on patterns that take JavaScript for ever', () => {
    const text = `${'a'.repeat(2000)}b`;
    for (const source of ['(a+)+', '(a|a)*', '(a*)*', '(.*)*', '([a-z]+)*c', '(a|aa)+'])
      assert.equal(matches(source, text), source === '(.*)*', source);
  });

  it('read characters, not halves of them', () => {
    assert.equal(matches('.', '😀'), true);
    assert.equal(matches('[😀-😂]x', '😁x'), true);
  });

  it('are refused where they remember, look around, are wrong or too large', () => {
    for (const source of [
      '(a)\\1',
      '(?=a)a',
      '(?<n>a)',
      '\\bfoo',
      '\\p{L}',
      '(a',
      'a)',
      '[a',
      '*a',
      'a**',
      'a{2',
      'a{3,2}',
      '[z-a]',
      'a\\',
      '(a{1000}){1000}',
      '(((){9999}){9999}){9999}',
      '('.repeat(100) + ')'.repeat(100),
      'a'.repeat(501),
    ])
      assert.throws(
        () => compilePattern(source),
        (error: unknown) =>
          error instanceof FhirError && error.kind === 'not-supported' && !error.message.includes(source),
        source.slice(0, 30),
      );
  });

  it('end with too-costly when they take too many steps', () => {
    const hard = compilePattern('(.?){300}');
    const budget = createBudget();
    assert.throws(
      () => {
        for (let count = 0; count < 100_000; count++) hard('x'.repeat(300), budget);
        assert.fail('it did not end');
      },
      (error: unknown) => error instanceof FhirError && error.kind === 'too-costly',
    );
  });
});
