/** Requests that a server answers without fault: one or more of each interaction, to be damaged by mutate.ts. */
import type { Resource } from '../../src/fhir/resource.js';
import { printXml } from '../../src/fhir/xml/write.js';
import { entry, post, put, uuid } from '../support/bundles.js';
import { definitions } from '../support/changes.js';
import type { Sent } from '../support/exchange.js';
import { createPopulation } from '../support/population.js';

/** Stored before the first request, and again now and then: deletes are among the requests. */
export const HOSPITAL = createPopulation({ seed: 41, patients: 3 });

const JSON_TYPE = { 'content-type': 'application/fhir+json' };
const XML_TYPE = { 'content-type': 'application/fhir+xml' };
const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' };

const nameOf = ({ resourceType, id }: Resource) => `${resourceType}/${id as string}`;
const PATIENT = nameOf(HOSPITAL.find(({ resourceType }) => resourceType === 'Patient')!);

const request = (method: string, path: string, headers: Sent['headers'] = {}, body?: string): Sent => ({
  method,
  path: `/fhir${path}`,
  headers,
  ...(body === undefined ? {} : { body }),
});
const json = (method: string, path: string, body: object, headers: Sent['headers'] = {}): Sent =>
  request(method, path, { ...JSON_TYPE, ...headers }, JSON.stringify(body));

const writes = HOSPITAL.flatMap((resource): Sent[] => {
  const xml = printXml(resource, definitions, new Map());
  return [
    json('PUT', `/${nameOf(resource)}`, resource),
    request('PUT', `/${nameOf(resource)}`, { ...XML_TYPE, accept: 'application/fhir+xml' }, xml),
    json('POST', `/${resource.resourceType}`, resource, { prefer: 'return=representation' }),
  ];
});

const reads = [
  `/${PATIENT}`,
  `/${PATIENT}?_format=xml&_pretty=true`,
  `/${PATIENT}?_summary=text`,
  `/${PATIENT}/_history/1`,
  `/${PATIENT}/_history?_count=5`,
  '/Patient/_history?_since=2020-01-01T00:00:00Z',
  '/_history?_count=3&_type=Patient,Observation',
  `/${PATIENT}/$everything?_count=10`,
  `/${PATIENT}/$meta`,
  '/$meta',
  '/$reindex',
  '/metadata',
  '/metadata?_format=xml',
  `/${PATIENT}/Observation?code=8480-6`,
  '/AuditEvent?_count=2&_sort=-date',
];
const searches = [
  'Patient?family=smith&birthdate=lt1990-01-01&_sort=-birthdate,family&_count=5',
  'Patient?family:contains=n&_elements=name,id&_total=accurate',
  'Patient?identifier=urn:oid:2.16.840.1.113883.19.5|1,2&active:not=true',
  'Patient?_has:Observation:patient:code=8480-6&_revinclude=Observation:patient',
  'Observation?subject:Patient.name=smith&value-quantity=gt80|http://unitsofmeasure.org|kg',
  'Observation?code-value-quantity=http://loinc.org|8480-6$gt100&_include=Observation:subject',
  'Observation?date=ge2020-01&date=lt2021&status:in=http://hl7.org/fhir/ValueSet/observation-status',
  'Encounter?class=AMB&date=ap2020-06-15&_include:iterate=Encounter:patient&_summary=data',
  'DocumentReference?_filter=type eq 34133-9 and (date ge 2020 or not (status pr false))',
  'Condition?code:text=dia&onset-date=sa2020&_sort=onset-date&_summary=count',
  'Organization?name:exact=x&address-city:missing=true',
  'Location?near=42.3|-71.1|100|km',
];
const asked = searches.flatMap((query): Sent[] => {
  const [type = '', form = ''] = query.split('?');
  const encoded = new URLSearchParams(form).toString();
  return [
    request('GET', `/${type}?${encoded}`),
    request('POST', `/${type}/_search`, { ...FORM_TYPE, prefer: 'handling=lenient' }, encoded),
  ];
});

const observation = { resourceType: 'Observation', status: 'final', code: { text: 'x' } } as const;
const bundle = (type: string, entries: readonly object[]) => ({ resourceType: 'Bundle', type, entry: entries });
const entries = [
  post({ resourceType: 'Patient', identifier: [{ system: 'urn:m', value: '1' }] }, { fullUrl: uuid(1) }),
  post({ ...observation, subject: { reference: uuid(1) } }, { fullUrl: uuid(2) }),
  put({ resourceType: 'Basic', id: 'mutated', code: { text: 'x' }, subject: { reference: uuid(1) } }),
  post({ resourceType: 'Patient', active: true }, { ifNoneExist: 'identifier=urn:m|1' }),
  entry('DELETE', 'Basic?identifier=urn:m|none'),
  entry('GET', 'Patient?family=smith&_count=3'),
  entry('GET', `${PATIENT}/_history/1`),
];
const parameters = (parameter: readonly object[]) => ({ resourceType: 'Parameters', parameter });
const operation = (part: readonly object[]) => ({ name: 'operation', part });

