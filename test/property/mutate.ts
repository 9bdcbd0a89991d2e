/**
 * Damages a request: its method, path, query, headers and body, as bytes and as what they mean, and the way it is packed. The
 * same random numbers give the same damage. What comes out can be sent by Node's HTTP client.
 */
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { Json } from '../../src/fhir/resource.js';
import type { Sent } from '../support/exchange.js';
import type { Random } from '../support/random.js';

/** Bodies stay small: what large ones do is asked elsewhere. */
const MOST_BYTES = 200_000;

const TEXTS = [
  '',
  ' ',
  '\u0000',
  '\ud800',
  '\ufffe',
  '😀',
  'é',
  '__proto__',
  'constructor',
  '../..',
  '%',
  '%2F',
  '%00',
  '$',
  '|',
  ',',
  '\\',
  "'",
  '"',
  '<',
  '&#0;',
  '<!DOCTYPE x [<!ENTITY y "z">]>&y;',
  '<![CDATA[x]]>',
  '1e999',
  '-0',
  '0001-01-01',
  '9999-12-31T23:59:60Z',
  '2020-02-30',
  'true',
  'null',
  'Patient/1',
  'urn:uuid:00000000-0000-4000-8000-000000000001',
  '#x',
  'http://a.example/fhir/Patient/1/_history/1?x=y#z',
  'application/fhir+xml; charset=utf-16',
  'W/"1"',
  '*',
  'x'.repeat(3000),
] as const;
const NAMES = [
  'resourceType',
  'id',
  'meta',
  'extension',
  '_id',
  '__proto__',
  'text',
  'contained',
  'reference',
  'value',
];
const HEADERS = [
  'accept',
  'content-type',
  'content-encoding',
  'accept-encoding',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-none-exist',
  'prefer',
  'range',
  'x-request-id',
  'authorization',
  'origin',
  'accept-charset',
  'expect-nothing',
];
const TYPES = [
  'application/fhir+json',
  'application/fhir+xml',
  'application/json-patch+json',
  'application/x-www-form-urlencoded',
  'text/html',
  'application/octet-stream',
];
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE'];

/** Half a character becomes what UTF-8 makes of it. */
const wellFormed = (text: string): string => Buffer.from(text).toString();

/** What Node lets out: other characters are the business of test/flow/bad-input. */
const forPath = (text: string): string => text.replace(/[^!-~]/gu, letter => encodeURIComponent(wellFormed(letter)));
const forHeader = (text: string): string => text.replace(/[^\t -~]/gu, '?');

/** A part of the text left out, doubled, or replaced. */
function edit(text: string, random: Random, by: string): string {
  const at = random.below(text.length + 1);
  const end = Math.min(text.length, at + random.below(random.chance(0.8) ? 4 : 40));
  const cut = text.slice(at, end);
  return text.slice(0, at) + random.pick(['', cut + cut, by, cut.toUpperCase()]) + text.slice(end);
}

const isHolder = (value: Json | undefined): value is Json & object => typeof value === 'object' && value !== null;

/** Every object and array of a tree, with its keys. */
function holders(value: Json, found: (Json & object)[] = []): (Json & object)[] {
  if (!isHolder(value)) return found;
  found.push(value);
  for (const inner of Object.values(value)) holders(inner, found);
  return found;
}

function oddValue(random: Random, tree: Json): Json {
  const kind = random.below(8);
  if (kind < 3) return random.pick(TEXTS);
  if (kind === 3) return random.pick([0, -1, 1.5, 1e21, 1e-7, 4294967296, true, false, null]);
  if (kind === 4) return random.pick([[], {}, [null], [[]], { extension: [] }, [{}]]) as Json;
  if (kind === 5) return Array.from({ length: 1 + random.below(200) }, () => random.pick(TEXTS));
  if (kind === 6) {
    let deep: Json = 'x';
    for (let i = random.below(90); i > 0; i--) deep = random.chance(0.5) ? [deep] : { extension: [deep] };
    return deep;
  }
  // A part of the tree where it does not belong.
  return structuredClone(random.pick(holders(tree))) as Json;
}

/** A JSON text in whose tree up to three places were damaged. */
export function damageTree(body: string, random: Random): string {
  const tree = JSON.parse(body) as Json;
  for (let times = 1 + random.below(3); times > 0; times--) {
    const holder = random.pick(holders(tree)) as Record<string, Json>;
    const keys = Object.keys(holder);
    const key = keys.length > 0 ? random.pick(keys) : 'x';
    const kind = random.below(4);
    if (kind === 0) delete holder[key];
    else if (kind === 1) Object.defineProperty(holder, random.pick(NAMES), { ...PLAIN, value: oddValue(random, tree) });
    else if (kind === 2 && typeof holder[key] === 'string') holder[key] = edit(holder[key], random, random.pick(TEXTS));
    else holder[key] = oddValue(random, tree);
    if (Array.isArray(holder) && random.chance(0.2)) holder.push(...holder.slice(0, 50));
  }
  return JSON.stringify(tree);
}
const PLAIN = { enumerable: true, configurable: true, writable: true };

