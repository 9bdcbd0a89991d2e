import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import type { Json, Resource } from '../../../src/fhir/resource.js';
import { parseExpression } from '../../../src/search/expression.js';
import { compilePath } from '../../../src/search/path.js';
import { evaluateWith } from '../../../src/search/path-engine.js';
import type { Ending, PathFrame } from '../../../src/search/path-walk.js';

const definitions = loadDefinitions();
const profiles = new URL('../../../../profiles/', import.meta.url);
interface OwnParameter {
  readonly expression: string;
  readonly base: readonly string[];
}
const ownParameter = (file: string): OwnParameter =>
  JSON.parse(readFileSync(new URL(file, profiles), 'utf8')) as OwnParameter;
const MRN_TERMINAL = ownParameter('search/searchparameter-patient-mrn-terminal.json');

/** Values and element types that an expression leads to in a resource. */
function evaluate(expression: string, resource: Resource): [type: string, value: Json][] {
  const found: [string, Json][] = [];
  const walk = compilePath<PathFrame>(definitions, expression, resource.resourceType, ({ type }) => value => {
    found.push([type, value]);
  });
  walk?.(resource, { root: resource });
  return found;
}

function endings(expression: string, type: string): Ending[] {
  const found: Ending[] = [];
  compilePath<PathFrame>(definitions, expression, type, ending => void found.push(ending));
  return found;
}

const eve: Resource = {
  resourceType: 'Patient',
  id: 'eve',
  meta: { tag: [{ code: 'a' }, { code: 'b' }] },
  active: false,
  name: [{ family: 'X', given: ['Eve', 'Anne'] }, { given: ['E.'] }],
  telecom: [
    { system: 'phone', value: '1' },
    { system: 'email', value: '2' },
    { system: 'phone', value: '3' },
  ],
  deceasedDateTime: '2020',
  extension: [
    { url: 'http://a.example/colour', valueCode: 'red' },
    { url: 'http://a.example/shade', valueString: 'dark' },
    { url: 'http://a.example/colour', valueCodeableConcept: { text: 'blue' } },
  ],
  generalPractitioner: [
    { reference: 'Practitioner/1' },
    { reference: '#org' },
    { type: 'Practitioner', identifier: {} },
  ],
  contained: [{ resourceType: 'Organization', id: 'org' }],
};

