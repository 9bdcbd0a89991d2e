/**
 * Whether what somebody asks for records with permits it: each element with its verdict and, where it fails, the remedy. Pure: the same for the operation that
 * tells and for the hook that lets a request be accepted. Elements and words are data, profiles/release/rules/authorization.json.
 * https://www.ecfr.gov/current/title-45/section-164.508 (b)(2), (b)(3), (c); section-164.524 (c)(3)(ii); section-164.512 (e)
 *
 * `look`: a person must look at the paper and confirm it; what was confirmed is met. What a Consent contradicts nobody can confirm.
 */
import { parseGivenDateTime } from '../../fhir/datetime.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { RequestNeed } from './requester-classes.js';
import { ACT_REASON_CODES, inputValues } from './request-task.js';

export type ElementVerdict = 'met' | 'missing' | 'wrong' | 'look';

export interface JudgedElement {
  readonly element: string;
  readonly verdict: ElementVerdict;
}

export interface AuthorizationAsked {
  readonly needs: RequestNeed;
  readonly task: Resource;
  /** The Consent that the Task names, as far as it can be read. */
  readonly consent: Resource | undefined;
  /** ms since 1970. */
  readonly now: number;
}

type ElementJudge = (asked: AuthorizationAsked, consent: Resource) => ElementVerdict;

const ACT_CODES = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const PARTICIPATION_TYPES = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType';
const PERFORMER = 'http://terminology.hl7.org/CodeSystem/provenance-participant-type';
/** When an authorization ends where that is no day: `end of the study`, `none`. */
const EXPIRY_EVENT_URL = 'urn:chartroom:expiration-event';
const BY_PATIENT = 'PATRQT';
const RESEARCH_PURPOSE = 'HRESCH';
const PSYCHOTHERAPY = 'PSYTHPN';

const provisionOf = ({ provision }: Resource): JsonObject => (isObject(provision) ? provision : {});
const objects = (value: Json | undefined): JsonObject[] => itemsOf(value).filter(isObject);
const referenceOf = (value: Json | undefined): string | undefined =>
  isObject(value) && typeof value['reference'] === 'string' ? value['reference'] : undefined;
const has = (value: Json | undefined): boolean => (Array.isArray(value) ? value.length > 0 : value !== undefined);

/** References of the actors in one of these roles, and what they are called. */
const actorsIn = (consent: Resource, system: string, ...codes: readonly string[]): JsonObject[] =>
  objects(provisionOf(consent)['actor'])
    .filter(({ role }) =>
      (isObject(role) ? objects(role['coding']) : []).some(
        each => each['system'] === system && codes.some(code => each['code'] === code),
      ),
    )
    .flatMap(({ reference }) => (isObject(reference) ? [reference] : []));

const metIf = (holds: boolean, otherwise: ElementVerdict = 'missing'): ElementVerdict => (holds ? 'met' : otherwise);

