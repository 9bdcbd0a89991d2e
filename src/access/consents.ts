/**
 * The Consents in force, and what they leave of a permission: one more part of the condition under each letter, so that whatever asks a
 * permission asks them, too. Only patients with Consents are held in memory. https://hl7.org/fhir/R4/consent.html
 *
 * Of the rules that concern whoever asks (asking.ts) the most specific one that is about the data counts, of equally specific ones a denial; where
 * none is, what the settings say of patients without a Consent (`CHARTROOM_CONSENT`). Reading is access, use or disclosure; writing is meant by
 * rules that name `collect` (create) or `correct` (update, delete) alone, so that care can be recorded whatever was said of its disclosure.
 *
 * A resource is about the patients beside its row, and those in whose compartment it is by another element; of a type without the parameter `patient` (Bundle, Group …) about those whom its text names. Each of them must
 * have said yes. The audit trail and what is about nobody are not asked; bytes follow what stands for them (binaries.ts).
 */
import { createHash } from 'node:crypto';
import type { Definitions } from '../fhir/definitions.js';
import type { RefusingConsent } from '../fhir/error.js';
import type { Resource } from '../fhir/resource.js';
import { OPEN } from '../fhir/datetime.js';
import type { Letter } from '../identity/principal.js';
import type { ImplicitPolicy } from '../platform/implicit-policy.js';
import { memoize } from '../platform/memoize.js';
import type { SearchParameters } from '../search/parameters.js';
import { all, any, NO_RESOURCE, type Where } from '../search/query.js';
import { withIds } from '../search/separate.js';
import type { Version } from '../store/store.js';
import { concerns, typeOfActor, type WhoAsks } from './asking.js';
import {
  type ConsentAction,
  type ConsentReading,
  type ConsentRule,
  DENIED,
  type ReadConsent,
  readConsent,
} from './consent.js';
import { type ElementRules, elementRules } from './consent-elements.js';
import { conditionFor, eitherExtent, type Extent, extentOf, opposite, allExtents } from './consent-where.js';
import { atMostAs, seenByLabels } from './labels.js';
import { NORMALLY } from '../fhir/security-labels.js';
import { LazyRestrictions } from './lazy-restrictions.js';
import { createPatientsAbout, type PatientsAbout, refersToPatients } from './patients-about.js';
import { type ConsentDecision, EACH_TYPE, type Masks, type Permission, type Restrictions } from './permission.js';
import { ruledBy } from './row-rule.js';

/** Elements `provision` of the Consents of one patient. */
export const MOST_PROVISIONS = 1000;
/** Patients in one query. */
const MOST_NAMED = 200;
/** Permissions that are kept, each for whom the same rules apply to. */
const MOST_KEPT = 500;

const STAFF_OR_HOUSE: ReadonlySet<string> = new Set(['Organization', 'Practitioner', 'PractitionerRole']);
const BASIC: readonly string[] = ['TREAT', 'HPAYMT', 'HOPERAT', 'PATRQT'];

const READING: readonly ConsentAction[] = ['access', 'use', 'disclose'];
const ACTIONS_OF: Readonly<Record<Letter, readonly ConsentAction[]>> = {
  c: ['collect'],
  r: READING,
  u: ['correct'],
  d: ['correct'],
  s: READING,
};

export interface ConsentGround {
  readonly definitions: Definitions;
  readonly parameters: SearchParameters;
  readonly bases: readonly string[];
  readonly implicit: ImplicitPolicy;
  /** ms since 1970 */
  readonly now: () => number;
}

/** Patients who have said the same. */
interface Alike {
  readonly rules: readonly ConsentRule[];
  readonly patients: Set<string>;
}

/** What one patient has said. */
interface Said {
  readonly alike: Alike;
  readonly consents: readonly ReadConsent[];
}

/** What is decided of resources of a type about a patient. */
type Verdicts = (type: string) => Extent;

/** Of one who asks. */
interface DecidedRules {
  readonly decided: ReadonlyMap<Alike, Verdicts | boolean>;
  /** Of those for whom it depends on the data: the rules, the most specific first. */
  readonly rules: ReadonlyMap<Alike, readonly ConsentRule[]>;
  /** Of patients who have said nothing; undefined: all of it. */
  readonly implicit: Verdicts | undefined;
  /** Some of it depends on labels, which may come later, and single elements have. */
  readonly byLabels: boolean;
}

/** Of one who asks, until a rule begins or ends. */
interface Narrowed {
  readonly until: number;
  readonly permission: Permission;
}

