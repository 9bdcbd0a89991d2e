/**
 * Profiles and resources of others keep nobody waiting: what takes long is done in many turns. The longest turn is compared with the whole
 * work, whatever the machine.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import type { JsonObject } from '../../../src/fhir/resource.js';
import { checkerOf, issuesOf, PROFILE, profileOf } from '../../support/profiles.js';
import { turnsOf } from '../../support/turns.js';

/** The part of the whole work that one turn may take. */
const MOST_OF_ALL = 1 / 3;

const range = (length: number): number[] => Array.from({ length }, (_, at) => at);
const ALONE = { base: false, claims: false };

/** A checker that knows a profile of Patient with so many constraints, of which all hold where there is no name. */
function withConstraints(count: number, expression: (at: number) => string, origin = 'guide') {
  const constraint = range(count).map(at => ({
    ...{ key: `k-${at}`, severity: 'error', human: 'a rule' },
    expression: expression(at),
  }));
  const profile = profileOf('Patient', [], {
    snapshot: { element: [{ path: 'Patient', min: 0, max: '*', constraint }] as JsonObject[] },
  });
  return checkerOf([{ origin, resources: [profile] }]);
}

const keysOf = (issues: readonly { readonly diagnostics?: string }[]): (string | undefined)[] =>
  issues.map(({ diagnostics }) => diagnostics?.split(' ')[0]);

describe('a profile with very many constraints', () => {
  // What is loaded at first use is no part of it.
  before(() =>
    issuesOf(
      withConstraints(2, () => 'birthDate + 1 year > @2000'),
      { resourceType: 'Patient' },
      [PROFILE],
      ALONE,
    ),
  );

  const rows: [what: string, count: number, expression: (at: number) => string, broken: number][] = [
    ['that are compiled', 10_000, at => `name.where(family = 'a${at}').given.count() < 1`, 9999],
    // More of them than are kept parsed at a time.
    ['that the engine evaluates', 1200, at => `name.given.indexOf('a${at}.') != 0`, 1199],
  ];
  for (const [what, count, expression, broken] of rows)
    it(`${what} is checked in many turns, to the last of them`, async () => {
      const checker = withConstraints(count, expression);
      const patient = { resourceType: 'Patient', name: [{ family: `a${broken}`, given: [`a${broken}.`] }] };
      for (const round of ['first', 'second']) {
        let found: (string | undefined)[] = [];
        const {
          longest,
          total,
          count: turns,
        } = await turnsOf(async () => {
          found = keysOf(await issuesOf(checker, patient, [PROFILE], ALONE));
        });
        assert.deepEqual(found, [`k-${broken}`], round);
        if (round === 'first') assert.ok(longest < total * MOST_OF_ALL, `${longest} of ${total} ms, ${turns} turns`);
      }
    });

  it('costs what it costs again when it was forgotten, and says so where that is too much', async () => {
    const checker = withConstraints(3000, at => `name.given.indexOf('${'a'.repeat(40)}${at}') != 0`);
    await assert.rejects(
      issuesOf(checker, { resourceType: 'Patient', name: [{ given: ['b'] }] }, [PROFILE], ALONE),
      /takes too long/,
    );
  });
});
