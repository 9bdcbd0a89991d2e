/**
 * May this principal do this? Pure and total: every interaction gets a Decision before it runs. Deny by default.
 * https://hl7.org/fhir/R4/security.html#AccessDenied
 */
import type { Principal } from '../identity/principal.js';

/** The part of an interaction on which a decision rests. */
export interface Ask {
  readonly kind: string;
  readonly type?: string;
  /** Criteria say which resource is meant: their answer tells of resources of the type, whatever is done with it. */
  readonly searches?: boolean;
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
/** Interactions and who may do them, at least; those that are missing: an administrator. Batches and transactions are decided part by part. */
const NEEDED: ReadonlyMap<string, Principal['role']> = new Map([
  ...['capabilities', 'read', 'vread', 'history', 'search', 'batch', 'transaction'].map(
    kind => [kind, 'reader'] as const,
  ),
  ...['create', 'update', 'patch', 'delete'].map(kind => [kind, 'writer'] as const),
]);
const RANK: Readonly<Record<Principal['role'], number>> = { reader: 0, writer: 1, admin: 2 };

export function decide(principal: Principal, ask: Ask): Decision {
  const decision = decideAlone(principal, ask);
  if (!decision.allow || !ask.searches) return decision;
  const { type } = ask;
  return decideAlone(principal, { kind: 'search', ...(type === undefined ? {} : { type }) });
}

function decideAlone({ role }: Principal, { kind, type, operation }: Ask): Decision {
  // AUD-3: nobody changes the audit trail, whatever the role.
  if (type === 'AuditEvent' && (CHANGES.has(kind) || operation?.writes))
    return { allow: false, kind: 'method-not-allowed', why: 'Audit events cannot be changed or deleted.' };
  if (role === 'admin') return { allow: true, without: [] };
  if (type === 'AuditEvent' && kind !== 'create')
    return { allow: false, kind: 'forbidden', why: 'Only an administrator reads the audit trail.' };
  const needed = operation ? operation.role : (NEEDED.get(kind) ?? 'admin');
  if (RANK[role] >= RANK[needed]) return { allow: true, without: ['AuditEvent'] };
  const why = needed === 'admin' ? 'Only an administrator may do this.' : 'This role may not write.';
  return { allow: false, kind: 'forbidden', why };
}
