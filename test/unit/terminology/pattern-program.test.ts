import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FhirError } from '../../../src/fhir/error.js';
import { compileProgram } from '../../../src/terminology/pattern-program.js';
import { parsePattern } from '../../../src/terminology/pattern-syntax.js';

/** The program as a line: `c` for a character, `first/second` for a split, the kind for all else. */
const program = (pattern: string): string =>
  compileProgram(parsePattern(pattern))
    .map(each => (each.kind === 'char' ? 'c' : each.kind === 'split' ? `${each.first}/${each.second}` : each.kind))
    .join(' ');

describe('programs of patterns', () => {
  it('go on from character to character', () => {
    assert.equal(program(''), 'match');
    assert.equal(program('^ab$'), 'start c c end match');
  });

  it('fork at alternatives and come together behind them', () => {
    assert.equal(program('a|b'), '1/3 c 4/4 c match');
  });

  it('repeat their instructions', () => {
    assert.equal(program('a{2}'), 'c c match');
    assert.equal(program('a{1,2}'), 'c 2/3 c match');
    assert.equal(program('a*'), '1/3 c 0/0 match');
    assert.equal(program('a*?'), program('a*'));
  });

  it('have an end to their size, however little the repeated makes', () => {
    for (const pattern of ['a{2000}', '(a{50}){50}', '(((){9999}){9999}){9999}'])
      assert.throws(
        () => program(pattern),
        (error: unknown) => error instanceof FhirError && error.kind === 'not-supported',
        pattern,
      );
  });
});
