import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import type { Decimals, JsonObject, Resource } from '../../../src/fhir/resource.js';
import { SUBSETTED } from '../../../src/fhir/subsetted.js';
import { summarise, type SummaryForm } from '../../../src/search/summary.js';

const definitions = loadDefinitions();
const quantity: JsonObject = { value: 1.1, unit: 'mg' };
const document: Resource = {
  resourceType: 'DocumentReference',
  id: 'd',
  meta: { versionId: '1', tag: [{ code: 'x' }] },
  implicitRules: 'http://rules.example',
  text: { status: 'empty', div: '<div/>' },
  contained: [{ resourceType: 'Patient', id: 'p' }],
  extension: [{ url: 'http://a.example', valueString: 'x' }],
  modifierExtension: [{ url: 'http://b.example', valueString: 'y' }],
  status: 'current',
  type: { coding: [{ code: 'a' }] },
  custodian: { reference: 'Organization/1' },
  content: [
    { attachment: { contentType: 'text/plain', data: 'eA==', title: 'a' }, extension: [{ url: 'http://c.example' }] },
  ],
};

const pick = (form: SummaryForm) => summarise(document, form, definitions).resource;
const keys = (form: SummaryForm) => Object.keys(pick(form));

describe('summarise', () => {
  it('keeps the summary elements at every depth for true', () => {
    const short = pick('true');
    assert.deepEqual(keys('true'), [
      'resourceType',
      'id',
      'meta',
      'implicitRules',
      'modifierExtension',
      'status',
      'type',
      'content',
    ]);
    assert.deepEqual(short['content'], [{ attachment: { contentType: 'text/plain', title: 'a' } }]);
    assert.deepEqual(short['modifierExtension'], document['modifierExtension']);
  });

  it('keeps text, id, meta and what is mandatory for text', () => {
    assert.deepEqual(keys('text'), ['resourceType', 'id', 'meta', 'text', 'status', 'content']);
  });

  it('keeps all but text for data', () => {
    assert.deepEqual(
      keys('data').toSorted(),
      Object.keys(document)
        .filter(key => key !== 'text')
        .toSorted(),
    );
  });

  it('keeps what was asked for, what is mandatory and modifiers for elements', () => {
    const form = { elements: ['custodian'] };
    assert.deepEqual(keys(form), [
      'resourceType',
      'id',
      'meta',
      'implicitRules',
      'modifierExtension',
      'status',
      'custodian',
      'content',
    ]);
    assert.deepEqual(pick(form)['content'], document['content']);
  });

  it('tags the result, once', () => {
    assert.deepEqual((pick('data')['meta'] as JsonObject)['tag'], [{ code: 'x' }, SUBSETTED]);
    const again = summarise(pick('data'), 'data', definitions).resource;
    assert.deepEqual((again['meta'] as JsonObject)['tag'], [{ code: 'x' }, SUBSETTED]);
    assert.deepEqual(summarise({ resourceType: 'Patient' }, 'data', definitions).resource, {
      resourceType: 'Patient',
      meta: { tag: [SUBSETTED] },
    });
  });

  it('keeps choices and the extensions beside primitives with their element', () => {
    const patient: Resource = {
      resourceType: 'Patient',
      birthDate: '1980',
      _birthDate: { id: 'x' },
      deceasedBoolean: false,
    };
    assert.deepEqual(Object.keys(summarise(patient, { elements: ['birthDate'] }, definitions).resource), [
      'resourceType',
      'meta',
      'birthDate',
      '_birthDate',
      'deceasedBoolean',
    ]);
  });

  it('does not change its input', () => {
    const before = JSON.stringify(document);
    for (const form of ['true', 'text', 'data', { elements: ['status'] }] as SummaryForm[])
      summarise(document, form, definitions);
    assert.equal(JSON.stringify(document), before);
  });

  it('carries the digits of decimals over to copies', () => {
    const observation: Resource = { resourceType: 'Observation', status: 'final', code: {}, valueQuantity: quantity };
    const decimals: Decimals = new Map([[quantity, { value: '1.10' }]]);
    const short = summarise(observation, 'true', definitions, decimals);
    const copy = short.resource['valueQuantity'] as JsonObject;
    assert.deepEqual(copy, quantity);
    assert.equal(short.decimals?.get(copy)?.['value'], '1.10');
    assert.equal(decimals.size, 1);
  });
});
