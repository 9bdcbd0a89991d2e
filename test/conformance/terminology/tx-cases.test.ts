/**
 * HL7's terminology cases, all of them: https://hl7.org/fhir/uv/tx-ecosystem/. What does not pass is named in other-answers.ts,
 * with the reason; what passes must not be named there.
 */
import assert from 'node:assert/strict';
import { before, it } from 'mocha';
import type { JsonObject } from '../../../src/fhir/resource.js';
import { onStoresInTurn } from '../../support/both-stores.js';
import { skipWithout } from '../../support/shared.js';
import { difference, openCases, toR5, type TxCase, type TxSuite, verdictOf } from '../../support/tx-cases.js';
import { OTHER_ANSWERS } from './other-answers.js';

interface Outcome {
  readonly name: string;
  readonly different: string | undefined;
  readonly sameVerdict: boolean;
}

onStoresInTurn("HL7's terminology cases", stage => {
  let outcomes: readonly Outcome[] = [];

  before(async function () {
    const cases = openCases(skipWithout(this, 'data', 'tx-cases'));
    const run = async (suite: TxSuite, test: TxCase): Promise<Outcome> => {
      const { path, body } = cases.request(suite, test);
      const language = test['Accept-Language'];
      const reply = await stage().talk.send<JsonObject>('POST', path, {
        headers: {
          'content-type': 'application/fhir+json',
          ...(language === undefined ? {} : { 'accept-language': language }),
        },
        body: JSON.stringify(body),
      });
      const expected = cases.expected(test);
      const answer = toR5(reply.body) as JsonObject;
      const status = test['http-code']?.[0] ?? '2';
      const different =
        String(reply.status)[0] === status
          ? difference(expected, answer)
          : `status ${reply.status}: ${reply.text.slice(0, 300)}`;
      return { name: `${suite.name}/${test.name}`, different, sameVerdict: verdictOf(answer) === verdictOf(expected) };
    };
    const found: Outcome[] = [];
    for (const suite of cases.suites) for (const test of suite.tests) found.push(await run(suite, test));
    outcomes = found;
  });

  it('are answered as expected, but for those that are named with a reason', () => {
    const failing = outcomes.filter(({ different }) => different !== undefined);
    const right = outcomes.length - failing.length;
    const verdicts = outcomes.filter(({ sameVerdict }) => sameVerdict).length;
    process.stdout.write(`      ${right} of ${outcomes.length} whole answers, ${verdicts} code sets and verdicts\n`);
    const unnamed = failing.filter(({ name }) => !OTHER_ANSWERS.has(name));
    assert.deepEqual(
      unnamed.map(({ name, different }) => `${name}${different}`),
      [],
    );
  });

  it('and none is named that is answered as expected', () => {
    const passing = new Set(outcomes.filter(({ different }) => different === undefined).map(({ name }) => name));
    assert.deepEqual(
      [...OTHER_ANSWERS.keys()].filter(name => passing.has(name)),
      [],
    );
  });
});
