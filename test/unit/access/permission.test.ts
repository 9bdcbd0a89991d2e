/**
 * What a principal may do, compiled from the rows of a role and the scopes of a token:
 * https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
 */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { createPatientCompartment, toldByPatients } from '../../../src/access/patient-compartment.js';
import { compilePermission, type Permission } from '../../../src/access/permission.js';
import type { RoleDuty } from '../../../src/access/roles.js';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { type Letter, type Scope, DUTY_LETTERS } from '../../../src/identity/principal.js';
import { createSearchParameters } from '../../../src/search/parameters.js';
import type { Where } from '../../../src/search/query.js';

const definitions = loadDefinitions();
const compartment = createPatientCompartment(definitions);
const ground = { types: definitions.resourceTypes, compartment, parameters: createSearchParameters(definitions) };

const lettersOf = (text: string): ReadonlySet<Letter> => new Set(DUTY_LETTERS.filter(each => text.includes(each)));
const tagged = (code: string): Where => ({ kind: 'param', code: '_tag', test: { kind: 'token', any: [{ code }] } });
const duty = (
  ...rows: readonly [type: string, letters: string, more?: { where?: Where; within?: 'patient' }][]
): RoleDuty => ({
  types: rows.map(([type, letters, more]) => ({ type, letters: lettersOf(letters), ...more })),
  operations: [],
  screens: ['desk'],
});
const scope = (context: Scope['context'], type: string, letters: string, where?: Where): Scope => ({
  context,
  type,
  letters: lettersOf(letters),
  ...(where ? { where } : {}),
  text: `${context}/${type}.${letters}`,
});
const EVERYTHING = duty(['*', 'cruds']);
const permissionOf = (own: RoleDuty, scopes?: readonly Scope[], patient?: string): Permission =>
  compilePermission(ground, { role: 'some', duty: own, scopes, patient });
const told = ({ reach }: Permission, type: string): string =>
  DUTY_LETTERS.map(letter => {
    const seen = reach[letter].get(type);
    return seen === undefined ? letter : seen === 'hidden' ? '-' : letter.toUpperCase();
  }).join('');