const CHECKS: Readonly<Record<string, ElementJudge>> = {
  // Revoked, or never in force.
  'in-force': (_, { status }) => metIf(status === 'active', 'wrong'),
  patient: ({ task }, { patient }) =>
    task['for'] === undefined ? 'missing' : metIf(referenceOf(patient) === referenceOf(task['for']), 'wrong'),
  description: (_, consent) => {
    const { class: classes, code, data, dataPeriod, securityLabel } = provisionOf(consent);
    return metIf([classes, code, data, dataPeriod, securityLabel].some(has), 'look');
  },
  discloser: (_, consent) =>
    metIf(has(consent['organization']) || actorsIn(consent, PERFORMER, 'performer').length > 0),
  recipient: ({ task }, consent) => {
    const recipients = actorsIn(consent, PARTICIPATION_TYPES, 'IRCP', 'PRCP');
    const { requester } = task;
    if (recipients.length === 0) return 'missing';
    const asking = referenceOf(requester);
    if (asking !== undefined && recipients.some(each => referenceOf(each) === asking)) return 'met';
    const named = isObject(requester) ? requester['display'] : undefined;
    return metIf(typeof named === 'string' && recipients.some(each => each['display'] === named), 'look');
  },
  purpose: ({ task }, consent) => {
    const purposes = objects(provisionOf(consent)['purpose']).map(each => each['code']);
    const { reasonCode } = task;
    const asked = (isObject(reasonCode) ? objects(reasonCode['coding']) : []).find(
      each => each['system'] === ACT_REASON_CODES,
    );
    if (purposes.length === 0) return 'missing';
    return metIf(purposes.includes(BY_PATIENT) || purposes.includes(asked?.['code']), 'wrong');
  },
  expiry: ({ now }, consent) => {
    const { period, purpose } = provisionOf(consent);
    const end = isObject(period) ? period['end'] : undefined;
    if (typeof end === 'string') return metIf((parseGivenDateTime(end)?.high ?? -Infinity) >= now, 'wrong');
    const event = objects(consent['extension']).find(({ url }) => url === EXPIRY_EVENT_URL)?.['valueString'];
    if (typeof event !== 'string') return 'missing';
    const isResearch = objects(purpose).some(each => each['code'] === RESEARCH_PURPOSE);
    if (event === 'none') return metIf(isResearch, 'wrong');
    // Whether it has happened.
    return 'look';
  },
  signature: ({ now }, { performer, dateTime }) => {
    if (!has(performer) || typeof dateTime !== 'string') return 'missing';
    return metIf((parseGivenDateTime(dateTime)?.low ?? Infinity) <= now, 'wrong');
  },
  authority: (_, { performer, patient, verification }) => {
    const signer = itemsOf(performer).map(referenceOf).at(0);
    if (signer !== undefined && signer === referenceOf(patient)) return 'met';
    const verified = objects(verification).some(
      each => each['verified'] === true && (signer === undefined || referenceOf(each['verifiedWith']) === signer),
    );
    return metIf(verified, 'look');
  },
  'signed-copy': (_, { sourceReference, sourceAttachment }) => metIf(has(sourceReference) || has(sourceAttachment)),
  statements: (_, { policy, policyRule }) =>
    metIf(objects(policy).some(({ uri }) => typeof uri === 'string') || has(policyRule), 'look'),
  psychotherapy: (_, consent) => {
    const { class: classes, code, securityLabel } = provisionOf(consent);
    const labels = objects(securityLabel);
    const isMeant = labels.some(each => each['system'] === ACT_CODES && each['code'] === PSYCHOTHERAPY);
    return metIf(!isMeant || (labels.length === 1 && !has(classes) && !has(code)), 'wrong');
  },
  address: ({ task }) => metIf(inputValues(task, 'delivery-address').length > 0),
  // After Ciox v. Azar a directive reaches electronic copies alone.
  electronic: ({ task }) => metIf(!inputValues(task, 'format').includes('paper'), 'wrong'),
};

/** What is asked for papers that are no Consent. */
const evidence = ({ task }: AuthorizationAsked): ElementVerdict =>
  inputValues(task, 'evidence').length > 0 ? 'look' : 'missing';

/** Elements whose verdict asks nothing of a Consent. */
const OF_PAPERS: ReadonlySet<string> = new Set(['identity-papers', 'authority-papers', 'assurance', 'order']);

/** Names of all elements that rules may have. */
export const CHECKED_ELEMENTS: readonly string[] = ['authorization', ...Object.keys(CHECKS), ...OF_PAPERS];

/** Of each element that a need has, in the order of the rules. */
export function checkAuthorization(asked: AuthorizationAsked, elements: readonly string[]): readonly JudgedElement[] {
  const confirmed = new Set(inputValues(asked.task, 'confirmed'));
  const { consent } = asked;
  return elements.map(element => {
    const verdict = verdictOf(element, asked, consent);
    return { element, verdict: verdict === 'look' && confirmed.has(element) ? 'met' : verdict };
  });
}

function verdictOf(element: string, asked: AuthorizationAsked, consent: Resource | undefined): ElementVerdict {
  if (OF_PAPERS.has(element)) return evidence(asked);
  if (element === 'authorization') return metIf(consent !== undefined);
  return consent ? CHECKS[element]!(asked, consent) : 'missing';
}

/** `open`: a person has to look at something. */
export function outcomeOfCheck(checked: readonly JudgedElement[]): 'sufficient' | 'deficient' | 'open' {
  const verdicts = new Set(checked.map(({ verdict }) => verdict));
  if (verdicts.has('missing') || verdicts.has('wrong')) return 'deficient';
  return verdicts.has('look') ? 'open' : 'sufficient';
}
