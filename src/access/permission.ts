/**
 * What a principal may do: per type the letters, under each letter which resources, and which rules say so. Compiled once from the rows of
 * a role (roles.ts) and, where there are some, from the scopes of a token (identity/principal.ts), into the form in which every request asks for it: a
 * few look-ups. What one row of the role allows is allowed, as far as one of the scopes grants it, too.
 */
import { createHash } from 'node:crypto';
import type { RefusingConsent } from '../fhir/error.js';
import type { JsonObject } from '../fhir/resource.js';
import { DUTY_LETTERS, type Letter, type Scope } from '../identity/principal.js';
import { memoize, type MemoLimits } from '../platform/memoize.js';
import type { SearchParameters } from '../search/parameters.js';
import { any, type Where } from '../search/query.js';
import { leadsElsewhere } from '../search/separate.js';
import type { Version } from '../store/store.js';
import { ATTACHMENT, POINTED_AT } from './binaries.js';
import { atMostAs, type Sight } from './labels.js';
import { type Confidentiality } from '../fhir/security-labels.js';
import { ABOUT_NOBODY, type PatientCompartment } from './patient-compartment.js';
import type { RoleDuty } from './roles.js';

export type ByLetter<T> = Readonly<Record<Letter, T>>;
export type LetterSet = ByLetter<boolean>;
/** `has` of a role that may do all. */
export interface NameSet {
  has(name: string): boolean;
}

/** What is reached, where that is not everything, by type: nothing, or what satisfies a condition. */
export type Restrictions = ReadonlyMap<string, 'hidden' | Where>;
export const UNRESTRICTED: Restrictions = new Map();

/** Whether everything is reached. */
export const isUnrestricted = (restrictions: Restrictions): boolean =>
  restrictions === UNRESTRICTED || restrictions.keys().next().done === true;

/** What the Consents of one patient say of what somebody reads. */
export interface ConsentDecision {
  /** `Consent/<id>`: those with a rule that is about whoever asks; first the one whose rule comes before all others. */
  readonly consents: readonly string[];
  /** What that rule leaves of the record. */
  readonly permits: 'all' | 'some' | 'none';
}

/** What labels of elements keep from somebody. */
export interface Masks extends Sight {
  /** Of what a broken glass shows of a type, elements up to R are seen. */
  readonly lifted?: Permission['lifted'];
  /** Whether Consents keep an element with these labels from whoever asks. The row has its text. `holds`: whether a condition does of it. */
  readonly hides?: (row: Version, labels: readonly JsonObject[], holds: (where: Where) => boolean) => boolean;
}

export interface Permission {
  lettersOf(type: string): LetterSet;
  /** Of any type. */
  readonly letters: LetterSet;
  readonly operations: NameSet;
  readonly screens: NameSet;
  /** What each letter reaches. Equal ones are the same object. */
  readonly reach: ByLetter<Restrictions>;
  /** Some condition leads to other resources, which must be looked up before it is used (interactions/reach.ts). */
  readonly joins: boolean;
  /** What was meant, where conditions are lists of what was looked up. */
  readonly unsettled?: ByLetter<Restrictions>;
  /** Whether every letter reaches everything but the audit trail. */
  readonly whole: boolean;
  /** The role may break the glass: it sees more of one patient then. */
  readonly breaksGlass?: true;
  /**
   * Where the glass is broken: what of a type neither Consents of the patient nor a label up to R keep from view; absent: nothing of it. Nothing
   * else is lifted: neither what tokens and scopes bound, nor the label V.
   */
  readonly lifted?: (type: string) => Where | undefined;
  /** Names of the rules by which a letter is given: rows of the role, then scopes. */
  rulesOf(type: string, letter: Letter): readonly string[];
  /** Which Consents of a patient speak of what whoever asks reads of them; absent: none binds them. Undefined: none speaks. */
  readonly consented?: (patient: string) => ConsentDecision | undefined;
  /** What it would be without Consents and labels; absent: the same. */
  readonly meant?: Permission;
  /** Elements with labels beyond this are left out of what is seen; absent: none are. */
  readonly masks?: Masks;
  /** Of the narrowed one: Consents of these patients that deny something to whoever asks. */
  readonly refusing?: (patients: readonly string[]) => readonly RefusingConsent[];
  /** Labels that protect a resource must not be taken away, or made less. */
  readonly keepsLabels?: boolean;
  /** Equal for permissions that allow the same. */
  readonly digest: string;
}

