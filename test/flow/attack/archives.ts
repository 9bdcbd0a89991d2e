/** Bodies that inflate, or only say that they do. https://www.rfc-editor.org/rfc/rfc1952 */
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { type Attack, FORM, JSON_BODY } from './attack.js';

const GZIP = { 'content-encoding': 'gzip' } as const;
const patient = '{"resourceType":"Patient","id":"evil","active":true}';
const packed = new Map<string, Buffer>();
/** Made once each: packing a bomb takes longer than refusing it. */
const bomb = (unit: string, megabytes: number) => (): Buffer => {
  const made = packed.get(unit) ?? gzipSync(Buffer.alloc(megabytes * 1024 * 1024, unit));
  packed.set(unit, made);
  return made;
};

const UNITS: readonly (readonly [name: string, unit: string])[] = [
  ['empty objects', '{},'],
  ['brackets', '['],
  ['blanks', ' '],
  ['zeros', '0'],
  ['NUL bytes', '\0'],
  ['entries', '{"request":{"method":"GET","url":"metadata"}},'],
];
const TARGETS: readonly (readonly [name: string, method: string, path: string, type: string])[] = [
  ['a Bundle', 'POST', '/fhir', 'application/fhir+json'],
  ['an update', 'PUT', '/fhir/Patient/evil', 'application/fhir+json'],
  ['an update in XML', 'PUT', '/fhir/Patient/evil', 'application/fhir+xml'],
  ['a patch', 'PATCH', '/fhir/Patient/there', 'application/json-patch+json'],
  ['a search', 'POST', '/fhir/Patient/_search', 'application/x-www-form-urlencoded'],
  ['an operation', 'POST', '/fhir/Patient/there/$meta-add', 'application/fhir+json'],
  ['an upload', 'POST', '/fhir/Binary', 'application/pdf'],
];

const broken: readonly (readonly [name: string, body: () => Buffer, headers?: Record<string, string>])[] = [
  ['cut off', () => gzipSync(patient).subarray(0, 20)],
  ['without an end', () => gzipSync(patient).subarray(0, -8)],
  ['with a wrong checksum', () => Buffer.concat([gzipSync(patient).subarray(0, -8), Buffer.alloc(8)])],
  ['that is none', () => Buffer.from(patient)],
  ['of nothing', () => Buffer.alloc(0)],
  ['with rubbish behind it', () => Buffer.concat([gzipSync('{"resourceType"'), Buffer.from('rubbish')])],
  ['in gzip', () => gzipSync(gzipSync(patient))],
  ['by brotli', () => brotliCompressSync(patient), { 'content-encoding': 'br' }],
  ['by deflate', () => deflateSync(patient), { 'content-encoding': 'deflate' }],
  ['twice', () => gzipSync(gzipSync(patient)), { 'content-encoding': 'gzip, gzip' }],
  ['of no known kind', () => Buffer.from(patient), { 'content-encoding': 'x-bomb' }],
];

export const archives: readonly Attack[] = [
  ...TARGETS.flatMap(([target, method, path, type]) =>
    UNITS.map(
      ([name, unit]): Attack => ({
        name: `${target} of 100 MB of ${name} in gzip`,
        method,
        path,
        headers: { 'content-type': type, ...GZIP },
        body: bomb(unit, 100),
      }),
    ),
  ),
  ...broken.map(
    ([name, body, headers = GZIP]): Attack => ({
      name: `a body compressed ${name}`,
      method: 'PUT',
      path: '/fhir/Patient/evil',
      headers: { ...JSON_BODY, ...headers },
      body,
    }),
  ),
  {
    name: 'a form of many members in gzip',
    method: 'POST',
    path: '/fhir/Patient/_search',
    headers: { ...FORM, ...GZIP },
    body: bomb('a=b&', 1),
  },
];
