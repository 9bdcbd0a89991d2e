/** Another terminology server: what it is asked, how often, and what becomes of its answers. Times are stepped. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { isObject, itemsOf, type Json, type JsonObject } from '../../../src/fhir/resource.js';
import { createRemoteTerminology, type RemoteOptions } from '../../../src/terminology/remote.js';
import { createRemoteAnswers, type RemoteQuestion } from '../../../src/terminology/remote-answers.js';

const SNOMED = 'http://snomed.info/sct';
const VS = 'http://example.org/vs';
const about = (code: string, valueSet = VS): RemoteQuestion => ({ valueSet, system: SNOMED, code });
/** Whether the code system has the code. */
const alone = (code: string): RemoteQuestion => ({ system: SNOMED, code });

type Reply = { readonly status: number; readonly body?: Json | undefined };
const parameters = (...parameter: Json[]): JsonObject => ({ resourceType: 'Parameters', parameter });
const result = (valueBoolean: boolean): Json => ({ name: 'result', valueBoolean });
const codeIn = (body: JsonObject): string =>
  itemsOf(body['parameter'])
    .filter(isObject)
    .find(({ name }) => name === 'code')!['valueCode'] as string;

/** Codes that begin with `y` are right. */
const right = (body: JsonObject): JsonObject => parameters(result(codeIn(body).startsWith('y')));
const together = (body: JsonObject): JsonObject =>
  parameters(
    ...itemsOf(body['parameter']).map(
      (each): Json => ({
        name: 'validation',
        resource: right((each as JsonObject)['resource'] as JsonObject),
      }),
    ),
  );

function stage(
  answer: (operation: string, body: JsonObject) => Reply | Promise<Reply>,
  more: Partial<RemoteOptions> = {},
) {
  const sent: { readonly operation: string; readonly body: JsonObject }[] = [];
  const counts: Record<string, number> = {};
  let time = 0;
  const remote = createRemoteTerminology({
    async send(operation, body) {
      sent.push({ operation, body });
      const { status, body: answered } = await answer(operation, body);
      return { status, body: answered };
    },
    timeLeft: () => 10_000,
    count: outcome => void (counts[outcome] = (counts[outcome] ?? 0) + 1),
    now: () => time,
    ...more,
  });
  const ask = (...questions: RemoteQuestion[]) => Promise.all(questions.map(each => remote.ask(each)));
  const verdict = (question: RemoteQuestion) => {
    const found = remote.answerAt(question);
    return found ? (found.verdict ?? 'unknown') : 'not asked';
  };
  return { remote, sent, counts, ask, verdict, later: (ms: number) => void (time += ms) };
}

const knowing = (operation: string, body: JsonObject): Reply => ({
  status: 200,
  body: operation.endsWith('$batch-validate-code') ? together(body) : right(body),
});

