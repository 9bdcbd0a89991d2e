/**
 * An AuditEvent as the audit message of DICOM, which it was made from element by element:
 * https://dicom.nema.org/medical/dicom/current/output/chtml/part15/sect_A.5.html (schema: A.5.1),
 * https://hl7.org/fhir/R4/auditevent-mappings.html#dicom.
 *
 * Choices: what a schema wants and the event does not say is `unspecified`; a text that a role has in place of a code stands for one;
 * policies are roles, as that is what DICOM has of them; purposes of the event and of its agents are purposes of the event. Characters that
 * XML has no form for are U+FFFD.
 */
import { escapeAttribute } from '../../fhir/xml/xhtml.js';
import { DICOM_CODES, ENTITY_TYPE, ROLE } from '../patterns.js';

/** Of R4's AuditEvent, which every stored one conforms to, what DICOM has a place for. */
export interface EventToSend {
  readonly type: CodingToSend;
  readonly subtype?: readonly CodingToSend[];
  readonly action?: string;
  readonly recorded: string;
  readonly outcome?: string;
  readonly outcomeDesc?: string;
  readonly purposeOfEvent?: readonly ConceptToSend[];
  readonly agent: readonly AgentToSend[];
  readonly source: {
    readonly site?: string;
    readonly observer: ReferenceToSend;
    readonly type?: readonly CodingToSend[];
  };
  readonly entity?: readonly EntityToSend[];
}

interface CodingToSend {
  readonly system?: string;
  readonly code?: string;
  readonly display?: string;
}

interface ConceptToSend {
  readonly coding?: readonly CodingToSend[];
  readonly text?: string;
}

interface ReferenceToSend {
  readonly reference?: string;
  readonly type?: string;
  readonly identifier?: { readonly system?: string; readonly value?: string };
  readonly display?: string;
}

interface AgentToSend {
  readonly type?: ConceptToSend;
  readonly role?: readonly ConceptToSend[];
  readonly who?: ReferenceToSend;
  readonly altId?: string;
  readonly name?: string;
  readonly requestor?: boolean;
  /** Null where a policy has an extension alone. */
  readonly policy?: readonly (string | null)[];
  readonly media?: CodingToSend;
  readonly network?: { readonly address?: string; readonly type?: string };
  readonly purposeOfUse?: readonly ConceptToSend[];
}

interface EntityToSend {
  readonly what?: ReferenceToSend;
  readonly type?: CodingToSend;
  readonly role?: CodingToSend;
  readonly lifecycle?: CodingToSend;
  readonly securityLabel?: readonly CodingToSend[];
  readonly name?: string;
  readonly description?: string;
  readonly query?: string;
  readonly detail?: readonly {
    readonly type?: string;
    readonly valueString?: string;
    readonly valueBase64Binary?: string;
  }[];
}

const UNSPECIFIED = 'unspecified';
const URI_IDENTIFIERS = 'urn:ietf:rfc:3986';
const SOURCE_TYPES = 'http://terminology.hl7.org/CodeSystem/security-source-type';
const RFC_3881 = 'RFC-3881';
/** Of what ids are, from RFC 3881. */
const ID_TYPES = {
  patient: { code: '2', display: 'Patient Number' },
  query: { code: '10', display: 'Search Criteria' },
  user: { code: '11', display: 'User Identifier' },
  reference: { code: '12', display: 'URI' },
} as const;

/** The message with its XML declaration. Whatever the event says, it is well-formed. */
export function auditMessage(event: EventToSend): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?><AuditMessage>',
    eventIdentification(event),
    ...event.agent.map(activeParticipant),
    auditSource(event.source),
    ...(event.entity ?? []).map(participantObject),
    '</AuditMessage>',
  ].join('');
}

/** What is no Char of https://www.w3.org/TR/xml/#charsets, lone surrogates among it. */
const NO_XML = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;
const asAttribute = (text: string): string => escapeAttribute(text.replaceAll(NO_XML, '\ufffd'));

function element(name: string, attributes: Readonly<Record<string, string | undefined>>, content = ''): string {
  let text = `<${name}`;
  for (const [attribute, value] of Object.entries(attributes))
    if (value !== undefined) text += ` ${attribute}="${asAttribute(value)}"`;
  return content === '' ? `${text}/>` : `${text}>${content}</${name}>`;
}

const coded = (name: string, { system, code = UNSPECIFIED, display }: CodingToSend = {}): string =>
  element(name, {
    'csd-code': code,
    codeSystemName: system === DICOM_CODES ? 'DCM' : (system ?? UNSPECIFIED),
    displayName: display,
    originalText: display ?? code,
  });

/** The codings of concepts, or where one has none its text. */
const codingsOfAll = (concepts: readonly ConceptToSend[]): readonly CodingToSend[] =>
  concepts.flatMap(({ coding = [], text }): readonly CodingToSend[] =>
    coding.length > 0 || text === undefined ? coding : [{ code: text }],
  );

