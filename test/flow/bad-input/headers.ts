/** Headers that cannot be obeyed, and headers that are junk and must do no harm. */
import { gzipSync } from 'node:zlib';
import { type BadRequest, JSON_TYPE, KNOWN, LIMITS, MARK, XML_TYPE } from './bad-request.js';

type Headers = Readonly<Record<string, string | readonly string[]>>;

const body = JSON.stringify(KNOWN);

const read = (name: string, headers: Headers, status: number, code?: string, expression?: string): BadRequest => ({
  name,
  method: 'GET',
  path: '/fhir/Patient/known',
  headers,
  status,
  ...(code === undefined ? {} : { code }),
  ...(expression === undefined ? {} : { expression }),
});

const write = (
  name: string,
  headers: Headers,
  expected: Pick<BadRequest, 'status' | 'code' | 'expression' | 'detail'>,
  more: Partial<BadRequest> = {},
): BadRequest => ({ name, method: 'PUT', path: '/fhir/Patient/known', headers, body, ...more, ...expected });

const accepts = [
  'text/csv',
  'application/pdf',
  'image/*',
  'application/fhir+turtle',
  'application/fhir+json; fhirVersion=3.0',
  'application/fhir+json;fhirVersion=5.0, application/fhir+xml;fhirVersion=1.0',
  'application/json;q=0',
  'application/json;q=x',
  '*/*;q=0',
  MARK,
  '/',
  ';;;,,,',
  ','.repeat(4000),
  `${'text/x,'.repeat(1000)}text/x`,
].map(accept => read(`Accept: ${accept.slice(0, 40)}`, { accept }, 406, 'not-supported', 'http.Accept'));

const types = [
  'text/plain',
  'text/html',
  'application/fhir+turtle',
  'application/octet-stream',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/json-patch+json',
  'application/fhir+ndjson',
  'application/fhir+json; charset=latin1',
  'application/fhir+json; charset=utf-16',
  'application/fhir+json; fhirVersion=3.0',
  'application/fhir+json, application/fhir+xml',
  'json',
  MARK,
  ';',
  '*/*',
  `application/fhir+json; charset="${MARK}"`,
].map(type =>
  write(
    `Content-Type: ${type.replace(MARK, 'junk')}`,
    { 'content-type': type },
    { status: 415, code: 'not-supported', expression: 'http.Content-Type' },
  ),
);

const encodings = ['br', 'deflate', 'zstd', 'compress', 'gzip, gzip', 'gzip;q=1', MARK].map(encoding =>
  write(
    `Content-Encoding: ${encoding.replace(MARK, 'junk')}`,
    { ...JSON_TYPE, 'content-encoding': encoding },
    { status: 415, code: 'not-supported', expression: 'http.Content-Encoding' },
  ),
);

const GZIP = { ...JSON_TYPE, 'content-encoding': 'gzip' };
const zipped = gzipSync(body);
const compressed: readonly BadRequest[] = [
  write('plain text declared as gzip', GZIP, { status: 400, code: 'invalid', expression: 'http.Content-Encoding' }),
  write('gzip cut in the middle', GZIP, { status: 400, code: 'invalid' }, { body: zipped.subarray(0, 60) }),
  write(
    'gzip with a wrong checksum',
    GZIP,
    { status: 400, code: 'invalid' },
    { body: spoil(zipped, zipped.length - 6) },
  ),
  write('gzip with a broken head', GZIP, { status: 400, code: 'invalid' }, { body: spoil(zipped, 2) }),
  write('gzip of gzip', GZIP, { status: 400, code: 'invalid', detail: 'json-utf8' }, { body: gzipSync(zipped) }),
  write('gzip of nothing', GZIP, { status: 400, code: 'invalid' }, { body: gzipSync('') }),
  write('gzip without being told', JSON_TYPE, { status: 400, code: 'invalid', detail: 'json-utf8' }, { body: zipped }),
  write(
    'a bomb of gzip',
    GZIP,
    { status: 413, code: 'too-long' },
    { body: gzipSync(Buffer.alloc(64 * LIMITS.maxBody)) },
  ),
];

