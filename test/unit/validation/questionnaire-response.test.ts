/** QuestionnaireResponses against their Questionnaires: one rule a row, each beside a response that is right. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Json, JsonObject } from '../../../src/fhir/resource.js';
import { createQuestionnaireResponseCheck } from '../../../src/validation/questionnaire/questionnaire-response.js';
import { inShort, runCheck } from '../../support/resource-check.js';
import { ask, coding, findingOf, findings, kg, limit, R4, response, say, text } from '../../support/responses.js';

type Row = [what: string, questions: JsonObject[], right: JsonObject[], wrong: JsonObject[], found: string[]];

const GROUP = ask('g', 'group', { item: [ask('g.1', 'string'), ask('g.2', 'string')] });
const TWO = [ask('1', 'string'), ask('2', 'string')];
const nested = ask('1', 'string', { item: [ask('1.1', 'string')] });

const ROWS: readonly Row[] = [
  [
    'linkIds are those of the Questionnaire',
    TWO,
    [say('1', text('a'))],
    [say('3', text('a'))],
    ['item-unknown item[0]'],
  ],
  [
    'items are nested as there',
    [GROUP, ask('1', 'string')],
    [{ linkId: 'g', item: [say('g.1', text('a'))] }],
    [say('g.1', text('a')), { linkId: 'g', item: [say('1', text('a'))] }],
    ['item-misplaced item[0]', 'item-misplaced item[1].item[0]'],
  ],
  [
    'items stand in order',
    TWO,
    [say('1', text('a')), say('2', text('b'))],
    [say('2', text('b')), say('1', text('a'))],
    ['item-order item[1]'],
  ],
  [
    'groups have items, not answers',
    [GROUP],
    [{ linkId: 'g', item: [say('g.2', text('a'))] }],
    [say('g', text('a'))],
    ['item-without-answers item[0]'],
  ],
  [
    'what is displayed has no answers',
    [ask('1', 'display')],
    [{ linkId: '1' }],
    [say('1', text('a'))],
    ['item-without-answers item[0]'],
  ],
  [
    'an abstract question has no answers',
    [ask('1', 'question')],
    [],
    [say('1', text('a'))],
    ['item-without-answers item[0]'],
  ],
  [
    'items below a question stand in its answers',
    [nested],
    [say('1', { ...text('a'), item: [say('1.1', text('b'))] })],
    [{ ...say('1', text('a')), item: [say('1.1', text('b'))] }],
    ['item-misplaced item[0]'],
  ],
  [
    'items in answers are those of the question',
    [nested],
    [say('1', { ...text('a'), item: [say('1.1', text('b'))] })],
    [say('1', { ...text('a'), item: [say('1.2', text('b'))] })],
    ['item-unknown item[0].answer[0].item[0]'],
  ],
  [
    'what does not repeat has one answer',
    [ask('1', 'string')],
    [say('1', text('a'))],
    [say('1', text('a'), text('b'))],
    ['item-repeated item[0]'],
  ],
  [
    'what does not repeat is there once',
    [ask('1', 'string'), GROUP],
    [say('1', text('a')), { linkId: 'g' }],
    [say('1', text('a')), say('1', text('b')), { linkId: 'g' }, { linkId: 'g' }],
    ['item-repeated item[1]', 'item-repeated item[3]'],
  ],
  [
    'what repeats may repeat',
    [ask('1', 'string', { repeats: true }), { ...GROUP, repeats: true }],
    [say('1', text('a'), text('b')), { linkId: 'g' }, { linkId: 'g' }],
    [say('1', text('a'), text('b')), say('1', { valueInteger: 1 })],
    ['answer-type item[1].answer[0].value'],
  ],
  [
    'what is required is there',
    [ask('1', 'string', { required: true }), ask('d', 'display', { required: true })],
    [say('1', text('a'))],
    [],
    ['item-required QuestionnaireResponse'],
  ],
  [
    'what is required is answered',
    [ask('1', 'string', { required: true })],
    [say('1', text('a'))],
    [{ linkId: '1' }],
    ['item-required item[0]'],
  ],
  [
    'what is required in a group is there where the group is',
    [ask('g', 'group', { item: [ask('g.1', 'string', { required: true })] })],
    [],
    [{ linkId: 'g' }],
    ['item-required item[0]'],
  ],
  [
    'what is required in an answer is there',
    [ask('1', 'string', { repeats: true, item: [ask('1.1', 'string', { required: true })] })],
    [{ linkId: '1' }],
    [say('1', { ...text('a'), item: [say('1.1', text('b'))] }, text('c'))],
    ['item-required item[0].answer[1]'],
  ],
  [
    'an option excludes all others',
    [
      ask('1', 'choice', {
        repeats: true,
        answerOption: [
          coding('a'),
          coding('b'),
          { ...coding('none'), ...limit('questionnaire-optionExclusive', { valueBoolean: true }) },
        ],
      }),
    ],
    [say('1', coding('a'), coding('b'))],
    [say('1', coding('a'), coding('none'))],
    ['answer-exclusive item[0].answer[1]'],
  ],
  [
    'what is read-only has the initial answer',
    [ask('1', 'string', { readOnly: true, initial: [text('a')] }), ask('2', 'string', { initial: [text('a')] })],
    [say('1', text('a')), say('2', text('b'))],
    [say('1', text('b'))],
    ['warning answer-read-only item[0].answer[0]'],
  ],
  [
    'what is read-only and computed has any answer',
    [
      ask('1', 'string', {
        readOnly: true,
        initial: [text('a')],
        extension: [{ url: 'http://a', valueExpression: {} }],
      }),
    ],
    [say('1', text('b'))],
    [say('2', text('b'))],
    ['item-unknown item[0]'],
  ],
  [
    'the answers are as many as the question says',
    [
      ask('1', 'string', {
        repeats: true,
        extension: [
          { url: `${R4}questionnaire-minOccurs`, valueInteger: 2 },
          { url: `${R4}questionnaire-maxOccurs`, valueInteger: 3 },
        ],
      }),
    ],
    [say('1', text('a'), text('b'))],
    [say('1', text('a'))],
    ['item-min item[0]'],
  ],
  [
    'the answers are no more than the question says',
    [ask('1', 'string', { repeats: true, ...limit('questionnaire-maxOccurs', { valueInteger: 1 }) })],
    [say('1', text('a'))],
    [say('1', text('a'), text('b'))],
    ['item-max item[0]'],
  ],
];

describe('a QuestionnaireResponse', () => {
  describe('follows its Questionnaire', () => {
    for (const [what, questions, right, wrong, found] of ROWS)
      it(what, async () => {
        assert.deepEqual(await findings(questions, right), []);
        assert.deepEqual(await findings(questions, wrong), found);
      });
  });

  it('may be incomplete until it is completed', async () => {
    const questions = [
      ask('1', 'string', { required: true, ...limit('questionnaire-minOccurs', { valueInteger: 1 }) }),
    ];
    for (const status of ['in-progress', 'stopped', 'entered-in-error'])
      assert.deepEqual(await findings(questions, [], { status }), [], status);
    for (const status of ['completed', 'amended'])
      assert.deepEqual(await findings(questions, [], { status }), ['item-required QuestionnaireResponse'], status);
    assert.deepEqual(await findings(questions, [{ linkId: '1' }], { status: 'in-progress' }), []);
    const wrong = await findings(questions, [say('1', coding('a'))], { status: 'in-progress' });
    assert.deepEqual(wrong, ['answer-type item[0].answer[0].value']);
  });

  describe('answers what is enabled', () => {
    const when = (operator: string, answer: JsonObject, type = 'integer', more: JsonObject = {}): JsonObject[] => [
      ask('q', type, { repeats: true }),
      ask('e', 'string', { enableWhen: [{ question: 'q', operator, ...answer }], ...more }),
    ];
    /** Answers of q: with these `e` is enabled, with those not. */
    const OPERATORS: readonly [
      operator: string,
      answer: JsonObject,
      type: string,
      on: JsonObject[],
      off: JsonObject[],
    ][] = [
      ['exists', { answerBoolean: true }, 'integer', [{ valueInteger: 1 }], []],
      ['exists', { answerBoolean: false }, 'integer', [], [{ valueInteger: 1 }]],
      ['=', { answerInteger: 1 }, 'integer', [{ valueInteger: 2 }, { valueInteger: 1 }], [{ valueInteger: 2 }]],
      ['=', { answerBoolean: true }, 'boolean', [{ valueBoolean: true }], [{ valueBoolean: false }]],
      ['=', { answerString: 'a' }, 'string', [text('a')], [text('b')]],
      ['=', { answerCoding: { system: 'http://a', code: 'a' } }, 'choice', [coding('a')], [coding('b')]],
      [
        '=',
        { answerReference: { reference: 'a/1' } },
        'reference',
        [{ valueReference: { reference: 'a/1' } }],
        [{ valueReference: { reference: 'a/2' } }],
      ],
      [
        '=',
        { answerQuantity: kg(1) },
        'quantity',
        [{ valueQuantity: kg(1000, 'g') }],
        [{ valueQuantity: kg(1001, 'g') }],
      ],
      ['=', { answerDate: '2020-01-01' }, 'date', [{ valueDate: '2020-01-01' }], [{ valueDate: '2020-01-02' }]],
      ['!=', { answerInteger: 1 }, 'integer', [{ valueInteger: 2 }], [{ valueInteger: 1 }]],
      ['>', { answerInteger: 1 }, 'integer', [{ valueInteger: 2 }], [{ valueInteger: 1 }]],
      ['<', { answerDecimal: 1 }, 'decimal', [{ valueDecimal: 0.5 }], [{ valueDecimal: 1 }]],
      ['>=', { answerDate: '2020' }, 'date', [{ valueDate: '2021' }], [{ valueDate: '2019' }]],
      ['<=', { answerTime: '10:00:00' }, 'time', [{ valueTime: '10:00:00' }], [{ valueTime: '10:00:01' }]],
      ['<', { answerQuantity: kg(1) }, 'quantity', [{ valueQuantity: kg(1, 'g') }], []],
    ];
    for (const [operator, answer, type, on, off] of OPERATORS)
      it(`${operator} ${JSON.stringify(answer)}`, async () => {
        const given = (values: JsonObject[]): JsonObject[] => (values.length > 0 ? [say('q', ...values)] : []);
        const open = when(operator, answer, type);
        const required = when(operator, answer, type, { required: true });
        assert.deepEqual(await findings(open, [...given(on), say('e', text('a'))]), []);
        assert.deepEqual(await findings(required, given(on)), ['item-required QuestionnaireResponse']);
        const index = off.length > 0 ? 1 : 0;
        assert.deepEqual(await findings(open, [...given(off), say('e', text('a'))]), [`item-disabled item[${index}]`]);
        assert.deepEqual(await findings(required, given(off)), []);
      });

    it('passes over what cannot be decided', async () => {
      const cases: [JsonObject[], JsonObject[]][] = [
        [when('!=', { answerInteger: 1 }, 'integer', { required: true }), []],
        [
          when('!=', { answerInteger: 1 }, 'integer', { required: true }),
          [say('q', { valueInteger: 1 }, { valueInteger: 2 })],
        ],
        [when('>', { answerDate: '2020' }, 'date', { required: true }), [say('q', { valueDate: '2020-06' })]],
        [
          when('=', { answerQuantity: kg(1) }, 'quantity', { required: true }),
          [say('q', { valueQuantity: kg(1, 'm') })],
        ],
      ];
      for (const [questions, items] of cases) {
        assert.deepEqual(await findings(questions, items), []);
        assert.deepEqual(await findings(questions, [...items, say('e', text('a'))]), []);
      }
    });

    it('leaves to others what an expression enables', async () => {
      const url = 'http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression';
      const required = ask('e', 'string', { required: true });
      assert.deepEqual(await findings([required], []), ['item-required QuestionnaireResponse']);
      assert.deepEqual(
        await findings([{ ...required, extension: [{ url, valueExpression: { language: 'text/fhirpath' } }] }], []),
        [],
      );
    });

    it('by all conditions or any', async () => {
      const both = (enableBehavior?: string): JsonObject[] => [
        ask('p', 'boolean'),
        ask('q', 'boolean'),
        ask('e', 'string', {
          ...(enableBehavior ? { enableBehavior } : {}),
          enableWhen: ['p', 'q'].map(question => ({ question, operator: '=', answerBoolean: true })),
        }),
      ];
      const given = (p: boolean, q: boolean): JsonObject[] => [
        say('p', { valueBoolean: p }),
        say('q', { valueBoolean: q }),
        say('e', text('a')),
      ];
      assert.deepEqual(await findings(both('all'), given(true, true)), []);
      assert.deepEqual(await findings(both('all'), given(true, false)), ['item-disabled item[2]']);
      assert.deepEqual(await findings(both('any'), given(true, false)), []);
      assert.deepEqual(await findings(both('any'), given(false, false)), ['item-disabled item[2]']);
      assert.deepEqual(await findings(both(), given(true, false)), []);
      assert.deepEqual(await findings(both(), given(false, false)), ['item-disabled item[2]']);
    });

    it('asks the question that is nearest', async () => {
      const questions = [
        ask('g', 'group', {
          repeats: true,
          item: [
            ask('q', 'boolean'),
            ask('e', 'string', { enableWhen: [{ question: 'q', operator: '=', answerBoolean: true }] }),
          ],
        }),
      ];
      const group = (value: boolean): JsonObject => ({
        linkId: 'g',
        item: [say('q', { valueBoolean: value }), say('e', text('a'))],
      });
      assert.deepEqual(await findings(questions, [group(true), group(true)]), []);
      assert.deepEqual(await findings(questions, [group(true), group(false)]), ['item-disabled item[1].item[1]']);
    });

    it('asks a question around it, and groups by the answers in them', async () => {
      const condition = { enableWhen: [{ question: 'q', operator: '=', answerBoolean: true }] };
      const questions = [
        ask('q', 'boolean', { item: [ask('q.1', 'string', condition)] }),
        ask('g', 'group', { ...condition, item: [ask('g.1', 'string'), ask('g.2', 'string', { required: true })] }),
      ];
      const items = (value: boolean): JsonObject[] => [
        say('q', { valueBoolean: value, item: [say('q.1', text('a'))] }),
        { linkId: 'g', item: [say('g.1', text('a')), say('g.2', text('a'))] },
      ];
      assert.deepEqual(await findings(questions, items(true)), []);
      assert.deepEqual(
        await findings(questions, items(false)),
        ['item-disabled item[1]', 'item-disabled item[0].answer[0].item[0]'].toSorted(),
      );
      assert.deepEqual(await findings(questions, [say('q', { valueBoolean: false }), { linkId: 'g' }]), []);
    });
  });

  it('is not checked where the Questionnaire, a value set or a pattern is not known', async () => {
    const unknown = await findings([], [say('1')], { questionnaire: 'http://other' });
    assert.deepEqual(unknown, ['warning not-checked questionnaire']);
    assert.deepEqual(await findings([], [say('1')], { questionnaire: '#other' }), [
      'warning not-checked questionnaire',
    ]);
    const { questionnaire: _none, ...without } = response([say('1')]);
    const check = createQuestionnaireResponseCheck(findingOf({}), () => undefined);
    assert.deepEqual(await runCheck(check, 'QuestionnaireResponse', without), []);
    const set = await findings([ask('1', 'choice', { answerValueSet: 'http://other' })], [say('1', coding('a'))]);
    assert.deepEqual(set, ['warning not-checked item[0].answer[0].value']);
    const pattern = await findings(
      [ask('1', 'string', limit('regex', { valueString: '(?=a)' }))],
      [say('1', text('a'))],
    );
    assert.deepEqual(pattern, ['warning not-checked item[0].answer[0].value']);
  });

  it('may contain its Questionnaire and the value sets of it', async () => {
    const include = (concept: Json[], more: JsonObject = {}): JsonObject => ({ system: 'http://a', concept, ...more });
    const contained = (sets: JsonObject[]): JsonObject => ({
      questionnaire: '#q',
      contained: [
        {
          resourceType: 'Questionnaire',
          id: 'q',
          status: 'active',
          item: [ask('1', 'choice', { answerValueSet: '#v' })],
        },
        { resourceType: 'ValueSet', id: 'v', status: 'active', compose: { include: sets } },
      ],
    });
    const listed = contained([include([{ code: 'a' }])]);
    assert.deepEqual(await findings([], [say('1', coding('a'))], listed), []);
    assert.deepEqual(await findings([], [say('1', coding('b'))], listed), ['answer-option item[0].answer[0].value']);
    assert.deepEqual(await findings([], [say('1', coding('a', 'http://b'))], listed), [
      'answer-option item[0].answer[0].value',
    ]);
    const open = contained([include([{ code: 'a' }]), { valueSet: ['http://x'] }]);
    assert.deepEqual(await findings([], [say('1', coding('b'))], open), [
      'warning not-checked item[0].answer[0].value',
    ]);
  });

  it('is checked wherever it stands, each against its own', async () => {
    const bundle = {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [
        response([say('1', text('a'))]),
        response([say('x', text('a'))]),
        response([say('x')], { questionnaire: 'http://o' }),
      ].map(resource => ({ resource })),
    };
    const check = createQuestionnaireResponseCheck(findingOf({ item: TWO }), () => undefined);
    assert.deepEqual(inShort(await runCheck(check, 'QuestionnaireResponse', bundle)), [
      'item-unknown Bundle.entry[1].resource.item[0]',
      'warning not-checked Bundle.entry[2].resource.questionnaire',
    ]);
  });

  it('is checked in steps that grow with its size alone', async () => {
    const stepsOf = async (size: number): Promise<number> => {
      let steps = 0;
      const questions = Array.from({ length: size }, (_, at) =>
        ask(`${at}`, 'boolean', { enableWhen: [{ question: '0', operator: '=', answerBoolean: true }] }),
      );
      const items = questions.map(({ linkId }) => say(linkId as string, { valueBoolean: true }));
      await findings(questions, items, {}, { spend: count => (steps += count) });
      return steps;
    };
    const [small, large] = [await stepsOf(100), await stepsOf(1000)];
    assert.ok(small > 100);
    assert.ok(large <= small * 11, `${small} ${large}`);
  });

  it('is checked in as many steps, however many options there are and answers that others hang on', async () => {
    const many = (size: number) => {
      const texts = Array.from({ length: size }, (_, at) => `option ${at}`);
      const options = { repeats: true, answerOption: texts.map(valueString => ({ valueString })) };
      const hanging = texts.map((_, at) =>
        ask(`${at}`, 'string', { enableWhen: [{ question: 'many', operator: '=', answerString: 'option 7' }] }),
      );
      const answers = say('many', ...texts.map(text));
      return { questions: [ask('many', 'choice', options), ...hanging], items: [answers, say('0', text('a'))] };
    };
    const stepsOf = async (size: number): Promise<number> => {
      let steps = 0;
      const { questions, items } = many(size);
      assert.deepEqual(await findings(questions, items, {}, { spend: count => (steps += count) }), []);
      return steps;
    };
    const [small, large] = [await stepsOf(100), await stepsOf(1000)];
    assert.ok(small > 100);
    assert.ok(large <= small * 11, `${small} ${large}`);
    const { questions, items } = many(10);
    assert.deepEqual(await findings(questions, [say('many', text('option 3'), text('else')), ...items.slice(1)]), [
      'answer-option item[0].answer[1].value',
      'item-disabled item[1]',
    ]);
  });
});
