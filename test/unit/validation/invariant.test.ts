import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { loadFhirPath } from '../../../src/fhir/fhirpath.js';
import { STORED_JSON, parseJson } from '../../../src/fhir/json/json.js';
import type { Resource } from '../../../src/fhir/resource.js';
import type { Constraint } from '../../../src/fhir/structure-definition.js';
import { createConstraintCompiler } from '../../../src/validation/invariants/invariant.js';
import type { CheckRun } from '../../../src/validation/run.js';
import { elementsOf, type Found, keptRun } from '../../support/check-run.js';

const compileConstraint = createConstraintCompiler(loadDefinitions());

const constraint = (expression: string, more: Partial<Constraint> = {}): Constraint => ({
  key: 'x-1',
  severity: 'error',
  human: 'A rule',
  expression,
  ...more,
});

/** What the constraint reports of the element at a place. */
function check(
  given: Constraint,
  resource: Resource,
  at: string = resource.resourceType,
  parts: Parameters<typeof keptRun>[0] & { from?: string } = {},
): Found[] {
  const run = keptRun(parts);
  let asked = false;
  for (const { element, path } of elementsOf(resource)) {
    if (path !== at || asked) continue;
    asked = true;
    compileConstraint(given, element.type, parts.from ?? 'r4')!(element, run);
  }
  assert.ok(asked, 'the element is there');
  return run.found;
}

const patient: Resource = {
  resourceType: 'Patient',
  id: 'p',
  active: false,
  contact: [{ name: { family: 'Doe' } }, { gender: 'female' }],
  generalPractitioner: [{ reference: '#gp' }, { reference: 'Practitioner/1' }, { display: 'somebody' }],
  contained: [{ resourceType: 'Practitioner', id: 'gp', name: [{ text: 'Dr' }] }],
  _birthDate: { extension: [{ url: 'http://example.org/why', valueCode: 'unknown' }] },
};
const verdict = (found: Found[]): string => found.map(({ severity, detail }) => `${severity} ${detail}`).join();

