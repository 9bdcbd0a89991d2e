import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Json, Resource } from '../../../src/fhir/resource.js';
import { validateStructure, warmValidators } from '../../../src/validation/gate/structure.js';
import {
  definitions,
  faults,
  patient,
  observation,
  bundle,
  binary,
  absent,
  check,
} from '../../support/structure-rows.js';

describe('the structure of a resource', () => {
  describe('properties', () => {
    check([
      ['unknown', patient({ birthDate: '2000' }), patient({ brithDate: '2000' }), 'Patient structure'],
      [
        'unknown in a data type',
        patient({ name: [{ text: 'a' }, { family: 'b' }] }),
        patient({ name: [{ text: 'a' }, { familly: 'b' }] }),
        'Patient.name[1] structure',
      ],
      [
        'unknown in a backbone element',
        patient({ contact: [{ gender: 'male' }] }),
        patient({ contact: [{ sex: 'male' }] }),
        'Patient.contact[0] structure',
      ],
      [
        'unknown below a content reference',
        {
          resourceType: 'Questionnaire',
          status: 'draft',
          item: [{ linkId: '1', type: 'group', item: [{ linkId: '2', type: 'string' }] }],
        },
        {
          resourceType: 'Questionnaire',
          status: 'draft',
          item: [{ linkId: '1', type: 'group', item: [{ linkID: '2', type: 'string' }] }],
        },
        'Questionnaire.item[0].item[0] structure',
        'Questionnaire.item[0].item[0].linkId required',
      ],
      [
        'of later releases',
        patient({ meta: { source: 'http://x.org' } }),
        patient({ meta: { project: 'a' } }),
        'Patient.meta structure',
      ],
      [
        'of the prototype',
        patient({ active: true }),
        JSON.parse('{"resourceType":"Patient","__proto__":{"active":true},"constructor":"x"}') as Json,
        'Patient structure',
        'Patient structure',
      ],
      [
        'resourceType inside an element',
        patient({ name: [{ text: 'a' }] }),
        patient({ name: [{ text: 'a', resourceType: 'HumanName' }] }),
        'Patient.name[0] structure',
      ],
    ]);

    it('names the element that was probably meant', () => {
      const text = (resource: Json): string | undefined =>
        validateStructure(resource as Resource, definitions)[0]?.text;
      assert.match(
        text(patient({ brithDate: '2000' })) ?? '',
        /^Patient has no property brithDate; did you mean birthDate\.$/,
      );
      assert.match(text(observation({ valueQuantitiy: { value: 1 } })) ?? '', /did you mean valueQuantity/);
      assert.match(text(observation({ value: 1 })) ?? '', /the name of value\[x\] ends with its type/);
      assert.match(text({ resourceType: 'Pateint' }) ?? '', /did you mean Patient/);
    });

    it('never repeats a value, nor a property that could not be an element', () => {
      const secret = 'Mary Jane 1970-13-41';
      const issues = validateStructure(
        patient({
          [secret]: 1,
          gender: secret,
          birthDate: secret,
          active: secret,
          id: secret,
          name: [{ use: secret, given: secret }],
          photo: [{ data: `${secret}!` }],
          text: { status: secret, div: `<p>${secret}` },
        }) as Resource,
        definitions,
      );
      assert.equal(issues.length, 10);
      assert.doesNotMatch(JSON.stringify(issues), /Mary|1970/);
    });
  });

  describe('JSON types', () => {
    check([
      [
        'a list that is none',
        patient({ name: [{ text: 'a' }] }),
        patient({ name: { text: 'a' } }),
        'Patient.name structure',
      ],
      [
        'a primitive list that is none',
        patient({ name: [{ given: ['a'] }] }),
        patient({ name: [{ given: 'a' }] }),
        'Patient.name[0].given structure',
      ],
      [
        'a list of lists',
        patient({ name: [{ text: 'a' }] }),
        patient({ name: [[{ text: 'a' }]] }),
        'Patient.name[0] structure',
      ],
      [
        'a list where one is allowed',
        patient({ birthDate: '2000' }),
        patient({ birthDate: ['2000'] }),
        'Patient.birthDate structure',
      ],
      [
        'a list of objects where one is allowed',
        patient({ maritalStatus: { text: 'a' } }),
        patient({ maritalStatus: [{ text: 'a' }] }),
        'Patient.maritalStatus structure',
      ],
      [
        'a string for an object',
        patient({ maritalStatus: { text: 'a' } }),
        patient({ maritalStatus: 'a' }),
        'Patient.maritalStatus structure',
      ],
      [
        'a number for a string',
        patient({ birthDate: '2000' }),
        patient({ birthDate: 2000 }),
        'Patient.birthDate structure',
      ],
      ['a string for a boolean', patient({ active: true }), patient({ active: 'true' }), 'Patient.active structure'],
      [
        'a string for a decimal',
        observation({ valueQuantity: { value: 1.5 } }),
        observation({ valueQuantity: { value: '1.5' } }),
        'Observation.value.value structure',
      ],
      [
        'a string for an integer',
        observation({ valueInteger: -1 }),
        observation({ valueInteger: '1' }),
        'Observation.value structure',
      ],
      ['null for a value', patient({ active: false }), patient({ active: null }), 'Patient.active structure'],
      [
        'null for an object',
        patient({ maritalStatus: { text: 'a' } }),
        patient({ maritalStatus: null }),
        'Patient.maritalStatus structure',
      ],
      [
        'null in a list of objects',
        patient({ name: [{ text: 'a' }] }),
        patient({ name: [{ text: 'a' }, null] }),
        'Patient.name[1] structure',
      ],
      ['null for a resource', bundle(patient({ active: true })), bundle(null), 'Bundle.entry[0].resource structure'],
    ]);
  });

  describe('emptiness', () => {
    check([
      ['list', patient({ name: [{ text: 'a' }] }), patient({ name: [] }), 'Patient.name structure'],
      [
        'primitive list',
        patient({ name: [{ given: ['a'] }] }),
        patient({ name: [{ given: [] }] }),
        'Patient.name[0].given structure',
      ],
      [
        'object',
        patient({ maritalStatus: { text: 'a' } }),
        patient({ maritalStatus: {} }),
        'Patient.maritalStatus structure',
      ],
      [
        'string',
        patient({ name: [{ family: 'a' }] }),
        patient({ name: [{ family: '' }] }),
        'Patient.name[0].family structure',
      ],
      [
        'uri, whose pattern would allow it',
        patient({ implicitRules: 'x:y' }),
        patient({ implicitRules: '' }),
        'Patient.implicitRules structure',
      ],
      ['code of a list', patient({ gender: 'other' }), patient({ gender: '' }), 'Patient.gender structure'],
      ['base64', binary('AAAA'), binary(''), 'Binary.data structure'],
    ]);
  });

  describe('required elements', () => {
    check([
      [
        'a primitive',
        observation({}),
        { resourceType: 'Observation', code: { text: 'x' } },
        'Observation.status required',
      ],
      ['an object', observation({}), { resourceType: 'Observation', status: 'final' }, 'Observation.code required'],
      [
        'a primitive given by extensions',
        { resourceType: 'Observation', _status: absent, code: { text: 'x' } },
        { resourceType: 'Observation', code: { text: 'x' } },
        'Observation.status required',
      ],
      [
        'in a backbone element',
        patient({ link: [{ other: { reference: 'Patient/a' }, type: 'refer' }] }),
        patient({ link: [{ type: 'refer' }] }),
        'Patient.link[0].other required',
      ],
      [
        'a choice',
        {
          resourceType: 'MedicationStatement',
          status: 'active',
          medicationCodeableConcept: { text: 'a' },
          subject: { reference: 'Patient/a' },
        },
        { resourceType: 'MedicationStatement', status: 'active', subject: { reference: 'Patient/a' } },
        'MedicationStatement.medication required',
      ],
      ['resourceType', patient({ id: 'a' }), { id: 'a' }, 'Resource.resourceType required'],
      [
        'resourceType of an entry',
        bundle(patient({ id: 'a' })),
        bundle({ id: 'a' }),
        'Bundle.entry[0].resource.resourceType required',
      ],
    ]);
  });

  describe('choices', () => {
    check([
      [
        'of two types',
        observation({ valueString: 'a' }),
        observation({ valueString: 'a', valueBoolean: true }),
        'Observation.value structure',
      ],
      [
        'of two types, one by extensions',
        observation({ valueString: 'a', _valueString: absent }),
        observation({ valueString: 'a', _valueBoolean: absent }),
        'Observation.value structure',
      ],
      [
        'of two kinds beside one another',
        observation({ valueString: 'a', effectiveDateTime: '2020' }),
        observation({ effectivePeriod: { start: '2020' }, effectiveDateTime: '2020' }),
        'Observation.effective structure',
      ],
      [
        'of a type that is not allowed',
        observation({ valueQuantity: { value: 1 } }),
        observation({ valueMoney: { value: 1 } }),
        'Observation structure',
      ],
    ]);
  });

  it('reports every fault of a resource', () => {
    assert.deepEqual(
      faults({
        resourceType: 'Observation',
        id: 'a b',
        status: 'x',
        valueString: '',
        valueBoolean: 'y',
        subject: {},
        extra: 1,
      }),
      [
        'Observation.id value',
        'Observation.status code-invalid',
        'Observation.value structure',
        'Observation.value structure',
        'Observation.value structure',
        'Observation.subject structure',
        'Observation structure',
        'Observation.code required',
      ],
    );
  });

  it('stops at 50 issues, however many faults there are', () => {
    const names = Array.from({ length: 100_000 }, () => ({ x: 1 }));
    assert.equal(validateStructure(patient({ name: names }) as Resource, definitions).length, 50);
    const given = Array.from({ length: 100_000 }, () => 1);
    assert.equal(validateStructure(patient({ name: [{ given }] }) as Resource, definitions).length, 50);
    const keys = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`x${index}`, 1]));
    assert.equal(validateStructure(patient(keys) as Resource, definitions).length, 50);
  });

  it('can be warmed for types', () => {
    warmValidators();
    warmValidators(['Claim']);
    assert.deepEqual(faults(patient({ active: true })), []);
  });
});
