/** Words, the language of full text queries, and what they mean. https://hl7.org/fhir/R4/search.html#text */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { FhirError } from '../../../src/fhir/error.js';
import type { Words } from '../../../src/search/query.js';
import { VALUE_BOUNDARY, MAX_WORD, parseWords, containsWords, wordsIn } from '../../../src/search/words.js';
import { runsOf } from '../../support/depth.js';

const parse = (value: string): Words => parseWords('_content', value);

function refusal(value: string): FhirError {
  try {
    parse(value);
  } catch (error) {
    if (error instanceof FhirError) return error;
    throw error;
  }
  return assert.fail('It was accepted.');
}

describe('words', () => {
  const rows: readonly (readonly [why: string, text: string, words: readonly string[]])[] = [
    ['are runs of letters and digits', 'Heart-failure, NYHA 2b!', ['heart', 'failure', 'nyha', '2b']],
    ['know no case and no accents', 'ÉCOLE Straße ﬁèvre', ['ecole', 'strasse', 'fievre']],
    ['are the same composed and decomposed', 'e\u0301 \u00e9', ['e', 'e']],
    ['stay in one piece around invisible marks', 'Arznei\u00admittel می\u200cخواهم', ['arzneimittel', 'میخواهم']],
    ['leave trade marks out', 'Tylenol™ Extra', ['tylenol', 'extra']],
    ['are Cyrillic', 'Инфаркт миокарда', ['инфаркт', 'миокарда']],
    ['are Greek, with one sigma', 'ΝΌΣΟΣ νόσος', ['νοσοσ', 'νοσοσ']],
    ['are Arabic, without vowel marks', 'السُّكَّري', ['السكري']],
    ['are single letters in Chinese', '左肺炎 CT', ['左', '肺', '炎', 'ct']],
    ['part Latin from Chinese without a blank', 'CT肺2', ['ct', '肺', '2']],
    ['are beyond the basic plane', '𐐀𐐁 𝟘', ['𐐨𐐩', '0']],
    ['are none in punctuation', ' -- \u00b7 🩺 \ud800 \u0000', []],
  ];
  for (const [why, text, words] of rows) it(why, () => assert.deepEqual(wordsIn(text), words));

  it('are cut at 64 characters, but never inside one', () => {
    assert.deepEqual(wordsIn('a'.repeat(100)), ['a'.repeat(MAX_WORD)]);
    const [cut = ''] = wordsIn(`a${'𐐨'.repeat(50)}`);
    assert.equal(cut, `a${'𐐨'.repeat(31)}`);
  });

  it('are one piece of letters and digits, whatever the text', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), text => {
        for (const word of wordsIn(text)) {
          assert.match(word, /^[\p{L}\p{N}]{1,64}$/u);
          assert.deepEqual(wordsIn(word), [word]);
        }
      }),
      { numRuns: runsOf(2000) },
    ));
});

