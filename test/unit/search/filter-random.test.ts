import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { FhirError } from '../../../src/fhir/error.js';
import { FILTER_OPERATORS, readFilter } from '../../../src/search/filter-syntax.js';
import { normalise } from '../../../src/search/normalise.js';
import { all, any, type Where } from '../../../src/search/query.js';
import { filter, not, param, plain } from '../../support/filters.js';
import { runsOf } from '../../support/depth.js';

describe('_filter', () => {
  describe('of random filters', () => {
    /** A comparison and what it means. */
    const LEAVES: readonly (readonly [text: string, where: Where])[] = [
      ['given eq "a b)"', param('given', { kind: 'string', mode: 'equals', value: 'a b)' })],
      ['family co x(y', param('family', { kind: 'string', mode: 'contains', value: 'x(y' })],
      ['gender eq male', plain('Patient', 'gender=male')],
      ['birthdate ge 1980-05', plain('Patient', 'birthdate=ge1980-05')],
      ['active pr false', plain('Patient', 'active:missing=true')],
      ['identifier eq "and"', plain('Patient', 'identifier=and')],
      ['organization.name sw or', plain('Patient', 'organization.name=or')],
      [
        'organization[active eq true].name sw "not("',
        {
          kind: 'chain',
          code: 'organization',
          to: 'Organization',
          where: all(plain('Organization', 'active=true'), plain('Organization', 'name=not(')),
        },
      ],
    ];
    interface Case {
      readonly text: string;
      readonly where: Where;
      /** Needs no parentheses as a term. */
      readonly term: boolean;
    }
    const blank = fc.constantFrom(' ', '  ', '\t', '\n ');
    const { tree } = fc.letrec<{ tree: Case }>(tie => ({
      tree: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        fc.constantFrom(...LEAVES).map(([text, where]): Case => ({ text, where, term: true })),
        fc.tuple(tie('tree'), blank).map(([{ text, where }, space]): Case => {
          return { text: `not${space}(${space}${text})`, where: not(where), term: true };
        }),
        fc
          .tuple(
            tie('tree'),
            fc.array(fc.tuple(fc.constantFrom('and', 'or'), tie('tree'), fc.boolean(), blank), {
              minLength: 1,
              maxLength: 3,
            }),
          )
          .map(
            ([first, more]): Case =>
              more.reduce<Case>(
                (left, [word, right, brackets, space]) => ({
                  text: `${left.text}${space}${word}${space}${right.term && !brackets ? right.text : `(${right.text})`}`,
                  where: word === 'and' ? all(left.where, right.where) : any(left.where, right.where),
                  term: false,
                }),
                first,
              ),
          ),
      ),
    }));

    it('finds the tree that was printed', () => {
      let biggest = 0;
      fc.assert(
        fc.property(tree, ({ text, where }) => {
          biggest = Math.max(biggest, text.length);
          assert.deepEqual(filter('Patient', text), where);
        }),
        { numRuns: runsOf(500) },
      );
      assert.ok(biggest > 300, `${biggest}`);
    });

    it('finds every text again that JSON can write', () => {
      fc.assert(
        fc.property(fc.string({ unit: 'binary', minLength: 1 }), text => {
          const read = readFilter(`given eq ${JSON.stringify(text)}`);
          assert.ok(read.kind === 'compare');
          assert.equal(read.value, text);
          if (normalise(text) !== '')
            assert.deepEqual(
              filter('Patient', `given ne "x" or given eq ${JSON.stringify(text)}`),
              any(
                filter('Patient', 'given ne x'),
                param('given', { kind: 'string', mode: 'equals', value: normalise(text) }),
              ),
            );
        }),
      );
    });

    const PIECES = [...FILTER_OPERATORS, ...LEAVES.map(([text]) => text)].concat(
      'and or not ( ) [ ] . : " \\ given birthdate subject organization [name eq a] 1980 true a|b , \u0000 \ud800 😀'.split(
        ' ',
      ),
      ' ',
      '\n',
    );
    const junk = fc.oneof(
      tree.map(({ text }) => ` ${text}\n`),
      fc.string({ unit: 'binary' }),
      fc.array(fc.constantFrom(...PIECES), { maxLength: 30 }).map(pieces => pieces.join('')),
      fc.array(fc.constantFrom(...PIECES), { maxLength: 30 }).map(pieces => pieces.join(' ')),
      fc.tuple(tree, fc.nat(), fc.nat({ max: 3 }), fc.constantFrom(...PIECES)).map(([{ text }, at, length, piece]) => {
        const start = at % (text.length + 1);
        return text.slice(0, start) + piece + text.slice(start + length);
      }),
    );

    it('refuses junk as the client’s mistake, and with an offset inside the text', () => {
      let [accepted, refused] = [0, 0];
      fc.assert(
        fc.property(
          junk,
          fc.constantFrom('Patient', 'Patient', 'Observation', 'DocumentReference', 'Group'),
          (text, type) => {
            try {
              filter(type, text);
              accepted++;
            } catch (error) {
              refused++;
              assert.ok(error instanceof FhirError, String(error));
              assert.ok(error.status >= 400 && error.status < 500);
              assert.equal(error.issues[0]?.expression, 'http._filter');
              if (error.kind === 'too-costly') return;
              const at = /offset (\d+)/i.exec(error.message)?.[1];
              assert.ok(at !== undefined && Number(at) <= text.length, error.message);
            }
          },
        ),
        { numRuns: runsOf(3000) },
      );
      assert.ok(accepted > runsOf(100) && refused > runsOf(1000), `${accepted} accepted, ${refused} refused`);
    });
  });
});
