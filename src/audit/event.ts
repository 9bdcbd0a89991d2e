/**
 * One interaction → its AuditEvents, by IHE Basic Audit Log Patterns (https://profiles.ihe.net/ITI/BALP), RESTful
 * ATNA. Rows AUD-1, AUD-7: never a result, a count, a token; the request itself only as BALP wants it, in the query
 * entity. Choices: a feature that acts for somebody is one more agent, an application that requests nothing; a profile is claimed for successes alone (the profiles fix outcome 0); the user agent appears
 * where a user is known, else the client is the requestor; a search gives one event per patient found; codes have
 * their displays where a profile of MHD wants them and nowhere else, for every read is kept and indexed with what is said here.
 */
import type { RefusingConsent } from '../fhir/error.js';
import type { JsonObject, Resource } from '../fhir/resource.js';
import type { Principal } from '../identity/principal.js';
import {
  APPLICATION_ROLE,
  auditCoding,
  type AuditPattern,
  BALP_PROFILES,
  type BalpPattern,
  BREAK_THE_GLASS,
  ENTITY_TYPE,
  OPERATION_CODES,
  PARTICIPATION,
  PATTERNS,
  RESTFUL_TYPE,
  ROLE,
  USER_TYPES,
} from './patterns.js';

const INTERACTION = 'http://hl7.org/fhir/restful-interaction';
const PURPOSES = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';
/** Type of the entity that names the request. */
const REQUEST_ENTITY: JsonObject = {
  system: 'https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType',
  code: 'XrequestId',
};
/** BALP has one name for a request, which is ours: that of the client is an entity of another type. https://hl7.org/fhir/R4/http.html#custom */
const CORRELATION = 'X-Correlation-Id';
const CORRELATION_ENTITY: JsonObject = { system: 'urn:chartroom:audit-entity', code: CORRELATION };
/** Names of features of this server. */
const FEATURE = 'urn:chartroom:feature';

/** This server, as who. */
export const selfOf = (base: string): JsonObject => ({
  identifier: { system: 'urn:ietf:rfc:3986', value: base },
  display: 'Chartroom',
});

/** AuditEvent.source of what this server records. */
export const eventSourceOf = (base: string): JsonObject => ({
  site: base,
  observer: selfOf(base),
  type: [{ system: 'http://terminology.hl7.org/CodeSystem/security-source-type', code: '4' }],
});

/** A purpose of use, a code of http://terminology.hl7.org/CodeSystem/v3-ActReason. */
export const purposeConcept = (code: string): JsonObject => ({ coding: [auditCoding(PURPOSES, code)] });

/** The entity that names the request. */
export const requestEntity = (requestId: string): JsonObject => ({
  what: { identifier: { value: requestId } },
  type: REQUEST_ENTITY,
});

/** A code beside that of the interaction, as Coding has it. */
export interface AuditSubtype {
  readonly system: string;
  readonly code: string;
  readonly display: string;
  /** What the resource is to it: a code of http://terminology.hl7.org/CodeSystem/object-role; default 4, a domain resource. */
  readonly dataRole?: keyof typeof DATA_ROLES;
}

/** What an event says of the resource that it is about. */
export interface AuditDetail {
  readonly type: string;
  readonly value: string;
}

/** Type of the detail that says the hash of what was stored: SHA-256, in hex. */
export const STORED_HASH = 'sha-256';

/** What is to be recorded. */
export interface AuditRecord {
  /** Code of http://hl7.org/fhir/restful-interaction. */
  readonly interaction: string;
  /** What a feature calls it. */
  readonly subtype?: AuditSubtype | undefined;
  readonly pattern: AuditPattern;
  /** ms since 1970. */
  readonly at: number;
  /** 0 success, 4 refused, 8 serious, 12 major. */
  readonly outcome: '0' | '4' | '8' | '12';
  /** Stable code of the refusal, never its text; of a success: `unchanged`, where a write made no version. */
  readonly why?: string;
  readonly principal: Principal;
  /** The feature of this server that acted for the principal. */
  readonly agent?: string | undefined;
  readonly address: string;
  readonly requestId: string;
  /** What the client calls the request, where it says so. */
  readonly correlationId?: string | undefined;
  /** FHIR base of this server. */
  readonly base: string;
  /** Method and URL, for a query entity; what was asked with beside them stands behind an empty line. */
  readonly request: string;
  /** The request stands in the event whatever else does. */
  readonly asks?: true;
  /** Code of an operation. */
  readonly operation?: string;
  /** Type of what was meant, where it has no id. */
  readonly dataType?: string;
  /** Of one `denied-by-consent`. */
  readonly consents?: readonly RefusingConsent[];
  /** Undefined where no single resource is meant. */
  readonly data?: { readonly type: string; readonly id: string; readonly version?: number };
  /** Of `data`, or of what was asked where there is none. */
  readonly details?: readonly AuditDetail[];
  /** Of what was stored of `data`, the text of that version: SHA-256, in hex. */
  readonly hash?: string | undefined;
  /** Ids of patients whose data was touched. */
  readonly patients: readonly string[];
}

