/** The file of roles: what is wrong with one is told at start, all at once, each fault with its place and what would be right. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'mocha';
import { checkRoles, readRoles } from '../../../src/access/roles.js';
import type { Json } from '../../../src/fhir/resource.js';
import { ConfigError } from '../../../src/platform/config.js';
import { ADMIN, NAMEABLE, OWN_ROLES, rolesOf } from '../../support/roles.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-roles-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const fileOf = (text: string): string => {
  const file = join(folder, 'roles.json');
  writeFileSync(file, text);
  return file;
};
const configFault = (says: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ConfigError, String(error));
  assert.match(error.message, says);
  return true;
};

describe('the file of roles', () => {
  it('of the server has its roles', () => {
    assert.deepEqual(
      [...readRoles(OWN_ROLES, NAMEABLE).keys()],
      [
        'admin',
        'writer',
        'reader',
        'administrator',
        'privacy-officer',
        'records-specialist',
        'clinician',
        'patient',
        'service',
      ],
    );
  });

  const type = (duty: Json): Json => ({ lab: { types: [duty] } });
  const where = (query: Json, letters = 'rs'): Json => type({ type: 'Observation', letters, where: query });
  const rows: readonly (readonly [what: string, roles: Json, says: RegExp])[] = [
    ['a role with a strange name', { 'My role': {} }, /"My role": the name of a role/],
    ['a role that is none', { lab: [] }, /lab: a role is an object/],
    ['a member that is none', { lab: { type: [] } }, /lab\.type: nothing is known by this name; there are types, op/],
    ['types that are no list', { lab: { types: {} } }, /lab\.types: this must be a list/],
    ['a duty that is none', type('Patient'), /lab\.types\[0\]: a duty is an object/],
    [
      'a type that is none',
      type({ type: 'Observatoin', letters: 'r' }),
      /lab\.types\[0\]\.type: "Observatoin" is no resource type .* Did you mean Observation\?/,
    ],
    ['no type', type({ letters: 'r' }), /lab\.types\[0\]\.type: undefined is no/],
    [
      'a letter that is none',
      type({ type: 'Patient', letters: 'rx' }),
      /lab\.types\[0\]\.letters: "rx" must be some of the letters of "cruds"/,
    ],
    ['letters in another order', type({ type: 'Patient', letters: 'sr' }), /letters: "sr" must/],
    ['a letter twice', type({ type: 'Patient', letters: 'rr' }), /letters: "rr" must/],
    ['no letters', type({ type: 'Patient' }), /letters: undefined must/],
    ['a change of the trail', type({ type: 'AuditEvent', letters: 'ru' }), /lab\.types\[0\]\.letters: nobody changes/],
    [
      'an update of what is not searched',
      type({ type: 'Patient', letters: 'cru' }),
      /lab\.types: whoever may update or delete .* must see what is there \(r, s\): Patient/,
    ],
    [
      'an update of what is not read',
      type({ type: 'Patient', letters: 'cu' }),
      /lab\.types: whoever may update or delete .*: Patient/,
    ],
    [
      'an operation that is none',
      { lab: { operations: ['meta', 'everythin'] } },
      /lab\.operations\[1\]: "everythin" is no operation .* Did you mean everything\?/,
    ],
    [
      'a screen that is none',
      { lab: { screens: ['dusk'] } },
      /lab\.screens\[0\]: "dusk" is no screen of this server; it has desk\. Did you mean desk\?/,
    ],
    ['a condition that is no text', where(1), /lab\.types\[0\]\.where: a condition is the query/],
    ['a condition that is empty', where(''), /where: a condition is the query/],
    ['a condition of all types', type({ type: '*', letters: 'rs', where: '_id=1' }), /where: .*name it/],
    ['a condition by a parameter that is none', where('kategory=x'), /where: .*kategory/],
    ['a condition by words', where('_text=x'), /where: /],
    ['a condition by a chain to words', where('subject:Patient._content=x'), /where: /],
    [
      'a condition by a distance',
      type({ type: 'Location', letters: 'rs', where: 'near=1|2|3|km' }),
      /where: distances, words/,
    ],
    [
      'a broken glass that writes',
      { lab: { breakGlass: [{ type: '*', letters: 'cr' }] } },
      /lab\.breakGlass\[0\]\.letters: .*r and s at most/,
    ],
    [
      'a broken glass within a patient',
      { lab: { breakGlass: [{ type: '*', letters: 'r', within: 'patient' }] } },
      /lab\.breakGlass\[0\]\.within/,
    ],
    ['a broken glass that is no list', { lab: { breakGlass: {} } }, /lab\.breakGlass: this must be a list/],
    ['a duty within what is no patient', type({ type: '*', letters: 'rs', within: 'group' }), /within: .*"patient"/],
    ['a condition with an order', where('status=final&_sort=date'), /where: Criteria hold conditions alone/],
  ];
  for (const [what, roles, says] of rows)
    it(`is refused with ${what}`, () =>
      assert.throws(() => rolesOf(roles as Readonly<Record<string, Json>>), configFault(says)));

  for (const [what, query, letters] of [
    ['a chain', 'subject:Patient.organization=Organization/1', 'rs'],
    ['what refers here', '_has:DiagnosticReport:result:status=final', 'rs'],
    ['a value set', 'code:in=http://example.org/codes', 'rs'],
    ['a hierarchy', 'code:below=http://loinc.org|x', 'rs'],
    ['what may be written', 'status=final', 'cruds'],
  ] as const)
    it(`may have a condition by ${what}`, () =>
      assert.doesNotThrow(() => rolesOf({ lab: { types: [{ type: 'Observation', letters, where: query }] } })));

  it('tells all faults at once', () =>
    assert.throws(
      () => rolesOf({ a: { screens: ['x'] }, b: { operations: ['y'] } }),
      (error: Error) => error.message.split('\n').length === 2,
    ));

  it('has the role that the server works in', () => {
    for (const roles of [{}, { admin: {} }, { admin: { ...(ADMIN as object), screens: [] } }])
      assert.throws(() => checkRoles(roles, NAMEABLE, 'roles.json'), configFault(/admin: the server does/));
    assert.doesNotThrow(() => checkRoles({ admin: ADMIN }, NAMEABLE, 'roles.json'));
  });

  it('is refused where it cannot be read, and where a member stands twice in it', () => {
    assert.throws(() => readRoles(join(folder, 'nosuch.json'), NAMEABLE), configFault(/nosuch\.json, does not exist/));
    assert.throws(() => readRoles(folder, NAMEABLE), configFault(/cannot be read \(EISDIR\)/));
    assert.throws(() => readRoles(fileOf('{"admin": }'), NAMEABLE), configFault(/no JSON/));
    assert.throws(() => readRoles(fileOf('{"a": {}, "a": {}}'), NAMEABLE), configFault(/no JSON that can be used/));
    assert.throws(() => readRoles(fileOf('[]'), NAMEABLE), configFault(/at its top: it must be one object/));
  });
});
