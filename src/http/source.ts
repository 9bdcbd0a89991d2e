/**
 * An HTTP request as the source of an interaction: its headers, and the bytes of its body read as what they are said to
 * be. https://hl7.org/fhir/R4/http.html#mime-type
 */
import { parse } from 'content-type';
import type { Request } from 'express';
import { asFhirError, FhirError } from '../fhir/error.js';
import { BinaryCut } from '../fhir/content/cut.js';
import { base64Length } from '../fhir/json/base64.js';
import { readAnyJson, readJson } from '../fhir/json/json.js';
import { isMediaType } from '../fhir/media-type.js';
import type { Parsed } from '../fhir/resource.js';
import type { Principal } from '../identity/principal.js';
import type { Engine } from '../interactions/engine.js';
import type { InteractionKind, Of, Parameters, Patch, RawBody } from '../interactions/interaction.js';
import { mostOfType } from '../interactions/long-lists.js';
import { patchOf } from '../interactions/transaction/entries.js';
import { checkSentProvenance, PROVENANCE_HEADER } from '../interactions/write/sent-provenance.js';
import { jsonOfXml, readXml } from '../validation/gate/beside.js';
import { type Intake, peekBody, readBody, streamBody } from './body.js';
import { MOST_RESOURCES, readBundle } from './bundle.js';
import { bodyFormat, type Format, isJsonPatch, ordinaryFormat } from './media.js';
import { MAX_PARAMETERS } from '../search/parse.js';
import { decodeForm } from './query.js';
import { preference, type Source } from './request.js';
import { isFhirBinary, SNIFFED } from './sniff.js';

export interface Limits extends Intake {
  /** Bytes. */
  readonly maxBody: number;
  readonly maxBundle: number;
  readonly maxBinary: number;
  readonly maxDepth: number;
  readonly portable: true;
  readonly maxArray: number;
  /** Of one resource: its objects, arrays, strings, numbers. */
  readonly maxValues: number;
}

/** Of a Bundle whose sender may not write: bytes and entries. Its entries are addresses. */
const WRITING = ['c', 'u', 'd'] as const;
const READERS_LIMITS = { maxBundle: 1024 * 1024, maxEntries: 1000 };

export const fromRequest = (request: Request, engine: Engine, limits: Limits, principal: Principal): Source => ({
  method: request.method,
  lenient: isLenient(request, engine),
  header: name => request.get(name),
  resource: type => readResource(request, type, engine, limits),
  patch: () => readPatch(request, engine, limits),
  optional: () => readOptional(request, engine, limits),
  judged: () => readJudged(request, engine, limits),
  upload: types => readUpload(request, types),
  form: () => readForm(request, limits),
  async bundle() {
    const mayWrite = WRITING.some(needs => engine.decide(principal, { needs }).allow);
    const most = !mayWrite ? READERS_LIMITS : { maxBundle: Infinity, maxEntries: Infinity };
    const maxEntries = Math.min(engine.settings.maxEntries, most.maxEntries);
    // XML takes ten times as much memory as JSON while it is read.
    const isXml = bodyFormat(request.headers['content-type']) === 'xml';
    const maxBundle = Math.min(isXml ? limits.maxBody : limits.maxBundle, most.maxBundle);
    const { bytes, format } = await readBytes(request, maxBundle, limits);
    const ofAll = { ...limits, maxValues: MOST_RESOURCES * limits.maxValues };
    const body = format === 'json' ? bytes : await jsonOfXml(bytes, engine.definitions, ofAll);
    const wishes = { prefer: preference(request.headers['prefer'], 'return'), lenient: isLenient(request, engine) };
    return readBundle(body, engine, { ...limits, maxEntries }, wishes);
  },
});

/** The Provenance in X-Provenance, as JSON in UTF-8; undefined: there is none. Throws `invalid` for what is none of a write of this kind. */
export async function sentProvenance(
  request: Request,
  kind: InteractionKind,
  limits: Limits,
): Promise<Parsed | undefined> {
  const text = request.get(PROVENANCE_HEADER);
  if (text === undefined) return undefined;
  const expression = `http.${PROVENANCE_HEADER}`;
  try {
    // Node gives bytes as characters.
    const provenance = await readJson(Buffer.from(text, 'latin1'), limits);
    checkSentProvenance(kind, provenance);
    return provenance;
  } catch (error) {
    const { kind: is, message, issues } = asFhirError(error);
    throw new FhirError(is, message, { issues: issues.map(issue => ({ ...issue, expression })) });
  }
}

