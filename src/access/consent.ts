/**
 * What a Consent says, as rules. https://hl7.org/fhir/R4/consent.html; of IHE PCF (https://profiles.ihe.net/ITI/PCF/) all three levels.
 *
 * It counts where it is active, about privacy (`scope` patient-privacy, by whatever address of that system, or nothing but a text) and about a
 * patient of this server. `policyRule` (opt in, opt out; of both, out) is the base; `provision` is a rule by its `type`, and where it has none, as R4 wants it, an exception to the base: the opposite. What stands in it one
 * level deeper is an exception to that: a nested rule has the criteria of the one around it but for those that it names itself, and lives no longer.
 *
 * Choices:
 * - an authorization for the release of information is no rule of access: the release desk reads it;
 * - an actor is whoever asks, in the roles of recipients (IRCP, PRCP) and of the custodian (CST); an author (AUT) is one of the data;
 * - what has no rule (a signed paper, a policy by its URL) permits and denies nothing;
 * - a permit about some data alone means no other: beside it stands a denial of the rest, less specific than anything else
 *   that is said of the same purposes, actors and actions;
 * - specificity is how many kinds of criteria a rule has; of as many, a nested rule has more.
 */
import { type Json, type JsonObject, isObject, itemsOf, type Resource } from '../fhir/resource.js';
import { OPEN, parseDateTime } from '../fhir/datetime.js';
import { parseReference } from '../fhir/reference.js';
import type { TokenValue } from '../search/query.js';
import { ACT_CODE, CONFIDENTIALITY_CODES, isLevel } from '../fhir/security-labels.js';
import { purposeOf } from './purposes.js';

export type ConsentAction = 'collect' | 'access' | 'use' | 'disclose' | 'correct';
const ACTIONS: readonly string[] = ['collect', 'access', 'use', 'disclose', 'correct'] satisfies ConsentAction[];

const isAction = (code: string): code is ConsentAction => ACTIONS.includes(code);

/** Milliseconds since 1970, both ends inclusive. */
export interface Between {
  readonly from: number;
  readonly until: number;
}

export interface NamedData {
  readonly meaning: 'instance' | 'related' | 'dependents' | 'authoredby';
  readonly type: string;
  readonly id: string;
}

/** Which data a rule is about; what is absent does not narrow it. Of each list one is enough. */
export interface ConsentData {
  readonly classes?: readonly TokenValue[];
  readonly codes?: readonly TokenValue[];
  readonly labels?: readonly TokenValue[];
  readonly period?: Between;
  readonly named?: readonly NamedData[];
}

export interface ConsentRule {
  readonly permits: boolean;
  readonly between: Between;
  /** Codes of purposes of use. */
  readonly purposes?: readonly string[];
  /** `Type/id` of this server, or a URL. */
  readonly actors?: readonly string[];
  readonly actions?: readonly ConsentAction[];
  readonly data: ConsentData;
  /** The higher one counts; of equal ones a denial. */
  readonly specificity: number;
}

export interface ReadConsent {
  /** `Consent/<id>` */
  readonly name: string;
  readonly patient: string;
  readonly rules: readonly ConsentRule[];
  /** How many elements `provision` it has. */
  readonly provisions: number;
}

export interface ConsentFault {
  readonly expression: string;
  readonly text: string;
}

/** `consent` undefined: it counts for nothing. With faults: what is understood of it, beside a denial of everything. */
export interface ConsentReading {
  readonly consent?: ReadConsent;
  readonly faults: readonly ConsentFault[];
}

/** https://terminology.hl7.org/CodeSystem-consentscope.html; STU3 had the other address. */
const SCOPES: ReadonlySet<unknown> = new Set([
  undefined,
  'http://terminology.hl7.org/CodeSystem/consentscope',
  'http://hl7.org/fhir/consentscope',
]);
const PRIVACY = 'patient-privacy';
const SCOPES_BESIDE_PRIVACY: ReadonlySet<unknown> = new Set(['adr', 'research', 'treatment']);
const BASES: ReadonlyMap<string, boolean> = new Map([
  ['OPTIN', true],
  ['OPTINR', true],
  ['OPTOUT', false],
  ['OPTOUTE', false],
]);
const RECIPIENTS: ReadonlySet<string> = new Set(['IRCP', 'PRCP', 'CST']);
const AUTHOR = 'AUT';
/** Whoever asks is one of these. Who is in a Group or a CareTeam is not known when somebody asks. */
const ACTOR_TYPES: ReadonlySet<string> = new Set([
  'Practitioner',
  'PractitionerRole',
  'Organization',
  'Patient',
  'RelatedPerson',
  'Person',
  'Device',
]);
const MEANINGS: ReadonlySet<string> = new Set(['instance', 'related', 'dependents', 'authoredby']);
const TYPE_SYSTEMS: ReadonlySet<string> = new Set([
  'http://hl7.org/fhir/resource-types',
  'http://hl7.org/fhir/fhir-types',
]);
const CLASS_SYSTEMS: ReadonlySet<string> = new Set(['urn:ietf:rfc:3986', 'urn:ietf:bcp:13', 'http://loinc.org']);
const ALWAYS: Between = { from: -OPEN, until: OPEN };

