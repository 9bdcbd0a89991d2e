/**
 * Disclosures → AuditEvents, and back: what was given to others, or came from them, of one patient, by the patterns of IHE
 * (https://profiles.ihe.net/ITI/BALP/StructureDefinition-IHE.BasicAudit.PrivacyDisclosure.Source.html, …Recipient.html). The accounting of
 * disclosures (45 CFR 164.528) is made from them alone, so that each says when, to whom, what, why and by which paragraph.
 *
 * What BALP has no place for stands in the details of an entity of its own, `legal-basis` first: they are told by their type.
 */
import { isIP } from 'node:net';
import { parseReference } from '../fhir/reference.js';
import { isObject, type Json, type JsonObject, type Resource } from '../fhir/resource.js';
import { purposeConcept, requestEntity, selfOf, eventSourceOf } from './event.js';
import { auditCoding, BALP_PROFILES, dicom, DICOM_CODES, ENTITY_TYPE, ROLE } from './patterns.js';

/** Somebody who gives or gets what is disclosed, releases it, or has allowed that. */
export interface DisclosureParty {
  /** For people. */
  readonly name: string;
  /** `Organization/1`, where they are a resource. */
  readonly reference?: string | undefined;
}

export interface Disclosure {
  /** `given`: by this house to others. `received`: the other way round. */
  readonly direction: 'given' | 'received';
  /** Id of the Patient. */
  readonly patient: string;
  /** Who is at the other end, and where: a URL, a mail address, a telephone number, or what stands on an envelope. */
  readonly other: DisclosureParty & { readonly address: string };
  /** Code of http://terminology.hl7.org/CodeSystem/v3-ActReason. */
  readonly purpose: string;
  /** The paragraph that allows it, as `164.512(f)`. */
  readonly basis: string;
  /** `Type/id` or `Type/id/_history/version`. */
  readonly data: readonly string[];
  /** What it was in words; without `data` there is nothing else that says it. */
  readonly description?: string | undefined;
  /** When it happened, where that is not when it is recorded: a FHIR dateTime. */
  readonly when?: string | undefined;
  /** Who released it, and who has allowed it: the patient or a representative. */
  readonly custodian?: DisclosureParty | undefined;
  readonly authorizer?: DisclosureParty | undefined;
  /** What asked for it: `Task/1`. */
  readonly request?: string | undefined;
  /** A FHIR date: until then the patient is not told of it (164.528(a)(2)). */
  readonly suspendedUntil?: string | undefined;
}

export interface DisclosureRecord {
  readonly disclosure: Disclosure;
  /** ms since 1970. */
  readonly at: number;
  readonly requestId: string;
  /** FHIR base of this server. */
  readonly base: string;
}

const LIFECYCLE = 'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle';
const DISCLOSE = 'disclose';
const SNOMED = 'http://snomed.info/sct';
const [CUSTODIAN, AUTHORIZER] = ['159541003', '429577009'];
const [SOURCE, RECIPIENT] = ['110153', '110152'];
const FORMS = {
  given: { code: '110106', display: 'Export', action: 'R', profile: 'PrivacyDisclosure.Source' },
  received: { code: '110107', display: 'Import', action: 'C', profile: 'PrivacyDisclosure.Recipient' },
} as const;
const DETAILS = {
  basis: 'legal-basis',
  description: 'description',
  request: 'request',
  suspendedUntil: 'suspended-until',
} as const satisfies Partial<Record<keyof Disclosure, string>>;

export function disclosureEvent({ disclosure, at, requestId, base }: DisclosureRecord, id: string): Resource {
  const { direction, other, custodian, authorizer, when, purpose } = disclosure;
  const { code, display, action, profile } = FORMS[direction];
  const recorded = new Date(at).toISOString();
  const self = { who: selfOf(base), requestor: custodian === undefined, network: { address: base, type: '5' } };
  const theirs = { ...partyAgent(other), requestor: false, network: networkAt(other.address) };
  const [source, recipient] = direction === 'given' ? [self, theirs] : [theirs, self];
  return {
    resourceType: 'AuditEvent',
    id,
    meta: { versionId: '1', lastUpdated: recorded, profile: [`${BALP_PROFILES}${profile}`] },
    type: auditCoding(DICOM_CODES, code, display),
    subtype: [auditCoding(LIFECYCLE, DISCLOSE)],
    action,
    ...(when === undefined ? {} : { period: { start: when, end: when } }),
    recorded,
    outcome: '0',
    purposeOfEvent: [purposeConcept(purpose)],
    agent: [
      { type: dicom(SOURCE), ...source },
      { type: dicom(RECIPIENT), ...recipient },
      ...(custodian ? [{ type: snomed(CUSTODIAN), ...partyAgent(custodian), requestor: true }] : []),
      ...(authorizer ? [{ type: snomed(AUTHORIZER), ...partyAgent(authorizer), requestor: false }] : []),
    ],
    source: eventSourceOf(base),
    entity: [...entitiesOf(disclosure), requestEntity(requestId)],
  };
}

