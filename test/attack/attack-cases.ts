/**
 * What attackers ask, by every path to what they must not see, and what they are to be told. Leaks that users of other servers reported are
 * among them, each with its place.
 */
import { FULL } from '../support/depth.js';
import { furtherAttacks } from './attack-further.js';
import { type Attacker, CANARY, canaryOf, RECORD_TYPES, recorded } from './attack-world.js';

export interface Attack {
  readonly what: string;
  readonly who: Attacker | 'bound';
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly type?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * The status; `like-absent`: the same answer as where `hid-` is `abs-`. `ids`: a searchset or history with these entries and no others.
   */
  readonly expect: { readonly status: number } | 'like-absent' | { readonly ids: readonly string[] };
}

const FHIR = 'application/fhir+json';
const JSON_PATCH = 'application/json-patch+json';
const get = (who: Attacker, what: string, path: string, expect: Attack['expect']): Attack => ({
  what,
  who,
  method: 'GET',
  path,
  expect,
});
const send = (
  who: Attacker,
  what: string,
  method: Attack['method'],
  path: string,
  body: unknown,
  expect: Attack['expect'],
  headers: Readonly<Record<string, string>> = {},
): Attack => ({ what, who, method, path, body, type: FHIR, expect, headers });
const bundle = (type: 'batch' | 'transaction', ...entry: readonly unknown[]) => ({
  resourceType: 'Bundle',
  type,
  entry,
});
const entryOf = (method: string, url: string, resource?: unknown) => ({
  request: { method, url },
  ...(resource ? { resource } : {}),
});
const NONE = { ids: [] } as const;
const upload = (
  who: Attacker,
  what: string,
  method: Attack['method'],
  path: string,
  expect: Attack['expect'],
): Attack => ({
  ...send(who, what, method, path, 'bytes', expect),
  type: 'application/octet-stream',
});

/** Each way to one resource whose id is known, or guessed. */
function byId(who: Attacker, type: string): Attack[] {
  const name = `${type}/hid-${type}`;
  const body = recorded(type, `hid-${type}`, 'own', 'mine');
  const like = 'like-absent';
  return [
    get(who, `read ${type} (LinuxForHealth 2669: 403 tells that it is there)`, name, like),
    get(who, `vread ${type}`, `${name}/_history/1`, like),
    get(who, `history of ${type}`, `${name}/_history`, like),
    get(who, `search ${type} by id (HAPI 2012, 1507: totals)`, `${type}?_id=hid-${type}&_total=accurate`, NONE),
    get(who, `count ${type} by id`, `${type}?_id=hid-${type}&_summary=count`, like),
    get(who, `search ${type} by identifier`, `${type}?identifier=urn:i|${canaryOf(type)}`, NONE),
    get(who, `search ${type} for another patient`, `${type}?patient=Patient/hid-p`, NONE),
    get(who, `labels of ${type}`, `${name}/$meta`, like),
    send(who, `update ${type}`, 'PUT', name, body, like),
    send(who, `delete ${type}`, 'DELETE', name, undefined, like),
    { ...send(who, `patch ${type}`, 'PATCH', name, [{ op: 'test', path: '/id', value: 'x' }], like), type: JSON_PATCH },
    send(who, `batch of ${type}`, 'POST', '', bundle('batch', entryOf('GET', name), entryOf('DELETE', name)), like),
    send(who, `read ${type} in a transaction`, 'POST', '', bundle('transaction', entryOf('GET', name)), like),
  ];
}

/** By criteria: HAPI 5712. */
function byCriteria(who: Attacker, type: string): Attack[] {
  const criteria = `${type}?identifier=urn:i|${canaryOf(type)}`;
  return [
    send(who, `delete ${type} by criteria`, 'DELETE', criteria, undefined, { status: 204 }),
    { ...send(who, `patch ${type} by criteria`, 'PATCH', criteria, [], { status: 404 }), type: JSON_PATCH },
    send(
      who,
      `put ${type} for another patient`,
      'PUT',
      `${type}?_tag=urn:t|none-${type}`,
      recorded(type, 'chosen', 'own', 'mine'),
      {
        status: 404,
      },
    ),
    send(who, `make ${type} for another patient`, 'POST', type, recorded(type, 'x', 'hid-p', 'mine'), { status: 403 }),
    send(
      who,
      `move ${type} to another patient`,
      'PUT',
      `${type}/own-${type}`,
      recorded(type, `own-${type}`, 'hid-p', 'mine'),
      {
        status: 403,
      },
    ),
    send(
      who,
      `make ${type} for another patient in a transaction`,
      'POST',
      '',
      bundle('transaction', entryOf('POST', type, recorded(type, 'x', 'hid-p', 'mine'))),
      { status: 403 },
    ),
  ];
}

const CROSSING = ['own-Observation', 'own-crossing', 'own-moved'];

