/**
 * Happenings → AuditEvents: https://dicom.nema.org/medical/dicom/current/output/chtml/part15/sect_A.5.3.html (User Authentication, Security
 * Alert), and of a token that was given out IHE's pattern (https://profiles.ihe.net/ITI/BALP/StructureDefinition-IHE.IUA.71.html).
 */
import type { JsonObject, Resource } from '../fhir/resource.js';
import type { DataMoved, Happening, TokenHappening, TrailHappening } from '../identity/happening.js';
import type { Principal } from '../identity/principal.js';
import { requestEntity, STORED_HASH, selfOf, eventSourceOf } from './event.js';
import {
  auditCoding,
  DICOM_CODES,
  dicom,
  ENTITY_TYPE,
  OPERATION_CODES,
  PARTICIPATION,
  BALP_PROFILES,
  ROLE,
  USER_TYPES,
} from './patterns.js';

/** Hashes that are SHA-256: http://www.oid-info.com/get/2.16.840.1.101.3.4.2.1 */
const SHA256 = 'urn:oid:2.16.840.1.101.3.4.2.1';

export interface HappeningRecord {
  readonly happening: Happening;
  /** ms since 1970. */
  readonly at: number;
  /** Who did it, where that is somebody else than the happening says: an administrator. */
  readonly by?: Principal | undefined;
  /** Network address, or `local`. */
  readonly address: string;
  readonly requestId: string;
  /** FHIR base of this server, and URL of it as an issuer. */
  readonly base: string;
  readonly issuer: string;
}

interface HappeningPattern {
  readonly type: JsonObject;
  /** Absent: the happening says it. */
  readonly subtype?: JsonObject;
  readonly outcome: '0' | '4' | '8';
}

const AUTHENTICATION = auditCoding(DICOM_CODES, '110114', 'User Authentication');
const ALERT = auditCoding(DICOM_CODES, '110113', 'Security Alert');
const LOGIN = auditCoding(DICOM_CODES, '110122', 'Login');
const TOKEN = auditCoding('urn:ihe:event-type-code', 'ITI-71', 'Get Access Token');

const EXPORT = auditCoding(DICOM_CODES, '110106', 'Export');
const LIFECYCLE = 'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle';

const HAPPENINGS: Readonly<Record<Happening['what'], HappeningPattern>> = {
  'signed-in': { type: AUTHENTICATION, subtype: LOGIN, outcome: '0' },
  'sign-in-failed': { type: AUTHENTICATION, subtype: LOGIN, outcome: '4' },
  'locked-out': { type: AUTHENTICATION, subtype: LOGIN, outcome: '8' },
  'signed-out': { type: AUTHENTICATION, subtype: auditCoding(DICOM_CODES, '110123', 'Logout'), outcome: '0' },
  'token-issued': { type: AUTHENTICATION, subtype: TOKEN, outcome: '0' },
  'token-refused': { type: AUTHENTICATION, subtype: TOKEN, outcome: '4' },
  'token-revoked': {
    type: ALERT,
    subtype: auditCoding(DICOM_CODES, '110137', 'User Security Attributes Changed'),
    outcome: '0',
  },
  'user-changed': {
    type: ALERT,
    subtype: auditCoding(DICOM_CODES, '110137', 'User Security Attributes Changed'),
    outcome: '0',
  },
  'application-changed': {
    type: ALERT,
    subtype: auditCoding(DICOM_CODES, '110129', 'Security Configuration'),
    outcome: '0',
  },
  'trail-exported': {
    type: EXPORT,
    subtype: auditCoding(DICOM_CODES, '110101', 'Audit Log Used'),
    outcome: '0',
  },
  'trail-removed': {
    type: ALERT,
    subtype: auditCoding(DICOM_CODES, '110132', 'Use of Restricted Function'),
    outcome: '0',
  },
  'trail-restored': {
    type: ALERT,
    subtype: auditCoding(DICOM_CODES, '110132', 'Use of Restricted Function'),
    outcome: '8',
  },
  'data-exported': { type: EXPORT, outcome: '0' },
  'data-imported': { type: auditCoding(DICOM_CODES, '110107', 'Import'), outcome: '0' },
};
/** Of a change of a role. */
const ROLES_CHANGED = auditCoding(DICOM_CODES, '110136', 'Security Roles Changed');

export function happeningEvent(record: HappeningRecord, id: string): Resource {
  const { happening, at, base } = record;
  const { type, subtype, outcome } = HAPPENINGS[happening.what];
  const recorded = new Date(at).toISOString();
  const self = selfOf(base);
  const why = whyOf(happening);
  return {
    resourceType: 'AuditEvent',
    id,
    meta: {
      versionId: '1',
      lastUpdated: recorded,
      ...(happening.what === 'token-issued' ? { profile: [BALP_PROFILES.replace('BasicAudit.', 'IUA.71')] } : {}),
    },
    type,
    subtype: subtypesOf(happening, subtype),
    action: ACTIONS[happening.what] ?? 'E',
    ...('done' in happening ? { period: { end: happening.done } } : {}),
    recorded,
    outcome,
    ...(why === undefined ? {} : { outcomeDesc: why }),
    agent: agentsOf(record, self),
    source: eventSourceOf(base),
    entity: entitiesOf(record),
  };
}