function spoil(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 0xff;
  return copy;
}

const precondition = (name: string, headers: Headers, status: number, header: string): BadRequest =>
  write(
    name,
    { ...JSON_TYPE, ...headers },
    { status, code: status === 412 ? 'conflict' : 'invalid', expression: `http.${header}` },
  );

const conditions: readonly BadRequest[] = [
  precondition('If-Match of another version', { 'if-match': 'W/"99"' }, 412, 'If-Match'),
  precondition('If-Match of a version in words', { 'if-match': `W/"${MARK}"` }, 412, 'If-Match'),
  precondition('If-Match of version 01', { 'if-match': 'W/"01"' }, 412, 'If-Match'),
  precondition('If-Match of a huge version', { 'if-match': `"${'9'.repeat(300)}"` }, 412, 'If-Match'),
  precondition('If-Match that is empty', { 'if-match': '' }, 400, 'If-Match'),
  precondition('If-Match of an empty version', { 'if-match': 'W/""' }, 400, 'If-Match'),
  precondition('If-Match without the end', { 'if-match': 'W/"1' }, 400, 'If-Match'),
  precondition('If-Match of two other versions', { 'if-match': 'W/"98", W/"99"' }, 412, 'If-Match'),
  precondition('If-Match of a version and junk', { 'if-match': `W/"1", ${MARK} ${MARK}` }, 400, 'If-Match'),
  precondition('If-Match twice', { 'if-match': ['W/"98"', 'W/"99"'] }, 412, 'If-Match'),
  precondition('If-Match of junk', { 'if-match': `${MARK} ${MARK}` }, 400, 'If-Match'),
  precondition('If-None-Match: * on what exists', { 'if-none-match': '*' }, 412, 'If-None-Match'),
  precondition('If-None-Match with a version', { 'if-none-match': 'W/"1"' }, 400, 'If-None-Match'),
  precondition('If-None-Match of junk', { 'if-none-match': MARK }, 400, 'If-None-Match'),
  write(
    'If-Match on what does not exist',
    { ...JSON_TYPE, 'if-match': 'W/"1"' },
    { status: 412, code: 'conflict' },
    { path: '/fhir/Patient/nosuch', body: JSON.stringify({ ...KNOWN, id: 'nosuch' }) },
  ),
  {
    name: 'a deletion with If-Match of another version',
    method: 'DELETE',
    path: '/fhir/Patient/known',
    headers: { 'if-match': 'W/"99"' },
    status: 412,
    code: 'conflict',
  },
  {
    name: 'a deletion with If-Match of junk',
    method: 'DELETE',
    path: '/fhir/Patient/known',
    headers: { 'if-match': '{}' },
    status: 400,
    code: 'invalid',
  },
  write(
    'If-None-Exist with an unknown parameter',
    { ...JSON_TYPE, 'if-none-exist': `nosuch=${MARK}` },
    { status: 400, code: 'not-supported' },
    { method: 'POST', path: '/fhir/Patient' },
  ),
];

const raw = (
  name: string,
  headers: Headers,
  expected: Pick<BadRequest, 'status' | 'code' | 'expression'>,
  size = 10,
): BadRequest => ({
  name: `${name} with raw bytes`,
  method: 'POST',
  path: '/fhir/Binary',
  headers,
  body: Buffer.alloc(size, 1),
  ...expected,
});