/** Searches that look from what may be seen into what may not. */
function acrossBorder(who: Attacker): Attack[] {
  return [
    get(who, 'include (Microsoft 5683)', 'Observation?_id=own-crossing&_include=Observation:has-member', {
      ids: ['own-crossing'],
    }),
    get(who, 'include everything', 'Observation?_id=own-crossing&_include=*', {
      ids: who === 'narrow' ? ['own-crossing'] : ['own-crossing', 'own'],
    }),
    get(who, 'search all (Medplum 7641, 8948: one rule on every path, chains in it)', 'Observation?_total=accurate', {
      ids: CROSSING,
    }),
    get(who, 'search by date', 'Observation?date=2026-01-02&_total=estimate', { ids: CROSSING }),
    get(who, 'pages of one', 'Observation?_count=1&_sort=_id&_total=accurate', { ids: CROSSING }),
    get(who, '_filter', `Observation?_filter=${encodeURIComponent('_id eq hid-Observation or _id eq own-moved')}`, {
      ids: ['own-moved'],
    }),
    get(who, ':not', `Observation?_tag:not=urn:t|moved`, { ids: ['own-Observation', 'own-crossing'] }),
    get(who, ':missing', 'Observation?value-quantity:missing=true', { ids: CROSSING }),
    get(who, 'subject of another', 'Observation?subject=Patient/hid-p', NONE),
    get(who, 'has-member', 'Observation?has-member=Observation/ref-Observation', { ids: ['own-crossing'] }),
    get(who, 'chain within a type', `Observation?has-member:Observation.identifier=urn:i|${canaryOf('ref')}`, NONE),
    get(who, 'reverse chain within a type', 'Observation?_has:Observation:has-member:_id=own-crossing', NONE),
    get(who, 'history of a type', 'Observation/_history', {
      ids: [...CROSSING, 'gone-away', 'own-deleted', 'own-deleted'],
    }),
    get(who, 'count of a history', 'Observation/_history?_summary=count', { ids: [] }),
    get(who, 'an old version of another patient', 'Observation/own-moved/_history/1', { status: 404 }),
    get(who, 'a version that has left the record', 'Observation/gone-away/_history/2', { status: 404 }),
    get(who, 'what has left the record', 'Observation/gone-away', { status: 404 }),
    get(who, 'history of what was put right', 'Observation/own-moved/_history', { ids: ['own-moved'] }),
    get(who, 'a deleted one', 'Observation/hid-deleted', 'like-absent'),
    get(who, 'a deleted version', 'Observation/hid-deleted/_history/2', 'like-absent'),
    get(who, 'a summary', 'Observation?_summary=text', { ids: CROSSING }),
    get(who, 'elements', 'Observation?_elements=identifier', { ids: CROSSING }),
    send(who, 'POST search', 'POST', 'Observation/_search?_id=hid-Observation', undefined, NONE),
    send(who, 'HEAD', 'HEAD', 'Observation/hid-Observation', undefined, 'like-absent'),
    get(who, 'XML', 'Observation?_format=xml&_id=hid-Observation', { status: 200 }),
    get(who, 'read with a condition', 'Observation/hid-Observation?_summary=true', 'like-absent'),
  ];
}

