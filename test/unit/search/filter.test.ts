import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FhirError } from '../../../src/fhir/error.js';
import { parseFilter } from '../../../src/search/filter.js';
import { parseSearch } from '../../../src/search/parse.js';
import { all, any, type Where } from '../../../src/search/query.js';
import {
  BASES,
  definitions,
  filter,
  not,
  param,
  parameters,
  plain,
  present,
  refusal,
  scope,
} from '../../support/filters.js';

describe('_filter', () => {
  describe('says the same as other searches', () => {
    for (const [type, text, pair] of [
      ['Patient', 'given sw "Eve"', 'given=Eve'],
      ['Patient', 'given co eve', 'given:contains=eve'],
      ['Patient', 'identifier eq http://a.example|1', 'identifier=http://a.example|1'],
      ['Patient', 'identifier eq |1', 'identifier=|1'],
      ['Patient', 'identifier eq http://a.example|', 'identifier=http://a.example|'],
      ['Patient', 'identifier eq "a\\\\|b"', 'identifier=a\\|b'],
      ['Patient', 'active eq True', 'active=True,true'],
      ['Patient', 'gender eq Female', 'gender=Female,female'],
      ['Observation', 'code eq loinc|1234-5', 'code=http://loinc.org|1234-5'],
      ['Observation', 'code eq SNOMED|1', 'code=http://snomed.info/sct|1'],
      ['Observation', 'code eq rxnorm|1', 'code=http://www.nlm.nih.gov/research/umls/rxnorm|1'],
      ['Observation', 'code eq ucum', 'code=ucum'],
      ['Observation', 'code ss loinc|1234-5', 'code:below=http://loinc.org|1234-5'],
      ['Observation', 'code sb http://loinc.org|1234-5', 'code:above=http://loinc.org|1234-5'],
      ['Observation', 'code in http://a.example/ValueSet/v', 'code:in=http://a.example/ValueSet/v'],
      ['Observation', 'code in ValueSet/v', 'code:in=ValueSet/v'],
      ['Observation', 'code ni ValueSet/v', 'code:not-in=ValueSet/v'],
      ['Observation', 'subject re Patient/1', 'subject=Patient/1'],
      ['Observation', `subject re ${BASES[0]}/Patient/1`, 'subject=Patient/1'],
      ['Observation', 'subject re http://other.example/1', 'subject=http://other.example/1'],
      ['Observation', 'subject eq Patient/1', 'subject=Patient/1'],
      ['Observation', 'patient re 1', 'patient=1'],
      ['QuestionnaireResponse', 'questionnaire re http://a.example/q|2', 'questionnaire=http://a.example/q|2'],
      ['ValueSet', 'url eq http://a.example', 'url=http://a.example'],
      ['ValueSet', 'url ss http://a.example/b', 'url:below=http://a.example/b'],
      ['ValueSet', 'url sb http://a.example/b', 'url:above=http://a.example/b'],
      ['Patient', 'gender pr true', 'gender:missing=false'],
      ['Patient', 'gender pr false', 'gender:missing=true'],
      ['Observation', 'code-value-quantity pr true', 'code-value-quantity:missing=false'],
      ['Location', 'near pr false', 'near:missing=true'],
      ['Observation', 'subject.name sw a', 'subject.name=a'],
      ['Observation', 'subject:Patient.birthdate ge 1980', 'subject:Patient.birthdate=ge1980'],
      ['Observation', 'subject:Patient.organization.name co a', 'subject:Patient.organization.name:contains=a'],
      ['Patient', '_id eq a', '_id=a'],
      ['Patient', '_lastUpdated ge 2024-01-01', '_lastUpdated=ge2024-01-01'],
    ] as const)
      it(`${text} is ${pair}`, () => assert.deepEqual(filter(type, text), plain(type, pair)));

    for (const operator of ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'] as const) {
      it(`${operator} on dates, numbers and quantities`, () => {
        assert.deepEqual(
          filter('Patient', `birthdate ${operator} 1980-05`),
          plain('Patient', `birthdate=${operator}1980-05`),
        );
        assert.deepEqual(
          filter('RiskAssessment', `probability ${operator} 0.5`),
          plain('RiskAssessment', `probability=${operator}0.5`),
        );
        assert.deepEqual(
          filter('Observation', `value-quantity ${operator} 5|ucum|mg`),
          plain('Observation', `value-quantity=${operator}5|http://unitsofmeasure.org|mg`),
        );
      });
    }
  });

  describe('says what no other search can', () => {
    const low = Date.UTC(2013, 0, 14);
    const high = Date.UTC(2013, 0, 15) - 1;
    const eve = { kind: 'string', mode: 'equals', value: 'eve' } as const;
    for (const [type, text, where] of [
      ['Patient', 'given eq "Ève"', param('given', eve)],
      ['Patient', 'given ew eve', param('given', { ...eve, mode: 'ends' })],
      ['Patient', 'given ne eve', all(present('given'), not(param('given', eve)))],
      ['Patient', 'given eq "a,b$c|d\\\\e"', param('given', { ...eve, value: 'a,b$c|d\\e' })],
      ['Patient', 'given eq "\\"\\u00c9\\n)\\u005d"', param('given', { ...eve, value: '"e )]' })],
      ['Patient', 'given eq {"a":["b"]', undefined],
      ['Patient', 'given eq {"a":"b"}', param('given', { ...eve, value: '{"a":"b"}' })],
      [
        'Patient',
        'gender ne male',
        all(present('gender'), not(param('gender', { kind: 'token', any: [{ code: 'male' }] }))),
      ],
      ['Patient', 'identifier eq a,b', param('identifier', { kind: 'token', any: [{ code: 'a,b' }] })],
      [
        'Observation',
        'subject ne Patient/1',
        all(
          present('subject'),
          not(param('subject', { kind: 'reference', to: { kind: 'local', type: 'Patient', id: '1' } })),
        ),
      ],
      [
        'ValueSet',
        'url ne http://a.example',
        all(present('url'), not(param('url', { kind: 'uri', mode: 'exact', value: 'http://a.example' }))),
      ],
      ['Observation', 'date po 2013-01-14', param('date', { kind: 'date', any: [{ lowMax: high, highMin: low }] })],
      ['Observation', 'date co 2013-01-14', param('date', { kind: 'date', any: [{ lowMax: low, highMin: high }] })],
    ] as const satisfies readonly (readonly [string, string, Where | undefined])[])
      it(text, () => {
        if (where) assert.deepEqual(filter(type, text), where);
        else assert.equal(refusal(type, text).issues[0]?.detail, 'invalid-filter');
      });
  });

  describe('reads and, or and not from left to right', () => {
    const [a, b, c] = ['given eq a', 'family eq b', 'gender eq other'];
    const [A, B, C] = [filter('Patient', a), filter('Patient', b), filter('Patient', c)];
    for (const [text, where] of [
      [`${a} and ${b} and ${c}`, all(A, B, C)],
      [`${a} or ${b} or ${c}`, any(A, B, C)],
      [`${a} or ${b} and ${c}`, all(any(A, B), C)],
      [`${a} and ${b} or ${c}`, any(all(A, B), C)],
      [`${a} or (${b} and ${c})`, any(A, all(B, C))],
      [`${a} and (${b} or ${c})`, all(A, any(B, C))],
      [`(${a} or ${b})and(${c})`, all(any(A, B), C)],
      [`not(${a}) and ${b}`, all(not(A), B)],
      [`not(${a} and ${b})`, not(all(A, B))],
      [`${a} or not (not( ${b} ))`, any(A, not(not(B)))],
      [`( ( ${a} ) )`, A],
      [`\t${a}\n  and\u3000${b} `, all(A, B)],
    ] as const)
      it(text, () => assert.deepEqual(filter('Patient', text), where));
  });

  describe('follows paths', () => {
    const chain = (code: string, to: string, where: Where): Where => ({ kind: 'chain', code, to, where });
    const female = filter('Patient', 'gender eq female');

    it('through a condition in brackets on the same resource', () => {
      assert.deepEqual(
        filter('Observation', 'subject[gender eq female].name co a'),
        chain('subject', 'Patient', all(female, filter('Patient', 'name co a'))),
      );
    });

    it('through brackets at every link, and inside brackets', () => {
      const link = chain(
        'organization',
        'Organization',
        all(filter('Organization', 'active eq true or name eq b'), filter('Organization', 'name eq a')),
      );
      assert.deepEqual(
        filter(
          'Observation',
          'subject[gender eq female and organization[active eq true or name eq b].name eq a].family eq c',
        ),
        chain('subject', 'Patient', all(female, link, filter('Patient', 'family eq c'))),
      );
    });

    it('turns pr false and ni round for the whole path', () => {
      assert.deepEqual(
        filter('Observation', 'subject.active pr false'),
        not(filter('Observation', 'subject.active pr true')),
      );
      assert.deepEqual(
        filter('Observation', 'patient[gender eq female].language ni v'),
        not(filter('Observation', 'patient[gender eq female].language in v')),
      );
    });

    it('to every type that knows what comes next', () => {
      assert.deepEqual(
        filter('Observation', 'subject.identifier eq a'),
        any(
          ...['Device', 'Group', 'Location', 'Patient'].map(to =>
            chain('subject', to, param('identifier', { kind: 'token', any: [{ code: 'a' }] })),
          ),
        ),
      );
    });

    it('into one element, where a composite parameter joins its parts', () => {
      const relates = param('relationship', {
        kind: 'composite',
        parts: [
          { kind: 'reference', to: { kind: 'local', type: 'DocumentReference', id: '1' } },
          { kind: 'token', any: [{ code: 'replaces' }] },
        ],
      });
      for (const text of [
        'relatesTo[code eq replaces].target re DocumentReference/1',
        'relatesTo[target eq DocumentReference/1].code eq "replaces"',
      ])
        assert.deepEqual(filter('DocumentReference', text), relates);
      assert.deepEqual(
        filter('Group', 'characteristic[code eq gender].value eq a|female'),
        param('characteristic-value', {
          kind: 'composite',
          parts: [
            { kind: 'token', any: [{ code: 'gender' }] },
            { kind: 'token', any: [{ system: 'a', code: 'female' }] },
          ],
        }),
      );
      assert.deepEqual(
        filter('Group', 'characteristic eq gender'),
        param('characteristic', { kind: 'token', any: [{ code: 'gender' }] }),
      );
    });

    for (const text of [
      'relatesTo[code eq a or code eq b].target re c',
      'relatesTo[code eq a and code eq b].target re c',
      'relatesTo[not(code eq a)].target re c',
      'relatesTo[target re c].target re d',
      'relatesTo[code ne a].target re c',
      'relatesTo[code eq a].target pr true',
      'relatesTo[colour eq a].target re c',
      'relatesTo[constructor eq a].target re c',
      'relatesTo[code.x eq a].target re c',
      'relatesTo[code eq a].target.type eq c',
    ])
      it(`not into an element by ${text}`, () =>
        assert.equal(refusal('DocumentReference', text).kind, 'not-supported'));
  });

  describe('in a search', () => {
    const search = (query: string, lenient = false) =>
      parseSearch(
        { types: ['Patient'], parameters: [...new URLSearchParams(query)], lenient, bases: BASES, now: 0 },
        parameters,
        definitions,
      );

    it('is joined to other filters and parameters by and, and used', () => {
      const found = search('_filter=given eq a or given eq b&gender=male&_filter=active eq true');
      assert.deepEqual(
        found.where,
        all(
          filter('Patient', 'given eq a or given eq b'),
          plain('Patient', 'gender=male'),
          filter('Patient', 'active eq true'),
        ),
      );
      assert.deepEqual(
        found.used.map(([name]) => name),
        ['_filter', 'gender', '_filter'],
      );
    });

    it('is the last name of a chain and of a reverse chain', () => {
      assert.deepEqual(plain('Observation', 'subject:Patient._filter=given eq a'), {
        kind: 'chain',
        code: 'subject',
        to: 'Patient',
        where: filter('Patient', 'given eq a'),
      });
      assert.deepEqual(plain('Patient', '_has:Observation:patient:_filter=code eq a or code eq b'), {
        kind: 'has',
        from: 'Observation',
        code: 'patient',
        where: filter('Observation', 'code eq a or code eq b'),
      });
    });

    it('is left out and said under lenient handling for unknown names, refused for what is not understood', () => {
      const found = search('_filter=colour eq a&gender=male', true);
      assert.deepEqual(
        found.used.map(([name]) => name),
        ['gender'],
      );
      assert.deepEqual(
        found.ignored.map(({ severity, expression }) => [severity, expression]),
        [['warning', 'http._filter']],
      );
      assert.throws(() => search('_filter=gender is a', true), FhirError);
    });

    it('of several types knows what all of them have', () => {
      const both = scope('Patient', 'Practitioner');
      assert.deepEqual(parseFilter('family eq a', both), filter('Patient', 'family eq a'));
      assert.throws(() => parseFilter('birthdate eq 1980', both), FhirError);
    });
  });
});