export class Consents {
  readonly #ground: ConsentGround;
  readonly #patients: PatientsAbout;
  #byPatient: ReadonlyMap<string, Said> = new Map();
  /** By what they have said. */
  readonly #alike = new Map<string, Alike>();
  /** Whom some rule names. */
  #actors: ReadonlySet<string> = new Set();
  #digest = '';
  #kept = new WeakMap<Permission, Map<string, Narrowed>>();
  #generation = 0;
  #namesStaff = false;

  constructor(ground: ConsentGround) {
    this.#ground = ground;
    this.#patients = createPatientsAbout(ground);
    this.#generation = ground.parameters.generation;
  }

  /** Some rule is for an Organization, or for somebody who works for one. */
  get namesStaff(): boolean {
    return this.#namesStaff;
  }

  /** `resource`: a valid Consent. */
  read(resource: Resource, id: string): ConsentReading {
    const { bases, definitions } = this.#ground;
    return readConsent(resource, id, { bases, types: definitions.resourceTypes });
  }

  /** What is held of a stored Consent. */
  entry(resource: Resource, id: string): ReadConsent | undefined {
    const { consent } = this.read(resource, id);
    return consent && consent.rules.length > 0 ? consent : undefined;
  }

  /** How many provisions the Consents of the patient have that are not among these. */
  provisionsBeside(patient: string, names: ReadonlySet<string>): number {
    return provisionsIn((this.#byPatient.get(patient)?.consents ?? []).filter(({ name }) => !names.has(name)));
  }

  /** From now on these are in force, by their id. What has not changed is kept as it is. */
  replace(entries: ReadonlyMap<string, ReadConsent>): void {
    const said = new Map<string, ReadConsent[]>();
    const digest = createHash('sha256');
    for (const id of [...entries.keys()].toSorted()) {
      const consent = entries.get(id)!;
      const those = said.get(consent.patient);
      if (those) those.push(consent);
      else said.set(consent.patient, [consent]);
      digest.update(`${consent.patient} ${rulesDigest(consent)} `);
    }
    const byPatient = new Map<string, Said>();
    for (const [patient, before] of this.#byPatient) {
      const consents = said.get(patient) ?? [];
      const isSame =
        consents.length === before.consents.length && consents.every((one, i) => one === before.consents[i]);
      if (isSame) byPatient.set(patient, before);
      else before.alike.patients.delete(patient);
    }
    for (const [patient, consents] of said)
      if (!byPatient.has(patient)) byPatient.set(patient, { alike: this.#alikeOf(patient, consents), consents });
    for (const [key, { patients }] of this.#alike) if (patients.size === 0) this.#alike.delete(key);
    this.#byPatient = byPatient;
    this.#digest = digest.digest('base64url');
    this.#actors = new Set(
      [...this.#alike.values()].flatMap(({ rules }) => rules.flatMap(({ actors = [] }) => actors)),
    );
    this.#namesStaff = [...this.#actors].some(each => STAFF_OR_HOUSE.has(typeOfActor(each) ?? ''));
    this.#kept = new WeakMap();
  }

  /** Those who have said the same as the patient, the patient among them. */
  #alikeOf(patient: string, consents: readonly ReadConsent[]): Alike {
    const key = consents.map(rulesDigest).join(' ');
    let one = this.#alike.get(key);
    if (!one) {
      const rules = provisionsIn(consents) > MOST_PROVISIONS ? [DENIED] : consents.flatMap(each => each.rules);
      this.#alike.set(key, (one = { rules: rules.toSorted(comparing), patients: new Set() }));
    }
    one.patients.add(patient);
    return one;
  }

  /** What is left of a permission for whoever asks; itself where that is all. */
  narrow(permission: Permission, asking: WhoAsks): Permission {
    const { parameters, now } = this.#ground;
    if (this.#generation !== parameters.generation) {
      this.#generation = parameters.generation;
      this.#kept = new WeakMap();
    }
    let kept = this.#kept.get(permission);
    if (!kept) this.#kept.set(permission, (kept = new Map()));
    const at = now();
    const key = this.#keyOf(asking);
    const known = kept.get(key);
    if (known && at <= known.until) return known.permission;
    const made = this.#made(permission, asking, at);
    if (kept.size >= MOST_KEPT) kept.clear();
    kept.set(key, made);
    return made.permission;
  }

  /** Equal for those whom the same rules concern. */
  #keyOf({ key, actors }: WhoAsks): string {
    return [key, ...[...actors].filter(each => this.#actors.has(each))].join(' ');
  }

  #made(permission: Permission, asking: WhoAsks, at: number): Narrowed {
    const restrict = new Map<string, (base: Restrictions) => Restrictions>();
    const reading = this.#decide(asking, READING, at);
    const hides = this.#hiding(asking, reading);
    const reached = (letter: Letter): Restrictions => {
      const actions = ACTIONS_OF[letter];
      let by = restrict.get(actions[0]!);
      if (!by) {
        const isReading = actions === READING;
        const rules = isReading ? reading : this.#decide(asking, actions, at);
        restrict.set(actions[0]!, (by = this.#restricting(asking, isReading, rules, permission)));
      }
      return by(permission.reach[letter]);
    };
    const reach = { c: reached('c'), r: reached('r'), u: reached('u'), d: reached('d'), s: reached('s') };
    const until = asking.bound ? this.#until(at) : OPEN;
    const isSame = Object.entries(reach).every(([letter, each]) => each === permission.reach[letter as Letter]);
    if (isSame) return { until, permission };
    const digest = createHash('sha256').update(
      JSON.stringify([permission.digest, this.#keyOf(asking), this.#digest, until]),
    );
    return {
      until,
      permission: {
        ...permission,
        reach,
        ...(seesAll(asking) && !hides ? {} : { masks: masksOf(asking, permission, hides) }),
        ...(asking.bound ? { consented: (patient: string) => this.#consented(patient, asking, at) } : {}),
        meant: permission,
        refusing: patients => this.#refusing(asking, patients, this.#ground.now()),
        digest: digest.digest('base64url'),
      },
    };
  }

  /** Which Consents of a patient speak, and what the first of their rules says. */
  #consented(patient: string, asking: WhoAsks, at: number): ConsentDecision | undefined {
    if (patient === asking.own) return undefined;
    const speaking = (this.#byPatient.get(patient)?.consents ?? []).flatMap(({ name, rules }) => {
      const [first] = rulesAbout(rules.toSorted(comparing), asking, READING, at);
      return first ? [{ name, first }] : [];
    });
    speaking.sort((a, b) => comparing(a.first, b.first));
    const [decisive] = speaking;
    if (!decisive) return undefined;
    const { permits, data } = decisive.first;
    const isWhole = Object.keys(data).length === 0;
    return { consents: speaking.map(({ name }) => name), permits: !isWhole ? 'some' : permits ? 'all' : 'none' };
  }

  /** Of these patients, those that deny something to whoever asks. */
  #refusing(asking: WhoAsks, patients: readonly string[], at: number): RefusingConsent[] {
    if (!asking.bound) return [];
    return patients.flatMap(patient =>
      (this.#byPatient.get(patient)?.consents ?? []).flatMap(({ name, rules }) =>
        rules.some(rule => !rule.permits && concerns(rule, asking, at))
          ? { id: name.slice('Consent/'.length), patient }
          : [],
      ),
    );
  }

  /** When the next rule begins or ends. */
  #until(at: number): number {
    let until = OPEN;
    for (const { rules } of this.#alike.values())
      for (const { between } of rules) {
        if (between.from > at) until = Math.min(until, between.from - 1);
        if (between.until >= at) until = Math.min(until, between.until);
      }
    return until;
  }

  /** What each says of these actions. */
  #decide(asking: WhoAsks, actions: readonly ConsentAction[], at: number): DecidedRules {
    const isReading = actions === READING;
    const implicit: Verdicts = isReading ? this.#implicit(asking) : () => true;
    const decided = new Map<Alike, Verdicts | boolean>();
    const ruled = new Map<Alike, readonly ConsentRule[]>();
    const isOpen = !isReading || !asking.bound || this.#ground.implicit === 'permit';
    let byLabels = !isOpen;
    for (const one of asking.bound ? this.#alike.values() : []) {
      const rules = rulesAbout(one.rules, asking, actions, at);
      const [first] = rules;
      if (!first) continue;
      byLabels ||= rules.some(({ data }) => data.labels !== undefined);
      const isWhole = Object.keys(first.data).length === 0;
      if (!isWhole) ruled.set(one, rules);
      decided.set(one, isWhole ? first.permits : this.#verdicts(rules, implicit));
    }
    return { decided, rules: ruled, implicit: isOpen ? undefined : implicit, byLabels };
  }

  /** What these actions leave of what a letter reaches. */
  #restricting(
    asking: WhoAsks,
    isReading: boolean,
    rules: DecidedRules,
    { lifted }: Permission,
  ): (base: Restrictions) => Restrictions {
    const lifting = liftingFor(asking);
    const parts: ((type: string) => Where | undefined)[] = [];
    if (rules.implicit || rules.decided.size > 0)
      parts.push(memoize(EACH_TYPE, type => this.#about(type, lifting, rules)));
    if (isReading && !seesAll(asking))
      parts.push(
        memoize(EACH_TYPE, type =>
          seenByLabels(this.#ground.parameters, type, asking, type === 'Binary' ? undefined : lifted?.(type)),
        ),
      );
    const types = this.#ground.definitions.resourceTypes.filter(type => type !== 'AuditEvent');
    // What each Consent says of a type is found out where the type is asked for.
    const made = new Map<Restrictions, Restrictions>();
    return base => {
      if (parts.length === 0) return base;
      let restricted = made.get(base);
      if (!restricted) made.set(base, (restricted = new LazyRestrictions(base, types, parts)));
      return restricted;
    };
  }

  /** Which elements with labels of their own Consents keep from whoever asks; undefined: none. */
  #hiding(asking: WhoAsks, { decided, rules, implicit, byLabels }: DecidedRules): Masks['hides'] {
    if (!byLabels) return undefined;
    const lifting = liftingFor(asking);
    const ground = this.#ground;
    const rulesOf = new Map(
      [...rules].map(([one, those]) => [
        one,
        memoize(EACH_TYPE, (type: string) => elementRules(ground, type, those, implicit)),
      ]),
    );
    const ofOthers = memoize(EACH_TYPE, (type: string) => elementRules(ground, type, [], implicit));
    return (row, labels, holds) => {
      const { type } = row;
      if (this.#patients.how(type) === 'nobody') return false;
      const of = (patient: string): ElementRules | undefined => {
        const one = lifting.has(patient) ? undefined : this.#byPatient.get(patient)?.alike;
        // Whose rules are for others has said nothing here.
        return one && decided.has(one) ? rulesOf.get(one)?.(type) : ofOthers(type);
      };
      const matters = (patient: string): boolean => !lifting.has(patient);
      const allowed = (patient: string): boolean => lifting.has(patient) || !of(patient)?.hides(labels, holds);
      return !this.#patients.allowEach(row, { matters, holds, allowed });
    };
  }

  /** Of patients of whom no rule speaks. */
  #implicit({ purposes, bound }: WhoAsks): Verdicts {
    const { implicit, parameters } = this.#ground;
    const isFor = (...codes: readonly string[]): boolean => purposes?.some(each => codes.includes(each)) ?? false;
    const normal = (type: string): Extent => atMostAs(parameters, type, NORMALLY) ?? true;
    if (!bound || implicit === 'permit') return () => true;
    if (implicit === 'deny') return () => false;
    if (implicit === 'break-glass-only') return () => isFor('BTG');
    return implicit === 'all-normal' || isFor(...BASIC) ? normal : () => false;
  }

  /** `rules`: the first one that is about a resource counts. */
  #verdicts(rules: readonly ConsentRule[], implicit: Verdicts): Verdicts {
    return memoize(EACH_TYPE, type => {
      let verdict: Extent = implicit(type);
      for (const { permits, data } of rules.toReversed()) {
        const extent = extentOf(this.#ground, type, data, permits);
        verdict = permits ? eitherExtent([extent, verdict]) : allExtents([opposite(extent), verdict]);
      }
      return verdict;
    });
  }

  /** What of a type may be seen of its patients; undefined: everything. `lifting`: patients whose Consents do not bind. */
  #about(type: string, lifting: ReadonlySet<string>, { decided, implicit, byLabels }: DecidedRules): Where | undefined {
    const how = this.#patients.how(type);
    if (how === 'nobody') return undefined;
    const others = implicit?.(type) ?? true;
    const verdictOf = (one: Alike | undefined): Extent => {
      const verdicts = one && decided.get(one);
      return typeof verdicts === 'function' ? verdicts(type) : (verdicts ?? others);
    };
    const limited = [...decided.keys()].filter(one => decided.get(one) !== true);
    const many = limited.reduce((sum, { patients }) => sum + patients.size, 0) > MOST_NAMED;
    // Verdicts of thousands are made for those whose rows are looked at.
    if (others === true && !many && limited.every(one => verdictOf(one) === true)) return undefined;
    const byPatient = this.#byPatient;
    const verdictFor = (patient: string): Extent => lifting.has(patient) || verdictOf(byPatient.get(patient)?.alike);
    const matters = (patient: string): boolean => verdictFor(patient) !== true;
    const isAllowed = (patient: string, holds: (where: Where) => boolean): boolean => {
      const verdict = verdictFor(patient);
      return typeof verdict === 'boolean' ? verdict : holds(verdict);
    };
    const allows = (row: Version, holds: (where: Where) => boolean): boolean =>
      this.#patients.allowEach(row, { matters, holds, allowed: patient => isAllowed(patient, holds) });
    // Its patients are in no index: rows are looked at, those that are written, too.
    if (how === 'text') return ruledBy(NO_RESOURCE, { byRow: true, ofNewest: byLabels ? 'each' : 'none', allows });
    // Of many the condition is in no query but what a commit asks again, which may see less; what is looked at is asked by the rule.
    const verdicts = [...decided.keys()].map(
      one => [one, many && decided.get(one) !== true ? false : verdictOf(one)] as const,
    );
    const byRow = many || others !== true;
    return ruledBy(asked(type, this.#patients.linksBeside(type), { verdicts, others, lifting }), {
      byRow,
      ofNewest: byLabels ? 'each' : 'nobodys',
      allows,
    });
  }
}

/** As a condition that a store answers. `beside`: other parameters than `patient` by which resources are about patients. */
function asked(
  type: string,
  beside: readonly string[],
  {
    verdicts,
    others,
    lifting,
  }: {
    readonly verdicts: readonly (readonly [Alike, Extent])[];
    readonly others: Extent;
    readonly lifting: ReadonlySet<string>;
  },
): Where {
  const bindingFor = (patients: Iterable<string>): string[] => [...patients].filter(each => !lifting.has(each));
  const about = (patients: readonly string[]): Where =>
    type === 'Patient' ? withIds(patients) : refersToPatients(['patient', ...beside], patients);
  const denied = verdicts.flatMap(([{ patients }, verdict]) => (verdict === false ? bindingFor(patients) : []));
  const parts: Where[] = denied.length > 0 ? [{ kind: 'not', of: about(denied) }] : [];
  for (const [{ patients }, verdict] of verdicts) {
    const those = typeof verdict === 'boolean' ? [] : bindingFor(patients);
    if (those.length > 0) parts.push(any({ kind: 'not', of: about(those) }, conditionFor(verdict)));
  }
  if (others !== true) {
    const known = verdicts.flatMap(([{ patients }, verdict]) => (verdict === false ? [] : bindingFor(patients)));
    const named = [...known, ...lifting];
    const nobody: Where[] = type === 'Patient' ? [] : [{ kind: 'not', of: { kind: 'present', code: 'patient' } }];
    parts.push(any(...nobody, ...(named.length > 0 ? [about(named)] : []), ...(others === false ? [] : [others])));
  }
  return all(...parts);
}

/** Whether no label keeps anything from them. */
const seesAll = ({ most, asPatient }: WhoAsks): boolean => most === 'V' && !asPatient;

const masksOf = ({ most, asPatient }: WhoAsks, { lifted }: Permission, hides: Masks['hides']): Masks => ({
  most,
  asPatient,
  ...(lifted ? { lifted } : {}),
  ...(hides ? { hides } : {}),
});

/** Patients whose Consents do not bind. */
const liftingFor = ({ own, glass }: WhoAsks): ReadonlySet<string> =>
  new Set([own, glass].filter(each => each !== undefined));

const digests = new WeakMap<ReadConsent, string>();

/** Equal for Consents that say the same. */
function rulesDigest(consent: ReadConsent): string {
  let digest = digests.get(consent);
  if (digest === undefined)
    digests.set(consent, (digest = createHash('sha256').update(JSON.stringify(consent.rules)).digest('base64url')));
  return digest;
}

const provisionsIn = (consents: readonly ReadConsent[]): number =>
  consents.reduce((sum, { provisions }) => sum + provisions, 0);

/** Those that are about whoever asks, and about these actions. */
const rulesAbout = (
  rules: readonly ConsentRule[],
  asking: WhoAsks,
  actions: readonly ConsentAction[],
  at: number,
): readonly ConsentRule[] =>
  rules.filter(
    rule =>
      concerns(rule, asking, at) &&
      (rule.actions ? rule.actions.some(each => actions.includes(each)) : actions === READING),
  );

const comparing = (a: ConsentRule, b: ConsentRule): number =>
  b.specificity - a.specificity || Number(a.permits) - Number(b.permits);
