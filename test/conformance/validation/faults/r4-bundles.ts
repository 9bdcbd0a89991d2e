/** Faults of R4 itself that lie between resources: Bundles, and answers to a Questionnaire. */
import type { JsonObject } from '../../../../src/fhir/resource.js';
import { type FaultGroup, GONE, group } from './fault.js';
import { NARRATIVE } from './r4.js';

export const uuid = (n: number): string => `urn:uuid:7b5b7a6c-0d1f-4f4e-9a53-2a1f0c0d000${n}`;
const BASE = 'http://example.org/fhir';
const person = (id: string | undefined): JsonObject => ({
  resourceType: 'Patient',
  ...(id === undefined ? {} : { id }),
  text: NARRATIVE,
});

const document = (): JsonObject => ({
  resourceType: 'Bundle',
  type: 'document',
  identifier: { system: 'urn:ietf:rfc:3986', value: uuid(9) },
  timestamp: '2024-01-01T00:00:00Z',
  entry: [
    {
      fullUrl: uuid(0),
      resource: {
        resourceType: 'Composition',
        text: NARRATIVE,
        status: 'final',
        type: { text: 'x' },
        subject: { reference: uuid(1) },
        date: '2024',
        author: [{ reference: uuid(1) }],
        title: 'x',
        section: [{ title: 'x', text: NARRATIVE }],
      },
    },
    { fullUrl: uuid(1), resource: person(undefined) },
  ],
});

const message = (): JsonObject => ({
  resourceType: 'Bundle',
  type: 'message',
  timestamp: '2024-01-01T00:00:00Z',
  entry: [
    {
      fullUrl: uuid(0),
      resource: {
        resourceType: 'MessageHeader',
        text: NARRATIVE,
        eventUri: 'http://example.org/event',
        source: { endpoint: 'http://example.org/source' },
        focus: [{ reference: uuid(1) }],
      },
    },
    { fullUrl: uuid(1), resource: person(undefined) },
  ],
});

const transaction = (): JsonObject => ({
  resourceType: 'Bundle',
  type: 'transaction',
  entry: [
    { fullUrl: uuid(1), resource: person(undefined), request: { method: 'POST', url: 'Patient' } },
    { fullUrl: `${BASE}/Patient/2`, resource: person('2'), request: { method: 'PUT', url: 'Patient/2' } },
  ],
});

const searchset = (): JsonObject => ({
  resourceType: 'Bundle',
  type: 'searchset',
  total: 1,
  link: [{ relation: 'self', url: `${BASE}/Patient` }],
  entry: [{ fullUrl: `${BASE}/Patient/1`, resource: person('1'), search: { mode: 'match', score: 0.5 } }],
});

const history = (): JsonObject => ({
  resourceType: 'Bundle',
  type: 'history',
  total: 1,
  entry: [
    {
      fullUrl: `${BASE}/Patient/1`,
      resource: person('1'),
      request: { method: 'PUT', url: 'Patient/1' },
      response: { status: '200' },
    },
  ],
});

const collection = (): JsonObject => ({
  resourceType: 'Bundle',
  type: 'collection',
  entry: [
    { fullUrl: `${BASE}/Patient/1`, resource: person('1') },
    {
      fullUrl: `${BASE}/Observation/1`,
      resource: {
        resourceType: 'Observation',
        id: '1',
        text: NARRATIVE,
        status: 'final',
        code: { text: 'x' },
        subject: { reference: 'Patient/1' },
      },
    },
  ],
});

const QUESTIONS: JsonObject = {
  resourceType: 'Questionnaire',
  id: 'q',
  status: 'active',
  item: [
    {
      linkId: 'g',
      type: 'group',
      text: 'x',
      required: true,
      item: [
        { linkId: 'yes', type: 'boolean', text: 'x', required: true },
        {
          linkId: 'why',
          type: 'string',
          text: 'x',
          maxLength: 5,
          enableWhen: [{ question: 'yes', operator: '=', answerBoolean: true }],
        },
        {
          linkId: 'n',
          type: 'integer',
          text: 'x',
          extension: [
            { url: 'http://hl7.org/fhir/StructureDefinition/minValue', valueInteger: 1 },
            { url: 'http://hl7.org/fhir/StructureDefinition/maxValue', valueInteger: 9 },
          ],
        },
      ],
    },
    {
      linkId: 'c',
      type: 'choice',
      text: 'x',
      repeats: true,
      answerOption: [{ valueCoding: { system: 'http://example.org/codes', code: 'a' } }, { valueString: 'b' }],
    },
    { linkId: 'd', type: 'display', text: 'x' },
    { linkId: 't', type: 'date', text: 'x' },
  ],
};

