/**
 * May this principal do this? Pure and total: every interaction gets a Decision before it runs. Deny by default.
 * https://hl7.org/fhir/R4/security.html#AccessDenied
 */
import type { Principal, Role } from '../identity/principal.js';
import type { Where } from '../search/query.js';

/** The part of an interaction on which a decision rests. */
export interface Ask {
  readonly type?: string | undefined;
  /** Who may do it, at least. Batches and transactions are decided part by part. */
  readonly role: Role;
  /** What becomes of resources of the type: nothing; one is added to those that are there; what is there is changed or deleted. */
  readonly effect: 'reads' | 'adds' | 'changes';
  /** Criteria say which resource is meant: their answer tells of resources of the type, whatever is done with it. */
  readonly searches?: boolean;
}

/** What may be seen, where that is not everything, by type: nothing, or what satisfies a condition (access/view.ts). */
export type Restrictions = ReadonlyMap<string, 'hidden' | Where>;

/** The interaction may run, and sees this much. */
export interface Allowed {
  readonly allow: true;
  readonly restrictions: Restrictions;
}

export type Decision =
  | Allowed
  /** `why`: for the client; names the rule, not the data. */
  | { readonly allow: false; readonly kind: 'forbidden' | 'method-not-allowed'; readonly why: string };

export const UNRESTRICTED: Restrictions = new Map();
const WITHOUT_TRAIL: Restrictions = new Map([['AuditEvent', 'hidden']]);
const ROLE_RANK: Readonly<Record<Role, number>> = { reader: 0, writer: 1, admin: 2 };

/**
 * Decides an interaction before it runs. What may be seen follows from the principal alone, and is the same for every interaction
 * that searches, because entries of a transaction share the answers to equal criteria. `decide` knows the roles of principal.ts.
 */
export type Decide = (principal: Principal, ask: Ask) => Decision;

export function decide(principal: Principal, ask: Ask): Decision {
  const decision = decideAlone(principal, ask);
  if (!decision.allow || !ask.searches) return decision;
  return decideAlone(principal, { ...ask, role: 'reader', effect: 'reads' });
}

function decideAlone({ role }: Principal, { type, role: needed, effect }: Ask): Decision {
  // AUD-3: nobody changes the audit trail, whatever the role.
  if (type === 'AuditEvent' && effect === 'changes')
    return { allow: false, kind: 'method-not-allowed', why: 'Audit events cannot be changed or deleted.' };
  if (role === 'admin') return { allow: true, restrictions: UNRESTRICTED };
  if (type === 'AuditEvent' && effect !== 'adds')
    return { allow: false, kind: 'forbidden', why: 'Only an administrator reads the audit trail.' };
  if (ROLE_RANK[role] >= ROLE_RANK[needed]) return { allow: true, restrictions: WITHOUT_TRAIL };
  const why = needed === 'admin' ? 'Only an administrator may do this.' : 'This role may not write.';
  return { allow: false, kind: 'forbidden', why };
}
