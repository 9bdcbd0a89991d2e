import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { OPEN } from '../../../src/fhir/datetime.js';
import { loadDefinitions, type SearchParameterDefinition } from '../../../src/fhir/definitions.js';
import type { JsonObject } from '../../../src/fhir/resource.js';
import { extract } from '../../../src/search/extract.js';
import { createSearchParameters } from '../../../src/search/parameters.js';

const BASES = ['http://fhir.example/r4'];
const definitions = loadDefinitions();
const standard = createSearchParameters(definitions);

/** The entries of one parameter, without its name. */
function entries(type: string, code: string, members: JsonObject, parameters = standard): object[] {
  return extract({ resourceType: type, ...members }, parameters, { bases: BASES })
    .filter(entry => entry.parameter === code)
    .map(entry => Object.fromEntries(Object.entries(entry).filter(([key]) => key !== 'parameter')));
}

const dates = (members: JsonObject) => entries('Observation', 'date', members);
const range = (onsetRange: JsonObject) => entries('Condition', 'onset-age', { onsetRange });
const component = (code: string, value: number) => ({ code: { coding: [{ code }] }, valueQuantity: { value } });
const custom = (expression: string): SearchParameterDefinition => ({
  url: 'http://a.example/SearchParameter/colour',
  code: 'colour',
  type: 'token',
  base: ['Patient'],
  expression,
});

const day = (year: number, month: number, date: number) => Date.UTC(year, month - 1, date);

