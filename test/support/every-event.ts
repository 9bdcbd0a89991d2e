/** One event of every kind that this server records, made as it makes them: a new kind does not compile before it has its sample here. */
import { type Disclosure, disclosureEvent } from '../../src/audit/disclosure.js';
import { auditEvent, type AuditRecord } from '../../src/audit/event.js';
import { happeningEvent } from '../../src/audit/happening-event.js';
import type { AuditPattern } from '../../src/audit/patterns.js';
import { type SystemHappening, systemEvent } from '../../src/audit/system-event.js';
import type { Resource } from '../../src/fhir/resource.js';
import type { Happening } from '../../src/identity/happening.js';

const BASE = 'https://chart.example/fhir';
const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const SHA256 = 'ab'.repeat(32);
const USER = { name: 'dr-a', role: 'clinician', purpose: 'TREAT' } as const;
const COMMON: Omit<AuditRecord, 'interaction' | 'pattern'> = {
  ...{ at: AT, outcome: '0', principal: USER, address: '192.0.2.7', requestId: 'req-1', correlationId: 'theirs-1' },
  ...{ base: BASE, request: 'GET /fhir/Observation?patient=p1', patients: ['p1'] },
};
const DATA = { data: { type: 'Observation', id: 'o1', version: 2 } };
const STORED = { ...DATA, hash: SHA256 };
const DENIED = { interaction: 'read', outcome: '8', ...DATA, asks: true } as const;

const OF_PATTERNS: Readonly<Record<AuditPattern, Partial<AuditRecord> & Pick<AuditRecord, 'interaction'>>> = {
  create: { interaction: 'create', ...STORED },
  read: { interaction: 'read', ...DATA },
  update: { interaction: 'update', ...STORED },
  delete: { interaction: 'delete', ...DATA },
  query: { interaction: 'search-type' },
  operation: { interaction: 'operation', operation: 'everything', asks: true, ...DATA },
  history: { interaction: 'history-instance', ...DATA },
  alert: { interaction: 'read', outcome: '12', why: 'damaged', ...DATA },
  'override-started': { interaction: 'operation', operation: 'break-glass', ...DATA },
  'override-stopped': { interaction: 'operation', operation: 'break-glass-end', ...DATA },
  import: {
    ...{ interaction: 'transaction', data: { type: 'List', id: 'l1', version: 1 }, hash: SHA256 },
    subtype: {
      ...{ system: 'urn:ihe:event-type-code', code: 'ITI-65', display: 'Provide Document Bundle', dataRole: '20' },
    },
  },
  restricted: { interaction: 'operation', operation: 'import', details: [{ type: 'done', value: '3' }] },
  denied: { ...DENIED, why: 'role reader lacks r' },
  'denied-by-consent': { ...DENIED, why: 'consent', consents: [{ id: 'c1', patient: 'p1' }] },
  unauthenticated: { ...DENIED, why: 'invalid-token', principal: { role: 'reader' }, patients: [] },
};

const REQUEST = { client: 'app', user: 'dr-a', request: 'POST /auth/token\n\ngrant_type=authorization_code' };
const FILE = { by: 'backup', lifecycle: 'archive', file: 'copy.db', sha256: SHA256, counts: { bytes: 9 } } as const;
const OF_HAPPENINGS: Readonly<{ [What in Happening['what']]: Extract<Happening, { what: What }> | Happening }> = {
  'signed-in': { what: 'signed-in', user: 'dr-a' },
  'sign-in-failed': { what: 'sign-in-failed', user: 'dr-a' },
  'locked-out': { what: 'locked-out', user: 'dr-a' },
  'signed-out': { what: 'signed-out', user: 'dr-a' },
  'token-issued': { what: 'token-issued', ...REQUEST },
  'token-refused': { what: 'token-refused', ...REQUEST, why: 'invalid_grant' },
  'token-revoked': { what: 'token-revoked', ...REQUEST },
  'user-changed': { what: 'user-changed', name: 'dr-a', change: 'password' },
  'application-changed': { what: 'application-changed', name: 'app', change: 'registered' },
  'trail-exported': { what: 'trail-exported', sha256: SHA256, events: 3, from: '2026-01-01T00:00:00Z' },
  'trail-removed': { what: 'trail-removed', before: '2020-01-01T00:00:00.000Z', events: 3, deeds: 2 },
  'trail-restored': { what: 'trail-restored', streams: 1, deeds: 2 },
  'data-exported': { what: 'data-exported', ...FILE },
  'data-imported': { what: 'data-imported', ...FILE, by: 'import', lifecycle: 'receive' },
};

const OF_SERVER: Readonly<Record<SystemHappening['what'], SystemHappening>> = {
  started: { what: 'started', process: 'p-1', version: '1.0.0' },
  stopped: { what: 'stopped', process: 'p-1', version: '1.0.0' },
  died: { what: 'died', process: 'p-1', started: AT, seen: AT + 1000 },
  'settings-changed': { what: 'settings-changed', names: ['CHARTROOM_AUTH'] },
};

const OF_DISCLOSURES: Readonly<Record<Disclosure['direction'], Disclosure>> = {
  given: {
    ...{ direction: 'given', patient: 'p1', other: { name: 'County Court', address: '+1 555 0100' } },
    ...{ purpose: 'HLEGAL', basis: '164.512(e)(1)', data: ['DocumentReference/d1'] },
    custodian: { name: 'clerk' },
  },
  received: {
    ...{ direction: 'received', patient: 'p1', other: { name: 'Clinic', address: 'https://clinic.example' } },
    ...{ purpose: 'TREAT', basis: '164.506', data: ['DocumentReference/d1'] },
  },
};

export interface EventSample {
  /** As docs/audit.md names it. */
  readonly kind: string;
  readonly event: Resource;
}

const each = <Key extends string, Value>(table: Readonly<Record<Key, Value>>): (readonly [Key, Value])[] =>
  Object.entries(table) as [Key, Value][];

export const EVERY_EVENT: readonly EventSample[] = [
  ...each(OF_PATTERNS).map(([pattern, change]) => {
    const record: AuditRecord = { ...COMMON, ...change, pattern };
    return { kind: `request: ${pattern}`, event: auditEvent(record, record.patients[0], 'event-1') };
  }),
  ...each(OF_HAPPENINGS).map(([what, happening]) => {
    const told = { happening, at: AT, address: '192.0.2.7', requestId: 'req-1', base: BASE, issuer: BASE };
    return { kind: `happening: ${what}`, event: happeningEvent(told, 'event-1') };
  }),
  ...each(OF_SERVER).map(([what, happening]) => ({
    kind: `server: ${what}`,
    event: systemEvent(happening, AT, BASE, 'event-1'),
  })),
  ...each(OF_DISCLOSURES).map(([direction, disclosure]) => ({
    kind: `disclosure: ${direction}`,
    event: disclosureEvent({ disclosure, at: AT, requestId: 'req-1', base: BASE }, 'event-1'),
  })),
];