/** https://hl7.org/fhir/R4/search.html#errors */
function isLenient({ headers }: Request, { settings }: Engine): boolean {
  const asked = headers['prefer'] === undefined ? undefined : preference(headers['prefer'], 'handling');
  return asked === undefined ? settings.lenient : asked === 'lenient';
}

async function readForm(request: Request, limits: Limits): Promise<Parameters> {
  const type = parse(request.headers['content-type'] ?? '', { parameters: false }).type;
  const body = await readBody(request, Math.min(limits.maxBody, 1024 * 1024), limits);
  if (body.length === 0) return [];
  if (type !== 'application/x-www-form-urlencoded')
    throw new FhirError('unsupported-media-type', 'The body of _search must be application/x-www-form-urlencoded.', {
      expression: 'http.Content-Type',
    });
  const text = body.toString('utf8');
  if (text.split('&', MAX_PARAMETERS + 1).length > MAX_PARAMETERS)
    throw new FhirError('too-costly', `A search may have ${MAX_PARAMETERS} parameters at most.`);
  return decodeForm(text);
}

async function readResource(request: Request, type: string, engine: Engine, limits: Limits): Promise<Parsed | RawBody> {
  const contentType = request.headers['content-type'];
  if (type === 'Binary' && contentType !== undefined) {
    if (await isContent(request, contentType)) return rawBody(request, contentType, limits);
    if ((await peekBody(request, STREAMED_FROM)).length >= STREAMED_FROM)
      return streamedBinary(request, contentType, engine, limits);
  }
  // XML takes ten times as much memory while it is read.
  return readFhir(request, engine, bodyFormat(contentType) === 'json' ? limitsOfType(type, limits) : limits);
}

function limitsOfType(type: string, limits: Limits): Limits {
  const maxValues = mostOfType(type, limits.maxValues);
  if (maxValues === limits.maxValues) return limits;
  return { ...limits, maxValues, maxArray: mostOfType(type, limits.maxArray) };
}

/** Bytes from which a Binary that is sent as a resource is read as it comes. */
const STREAMED_FROM = 1024 * 1024;

/** A Binary of any size: its bytes never stand in memory as a whole. */
function streamedBinary(request: Request, contentType: string, engine: Engine, limits: Limits): RawBody {
  const format = bodyFormat(contentType) ?? 'json';
  const read: NonNullable<RawBody['readResource']> = async (blobs, maxBytes) => {
    const cut = new BinaryCut(format, limits.maxBody);
    const most = Math.min(maxBytes, limits.maxBinary);
    const bytes = async function* (): AsyncGenerator<Buffer> {
      for await (const part of streamBody(request, base64Length(most) + limits.maxBody)) {
        const some = cut.take(part);
        if (some && some.length > 0) yield some;
      }
      cut.end();
    };
    const stored = await blobs.put(bytes(), most);
    const { body, cut: isCut } = cut.rest();
    const { resource, decimals, large } = await readAs({ bytes: body, format }, engine, limits);
    if (isCut && stored.size > 0) delete resource['data'];
    const parsed = { resource, decimals, ...(large ? { large } : {}) };
    return isCut && stored.size > 0 ? { ...parsed, stored } : parsed;
  };
  let reading: ReturnType<typeof read> | undefined;
  return {
    contentType,
    save: () => Promise.reject(new FhirError('fault', 'A resource is no upload.')),
    readResource: (blobs, maxBytes) => (reading ??= read(blobs, maxBytes)),
  };
}

/** Not a resource: ordinary JSON and XML may be either. */
async function isContent(request: Request, contentType: string): Promise<boolean> {
  const format = ordinaryFormat(contentType);
  if (format !== undefined) return !isFhirBinary(format, await peekBody(request, SNIFFED));
  return bodyFormat(contentType) === undefined;
}

/** A body that must be a resource. */
async function readFhir(request: Request, engine: Engine, limits: Limits): Promise<Parsed> {
  return readAs(await readBytes(request, limits.maxBody, limits), engine, limits);
}

async function readBytes(request: Request, most: number, limits: Limits) {
  const format = bodyFormat(request.headers['content-type']);
  if (format === undefined)
    throw new FhirError(
      'unsupported-media-type',
      'Resources are sent as application/fhir+json or application/fhir+xml.',
      {
        expression: 'http.Content-Type',
      },
    );
  const bytes = await readBody(request, most, limits);
  if (bytes.length === 0)
    throw new FhirError('invalid', 'The body is empty: send the resource.', { detail: 'empty-body' });
  return { bytes, format };
}

/** The resource in the body of an operation; undefined where there is none. */
async function readOptional(request: Request, engine: Engine, limits: Limits): Promise<Parsed | undefined> {
  const given = await readOptionalBytes(request, limits);
  return given && readAs(given, engine, limits);
}

