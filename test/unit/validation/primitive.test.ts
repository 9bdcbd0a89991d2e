import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { STRUCTURE_CODES } from '../../../src/validation/gate/structure-rule.js';
import { faultOfPrimitive } from '../../../src/validation/gate/primitive.js';

const definitions = loadDefinitions();

/** The fault of a value at `owner.name`, as its code of R4 and `text`; undefined where there is none. */
function fault(owner: string, name: string, value: unknown, literal?: string): string | undefined {
  const { element, type } = definitions.property(owner, name)!;
  const own = definitions.types.get((type ?? element.types[0])!.code)!;
  const found = faultOfPrimitive(value, own, element, literal, definitions.codeLists);
  return found && `${STRUCTURE_CODES[found.detail]}: ${found.text}`;
}

describe('faults of primitive values', () => {
  it('are none for values of the right form', () => {
    assert.equal(fault('Patient', 'active', true), undefined);
    assert.equal(fault('Patient', 'birthDate', '2024-02-29'), undefined);
    assert.equal(fault('Patient', 'gender', 'female'), undefined);
    assert.equal(fault('Patient', 'multipleBirthInteger', 2), undefined);
  });

  it('name the JSON type that is needed', () => {
    assert.equal(fault('Patient', 'active', 'true'), 'structure: active must be a JSON boolean.');
    assert.equal(fault('Patient', 'birthDate', 1980), 'structure: birthDate must be a JSON string.');
    assert.equal(fault('Quantity', 'value', '1'), 'structure: value must be a JSON number.');
    assert.equal(fault('Patient', 'birthDate', ''), 'structure: birthDate must not be empty.');
  });

  it('tell integers from decimals, by their literal as well', () => {
    assert.match(fault('Patient', 'multipleBirthInteger', 1.5)!, /^value: .* must be a whole number\.$/);
    assert.match(fault('Patient', 'multipleBirthInteger', 2 ** 31)!, /^value: .* must be between -2147483648 and/);
    assert.match(fault('Patient', 'multipleBirthInteger', 1, '1.0')!, /without a fraction or an exponent\.$/);
    assert.equal(fault('Quantity', 'value', 1, '1.0'), undefined);
    assert.match(fault('Quantity', 'value', Infinity)!, /^value: value is not a number that can be kept\.$/);
  });

  it('name the codes of a short list, the value set of a long one, and never the value', () => {
    assert.equal(
      fault('Patient', 'gender', 'x-y-z'),
      'code-invalid: gender must be one of male, female, other, unknown.',
    );
    assert.match(
      fault('SearchParameter', 'base', 'x-y-z')!,
      /^code-invalid: base must be a code of http:\/\/hl7\.org\/fhir\/ValueSet\/resource-types/,
    );
  });

  it('say what form a text lacks', () => {
    assert.equal(fault('Patient', 'birthDate', '1980-1-1'), 'value: birthDate must have the form of date.');
    assert.equal(fault('Patient', 'birthDate', '2023-02-29'), 'value: birthDate names a day that does not exist.');
    assert.equal(fault('Attachment', 'data', 'a'), 'value: data must be base64.');
    assert.match(fault('Narrative', 'div', '<p/>')!, /^value: div must /);
  });
});
