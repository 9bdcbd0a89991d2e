import assert from 'node:assert/strict';
import { assert as check, property, string } from 'fast-check';
import { describe, it } from 'mocha';
import { normalise } from '../../../src/search/normalise.js';

describe('normalise', () => {
  const rows: readonly [text: string, norm: string][] = [
    ['Eve', 'eve'],
    ['MÜLLER', 'muller'],
    ['mu\u0308ller', 'muller'],
    ['Straße', 'strasse'],
    ['ﬁne', 'fine'],
    ['  two   blanks\t\n here ', 'two blanks here'],
    ['İstanbul', 'istanbul'],
    ['ΟΔΟΣ', 'οδοσ'],
    ['οδός', 'οδοσ'],
    ['Ａ１', 'a1'],
    ['Smith, Jr.', 'smith, jr.'],
    ['non\u00a0breaking', 'non breaking'],
    ['', ''],
    ['\u0301', ''],
  ];
  for (const [text, norm] of rows)
    it(`gives ${JSON.stringify(norm)} for ${JSON.stringify(text)}`, () => assert.equal(normalise(text), norm));

  it('changes nothing the second time', () => {
    check(property(string({ unit: 'grapheme' }), text => assert.equal(normalise(normalise(text)), normalise(text))));
  });
});
