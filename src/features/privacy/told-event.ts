/**
 * What questions need of an AuditEvent (https://hl7.org/fhir/R4/auditevent.html), our own or one that another system has sent: who did what, when, why,
 * to whose data, and how it ended. An event of another system may have any form that R4 allows: what cannot be told is empty.
 */
import { formatInstant, parseDateTime } from '../../fhir/datetime.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import { isDoneByServer } from '../../interactions/jobs.js';
import { type Disclosure, readDisclosure } from '../../interactions/tell.js';

const RESTFUL_CODES = 'http://hl7.org/fhir/restful-interaction';
const ALERT_TYPE = '110113';
const SIGN_IN_TYPE = '110114';
/** Codes of refusals in AuditEvent.outcomeDesc of events that say no more than that a request failed. */
const DENIALS: ReadonlySet<string> = new Set(['forbidden', 'unauthenticated']);
/** Of http://terminology.hl7.org/CodeSystem/object-role: security user entity. */
const ACCOUNT_ROLES: ReadonlySet<string> = new Set(['11']);
const BTG = 'BTG';
const DISCLOSE = 'disclose';
/** Texts of events are lineOfText up to this length: a sender may have put anything there. */
const MAX_SHOWN = 200;
/** Of a query in base64: more is not shown. */
const MAX_QUERY = 400;
const DAY_MS = 24 * 3_600_000;

export interface ToldEvent {
  readonly id: string;
  /** ms since 1970: when this server recorded it, or received it. */
  readonly kept: number;
  /** ms since 1970; UTC day as YYYY-MM-DD. */
  readonly at: number;
  readonly day: string;
  /** Whoever asked: the user, else the application or the machine. */
  readonly person: string;
  readonly role: string;
  /** The application or machine beside a user. */
  readonly application: string;
  readonly address: string;
  /** Codes of purposes of use, in their order. */
  readonly purpose: string;
  /** `read`, `search`, `$everything`, `Login` … */
  readonly action: string;
  /** Method and address as asked, where it says them. */
  readonly request: string;
  /** It is all that was asked with: nothing stood in a body, and nothing was cut. */
  readonly isWholeRequest: boolean;
  /** Types of the resources that it is about. */
  readonly types: readonly string[];
  /** Ids of Patients that it is about. */
  readonly patients: readonly string[];
  /** Users and applications that it is about, by their identifiers. */
  readonly named: readonly string[];
  readonly outcome: string;
  /** Why it failed, or what was changed. */
  readonly why: string;
  readonly isDenied: boolean;
  /** The server itself did it behind the traffic, or this feature beside what was asked for. */
  readonly isOwn: boolean;
  readonly isThroughGlass: boolean;
  /** Absent: it is about none. */
  readonly disclosure: Disclosure | undefined;
  /** It says that it is about one, and not in a form that is understood. */
  readonly isUnreadDisclosure: boolean;
}

function disclosureTold(event: Resource, codes: readonly string[], bases: readonly string[]) {
  const disclosure = codes.includes(DISCLOSE) ? readDisclosure(event, bases) : undefined;
  return { disclosure, isUnreadDisclosure: codes.includes(DISCLOSE) && !disclosure };
}

