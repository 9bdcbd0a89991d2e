/** More ways to what must not be seen: preconditions, modifiers, compartments, operations and names of things that are hidden, each held against nothing. */
import { FULL } from '../support/depth.js';
import { type Attacker, canaryOf, recorded } from './attack-world.js';
import type { Attack } from './attack-cases.js';

const FHIR = 'application/fhir+json';
const like = 'like-absent';
/** Whoever else may write it learns nothing by it. */
const forbidden = (attack: Attack): Attack => ({ ...attack, expect: { status: 403 } });
const get = (who: Attacker, what: string, path: string, headers: Readonly<Record<string, string>> = {}): Attack => ({
  ...{ what, who, method: 'GET', path, headers, expect: like },
});
const send = (
  who: Attacker,
  what: string,
  method: Attack['method'],
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Attack => ({ ...{ what, who, method, path, body, type: FHIR, headers, expect: like } });

const hidden = (type: string) => recorded(type, `hid-${type}`, 'own', 'mine');
const bundle = (type: string, ...entry: readonly unknown[]) => ({ resourceType: 'Bundle', type, entry });
const referring = (reference: string) => ({ reference });
const parameters = (...parameter: readonly unknown[]) => ({ resourceType: 'Parameters', parameter });

/** What a request is made to depend on. */
const preconditions = (who: Attacker): Attack[] => [
  ...['W/"1"', 'W/"2"', '*'].flatMap(tag => [
    get(who, `a read if it is not ${tag}`, 'Observation/hid-Observation', { 'if-none-match': tag }),
    send(who, `an update if it is ${tag}`, 'PUT', 'Observation/hid-Observation', hidden('Observation'), {
      'if-match': tag,
    }),
    send(who, `an update if it is not ${tag}`, 'PUT', 'Observation/hid-Observation', hidden('Observation'), {
      'if-none-match': tag,
    }),
    send(who, `a deletion if it is ${tag}`, 'DELETE', 'Observation/hid-Observation', undefined, { 'if-match': tag }),
    {
      ...send(who, `a patch if it is ${tag}`, 'PATCH', 'Observation/hid-Observation', [], { 'if-match': tag }),
      type: 'application/json-patch+json',
    },
    send(
      who,
      `an entry if it is ${tag}`,
      'POST',
      '',
      bundle('batch', {
        request: { method: 'PUT', url: 'Observation/hid-Observation', ifMatch: tag },
        resource: hidden('Observation'),
      }),
    ),
  ]),
  get(who, 'a read if it has changed', 'Observation/hid-Observation', {
    'if-modified-since': 'Mon, 01 Jan 2035 00:00:00 GMT',
  }),
  send(who, 'a patch by FHIRPath', 'PATCH', 'Observation/hid-Observation', parameters()),
  send(who, 'an entry that deletes by criteria', 'POST', '', {
    ...bundle('transaction', { request: { method: 'DELETE', url: `Observation?_id=hid-Observation` } }),
  }),
  forbidden(
    send(who, 'an entry if none exists', 'POST', '', {
      ...bundle('transaction', {
        request: { method: 'POST', url: 'Observation', ifNoneExist: '_id=hid-Observation' },
        resource: { ...recorded('Observation', 'x', 'hid-p', 'mine') },
      }),
    }),
  ),
];

const searches = (who: Attacker): Attack[] => [
  ...[
    '_id=hid-Observation&_contained=both',
    '_id=hid-Observation&_contained=true',
    '_id=hid-Observation&_elements=code',
    '_id=hid-Observation&_summary=data',
    '_id=hid-Observation&_sort=_lastUpdated&_count=0',
    `_content=${canaryOf('Observation')}`,
    `_text=${canaryOf('Observation')}`,
    `subject:identifier=urn:i|${canaryOf('p')}`,
    `_tag:text=${canaryOf('Observation')}`,
    `_tag:in=http://x.test/ValueSet/hid-set`,
    'subject:Patient._id=hid-p',
    `_filter=${encodeURIComponent('subject re "Patient/hid-p"')}`,
    `_filter=${encodeURIComponent(`identifier eq "${canaryOf('Observation')}"`)}`,
    `_has:List:item:_id=hid-list`,
    '_has:DiagnosticReport:result:_id=hid-pointing',
    '_has:Provenance:target:_id=hid-Provenance',
    '_list=hid-list',
    '_id=hid-Observation&_include:iterate=*&_revinclude:iterate=*',
    '_id=hid-Observation&_maxresults=1&_total=estimate',
    '_score=1&_sort=-_score&_id=hid-Observation',
  ].map(query => get(who, `a search by ${query}`, `Observation?${query}`)),
  ...['Encounter/hid-Encounter/Observation', 'Patient/hid-p/Condition?_count=1', 'Encounter/hid-Encounter/*'].map(
    path => get(who, `the compartment ${path}`, path),
  ),
  ...['_since=2020-01-01', '_at=2030-01-01', '_list=hid-list', '_count=1', '_summary=count'].map(query =>
    get(who, `a history by ${query}`, `Observation/hid-Observation/_history?${query}`),
  ),
  ...[`_id=hid-Observation`, `identifier=urn:i|${canaryOf('Observation')}`].map(query =>
    send(who, `an entry that searches by ${query}`, 'POST', '', {
      ...bundle('batch', { request: { method: 'GET', url: `Observation?${query}&_summary=count` } }),
    }),
  ),
];

const operations = (who: Attacker): Attack[] => [
  ...[
    'Patient/hid-p/$everything?_count=1',
    'Patient/hid-p/$everything?_type=Observation&_since=2020-01-01',
    'Patient/hid-p/$who-saw',
    'Patient/hid-p/$accounting-of-disclosures',
    'Patient/hid-p/$summary',
    'Encounter/hid-Encounter/$everything',
    'Observation/hid-Observation/$meta',
    'Observation/hid-Observation/$validate?mode=delete',
    'Observation/hid-Observation/$graphql?query={id}',
    'Observation/hid-Observation/$render',
    'DocumentReference/hid-bytes/$render',
    'DocumentReference/hid-DocumentReference/$render',
    'Observation/$lastn?patient=hid-p',
    'Observation/hid-Observation/$expand',
    'Group/hid-group/$export',
    'List/hid-list/$find',
    'Task/hid-Task/$decide',
  ].map(path => get(who, `the operation ${path}`, path)),
  send(who, 'a check of what is hidden', 'POST', 'Observation/hid-Observation/$validate', hidden('Observation')),
  send(who, 'a check of a change', 'POST', 'Observation/hid-Observation/$validate?mode=update', hidden('Observation')),
  send(
    who,
    'labels that are taken away',
    'POST',
    'Observation/hid-Observation/$meta-delete',
    parameters({ name: 'meta', valueMeta: { tag: [{ system: 'urn:t', code: canaryOf('Observation') }] } }),
  ),
  send(
    who,
    'a glass',
    'POST',
    'Patient/hid-p/$break-glass',
    parameters({ name: 'reason', valueString: 'somebody who is not there at all' }),
  ),
  send(
    who,
    'a disclosure',
    'POST',
    'Patient/hid-p/$disclose',
    parameters(
      { name: 'recipient', valueString: 'x' },
      { name: 'data', valueReference: referring('Observation/hid-x') },
    ),
  ),
];

/** Names of hidden things in what is written. */
const naming = (who: Attacker): Attack[] => [
  ...['PUT', 'POST'].flatMap(method => {
    const path = method === 'PUT' ? 'DocumentReference/own-DocumentReference' : 'DocumentReference';
    const content = [{ attachment: { contentType: 'text/plain', url: 'Binary/hid-Binary' } }];
    const one = recorded('DocumentReference', 'own-DocumentReference', 'own', 'mine', { content });
    const within = recorded('DocumentReference', 'own-DocumentReference', 'own', 'mine', {
      content: [{ attachment: { contentType: 'text/plain', url: 'Binary/hid-Binary/_history/1' } }],
    });
    return [one, within].map(body => send(who, 'a document of bytes of another', method as 'PUT', path, body));
  }),
  {
    ...send(who, 'bytes under what is hidden', 'POST', 'Binary', 'bytes', {
      'x-security-context': 'DocumentReference/hid-bytes',
      prefer: 'return=minimal',
    }),
    type: 'text/x-mine',
    expect: { status: 403 },
  },
  forbidden(
    send(who, 'where it came from', 'POST', 'Observation', recorded('Observation', 'x', 'hid-p', 'mine'), {
      'x-provenance': JSON.stringify({
        ...{ resourceType: 'Provenance', recorded: '2026-01-01T00:00:00Z', agent: [{ who: { display: 'x' } }] },
        entity: [{ role: 'source', what: referring('Observation/hid-Observation') }],
      }),
    }),
  ),
  send(who, 'a method by a header', 'POST', 'Observation/hid-Observation', {}, { 'x-http-method-override': 'GET' }),
  forbidden(
    send(who, 'a Consent for another', 'POST', 'Consent', {
      ...{ resourceType: 'Consent', status: 'active', patient: referring('Patient/hid-p') },
      scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
      category: [{ text: 'x' }],
      policyRule: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'OPTIN' }] },
    }),
  ),
];