/** Kinds of criteria beside the time. */
const CONTEXT = ['purposes', 'actors', 'actions'] as const;
const DATA = ['classes', 'codes', 'labels', 'period', 'named'] as const;

type Criteria = Pick<ConsentRule, 'purposes' | 'actors' | 'actions'> & ConsentData & { readonly between: Between };

/** What is known of the server that reads. */
export interface ConsentReader {
  /** Its own FHIR addresses. */
  readonly bases: readonly string[];
  readonly types: readonly string[];
}

/** `resource`: valid R4. */
export function readConsent(resource: Resource, id: string, ground: ConsentReader): ConsentReading {
  if (resource['status'] !== 'active' || !isAboutPrivacy(resource) || isAuthorization(resource)) return { faults: [] };
  const reader = new Reader(ground);
  const patient = reader.patientOf(resource['patient']);
  const rules = reader.rulesOf(resource);
  if (patient === undefined) return { faults: reader.faults };
  const { faults } = reader;
  const root = resource['provision'];
  const provisions = isObject(root) ? 1 + itemsOf(root['provision']).length : 0;
  const all = faults.length > 0 ? [DENIED, ...rules] : rules;
  return { consent: { name: `Consent/${id}`, patient, rules: all, provisions }, faults };
}

/** Of what is not understood, or too much: nothing is more specific. */
export const DENIED: ConsentRule = {
  permits: false,
  between: ALWAYS,
  data: {},
  specificity: Number.MAX_SAFE_INTEGER,
};

/** Whatever says nothing else is: a scope of words alone, or of a code that its system does not have. */
function isAboutPrivacy({ scope }: Resource): boolean {
  const codings = codingsOf(scope).filter(({ code }) => code !== undefined);
  const ofSystem = codings.filter(({ system }) => SCOPES.has(system)).map(({ code }) => code);
  if (ofSystem.includes(PRIVACY) || codings.length === 0) return true;
  return ofSystem.some(code => !SCOPES_BESIDE_PRIVACY.has(code));
}

/**
 * A signed authorization says what may be given to somebody outside, and nothing of who may see the record meanwhile: those who look for what it is about
 * must see more than that. One that denies is a directive like others. https://loinc.org/64292-6
 */
const isAuthorization = ({ category, provision, policyRule }: Resource): boolean =>
  isObject(provision) &&
  permitsIn(provision) === true &&
  policyBaseOf(policyRule) !== false &&
  itemsOf(category).some(each =>
    codingsOf(each).some(({ system, code }) => system === 'http://loinc.org' && code === '64292-6'),
  );

/** What holds beside the rules, by `policyRule`; undefined: it says neither. */
function policyBaseOf(policyRule: Json | undefined): boolean | undefined {
  const said = new Set(
    codingsOf(policyRule).flatMap(({ system, code }) =>
      system === ACT_CODE && typeof code === 'string' ? [BASES.get(code)] : [],
    ),
  );
  return said.has(false) ? false : said.has(true) ? true : undefined;
}

const codesOf = (concept: Json | undefined): readonly string[] =>
  codingsOf(concept).flatMap(({ code }) => (typeof code === 'string' ? [code] : []));

const codingsOf = (concept: Json | undefined): readonly JsonObject[] =>
  isObject(concept) ? itemsOf(concept['coding']).filter(isObject) : [];

class Reader {
  readonly faults: ConsentFault[] = [];
  readonly #bases: readonly string[];
  readonly #types: readonly string[];

  constructor({ bases, types }: ConsentReader) {
    this.#bases = bases;
    this.#types = types;
  }