describe('invariants', () => {
  const VIOLATED = 'error invariant';
  const NOT_CHECKED = 'warning invariant-not-checked';
  const rows: [expression: string, at: string, expected: string][] = [
    ['true', 'Patient', ''],
    ['false', 'Patient', VIOLATED],
    ['{}', 'Patient', VIOLATED],
    ['contact', 'Patient', ''],
    ['active', 'Patient', VIOLATED],
    ["active.not() and id = 'p'", 'Patient', ''],
    ['name.exists() or telecom.exists()', 'Patient.contact', ''],
    ['telecom.exists()', 'Patient.contact', VIOLATED],
    ['family.exists() and $this is HumanName', 'Patient.name', ''],
    ['%resource.contact.count() = 2 and %rootResource.id = %resource.id', 'Patient.contact', ''],
    ["%ucum = 'http://unitsofmeasure.org' and %loinc.exists() and %sct.exists()", 'Patient', ''],
    ["%`vs-administrative-gender` = 'http://hl7.org/fhir/ValueSet/administrative-gender'", 'Patient', ''],
    ['%context.name.exists()', 'Patient.contact', ''],
    ["hasValue().not() and extension.value = 'unknown'", 'Patient.birthDate', ''],
    ['birthDate.hasValue().not() and active.hasValue()', 'Patient', ''],
    ["trace('nothing').exists()", 'Patient', ''],
    ['generalPractitioner.where(resolve() is Practitioner).count() = 2', 'Patient', ''],
    ["generalPractitioner[0].resolve().name.text = 'Dr'", 'Patient', ''],
    ["generalPractitioner[1].resolve().name.text = 'Dr'", 'Patient', NOT_CHECKED],
    ['generalPractitioner[2].resolve().exists()', 'Patient', NOT_CHECKED],
    ['generalPractitioner.resolve().exists()', 'Patient', ''],
    ["contact.gender.memberOf('http://example.org/vs')", 'Patient', NOT_CHECKED],
    ["conformsTo('http://example.org/profile')", 'Patient', NOT_CHECKED],
    ['contact.single().exists()', 'Patient', NOT_CHECKED],
    ['exists(1, 2)', 'Patient', NOT_CHECKED],
    ['not a path', 'Patient', NOT_CHECKED],
    ['nothing()', 'Patient', NOT_CHECKED],
    ['`exists`()', 'Patient', NOT_CHECKED],
    ["id.matches('^[a-z]$') and id.matches('p') and id.matchesFull('[a-z]')", 'Patient', ''],
    ["contact.name.family.matches('o')", 'Patient', ''],
    ["contact.name.family.matches('^o')", 'Patient', VIOLATED],
    ["contact.name.family.matches('D', 'i')", 'Patient', NOT_CHECKED],
    ["contact.name.family.matches('(?=D)')", 'Patient', NOT_CHECKED],
    ["contact.name.family.replaceMatches('[aeiou]', '-') = 'D--'", 'Patient', ''],
    ["contact.name.family.replaceMatches('o.*', '') = 'D'", 'Patient', ''],
    ["contact.name.family.replace('o', '00') = 'D00e'", 'Patient', ''],
    ["('a' | 'b').join('-') = 'a-b'", 'Patient', ''],
    ['repeat(contact).count() = 2', 'Patient', ''],
    ['(contact | contact).count() = 2 and contact.combine(contact).distinct().count() = 2', 'Patient', ''],
    ['contact.isDistinct() and contact.combine(contact).isDistinct().not()', 'Patient', ''],
    ['\'<div xmlns="http://www.w3.org/1999/xhtml">a</div>\'.htmlChecks()', 'Patient', ''],
    ['\'<div xmlns="http://www.w3.org/1999/xhtml"><script/></div>\'.htmlChecks()', 'Patient', VIOLATED],
  ];
  for (const [expression, at, expected] of rows)
    it(`${expected || 'hold'}: ${expression}`, () => {
      const withName = { ...patient, name: [{ family: 'Doe' }] };
      assert.equal(verdict(check(constraint(expression), at === 'Patient.name' ? withName : patient, at)), expected);
    });

  it('say rule, key and source, the place, and no value', () => {
    const source = 'http://hl7.org/fhir/StructureDefinition/Patient';
    const rule = { key: 'pat-1', human: 'SHALL at least contain a contact.', source };
    assert.deepEqual(check(constraint('telecom.exists()', rule), patient, 'Patient.contact'), [
      {
        severity: 'error',
        code: 'invariant',
        detail: 'invariant',
        text: 'pat-1: SHALL at least contain a contact.',
        diagnostics: `pat-1 ${source}`,
        expression: 'Patient.contact[0]',
      },
    ]);
    const stored = check(constraint('false', { human: 'Jane Doe' }), patient, 'Patient', { from: 'stored' });
    assert.deepEqual(
      stored.map(({ text }) => text),
      ['The invariant x-1 of the profile does not hold.'],
    );
    const odd = check(constraint('false', { key: 'Jane Doe', source: 'Jane Doe' }), patient, 'Patient', {
      from: 'stored',
    });
    assert.doesNotMatch(JSON.stringify(odd), /Jane/);
  });

  it('have the severity of the constraint', () =>
    assert.equal(verdict(check(constraint('false', { severity: 'warning' }), patient)), 'warning invariant'));

  it('are not checked without an expression', () =>
    assert.equal(compileConstraint({ key: 'x', severity: 'error', human: 'A rule' }, 'Patient', 'r4'), undefined));

  it('that are best practice are said as the setting has it', () => {
    const url = 'http://hl7.org/fhir/StructureDefinition/elementdefinition-bestpractice';
    const best = constraint('false', { severity: 'warning', extension: [{ url, valueBoolean: true }] });
    const said = (bestPractice: 'ignore' | 'warn' | 'error') =>
      verdict(check(best, patient, 'Patient', { options: { bestPractice } }));
    assert.deepEqual([said('ignore'), said('warn'), said('error')], ['', 'warning invariant', 'error invariant']);
  });

  it('see numbers as they were written', () => {
    const text =
      '{"resourceType":"Observation","component":[{"valueQuantity":{"value":1.0}},{"valueQuantity":{"value":2}}]}';
    const { resource, decimals } = parseJson(Buffer.from(text), STORED_JSON);
    const whole = constraint("value.toString().contains('.').not()");
    const run = keptRun({ decimals });
    const places: string[] = [];
    for (const { element } of elementsOf(resource))
      if (element.type === 'Quantity') compileConstraint(whole, 'Quantity', 'r4')!(element, run);
      else if (element.type === 'decimal' && compileConstraint(constraint("toString() = '1.0'"), 'decimal', 'r4'))
        places.push(element.place.name);
    assert.deepEqual(
      run.found.map(({ expression }) => expression),
      ['Observation.component[0].value'],
    );
    assert.equal(places.length, 2);
  });

  it('ask the run for value sets and profiles', () => {
    const asked: unknown[] = [];
    const isMember: CheckRun['isMember'] = (...given) => (asked.push(given), true);
    const conforms: CheckRun['conforms'] = ({ type, value }, ...given) => (asked.push([type, value, ...given]), false);
    const member = constraint("contact.gender.memberOf('http://example.org/vs')");
    assert.equal(verdict(check(member, patient, 'Patient', { isMember, from: 'a@1' })), '');
    const conforming = constraint("contained.conformsTo('http://example.org/p') or conformsTo('http://example.org/q')");
    assert.equal(verdict(check(conforming, patient, 'Patient', { conforms })), VIOLATED);
    assert.deepEqual(asked, [
      ['female', 'http://example.org/vs', 'a@1'],
      ['Practitioner', patient['contained']![0 as never], 'http://example.org/p', 'r4'],
      ['Patient', patient, 'http://example.org/q', 'r4'],
    ]);
  });

  it('say nothing on the console', () => {
    const shared = globalThis.console;
    const descriptor = Object.getOwnPropertyDescriptor(shared, 'warn')!;
    const said: unknown[] = [];
    shared.warn = (...parts: unknown[]) => void said.push(parts);
    try {
      const born: Resource = { resourceType: 'Patient', birthDate: '1973-12-25' };
      assert.equal(verdict(check(constraint("birthDate + 7.7 days > birthDate and trace('x').exists()"), born)), '');
      assert.deepEqual(said, []);
      // What the engine says by itself.
      const { engine, model } = loadFhirPath();
      void engine.evaluate(born, 'birthDate + 7.7 days', {}, model);
      assert.equal(said.length, 1);
    } finally {
      Object.defineProperty(shared, 'warn', descriptor);
    }
  });

  it('leave the resource as it is', () => {
    const frozen = structuredClone(patient);
    const freeze = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      Object.values(value).forEach(freeze);
      Object.freeze(value);
    };
    freeze(frozen);
    const expression =
      "descendants().where($this is Reference).exists() and contained.select($this).where(id = 'gp').exists()";
    assert.equal(verdict(check(constraint(expression), frozen)), '');
  });

  describe('of stored profiles', () => {
    const stored: [expression: string, expected: string][] = [
      ["contact.where(gender = 'female').exists()", ''],
      ['descendants().count() > 1', NOT_CHECKED],
      ["id.matches('p')", ''],
      ["contact.single().gender.matches('p')", NOT_CHECKED],
      ['now() > @2000', NOT_CHECKED],
      ['`descendants`().count() > 1', NOT_CHECKED],
      ['descendants/* */().count() > 1', NOT_CHECKED],
      ['repeat(contact).exists()', NOT_CHECKED],
    ];
    for (const [expression, expected] of stored)
      it(`${expected || 'hold'}: ${expression}`, () =>
        assert.equal(verdict(check(constraint(expression), patient, 'Patient', { from: 'stored' })), expected));
  });
});