function eventIdentification(event: EventToSend): string {
  const purposes = [...(event.purposeOfEvent ?? []), ...event.agent.flatMap(({ purposeOfUse = [] }) => purposeOfUse)];
  const { action, recorded, outcome = '0', outcomeDesc } = event;
  return element(
    'EventIdentification',
    { EventActionCode: action, EventDateTime: recorded, EventOutcomeIndicator: outcome },
    [
      coded('EventID', event.type),
      ...(event.subtype ?? []).map(subtype => coded('EventTypeCode', subtype)),
      ...(outcomeDesc === undefined
        ? []
        : [`<EventOutcomeDescription>${asAttribute(outcomeDesc)}</EventOutcomeDescription>`]),
      ...new Set(codingsOfAll(purposes).map(purpose => coded('PurposeOfUse', purpose))),
    ].join(''),
  );
}

/** What a reference calls what it refers to. */
const nameOfTarget = ({ identifier, reference, display }: ReferenceToSend = {}): string | undefined =>
  identifier?.value ?? reference ?? display;

function activeParticipant({ who, type, role = [], policy = [], media, network, ...agent }: AgentToSend): string {
  const { system, value } = who?.identifier ?? {};
  const roles = [
    ...codingsOfAll([...(type ? [type] : []), ...role]),
    ...policy.flatMap(each => (each === null ? [] : [{ system: URI_IDENTIFIERS, code: each }])),
  ];
  return element(
    'ActiveParticipant',
    {
      UserID: nameOfTarget(who) ?? agent.name ?? UNSPECIFIED,
      AlternativeUserID: agent.altId ?? (system && value ? `${system}|${value}` : undefined),
      UserName: agent.name ?? who?.display,
      UserIsRequestor: String(agent.requestor === true),
      NetworkAccessPointID: network?.address,
      NetworkAccessPointTypeCode: among(network?.type, 5),
    },
    [
      ...new Set(roles.map(each => coded('RoleIDCode', each))),
      ...(media ? [element('MediaIdentifier', {}, coded('MediaType', media))] : []),
    ].join(''),
  );
}

/** One of the numbers from 1 that DICOM has; undefined: it is another code. */
const among = (code: string | undefined, most: number): string | undefined =>
  code !== undefined && /^[1-9]\d?$/.test(code) && Number(code) <= most ? code : undefined;

const auditSource = ({ site, observer, type = [] }: EventToSend['source']): string =>
  element(
    'AuditSourceIdentification',
    { AuditEnterpriseSiteID: site, AuditSourceID: nameOfTarget(observer) ?? UNSPECIFIED },
    type
      .map(each =>
        each.system === SOURCE_TYPES && among(each.code, 9)
          ? element('AuditSourceTypeCode', { 'csd-code': each.code })
          : coded('AuditSourceTypeCode', each),
      )
      .join(''),
  );

function participantObject(entity: EntityToSend): string {
  const { what, type, role, lifecycle, securityLabel = [], query } = entity;
  const name = entity.name ?? what?.display;
  const id = nameOfTarget(what) ?? name ?? UNSPECIFIED;
  const labels = securityLabel.flatMap(({ code }) => code ?? []);
  return element(
    'ParticipantObjectIdentification',
    {
      ParticipantObjectID: id,
      ParticipantObjectTypeCode: (type?.system === ENTITY_TYPE ? among(type.code, 4) : undefined) ?? '4',
      ParticipantObjectTypeCodeRole: role?.system === ROLE ? among(role.code, 26) : undefined,
      ParticipantObjectDataLifeCycle: among(lifecycle?.code, 15),
      ParticipantObjectSensitivity: labels.length > 0 ? labels.join(' ') : undefined,
    },
    [
      idType(entity),
      query === undefined
        ? `<ParticipantObjectName>${asAttribute(name ?? id)}</ParticipantObjectName>`
        : `<ParticipantObjectQuery>${asAttribute(query)}</ParticipantObjectQuery>`,
      ...details(entity, query === undefined ? undefined : name),
    ].join(''),
  );
}

/** What the id is: the kinds of RFC 3881, or what the event says. */
function idType({ what = {}, type, role, query }: EntityToSend): string {
  const typed = (coding: CodingToSend): string => coded('ParticipantObjectIDTypeCode', coding);
  const known = (of: keyof typeof ID_TYPES): string => typed({ ...ID_TYPES[of], system: RFC_3881 });
  if (type?.system !== undefined && type.system !== ENTITY_TYPE) return typed(type);
  if (query !== undefined) return known('query');
  if (what.reference?.startsWith('Patient/') || what.type === 'Patient') return known('patient');
  if (what.reference !== undefined) return known('reference');
  if (role?.system === ROLE && role.code === '11') return known('user');
  const system = what.identifier?.system;
  return typed(system === undefined ? {} : { system: URI_IDENTIFIERS, code: system, display: 'Identifier' });
}

/** Values of details are base64 in DICOM, whatever they are. */
function details({ detail = [], description }: EntityToSend, name: string | undefined): string[] {
  const one = (type: string, value: string): string => element('ParticipantObjectDetail', { type, value });
  const plain = (type: string, value: string): string => one(type, Buffer.from(value).toString('base64'));
  return [
    ...detail.map(({ type = UNSPECIFIED, valueString = '', valueBase64Binary: bytes }) =>
      bytes === undefined ? plain(type, valueString) : one(type, bytes),
    ),
    ...(name === undefined ? [] : [plain('name', name)]),
    ...(description === undefined ? [] : [plain('description', description)]),
  ];
}
