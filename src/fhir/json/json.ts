/**
 * FHIR JSON bodies: bytes → object, with all guards. stamp.ts has the way back, to the bytes that are stored.
 * https://hl7.org/fhir/R4/json.html, https://www.rfc-editor.org/rfc/rfc8259
 *
 * Choices: names must be unique within an object (RFC 8259 §4 says only SHOULD: two readers would see two documents);
 * a byte order mark is tolerated; numbers have at most 40 characters and must be finite; control characters other
 * than tab, CR and LF are refused even when escaped (R4, `string`), and so are lone surrogates, which no UTF-8 can carry,
 * and U+FFFE and U+FFFF, which no XML can: https://www.w3.org/TR/xml/#charsets.
 */
import { isUtf8 } from 'node:buffer';
import { atOnce, inPieces, type Pieces } from '../../platform/pieces.js';
import { FhirError } from '../error.js';
import type { Decimals, Json, JsonObject, Parsed, Resource } from '../resource.js';
import type { Container } from './open-containers.js';
import { type Lossy, PIECE, type Scan, scanning } from './scan.js';
import { whereBroken } from './syntax.js';

/** Levels of a body that comes in. It keeps every recursion below safe. */
export const MAX_DEPTH = 64;

export interface JsonLimits {
  /** Brackets inside one another. */
  readonly maxDepth: number;
  /** Longest array; absent: no limit. */
  readonly maxArray?: number;
  /** Values of all objects and arrays; absent: no limit. */
  readonly maxValues?: number;
  /** What XML cannot carry is refused: of all that comes in. What was stored before that rule can still be read. */
  readonly portable?: true;
}

/**
 * Limits for what the server has stored or written itself. It was checked on its way in, so only the depth is limited,
 * and above what is accepted: what was stored under other settings stays readable.
 */
export const STORED_JSON: JsonLimits = { maxDepth: 200 };

const invalid = (detail: string, message: string) => new FhirError('invalid', message, { detail });

/** An escape that may stand for half of a surrogate pair or for a control character. */
const SUSPECT_ESCAPE = /\\u(?:[dD][89a-fA-F]|00[01])/;
const NO_CHARACTER_ESCAPE = /\\u[fF]{3}[eEfF]/;
const NO_CHARACTER = /[\ufffe\uffff]/;
/** An escape of a character of base64: legal, but it hides attachments from a search in the bytes. */
const BASE64_ESCAPE = /\\u(?:002[bBfF]|003[dD])/;
/** An escape of a character of what such a search looks for (inline-base64.ts). */
const NAME_ESCAPE = /\\u00(2[cC]|3[46bB]|[46][1-9a-fA-F]|[57][\daA])/g;
const NAME = /"data"|Base64Binary"|"carrierAIDC"|"query"|;base64,/g;
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]|\p{Surrogate}/u;

/** Characters, without the bytes of attachments, above which work on a resource is done beside the event loop. */
const LARGE = 128 * 1024;

/**
 * Reads a JSON resource. Throws `invalid` with one of the details json-utf8, json-syntax, json-depth, json-number,
 * json-duplicate-key, json-array-length, json-character, json-no-resource, and `too-large` as `scanning` does. Nothing but
 * `resourceType` is known of the result. A member named `__proto__` arrives as an own property (validation refuses it as
 * unknown).
 */
export const parseJson = (body: Buffer, limits: JsonLimits): Parsed => atOnce(parsing(body, limits));

/** The same of a body from outside: a large one is read in pieces, so that nobody else waits. */
export const readJson = async (body: Buffer, limits: JsonLimits): Promise<Parsed> =>
  body.length > PIECE ? inPieces(parsing(body, limits)) : parseJson(body, limits);

/** Reads JSON of any shape (a JSON Patch, an entry) under the same guards; the digits of numbers are kept beside objects and arrays. */
export const parseAnyJson = (body: Buffer, limits: JsonLimits): AnyJson => atOnce(parsingAny(body, limits));

/** The same of a body from outside. */
export const readAnyJson = async (body: Buffer, limits: JsonLimits): Promise<AnyJson> =>
  body.length > PIECE ? inPieces(parsingAny(body, limits)) : parseAnyJson(body, limits);