const bytes = (who: Attacker): Attack[] => [
  ...['bytes=0-3', 'bytes=-2', 'bytes=0-0,2-3', 'bytes=999999-'].flatMap(range => [
    get(who, `bytes by ${range}`, 'Binary/hid-Binary', { range, accept: '*/*' }),
    get(who, `bytes of a version by ${range}`, 'Binary/hid-Binary/_history/1', { range, accept: 'text/plain' }),
  ]),
  ...['$render', '$meta', '_history?_count=1', '?_format=xml', '?_summary=true'].map(path =>
    get(who, `bytes by ${path}`, path.startsWith('?') ? `Binary/hid-Binary${path}` : `Binary/hid-Binary/${path}`),
  ),
  { ...get(who, 'whether there are bytes', 'Binary/hid-Binary', { accept: '*/*' }), method: 'HEAD' },
  get(who, 'bytes by if-range', 'Binary/hid-Binary', { range: 'bytes=0-1', 'if-range': 'W/"1"', accept: '*/*' }),
  get(who, 'bytes if they are others', 'Binary/hid-Binary', { 'if-none-match': 'W/"1"', accept: '*/*' }),
];

/** Decided by the patients beside a row, by chains, by entries. */
const ATTACKING: readonly Attacker[] = FULL ? ['app', 'house', 'laboratory'] : ['app'];

export const furtherAttacks = (): readonly Attack[] => [
  ...ATTACKING.flatMap(who => [...preconditions(who), ...searches(who), ...operations(who)]),
  ...ATTACKING.flatMap(who => (who === 'laboratory' ? [] : [...naming(who), ...bytes(who)])),
];