/** What is kept by the name of a type: there are fewer. */
export const EACH_TYPE: MemoLimits = { results: 1000 };

/** What permissions are compiled with. */
export interface PermissionGround {
  /** All that there are. */
  readonly types: readonly string[];
  readonly compartment: PatientCompartment;
  /** By which labels are found. */
  readonly parameters: SearchParameters;
}

/** Of whom. */
export interface PermissionOf {
  readonly role: string;
  readonly duty: RoleDuty;
  readonly scopes?: readonly Scope[] | undefined;
  /** Id of the patient in context. */
  readonly patient?: string | undefined;
  /** Id of the patient for whom the glass is broken. */
  readonly glass?: string | undefined;
}

/** One rule, of a role or a scope. */
interface Rule {
  readonly type: string;
  readonly letters: ReadonlySet<Letter>;
  readonly where?: Where | undefined;
  readonly ofPatient: boolean;
  readonly name: string;
}

/** What rules of one kind give of a type under a letter. */
interface Grant {
  /** Undefined: everything. */
  readonly seen: 'hidden' | Where | undefined;
  readonly names: readonly string[];
}

export function compilePermission(ground: PermissionGround, of: PermissionOf): Permission {
  const { types, compartment } = ground;
  const { role, duty, scopes, patient, glass } = of;
  const { breakGlass = [] } = duty;
  const own = duty.types.map(
    (row, at): Rule => ({ ...row, ofPatient: row.within === 'patient', name: `${role}.types[${at}]` }),
  );
  const lifted = glass === undefined ? undefined : createLifted(ground, glass);
  const broken = lifted
    ? breakGlass.map((row, at): Rule => ({ ...row, ofPatient: false, name: `${role}.breakGlass[${at}]` }))
    : [];
  const granted = scopes?.map(
    ({ context, text, ...rest }): Rule => ({ ...rest, ofPatient: context === 'patient', name: text }),
  );
  // Equal conditions of a type are one object, so that equal letters are seen to be.
  const known = new Map<string, Where>();
  const looked = new Map<Where, Where>();
  const shared = (type: string, where: Where): Where => {
    const same = looked.get(where);
    if (same) return same;
    const key = `${type} ${contentKey(where)}`;
    const first = known.get(key) ?? where;
    known.set(key, first);
    looked.set(where, first);
    return first;
  };
  const grantsTo = (type: string): ByLetter<Grant> => {
    const rows = rowsOf(own, type);
    const rules = granted?.filter(rule => rule.type === type || (rule.type === '*' && type !== 'AuditEvent'));
    const seenBroken = lifted && brokenRows(rowsOf(broken, type), lifted(type));
    const all = [...rows, ...(seenBroken ?? []), ...(rules ?? [])];
    // Letters that the same rules give are one grant, as most are.
    const made = new Map<string, Grant>();
    return lettersTo(letter => {
      const by = all.map(({ letters }) => (letters.has(letter) ? 1 : 0)).join('') + (reads(letter) ? 'r' : 'w');
      let grant = made.get(by);
      if (!grant) {
        const byRole = grantOf(rows, type, letter, compartment, patient);
        const ofRole = seenBroken
          ? eitherGrant(byRole, grantOf(seenBroken, type, letter, compartment, patient))
          : byRole;
        grant = rules ? both(ofRole, grantOf(rules, type, letter, compartment, patient)) : ofRole;
        made.set(by, grant);
      }
      return grant;
    });
  };
  const grants = new Map(types.map(type => [type, grantsTo(type)]));
  const nothing = lettersTo(() => NO_GRANT);
  const letterSets = new Map(
    [...grants].map(([type, each]) => [type, lettersTo(letter => each[letter].seen !== 'hidden')]),
  );
  // An address that no type has: what is wrong with it can be told.
  const ofOthers = grantsTo('*');
  const others = lettersTo(letter => ofOthers[letter].seen !== 'hidden');
  const reach = restrictionsOf(grants, shared);
  return {
    lettersOf: type => letterSets.get(type) ?? others,
    letters: lettersTo(letter => [...letterSets.values()].some(set => set[letter])),
    operations: namesOfList(duty.operations),
    screens: granted ? NO_NAMES : namesOfList(duty.screens),
    reach,
    joins: DUTY_LETTERS.some(letter =>
      [...reach[letter].values()].some(seen => seen !== 'hidden' && leadsElsewhere(seen)),
    ),
    whole: DUTY_LETTERS.every(letter => [...reach[letter].keys()].every(type => type === 'AuditEvent')),
    rulesOf: (type, letter) => (grants.get(type) ?? nothing)[letter].names,
    ...(breakGlass.length > 0 ? { breaksGlass: true } : {}),
    ...(lifted ? { lifted } : {}),
    keepsLabels: duty.labels !== 'lowered' || (granted !== undefined && !granted.some(isWhole)),
    digest: createHash('sha256')
      .update(contentKey([own, granted ?? null, patient ?? null, ...(lifted ? [broken, glass] : [])]))
      .digest('base64url'),
  };
}

