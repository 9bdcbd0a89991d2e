/**
 * May this principal do this? Pure and total: every interaction gets a Decision before it runs. Deny by default.
 * https://hl7.org/fhir/R4/security.html#AccessDenied
 */
import type { Principal } from '../identity/principal.js';

/** The part of an interaction on which a decision rests. */
export interface Ask {
  readonly kind: string;
  readonly type?: string;
  /** Of an operation. */
  readonly operation?: {
    /** Who may run it, at least. */
    readonly role: Principal['role'];
    /** It changes what it is asked of. */
    readonly writes: boolean;
  };
}

export type Decision =
  /** `without`: resource types that must not appear in what is answered. */
  | { readonly allow: true; readonly without: readonly string[] }
  /** `why`: for the client; names the rule, not the data. */
  | { readonly allow: false; readonly kind: 'forbidden' | 'method-not-allowed'; readonly why: string };

const CHANGES = new Set(['update', 'patch', 'delete']);
const READS = new Set(['capabilities', 'read', 'vread', 'history', 'search']);
const WRITES = new Set(['create', 'update', 'patch', 'delete']);
/** What is decided part by part. */
const WHOLES = new Set(['batch', 'transaction']);

export function decide(principal: Principal, ask: Ask): Decision {
  // AUD-3: nobody changes the audit trail, whatever the role.
  const { operation } = ask;
  if (ask.type === 'AuditEvent' && (CHANGES.has(ask.kind) || operation?.writes))
    return { allow: false, kind: 'method-not-allowed', why: 'Audit events cannot be changed or deleted.' };
  if (principal.role === 'admin') return { allow: true, without: [] };
  if (WHOLES.has(ask.kind)) return { allow: true, without: ['AuditEvent'] };
  if (READS.has(ask.kind) || operation?.role === 'reader') {
    if (ask.type === 'AuditEvent')
      return { allow: false, kind: 'forbidden', why: 'Only an administrator reads the audit trail.' };
    return { allow: true, without: ['AuditEvent'] };
  }
  const writing = WRITES.has(ask.kind) || operation?.role === 'writer';
  if (writing && principal.role === 'writer') return { allow: true, without: ['AuditEvent'] };
  if (operation?.role !== 'writer' && ask.kind === 'operation')
    return { allow: false, kind: 'forbidden', why: 'Only an administrator may run this operation.' };
  return { allow: false, kind: 'forbidden', why: 'This role may not write.' };
}