const uploads: readonly BadRequest[] = [
  raw(
    'a media type of one word',
    { 'content-type': MARK },
    { status: 400, code: 'invalid', expression: 'http.Content-Type' },
  ),
  raw('a media type with a blank', { 'content-type': 'application/p df' }, { status: 400, code: 'invalid' }),
  raw('a media type of markup', { 'content-type': 'text/<script>' }, { status: 400, code: 'invalid' }),
  raw(
    'a media type of 300 characters',
    { 'content-type': `text/${'x'.repeat(300)}` },
    { status: 400, code: 'invalid' },
  ),
  raw('no media type', {}, { status: 415, code: 'not-supported' }),
  raw(
    'a security context of junk',
    { 'content-type': 'text/plain', 'x-security-context': MARK },
    { status: 400, code: 'invalid', expression: 'http.X-Security-Context' },
  ),
  raw(
    'a security context that is a URL',
    { 'content-type': 'text/plain', 'x-security-context': 'http://example.org/Patient/1' },
    { status: 400, code: 'invalid' },
  ),
  raw(
    'an unknown encoding',
    { 'content-type': 'text/plain', 'content-encoding': 'br' },
    { status: 415, code: 'not-supported' },
  ),
  raw('broken gzip', { 'content-type': 'text/plain', 'content-encoding': 'gzip' }, { status: 400, code: 'invalid' }),
  raw('too much', { 'content-type': 'text/plain' }, { status: 413, code: 'too-long' }, LIMITS.maxBinary + 1),
  {
    ...raw(
      'too much in chunks',
      { 'content-type': 'text/plain' },
      { status: 413, code: 'too-long' },
      LIMITS.maxBinary + 1,
    ),
    chunked: true,
  },
  {
    ...raw(
      'a bomb of gzip',
      { 'content-type': 'text/plain', 'content-encoding': 'gzip' },
      { status: 413, code: 'too-long' },
    ),
    body: gzipSync(Buffer.alloc(64 * LIMITS.maxBinary)),
  },
];

/** Nothing to refuse: RFC 7240 §2 wants unknown preferences ignored, RFC 9110 invalid dates and ranges. */
const harmless: readonly BadRequest[] = [
  read('an unknown preference', { prefer: `${MARK}; return=${MARK}` }, 200),
  read('a preference of punctuation', { prefer: ';,=;=,"' }, 200),
  read('a date that is none in If-Modified-Since', { 'if-modified-since': MARK }, 200),
  read('an entity tag that is none in If-None-Match', { 'if-none-match': MARK }, 200),
  read('a range that is none', { range: 'bytes=-' }, 200),
  read('a request id of markup', { 'x-request-id': `<${MARK}>` }, 200),
  read('a request id of 5,000 characters', { 'x-request-id': MARK.repeat(715) }, 200),
  read('a request id twice', { 'x-request-id': [`${MARK}/1`, `${MARK}/2`] }, 200),
  read(
    'other people in X-Forwarded headers',
    { 'x-forwarded-for': MARK, 'x-forwarded-host': MARK, forwarded: `for=${MARK}` },
    200,
  ),
  read('a method in a header', { 'x-http-method-override': 'DELETE' }, 200),
  read('an unknown encoding in Accept-Encoding', { 'accept-encoding': `${MARK}, br;q=1.0, *;q=0` }, 200),
];

const XML_AS_JSON = '<Patient xmlns="http://hl7.org/fhir"><id value="known"/></Patient>';

export const badHeaders: readonly BadRequest[] = [
  ...accepts,
  ...types,
  write('no Content-Type', {}, { status: 415, code: 'not-supported' }),
  write('JSON declared as XML', XML_TYPE, { status: 400, code: 'invalid', detail: 'xml-syntax' }),
  write(
    'XML declared as JSON',
    JSON_TYPE,
    { status: 400, code: 'invalid', detail: 'json-syntax' },
    { body: XML_AS_JSON },
  ),
  ...encodings,
  ...compressed,
  ...conditions,
  ...uploads,
  ...harmless,
  write(
    'a body that is too large',
    JSON_TYPE,
    { status: 413, code: 'too-long' },
    { body: Buffer.alloc(LIMITS.maxBody + 1, 32) },
  ),
  write(
    'a body that is too large, in chunks',
    JSON_TYPE,
    { status: 413, code: 'too-long' },
    { body: Buffer.alloc(3 * LIMITS.maxBody, 32), chunked: true },
  ),
  write(
    'an XML body that is too large',
    XML_TYPE,
    { status: 413, code: 'too-long' },
    { body: Buffer.alloc(LIMITS.maxBody + 1, 32) },
  ),
];