const snomed = (code: string): JsonObject => ({ coding: [auditCoding(SNOMED, code)] });

const partyAgent = ({ name, reference }: DisclosureParty): JsonObject => ({
  who: reference === undefined ? { identifier: { value: name }, display: name } : { reference, display: name },
  name,
});

/** Codes of http://hl7.org/fhir/network-type; what stands on an envelope has none. */
function networkAt(address: string): JsonObject {
  if (isIP(address) > 0) return { address, type: '2' };
  if (/^(?:mailto:)?[^\s@/]+@[^\s@/]+$/i.test(address)) return { address, type: '4' };
  if (/^(?:tel:|fax:|\+)[\d\s().-]+$/i.test(address)) return { address, type: '3' };
  return /^[a-z][a-z\d+.-]*:\S+$/i.test(address) ? { address, type: '5' } : { address };
}

function entitiesOf(disclosure: Disclosure): JsonObject[] {
  const { patient, data } = disclosure;
  const object = auditCoding(ENTITY_TYPE, '2');
  return [
    { what: { reference: `Patient/${patient}` }, type: auditCoding(ENTITY_TYPE, '1'), role: auditCoding(ROLE, '1') },
    ...data.map(reference => ({
      what: { reference },
      type: object,
      role: auditCoding(
        ROLE,
        /^(?:DocumentReference|Binary|DiagnosticReport|Composition)\//.test(reference) ? '3' : '4',
      ),
    })),
    {
      type: object,
      role: auditCoding(ROLE, '20'),
      detail: Object.entries(DETAILS).flatMap(([member, type]) => {
        const value = disclosure[member as keyof typeof DETAILS];
        return value === undefined ? [] : [{ type, valueString: value }];
      }),
    },
  ];
}

/**
 * What an event of a disclosure says; undefined: it is none. Events of others are read as far as they have the form of ours. `bases`: of this server, by
 * which they may name resources.
 */
export function readDisclosure(event: Resource, bases: readonly string[]): Disclosure | undefined {
  const { code } = objectOr(event['type']);
  const direction = code === FORMS.given.code ? 'given' : code === FORMS.received.code ? 'received' : undefined;
  const entities = objectsIn(event['entity']);
  const references = entities.flatMap(({ what }) => ownName(stringIn(objectOr(what)['reference']), bases) ?? []);
  const patient = references.flatMap(each => /^Patient\/([^/]+)/.exec(each)?.[1] ?? []).at(0);
  const isDisclosed = objectsIn(event['subtype']).some(
    each => each['system'] === LIFECYCLE && each['code'] === DISCLOSE,
  );
  if (!direction || !isDisclosed || patient === undefined) return undefined;
  const agent = (wanted: string): JsonObject | undefined =>
    objectsIn(event['agent']).find(({ type }) =>
      objectsIn(objectOr(type)['coding']).some(each => each['code'] === wanted),
    );
  const other = agent(direction === 'given' ? RECIPIENT : SOURCE) ?? {};
  const details = entities.flatMap(({ detail }) => objectsIn(detail));
  const detail = (member: keyof typeof DETAILS): string | undefined =>
    stringIn(details.find(({ type }) => type === DETAILS[member])?.['valueString']);
  return {
    ...{ direction, patient, basis: detail('basis') ?? '' },
    other: { ...partyOf(other), address: stringIn(objectOr(other['network'])['address']) ?? '' },
    purpose: stringIn(objectsIn(objectOr(objectsIn(event['purposeOfEvent'])[0])['coding'])[0]?.['code']) ?? '',
    data: references.filter(each => each !== `Patient/${patient}` && !each.startsWith(`Patient/${patient}/`)),
    description: detail('description'),
    when: stringIn(objectOr(event['period'])['start']),
    custodian: maybe(agent(CUSTODIAN)),
    authorizer: maybe(agent(AUTHORIZER)),
    request: detail('request'),
    suspendedUntil: detail('suspendedUntil'),
  };
}

/** What is here by its name on this server, with its version where one is meant; anything else as it stands. */
function ownName(reference: string | undefined, bases: readonly string[]): string | undefined {
  const target = reference === undefined ? undefined : parseReference(reference, bases);
  if (target?.kind !== 'local') return reference;
  const { type, id, version } = target;
  return `${type}/${id}${version === undefined ? '' : `/_history/${version}`}`;
}

const objectOr = (value: Json | undefined): JsonObject => (isObject(value) ? value : {});
const objectsIn = (value: Json | undefined): JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : []);
const stringIn = (value: Json | undefined): string | undefined => (typeof value === 'string' ? value : undefined);
const maybe = (agent: JsonObject | undefined): DisclosureParty | undefined => agent && partyOf(agent);

function partyOf(agent: JsonObject): DisclosureParty {
  const who = objectOr(agent['who']);
  const name =
    stringIn(agent['name']) ?? stringIn(who['display']) ?? stringIn(objectOr(who['identifier'])['value']) ?? '';
  return { name, reference: stringIn(who['reference']) };
}