describe('compilePath', () => {
  const rows: readonly [expression: string, values: [string, Json][]][] = [
    ['Patient.id', [['id', 'eve']]],
    ['Resource.id', [['id', 'eve']]],
    ['DomainResource.active', [['boolean', false]]],
    ['active', [['boolean', false]]],
    ['Observation.id', []],
    ['Observation.id | Patient.id | Practitioner.id', [['id', 'eve']]],
    [
      'Patient.name.given',
      [
        ['string', 'Eve'],
        ['string', 'Anne'],
        ['string', 'E.'],
      ],
    ],
    [
      'Resource.meta.tag.code',
      [
        ['code', 'a'],
        ['code', 'b'],
      ],
    ],
    ['Patient.deceased', [['dateTime', '2020']]],
    ['(Patient.deceased as dateTime)', [['dateTime', '2020']]],
    ['Patient.deceased.as(DateTime)', [['dateTime', '2020']]],
    ['Patient.deceased.ofType(FHIR.dateTime)', [['dateTime', '2020']]],
    ['(Patient.deceased as boolean)', []],
    [
      "Patient.telecom.where(system='phone').value",
      [
        ['string', '1'],
        ['string', '3'],
      ],
    ],
    ["Patient.telecom.where(system != 'phone').value", [['string', '2']]],
    ["Patient.telecom.where(system='phone' and value='3').value", [['string', '3']]],
    [
      "(Patient.telecom.where(system='email') | Patient.name).given",
      [
        ['string', 'Eve'],
        ['string', 'Anne'],
        ['string', 'E.'],
      ],
    ],
    [
      'Patient.name.where(family.exists()).given',
      [
        ['string', 'Eve'],
        ['string', 'Anne'],
      ],
    ],
    ['Patient.name.where(family.empty()).given', [['string', 'E.']]],
    ['Patient.name[1].given', [['string', 'E.']]],
    ['Patient.deceased.exists() and Patient.deceased != false', [['boolean', true]]],
    ['Patient.active.exists() and Patient.active != false', [['boolean', false]]],
    ['Patient.gender.exists() and Patient.gender != false', [['boolean', false]]],
    [
      "Patient.extension('http://a.example/colour').value",
      [
        ['code', 'red'],
        ['CodeableConcept', { text: 'blue' }],
      ],
    ],
    ["Patient.extension.where(url='http://a.example/shade').value.as(string)", [['string', 'dark']]],
    ["Patient.extension('http://a.example/colour').value.text", [['string', 'blue']]],
    ['Patient.generalPractitioner.where(resolve() is Organization).reference', [['string', '#org']]],
    ['Patient.generalPractitioner.where(resolve() is Practitioner).reference', [['string', 'Practitioner/1']]],
    [
      "Patient.name.given.select($this + '!')",
      [
        ['string', 'Eve!'],
        ['string', 'Anne!'],
        ['string', 'E.!'],
      ],
    ],
  ];
  for (const [expression, values] of rows)
    it(`evaluates ${expression}`, () => {
      assert.doesNotThrow(() => parseExpression(expression));
      assert.deepEqual(evaluate(expression, eve), values);
    });

  it('narrows a reference by resolve()', () => {
    assert.deepEqual(
      endings('Observation.subject.where(resolve() is Patient)', 'Observation').map(({ only }) => only),
      ['Patient'],
    );
  });

  it('knows what repeats', () => {
    assert.deepEqual(
      endings('Patient.name.family | Patient.birthDate', 'Patient').map(({ repeats }) => repeats),
      [true, false],
    );
  });

  it('starts over at the resource with %resource', () => {
    const found: Json[] = [];
    const walk = compilePath<PathFrame>(
      definitions,
      '%resource.id',
      'Patient.contact',
      () => value => void found.push(value),
    );
    walk?.({}, { root: eve });
    assert.deepEqual(found, ['eve']);
  });

  it('passes over values of the wrong JSON type', () => {
    for (const wrong of ['x', 1, null, [], [null], [1], [[{}]], {}] as Json[])
      assert.deepEqual(evaluate('Patient.name.given', { resourceType: 'Patient', name: wrong }), []);
  });

  it('makes texts as the complete engine does', () => {
    const given = ['', 'a', 'ab', 'abc', 'abcd', 'abcde', '12-34-56', 'é𝒳ñ𝒳ü'];
    const patient: Resource = { resourceType: 'Patient', name: [{ given }] };
    for (const make of [
      '$this.substring(2)',
      '$this.substring($this.length() - 3, 2)',
      "iif($this.length() > 3, 'long ' + $this, $this.substring(1))",
      'iif($this.length() - 1 + 2 > 3, $this.substring(0, 0), $this)',
      MRN_TERMINAL.expression.slice(MRN_TERMINAL.expression.indexOf('select(') + 'select('.length, -1),
    ]) {
      const expression = `Patient.name.given.select(${make})`;
      const wanted: [string, Json][] = [];
      evaluateWith<PathFrame>(
        expression,
        ({ type }) =>
          value =>
            void wanted.push([type, value]),
      )(patient, {
        root: patient,
      });
      assert.doesNotThrow(() => parseExpression(expression), expression);
      assert.deepEqual(evaluate(expression, patient), wanted, expression);
      assert.ok(wanted.length > 0);
    }
    for (const wrong of [
      '$this + 1',
      "'a' - 'b'",
      '$this.substring()',
      "iif($this > 'a', 'b', 'c')",
      '1',
      '$this.name',
    ])
      assert.throws(() => parseExpression(`Patient.name.given.select(${wrong})`), SyntaxError, wrong);
  });

  it('needs no other engine for what the project brings along', () => {
    const files = readdirSync(profiles, { recursive: true, encoding: 'utf8' });
    const expressions = files.filter(name => /searchparameter-[^/]*\.json$/.test(name)).map(name => ownParameter(name));
    assert.ok(expressions.length > 5);
    for (const { expression, base } of expressions)
      for (const type of base) {
        assert.doesNotThrow(() => parseExpression(expression), expression);
        assert.ok(endings(expression, type).length > 0, expression);
      }
  });

  describe('beyond the subset', () => {
    const rest: readonly [expression: string, values: [string, Json][]][] = [
      [
        'Patient.name.first().given',
        [
          ['string', 'Eve'],
          ['string', 'Anne'],
        ],
      ],
      [
        'Patient.name.given.select($this.upper())',
        [
          ['string', 'EVE'],
          ['string', 'ANNE'],
          ['string', 'E.'],
        ],
      ],
      // Whoever computes with other types needs more than texts.
      ["Patient.id.select($this + '!')", [['string', 'eve!']]],
      ['Patient.name.count() > 1', [['boolean', true]]],
      ['(Patient.name.skip(1).given as string)', [['string', 'E.']]],
    ];
    for (const [expression, values] of rest)
      it(`asks the complete engine for ${expression}`, () => {
        if (!expression.startsWith('Patient.id.')) assert.throws(() => parseExpression(expression), SyntaxError);
        const before = JSON.stringify(eve);
        assert.deepEqual(evaluate(expression, eve), values);
        assert.equal(JSON.stringify(eve), before);
      });

    it('prints nothing for trace()', () => {
      const write = process.stdout.write.bind(process.stdout);
      let printed = '';
      process.stdout.write = (text: string | Uint8Array) => (printed += String(text)) !== '';
      try {
        assert.deepEqual(evaluate("Patient.active.trace('x')", eve), [['boolean', false]]);
      } finally {
        process.stdout.write = write;
      }
      assert.equal(printed, '');
    });

    it('throws for what is no FHIRPath', () => {
      assert.throws(() => evaluate('Patient.name..given', eve));
    });
  });
});