const answers = (): JsonObject => ({
  resourceType: 'QuestionnaireResponse',
  text: NARRATIVE,
  contained: [QUESTIONS],
  questionnaire: '#q',
  status: 'completed',
  item: [
    {
      linkId: 'g',
      item: [
        { linkId: 'yes', answer: [{ valueBoolean: true }] },
        { linkId: 'why', answer: [{ valueString: 'so' }] },
        { linkId: 'n', answer: [{ valueInteger: 5 }] },
      ],
    },
    { linkId: 'c', answer: [{ valueCoding: { system: 'http://example.org/codes', code: 'a' } }] },
    { linkId: 't', answer: [{ valueDate: '2024-01-01' }] },
  ],
});

export const R4_BUNDLES: readonly FaultGroup[] = [
  group('document of R4', document, [
    ['it has an identifier (bdl-9)', { identifier: GONE }, 'invariant(bdl-9) Bundle'],
    ['its identifier has a system (bdl-9)', { 'identifier.system': GONE }, 'invariant(bdl-9) Bundle'],
    ['it has a time (bdl-10)', { timestamp: GONE }, 'invariant(bdl-10) Bundle'],
    ['it begins with a Composition (bdl-11)', { 'entry[0]': GONE }, 'invariant(bdl-11) Bundle'],
    [
      'an entry has its address',
      { 'entry[2]': { resource: person(undefined) } },
      'full-url Bundle.entry[2]',
      'entry-unlinked Bundle.entry[2]',
    ],
    [
      'an address is absolute',
      { 'entry[1].fullUrl': 'Patient/1' },
      'full-url Bundle.entry[1].fullUrl',
      'reference-missing Bundle.entry[0].resource.subject',
      'reference-missing Bundle.entry[0].resource.author[0]',
      'entry-unlinked Bundle.entry[1]',
    ],
    [
      'an entry hangs together with the Composition',
      { 'entry[2]': { fullUrl: uuid(2), resource: person(undefined) } },
      'entry-unlinked Bundle.entry[2]',
    ],
    [
      'the author is there',
      { 'entry[0].resource.author[0].reference': uuid(3) },
      'reference-missing Bundle.entry[0].resource.author[0]',
    ],
    [
      'the entries of a section are there',
      { 'entry[0].resource.section[0].entry': [{ reference: uuid(3) }] },
      'reference-missing Bundle.entry[0].resource.section[0].entry[0]',
    ],
    [
      'a section says something (cmp-1)',
      { 'entry[0].resource.section[0].text': GONE },
      'invariant(cmp-1) Bundle.entry[0].resource.section[0]',
    ],
    [
      'only an empty section says why (cmp-2)',
      {
        'entry[0].resource.section[0].entry': [{ reference: uuid(1) }],
        'entry[0].resource.section[0].emptyReason': { text: 'x' },
      },
      'invariant(cmp-2) Bundle.entry[0].resource.section[0]',
    ],
    [
      'what is referred to is of the type',
      { 'entry[1].resource': { resourceType: 'Observation', text: NARRATIVE, status: 'final', code: { text: 'x' } } },
      'target-type Bundle.entry[0].resource.author[0]',
    ],
    ['it has no total (bdl-1)', { total: 2 }, 'invariant(bdl-1) Bundle'],
    ['no entry is found (bdl-2)', { 'entry[1].search': { mode: 'match' } }, 'invariant(bdl-2) Bundle'],
    [
      'no entry is a request (bdl-3)',
      { 'entry[1].request': { method: 'POST', url: 'Patient' } },
      'invariant(bdl-3) Bundle',
    ],
    [
      'an address is there once (bdl-7)',
      { 'entry[2]': { fullUrl: uuid(1), resource: person(undefined) } },
      'invariant(bdl-7) Bundle',
      'reference-missing Bundle.entry[0].resource.subject',
      'reference-missing Bundle.entry[0].resource.author[0]',
      'entry-unlinked Bundle.entry[1]',
    ],
    [
      'the resources in it are valid',
      { 'entry[1].resource.gender': 'woman' },
      'binding-required Bundle.entry[1].resource.gender',
    ],
    [
      'the rules of resources in it count (cpt-2)',
      { 'entry[1].resource.telecom': [{ value: '1' }] },
      'invariant(cpt-2) Bundle.entry[1].resource.telecom[0]',
    ],
  ]),

  group('message of R4', message, [
    [
      'it begins with a header (bdl-12)',
      { 'entry[0].resource': { resourceType: 'Basic', text: NARRATIVE, code: { text: 'x' } } },
      'invariant(bdl-12) Bundle',
    ],
    ['its focus is there', { 'entry[1]': GONE }, 'reference-missing Bundle.entry[0].resource.focus[0]'],
    ['an entry has its address', { 'entry[2]': { resource: person(undefined) } }, 'full-url Bundle.entry[2]'],
  ]),

  group('transaction of R4', transaction, [
    ['an entry is a request (bdl-3)', { 'entry[0].request': GONE }, 'invariant(bdl-3) Bundle'],
    ['no entry is an answer (bdl-4)', { 'entry[0].response': { status: '200' } }, 'invariant(bdl-4) Bundle'],
    ['a method is one', { 'entry[0].request.method': 'COPY' }, 'binding-required Bundle.entry[0].request.method'],
    ['a request has an address', { 'entry[0].request.url': GONE }, 'element-missing Bundle.entry[0].request.url'],
    ['an address ends with the id', { 'entry[1].fullUrl': `${BASE}/Patient/3` }, 'full-url Bundle.entry[1].fullUrl'],
    [
      'an address has no version (bdl-8)',
      { 'entry[1].fullUrl': `${BASE}/Patient/2/_history/1` },
      'invariant(bdl-8) Bundle.entry[1]',
    ],
    ['a urn:uuid is one', { 'entry[0].fullUrl': 'urn:uuid:1' }, 'uri-form Bundle.entry[0].fullUrl'],
    ['it has no pages', { link: [{ relation: 'next', url: `${BASE}/next` }] }, 'bundle-link Bundle.link[0].relation'],
    [
      'an address is there once (bdl-7)',
      {
        'entry[1].fullUrl': uuid(1),
        'entry[1].resource.id': GONE,
        'entry[1].request': { method: 'POST', url: 'Patient' },
      },
      'invariant(bdl-7) Bundle',
    ],
  ]),

  group('result of a search in R4', searchset, [
    [
      'an outcome is an OperationOutcome',
      { 'entry[0].search.mode': 'outcome' },
      'search-mode Bundle.entry[0].resource',
    ],
    ['a mode is one of three', { 'entry[0].search.mode': 'found' }, 'binding-required Bundle.entry[0].search.mode'],
    [
      'what is found has an id',
      { 'entry[0].resource.id': GONE },
      'full-url Bundle.entry[0].fullUrl',
      'search-id Bundle.entry[0].resource',
    ],
    [
      'an address ends with the type',
      { 'entry[0].fullUrl': `${BASE}/Practitioner/1` },
      'full-url Bundle.entry[0].fullUrl',
    ],
    [
      'there is one link to itself',
      { 'link[1]': { relation: 'self', url: `${BASE}/Patient?x` } },
      'bundle-link Bundle.link[1].relation',
    ],
    [
      'an entry has something (bdl-5)',
      { 'entry[0].resource': GONE, 'entry[0].search': GONE },
      'invariant(bdl-5) Bundle.entry[0]',
    ],
    ['a total is not negative', { total: -1 }, 'value-form Bundle.total'],
  ]),

  group('history in R4', history, [
    ['an entry is a request (bdl-3)', { 'entry[0].request': GONE }, 'invariant(bdl-3) Bundle'],
    ['an entry is an answer (bdl-4)', { 'entry[0].response': GONE }, 'invariant(bdl-4) Bundle'],
    ['an entry has its address', { 'entry[0].fullUrl': GONE }, 'full-url Bundle.entry[0]'],
  ]),

  group('collection of R4', collection, [
    [
      'a reference leads to a resource of the type',
      { 'entry[1].resource.subject.reference': 'Observation/1' },
      'target-type Bundle.entry[1].resource.subject',
    ],
    ['a type is one of these', { type: 'bag' }, 'binding-required Bundle.type'],
  ]),

  group('answers to a Questionnaire of R4', answers, [
    ['a question is known', { 'item[1].linkId': 'other' }, 'item-unknown QuestionnaireResponse.item[1]'],
    ['an item has a linkId', { 'item[1].linkId': GONE }, 'element-missing QuestionnaireResponse.item[1].linkId'],
    [
      'an item stands in its group',
      { 'item[3]': { linkId: 'n', answer: [{ valueInteger: 5 }] } },
      'item-misplaced QuestionnaireResponse.item[3]',
    ],
    [
      'items stand in order',
      {
        'item[1]': { linkId: 't', answer: [{ valueDate: '2024-01-01' }] },
        'item[2]': { linkId: 'c', answer: [{ valueString: 'b' }] },
      },
      'item-order QuestionnaireResponse.item[2]',
    ],
    [
      'a required question is answered',
      { 'item[0].item': [{ linkId: 'n', answer: [{ valueInteger: 5 }] }] },
      'item-required QuestionnaireResponse.item[0]',
    ],
    ['a required group is there', { 'item[0]': GONE }, 'item-required QuestionnaireResponse'],
    [
      'an answer is of the type',
      { 'item[0].item[2].answer[0]': { valueString: '5' } },
      'answer-type QuestionnaireResponse.item[0].item[2].answer[0].value',
    ],
    ['one answer', { 'item[2].answer[1]': { valueDate: '2024-01-02' } }, 'item-repeated QuestionnaireResponse.item[2]'],
    [
      'an answer is one of the options',
      { 'item[1].answer[0].valueCoding.code': 'z' },
      'answer-option QuestionnaireResponse.item[1].answer[0].value',
    ],
    [
      'a text is short',
      { 'item[0].item[1].answer[0].valueString': 'because' },
      'max-length QuestionnaireResponse.item[0].item[1].answer[0].value',
    ],
    [
      'a number is large',
      { 'item[0].item[2].answer[0].valueInteger': 0 },
      'min-value QuestionnaireResponse.item[0].item[2].answer[0].value',
    ],
    [
      'a number is small',
      { 'item[0].item[2].answer[0].valueInteger': 10 },
      'max-value QuestionnaireResponse.item[0].item[2].answer[0].value',
    ],
    [
      'what is not asked has no answer',
      { 'item[0].item[0].answer[0].valueBoolean': false },
      'item-disabled QuestionnaireResponse.item[0].item[1]',
    ],
    [
      'a display has no answer',
      {
        'item[2]': { linkId: 'd', answer: [{ valueString: 'x' }] },
        'item[3]': { linkId: 't', answer: [{ valueDate: '2024-01-01' }] },
      },
      'item-without-answers QuestionnaireResponse.item[2]',
    ],
    [
      'a group has no answer',
      { 'item[0].answer': [{ valueString: 'x' }] },
      'invariant(qrs-1) QuestionnaireResponse.item[0]',
      'item-without-answers QuestionnaireResponse.item[0]',
    ],
    [
      'items are in a group or under an answer (qrs-1)',
      { 'item[1].item': [{ linkId: 'n' }] },
      'invariant(qrs-1) QuestionnaireResponse.item[1]',
      'item-misplaced QuestionnaireResponse.item[1]',
    ],
    [
      'a group that does not repeat is there once',
      { 'item[1]': { linkId: 'g', item: [{ linkId: 'yes', answer: [{ valueBoolean: true }] }] } },
      'item-repeated QuestionnaireResponse.item[1]',
    ],
    ['a status is one', { status: 'done' }, 'binding-required QuestionnaireResponse.status'],
  ]),
];
