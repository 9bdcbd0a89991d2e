/** What an answer is called, and what its code means in the value set of its question. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import type { JsonObject, Resource } from '../../../src/fhir/resource.js';
import { brief, checkerOf, errorsOf, issuesOf, readCore } from '../../support/profiles.js';
import { skipWithout } from '../../support/shared.js';

const SYSTEM = 'http://test.example/colours';
const HEAD: JsonObject = { status: 'active', name: 'N' };
const valueSet = (name: string, include: JsonObject[]): JsonObject => ({
  resourceType: 'ValueSet',
  ...HEAD,
  url: `http://test.example/${name}`,
  compose: { include },
});
const OWN: readonly JsonObject[] = [
  {
    resourceType: 'CodeSystem',
    ...HEAD,
    url: SYSTEM,
    content: 'complete',
    concept: [{ code: 'r', display: 'Red', designation: [{ language: 'de', value: 'Rot' }] }, { code: 'x' }],
  },
  valueSet('all', [{ system: SYSTEM }]),
  valueSet('named', [
    { system: SYSTEM, concept: [{ code: 'r', display: 'Crimson', designation: [{ value: 'Karmin' }] }] },
  ]),
  valueSet('joined', [{ valueSet: ['http://test.example/all'] }]),
];

describe('the display of an answer', () => {
  before(function () {
    skipWithout(this, 'data', 'r4-packages', 'hl7.fhir.r4.core-4.0.1.tgz');
  });

  async function told(set: string, display: string | undefined, code = 'r'): Promise<string[]> {
    const questionnaire = {
      resourceType: 'Questionnaire',
      ...HEAD,
      url: 'http://test.example/q',
      item: [{ linkId: 'a', type: 'choice', answerValueSet: `http://test.example/${set}` }],
    };
    const checker = checkerOf([{ origin: 'own', resources: [...OWN, questionnaire] as Resource[] }, readCore()!]);
    const valueCoding = { system: SYSTEM, code, ...(display === undefined ? {} : { display }) };
    const issues = await issuesOf(
      checker,
      {
        resourceType: 'QuestionnaireResponse',
        status: 'completed',
        questionnaire: 'http://test.example/q',
        item: [{ linkId: 'a', answer: [{ valueCoding }] }],
      },
      [],
    );
    return brief(errorsOf(issues));
  }

  const WRONG = ['error answer-display QuestionnaireResponse.item[0].answer[0].value'];
  const rows: [what: string, set: string, display: string | undefined, wanted: string[], code?: string][] = [
    ['is a name of its code', 'all', 'Red', []],
    ['may be in another language', 'all', 'rot', []],
    ['may differ in case and white space', 'all', ' RED ', []],
    ['may be left away', 'all', undefined, []],
    ['is not that of something else', 'all', 'Green', WRONG],
    ['may be one that the value set gives', 'named', 'Crimson', []],
    ['may be another one that the value set gives', 'named', 'Karmin', []],
    ['is none that neither of them gives', 'named', 'Green', WRONG],
    ['may be anything where another value set names it', 'joined', 'Green', []],
    ['may be anything where the code has no name', 'all', 'Green', [], 'x'],
  ];
  for (const [what, set, display, wanted, code] of rows)
    it(what, async () => assert.deepEqual(await told(set, display, code), wanted));
});
