/** Bundles whose entries ask for more than their sender pays. https://hl7.org/fhir/R4/http.html#transaction */
import { type Attack, bundle, entry, JSON_BODY, times } from './attack.js';

type Kind = 'batch' | 'transaction';
const KINDS: readonly Kind[] = ['batch', 'transaction'];

const send = (name: string, body: () => string, more: Partial<Attack> = {}): Attack => ({
  name,
  method: 'POST',
  path: '/fhir',
  headers: JSON_BODY,
  body,
  ...more,
});
const ofBoth = (name: string, entries: () => readonly object[], more: Partial<Attack> = {}): Attack[] =>
  KINDS.map(kind => send(`a ${kind} of ${name}`, () => bundle(kind, entries()), more));

const patient = (id: string) => ({ resource: { resourceType: 'Patient', id } });
const basic = { resourceType: 'Basic', code: { text: 'x' } };
const either = { answered: 'either' } as const;

/** Whole Bundles that no transaction may write. */
const transactions: readonly (readonly [name: string, entries: () => readonly object[]])[] = [
  ['one resource twice', () => times(2, () => entry('PUT', 'Patient/evil', patient('evil')))],
  ['one name twice', () => times(2, () => entry('POST', 'Patient', { fullUrl: 'urn:uuid:1', ...patient('x') }))],
  ['a Bundle in it', () => [entry('POST', '', { resource: { resourceType: 'Bundle', type: 'batch' } })]],
  ['a file', () => [entry('GET', 'file:///etc/passwd')]],
  ['another server', () => [entry('GET', 'http://169.254.169.254/latest')]],
  ['a path upwards', () => [entry('GET', '../../healthz')]],
  ['a method that is none', () => [entry('TRACE', 'Patient')]],
  ['no method', () => [{ request: { url: 'Patient' } }]],
  ['no request', () => [patient('evil')]],
  ['null', () => [null as unknown as object]],
  ['text', () => ['x' as unknown as object]],
  [
    'an audit event that is changed',
    () => [entry('PUT', 'AuditEvent/evil', { resource: { resourceType: 'AuditEvent' } })],
  ],
  ['an id that leads upwards', () => [entry('PUT', 'Patient/..', patient('..'))]],
  ['a resource of another type', () => [entry('PUT', 'Patient/evil', { resource: { ...basic, id: 'evil' } })]],
  ['criteria that match all', () => [entry('DELETE', 'Patient?')]],
  ['criteria that cannot be', () => [entry('PUT', 'Patient?nonsense=1', patient('evil'))]],
  [
    'a reference to nothing',
    () => [entry('POST', 'Basic', { resource: { ...basic, subject: { reference: 'Patient?identifier=none' } } })],
  ],
  [
    'a fault at its end',
    () => [
      ...times(100, i => entry('PUT', `Patient/evil-${i}`, patient(`evil-${i}`))),
      entry('PUT', 'Patient/evil', { resource: { resourceType: 'Patient', id: 'evil', nonsense: 1 } }),
    ],
  ],
];

const asReader: readonly (readonly [name: string, entries: () => readonly object[]])[] = [
  ['3,000 times /metadata', () => times(3000, () => entry('GET', 'metadata'))],
  ['11,000 times /metadata', () => times(11_000, () => entry('GET', 'metadata'))],
  ['25,001 reads', () => times(25_001, () => entry('GET', 'Patient/there'))],
  ['400 times one large resource', () => times(400, () => entry('GET', 'Binary/large'))],
  ['400 times the versions of a large resource', () => times(400, () => entry('GET', 'Binary/large/_history'))],
  ['400 pages of large resources', () => times(400, () => entry('GET', 'Binary?_count=1000'))],
  ['400 whole records', () => times(400, () => entry('GET', 'Patient/there/$everything'))],
  ['400 histories of all', () => times(400, () => entry('GET', '_history?_count=1000'))],
  [
    '40 times what is included',
    () => times(40, () => entry('GET', 'Observation?_include=*&_revinclude=*&_count=1000')),
  ],
  ['purges', () => times(10, () => entry('POST', 'Patient/there/$purge'))],
  ['audit events', () => times(10, () => entry('GET', 'AuditEvent'))],
];

export const bundles: readonly Attack[] = [
  ...transactions.map(([name, entries]) => send(`a transaction with ${name}`, () => bundle('transaction', entries()))),
  ...asReader.flatMap(([name, entries]) => ofBoth(name, entries, { as: 'reader', ...either })),
  ...ofBoth('3,000 times /metadata by a writer', () => times(3000, () => entry('GET', 'metadata')), either),
  ...ofBoth(
    '300 dear searches',
    () => times(300, i => entry('GET', `Observation?code:text=${'a'.repeat(50)}${i}&_sort=-date`)),
    either,
  ),
  ...ofBoth('60,000 empty entries', () => times(60_000, () => ({}))),
  ...ofBoth(
    'a megabyte of names',
    () => [entry('GET', 'Patient/there', { fullUrl: `urn:x:${'a'.repeat(1_000_000)}` })],
    either,
  ),
  ...ofBoth('an address of a megabyte', () => [entry('GET', `Patient?name=${'a'.repeat(1_000_000)}`)], either),
  ...ofBoth(
    'criteria that are dear',
    () => times(300, i => entry('DELETE', `Patient?_id=${times(500, j => `n${i}-${j}`).join(',')}&name:contains=a`)),
    either,
  ),
  ...ofBoth(
    'audit events sought by a writer',
    () => [entry('POST', 'AuditEvent', { resource: { resourceType: 'AuditEvent' } }, { ifNoneExist: '_id=x' })],
    { as: 'writer', ...either },
  ),
  ...ofBoth(
    'a patch that doubles and doubles',
    () => [entry('PATCH', 'Patient/there', { resource: doubling() })],
    either,
  ),
  ...[
    'null',
    '[]',
    '{"resourceType":"Bundle"}',
    '{"resourceType":"Bundle","type":"transaction","entry":{}}',
    '{"resourceType":"Bundle","type":"batch","entry":"x"}',
    '{"resourceType":"Bundle","type":"searchset","entry":[]}',
    '{"resourceType":"Bundle","type":["batch"]}',
  ].map(text => send(`${text} as a Bundle`, () => text)),
];

/** Each copy takes in the one before it. */
function doubling(): object {
  const operations = [
    { op: 'add', path: '/contact', value: [{ name: { text: 'x'.repeat(1000) } }] },
    ...times(40, () => ({ op: 'copy', from: '/contact', path: '/contact/-' })),
  ];
  const data = Buffer.from(JSON.stringify(operations)).toString('base64');
  return { resourceType: 'Binary', contentType: 'application/json-patch+json', data };
}
