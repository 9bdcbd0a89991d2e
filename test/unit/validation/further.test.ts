/** Whether a check goes on beyond faults of the structure, and what is told then. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FhirError, type Issue } from '../../../src/fhir/error.js';
import { checkFurther } from '../../../src/validation/gate/further.js';

const fault = (code: string, text: string, expression: string, detail?: string): Issue => ({
  severity: 'error',
  code,
  text,
  expression,
  ...(detail === undefined ? {} : { detail }),
});
const MISSING = fault('required', 'code is missing.', 'Observation.code');
const UNKNOWN = fault('structure', 'Observation has no property nonsense.', 'Observation');
const BROKEN = fault('invariant', 'obs-6', 'Observation', 'invariant');
const found = (): Promise<readonly Issue[]> => Promise.resolve([BROKEN]);

describe('a check beyond the structure', () => {
  it('is made of what is sound, or lacks elements, or has unknown ones', async () => {
    for (const structure of [[], [MISSING], [UNKNOWN], [MISSING, UNKNOWN]])
      assert.deepEqual(await checkFurther(structure, found), [...structure, BROKEN]);
  });

  const rows: [what: string, structure: readonly Issue[]][] = [
    ['a value has the wrong form', [MISSING, fault('value', 'must be a date', 'Patient.birthDate')]],
    ['an element has the wrong shape', [fault('structure', 'name must be an array.', 'Patient.name')]],
    ['a resource has no type', [fault('required', 'resourceType is missing.', 'Patient.contained[0].resourceType')]],
    ['there are more faults than are told', Array.from({ length: 50 }, () => UNKNOWN)],
  ];
  for (const [what, structure] of rows)
    it(`is not made where ${what}`, async () =>
      assert.deepEqual(await checkFurther(structure, () => assert.fail('it was made')), structure));

  it('tells once that an element is missing, and what is missing elsewhere', async () => {
    const again = fault('required', 'code is missing: the profile requires it.', 'Observation.code', 'profile-min');
    const slice = fault('required', 'a slice is missing', 'Observation.code', 'slice-min');
    const other = fault('required', 'subject is missing', 'Observation.subject', 'profile-min');
    const told = await checkFurther([MISSING], () => Promise.resolve([again, slice, other]));
    assert.deepEqual(told, [MISSING, slice, other]);
  });

  it('tells what refuses the check beside the structure, and throws it without', async () => {
    const costly = (): Promise<never> => Promise.reject(new FhirError('too-costly', 'It takes too long.'));
    const told = await checkFurther([MISSING], costly);
    assert.deepEqual(
      told.map(({ text }) => text),
      [MISSING.text, 'It takes too long.'],
    );
    await assert.rejects(checkFurther([], costly), FhirError);
    await assert.rejects(
      checkFurther([MISSING], () => Promise.reject(new TypeError('a fault of ours'))),
      TypeError,
    );
  });
});