  #fault(expression: string, text: string): undefined {
    this.faults.push({ expression, text });
  }

  patientOf(given: Json | undefined): string | undefined {
    const reference = isObject(given) ? given['reference'] : undefined;
    const target = typeof reference === 'string' ? parseReference(reference, this.#bases) : undefined;
    if (target?.kind === 'local' && target.type === 'Patient') return target.id;
    return this.#fault('Consent.patient', 'whose record it is about must be a Patient of this server');
  }

  /** A policyRule that is not understood must leave it to the provision. */
  rulesOf(resource: Resource): readonly ConsentRule[] {
    const base = policyBaseOf(resource['policyRule']);
    const rules = this.#rulesBeside(base, resource['provision']);
    if (resource['policyRule'] !== undefined && rules.length === 0)
      this.#fault('Consent.policyRule', `without a provision it is OPTIN or OPTOUT of ${ACT_CODE}`);
    return rules;
  }

  #rulesBeside(base: boolean | undefined, root: Json | undefined): readonly ConsentRule[] {
    const at = 'Consent.provision';
    if (!isObject(root)) return base === undefined ? [] : [ruleOf(base, { between: ALWAYS }, 0)];
    const criteria = this.#criteriaOf(at, root, { between: ALWAYS });
    const nested = itemsOf(root['provision']).filter(isObject);
    const rules: ConsentRule[] = [];
    // A base lives as long as what stands beside it.
    if (base !== undefined) rules.push(ruleOf(base, { between: criteria.between }, 0));
    const isRule = permitsIn(root) !== undefined || specificityOf(criteria) > 0;
    const permits = permitsIn(root) ?? (base === undefined ? undefined : !base);
    if (isRule && permits === undefined)
      this.#fault(`${at}.type`, 'without policyRule it must say whether it permits or denies');
    if (isRule && permits !== undefined) rules.push(...withRest(ruleOf(permits, criteria, 0)));
    const around = isRule ? permits : base;
    for (const [i, one] of nested.entries()) {
      const place = `${at}.provision[${i}]`;
      if (itemsOf(one['provision']).length > 0)
        this.#fault(`${place}.provision`, 'exceptions to exceptions are not understood: one level is');
      // An exception says the opposite of what it stands in; without that it denies.
      const says = permitsIn(one) ?? (around === undefined ? false : !around);
      rules.push(ruleOf(says, this.#criteriaOf(place, one, criteria), 1));
    }
    return rules;
  }

  /** `around`: what it has where it says nothing itself. */
  #criteriaOf(at: string, given: JsonObject, around: Criteria): Criteria {
    const lives = this.#periodOf(`${at}.period`, given['period']) ?? ALWAYS;
    const { actors, authors } = this.#actorsOf(`${at}.actor`, itemsOf(given['actor']));
    const named = [...authors, ...this.#namedOf(`${at}.data`, itemsOf(given['data']))];
    const classes = this.#classesOf(`${at}.class`, itemsOf(given['class']));
    const { codes, labels } = this.#tokensOf(at, given);
    const period = this.#periodOf(`${at}.dataPeriod`, given['dataPeriod']) ?? around.period;
    const purposes = itemsOf(given['purpose']).flatMap(
      (each, i) =>
        (isObject(each) ? purposeOf(each) : undefined) ??
        this.#fault(`${at}.purpose[${i}]`, 'a purpose is a code of v3-ActReason, or of a system of your own') ??
        [],
    );
    const actions = this.#actionsOf(`${at}.action`, itemsOf(given['action']));
    const listed = <T>(name: string, own: readonly T[], inherited: readonly T[] | undefined) => {
      const list = own.length > 0 ? own : inherited;
      return list ? { [name]: list } : {};
    };
    return {
      between: {
        from: Math.max(lives.from, around.between.from),
        until: Math.min(lives.until, around.between.until),
      },
      ...listed('purposes', purposes, around.purposes),
      ...listed('actors', actors, around.actors),
      ...listed('actions', actions, around.actions),
      ...listed('classes', classes, around.classes),
      ...listed('codes', codes, around.codes),
      ...listed('labels', labels, around.labels),
      ...listed('named', named, around.named),
      ...(period ? { period } : {}),
    };
  }

  #periodOf(at: string, given: Json | undefined): Between | undefined {
    if (!isObject(given)) return undefined;
    const { start, end } = given;
    const from = typeof start === 'string' ? parseDateTime(start)?.low : -OPEN;
    const until = typeof end === 'string' ? parseDateTime(end)?.high : OPEN;
    if (from === undefined || until === undefined) return this.#fault(at, 'it must be a period of dates');
    return { from, until };
  }

  #actorsOf(at: string, given: readonly Json[]) {
    const actors: string[] = [];
    const authors: NamedData[] = [];
    for (const [i, actor] of given.entries()) {
      if (!isObject(actor)) continue;
      const place = `${at}[${i}]`;
      const roles = codesOf(actor['role']);
      const target = this.#targetOf(`${place}.reference`, actor['reference']);
      if (target === undefined) continue;
      if (roles.includes(AUTHOR) && target.kind === 'local')
        authors.push({ meaning: 'authoredby', type: target.type, id: target.id });
      else if (!roles.some(role => RECIPIENTS.has(role)))
        this.#fault(
          `${place}.role`,
          'an actor receives (IRCP, PRCP), keeps (CST) or has written (AUT) what it is about',
        );
      else if (target.kind === 'local' && !ACTOR_TYPES.has(target.type))
        this.#fault(
          `${place}.reference`,
          'who asks is a person, an organization or a device, and not in a Group or CareTeam',
        );
      else actors.push(target.kind === 'local' ? `${target.type}/${target.id}` : target.url);
    }
    return { actors, authors };
  }

  #targetOf(at: string, given: Json | undefined) {
    const reference = isObject(given) ? given['reference'] : undefined;
    const target = typeof reference === 'string' ? parseReference(reference, this.#bases) : undefined;
    if (target?.kind === 'local' || target?.kind === 'url') return target;
    return this.#fault(at, 'it must name a resource by a literal reference');
  }

  #namedOf(at: string, given: readonly Json[]): readonly NamedData[] {
    return given.flatMap((one, i) => {
      if (!isObject(one)) return [];
      const target = this.#targetOf(`${at}[${i}].reference`, one['reference']);
      const { meaning } = one;
      if (typeof meaning !== 'string' || !MEANINGS.has(meaning))
        return this.#fault(`${at}[${i}].meaning`, 'data is meant as instance, related, dependents or authoredby') ?? [];
      if (target === undefined) return [];
      if (target.kind === 'local')
        return [{ meaning: meaning as NamedData['meaning'], type: target.type, id: target.id }];
      return this.#fault(`${at}[${i}].reference`, 'data is named as a resource of this server') ?? [];
    });
  }

  #classesOf(at: string, given: readonly Json[]): readonly TokenValue[] {
    return given.flatMap((one, i) => {
      const { system, code } = isObject(one) ? one : {};
      if (typeof system === 'string' && typeof code === 'string') {
        if (TYPE_SYSTEMS.has(system) ? this.#types.includes(code) : CLASS_SYSTEMS.has(system))
          return [{ system, code }];
      }
      return (
        this.#fault(
          `${at}[${i}]`,
          'a class is a resource type (http://hl7.org/fhir/resource-types), a profile (urn:ietf:rfc:3986), a media type (urn:ietf:bcp:13) or a type of documents (http://loinc.org)',
        ) ?? []
      );
    });
  }

  #tokensOf(at: string, given: JsonObject) {
    const codes = itemsOf(given['code']).flatMap((one, i) => {
      const found = codingsOf(one).flatMap(tokenOf);
      return found.length > 0
        ? found
        : (this.#fault(`${at}.code[${i}]`, 'a code has a coding with system and code') ?? []);
    });
    const labels = itemsOf(given['securityLabel']).flatMap((one, i) => {
      const found = isObject(one) ? tokenOf(one) : [];
      if (found.some(({ system, code }) => system !== CONFIDENTIALITY_CODES || isLevel(code))) return found;
      return (
        this.#fault(
          `${at}.securityLabel[${i}]`,
          'a label has system and code, of confidentiality U, L, M, N, R or V',
        ) ?? []
      );
    });
    return { codes, labels };
  }

  #actionsOf(at: string, given: readonly Json[]): readonly ConsentAction[] {
    return given.flatMap((one, i) => {
      const found = codesOf(one).filter(isAction);
      return found.length > 0 ? found : (this.#fault(`${at}[${i}]`, `an action is one of ${ACTIONS.join(', ')}`) ?? []);
    });
  }
}

const tokenOf = ({ system, code }: JsonObject): readonly TokenValue[] =>
  typeof system === 'string' && typeof code === 'string' ? [{ system, code }] : [];

const permitsIn = ({ type }: JsonObject): boolean | undefined => (type === undefined ? undefined : type === 'permit');

const specificityOf = (criteria: Criteria): number =>
  [...CONTEXT, ...DATA].filter(name => criteria[name] !== undefined).length;

function ruleOf(permits: boolean, criteria: Criteria, depth: number): ConsentRule {
  const { between, purposes, actors, actions, ...data } = criteria;
  return {
    permits,
    between,
    ...(purposes ? { purposes } : {}),
    ...(actors ? { actors } : {}),
    ...(actions ? { actions } : {}),
    data,
    specificity: 2 * specificityOf(criteria) + depth,
  };
}

/** With the denial of what a permit leaves out. */
function withRest(rule: ConsentRule): readonly ConsentRule[] {
  const { data, specificity, ...context } = rule;
  const about = Object.keys(data).length;
  if (!rule.permits || about === 0) return [rule];
  return [rule, { ...context, permits: false, data: {}, specificity: specificity - 2 * about - 1 }];
}
