/**
 * What becomes of the server itself → AuditEvents: https://dicom.nema.org/medical/dicom/current/output/chtml/part15/sect_A.5.3.html
 * (Application Activity, Security Alert). They are about no patient, and say names of settings, never values.
 */
import type { JsonObject, Resource } from '../fhir/resource.js';
import { type AuditDetail, eventSourceOf, selfOf } from './event.js';
import { auditCoding, dicom, DICOM_CODES, ENTITY_TYPE, ROLE } from './patterns.js';

export type SystemHappening =
  /** `process`: id of this life of it. */
  | { readonly what: 'started' | 'stopped'; readonly process: string; readonly version: string }
  /** One that came to its end without saying so. Times are ms since 1970; `seen`: when it last said that it lives. */
  | { readonly what: 'died'; readonly process: string; readonly started: number; readonly seen: number }
  /** Since the start before. */
  | { readonly what: 'settings-changed'; readonly names: readonly string[] };

const ACTIVITY = auditCoding(DICOM_CODES, '110100', 'Application Activity');
const STOP = auditCoding(DICOM_CODES, '110121', 'Application Stop');
const FORMS: Readonly<
  Record<SystemHappening['what'], { readonly type: JsonObject; readonly subtype: JsonObject; readonly outcome: string }>
> = {
  started: { type: ACTIVITY, subtype: auditCoding(DICOM_CODES, '110120', 'Application Start'), outcome: '0' },
  stopped: { type: ACTIVITY, subtype: STOP, outcome: '0' },
  died: { type: ACTIVITY, subtype: STOP, outcome: '8' },
  'settings-changed': {
    type: auditCoding(DICOM_CODES, '110113', 'Security Alert'),
    subtype: auditCoding(DICOM_CODES, '110129', 'Security Configuration'),
    outcome: '0',
  },
};

/** `at`: ms since 1970. `base`: FHIR base of this server. */
export function systemEvent(happening: SystemHappening, at: number, base: string, id: string): Resource {
  const { type, subtype, outcome } = FORMS[happening.what];
  const recorded = new Date(at).toISOString();
  return {
    resourceType: 'AuditEvent',
    id,
    meta: { versionId: '1', lastUpdated: recorded },
    type,
    subtype: [subtype],
    action: 'E',
    recorded,
    outcome,
    ...(happening.what === 'died' ? { outcomeDesc: 'not-stopped' } : {}),
    agent: [
      {
        type: dicom('110150'),
        who: selfOf(base),
        requestor: true,
        name: 'chartroom',
        network: { address: base, type: '5' },
      },
    ],
    source: eventSourceOf(base),
    entity: [
      {
        what: { identifier: { value: 'process' in happening ? happening.process : 'settings' } },
        type: auditCoding(ENTITY_TYPE, '2'),
        role: auditCoding(ROLE, '13', 'Security Resource'),
        detail: detailsTold(happening).map(({ type: what, value }) => ({ type: what, valueString: value })),
      },
    ],
  };
}

function detailsTold(happening: SystemHappening): AuditDetail[] {
  switch (happening.what) {
    case 'started':
    case 'stopped':
      return [{ type: 'version', value: happening.version }];
    case 'died':
      return (['started', 'seen'] as const).map(type => ({ type, value: new Date(happening[type]).toISOString() }));
    case 'settings-changed':
      return happening.names.map(value => ({ type: 'setting', value }));
  }
}