/** A scope that lets whoever has it change everything that their role does. */
const isWhole = ({ type, letters, where, ofPatient }: Rule): boolean =>
  type === '*' && letters.has('u') && where === undefined && !ofPatient;

const lettersTo = <T>(of: (letter: Letter) => T): ByLetter<T> => ({
  c: of('c'),
  r: of('r'),
  u: of('u'),
  d: of('d'),
  s: of('s'),
});

const reads = (letter: Letter): boolean => letter === 'r' || letter === 's';

const NO_GRANT: Grant = { seen: 'hidden', names: [] };
const NO_NAMES: NameSet = new Set<string>();

const namesOfList = (names: readonly string[]): NameSet => (names.includes('*') ? { has: () => true } : new Set(names));

/** Those of a type; of one that is not named, those of all others. The audit trail is meant by its name alone. */
function rowsOf(rules: readonly Rule[], type: string): readonly Rule[] {
  const own = rules.filter(rule => rule.type === type);
  return own.length > 0 || type === 'AuditEvent' ? own : rules.filter(rule => rule.type === '*');
}

/** What one of the rules allows is allowed. */
function grantOf(
  rules: readonly Rule[],
  type: string,
  letter: Letter,
  compartment: PatientCompartment,
  patient: string | undefined,
): Grant {
  const names: string[] = [];
  const conditions: Where[] = [];
  let whole = false;
  for (const { letters, where, ofPatient, name } of rules) {
    if (!letters.has(letter)) continue;
    const within = ofPatient ? withinPatient(type, letter, compartment, patient) : undefined;
    if (within === 'hidden') continue;
    names.push(name);
    // Not flattened: a compartment is known by its object.
    const condition: Where | undefined = where && within ? { kind: 'all', of: [within, where] } : (where ?? within);
    if (condition) conditions.push(condition);
    else whole = true;
  }
  if (names.length === 0) return NO_GRANT;
  return { seen: whole ? undefined : oneOf(conditions), names };
}

function oneOf(conditions: readonly Where[]): Where {
  const distinct = [...new Map(conditions.map(each => [contentKey(each), each])).values()];
  return distinct.length === 1 ? distinct[0]! : { kind: 'any', of: distinct };
}