interface GivenBytes {
  readonly bytes: Buffer;
  readonly format: Format;
}

const readAs = ({ bytes, format }: GivenBytes, { definitions }: Engine, limits: Limits): Promise<Parsed> =>
  format === 'json' ? readJson(bytes, limits) : readXml(bytes, definitions, limits);

/** What makes a body none that could be judged: it is neither JSON nor XML. */
const UNREADABLE = /^(?:json|xml)-(?:utf8|syntax|depth|encoding|doctype|version|instruction)$/;

async function readJudged(
  request: Request,
  engine: Engine,
  limits: Limits,
): Promise<Pick<Of<'operation'>, 'body' | 'sent'>> {
  const given = await readOptionalBytes(request, limits);
  if (!given) return {};
  const { format } = given;
  // Of larger ones nobody is told the line.
  const text = given.bytes.length <= MAX_PLACED[format] ? given.bytes.toString('utf8') : '';
  try {
    return { body: await readAs(given, engine, limits), sent: { format, text } };
  } catch (error) {
    if (!(error instanceof FhirError) || error.kind !== 'invalid') throw error;
    const { issues } = error;
    if (issues.some(({ detail = '' }) => UNREADABLE.test(detail))) throw error;
    return { sent: { format, text, faults: issues } };
  }
}

/** Bytes up to which places in a text are looked up on the event loop. */
const MAX_PLACED: Readonly<Record<Format, number>> = { json: 2 * 1024 * 1024, xml: 256 * 1024 };

async function readOptionalBytes(request: Request, limits: Limits): Promise<GivenBytes | undefined> {
  const contentType = request.headers['content-type'];
  const format = bodyFormat(contentType);
  const unsupported = () =>
    new FhirError('unsupported-media-type', 'Parameters are sent as application/fhir+json or application/fhir+xml.', {
      expression: 'http.Content-Type',
    });
  // A form of a page runs no operation, not even an empty one.
  if (contentType !== undefined && format === undefined) throw unsupported();
  const bytes = await readBody(request, limits.maxBody, limits);
  if (bytes.length === 0) return undefined;
  if (format === undefined) throw unsupported();
  return { bytes, format };
}

/** JSON Patch by its own media type or as an array, which no resource is; FHIRPath Patch as a resource. */
async function readPatch(request: Request, engine: Engine, limits: Limits): Promise<Patch> {
  const contentType = request.headers['content-type'];
  const format = isJsonPatch(contentType) ? 'json-patch' : bodyFormat(contentType);
  if (format === undefined)
    throw new FhirError(
      'unsupported-media-type',
      'A patch is sent as application/json-patch+json (JSON Patch), or as Parameters in application/fhir+json or application/fhir+xml (FHIRPath Patch).',
      { expression: 'http.Content-Type' },
    );
  const isPatch = format === 'json-patch' || (format === 'json' && isArray(await peekBody(request, 1024)));
  if (!isPatch) return { form: 'fhirpath', parameters: await readFhir(request, engine, limits) };
  return patchOf(await readAnyJson(await readBody(request, limits.maxBody, limits), limits));
}

/** Whether JSON is an array, by its first character. */
const isArray = (json: Buffer): boolean => /^(?:\xef\xbb\xbf)?\s*\[/.test(json.toString('latin1', 0, 1024));

/** How much of it is taken says whoever saves it. */
function readUpload(request: Request, types: readonly string[]): RawBody {
  const { type } = parse(request.headers['content-type'] ?? '', { parameters: false });
  if (!types.includes(type))
    throw new FhirError('unsupported-media-type', `This operation takes a file: ${types.join(', ')}.`, {
      expression: 'http.Content-Type',
    });
  return { contentType: type, save: (blobs, most) => blobs.put(streamBody(request, most), most) };
}

function rawBody(request: Request, contentType: string, limits: Limits): RawBody {
  if (!isMediaType(contentType))
    throw new FhirError('invalid', 'Content-Type must be a media type.', { expression: 'http.Content-Type' });
  const context = request.get('x-security-context');
  if (context !== undefined && !/^[A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/.test(context))
    throw new FhirError('invalid', 'X-Security-Context must be a relative reference.', {
      expression: 'http.X-Security-Context',
    });
  let saved: ReturnType<RawBody['save']> | undefined;
  return {
    contentType,
    save: (blobs, maxBytes) =>
      (saved ??= blobs.put(streamBody(request, Math.min(maxBytes, limits.maxBinary)), maxBytes)),
    ...(context === undefined ? {} : { securityContext: context }),
    ...(preference(request.headers['prefer'], 'return') === 'representation' ? { represent: true } : {}),
  };
}
