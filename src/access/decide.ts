/**
 * May this principal do this? Pure and total: every interaction gets a Decision before it runs. Deny by default. Which role has which
 * duty is data (roles.ts); what is said here holds for every role. https://hl7.org/fhir/R4/security.html#AccessDenied
 */
import { hash } from 'node:crypto';
import type { Letter, Principal } from '../identity/principal.js';
import { createLruCache } from '../platform/lru-cache.js';
import {
  compilePermission,
  contentKey,
  type LetterSet,
  type Permission,
  type PermissionGround,
  type Restrictions,
} from './permission.js';
import { type WhoAsks, askingOf } from './asking.js';
import type { Consents } from './consents.js';
import type { RoleDuty, Roles } from './roles.js';

/** The part of an interaction on which a decision rests. */
export interface Ask {
  /** Absent: resources of any type that the principal may do this with; the view tells which. */
  readonly type?: string | undefined;
  /** Absent: nothing by itself. Batches and transactions are decided part by part. */
  readonly needs?: Letter | undefined;
  /** Code of an operation. */
  readonly operation?: string | undefined;
  /** It changes something that is of no type: the whole server. */
  readonly whole?: boolean;
  /** Something outside FHIR, by the name that roles know it by. */
  readonly screen?: string | undefined;
  /** Criteria say which resource is meant: their answer tells of resources of the type, whatever is done with it. */
  readonly searches?: boolean;
}

/** The interaction may run. */
export interface Allowed {
  readonly allow: true;
  /** What it sees: what `r` reaches, where it asks for one resource by its id; else what `s` does. */
  readonly restrictions: Restrictions;
  readonly permission: Permission;
}

export type Decision =
  | Allowed
  /** `why`: for the client; names the rule, not the data. `rule`: the same for the audit trail. */
  | {
      readonly allow: false;
      readonly kind: 'forbidden' | 'method-not-allowed';
      readonly why: string;
      readonly rule: string;
    };

/**
 * Decides an interaction before it runs. What may be seen follows from the principal alone, and is the same for every interaction
 * that searches, because entries of a transaction share the answers to equal criteria.
 */
export type Decide = (principal: Principal, ask: Ask) => Decision;

/** Permissions that are less than their role, each for all who have the same: one has 160 KB and takes milliseconds to compile. */
const MOST_NARROWED = 500;

/** A permission with the two decisions that follow from it. */
interface Decisions {
  readonly permission: Permission;
  readonly byId: Allowed;
  readonly bySearch: Allowed;
}

const decisionsOf = (permission: Permission): Decisions => {
  const { reach } = permission;
  const bySearch: Allowed = { allow: true, restrictions: reach.s, permission };
  const byId: Allowed = reach.r === reach.s ? bySearch : { allow: true, restrictions: reach.r, permission };
  return { permission, byId, bySearch };
};

/**
 * `privacy`: what Consents and labels leave of a permission; absent: all of it. `bases`: the server's own FHIR addresses.
 * Roles that are not among them may do nothing. A permission is compiled once for a role, and for
 * those who have less when one of them asks.
 */
export function createDecide(
  roles: Roles,
  ground: PermissionGround,
  privacy?: { readonly consents: Consents; readonly bases: readonly string[] },
): Decide {
  const nobody: RoleDuty = { types: [], operations: [], screens: [] };
  const byRole = new Map(
    [...roles].map(([role, duty]) => [role, decisionsOf(compilePermission(ground, { role, duty }))]),
  );
  const nothing = decisionsOf(compilePermission(ground, { role: '', duty: nobody }));
  const keys = new WeakMap<Principal, string>();
  const narrowed = createLruCache<Decisions>(MOST_NARROWED);
  const asking = new WeakMap<Principal, WhoAsks>();
  const decisions = new WeakMap<Permission, Decisions>();
  /** With what Consents and labels leave. */
  const find = (principal: Principal): Decisions => {
    const meant = findMeant(principal);
    if (!privacy) return meant;
    let who = asking.get(principal);
    if (!who) asking.set(principal, (who = askingOf(principal, roles.get(principal.role) ?? nobody, privacy.bases)));
    const permission = privacy.consents.narrow(meant.permission, who);
    if (permission === meant.permission) return meant;
    let made = decisions.get(permission);
    if (!made) decisions.set(permission, (made = decisionsOf(permission)));
    return made;
  };
  const findMeant = (principal: Principal): Decisions => {
    const { role, scopes, patient, glass } = principal;
    if (scopes === undefined && patient === undefined && glass === undefined) return byRole.get(role) ?? nothing;
    let key = keys.get(principal);
    if (key === undefined)
      keys.set(
        principal,
        (key = hash('sha256', contentKey([role, patient ?? null, scopes ?? null, glass ?? null]), 'base64')),
      );
    return narrowed.get(key, () =>
      decisionsOf(compilePermission(ground, { role, duty: roles.get(role) ?? nobody, scopes, patient, glass })),
    );
  };
  const refuse = createRefusals(new Map([...byRole].map(([role, { permission }]) => [role, permission])));
  return (principal, ask) => {
    const { type, needs, operation, whole = false, searches = false } = ask;
    // AUD-3: nobody changes the audit trail, whatever the role.
    if (type === 'AuditEvent' && (needs === 'u' || needs === 'd')) return TRAIL_STAYS;
    const { permission, byId, bySearch } = find(principal);
    const letters = type === undefined ? permission.letters : permission.lettersOf(type);
    if (lacks(permission, letters, ask)) return refuse(principal, permission, letters, ask);
    // A role is given such operations by their names; a token that stands for less than its role is not.
    if (whole && principal.scopes !== undefined && !permission.whole) return NOT_WHOLE;
    // Whatever else may search, by criteria or by a reference that is one, sees what may be searched for.
    return needs === 'r' && !searches && operation === undefined ? byId : bySearch;
  };
}