describe('extract', () => {
  it('keeps an entry that is found twice once', () => {
    assert.deepEqual(entries('Patient', 'given', { name: [{ given: ['Eve', 'Eve'] }, { given: ['Eve'] }] }), [
      { kind: 'string', raw: 'Eve', norm: 'eve' },
    ]);
  });

  it('gives nothing for an unknown resource type', () => {
    assert.deepEqual(extract({ resourceType: 'Nothing', id: '1' }, standard, { bases: BASES }), []);
  });

  it('keeps strings as written beside their normal form', () => {
    assert.deepEqual(entries('Patient', 'family', { name: [{ family: 'De  Müller' }] }), [
      { kind: 'string', raw: 'De  Müller', norm: 'de muller' },
    ]);
  });

  it('gives a token for every coding, system alone included, and a text for every label', () => {
    const code = { text: 'x', coding: [{ system: 's', code: 'a' }, { code: 'b' }, { system: 't' }, { display: 'c' }] };
    assert.deepEqual(entries('Observation', 'code', { code }), [
      { kind: 'token', system: 's', code: 'a' },
      { kind: 'token', system: '', code: 'b' },
      { kind: 'token', system: 't', code: '' },
      { kind: 'text', norm: 'c' },
      { kind: 'text', norm: 'x' },
    ]);
  });

  it('gives the type of an identifier with its value', () => {
    const type = { text: 'Record Number', coding: [{ system: 's', code: 'MR' }, { code: 'MR' }, { display: 'x' }] };
    assert.deepEqual(entries('Patient', 'identifier', { identifier: [{ type, system: 'i', value: '1' }, { type }] }), [
      { kind: 'token', system: 'i', code: '1' },
      { kind: 'of-type', system: 's', code: 'MR', value: '1' },
      { kind: 'of-type', system: '', code: 'MR', value: '1' },
      { kind: 'text', norm: 'record number' },
    ]);
  });

  it('gives the position of a location', () => {
    assert.deepEqual(entries('Location', 'near', { position: { latitude: 52.5, longitude: -5 } }), [
      { kind: 'position', latitude: 52.5, longitude: -5 },
    ]);
    assert.deepEqual(entries('Location', 'near', { position: { latitude: 52.5 } }), []);
  });

  describe('dates', () => {
    it('are ranges of their precision', () => {
      assert.deepEqual(dates({ effectiveDateTime: '2020-02' }), [
        { kind: 'date', low: day(2020, 2, 1), high: day(2020, 3, 1) - 1 },
      ]);
    });

    it('are open where a Period is', () => {
      assert.deepEqual(dates({ effectivePeriod: { start: '2020' } }), [
        { kind: 'date', low: day(2020, 1, 1), high: OPEN },
      ]);
      assert.deepEqual(dates({ effectivePeriod: { end: '2020' } }), [
        { kind: 'date', low: -OPEN, high: day(2021, 1, 1) - 1 },
      ]);
      assert.deepEqual(dates({ effectivePeriod: {} }), []);
    });

    it('give nothing for a Period that ends before it starts', () => {
      assert.deepEqual(dates({ effectivePeriod: { start: '2020-02', end: '2020-01' } }), []);
    });

    it('of a Timing are the envelope of its events, or else its bounds', () => {
      const event = ['2020-03-01', '2020-01-01', '2020-02-01'];
      const repeat = { boundsPeriod: { start: '2019-01-01', end: '2019-01-02' } };
      assert.deepEqual(dates({ effectiveTiming: { event, repeat } }), [
        { kind: 'date', low: day(2020, 1, 1), high: day(2020, 3, 2) - 1 },
      ]);
      assert.deepEqual(dates({ effectiveTiming: { repeat } }), [
        { kind: 'date', low: day(2019, 1, 1), high: day(2019, 1, 3) - 1 },
      ]);
      assert.deepEqual(dates({ effectiveTiming: { code: { text: 'daily' } } }), []);
    });
  });

  describe('quantities', () => {
    it('carry number, system, code and unit', () => {
      assert.deepEqual(
        entries('Observation', 'value-quantity', { valueQuantity: { value: 1.5, unit: 'u', system: 's', code: 'c' } }),
        [{ kind: 'quantity', low: 1.5, high: 1.5, system: 's', code: 'c', unit: 'u' }],
      );
      assert.deepEqual(entries('Observation', 'value-quantity', { valueQuantity: { unit: 'u' } }), []);
      assert.deepEqual(entries('Observation', 'value-quantity', { valueSampledData: { data: '1 2' } }), []);
    });

    it('of a Range have its ends, the largest number for an open one', () => {
      const unit = { system: '', code: 'a', unit: '' };
      assert.deepEqual(range({ low: { value: 1, code: 'a' } }), [
        { kind: 'quantity', low: 1, high: Number.MAX_VALUE, ...unit },
      ]);
      assert.deepEqual(range({ high: { value: 2, code: 'a' } }), [
        { kind: 'quantity', low: -Number.MAX_VALUE, high: 2, ...unit },
      ]);
      assert.deepEqual(range({}), []);
    });

    it('of Money have the currency', () => {
      assert.deepEqual(entries('Invoice', 'totalnet', { totalNet: { value: 3, currency: 'EUR' } }), [
        { kind: 'quantity', low: 3, high: 3, system: 'urn:iso:std:iso:4217', code: 'EUR', unit: '' },
      ]);
    });
  });

  describe('references', () => {
    const rows: readonly [name: string, subject: JsonObject, found: object[]][] = [
      ['relative', { reference: 'Patient/1' }, [{ kind: 'reference', type: 'Patient', id: '1' }]],
      [
        'own absolute',
        { reference: 'http://fhir.example/r4/Patient/1' },
        [{ kind: 'reference', type: 'Patient', id: '1' }],
      ],
      [
        'versioned',
        { reference: 'Patient/1/_history/2' },
        [{ kind: 'reference', type: 'Patient', id: '1', version: '2' }],
      ],
      [
        'foreign',
        { reference: 'http://other.example/Patient/1' },
        [{ kind: 'url', url: 'http://other.example/Patient/1' }],
      ],
      ['urn', { reference: 'urn:oid:1.2' }, [{ kind: 'url', url: 'urn:oid:1.2' }]],
      ['contained', { reference: '#p' }, []],
      ['logical', { identifier: { system: 's', value: 'v' } }, [{ kind: 'identifier', system: 's', value: 'v' }]],
      [
        'literal and logical',
        { reference: 'Patient/1', identifier: { value: 'v' } },
        [
          { kind: 'reference', type: 'Patient', id: '1' },
          { kind: 'identifier', system: '', value: 'v' },
        ],
      ],
      ['display alone', { display: 'x' }, []],
    ];
    for (const [name, subject, found] of rows)
      it(`that are ${name}`, () => assert.deepEqual(entries('Observation', 'subject', { subject }), found));

    it('to other types are no patient', () => {
      assert.deepEqual(entries('Observation', 'patient', { subject: { reference: 'Group/1' } }), []);
      assert.equal(entries('Observation', 'patient', { subject: { reference: 'Patient/1' } }).length, 1);
    });

    it('that are canonicals have their version apart', () => {
      assert.deepEqual(entries('QuestionnaireResponse', 'questionnaire', { questionnaire: 'http://a.example/q|2#x' }), [
        { kind: 'url', url: 'http://a.example/q', version: '2' },
      ]);
    });

    it('of a document Bundle point at its first entry', () => {
      const entry = [
        { resource: { resourceType: 'Composition', id: 'c' } },
        { resource: { resourceType: 'Patient', id: 'p' } },
      ];
      assert.deepEqual(entries('Bundle', 'composition', { entry }), [
        { kind: 'held', resource: entry[0]!.resource },
        { kind: 'reference', type: 'Composition', id: 'c' },
      ]);
      // It is no message.
      assert.deepEqual(entries('Bundle', 'message', { entry }), []);
    });
  });

  it('gives a profile with its version apart', () => {
    assert.deepEqual(entries('Patient', '_profile', { meta: { profile: ['http://a.example/p|1'] } }), [
      { kind: 'uri', value: 'http://a.example/p', version: '1' },
    ]);
  });

  it('keeps the parts of a composite together', () => {
    const unit = { system: '', code: '', unit: '' };
    assert.deepEqual(
      entries('Observation', 'component-code-value-quantity', {
        component: [component('a', 1), component('b', 2), { code: { coding: [{ code: 'c' }] } }],
      }),
      [
        {
          kind: 'composite',
          parts: [[{ kind: 'token', system: '', code: 'a' }], [{ kind: 'quantity', low: 1, high: 1, ...unit }]],
        },
        {
          kind: 'composite',
          parts: [[{ kind: 'token', system: '', code: 'b' }], [{ kind: 'quantity', low: 2, high: 2, ...unit }]],
        },
      ],
    );
  });

  it('passes over what has the wrong JSON type', () => {
    const wrong = {
      name: 'Eve',
      birthDate: 5,
      active: 'yes',
      identifier: [{ system: 1, value: {} }],
      gender: ['male'],
    };
    assert.deepEqual(
      extract({ resourceType: 'Patient', ...wrong }, standard, { bases: BASES }).map(e => e.parameter),
      ['active', 'deceased'],
    );
  });

  describe('custom parameters', () => {
    const extension = [{ url: 'http://a.example/colour', valueCode: 'red' }];

    it('work on extensions', () => {
      const parameters = createSearchParameters(definitions, [
        custom("Patient.extension('http://a.example/colour').value"),
      ]);
      assert.deepEqual(entries('Patient', 'colour', { extension }, parameters), [
        { kind: 'token', system: '', code: 'red' },
      ]);
      assert.equal(parameters.get('Observation', 'colour'), undefined);
    });

    it('know an instant from a dateTime', () => {
      const at = '2020-01-01T10:00:00Z';
      const low = Date.parse(at);
      const typed = (type: string) => `Patient.extension('http://a.example/colour').value.as(${type})`;
      for (const [expression, element, high] of [
        [typed('instant'), 'valueInstant', low],
        [typed('dateTime'), 'valueDateTime', low + 999],
        ['Patient.extension.skip(0).value', 'valueInstant', low],
        ['Patient.extension.skip(0).value', 'valueDateTime', low + 999],
      ] as const) {
        const parameters = createSearchParameters(definitions, [{ ...custom(expression), type: 'date' }]);
        const found = { extension: [{ url: 'http://a.example/colour', [element]: at }] };
        assert.deepEqual(entries('Patient', 'colour', found, parameters), [{ kind: 'date', low, high }], element);
      }
    });

    it('work beyond the subset', () => {
      const parameters = createSearchParameters(definitions, [custom('Patient.extension.skip(0).value')]);
      assert.deepEqual(entries('Patient', 'colour', { extension }, parameters), [
        { kind: 'token', system: '', code: 'red' },
      ]);
    });
  });
});

