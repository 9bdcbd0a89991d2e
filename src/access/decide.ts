/**
 * May this principal do this? Pure and total: every interaction gets a Decision before it runs. Deny by default.
 * https://hl7.org/fhir/R4/security.html#AccessDenied
 */
import type { Principal } from '../identity/principal.js';

/** The part of an interaction on which a decision rests. */
export interface Ask {
  readonly kind: string;
  readonly type?: string;
}

export type Decision =
  /** `without`: resource types that must not appear in what is answered. */
  | { readonly allow: true; readonly without: readonly string[] }
  /** `why`: for the client; names the rule, not the data. */
  | { readonly allow: false; readonly kind: 'forbidden' | 'method-not-allowed'; readonly why: string };

const READS = new Set(['capabilities', 'read', 'vread', 'history', 'search']);
const WRITES = new Set(['create', 'update', 'delete']);

export function decide(principal: Principal, ask: Ask): Decision {
  // AUD-3: nobody changes the audit trail, whatever the role.
  if (ask.type === 'AuditEvent' && (ask.kind === 'update' || ask.kind === 'delete'))
    return { allow: false, kind: 'method-not-allowed', why: 'Audit events cannot be changed or deleted.' };
  if (principal.role === 'admin') return { allow: true, without: [] };
  if (READS.has(ask.kind)) {
    if (ask.type === 'AuditEvent')
      return { allow: false, kind: 'forbidden', why: 'Only an administrator reads the audit trail.' };
    return { allow: true, without: ['AuditEvent'] };
  }
  if (WRITES.has(ask.kind) && principal.role === 'writer') return { allow: true, without: ['AuditEvent'] };
  // Until an operation says otherwise it is for administrators.
  if (ask.kind === 'operation')
    return { allow: false, kind: 'forbidden', why: 'Only an administrator may run this operation.' };
  return { allow: false, kind: 'forbidden', why: 'This role may not write.' };
}