/** Types on the way of whoever may see some of them. */
function ofRecords(who: Attacker): Attack[] {
  return [
    get(who, 'revinclude', 'Observation?_id=own-Observation&_revinclude=DiagnosticReport:result', {
      ids: ['own-Observation'],
    }),
    get(who, 'revinclude everything', 'Observation?_id=own-Observation&_revinclude=*', {
      ids: ['own-Observation', 'own-list'],
    }),
    get(
      who,
      'include and iterate',
      'Observation?_id=own-crossing&_include:iterate=Observation:has-member&_include:iterate=Observation:subject',
      {
        ids: ['own-crossing', 'own'],
      },
    ),
    get(who, 'chain (HAPI 6065)', `Observation?subject:Patient.identifier=urn:i|${canaryOf('p')}`, NONE),
    get(who, 'chain by a name', `Observation?subject:Patient.family=${CANARY}`, NONE),
    get(who, 'chain by :not', 'Observation?subject:Patient.gender:not=other', { ids: CROSSING }),
    get(who, '_has (HAPI 6065)', `Patient?_has:Observation:subject:identifier=urn:i|${canaryOf('Observation')}`, NONE),
    get(who, '_has into another type', 'Patient?_has:Condition:patient:code=urn:c|x', { ids: ['own'] }),
    get(who, '_has of two', 'Organization?_has:Patient:organization:_has:Observation:subject:code=1234-5', {
      ids: ['o-one'],
    }),
    get(who, '_has of what refers to mine', 'Observation?_has:DiagnosticReport:result:status=final', NONE),
    get(who, '_list of another', 'Observation?_list=hid-list', 'like-absent'),
    get(who, '_list of mine', 'Observation?_list=own-list', { ids: ['own-Observation'] }),
    get(who, 'all patients', 'Patient?_total=accurate', { ids: ['own'] }),
    get(who, 'patients by an order', 'Patient?_sort=-birthdate&_count=1', { ids: ['own'] }),
    get(who, 'compartment of another', 'Patient/hid-p/Observation', NONE),
    get(who, 'whole compartment of another', 'Patient/hid-p/*', NONE),
    get(who, 'record of another', 'Patient/hid-p/$everything', 'like-absent'),
    get(who, 'system', '?_type=Observation,Condition,Patient&_total=accurate', {
      ids: [...CROSSING, 'own-Condition', 'own'],
    }),
    get(who, 'system by a canary', `?_tag=urn:t|${canaryOf('Condition')}`, NONE),
    get(who, 'system history', '_history?_type=Condition,Encounter', { ids: ['own-Condition', 'own-Encounter'] }),
    send(
      who,
      'create if none, where a hidden one matches',
      'POST',
      'Condition',
      recorded('Condition', 'x', 'own', 'mine'),
      { status: 201 },
      { 'if-none-exist': `identifier=urn:i|${canaryOf('Condition')}` },
    ),
    send(
      who,
      'a reference to what is hidden, and to nothing',
      'POST',
      'Observation',
      recorded('Observation', 'x', 'own', 'pointing', {
        focus: [{ reference: 'Observation/hid-Observation' }, { reference: 'Observation/abs-Observation' }],
      }),
      { status: 201 },
      { prefer: 'return=minimal' },
    ),
    send(
      who,
      'a reference by criteria',
      'POST',
      '',
      bundle(
        'transaction',
        entryOf(
          'POST',
          'Observation',
          recorded('Observation', 'x', 'own', 'by', {
            focus: [{ reference: `Observation?identifier=urn:i|${canaryOf('Observation')}` }],
          }),
        ),
      ),
      { status: 412 },
    ),
    get(who, 'the audit trail', 'AuditEvent', { status: 403 }),
    get(who, 'the audit trail by a patient', 'AuditEvent?patient=Patient/hid-p', { status: 403 }),
    get(who, 'the audit trail by _has', 'Patient?_has:AuditEvent:patient:action=R', { status: 403 }),
    get(who, 'the audit trail in a revinclude', 'Patient?_id=own&_revinclude=AuditEvent:patient', { status: 403 }),
  ];
}

/** Whoever has one type, of all others. */
const ONE_TYPE: readonly Attack[] = [
  get('narrow', 'another type', 'Condition/hid-Condition', { status: 403 }),
  get('narrow', 'another type that is not there', 'Condition/abs-Condition', { status: 403 }),
  get('narrow', 'search of another type', 'Condition', { status: 403 }),
  get('narrow', 'chain into another type (HAPI 6065)', 'Observation?subject:Patient.family=Doe', { status: 403 }),
  get('narrow', '_has of another type (HAPI 6065)', 'Observation?_has:DiagnosticReport:result:status=final', {
    status: 403,
  }),
  get('narrow', '_filter by a chain', `Observation?_filter=${encodeURIComponent('subject.name eq "x"')}`, {
    status: 403,
  }),
  get('narrow', '_list', 'Observation?_list=own-list', { status: 403 }),
  get('narrow', 'named include', 'Observation?_id=own-crossing&_include=Observation:subject:Patient', { status: 403 }),
  get('narrow', 'include of a parameter', 'Observation?_id=own-crossing&_include=Observation:subject', {
    ids: ['own-crossing'],
  }),
  get('narrow', 'named revinclude', 'Observation?_revinclude=DiagnosticReport:result', { status: 403 }),
  get('narrow', 'system search of others', '?_type=Patient,Observation', { status: 403 }),
  get('narrow', 'system search of all', `?_tag=urn:t|mine`, NONE),
  get('narrow', 'system history', '_history', { ids: [...CROSSING, 'gone-away', 'own-deleted', 'own-deleted'] }),
  get('narrow', 'record', 'Patient/own/$everything', { status: 403 }),
  send('narrow', 'a write', 'POST', 'Observation', recorded('Observation', 'x', 'own', 'x'), { status: 403 }),
  send('narrow', 'a write that cannot be read', 'POST', 'Observation', 'no JSON at all', { status: 403 }),
  send('narrow', 'a deletion', 'DELETE', 'Observation/own-Observation', undefined, { status: 403 }),
  send(
    'narrow',
    'labels',
    'POST',
    'Observation/own-Observation/$meta-add',
    { resourceType: 'Parameters' },
    { status: 403 },
  ),
  send('narrow', 'reindexing', 'POST', '$reindex', { resourceType: 'Parameters' }, { status: 403 }),
  send('narrow', 'an import', 'POST', '$import', '', { status: 403 }),
  send(
    'narrow',
    'a purge',
    'POST',
    'Observation/own-Observation/$purge',
    { resourceType: 'Parameters' },
    { status: 403 },
  ),
  get('narrow', 'an explanation', 'Observation?_explain=true&_id=hid-Observation', { status: 200 }),
  get('narrow', 'who may see it, of an oracle', '$decide?role=laboratory&method=GET&url=Patient/hid-p', 'like-absent'),
  get('narrow', 'who may see it by a search', '$decide?role=house&method=GET&url=Patient?_id=hid-p', 'like-absent'),
  get('laboratory', 'who may see what', '$decide?role=all&method=GET&url=Patient/own', { status: 403 }),
  get('looker', 'what an application may not write', 'Observation/hid-Observation', 'like-absent'),
  send(
    'looker',
    'a write by an application that reads',
    'PUT',
    'Observation/own-Observation',
    recorded('Observation', 'own-Observation', 'own', 'x'),
    { status: 403 },
  ),
  send('looker', 'a deletion by an application that reads', 'DELETE', 'Observation/own-Observation', undefined, {
    status: 403,
  }),
];