/** The AuditEvent of a record for one of its patients, or for none. */
export function auditEvent(record: AuditRecord, patient: string | undefined, id: string): Resource {
  const pattern = PATTERNS[record.pattern];
  const recorded = new Date(record.at).toISOString();
  const { principal, base } = record;
  const consents = consentsTold(record, patient);
  const success = record.outcome === '0';
  const self = selfOf(base);
  const purpose = pattern.purpose ?? (principal.glass === undefined ? undefined : BREAK_THE_GLASS);
  const profiles = success ? profilesOf(pattern, record, patient) : consents ? [`${BALP_PROFILES}AuthZconsent`] : [];
  const agents: JsonObject[] = [
    clientAgent(pattern, record),
    {
      type: pattern.server,
      who: self,
      requestor: false,
      ...(consents ? {} : { network: { address: base, type: '5' } }),
    },
  ];
  if (principal.name !== undefined) agents.push(userAgent(pattern, principal, purpose));
  if (consents) agents.push({ type: PROVIDER, who: { extension: [UNKNOWN_HERE] }, requestor: false });
  if (record.agent !== undefined)
    agents.push({
      // BALP lets one agent be the application that deletes, and that is whoever asked.
      type: pattern.client === APPLICATION_ROLE ? PROCESSOR : APPLICATION_ROLE,
      who: { identifier: { system: FEATURE, value: record.agent } },
      requestor: false,
      name: record.agent,
    });
  return {
    resourceType: 'AuditEvent',
    id,
    meta: {
      versionId: '1',
      lastUpdated: recorded,
      ...(profiles.length > 0 ? { profile: profiles } : {}),
    },
    type: pattern.type ?? RESTFUL_TYPE,
    subtype: consents
      ? [pattern.subtype!]
      : [
          ...(pattern.subtype ? [pattern.subtype] : []),
          { system: INTERACTION, code: record.interaction },
          ...(record.operation === undefined ? [] : [auditCoding(OPERATION_CODES, record.operation)]),
          ...codingsOf(record.subtype),
        ],
    action: pattern.action,
    recorded,
    outcome: record.outcome,
    ...(record.why === undefined ? {} : { outcomeDesc: record.why }),
    ...(purpose === undefined ? {} : { purposeOfEvent: [purposeConcept(purpose)] }),
    agent: agents,
    source: eventSourceOf(base),
    entity: consents ? entitiesOfConsents(record, consents, patient!) : entities(record, pattern, patient),
  };
}

/** BALP has a patient and a user in an event of Consents; one of several patients may have given none. */
function consentsTold(
  { consents, principal }: AuditRecord,
  patient: string | undefined,
): readonly string[] | undefined {
  const ids = (consents ?? []).flatMap(each => (each.patient === patient ? each.id : []));
  return ids.length > 0 && principal.name !== undefined ? ids : undefined;
}

const PROCESSOR: JsonObject = {
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/extra-security-role-type', code: 'dataprocessor' }],
};

/** To which organization somebody belongs who was refused is not kept. */
const UNKNOWN_HERE: JsonObject = {
  url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason',
  valueCode: 'unknown',
};
const PROVIDER: JsonObject = {
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-RoleClass', code: 'PROV' }],
};

/** BALP allows the patient and Consents alone: what was asked stands in the details of the first. */
function entitiesOfConsents(
  { request, requestId, correlationId, data }: AuditRecord,
  ids: readonly string[],
  patient: string,
) {
  const asked = [
    { type: 'request', value: request },
    ...(data ? [{ type: 'data', value: referenceTo(data) }] : []),
    { type: 'X-Request-Id', value: requestId },
    ...(correlationId === undefined ? [] : [{ type: CORRELATION, value: correlationId }]),
  ];
  return [
    patientEntity(patient),
    ...ids.map((id, at) => ({
      what: { reference: `Consent/${id}` },
      type: { system: 'http://hl7.org/fhir/resource-types', code: 'Consent' },
      ...(at === 0 ? { detail: detailsOf(asked) } : {}),
    })),
  ];
}

/** Of what was stored the hash stands last. */
const detailOfData = ({ details = [], hash }: AuditRecord): { readonly detail?: JsonObject[] } =>
  details.length === 0 && hash === undefined
    ? {}
    : { detail: detailsOf(hash === undefined ? details : [...details, { type: STORED_HASH, value: hash }]) };

const detailsOf = (details: readonly AuditDetail[]): JsonObject[] =>
  details.map(({ type, value }) => ({ type, valueString: value }));

const patientEntity = (id: string, named: (display: string) => string | undefined = () => undefined): JsonObject => ({
  what: { reference: `Patient/${id}` },
  type: auditCoding(ENTITY_TYPE, '1', named('Person')),
  role: auditCoding(ROLE, '1', named('Patient')),
});

/**
 * What an event of a success claims: its pattern, and what BALP wants of one that was made with an access token. Where a feature acts, it is the one
 * application that Comprehensive allows.
 */