/** What of a type belongs to the patient, or is about nobody; undefined: all of it. */
function withinPatient(
  type: string,
  letter: Letter,
  compartment: PatientCompartment,
  patient: string | undefined,
): Where | 'hidden' | undefined {
  if (patient === undefined) return 'hidden';
  if (type === '*' || ABOUT_NOBODY.has(type)) return reads(letter) ? undefined : 'hidden';
  if (type === 'Binary') return letter === 'r' || letter === 's' ? POINTED_AT : 'hidden';
  return compartment.of(type, patient) ?? 'hidden';
}

/** What of a type is seen through the broken glass: what belongs to the patient, and is not very restricted. */
function createLifted(
  { compartment, parameters }: PermissionGround,
  glass: string,
): (type: string) => Where | undefined {
  const of = memoize(EACH_TYPE, (type: string): Where | undefined => {
    if (type === 'Binary')
      return any(...BYTES_BY.map(from => ({ kind: 'has', from, code: ATTACHMENT, where: of(from)! }) as const));
    if (ABOUT_NOBODY.has(type)) return undefined;
    const within = compartment.of(type, glass);
    const shown = atMostAs(parameters, type, MOST_LIFTED);
    return within && shown ? { kind: 'all', of: [within, shown] } : within;
  });
  return of;
}

/** Whose attachments are seen through it. */
const BYTES_BY = ['DocumentReference', 'DiagnosticReport', 'Media'] as const;

/** The most confidential that is seen through it: nothing that is very restricted. */
export const MOST_LIFTED: Confidentiality = 'R';

/** Rows of a broken glass, within what it shows; none where that is nothing. */
const brokenRows = (rows: readonly Rule[], lifted: Where | undefined): readonly Rule[] =>
  lifted ? rows.map(row => ({ ...row, where: row.where ? { kind: 'all', of: [lifted, row.where] } : lifted })) : [];

/** What one of them allows. */
function eitherGrant(one: Grant, other: Grant): Grant {
  if (other.seen === 'hidden') return one;
  if (one.seen === 'hidden') return other;
  const seen = one.seen && other.seen ? oneOf([one.seen, other.seen]) : undefined;
  return { seen, names: [...one.names, ...other.names] };
}

/** What both allow. */
function both(one: Grant, other: Grant): Grant {
  if (one.seen === 'hidden' || other.seen === 'hidden') return NO_GRANT;
  const parts = [one.seen, other.seen].filter(seen => seen !== undefined);
  const [first, second] = parts;
  const seen: Where | undefined =
    first && second ? (contentKey(first) === contentKey(second) ? first : { kind: 'all', of: [first, second] }) : first;
  return { seen, names: [...one.names, ...other.names] };
}

function restrictionsOf(
  grants: ReadonlyMap<string, ByLetter<Grant>>,
  shared: (type: string, where: Where) => Where,
): ByLetter<Restrictions> {
  const made: Restrictions[] = [UNRESTRICTED];
  return lettersTo(letter => {
    const restrictions = new Map<string, 'hidden' | Where>();
    for (const [type, each] of grants) {
      const { seen } = each[letter];
      if (seen !== undefined) restrictions.set(type, seen === 'hidden' ? seen : shared(type, seen));
    }
    const alike = made.find(
      other => other.size === restrictions.size && [...restrictions].every(([type, seen]) => other.get(type) === seen),
    );
    if (!alike) made.push(restrictions);
    return alike ?? restrictions;
  });
}

/** Equal for what means the same. */
export const contentKey = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    inner instanceof Set ? [...inner].map(String).toSorted((a, b) => (a < b ? -1 : 1)) : inner,
  );

/** What both reach. */
export function withinBoth(one: Restrictions, other: Restrictions): Restrictions {
  const joined = new Map(one);
  for (const [type, seen] of other) {
    const here = joined.get(type);
    const either: 'hidden' | Where =
      here === undefined || seen === 'hidden' || here === seen
        ? seen
        : here === 'hidden'
          ? here
          : { kind: 'all', of: [here, seen] };
    joined.set(type, either);
  }
  return joined;
}
