/** Addresses, headers, media types, names of hosts and pages of other sites. https://www.rfc-editor.org/rfc/rfc9110 */
import { type Attack, FORM, JSON_BODY, times } from './attack.js';

const evil = (): string => '{"resourceType":"Patient","id":"evil"}';
const get = (name: string, path: string, headers: Record<string, string> = {}, more: Partial<Attack> = {}): Attack => ({
  name,
  method: 'GET',
  path,
  headers,
  ...more,
});

const PATHS: readonly string[] = [
  '/fhir/../../etc/passwd',
  '/fhir/Patient/../../healthz',
  '/fhir/%2e%2e/%2e%2e/etc/passwd',
  '/fhir/Patient/..',
  '/fhir/Patient/.',
  '/fhir/Patient/%00',
  '/fhir/Patient/a%2fb',
  '/fhir/Patient/a%0d%0aSet-Cookie:x',
  '/fhir//Patient',
  '/fhir/Patient//there',
  '/fhir/patient',
  '/fhir/PATIENT/there',
  '/fhir/Patient/there/',
  '/fhir/Patient/there/_history/',
  '/fhir/Patient/there/_history/-1',
  '/fhir/Patient/there/_history/1e3',
  '/fhir/Patient/there/_history/99999999999999999999',
  '/fhir/Patient/there/_history/__proto__',
  `/fhir/Patient/${'a'.repeat(65)}`,
  `/fhir/Patient/${'a'.repeat(4000)}`,
  `/fhir/${'Patient/'.repeat(500)}`,
  '/fhir/__proto__',
  '/fhir/constructor/there',
  '/fhir/Patient/there/Observation/x/y',
  '/fhir/$nonsense',
  '/fhir/Patient/$purge',
  '/fhir/Patient/there/$purge/x',
  '/fhir/metadata/x',
  '/fhir/_history/x',
  '/fhir/Patient/%ff%fe',
  '/fhir/Patient/there?_format=yaml',
  '/fhir/Patient/there?_summary=bogus',
  '/fhir/Patient/there?_pretty=maybe',
  '/fhir/Patient/there?x=%',
  '/fhir/Patient/there/_history?_since=never',
  '/fhir/Patient/there/_history?_at=2020-13-45',
  '/fhir/Patient/there/_history?_count=0',
  '/.git/config',
  '/admin',
  '/fhir.json',
  '/FHIR/Patient',
];

const HEADERS: readonly (readonly [name: string, headers: Record<string, string>, answered?: true | 'either'])[] = [
  ['10,000 media types', { accept: times(1500, i => `a/b${i}`).join(',') }],
  ['a media type without an end', { accept: `application/fhir+json;${'a=b;'.repeat(3000)}` }, 'either'],
  ['another version of FHIR', { accept: 'application/fhir+json;fhirVersion=5.0' }],
  ['no media type', { accept: '////' }],
  ['1,000 tags', { 'if-none-match': times(1000, i => `W/"${i + 5}"`).join(',') }, true],
  ['tags without an end', { 'if-none-match': '"'.repeat(5000) }, 'either'],
  ['a date that never was', { 'if-modified-since': 'Mon, 99 Foo 9999 99:99:99 GMT' }, true],
  ['a range of everything', { range: `bytes=${times(1000, i => `${i}-`).join(',')}` }, true],
  ['a request id with markup', { 'x-request-id': '<script>alert(1)</script>' }, true],
  ['a request id without an end', { 'x-request-id': 'a'.repeat(5000) }, true],
  ['other hosts behind a proxy', { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'javascript' }, true],
  ['another method', { 'x-http-method-override': 'DELETE' }, true],
  ['preferences without an end', { prefer: 'handling=lenient,'.repeat(500) }, true],
  ['a prototype', { __proto__x: '1', constructor: '2' }, true],
  ['a token that is none', { authorization: 'Bearer ' + 'a'.repeat(5000) }, true],
  ['basic credentials', { authorization: 'Basic OjpgJCgp' }, true],
  ['a cookie of 8 KB', { cookie: `a=${'b'.repeat(8000)}` }, true],
  ['a header of 100 KB', { 'x-large': 'a'.repeat(100_000) }],
  ['an encoding that is none', { 'accept-encoding': `gzip;q=${'9'.repeat(500)}` }, true],
];