describe('a permission', () => {
  it('of a role has what one of its rows allows, and a condition for each letter that is never without', () => {
    const of = permissionOf(
      duty(
        ['*', 'rs'],
        ['Observation', 'rs', { where: tagged('a') }],
        ['Observation', 'rsu', { where: tagged('b') }],
        ['Patient', 'r'],
      ),
    );
    assert.equal(told(of, 'Condition'), '-r--s');
    assert.equal(told(of, 'Observation'), '-RU-S');
    assert.deepEqual(of.reach.r.get('Observation'), { kind: 'any', of: [tagged('a'), tagged('b')] });
    assert.deepEqual(of.reach.u.get('Observation'), tagged('b'));
    assert.equal(told(of, 'Patient'), '-r---');
    assert.equal(told(of, 'AuditEvent'), '-----');
    assert.deepEqual(of.rulesOf('Observation', 'r'), ['some.types[1]', 'some.types[2]']);
    assert.deepEqual(of.rulesOf('Observation', 'c'), []);
    assert.ok(of.screens.has('desk'));
  });

  it('shares what is alike between letters, so that a view is one', () => {
    const { reach } = permissionOf(duty(['*', 'rs'], ['Observation', 'rs', { where: tagged('a') }]));
    assert.equal(reach.r, reach.s);
    assert.notEqual(reach.r, reach.u);
    assert.equal(permissionOf(duty(['*', 'cruds'], ['AuditEvent', 'cruds'])).reach.r.size, 0);
  });

  it('of scopes is their union, within the role', () => {
    const scopes = [
      scope('user', 'Observation', 'rs', tagged('a')),
      scope('user', 'Observation', 'cru'),
      scope('user', 'Patient', 'rs'),
    ];
    const of = permissionOf(duty(['*', 'rs'], ['Patient', 'r']), scopes);
    assert.equal(told(of, 'Observation'), '-r--S');
    assert.equal(told(of, 'Patient'), '-r---');
    assert.equal(told(of, 'Condition'), '-----');
    assert.deepEqual(of.rulesOf('Observation', 's'), ['some.types[0]', 'user/Observation.rs']);
    assert.ok(!of.screens.has('desk'), 'what is outside FHIR has no scope');
    assert.ok(!of.whole);
  });

  it('of scopes has both conditions where the role has one, too', () => {
    const of = permissionOf(duty(['Observation', 'rs', { where: tagged('a') }]), [
      scope('user', '*', 'rs', tagged('b')),
    ]);
    assert.deepEqual(of.reach.s.get('Observation'), { kind: 'all', of: [tagged('a'), tagged('b')] });
    assert.equal(told(of, 'Patient'), '-----');
  });

  it('of no scopes allows nothing', () => {
    const of = permissionOf(EVERYTHING, []);
    for (const type of definitions.resourceTypes) assert.equal(told(of, type), '-----');
    assert.deepEqual(of.letters, { c: false, r: false, u: false, d: false, s: false });
  });

  it('within a patient is their compartment, and what is about nobody to be read', () => {
    const of = permissionOf(EVERYTHING, [scope('patient', '*', 'cruds')], 'p1');
    for (const type of ['Patient', 'Observation', 'Device', 'Task']) assert.equal(told(of, type), 'CRUDS', type);
    for (const type of ['Practitioner', 'Organization', 'Medication', 'ValueSet'])
      assert.equal(told(of, type), '-r--s', type);
    for (const type of ['Group', 'AuditEvent', 'Subscription', 'Bundle', 'Slot'])
      assert.equal(told(of, type), '-----', type);
    // By what points at it.
    assert.equal(told(of, 'Binary'), '-R--S');
    assert.deepEqual(of.reach.r.get('Encounter'), {
      kind: 'param',
      code: 'patient',
      test: { kind: 'reference', to: { kind: 'local', type: 'Patient', id: 'p1' } },
    });
  });

  it('within a patient is nothing where there is none', () => {
    const of = permissionOf(EVERYTHING, [scope('patient', '*', 'cruds')]);
    for (const type of definitions.resourceTypes) assert.equal(told(of, type), '-----', type);
    assert.equal(told(permissionOf(duty(['*', 'rs', { within: 'patient' }])), 'Observation'), '-----');
    assert.equal(told(permissionOf(duty(['*', 'rs', { within: 'patient' }]), undefined, 'p1'), 'Observation'), '-R--S');
  });

  it('has a digest that is another for another patient, scope, condition or letter', () => {
    const of = [
      permissionOf(EVERYTHING),
      permissionOf(EVERYTHING, []),
      permissionOf(EVERYTHING, [scope('patient', '*', 'rs')], 'p1'),
      permissionOf(EVERYTHING, [scope('patient', '*', 'rs')], 'p2'),
      permissionOf(duty(['*', 'rs'])),
      permissionOf(duty(['Observation', 'rs', { where: tagged('a') }])),
      permissionOf(duty(['Observation', 'rs', { where: tagged('b') }])),
    ].map(({ digest }) => digest);
    assert.equal(new Set(of).size, of.length);
    assert.equal(permissionOf(duty(['*', 'rs'])).digest, of[4]);
  });
});

describe('the compartment of a patient', () => {
  const row = (...patients: readonly string[]) => ({ id: 'x', patients });

  it('is told by the patients beside a row where its parameters say no more', () => {
    for (const type of ['Encounter', 'DiagnosticReport', 'Immunization', 'Specimen', 'Task']) {
      const where = compartment.of(type, 'p1')!;
      assert.equal(toldByPatients(where, row('p1')), true, type);
      assert.equal(toldByPatients(where, row('p2')), false, type);
      assert.equal(toldByPatients(where, row()), false, type);
    }
  });

  it('is told for those who are among them alone where another parameter may say it, too', () => {
    for (const type of ['Observation', 'Procedure', 'Communication', 'Composition', 'Coverage']) {
      const where = compartment.of(type, 'p1')!;
      assert.equal(toldByPatients(where, row('p1', 'p2')), true, type);
      assert.equal(toldByPatients(where, row('p2')), undefined, type);
    }
    assert.equal(toldByPatients(compartment.of('Patient', 'p1')!, { id: 'p1', patients: ['p1'] }), true);
    assert.equal(toldByPatients(compartment.of('AdverseEvent', 'p1')!, row('p1')), undefined);
  });

  it('is told of a condition with others as far as it decides it', () => {
    const [yes, no] = [compartment.of('Encounter', 'p1')!, compartment.of('Encounter', 'p2')!];
    const other = tagged('a');
    const ask = (where: Where) => toldByPatients(where, row('p1'));
    assert.equal(ask({ kind: 'all', of: [yes, other] }), undefined);
    assert.equal(ask({ kind: 'all', of: [other, no] }), false);
    assert.equal(ask({ kind: 'any', of: [other, yes] }), true);
    assert.equal(ask({ kind: 'any', of: [no, other] }), undefined);
    assert.equal(ask({ kind: 'not', of: no }), true);
    assert.equal(ask({ kind: 'all', of: [yes, { kind: 'not', of: no }] }), true);
  });
});
