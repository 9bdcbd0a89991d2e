/**
 * The forms that events of interactions have, as one table: IHE Basic Audit Log Patterns (https://profiles.ihe.net/ITI/BALP) for what it has a
 * pattern of, else DICOM's security alerts (https://dicom.nema.org/medical/dicom/current/output/chtml/part15/sect_A.5.3.html). What each row is
 * claimed and tested by stands in docs/audit.md.
 */
import type { JsonObject } from '../fhir/resource.js';

export const auditCoding = (system: string, code: string, display?: string): JsonObject =>
  display === undefined ? { system, code } : { system, code, display };

export const DICOM_CODES = 'http://dicom.nema.org/resources/ontology/DCM';
export const PARTICIPATION = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType';
export const ENTITY_TYPE = 'http://terminology.hl7.org/CodeSystem/audit-entity-type';
export const ROLE = 'http://terminology.hl7.org/CodeSystem/object-role';
export const BALP_PROFILES = 'https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.';
export const USER_TYPES = 'https://profiles.ihe.net/ITI/BALP/CodeSystem/UserAgentTypes';
/** Codes of operations. */
export const OPERATION_CODES = 'urn:chartroom:operation';
const CUSTODIAN = 'http://terminology.hl7.org/CodeSystem/provenance-participant-type';

export interface BalpPattern {
  /** BALP profile without `Patient`; undefined: BALP has none. */
  readonly profile?: 'Create' | 'Read' | 'Update' | 'Delete' | 'Query';
  readonly action: 'C' | 'R' | 'U' | 'D' | 'E';
  readonly client: JsonObject;
  readonly server: JsonObject;
  readonly user: string;
  /** What happened; absent: what R4 calls a RESTful operation. */
  readonly type?: JsonObject;
  /** Which of that, before what the interaction is called. */
  readonly subtype?: JsonObject;
  /** Why, whatever the token says: a purpose of use. */
  readonly purpose?: string;
  /** Whether what the event is about is said with displays. */
  readonly displays?: true;
}

export const dicom = (code: string, display?: string): JsonObject => ({
  coding: [auditCoding(DICOM_CODES, code, display)],
});
export const APPLICATION_ROLE = dicom('110150');
const [source, destination] = [dicom('110153'), dicom('110152')];
const custodian = { coding: [{ system: CUSTODIAN, code: 'custodian' }] };

/** The form of an event: which kind of interaction has which is in interactions/kinds.ts. */
export type AuditPattern =
  | 'create'
  | 'read'
  | 'update'
  | 'delete'
  | 'query'
  | 'operation'
  | 'history'
  | 'alert'
  | 'override-started'
  | 'override-stopped'
  | 'import'
  /** What few may do: erasing for good, and work that goes on behind the traffic. */
  | 'restricted'
  /** Who may not, by their role or scopes, or by what a patient has said. */
  | 'denied'
  | 'denied-by-consent'
  /** Who does not say who they are, or says it wrongly. */
  | 'unauthenticated';

const SECURITY_ALERT: JsonObject = { system: DICOM_CODES, code: '110113', display: 'Security Alert' };
const AUTHORIZATION = 'https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType';
const AUTHORIZER: JsonObject = {
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/extra-security-role-type', code: 'authserver' }],
};
/** https://profiles.ihe.net/ITI/BALP/StructureDefinition-IHE.BasicAudit.AuthZconsent.html */
const DENIAL: BalpPattern = {
  ...{ action: 'E', client: APPLICATION_ROLE, server: AUTHORIZER, user: 'IRCP', type: SECURITY_ALERT },
  subtype: { system: AUTHORIZATION, code: 'AuthZ-Role' },
};
export const BREAK_THE_GLASS = 'BTG';
const OVERRIDE: BalpPattern = {
  ...{ action: 'E', client: APPLICATION_ROLE, server: destination, user: 'IRCP' },
  ...{ type: SECURITY_ALERT, purpose: BREAK_THE_GLASS },
};

/** BALP 3.1: data flows from source to destination, so reading and querying are mirror images. */
export const PATTERNS: Readonly<Record<AuditPattern, BalpPattern>> = {
  create: { profile: 'Create', action: 'C', client: source, server: destination, user: 'AUT' },
  read: { profile: 'Read', action: 'R', client: destination, server: source, user: 'IRCP' },
  update: { profile: 'Update', action: 'U', client: source, server: destination, user: 'AUT' },
  delete: { profile: 'Delete', action: 'D', client: APPLICATION_ROLE, server: custodian, user: 'AUT' },
  query: { profile: 'Query', action: 'E', client: source, server: destination, user: 'IRCP' },
  /** BALP has no profile for operations; what was asked stands in the query entity. */
  operation: { action: 'E', client: source, server: destination, user: 'IRCP' },
  history: { action: 'R', client: destination, server: source, user: 'IRCP' },
  /** https://dicom.nema.org/medical/dicom/current/output/chtml/part15/sect_A.5.3.html (Security Alert) */
  alert: {
    action: 'E',
    client: destination,
    server: source,
    user: 'IRCP',
    type: SECURITY_ALERT,
  },
  /** Break the glass, as an alert to who looks after security. */
  'override-started': {
    ...OVERRIDE,
    subtype: { system: DICOM_CODES, code: '110127', display: 'Emergency Override Started' },
  },
  'override-stopped': {
    ...OVERRIDE,
    subtype: { system: DICOM_CODES, code: '110138', display: 'Emergency Override Stopped' },
  },
  /**
   * What came from elsewhere as a whole, recorded by what stands for it:
   * https://profiles.ihe.net/ITI/MHD/4.2.3/StructureDefinition-IHE.MHD.ProvideBundle.Audit.Recipient.html
   */
  import: {
    action: 'C',
    client: dicom('110153', 'Source Role ID'),
    server: dicom('110152', 'Destination Role ID'),
    user: 'AUT',
    displays: true,
    type: { system: DICOM_CODES, code: '110107', display: 'Import' },
  },
  restricted: {
    ...{ action: 'E', client: source, server: destination, user: 'IRCP', type: SECURITY_ALERT },
    subtype: { system: DICOM_CODES, code: '110132', display: 'Use of Restricted Function' },
  },
  denied: DENIAL,
  'denied-by-consent': { ...DENIAL, subtype: { system: AUTHORIZATION, code: 'AuthZ-Consent' } },
  /** https://dicom.nema.org/medical/dicom/current/output/chtml/part15/sect_A.5.3.html (User Authentication) */
  unauthenticated: {
    ...{ action: 'E', client: APPLICATION_ROLE, server: AUTHORIZER, user: 'IRCP' },
    type: { system: DICOM_CODES, code: '110114', display: 'User Authentication' },
    subtype: { system: DICOM_CODES, code: '110122', display: 'Login' },
  },
};

/** What R4 calls a RESTful operation, where a pattern has no type of its own. */
export const RESTFUL_TYPE: JsonObject = {
  system: 'http://terminology.hl7.org/CodeSystem/audit-event-type',
  code: 'rest',
};

/** The codes of AuditEvent.type and, where it has one of its own, of AuditEvent.subtype. */
export const codesOfPattern = (pattern: AuditPattern): { readonly type: string; readonly subtype?: string } => {
  const { type = RESTFUL_TYPE, subtype } = PATTERNS[pattern];
  return { type: type['code'] as string, ...(subtype ? { subtype: subtype['code'] as string } : {}) };
};
