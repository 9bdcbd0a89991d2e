/** Whether a check goes on beyond faults of the structure, with what, and what is told then. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FhirError, type Issue } from '../../../src/fhir/error.js';
import { parseJson, STORED_JSON } from '../../../src/fhir/json/json.js';
import type { JsonObject, Parsed } from '../../../src/fhir/resource.js';
import { checkFurther } from '../../../src/validation/gate/further.js';
import { validateStructure } from '../../../src/validation/gate/structure.js';
import { definitions, parsedOf } from '../../support/profiles.js';

const found = (detail: string, expression: string): Issue => ({
  severity: 'error',
  code: 'invariant',
  text: detail,
  expression,
  detail,
});
const short = (issues: readonly Issue[]): string[] => issues.map(({ detail, expression }) => `${detail} ${expression}`);

/** What is told of a resource in which `issues` are found, and the resource that was looked at; undefined: none was. */
async function further(
  parsed: Parsed,
  issues: readonly Issue[] = [],
): Promise<{ readonly told: string[]; readonly looked: Parsed | undefined }> {
  let looked: Parsed | undefined;
  const structure = validateStructure(parsed.resource, definitions, parsed.decimals);
  const told = await checkFurther(structure, parsed, sound => {
    looked = sound;
    return Promise.resolve(issues);
  });
  return { told: short(told), looked };
}

const patient = (more: JsonObject): Parsed => parsedOf({ resourceType: 'Patient', ...more });
const BROKEN = found('invariant', 'Patient.contact[0]');

describe('a check beyond the structure', () => {
  const kept: [what: string, resource: JsonObject, fault: string][] = [
    ['an unknown element', { nonsense: 1 }, 'element-unknown Patient'],
    ['a missing one', { link: [{ type: 'seealso' }] }, 'element-missing Patient.link[0].other'],
    ['a date that is none', { birthDate: '2020-02-31' }, 'value-form Patient.birthDate'],
    ['a code that is not allowed', { gender: 'x' }, 'binding-required Patient.gender'],
    ['a choice of two types', { deceasedBoolean: true, deceasedDateTime: '2020' }, 'element-choice Patient.deceased'],
  ];
  for (const [what, resource, fault] of kept)
    it(`is made of the whole resource with ${what}`, async () => {
      const parsed = patient(resource);
      const { told, looked } = await further(parsed, [BROKEN]);
      assert.deepEqual(told, [fault, short([BROKEN])[0]]);
      assert.equal(looked, parsed);
    });

  const taken: [what: string, resource: JsonObject, left: JsonObject, faults: string[]][] = [
    ['a value for a list', { name: { text: 'a' }, active: true }, { active: true }, ['element-form Patient.name']],
    ['a list for a value', { gender: ['male'], active: true }, { active: true }, ['element-form Patient.gender']],
    ['a number for a text', { gender: 1, _gender: { id: 'a' } }, {}, ['element-form Patient.gender']],
    [
      'one of several texts',
      { name: [{ given: ['a', 1], family: 'b' }, { text: 'c' }] },
      { name: [{ family: 'b' }, { text: 'c' }] },
      ['element-form Patient.name[0].given[1]'],
    ],
    ['a choice', { deceasedBoolean: 'yes', active: true }, { active: true }, ['element-form Patient.deceased']],
    ['an empty object', { maritalStatus: {}, active: true }, { active: true }, ['element-empty Patient.maritalStatus']],
    [
      'two of one object',
      { contact: [{ gender: 1, name: [], id: 'c' }] },
      { contact: [{ id: 'c' }] },
      ['element-form Patient.contact[0].gender', 'element-form Patient.contact[0].name'],
    ],
    [
      'a narrative with a script',
      { text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml"><script/></div>' } },
      { text: { status: 'generated' } },
      ['narrative-content Patient.text.div'],
    ],
  ];
  for (const [what, resource, left, faults] of taken)
    it(`is made without ${what}`, async () => {
      const parsed = patient(resource);
      const before = structuredClone(parsed.resource);
      const { told, looked } = await further(parsed);
      assert.deepEqual(told, faults);
      assert.deepEqual(looked?.resource, { resourceType: 'Patient', ...left });
      assert.deepEqual(parsed.resource, before);
    });

  const ended: [what: string, resource: JsonObject][] = [
    ['a resource has no type', { contained: [{ id: 'a' }] }],
    ['a resource has a type that is none', { contained: [{ resourceType: 'Nonsense', id: 'a' }] }],
    ['a resource is no object', { contained: ['a'] }],
    ['there are more faults than are told', { name: Array.from({ length: 60 }, () => ({ text: 1 })) }],
  ];
  for (const [what, resource] of ended)
    it(`is not made where ${what}`, async () => {
      const { told, looked } = await further(patient(resource), [BROKEN]);
      assert.equal(looked, undefined);
      assert.ok(told.length > 0 && !told.includes(short([BROKEN])[0]!));
    });

  it('tells nothing that may follow from what was taken away', async () => {
    const { told } = await further(patient({ name: [{ given: [1] }], contact: [{}] }), [
      found('invariant', 'Patient'),
      found('slice-min', 'Patient.name'),
      found('invariant', 'Patient.name[0]'),
      found('profile-min', 'Patient.name[0].given'),
      found('profile-min', 'Patient.name[0].family'),
      found('profile-min', 'Patient.names'),
    ]);
    assert.deepEqual(told.slice(2), ['profile-min Patient.name[0].family', 'profile-min Patient.names']);
  });

  it('tells once what both find', async () => {
    const again = [found('profile-min', 'Patient.link[0].other'), found('binding-required', 'Patient.gender')];
    const other = [found('slice-min', 'Patient.link[0].other'), found('pattern-value', 'Patient.gender')];
    const { told } = await further(patient({ link: [{ type: 'seealso' }], gender: 'x' }), [...again, ...other]);
    assert.deepEqual(told.slice(2), short(other));
  });

  it('knows the digits of numbers in what is left', async () => {
    const text =
      '{"resourceType":"Observation","code":[],"referenceRange":[{"text":1,"age":{"low":{"value":1.0}},"low":{"value":2.00}}]}';
    const { looked } = await further(parseJson(Buffer.from(text), STORED_JSON));
    const { low, age } = (looked!.resource as unknown as { referenceRange: { low: object; age: { low: object } }[] })
      .referenceRange[0]!;
    assert.deepEqual(
      [low, age.low].map(each => ({ ...looked!.decimals?.get(each) })),
      [{ value: '2.00' }, { value: '1.0' }],
    );
  });

  it('tells what refuses the check beside the structure, and throws it without', async () => {
    const costly = (): Promise<never> => Promise.reject(new FhirError('too-costly', 'It takes too long.'));
    const parsed = patient({ gender: 'x' });
    const structure = validateStructure(parsed.resource, definitions);
    const told = await checkFurther(structure, parsed, costly);
    assert.deepEqual(
      told.map(({ text }) => text),
      [structure[0]!.text, 'It takes too long.'],
    );
    await assert.rejects(checkFurther([], parsed, costly), FhirError);
    await assert.rejects(
      checkFurther(structure, parsed, () => Promise.reject(new TypeError('a fault of ours'))),
      TypeError,
    );
  });
});