/** Whether names of members with base64 are written with escapes. */
function hidesNames(text: string): boolean {
  const plain = text.replaceAll(NAME_ESCAPE, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  return plain.length < text.length && countOf(plain, NAME) > countOf(text, NAME);
}

function countOf(text: string, pattern: RegExp): number {
  let count = 0;
  for (const _ of text.matchAll(pattern)) count++;
  return count;
}

export interface AnyJson {
  readonly value: Json;
  readonly decimals: Decimals | undefined;
  readonly text: string;
  readonly found: Scan;
}

function* parsing(body: Buffer, limits: JsonLimits): Pieces<Parsed> {
  const { value, decimals, text, found } = yield* parsingAny(body, limits);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('json-no-resource', 'The body is JSON, but not an object. Send one resource as a JSON object.');
  const type = Object.hasOwn(value, 'resourceType') ? value['resourceType'] : undefined;
  if (typeof type !== 'string' || type === '')
    throw invalid('json-no-resource', 'The body has no resourceType. Add it, with the name of the resource type.');
  const compact =
    !found.broken &&
    found.blanks * 20 <= text.length &&
    !text.includes('\\/') &&
    !(text.includes('\\u') && (BASE64_ESCAPE.test(text) || hidesNames(text)));
  const resource = value as Resource;
  return {
    resource,
    decimals,
    text,
    compact,
    members: found.members,
    ...(isLarge(found, text) ? { large: true } : {}),
  };
}

/** Whether work on what was read is to be done beside the event loop. */
export const isLarge = ({ bulk }: Scan, text: string): boolean => text.length - bulk > LARGE;

function* parsingAny(body: Buffer, limits: JsonLimits): Pieces<AnyJson> {
  const text = decodeUtf8(body, 'json-utf8');
  const found = yield* scanning(text, limits);
  const long = text.length > PIECE;
  if (long) yield;
  const value = parseText(text);
  if (long) yield;
  if (countKeys(value, limits.maxArray ?? Infinity) !== found.keys)
    throw invalid('json-duplicate-key', 'A property is given twice in one object. Send every property once.');
  if (long) yield;
  refuseCharacters(text, value, limits.portable ?? false);
  if (long) yield;
  const holds = typeof value === 'object' && value !== null && found.lossy.length > 0;
  return { value, decimals: holds ? tabulate(found.lossy, value) : undefined, text, found };
}

/** The text of a body, without its byte order mark. Throws `invalid` with the detail. */
export function decodeUtf8(body: Buffer, detail: string): string {
  if (!isUtf8(body)) throw invalid(detail, 'The body is not UTF-8. Encode it as UTF-8.');
  const marked = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;
  return body.toString('utf8', marked ? 3 : 0);
}

/** What strings may not hold; `portable`: nor what XML could not. */
function refuseCharacters(text: string, value: Json, portable: boolean): void {
  const escaped = text.includes('\\u');
  if (escaped && SUSPECT_ESCAPE.test(text)) refuseForbidden(value, FORBIDDEN);
  if (!portable) return;
  if (text.includes('\ufffe') || text.includes('\uffff') || (escaped && NO_CHARACTER_ESCAPE.test(text)))
    refuseForbidden(value, NO_CHARACTER);
}

function parseText(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    // V8's message quotes the body: it must not travel, not even as a cause.
    if (text.trim() === '') throw invalid('json-syntax', 'The body is empty. Send a resource.');
    if (!(cause instanceof SyntaxError)) throw cause;
    const place = whereBroken(text);
    const where = place ? `at line ${place.line}, column ${place.column}` : 'somewhere in it';
    throw invalid('json-syntax', `What was sent is not JSON: it breaks off the grammar ${where}.`);
  }
}

/** The number of members of all objects. The depth is limited already. */
function countKeys(value: Json, maxArray: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    if (value.length > maxArray)
      throw invalid('json-array-length', `An array has more than ${maxArray} items. Send fewer.`);
    for (const item of value) if (typeof item === 'object') count += countKeys(item, maxArray);
    return count;
  }
  for (const key in value) {
    count++;
    const member = value[key]!;
    if (typeof member === 'object') count += countKeys(member, maxArray);
  }
  return count;
}

function refuseForbidden(value: Json, forbidden: RegExp): void {
  if (typeof value === 'string') {
    if (forbidden.test(value))
      throw invalid(
        'json-character',
        'A string has a control character, half of a surrogate pair, or U+FFFE or U+FFFF. Only tab, CR and LF are allowed below U+0020.',
      );
  } else if (Array.isArray(value)) for (const item of value) refuseForbidden(item, forbidden);
  else if (typeof value === 'object' && value !== null)
    for (const key in value) {
      refuseForbidden(key, forbidden);
      refuseForbidden(value[key]!, forbidden);
    }
}

function tabulate(lossy: readonly Lossy[], root: JsonObject | Json[]): Decimals {
  const table: Decimals = new Map();
  const containers = new Map<Container, JsonObject>();
  const containerOf = (of: Container): JsonObject => {
    let container = containers.get(of);
    if (!container) {
      container = of.parent ? (containerOf(of.parent)[of.key] as JsonObject) : (root as JsonObject);
      containers.set(of, container);
    }
    return container;
  };
  for (const { parent, key, text } of lossy) note(table, containerOf(parent), key, text);
  return table;
}

/** Enters the literal of `parent[key]` into the table. */
export function note(table: Decimals, parent: object, key: string | number, text: string): void {
  let texts = table.get(parent);
  if (!texts) {
    texts = Object.create(null) as Record<string, string>; // `__proto__` and `constructor` are keys like any other
    table.set(parent, texts);
  }
  texts[key] = text;
}