describe('createSearchParameters', () => {
  it('tells what a parameter reads', () => {
    const date = standard.get('Observation', 'date');
    assert.deepEqual([...(date?.elements ?? [])].toSorted(), ['Period', 'Timing', 'dateTime', 'instant']);
    assert.deepEqual([date?.spans, date?.repeats], [true, false]);
    const birth = standard.get('Patient', 'birthdate');
    assert.deepEqual([birth?.spans, birth?.repeats], [false, false]);
    assert.equal(standard.get('Patient', 'identifier')?.repeats, true);
  });

  it('knows the systems of bare codes', () => {
    assert.equal(standard.get('Patient', 'gender')?.implied, 'http://hl7.org/fhir/administrative-gender');
    assert.equal(standard.get('Patient', 'active')?.implied, 'http://terminology.hl7.org/CodeSystem/special-values');
    assert.equal(standard.get('Patient', 'identifier')?.implied, undefined);
    assert.equal(standard.get('Task', 'intent')?.implied, 'http://hl7.org/fhir/request-intent');
    assert.equal(standard.get('DocumentReference', 'language')?.implied, 'urn:ietf:bcp:47');
  });

  it('knows the targets of references', () => {
    assert.deepEqual(standard.get('Observation', 'patient')?.targets, ['Patient']);
    assert.deepEqual(standard.get('Observation', 'subject')?.targets, ['Device', 'Group', 'Location', 'Patient']);
    assert.deepEqual(standard.get('Observation', 'focus')?.targets, []);
  });

  it('leaves out what is no index', () => {
    for (const code of ['_text', '_content', '_query', '_filter', '_has', '_list'])
      assert.equal(standard.get('Patient', code), undefined);
    assert.equal(standard.get('Location', 'near')?.type, 'special');
    assert.ok(standard.get('Patient', '_id'));
  });
});