describe('a full text query', () => {
  const word = (text: string): Words => ({ kind: 'word', word: text });
  const phrase = (...words: string[]): Words => ({ kind: 'phrase', words });
  const and = (...of: Words[]): Words => ({ kind: 'and', of });
  const or = (...of: Words[]): Words => ({ kind: 'or', of });
  const not = (of: Words): Words => ({ kind: 'not', of });

  const rows: readonly (readonly [value: string, words: Words])[] = [
    ['Bone', word('bone')],
    ['bone liver', and(word('bone'), word('liver'))],
    ['bone and liver AND x', and(word('bone'), word('liver'), word('x'))],
    ['bone or liver OR x', or(word('bone'), word('liver'), word('x'))],
    ['bone|liver', or(word('bone'), word('liver'))],
    ['bone,liver', or(word('bone'), word('liver'))],
    ['bone or a b', or(word('bone'), and(word('a'), word('b')))],
    ['a b,c d', or(and(word('a'), word('b')), and(word('c'), word('d')))],
    ['(bone OR liver) and metastases', and(or(word('bone'), word('liver')), word('metastases'))],
    ['((bone))', word('bone')],
    ['not bone', not(word('bone'))],
    ['a -bone', and(word('a'), not(word('bone')))],
    ['a and not (b or c)', and(word('a'), not(or(word('b'), word('c'))))],
    ['a (-b|c)', and(word('a'), or(not(word('b')), word('c')))],
    ['not not a', word('a')],
    ['"heart failure"', phrase('heart', 'failure')],
    ['-"heart failure" a', and(not(phrase('heart', 'failure')), word('a'))],
    ['"Heart"', word('heart')],
    ['"or"', word('or')],
    ['COVID-19', phrase('covid', '19')],
    [String.raw`a\,b`, phrase('a', 'b')],
    [String.raw`"a\, b" c\|d`, and(phrase('a', 'b'), phrase('c', 'd'))],
    ['肺炎', phrase('肺', '炎')],
    ['hear*', { kind: 'word', word: 'hear', starts: true }],
    ['ÉC*', { kind: 'word', word: 'ec', starts: true }],
  ];
  for (const [value, words] of rows) it(`may be ${value}`, () => assert.deepEqual(parse(value), words));

  for (const value of [
    '!',
    'a & b',
    'a - b',
    'a -',
    '-',
    '""',
    '"a',
    'a"',
    '"a, b"',
    '(a',
    'a)',
    '()',
    ')a(',
    '(a,b)',
    'a or',
    'or a',
    'and',
    'a and and b',
    'not',
    'a not',
    'a,',
    ',a',
    'a,,b',
    'a*',
    '*',
    '*a',
    'ab*c',
    'ab**',
    '"ab*"',
    'covid-19*',
    '肺*',
    '🩺',
  ])
    it(`is not ${value}`, () => {
      const error = refusal(value);
      assert.equal(error.kind, 'invalid');
      assert.equal(error.issues[0]?.expression, 'http._content');
    });

  it('has 32 words at most, however they are put', () => {
    const words = Array.from({ length: 33 }, (_, i) => `w${i}`);
    for (const between of [' ', ',', ' or ', '-']) assert.equal(refusal(words.join(between)).kind, 'too-costly');
    assert.equal(refusal('肺'.repeat(33)).kind, 'too-costly');
    assert.ok(parse(words.slice(1).join(' ')));
  });

  it('has 16 parentheses in one another at most', () => {
    assert.deepEqual(parse(`${'('.repeat(16)}a${')'.repeat(16)}`), word('a'));
    assert.equal(refusal(`${'('.repeat(4000)}a${')'.repeat(4000)}`).kind, 'too-costly');
  });

  it('takes thousands of negations', () => assert.deepEqual(parse(`${'not '.repeat(2000)}a`), word('a')));

  it('never shows what was asked in its errors', () => {
    for (const value of ['"smith', '(smith', 'smith*x', 'smith or'])
      assert.doesNotMatch(JSON.stringify(refusal(value).issues), /smith/);
  });

  it('gives a query or a FhirError, whatever it is', () => {
    const pieces = fc.constantFrom(
      ' ',
      '(',
      ')',
      '"',
      '-',
      '|',
      ',',
      '*',
      '\\',
      ' or ',
      ' and ',
      'not ',
      'ab',
      '肺',
      'é',
    );
    const value = fc.oneof(
      fc.array(pieces, { maxLength: 14 }).map(all => all.join('')),
      fc.string({ unit: 'binary', maxLength: 30 }),
    );
    fc.assert(
      fc.property(value, text => {
        let words: Words;
        try {
          words = parse(text);
        } catch (error) {
          assert.ok(error instanceof FhirError, String(error));
          assert.ok(error.kind === 'invalid' || error.kind === 'too-costly', error.kind);
          return;
        }
        assert.equal(typeof containsWords(words, wordsIn(text)), 'boolean');
      }),
      { numRuns: runsOf(5000) },
    );
  });

  it('reads 8 KB of anything in no time', () => {
    for (const piece of ['"', '(', '-', '\\', 'a"', '|', 'not ', '" "', '-('])
      assert.throws(() => parse(piece.repeat(8192 / piece.length)), FhirError);
  });
});

describe('says', () => {
  const sequence = [...wordsIn('Heart failure with edema'), VALUE_BOUNDARY, ...wordsIn('left ventricle heart')];
  const rows: readonly (readonly [value: string, holds: boolean])[] = [
    ['heart', true],
    ['hear', false],
    ['hear*', true],
    ['heart*', true],
    ['hearts*', false],
    ['heart left', true],
    ['heart liver', false],
    ['liver or left', true],
    ['liver,left', true],
    ['-liver', true],
    ['-heart', false],
    ['heart -liver', true],
    ['heart not edema', false],
    ['"heart failure"', true],
    ['"failure heart"', false],
    ['"edema left"', false],
    ['"ventricle heart"', true],
    ['"heart failure with edema"', true],
    ['"heart failure with edema left"', false],
    ['-"heart attack"', true],
    ['(liver or left) and (edema or kidney)', true],
    ['not (liver or left)', false],
  ];
  for (const [value, holds] of rows)
    it(`${value}: ${holds}`, () => assert.equal(containsWords(parse(value), sequence), holds));

  it('finds a phrase that begins anew within itself', () =>
    assert.ok(containsWords(parse('"a a b"'), ['a', 'a', 'a', 'b'])));

  it('holds for nothing said where a query has negations alone', () => {
    for (const value of ['-a', 'not (a b)', '-a or b', '-"a b" -cc*'])
      assert.ok(containsWords(parse(value), []), value);
    for (const value of ['a', 'a -b', '(a -b) or c']) assert.ok(!containsWords(parse(value), []), value);
  });
});