function profilesOf(
  { profile }: BalpPattern,
  { principal, agent, data }: AuditRecord,
  patient: string | undefined,
): string[] {
  const { client, tokenId } = principal;
  // Its patterns of reads and writes are of an object: a delete by criteria that nothing matched has none.
  const claimed = profile === 'Query' || data !== undefined ? profile : undefined;
  const form = client === undefined || agent !== undefined ? 'Minimal' : 'Comprehensive';
  return [
    ...(claimed ? [`${BALP_PROFILES}${patient === undefined ? '' : 'Patient'}${claimed}`] : []),
    ...(tokenId === undefined ? [] : [`${BALP_PROFILES}OAUTHaccessTokenUse.${form}`]),
  ];
}

/** The machine that asked, and of a token the application that holds it. */
function clientAgent({ client }: BalpPattern, { principal, address, agent }: AuditRecord): JsonObject {
  return {
    type: principal.client === undefined || agent !== undefined ? client : withTypes(client, APPLICATION_ROLE),
    who: { identifier: { value: principal.client ?? address } },
    requestor: principal.name === undefined,
    network: { address, type: '2' },
  };
}

/** Who asked: by the name that this server knows, or with a token as its issuer names them. */
function userAgent({ user }: BalpPattern, principal: Principal, purposeOfEvent: string | undefined): JsonObject {
  const { name, role, issuer, subject, tokenId } = principal;
  const purpose = purposeOfEvent ?? principal.purpose;
  const type = { coding: [{ system: PARTICIPATION, code: user }] };
  const identifier =
    issuer !== undefined && subject !== undefined ? { system: issuer, value: subject } : { value: name! };
  return {
    type: tokenId === undefined ? type : withTypes(type, RECEIVER, TOKEN_USER),
    who: { identifier },
    requestor: true,
    name: identifier.value,
    ...(role === '' ? {} : { role: [{ text: role }] }),
    ...(tokenId === undefined ? {} : { policy: [policyOf(tokenId)] }),
    ...(purpose === undefined ? {} : { purposeOfUse: [purposeConcept(purpose)] }),
  };
}

/** https://profiles.ihe.net/ITI/BALP: the token by its id, never itself. */
const policyOf = (tokenId: string): string => `urn:ietf:params:oauth:jti:${encodeURIComponent(tokenId)}`;

const RECEIVER: JsonObject = { coding: [{ system: PARTICIPATION, code: 'IRCP' }] };
const TOKEN_USER: JsonObject = { coding: [{ system: USER_TYPES, code: 'UserOauthAgent' }] };

/** A concept with the codings of all, each once: what several profiles ask for by one agent. */
function withTypes(...types: readonly JsonObject[]): JsonObject {
  const codings = types.flatMap(({ coding: each }) => each as JsonObject[]);
  return { coding: [...new Map(codings.map(each => [JSON.stringify(each), each])).values()] };
}

/** Of http://terminology.hl7.org/CodeSystem/object-role, those that a feature may name. */
const DATA_ROLES = { '3': 'Report', '20': 'Job' } as const;

function codingsOf(subtype: AuditSubtype | undefined): JsonObject[] {
  if (!subtype) return [];
  const { system, code, display } = subtype;
  return [{ system, code, display }];
}

const referenceTo = ({ type, id, version }: NonNullable<AuditRecord['data']>): string =>
  `${type}/${id}${version === undefined ? '' : `/_history/${version}`}`;

function entities(record: AuditRecord, pattern: BalpPattern, patient: string | undefined): JsonObject[] {
  const list: JsonObject[] = [];
  const named = (display: string): string | undefined => (pattern.displays ? display : undefined);
  const object = auditCoding(ENTITY_TYPE, '2', named('System Object'));
  const query = (type: JsonObject): JsonObject => ({
    type,
    role: auditCoding(ROLE, '24'),
    query: Buffer.from(record.request).toString('base64'),
    ...(record.details && !record.data ? { detail: detailsOf(record.details) } : {}),
  });
  if (record.data !== undefined) {
    const role = record.subtype?.dataRole;
    list.push({
      what: { reference: referenceTo(record.data) },
      type: object,
      role: role === undefined ? auditCoding(ROLE, '4') : auditCoding(ROLE, role, DATA_ROLES[role]),
      ...detailOfData(record),
    });
  } else if (record.dataType !== undefined)
    list.push({
      what: { type: record.dataType, display: record.dataType },
      type: object,
      role: auditCoding(ROLE, '4'),
    });
  // Of one object alone the profiles of a success speak; what it was found by is another kind of thing.
  if (record.asks) list.push(query(record.outcome === '0' && pattern.profile ? auditCoding(ENTITY_TYPE, '4') : object));
  else if (!record.data && (pattern.action === 'E' || pattern.action === 'R')) list.push(query(object));
  if (patient !== undefined) list.push(patientEntity(patient, named));
  list.push(requestEntity(record.requestId));
  if (record.correlationId !== undefined)
    list.push({ what: { identifier: { value: record.correlationId } }, type: CORRELATION_ENTITY });
  return list;
}
