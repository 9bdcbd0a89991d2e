import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { MAX_CHAIN_TYPES, MAX_CHAIN } from '../../../src/search/chain.js';
import { MAX_COMPARISONS, MAX_HEIGHT, FILTER_OPERATORS } from '../../../src/search/filter-syntax.js';
import { offeredBy } from '../../../src/search/filter-value.js';
import { needParameter } from '../../../src/search/scope.js';
import type { SearchType } from '../../../src/search/parameters.js';
import { filter, refusal, scope } from '../../support/filters.js';

describe('_filter', () => {
  describe('refuses', () => {
    const EXAMPLES: Readonly<Record<SearchType, readonly [type: string, code: string, value: string]>> = {
      string: ['Patient', 'family', 'a'],
      token: ['Patient', 'identifier', 'a'],
      date: ['Patient', 'birthdate', '1980'],
      number: ['RiskAssessment', 'probability', '1'],
      quantity: ['Observation', 'value-quantity', '1'],
      reference: ['Observation', 'subject', 'Patient/1'],
      uri: ['ValueSet', 'url', 'http://a.example'],
      composite: ['Observation', 'code-value-quantity', 'a$1'],
      special: ['Location', 'near', '1|2'],
    };
    for (const [kind, [type, code, value]] of Object.entries<readonly [string, string, string]>(EXAMPLES))
      for (const operator of FILTER_OPERATORS) {
        const text = `${code} ${operator} ${operator === 'pr' ? 'true' : value}`;
        const offered = offeredBy(needParameter(code, scope(type)), scope(type)).includes(operator);
        it(`${offered ? 'not ' : ''}${operator} on ${kind} parameters`, () => {
          if (offered) return assert.ok(filter(type, text));
          const error = refusal(type, text);
          assert.equal(error.kind, 'not-supported');
          assert.equal(error.issues[0]?.detail, 'unknown-operator');
          assert.match(error.message, new RegExp(`Offset ${code.length + 1} `));
        });
      }

    for (const [text, at] of [
      ['', 0],
      ['   ', 3],
      ['(', 1],
      ['()', 1],
      ['5 eq a', 0],
      ['given', 5],
      ['given ', 6],
      ['given eq', 8],
      ['given eq ', 9],
      ['given eq )', 9],
      ['given eqa', 6],
      ['given EQ a', 6],
      ['given like a', 6],
      ['given eq "a', 9],
      ['given eq "a\\"', 9],
      ['given eq "a\\x"', 9],
      ['given eq "a\nb"', 9],
      ['given eq "\\ud800"', 9],
      ['given eq ""', 9],
      ['given eq "\u0301"', 9],
      ['given eq a b', 11],
      ['given eq "a"b', 12],
      ['given eq a)', 10],
      ['given eq a]', 10],
      ['(given eq a', 11],
      ['(given eq a]', 11],
      ['given eq a and', 14],
      ['given eq a and and', 18],
      ['given eq a AND given eq b', 11],
      ['given eq a and_x eq b', 11],
      ['given eq a xor given eq b', 11],
      ['not given eq a', 4],
      ['given:exact eq a', 5],
      ['given:exact', 11],
      ['organization..name eq a', 13],
      ['organization. eq a', 13],
      ['.name eq a', 0],
      ['organization[name eq a] eq a', 23],
      ['organization[name eq a]name eq a', 23],
      ['organization[name eq a.name eq a', 28],
      ['organization[].name eq a', 13],
      ['birthdate eq 2023-02-29', 13],
      ['birthdate eq ge2023', 13],
      ['given eq a and (gender eq b or birthdate ge soon)', 44],
      ['organization.active pr yes', 23],
      ['gender pr 1', 10],
      ['identifier eq |', 14],
      ['identifier ss a|', 14],
    ] as const)
      it(`${JSON.stringify(text)} at offset ${at}`, () => {
        const error = refusal('Patient', text);
        assert.equal(error.kind, 'invalid');
        assert.deepEqual([error.issues[0]?.detail, error.issues[0]?.expression], ['invalid-filter', 'http._filter']);
        assert.match(error.message, new RegExp(`at offset ${at}:`));
      });

    for (const [text, detail, at] of [
      ['familly eq a', 'unknown-parameter', 0],
      ['given eq a and (not(colour eq b))', 'unknown-parameter', 20],
      ['general-practitioner.colour eq a', 'unknown-parameter', 21],
      ['name[use eq official].family eq a', 'unknown-parameter', 0],
      ['organization[colour eq a].name eq b', 'unknown-parameter', 13],
      ['organization:Group.name eq b', 'unknown-modifier', 0],
      ['_has eq a', 'unknown-parameter', 0],
      ['__proto__ eq a', 'unknown-parameter', 0],
      ['_text co a', 'unknown-parameter', 0],
    ] as const)
      it(`${text} for its name`, () => {
        const error = refusal('Patient', text);
        assert.equal(error.kind, 'not-supported');
        assert.deepEqual([error.issues[0]?.detail, error.issues[0]?.expression], [detail, 'http._filter']);
        assert.match(error.message, new RegExp(`Offset ${at} of _filter`));
      });

    it('with the name that was meant', () => assert.match(refusal('Patient', 'familly eq a').message, /family\?/));

    it('without ever repeating a value', () => {
      for (const text of [
        'birthdate eq SECRET',
        'given eq a SECRET',
        'given SECRET a',
        'gender pr SECRET',
        'given eq "SECRET',
        'given eq "SECRET\\x"',
        'birthdate sw SECRET',
        'relatesTo[code eq SECRET].target gt SECRET',
        'identifier eq |SECRET and birthdate eq "SECRET"',
      ]) {
        const error = refusal(text.startsWith('relates') ? 'DocumentReference' : 'Patient', text);
        assert.doesNotMatch(JSON.stringify([error.message, error.issues]), /SECRET/);
      }
    });
  });

  describe('is limited', () => {
    const one = 'gender eq male';
    const costly = (text: string) => assert.equal(refusal('Patient', text).kind, 'too-costly');
    const nested = (levels: number) => `${'('.repeat(levels)}${one}${')'.repeat(levels)}`;
    const alternating = (changes: number) =>
      Array.from({ length: changes }, (_, at) => ` ${at % 2 ? 'and' : 'or'} ${one}`).reduce((a, b) => a + b, one);

    it('in comparisons', () => {
      assert.ok(filter('Patient', Array(MAX_COMPARISONS).fill(one).join(' and ')));
      costly(
        Array(MAX_COMPARISONS + 1)
          .fill(one)
          .join(' and '),
      );
    });

    it('in parentheses, brackets, nots and changes between and and or', () => {
      assert.ok(filter('Patient', nested(MAX_HEIGHT)));
      assert.ok(filter('Patient', alternating(MAX_HEIGHT)));
      assert.ok(filter('Patient', `${'not('.repeat(MAX_HEIGHT)}${one}${')'.repeat(MAX_HEIGHT)}`));
      costly(nested(MAX_HEIGHT + 1));
      costly(alternating(MAX_HEIGHT + 1));
      costly(`${one} and (${alternating(MAX_HEIGHT)})`);
      costly('('.repeat(8000));
      costly('not('.repeat(2000));
      costly('a['.repeat(4000));
    });

    it('in links', () => {
      const path = (links: number) => `organization.${'partof.'.repeat(links - 1)}name eq a`;
      assert.ok(filter('Patient', path(MAX_CHAIN)));
      costly(path(MAX_CHAIN + 1));
      assert.equal(
        refusal('Patient', `organization[${path(MAX_CHAIN).replace('organization', 'partof')}].name eq a`).kind,
        'too-costly',
      );
    });

    it('in types that paths may lead through', () => {
      const many = `focus.${'focus.'.repeat(4)}code eq a`;
      const error = refusal('Observation', many);
      assert.equal(error.kind, 'too-costly');
      assert.equal(error.issues[0]?.expression, 'http._filter');
      const paths = Math.floor(MAX_CHAIN_TYPES / 4);
      assert.ok(paths > MAX_COMPARISONS);
      assert.ok(filter('Observation', Array(MAX_COMPARISONS).fill('subject.name eq a').join(' or ')));
    });
  });
});
