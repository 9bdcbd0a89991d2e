/** Answers against their questions: type, options, value sets, limits; each beside an answer that is right. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { JsonObject } from '../../../src/fhir/resource.js';
import type { CheckParts } from '../../support/resource-check.js';
import { ask, coding, findings, kg, limit, say, text } from '../../support/responses.js';

/** Type of the question, what may be answered, what may not. */
const TYPES: readonly [type: string, right: JsonObject, wrong: JsonObject][] = [
  ['boolean', { valueBoolean: false }, text('false')],
  ['decimal', { valueDecimal: 1.5 }, { valueInteger: 1 }],
  ['integer', { valueInteger: 1 }, { valueDecimal: 1 }],
  ['date', { valueDate: '2020-01' }, { valueDateTime: '2020-01' }],
  ['dateTime', { valueDateTime: '2020-01' }, { valueDate: '2020-01' }],
  ['time', { valueTime: '10:00:00' }, text('10:00:00')],
  ['string', text('a'), coding('a')],
  ['text', text('a'), { valueUri: 'http://a' }],
  ['url', { valueUri: 'http://a' }, text('http://a')],
  ['choice', coding('a'), { valueBoolean: true }],
  ['open-choice', text('a'), { valueQuantity: { value: 1 } }],
  ['attachment', { valueAttachment: { contentType: 'text/plain' } }, { valueReference: { reference: 'a/1' } }],
  ['reference', { valueReference: { reference: 'Patient/1' } }, text('Patient/1')],
  ['quantity', { valueQuantity: { value: 1 } }, { valueDecimal: 1 }],
];

/** What a question says of its answers, what may be answered, what may not, and the detail of that. */
const ANSWERS: readonly [type: string, more: JsonObject, right: JsonObject, wrong: JsonObject, detail: string][] = [
  ['choice', { answerOption: [coding('a'), coding('b')] }, coding('b'), coding('c'), 'answer-option'],
  ['choice', { answerOption: [coding('a')] }, coding('a'), coding('a', 'http://b'), 'answer-option'],
  [
    'choice',
    { answerOption: [{ valueCoding: { code: 'a' } }] },
    { valueCoding: { code: 'a' } },
    coding('a'),
    'answer-option',
  ],
  [
    'choice',
    { answerOption: [{ valueCoding: { display: 'A' } }] },
    { valueCoding: { display: 'A' } },
    { valueCoding: { display: 'B' } },
    'answer-option',
  ],
  ['choice', { answerOption: [coding('a')] }, coding('a'), text('a'), 'answer-option'],
  ['open-choice', { answerOption: [coding('a')] }, text('a'), coding('b'), 'answer-option'],
  ['integer', { answerOption: [{ valueInteger: 1 }] }, { valueInteger: 1 }, { valueInteger: 2 }, 'answer-option'],
  [
    'time',
    { answerOption: [{ valueTime: '10:00:00' }] },
    { valueTime: '10:00:00' },
    { valueTime: '11:00:00' },
    'answer-option',
  ],
  ['string', { answerOption: [text('a')] }, text('a'), text('b'), 'answer-option'],
  [
    'choice',
    { answerOption: [{ valueReference: { reference: 'a/1' } }] },
    { valueReference: { reference: 'a/1' } },
    { valueReference: { reference: 'a/2' } },
    'answer-option',
  ],
  ['choice', { answerValueSet: 'http://set' }, coding('in'), coding('out'), 'answer-option'],
  ['open-choice', { answerValueSet: 'http://set' }, text('out'), coding('out'), 'answer-option'],
  ['string', { maxLength: 2 }, text('a😀'), text('abc'), 'max-length'],
  ['string', limit('minLength', { valueInteger: 2 }), text('ab'), text('a'), 'min-length'],
  ['string', limit('regex', { valueString: '^a+$' }), text('aa'), text('ab'), 'answer-format'],
  ['integer', limit('minValue', { valueInteger: 3 }), { valueInteger: 3 }, { valueInteger: 2 }, 'min-value'],
  ['decimal', limit('maxValue', { valueDecimal: 3 }), { valueDecimal: 3 }, { valueDecimal: 3.5 }, 'max-value'],
  [
    'date',
    limit('maxValue', { valueDate: '2020-06' }),
    { valueDate: '2020-06-30' },
    { valueDate: '2020-07-01' },
    'max-value',
  ],
  [
    'dateTime',
    limit('minValue', { valueDateTime: '2020' }),
    { valueDateTime: '2020' },
    { valueDateTime: '2019-12-31' },
    'min-value',
  ],
  [
    'time',
    limit('minValue', { valueTime: '10:00:00' }),
    { valueTime: '10:00:00' },
    { valueTime: '09:59:59' },
    'min-value',
  ],
  [
    'quantity',
    limit('maxValue', { valueQuantity: kg(1) }),
    { valueQuantity: kg(900, 'g') },
    { valueQuantity: kg(1100, 'g') },
    'max-value',
  ],
  [
    'quantity',
    limit('minValue', { valueQuantity: kg(1) }),
    { valueQuantity: kg(1) },
    { valueQuantity: kg(2, 'm') },
    'min-value',
  ],
  [
    'quantity',
    limit('questionnaire-unitOption', { valueCoding: { system: 'http://unitsofmeasure.org', code: 'kg' } }),
    { valueQuantity: kg(1) },
    { valueQuantity: kg(1, 'm') },
    'answer-unit',
  ],
  [
    'quantity',
    limit('questionnaire-unitValueSet', { valueCanonical: 'http://set' }),
    { valueQuantity: kg(1, 'in') },
    { valueQuantity: kg(1, 'out') },
    'answer-unit',
  ],
  [
    'quantity',
    limit('questionnaire-unitValueSet', { valueCanonical: 'http://set' }),
    { valueQuantity: kg(1, 'in') },
    { valueQuantity: { value: 1 } },
    'answer-unit',
  ],
  [
    'attachment',
    limit('mimeType', { valueCode: 'image/gif' }),
    { valueAttachment: { contentType: 'image/gif' } },
    { valueAttachment: { contentType: 'image/png' } },
    'answer-media-type',
  ],
  [
    'attachment',
    limit('maxSize', { valueDecimal: 3 }),
    { valueAttachment: { data: 'YWJj' } },
    { valueAttachment: { data: 'YWJjZA==' } },
    'answer-size',
  ],
  [
    'attachment',
    limit('maxSize', { valueDecimal: 3 }),
    { valueAttachment: { size: 3 } },
    { valueAttachment: { size: 4 } },
    'answer-size',
  ],
];

const isMember: CheckParts['isMember'] = (value, valueSet) =>
  valueSet === 'http://set' ? (value as JsonObject)['code'] === 'in' : undefined;

describe('an answer of a QuestionnaireResponse', () => {
  describe('has answers of the type that is asked for', () => {
    for (const [type, right, wrong] of TYPES)
      it(type, async () => {
        assert.deepEqual(await findings([ask('1', type)], [say('1', right)]), []);
        assert.deepEqual(await findings([ask('1', type)], [say('1', wrong)]), ['answer-type item[0].answer[0].value']);
      });
  });

  describe('has answers that the question allows', () => {
    for (const [type, more, right, wrong, detail] of ANSWERS)
      it(`${type} with ${JSON.stringify(more)}`, async () => {
        assert.deepEqual(await findings([ask('1', type, more)], [say('1', right)], {}, { isMember }), []);
        const found = await findings([ask('1', type, more)], [say('1', wrong)], {}, { isMember });
        assert.deepEqual(found, [`${detail} item[0].answer[0].value`]);
      });
  });
});