/** Bytes that a document of another patient points at, and some of the patient's own. */
const BYTES: readonly Attack[] = [
  get('app', 'bytes of another', 'Binary/hid-Binary', 'like-absent'),
  get('house', 'bytes of another', 'Binary/hid-Binary', 'like-absent'),
  get('app', 'a version of bytes of another', 'Binary/hid-Binary/_history/1', 'like-absent'),
  get('app', 'the history of bytes of another', 'Binary/hid-Binary/_history', 'like-absent'),
  get('app', 'bytes by a search', 'Binary?_id=hid-Binary', NONE),
  get('app', 'all bytes', 'Binary?_total=accurate', { ids: ['own-Binary'] }),
  get('app', 'bytes of mine', 'Binary/own-Binary', { status: 200 }),
  get('narrow', 'bytes of another type', 'Binary/own-Binary', { status: 403 }),
  upload('app', 'bytes in the place of others', 'PUT', 'Binary/hid-Binary', 'like-absent'),
  upload('looker', 'bytes by who only reads', 'POST', 'Binary', { status: 403 }),
  send('app', 'a deletion of bytes of another', 'DELETE', 'Binary/hid-Binary', undefined, 'like-absent'),
];

/** What is about nobody. */
const ABOUT_NOBODY: readonly Attack[] = [
  get('app', 'who gives care', 'Practitioner/doctor', { status: 200 }),
  send(
    'app',
    'a change of who gives care',
    'PUT',
    'Practitioner/doctor',
    { resourceType: 'Practitioner', id: 'doctor' },
    { status: 403 },
  ),
  send(
    'app',
    'a new organization',
    'POST',
    'Organization',
    { resourceType: 'Organization', name: 'x' },
    { status: 403 },
  ),
  send('app', 'a search parameter', 'POST', 'SearchParameter', { resourceType: 'SearchParameter' }, { status: 403 }),
  get('app', 'groups, which name others', 'Group', { status: 403 }),
  send('app', 'another patient', 'POST', 'Patient', { resourceType: 'Patient' }, { status: 403 }),
  send(
    'app',
    'another patient by an id',
    'PUT',
    'Patient/hid-p',
    { resourceType: 'Patient', id: 'hid-p' },
    'like-absent',
  ),
  send(
    'app',
    'a subscription to everything',
    'POST',
    'Subscription',
    { resourceType: 'Subscription' },
    { status: 403 },
  ),
];

/** Some are decided by the patients beside a row alone, others by their entries. */
const TYPES_ATTACKED = FULL ? RECORD_TYPES : ['Observation', 'Condition', 'DiagnosticReport', 'Task'];

/** Reading ones first: with nothing hidden, those that write would change what the others look for. */
export function attacks(): readonly Attack[] {
  const all = [
    ...TYPES_ATTACKED.flatMap(type => byId('app', type)),
    ...['Observation', 'Condition'].flatMap(type => byId('house', type)),
    ...byId('laboratory', 'Observation'),
    ...(['app', 'house', 'laboratory', 'narrow'] as const).flatMap(acrossBorder),
    ...(['app', 'house'] as const).flatMap(ofRecords),
    ...ONE_TYPE,
    ...BYTES,
    ...ABOUT_NOBODY,
    ...furtherAttacks(),
    ...TYPES_ATTACKED.flatMap(type => byCriteria('app', type)),
    ...['Observation', 'Task'].flatMap(type => byCriteria('house', type)),
  ];
  const reads = (one: Attack): boolean => one.method === 'GET' || one.method === 'HEAD';
  return [...all.filter(reads), ...all.filter(one => !reads(one))];
}