/** `kept`: ms since 1970. */
export function tellEvent(event: Resource, kept: number, bases: readonly string[]): ToldEvent {
  const agents = itemsOf(event['agent']).filter(isObject);
  const entities = itemsOf(event['entity']).filter(isObject);
  const asking = agents.find(({ requestor }) => requestor === true) ?? agents[0] ?? {};
  const machine = agents.find(agent => agent !== asking && isObject(agent['network']));
  const recorded = parseDateTime(textGiven(event['recorded']))?.low ?? kept;
  const subtypes = itemsOf(event['subtype']).filter(isObject);
  const outcome = textGiven(event['outcome']);
  const why = lineOfText(event['outcomeDesc']);
  const references = entities.flatMap(({ what }) => localNames(what, bases));
  const purposes = [
    ...itemsOf(event['purposeOfEvent']),
    ...agents.flatMap(({ purposeOfUse }) => itemsOf(purposeOfUse)),
  ];
  const purpose = [...new Set(purposes.flatMap(codesOfConcept))].join(' ');
  const codes = subtypes.map(({ code }) => textGiven(code));
  const [person, { request, isWholeRequest }] = [agentLabel(asking), requestIn(entities)];
  return {
    id: textGiven(event['id']),
    kept,
    at: recorded,
    day: utcDayAt(recorded),
    person,
    role: lineOfText(itemsOf(asking['role']).map(conceptInWords)[0]),
    application: machine ? agentLabel(machine) : '',
    address: addressOf(asking) || (machine ? addressOf(machine) : ''),
    purpose: purpose.slice(0, MAX_SHOWN),
    ...(codes.includes(BY_CONSENT)
      ? askedBefore(entities)
      : { action: actionTold(event, subtypes), types: [...new Set(references.map(({ type }) => type))] }),
    patients: [...new Set(references.flatMap(({ type, id }) => (type === 'Patient' ? [id] : [])))],
    named: entities.flatMap(({ role, what }) => (ACCOUNT_ROLES.has(codeIn(role)) ? identifiersIn(what) : [])),
    outcome,
    why,
    isDenied: isDenial(event, codes, outcome, why),
    request,
    isWholeRequest,
    isOwn: isDoneByServer(person, request) || agents.some(isFeature),
    isThroughGlass: purpose.split(' ').includes(BTG),
    ...disclosureTold(event, codes, bases),
  };
}

function isDenial({ type }: JsonObject, subtypes: readonly string[], outcome: string, why: string): boolean {
  if (outcome === '0' || outcome === '') return false;
  const code = isObject(type) ? type['code'] : undefined;
  if (code === SIGN_IN_TYPE) return true;
  if (code === ALERT_TYPE) return subtypes.some(isAuthorization);
  return DENIALS.has(why);
}

/** The feature, as the events name it that are made in its name. */
export const PRIVACY_FEATURE = 'privacy';
const OF_FEATURES = 'urn:chartroom:feature';

function isFeature({ who }: JsonObject): boolean {
  const identifier = isObject(who) ? who['identifier'] : undefined;
  return isObject(identifier) && identifier['system'] === OF_FEATURES && identifier['value'] === PRIVACY_FEATURE;
}

/** Its first line: parameters of a search by POST stand below it. */
function requestIn(entities: readonly JsonObject[]): Pick<ToldEvent, 'request' | 'isWholeRequest'> {
  return requestInQuery(entities.map(entity => textGiven(entity['query'])).find(each => each !== '') ?? '');
}

/** `query`: in base64, as an entity has it. */
export function requestInQuery(query: string): Pick<ToldEvent, 'request' | 'isWholeRequest'> {
  if (query === '') return { request: '', isWholeRequest: true };
  const [line = '', ...below] = Buffer.from(query.slice(0, MAX_QUERY), 'base64')
    .toString()
    .split(/[\r\n]/, 2);
  const isWholeRequest = below.length === 0 && query.length <= MAX_QUERY && line.length <= MAX_SHOWN;
  return { request: lineOfText(line), isWholeRequest };
}

/** https://profiles.ihe.net/ITI/BALP/CodeSystem-AuthZsubType.html: that it was denied, not what. */
const isAuthorization = (code: string): boolean => code.startsWith('AuthZ-');

/** https://profiles.ihe.net/ITI/BALP/StructureDefinition-IHE.BasicAudit.AuthZconsent.html */
const BY_CONSENT = 'AuthZ-Consent';
const OF_METHODS: Readonly<Record<string, string>> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'update',
  DELETE: 'delete',
};

