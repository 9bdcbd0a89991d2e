/** Who may do what: every kind of interaction, for every role. https://hl7.org/fhir/R4/security.html#AccessDenied */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { type Ask, decide } from '../../../src/access/decide.js';

type Answer = 'yes' | 'forbidden' | 'method-not-allowed';
const answer = (role: 'admin' | 'writer' | 'reader', ask: Ask): Answer => {
  const decision = decide({ role }, ask);
  return decision.allow ? 'yes' : decision.kind;
};
const operation = (role: 'admin' | 'writer' | 'reader', writes = false) => ({
  kind: 'operation',
  operation: { role, writes },
});

describe('the access decision', () => {
  const [no, never] = ['forbidden', 'method-not-allowed'] as const;
  const rows: readonly (readonly [string, Ask, reader: Answer, writer: Answer, admin: Answer])[] = [
    ['read', { kind: 'read', type: 'Patient' }, 'yes', 'yes', 'yes'],
    ['search', { kind: 'search', type: 'Patient' }, 'yes', 'yes', 'yes'],
    ...['create', 'update', 'patch', 'delete'].map(
      kind => [kind, { kind, type: 'Patient' }, no, 'yes', 'yes'] as const,
    ),
    // Their entries are decided one by one.
    ['batch', { kind: 'batch' }, 'yes', 'yes', 'yes'],
    ['transaction', { kind: 'transaction' }, 'yes', 'yes', 'yes'],
    ['an operation that reads', { ...operation('reader'), type: 'Patient' }, 'yes', 'yes', 'yes'],
    ['an operation that writes', { ...operation('writer', true), type: 'Patient' }, no, 'yes', 'yes'],
    ['an operation of administrators', operation('admin'), no, no, 'yes'],
    ['an operation that says nothing', { kind: 'operation' }, no, no, 'yes'],
    ['a read of the trail', { kind: 'read', type: 'AuditEvent' }, no, no, 'yes'],
    ['an operation that reads the trail', { ...operation('reader'), type: 'AuditEvent' }, no, no, 'yes'],
    ['an event from outside', { kind: 'create', type: 'AuditEvent' }, no, 'yes', 'yes'],
    ...['update', 'patch', 'delete'].map(
      kind => [`${kind} of the trail`, { kind, type: 'AuditEvent' }, never, never, never] as const,
    ),
    [
      'an operation that changes the trail (AUD-3)',
      { ...operation('admin', true), type: 'AuditEvent' },
      never,
      never,
      never,
    ],
    ['what nobody knows', { kind: 'nothing' }, no, no, 'yes'],
  ];
  for (const [title, ask, reader, writer, admin] of rows)
    it(title, () => {
      assert.deepEqual([answer('reader', ask), answer('writer', ask), answer('admin', ask)], [reader, writer, admin]);
    });

  it('keeps the audit trail out of the answers of whoever is no administrator', () => {
    for (const ask of [{ kind: 'search' }, { kind: 'batch' }, operation('reader')]) {
      assert.deepEqual(decide({ role: 'reader' }, ask), { allow: true, without: ['AuditEvent'] });
      assert.deepEqual(decide({ role: 'admin' }, ask), { allow: true, without: [] });
    }
  });
});