function damageBytes(body: Buffer, random: Random): Buffer {
  const at = random.below(body.length + 1);
  const end = Math.min(body.length, at + random.below(30));
  const between = random.pick([
    Buffer.alloc(0),
    Buffer.from([random.below(256)]),
    Buffer.from(random.pick(TEXTS)),
    Buffer.concat([body.subarray(at, end), body.subarray(at, end)]),
  ]);
  if (random.chance(0.1)) return body.subarray(0, at);
  return Buffer.concat([body.subarray(0, at), between, body.subarray(end)]);
}

type Damage = (sent: Sent, random: Random) => Sent;

const bytesOf = ({ body = '' }: Sent): Buffer => Buffer.from(body);

const damagePath: Damage = (sent, random) => ({
  ...sent,
  path: `/fhir${forPath(edit(sent.path.slice(5), random, random.pick(TEXTS)))}`,
});

const damageQuery: Damage = (sent, random) => {
  const [path = '', query = ''] = sent.path.split('?');
  const pairs = query.split('&').filter(pair => pair !== '');
  const at = random.below(pairs.length + 1);
  const [name = '_id', value = ''] = (pairs[at] ?? '_id=x').split('=');
  const other = random.pick([
    `${name}=${encodeURIComponent(wellFormed(random.pick(TEXTS)))}`,
    `${name}:${random.pick(['missing', 'not', 'exact', 'contains', 'in', 'below', 'of-type', 'text', 'x'])}=${value}`,
    `${random.pick(['_sort', '_count', '_include', '_filter', '_has', '_type', '_summary', '_elements'])}=${value}`,
    Array.from({ length: 1 + random.below(60) }, () => `${name}=${value}`).join('&'),
    `${name}=${Array.from({ length: 1 + random.below(60) }, (_, i) => value + i).join(',')}`,
    `${name}.${name}.${name}=${value}`,
    edit(`${name}=${value}`, random, random.pick(TEXTS)),
  ]);
  return { ...sent, path: `${path}?${forPath([...pairs.slice(0, at), other, ...pairs.slice(at)].join('&'))}` };
};

const damageHeaders: Damage = (sent, random) => {
  const headers = { ...sent.headers };
  const name = random.pick(random.chance(0.5) ? HEADERS : ['content-type', ...Object.keys(headers)]);
  const kind = random.below(4);
  if (kind === 0) delete headers[name];
  else if (kind === 1) headers[name] = random.pick(TYPES);
  else if (kind === 2) headers[name] = forHeader(random.pick(TEXTS)).slice(0, 2000);
  else headers[name] = forHeader(edit(String(headers[name] ?? 'W/"1", *'), random, random.pick(TEXTS)));
  return { ...sent, headers };
};

const damageBody: Damage = (sent, random) => {
  const text = bytesOf(sent).toString();
  const isTree = /^[[{]/.test(text) && random.chance(0.75);
  if (!isTree) return { ...sent, body: damageBytes(bytesOf(sent), random) };
  try {
    return { ...sent, body: damageTree(text, random) };
  } catch {
    return { ...sent, body: damageBytes(bytesOf(sent), random) };
  }
};

const pack: Damage = (sent, random) => {
  const [name, packed] = random.pick([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const);
  const body = packed(bytesOf(sent));
  const content = random.chance(0.2) ? damageBytes(body, random) : body;
  const label = random.chance(0.1) ? random.pick(['identity', 'gzip, gzip', 'zstd', 'br']) : name;
  return { ...sent, headers: { ...sent.headers, 'content-encoding': label }, body: content };
};

const DAMAGES: readonly Damage[] = [damagePath, damageQuery, damageQuery, damageHeaders, damageBody, damageBody];

export function mutate(sent: Sent, random: Random): Sent {
  let damaged = random.chance(0.1) ? { ...sent, method: random.pick(METHODS) } : sent;
  for (let times = 1 + random.below(3); times > 0; times--) {
    // A body is where most of a server's code is.
    const damage = sent.body !== undefined && random.chance(0.5) ? damageBody : random.pick(DAMAGES);
    damaged = damage(damaged, random);
  }
  if (damaged.body !== undefined && random.chance(0.15)) damaged = pack(damaged, random);
  if (random.chance(0.05)) damaged = { ...damaged, chunked: true };
  const { body } = damaged;
  return body === undefined ? damaged : { ...damaged, body: bytesOf({ ...damaged, body }).subarray(0, MOST_BYTES) };
}