/** Operations on labels, of any resource that is read: for whoever may lower them. */
const OF_LABELS: ReadonlySet<string> = new Set(['meta-add', 'meta-delete']);

/** Whether somebody writes labels who need not be allowed to write the resource. */
export const writesLabels = ({ keepsLabels }: Permission, operation: string | undefined): boolean =>
  keepsLabels === false && operation !== undefined && OF_LABELS.has(operation);

function lacks(permission: Permission, letters: LetterSet, ask: Ask): boolean {
  const { operation, screen } = ask;
  const needs = ask.needs && writesLabels(permission, operation) ? 'r' : ask.needs;
  return (
    (needs !== undefined && !letters[needs]) ||
    (ask.searches === true && !letters.s) ||
    (operation !== undefined && !permission.operations.has(operation)) ||
    (screen !== undefined && !permission.screens.has(screen))
  );
}

/** Says why, of what is refused. */
function createRefusals(permissions: ReadonlyMap<string, Permission>) {
  /** Whether there is no other than the administrators who may. */
  const onlyAdmin = (may: (permission: Permission) => boolean): boolean =>
    [...permissions].every(([role, permission]) =>
      role === 'administrator' ? true : (role === 'admin') === may(permission),
    );
  const onlyOfTrail = (letter: Letter): boolean =>
    [...permissions].every(
      ([role, of]) => role === 'admin' || role === 'privacy-officer' || !of.lettersOf('AuditEvent')[letter],
    );
  const writing = (permission: Permission): string =>
    writes(permission) ? 'This role may not write resources of this type.' : 'This role may not write.';
  const reading = (letter: Letter, type: string | undefined): string => {
    if (type !== 'AuditEvent') return 'This role may not read resources of this type.';
    if (onlyAdmin(each => each.lettersOf('AuditEvent')[letter])) return 'Only an administrator reads the audit trail.';
    return onlyOfTrail(letter)
      ? 'Only a privacy officer or an administrator reads the audit trail.'
      : 'This role may not read the audit trail in this way.';
  };
  /** Of an operation or a screen. */
  const acting = (permission: Permission, { needs, operation, screen }: Ask): string | undefined => {
    const may = (each: Permission): boolean =>
      (operation === undefined || each.operations.has(operation)) && (screen === undefined || each.screens.has(screen));
    if (may(permission)) return undefined;
    if (onlyAdmin(may)) return 'Only an administrator may do this.';
    return needs && isWritingLetter(needs) && !writes(permission)
      ? 'This role may not write.'
      : 'This role may not do this.';
  };
  return (principal: Principal, permission: Permission, letters: LetterSet, ask: Ask): Decision => {
    const { needs, type } = ask;
    const { role, scopes } = principal;
    const ofRole = permissions.get(role);
    const isOfScopes =
      scopes !== undefined &&
      ofRole !== undefined &&
      !lacks(ofRole, type === undefined ? ofRole.letters : ofRole.lettersOf(type), ask);
    const lacking = needs && !letters[needs] ? needs : undefined;
    const why =
      (lacking && !isWritingLetter(lacking) ? reading(lacking, type) : acting(permission, ask)) ??
      (lacking ? writing(permission) : reading('s', type));
    const rule = `${isOfScopes ? 'scopes lack' : `role ${role || 'none'} lacks`} ${nameOfLacking(permission, letters, ask)}`;
    return { allow: false, kind: 'forbidden', why, rule };
  };
}

/** What is lacking first: a letter, an operation, a screen. */
function nameOfLacking({ operations, screens }: Permission, letters: LetterSet, ask: Ask): string {
  const { needs, operation, screen } = ask;
  if (operation !== undefined && !operations.has(operation)) return `$${operation}`;
  if (screen !== undefined && !screens.has(screen)) return `screen ${screen}`;
  return needs !== undefined && !letters[needs] ? needs : 's';
}

const TRAIL_STAYS: Decision = {
  allow: false,
  kind: 'method-not-allowed',
  why: 'Audit events cannot be changed or deleted.',
  rule: 'trail stays',
};

const NOT_WHOLE: Decision = {
  allow: false,
  kind: 'forbidden',
  why: 'This changes the whole server: it needs scopes that reach everything.',
  rule: 'scopes lack the whole server',
};

const isWritingLetter = (letter: Letter): boolean => letter === 'c' || letter === 'u' || letter === 'd';
const writes = ({ letters }: Pick<Permission, 'letters'>): boolean => letters.c || letters.u || letters.d;