const ACTIONS: Readonly<Partial<Record<Happening['what'], string>>> = {
  'trail-exported': 'R',
  'trail-removed': 'D',
  'data-exported': 'R',
  'data-imported': 'C',
};

function subtypesOf(happening: Happening, usual: JsonObject | undefined): JsonObject[] {
  if ('lifecycle' in happening)
    return [auditCoding(LIFECYCLE, happening.lifecycle), auditCoding(OPERATION_CODES, happening.by)];
  return 'change' in happening && happening.change === 'role' ? [ROLES_CHANGED] : usual ? [usual] : [];
}

/** What this server is to it. */
function roleOfServer(happening: Happening): JsonObject {
  const { what } = happening;
  if (isOfTrail(happening) || what === 'data-exported') return dicom('110153');
  return what === 'data-imported' ? dicom('110152') : { coding: [auditCoding(USER_TYPES, 'AuthzOauthService')] };
}

function whyOf(happening: Happening): string | undefined {
  if ('change' in happening) return happening.change;
  if ('why' in happening) return happening.why;
  if (happening.what === 'trail-restored') return 'An older copy of the store was put in its place';
  return happening.what === 'sign-in-failed' || happening.what === 'locked-out' ? happening.what : undefined;
}

const isOfToken = (happening: Happening): happening is TokenHappening => 'request' in happening;

/** The application or machine, this server, and the user where one is known; one of them asks. */
function agentsOf({ happening, by, address, issuer }: HappeningRecord, self: JsonObject): JsonObject[] {
  const user = isOfToken(happening) || 'user' in happening ? happening.user : undefined;
  const client = isOfToken(happening) ? happening.client : undefined;
  const named = by?.name ?? user;
  return [
    {
      type: dicom('110150'),
      who: { identifier: { value: client ?? address } },
      requestor: named === undefined,
      network: { address, type: '2' },
    },
    {
      type: roleOfServer(happening),
      who: self,
      requestor: false,
      network: { address: issuer, type: '5' },
    },
    ...('receiver' in happening && happening.receiver !== undefined
      ? [{ type: dicom('110152'), who: { display: happening.receiver }, requestor: false, name: happening.receiver }]
      : []),
    ...(named === undefined
      ? []
      : [
          {
            type: { coding: [auditCoding(PARTICIPATION, 'IRCP')] },
            who: { identifier: by?.name === undefined ? { system: issuer, value: named } : { value: named } },
            requestor: true,
            name: named,
            ...(by ? { role: [{ text: by.role }] } : {}),
          },
        ]),
  ];
}

const isOfTrail = (happening: Happening): happening is TrailHappening => happening.what.startsWith('trail-');

/** Members of what happened to the trail itself, as details of its entity, in this order. */
const TRAIL_DETAILS = {
  sha256: 'sha-256',
  streams: 'streams',
  deeds: 'deeds',
  events: 'events',
  before: 'before',
  from: 'from',
  to: 'to',
};

/** What was written, by its hash; or how much was removed, or is lost. */
function trailEntity(happening: TrailHappening): JsonObject {
  const said: Readonly<Record<string, string | number | undefined>> = { ...happening };
  const details = Object.entries(TRAIL_DETAILS).map(([member, type]) => [type, said[member]] as const);
  return {
    type: auditCoding(ENTITY_TYPE, '2', 'System Object'),
    role: auditCoding(ROLE, '13', 'Security Resource'),
    name: 'Audit trail',
    detail: details.flatMap(([type, value]) => (value === undefined ? [] : [{ type, valueString: String(value) }])),
  };
}

/** A file of data, which is found by its hash. */
function movedFile({ file, sha256, counts }: DataMoved): JsonObject {
  return {
    what: { identifier: { system: SHA256, value: sha256 } },
    type: auditCoding(ENTITY_TYPE, '2', 'System Object'),
    role: auditCoding(ROLE, '4', 'Domain Resource'),
    ...(file === undefined ? {} : { name: file }),
    detail: [
      { type: STORED_HASH, valueString: sha256 },
      ...Object.entries(counts).map(([type, count]) => ({ type, valueString: String(count) })),
    ],
  };
}

/** What IHE's pattern of a token allows is the request alone. */
function entitiesOf({ happening, requestId, issuer }: HappeningRecord): JsonObject[] {
  const asked = requestEntity(requestId);
  if (isOfToken(happening)) {
    const query = Buffer.from(happening.request).toString('base64');
    const request = { type: auditCoding(ENTITY_TYPE, '2'), role: auditCoding(ROLE, '24'), query };
    return happening.what === 'token-issued' ? [request] : [request, asked];
  }
  if (isOfTrail(happening)) return [trailEntity(happening), asked];
  if ('lifecycle' in happening) return [movedFile(happening), asked];
  if (!('name' in happening)) return [asked];
  const isUser = happening.what === 'user-changed';
  return [
    {
      what: { identifier: { system: issuer, value: happening.name } },
      type: auditCoding(ENTITY_TYPE, isUser ? '1' : '2'),
      role: isUser ? auditCoding(ROLE, '11', 'Security User Entity') : auditCoding(ROLE, '13', 'Security Resource'),
    },
    asked,
  ];
}