const writes = (name: string, headers: Record<string, string>, body = evil): Attack => ({
  name,
  method: 'PUT',
  path: '/fhir/Patient/evil',
  headers,
  body,
});
const BODIES: readonly (readonly [name: string, headers: Record<string, string>])[] = [
  ['no type', {}],
  ['a form', FORM],
  ['plain text', { 'content-type': 'text/plain' }],
  ['another character set', { 'content-type': 'application/fhir+json; charset=utf-16' }],
  ['another version', { 'content-type': 'application/fhir+json; fhirVersion=3.0' }],
  ['XML that is JSON', { 'content-type': 'application/fhir+xml' }],
  ['a type of a megabyte', { 'content-type': `application/${'x'.repeat(8000)}` }],
  ['several parts', { 'content-type': 'multipart/form-data; boundary=x' }],
  ['YAML', { 'content-type': 'application/fhir+yaml' }],
  ['RDF', { 'content-type': 'text/turtle' }],
  ['a version that is not there', { ...JSON_BODY, 'if-match': 'W/"7"' }],
  ['versions that are none', { ...JSON_BODY, 'if-match': 'W/"'.repeat(1000) }],
  ['a star that is not there', { ...JSON_BODY, 'if-match': '*' }],
  ['a tag where only a star may be', { ...JSON_BODY, 'if-none-match': 'W/"1"' }],
];

const HOSTS: readonly string[] = [
  'evil.example',
  'evil.example:8080',
  'localhost.evil.example',
  '127.0.0.1.nip.io',
  'localhost@evil.example',
  '0.0.0.0',
  '[::]',
  '192.168.0.1',
  '2130706433.example',
  'localhost:8080.evil.example',
  '[::1].evil.example',
  'xn--lcalhost-6ya',
  '169.254.169.254',
  'host.docker.internal',
  'chartroom',
  'fhir.local',
];
const ORIGINS: readonly string[] = [
  'http://evil.example',
  'https://localhost.evil.example',
  'null',
  'http://localhost:1',
  'file://',
  'http://127.0.0.1:81',
  'chrome-extension://abc',
];
const CHANGES: readonly Omit<Attack, 'name' | 'headers'>[] = [
  { method: 'PUT', path: '/fhir/Patient/evil', body: evil },
  { method: 'POST', path: '/fhir/Patient', body: evil },
  { method: 'DELETE', path: '/fhir/Patient/there' },
  { method: 'POST', path: '/fhir/Patient/there/$purge', body: () => '' },
  { method: 'POST', path: '/fhir/$reindex', body: () => '' },
  { method: 'POST', path: '/fhir/Binary', body: () => 'evil' },
  { method: 'POST', path: '/fhir', body: () => '{"resourceType":"Bundle","type":"transaction"}' },
];

export const heads: readonly Attack[] = [
  ...PATHS.map(path => get(`GET ${path.slice(0, 60)}`, path, {}, { answered: 'either' })),
  ...HEADERS.map(([name, headers, answered]) =>
    get(`a read with ${name}`, '/fhir/Patient/there', headers, answered ? { answered } : {}),
  ),
  ...BODIES.map(([name, headers]) => writes(`an update with ${name}`, headers)),
];

export const sites: readonly Attack[] = [
  ...HOSTS.flatMap(host => [
    get(`a read of Host ${host}`, '/fhir/Patient/there', { host }),
    get(`the numbers of Host ${host}`, '/metrics', { host }),
    { ...CHANGES[0]!, name: `an update of Host ${host}`, headers: { host, ...JSON_BODY } },
  ]),
  ...ORIGINS.flatMap(origin =>
    CHANGES.map(change => ({
      ...change,
      name: `${change.method} ${change.path} from ${origin}`,
      headers: { origin, ...JSON_BODY },
    })),
  ),
  ...CHANGES.flatMap(change =>
    (['cross-site', 'same-site'] as const).map(site => ({
      ...change,
      name: `${change.method} ${change.path} of a page that is ${site}`,
      headers: { 'sec-fetch-site': site, ...FORM },
    })),
  ),
];
