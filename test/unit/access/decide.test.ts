/** Who may do what: https://hl7.org/fhir/R4/security.html#AccessDenied. Rows AUD-3 and of the roles in identity/principal.ts. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { type Ask, decide } from '../../../src/access/decide.js';
import { type Role, ROLES } from '../../../src/identity/principal.js';
import type { InteractionKind } from '../../../src/interactions/interaction.js';
import { INTERACTIONS } from '../../../src/interactions/kinds.js';
import { operations } from '../../support/operations.js';

const READING: readonly InteractionKind[] = ['capabilities', 'read', 'vread', 'history', 'search'];
const CHANGING: readonly InteractionKind[] = ['update', 'patch', 'delete'];
const WHOLE: readonly InteractionKind[] = ['batch', 'transaction'];

/** `yes`, or the kind of the refusal. */
function answer(role: Role, ask: Ask): string {
  const decision = decide({ role }, ask);
  if (!decision.allow) return decision.kind;
  const hidden = role === 'admin' ? [] : [['AuditEvent', 'hidden']];
  assert.deepEqual([...decision.restrictions], hidden, 'what must not appear in the answer');
  return 'yes';
}
/** Of reader, writer and admin. */
const answers = (ask: Ask): string => (['reader', 'writer', 'admin'] as const).map(role => answer(role, ask)).join(' ');
const operation = (role: Role, changes: boolean, type?: string): Ask => ({
  role,
  effect: changes ? 'changes' : 'reads',
  ...(type === undefined ? {} : { type }),
});
const asking = ({ kind, ...rest }: { kind: InteractionKind; type?: string; searches?: boolean }): Ask => ({
  ...INTERACTIONS[kind],
  ...rest,
});

describe('decide', () => {
  it('is asked here about every kind of interaction', () =>
    assert.deepEqual(
      [...READING, ...CHANGING, ...WHOLE, 'create', 'operation'].toSorted(),
      Object.keys(INTERACTIONS).toSorted(),
    ));

  for (const type of ['Patient', 'Binary'])
    it(`lets everybody read a ${type}, and writers and administrators write it`, () => {
      for (const kind of READING) assert.equal(answers(asking({ kind, type })), 'yes yes yes', kind);
      for (const kind of ['create', ...CHANGING] as const)
        assert.equal(answers(asking({ kind, type })), 'forbidden yes yes', kind);
    });

  it('lets everybody send a batch or a transaction, because its entries are decided one by one', () => {
    for (const kind of WHOLE) assert.equal(answers(asking({ kind })), 'yes yes yes', kind);
  });

  it('lets nobody change an audit event, and only administrators read one (AUD-3)', () => {
    const type = 'AuditEvent';
    for (const kind of CHANGING)
      assert.equal(answers(asking({ kind, type })), 'method-not-allowed method-not-allowed method-not-allowed', kind);
    for (const kind of READING) assert.equal(answers(asking({ kind, type })), 'forbidden forbidden yes', kind);
    assert.equal(answers(asking({ kind: 'create', type })), 'forbidden yes yes');
  });

  it('lets nobody use criteria of what he may not search, though he may create it', () => {
    const searches = true;
    assert.equal(answers(asking({ kind: 'create', type: 'AuditEvent', searches })), 'forbidden forbidden yes');
    assert.equal(answers(asking({ kind: 'create', type: 'AuditEvent', searches: false })), 'forbidden yes yes');
    for (const kind of ['create', ...CHANGING] as const)
      assert.equal(answers(asking({ kind, type: 'Patient', searches })), 'forbidden yes yes', kind);
  });

  it('lets an operation be run by the role that it names, and by those above', () => {
    for (const type of [undefined, 'Patient'])
      for (const writes of [false, true]) {
        assert.equal(answers(operation('reader', writes, type)), 'yes yes yes');
        assert.equal(answers(operation('writer', writes, type)), 'forbidden yes yes');
        assert.equal(answers(operation('admin', writes, type)), 'forbidden forbidden yes');
      }
  });

  it('takes an operation on audit events for reading where it changes nothing, and for changing where it does', () => {
    for (const role of ROLES) {
      assert.equal(answers(operation(role, false, 'AuditEvent')), 'forbidden forbidden yes', role);
      assert.equal(
        answers(operation(role, true, 'AuditEvent')),
        'method-not-allowed method-not-allowed method-not-allowed',
        role,
      );
    }
  });

  it('leaves to administrators what it does not know', () => {
    assert.equal(answers(asking({ kind: 'operation' })), 'forbidden forbidden yes');
    assert.equal(answer('nobody' as Role, asking({ kind: 'read', type: 'Patient' })), 'forbidden');
  });

  it('says why without naming data', () => {
    for (const kind of ['read', 'update', 'operation', 'transaction'] as const)
      for (const type of ['Patient', 'AuditEvent'])
        for (const role of ROLES) {
          const decision = decide({ role }, asking({ kind, type }));
          if (!decision.allow) assert.match(decision.why, /^(Only an administrator|This role|Audit events) [a-z ]+\.$/);
        }
  });

  it('finds every operation that changes its resource closed to readers', () => {
    const writing = [...operations].filter(([, { effect }]) => effect === 'changes');
    assert.ok(writing.length >= 3);
    for (const [code, { role, methods }] of writing) {
      assert.notEqual(role, 'reader', code);
      assert.deepEqual(methods, ['POST'], code);
    }
  });
});