/** An event of Consents is about these alone: what was asked stands in the details of one of them. */
function askedBefore(entities: readonly JsonObject[]): Pick<ToldEvent, 'action' | 'types'> {
  const details = entities.flatMap(({ detail }) => itemsOf(detail).filter(isObject));
  const said = (wanted: string): string => textGiven(details.find(({ type }) => type === wanted)?.['valueString']);
  const [, method = '', path = ''] = /^(\S+) ([^?\s]*)/.exec(said('request')) ?? [];
  const operation = /\$[\w-]+$/.exec(path)?.[0];
  const [type = ''] = said('data').split('/');
  const action = operation ?? OF_METHODS[method] ?? (type === '' ? 'search' : 'read');
  return { action: lineOfText(action), types: type === '' ? [] : [type] };
}

const codeIn = (coding: Json | undefined): string => (isObject(coding) ? textGiven(coding['code']) : '');

function identifiersIn(what: Json | undefined): string[] {
  const identifier = isObject(what) ? what['identifier'] : undefined;
  return isObject(identifier) ? [textGiven(identifier['value'])] : [];
}

const WORDS: Readonly<Record<string, string>> = { vread: 'read', patch: 'update' };

/** The interaction, by one word for those that people do not tell apart; the operation; what happened. */
function actionTold({ type }: JsonObject, subtypes: readonly JsonObject[]): string {
  const operation = subtypes.find(({ system, code }) => code !== undefined && textGiven(system).includes('operation'));
  if (operation) return lineOfText(`$${textGiven(operation['code'])}`);
  const restful = subtypes.find(({ system }) => system === RESTFUL_CODES);
  const alone = subtypes.find(({ system, code }) => system !== RESTFUL_CODES && !isAuthorization(textGiven(code)));
  if (restful && !alone) {
    const code = textGiven(restful['code']);
    return lineOfText(WORDS[code] ?? code.replace(/^(search|history)-.*$/, '$1'));
  }
  const said = alone ?? (isObject(type) ? type : {});
  return lineOfText(said['display'] ?? said['code']);
}

/** What people call an agent. */
function agentLabel(agent: JsonObject): string {
  const who = isObject(agent['who']) ? agent['who'] : {};
  const identifier = isObject(who['identifier']) ? who['identifier'] : {};
  const said = [agent['name'], identifier['value'], who['reference'], agent['altId'], who['display']];
  return lineOfText(said.find(each => typeof each === 'string' && each !== ''));
}

const addressOf = ({ network }: JsonObject): string => (isObject(network) ? lineOfText(network['address']) : '');

export const codesOfConcept = (concept: Json | undefined): readonly string[] =>
  isObject(concept)
    ? itemsOf(concept['coding']).flatMap(coding => (isObject(coding) ? [textGiven(coding['code'])] : []))
    : [];

/** Words of a concept. */
export function conceptInWords(concept: Json | undefined): string {
  if (!isObject(concept)) return '';
  const [coding] = itemsOf(concept['coding']);
  const { display, code } = isObject(coding) ? coding : {};
  return textGiven(concept['text'] ?? display ?? code);
}

function localNames(
  what: Json | undefined,
  bases: readonly string[],
): { readonly type: string; readonly id: string }[] {
  const target = isObject(what) ? parseReference(textGiven(what['reference']), bases) : undefined;
  return target?.kind === 'local' ? [target] : [];
}

export const textGiven = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

/** Events come in the order of their times: the day is mostly that of the one before. */
let lastDay: readonly [number: number, text: string] = [Number.NaN, ''];

/** ms since 1970 → its UTC day as YYYY-MM-DD. */
export function utcDayAt(at: number): string {
  const day = Math.floor(at / DAY_MS);
  if (lastDay[0] !== day) lastDay = [day, formatInstant(at).slice(0, 10)];
  return lastDay[1];
}

/** One word of plain ASCII: nearly all are. */
const PLAIN = /^[!-~]+$/;

/** Text for people: one line of bounded length. */
export function lineOfText(value: Json | undefined): string {
  const given = textGiven(value);
  if (given.length <= MAX_SHOWN && PLAIN.test(given)) return given;
  const text = given.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
