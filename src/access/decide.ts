/**
 * May this principal do this? Pure and total: every interaction gets a Decision before it runs. Deny by default. Which role has which
 * duty is data (roles.ts); what is said here holds for every role. https://hl7.org/fhir/R4/security.html#AccessDenied
 */
import type { Letter, Principal } from '../identity/principal.js';
import type { Where } from '../search/query.js';

export { type Letter, DUTY_LETTERS } from '../identity/principal.js';

/** The part of an interaction on which a decision rests. */
export interface Ask {
  /** Absent: resources of any type that the principal may do this with; the view tells which. */
  readonly type?: string | undefined;
  /** Absent: nothing by itself. Batches and transactions are decided part by part. */
  readonly needs?: Letter | undefined;
  /** Code of an operation. */
  readonly operation?: string | undefined;
  /** Something outside FHIR, by the name that roles know it by. */
  readonly screen?: string | undefined;
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

/**
 * Decides an interaction before it runs. What may be seen follows from the principal alone, and is the same for every interaction
 * that searches, because entries of a transaction share the answers to equal criteria.
 */
export type Decide = (principal: Principal, ask: Ask) => Decision;

/** What a role may do. */
export interface Duty {
  lettersOf(type: string): LetterSet;
  /** Of any type. */
  readonly letters: LetterSet;
  readonly operations: NameSet;
  readonly screens: NameSet;
  /** What is seen of types with `r`, by what asks for resources by their ids; of types with `s`, by everything else. */
  readonly byId: Allowed;
  readonly bySearch: Allowed;
}

export type LetterSet = Readonly<Record<Letter, boolean>>;
/** `has` of a role that may do all. */
export interface NameSet {
  has(name: string): boolean;
}

/** Roles that are not among the duties may do nothing. */
export function createDecide(duties: ReadonlyMap<string, Duty>, types: readonly string[]): Decide {
  const nothing = dutyOfNobody(types);
  const refuse = createRefusals(duties);
  return ({ role }, ask) => {
    const { type, needs, operation, screen, searches = false } = ask;
    // AUD-3: nobody changes the audit trail, whatever the role.
    if (type === 'AuditEvent' && (needs === 'u' || needs === 'd')) return TRAIL_STAYS;
    const duty = duties.get(role) ?? nothing;
    const letters = type === undefined ? duty.letters : duty.lettersOf(type);
    if (
      (needs && !letters[needs]) ||
      (searches && !letters.s) ||
      (operation !== undefined && !duty.operations.has(operation)) ||
      (screen !== undefined && !duty.screens.has(screen))
    )
      return refuse(duty, letters, ask);
    // Whatever else may search, by criteria or by a reference that is one, sees what may be searched for.
    return needs === 'r' && !searches && operation === undefined ? duty.byId : duty.bySearch;
  };
}

/** Says why, of what is refused. */
function createRefusals(duties: ReadonlyMap<string, Duty>) {
  /** Whether there is no other than the administrator who may. */
  const onlyAdmin = (may: (duty: Duty) => boolean): boolean =>
    [...duties].every(([role, duty]) => (role === 'admin') === may(duty));
  const writing = (duty: Duty): string =>
    writes(duty) ? 'This role may not write resources of this type.' : 'This role may not write.';
  const reading = (letter: Letter, type: string | undefined): string => {
    if (type !== 'AuditEvent') return 'This role may not read resources of this type.';
    return onlyAdmin(each => each.lettersOf('AuditEvent')[letter])
      ? 'Only an administrator reads the audit trail.'
      : 'This role may not read the audit trail in this way.';
  };
  /** Of an operation or a screen. */
  const acting = (duty: Duty, { needs, operation, screen }: Ask): string | undefined => {
    const may = (each: Duty): boolean =>
      (operation === undefined || each.operations.has(operation)) && (screen === undefined || each.screens.has(screen));
    if (may(duty)) return undefined;
    if (onlyAdmin(may)) return 'Only an administrator may do this.';
    return needs && isWritingLetter(needs) && !writes(duty) ? 'This role may not write.' : 'This role may not do this.';
  };
  return (duty: Duty, letters: LetterSet, ask: Ask): Decision => {
    const { needs, type } = ask;
    const lacking = needs && !letters[needs] ? needs : undefined;
    const why =
      (lacking && !isWritingLetter(lacking) ? reading(lacking, type) : acting(duty, ask)) ??
      (lacking ? writing(duty) : reading('s', type));
    return { allow: false, kind: 'forbidden', why };
  };
}

const TRAIL_STAYS: Decision = {
  allow: false,
  kind: 'method-not-allowed',
  why: 'Audit events cannot be changed or deleted.',
};

const isWritingLetter = (letter: Letter): boolean => letter === 'c' || letter === 'u' || letter === 'd';
const writes = ({ letters }: Duty): boolean => letters.c || letters.u || letters.d;

const NO_LETTERS: LetterSet = { c: false, r: false, u: false, d: false, s: false };

function dutyOfNobody(types: readonly string[]): Duty {
  const blind: Allowed = { allow: true, restrictions: new Map(types.map(type => [type, 'hidden'])) };
  const none: NameSet = new Set<string>();
  return {
    lettersOf: () => NO_LETTERS,
    letters: NO_LETTERS,
    operations: none,
    screens: none,
    byId: blind,
    bySearch: blind,
  };
}