const changes: Sent[] = [
  json('POST', '', bundle('transaction', entries)),
  json('POST', '', bundle('batch', [...entries, entry('PATCH', PATIENT)])),
  json('PUT', '/Patient?identifier=urn:m|1', {
    resourceType: 'Patient',
    identifier: [{ system: 'urn:m', value: '1' }],
  }),
  json('POST', '/Patient', { resourceType: 'Patient' }, { 'if-none-exist': 'identifier=urn:m|1' }),
  json('PUT', '/Basic/mutated', { resourceType: 'Basic', id: 'mutated', code: { text: 'y' } }, { 'if-match': 'W/"1"' }),
  request(
    'PATCH',
    `/${PATIENT}`,
    { 'content-type': 'application/json-patch+json' },
    JSON.stringify([
      { op: 'test', path: '/resourceType', value: 'Patient' },
      { op: 'add', path: '/active', value: true },
      { op: 'replace', path: '/gender', value: 'other' },
      { op: 'copy', from: '/name/0', path: '/name/-' },
      { op: 'remove', path: '/name/1' },
    ]),
  ),
  json(
    'PATCH',
    `/${PATIENT}`,
    parameters([
      operation([
        { name: 'type', valueCode: 'replace' },
        { name: 'path', valueString: "Patient.name.where(use = 'official').family" },
        { name: 'value', valueString: 'Neu' },
      ]),
      operation([
        { name: 'type', valueCode: 'insert' },
        { name: 'path', valueString: 'Patient.name.given' },
        { name: 'index', valueInteger: 0 },
        { name: 'value', valueString: 'Eins' },
      ]),
    ]),
  ),
  request(
    'PATCH',
    `/${PATIENT}`,
    XML_TYPE,
    '<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/><part><name value="type"/><valueCode value="delete"/></part><part><name value="path"/><valueString value="Patient.maritalStatus"/></part></parameter></Parameters>',
  ),
  request('DELETE', '/Basic/mutated'),
  request('DELETE', '/Basic?identifier=urn:m|none'),
  request('POST', '/Binary', { 'content-type': 'text/plain' }, 'some text'),
  json('POST', '/Binary', { resourceType: 'Binary', contentType: 'text/plain', data: 'c29tZQ==' }),
  json(
    'POST',
    `/${PATIENT}/$meta-add`,
    parameters([{ name: 'meta', valueMeta: { tag: [{ system: 'urn:m', code: 'x' }] } }]),
  ),
  json('POST', `/${PATIENT}/$meta-delete`, parameters([{ name: 'meta', valueMeta: { tag: [{ code: 'x' }] } }])),
  request('POST', '/Basic/mutated/$purge', JSON_TYPE, '{"resourceType":"Parameters"}'),
  json('PUT', '/SearchParameter/mutated', {
    resourceType: 'SearchParameter',
    id: 'mutated',
    url: 'http://a.example/SearchParameter/mutated',
    name: 'mutated',
    status: 'draft',
    description: 'x',
    code: 'mutated',
    base: ['Basic'],
    type: 'token',
    expression: "Basic.extension('http://a.example/x').value",
  }),
];

const CODES = {
  resourceType: 'CodeSystem',
  url: 'urn:m',
  status: 'active',
  content: 'complete',
  concept: [{ code: 'x' }],
};
const COMPOSE = { include: [{ system: 'urn:m', filter: [{ property: 'code', op: 'regex', value: 'x|y*' }] }] };
const CODE_SET = { resourceType: 'ValueSet', url: 'urn:set', status: 'active', compose: COMPOSE };
const GENDERS = 'http://hl7.org/fhir/administrative-gender';
const terminology: readonly Sent[] = [
  request(
    'GET',
    '/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender&filter=fem&count=5&offset=0',
  ),
  request('GET', `/CodeSystem/$lookup?system=${GENDERS}&code=male&property=*&displayLanguage=de,en;q=0.5`),
  request('GET', `/CodeSystem/$subsumes?system=${GENDERS}&codeA=male&codeB=female`),
  request('GET', `/CodeSystem/$validate-code?url=${GENDERS}&code=male&display=Male`),
  json(
    'POST',
    '/ValueSet/$expand',
    parameters([
      { name: 'valueSet', resource: CODE_SET },
      { name: 'tx-resource', resource: CODES },
      { name: 'includeDesignations', valueBoolean: true },
    ]),
  ),
  json(
    'POST',
    '/ValueSet/$validate-code',
    parameters([
      { name: 'valueSet', resource: CODE_SET },
      { name: 'tx-resource', resource: CODES },
      { name: 'coding', valueCoding: { system: 'urn:m', code: 'x', display: 'X' } },
      { name: 'system-version', valueUri: 'urn:m|1' },
    ]),
  ),
  json('POST', '/ConceptMap/$translate', parameters([{ name: 'coding', valueCoding: { system: 'urn:m', code: 'x' } }])),
];

/** By kinds, so that each kind comes up as often as the others. */
export const VALID: readonly (readonly Sent[])[] = [
  writes,
  reads.map(path => request('GET', path)),
  asked,
  changes,
  terminology,
];