describe('another terminology server', () => {
  it('is asked about all codes together, each once', async () => {
    const { sent, ask, verdict } = stage(knowing);
    await ask(about('y1'), about('n1'), about('y1'), alone('y2'), alone('n2'));
    assert.deepEqual(
      sent.map(({ operation, body }) => [operation, itemsOf(body['parameter']).length]),
      [
        ['ValueSet/$batch-validate-code', 2],
        ['CodeSystem/$batch-validate-code', 2],
      ],
    );
    assert.deepEqual([about('y1'), about('n1'), alone('y2'), alone('n2')].map(verdict), [true, false, true, false]);
    assert.equal(verdict(about('y2')), 'not asked');
  });

  it('hears nothing but code, system, version and value set', async () => {
    const { sent, ask } = stage(knowing);
    await ask({ ...about('y1', `${VS}|2.0`), version: '2024' });
    await ask({ ...alone('y2'), version: '2024' });
    assert.deepEqual(
      sent.map(({ body }) => body),
      [
        parameters(
          { name: 'url', valueUri: VS },
          { name: 'valueSetVersion', valueString: '2.0' },
          { name: 'system', valueUri: SNOMED },
          { name: 'systemVersion', valueString: '2024' },
          { name: 'code', valueCode: 'y1' },
        ),
        parameters(
          { name: 'url', valueUri: SNOMED },
          { name: 'version', valueString: '2024' },
          { name: 'code', valueCode: 'y2' },
        ),
      ],
    );
  });

  it('is not asked about what looks like no code, or about other systems than those that are named', () => {
    const { remote } = stage(knowing, { systems: [SNOMED, 'http://loinc'] });
    for (const [system, code, accepted] of [
      [SNOMED, '1', true],
      ['http://loinc.org', '1', true],
      ['http://clinic.example/numbers', '1', false],
    ] as const)
      assert.equal(remote.accepts({ system, code }), accepted, system);
    const { remote: any } = stage(knowing);
    assert.equal(any.accepts({ system: 'http://clinic.example/numbers', code: '1' }), true);
    for (const [system, code] of [
      [SNOMED, 'a'.repeat(101)],
      ['local', '1'],
      ['mailto:someone', '1'],
    ] as const)
      assert.equal(any.accepts({ system, code }), false, system);
  });

  it('is asked one by one, some at a time, where it knows no batches, and not for a batch again for a while', async () => {
    let [at, most] = [0, 0];
    const { sent, ask, verdict, later } = stage(async (operation, body) => {
      if (operation.includes('batch')) return { status: 404, body: { resourceType: 'OperationOutcome' } };
      most = Math.max(most, ++at);
      await new Promise(setImmediate);
      at--;
      return { status: 200, body: right(body) };
    });
    await ask(...Array.from({ length: 50 }, (_, index) => about(`y${index}`)));
    assert.equal(sent.length, 51);
    assert.equal(verdict(about('y49')), true);
    assert.ok(most > 1 && most <= 8, String(most));
    await ask(about('n1'), about('n2'));
    assert.equal(sent.length, 53);
    later(600_001);
    await ask(about('n3'), about('n4'));
    assert.equal(sent.filter(({ operation }) => operation.includes('batch')).length, 2);
  });

  it('is right for a day and wrong for ten minutes', async () => {
    const { ask, verdict, later, counts } = stage(knowing);
    await ask(about('y1'), about('n1'));
    later(599_000);
    assert.deepEqual([about('y1'), about('n1')].map(verdict), [true, false]);
    later(2000);
    assert.deepEqual([about('y1'), about('n1')].map(verdict), [true, 'not asked']);
    later(24 * 3_600_000);
    assert.equal(verdict(about('y1')), 'not asked');
    assert.deepEqual(counts, { answered: 2, kept: 3 });
  });

  it('does not know what it says that it does not know', async () => {
    const unknown: Json = { name: 'x-unknown-system', valueCanonical: SNOMED };
    const caused: Json = { name: 'x-caused-by-unknown-system', valueCanonical: SNOMED };
    const issue = { code: 'not-found', details: { coding: [{ code: 'not-found' }] } };
    const issues: Json = { name: 'issues', resource: { resourceType: 'OperationOutcome', issue: [issue] } };
    for (const more of [unknown, caused, issues]) {
      const { ask, verdict } = stage(() => ({ status: 200, body: parameters(result(false), more) }));
      await ask(about('y1'));
      assert.equal(verdict(about('y1')), 'unknown');
    }
    const { ask, verdict } = stage(() => ({ status: 200, body: parameters(result(false)) }));
    await ask(about('y1'));
    assert.equal(verdict(about('y1')), false);
  });

  const BAD: Readonly<Record<string, () => Reply | Promise<Reply>>> = {
    'is away': () => Promise.reject(new Error('away')),
    'is not well': () => ({ status: 503 }),
    'says no': () => ({ status: 422, body: { resourceType: 'OperationOutcome' } }),
    'says something else': () => ({ status: 200, body: { resourceType: 'Patient' } }),
    'says nothing': () => ({ status: 200 }),
    'says it oddly': () => ({ status: 200, body: parameters({ name: 'result', valueString: 'true' }) }),
    'answers another number of questions': () => ({
      status: 200,
      body: parameters({ name: 'validation', resource: parameters(result(true)) }),
    }),
  };
  for (const [what, answer] of Object.entries(BAD))
    it(`that ${what} is asked again the next time`, async () => {
      const { sent, ask, verdict, counts } = stage(answer);
      await ask(about('y1'), about('y2'));
      assert.deepEqual([about('y1'), about('y2')].map(verdict), ['not asked', 'not asked']);
      const before = sent.length;
      await ask(about('y1'));
      assert.ok(sent.length > before);
      assert.deepEqual(Object.keys(counts), ['failed']);
    });

  it('is waited for as long as there is time, and no longer', async () => {
    let left = 5;
    let answer = (): void => {};
    const slow = new Promise<void>(resolve => (answer = resolve));
    const { ask, verdict, counts } = stage(
      async (_operation, body) => {
        await slow;
        return { status: 200, body: right(body) };
      },
      { timeLeft: () => left },
    );
    await ask(about('y1'));
    assert.equal(verdict(about('y1')), 'not asked');
    left = 0;
    await ask(about('y1'));
    assert.deepEqual(counts, { late: 2 });
    answer();
    left = 10_000;
    await ask(about('y1'));
    assert.equal(verdict(about('y1')), true);
  });
});

describe('answers of another terminology server', () => {
  it('are forgotten in the order of their use', () => {
    const answers = createRemoteAnswers(() => 0, 2);
    answers.keep('a', true);
    answers.keep('b', undefined);
    assert.deepEqual(answers.at('a')?.verdict, true);
    answers.keep('c', false);
    assert.deepEqual(
      ['a', 'b', 'c'].map(key => answers.at(key) !== undefined),
      [true, false, true],
    );
  });
});
