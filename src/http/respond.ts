/**
 * Result or FhirError → status, headers, JSON or XML. https://hl7.org/fhir/R4/http.html
 */
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGzip, gzip } from 'node:zlib';
import type { Response } from 'express';
import { FhirError } from '../fhir/error.js';
import { outcomeText } from '../fhir/outcome.js';
import { challengeOf } from '../identity/refusal.js';
import type { Allowance, Engine } from '../interactions/engine.js';
import { FREE } from '../interactions/response/allowance.js';
import type { LaterAnswer, RawContent, Result, ShownPage, WrittenFile } from '../interactions/interaction.js';
import { join, type Piece, piecesOf, type Text } from '../fhir/content/holes.js';
import { NOTICE_CATEGORY } from '../interactions/response/redisclosure.js';
import { releasedText } from '../interactions/response/release.js';
import { sizeOf, stream as streamText, whole } from '../interactions/response/text.js';
import { acceptsHtml, mediaTypeOf } from './media.js';
import type { Presentation } from './presentation.js';
import { digestFields, rangeAsked } from './range.js';
import { MethodNotAllowed } from './route.js';

const deflate = promisify(gzip);
/** Below this gzip costs more than it saves. */
const GZIP_FROM = 8 * 1024;
/** ms after which a client that takes nothing of an answer is left. */
const STALLED = 60_000;
/** Bytes above which an answer is sent in chunks. */
const MAX_UNSTREAMED = 1024 * 1024;

/** What answers need of the engine. */
type Responding = Pick<Engine, 'forms' | 'store' | 'settings' | 'releases'>;

export async function respond(
  response: Response,
  result: Result,
  presentation: Presentation,
  engine: Responding,
  allowance: Allowance,
): Promise<void> {
  const { version, location, binary, page, file, stream, later } = result;
  // A deletion that is asked for an outcome has something to say.
  const status = result.status === 204 && presentation.prefer === 'OperationOutcome' ? 200 : result.status;
  if (version) {
    response.setHeader('ETag', binary ? tagOf(binary) : `W/"${version.version}"`);
    response.setHeader('Last-Modified', new Date(version.updated).toUTCString());
  }
  if (location !== undefined) response.setHeader('Location', `${engine.settings.base}/${location}`);
  if (later) setLaterHeaders(response, later, engine);
  if (binary && status !== 304) return sendBinary(response, binary);
  if (page) return sendPage(response, page, presentation);
  if (file) return sendFile(response, file, presentation);
  if (stream && isStoredForm(presentation))
    return sendStream(response, status, wholes(engine, stream, allowance), presentation);
  const kept = stream ? await collectText(stream, allowance) : bodyOf(status, result, presentation);
  const text = kept && (await releasedText(engine, kept, bytes => roomFor(bytes, allowance)));
  if (!text) {
    response.writeHead(status, status === 204 || status === 304 ? {} : { 'Content-Length': '0' });
    response.end();
    return;
  }
  if (!isStoredForm(presentation) && text.text.length > FREE) await allowance.admit(4 * text.text.length);
  return sendText(response, status, text, presentation, engine);
}

function setLaterHeaders(response: Response, later: LaterAnswer, { settings }: Responding): void {
  const { at, progress, retryAfter, expires } = later;
  if (at !== undefined) response.setHeader('Content-Location', `${settings.base}/${at}`);
  if (progress !== undefined) response.setHeader('X-Progress', progress);
  if (retryAfter !== undefined) response.setHeader('Retry-After', String(retryAfter));
  if (expires !== undefined) response.setHeader('Expires', new Date(expires).toUTCString());
}

/** The form in which texts are stored. */
const isStoredForm = ({ format, pretty }: Presentation): boolean => format === 'json' && !pretty;

async function* wholes(engine: Responding, texts: AsyncIterable<Text>, allowance: Allowance): AsyncGenerator<Buffer> {
  for await (const text of texts)
    yield* streamText(engine.store, await releasedText(engine, text, bytes => roomFor(bytes, allowance)));
}

const roomFor = async (bytes: number, allowance: Allowance): Promise<void> => {
  if (bytes > FREE) await allowance.admit(bytes);
};

/** What a write gives back: https://hl7.org/fhir/R4/http.html#return */
function bodyOf(
  status: number,
  { text, blobs, issues = [], findings = [] }: Result,
  { prefer }: Presentation,
): Text | undefined {
  if (status === 304 || status === 204) return undefined;
  if (prefer === 'minimal') return undefined;
  if (prefer === 'OperationOutcome')
    return {
      text: outcomeText([
        { severity: 'information', code: 'informational', text: status === 201 ? 'Created.' : 'Done.' },
        ...issues,
        ...findings,
      ]),
    };
  return text && { text, ...(blobs ? { blobs } : {}) };
}

const READ_ONLY = ['GET', 'HEAD', 'OPTIONS'];

/** The error as an OperationOutcome. `allow`, `WWW-Authenticate`, `Retry-After` where they are due. */
export async function respondError(
  response: Response,
  error: FhirError,
  presentation: Presentation,
  engine: Responding,
  requestId: string,
): Promise<void> {
  const challenge = challengeOf(error);
  if (challenge !== undefined) response.setHeader('WWW-Authenticate', challenge);
  // A 405 that is not about the address is about the audit trail, which can only be read.
  if (error.kind === 'method-not-allowed')
    response.setHeader('Allow', (error instanceof MethodNotAllowed ? error.allow : READ_ONLY).join(', '));
  if (error.retryAfter !== undefined) response.setHeader('Retry-After', String(error.retryAfter));
  const issues =
    error.kind === 'fault' || error.kind === 'blob-damaged'
      ? error.issues.map(issue => ({
          ...issue,
          text: `${issue.text} Tell the administrator this request id: ${requestId}`,
        }))
      : error.issues;
  await sendText(response, error.status, { text: outcomeText(issues) }, presentation, engine);
}

async function sendText(
  response: Response,
  status: number,
  json: Text,
  presentation: Presentation,
  engine: Responding,
): Promise<void> {
  const { format, pretty, gzip: wanted } = presentation;
  const text = isStoredForm(presentation) ? json : await engine.forms.give(json, { as: format, pretty });
  const size = sizeOf(text);
  if (size > MAX_UNSTREAMED) return sendStream(response, status, streamText(engine.store, text), presentation, size);
  const plain = await whole(engine.store, text);
  response.setHeader('Content-Type', mediaTypeOf(format));
  const zip = wanted && plain.length >= GZIP_FROM;
  const bytes = zip ? await deflate(plain, { level: 1 }) : plain;
  if (zip) response.setHeader('Content-Encoding', 'gzip');
  response.setHeader('Content-Length', String(bytes.length));
  response.writeHead(status);
  response.end(bytes);
}

/** What is made while it is sent: to be shown under its policy, else to be saved. */
async function sendFile(response: Response, file: WrittenFile, presentation: Presentation): Promise<void> {
  const { contentType, fileName, policy, bytes } = file;
  response.setHeader('Content-Security-Policy', policy ?? POLICIES.kept);
  response.setHeader(
    'Content-Disposition',
    policy === undefined ? `attachment; filename*=UTF-8''${asExtended(fileName)}` : 'inline',
  );
  await sendBytes(response, 200, bytes, contentType, presentation);
}

/** A resource in the form in which it is stored. */
const sendStream = (
  response: Response,
  status: number,
  stream: AsyncIterable<Buffer>,
  presentation: Presentation,
  size?: number,
): Promise<void> => sendBytes(response, status, stream, mediaTypeOf(presentation.format), presentation, size);

/**
 * Chunk by chunk, as fast as the client reads. A fault in the middle breaks the connection: the status is out. `size`:
 * bytes, where they are known.
 */
export async function sendBytes(
  response: Response,
  status: number,
  stream: AsyncIterable<Buffer>,
  contentType: string,
  { gzip: wanted }: Pick<Presentation, 'gzip'>,
  size?: number,
): Promise<void> {
  response.setHeader('Content-Type', contentType);
  if (wanted) response.setHeader('Content-Encoding', 'gzip');
  else if (size !== undefined) response.setHeader('Content-Length', String(size));
  response.writeHead(status);
  if (response.req.method === 'HEAD') {
    response.end();
    return;
  }
  // Whoever takes nothing any more does not keep others waiting for the memory.
  response.setTimeout(STALLED, () => response.destroy());
  await sent(response, wanted ? pipeline(stream, createGzip({ level: 1 }), response) : pipeline(stream, response));
}

/** How a connection ends that somebody else has ended. */
const ENDED_BY_CLIENT = new Set(['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE']);

/** A client that goes away while it is answered is no fault of the server. */
async function sent(response: Response, sending: Promise<void>): Promise<void> {
  try {
    await sending;
  } catch (error) {
    if (!response.destroyed || !ENDED_BY_CLIENT.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/** What can be parsed again for XML or pretty JSON. */
const MAX_COLLECTED = 64 * 1024 * 1024;

async function collectText(stream: AsyncIterable<Text>, allowance: Allowance): Promise<Text> {
  const pieces: Piece[] = [];
  let size = 0;
  for await (const text of stream) {
    size += text.text.length;
    if (size > MAX_COLLECTED)
      throw new FhirError(
        'too-costly',
        'The answer is too large for this format: ask for plain JSON, or for pages (_count).',
      );
    if (size > FREE) await allowance.admit(2 * MAX_COLLECTED);
    pieces.push(...piecesOf(text));
  }
  return join(pieces);
}

/** Strong: the same tag, the same bytes. */
const tagOf = ({ hash }: RawContent): string => `"${hash}"`;

/** What is shown needs a viewer of the browser, which a sandbox would keep away. */
const POLICIES = {
  kept: "sandbox; default-src 'none'",
  shown: "default-src 'none'; style-src 'unsafe-inline'",
} as const;

/** A text as the value of an extended parameter, without its character set: https://www.rfc-editor.org/rfc/rfc8187#section-3.2.1 */
const asExtended = (text: string): string =>
  encodeURIComponent(text).replaceAll(/['()*]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

/** The bytes, or the range of them that is asked for. Throws `range-not-satisfiable`; `blob-damaged` also when the head is out. */
async function sendBinary(response: Response, binary: RawContent): Promise<void> {
  const { contentType, size, hash, fileName, inline } = binary;
  if (binary.isUnderNotice) response.setHeader('Category', NOTICE_CATEGORY);
  const { headers, method } = response.req;
  const part = method === 'GET' ? rangeAsked(headers, size, tagOf(binary)) : 'everything';
  if (part === 'none') {
    response.setHeader('Content-Range', `bytes */${size}`);
    throw new FhirError('range-not-satisfiable', `There are ${size} bytes, none of which is in that range.`, {
      expression: 'http.Range',
    });
  }
  const length = part === 'everything' ? size : part.end + 1 - part.start;
  const bytes =
    method === 'HEAD' || size === 0
      ? undefined
      : await begun(await binary.open(part === 'everything' ? undefined : part), length);
  response.setHeader('Content-Type', contentType);
  response.setHeader('Accept-Ranges', 'bytes');
  if (part !== 'everything') response.setHeader('Content-Range', `bytes ${part.start}-${part.end}/${size}`);
  response.setHeader('Content-Length', String(length));
  for (const [name, value] of Object.entries(digestFields(headers, hash))) response.setHeader(name, value);
  // Bytes that somebody else filed are never run or sniffed by a browser under our name.
  response.setHeader('Content-Security-Policy', inline ? POLICIES.shown : POLICIES.kept);
  response.setHeader(
    'Content-Disposition',
    `${inline ? 'inline' : 'attachment'}; filename*=UTF-8''${asExtended(fileName)}`,
  );
  response.writeHead(part === 'everything' ? 200 : 206);
  if (!bytes || Buffer.isBuffer(bytes)) {
    response.end(bytes);
    return;
  }
  response.setTimeout(STALLED, () => response.destroy());
  await sent(response, pipeline(bytes, response));
}

/** Throws `not-acceptable` where the client takes no HTML. */
async function sendPage(
  response: Response,
  { html, policy }: ShownPage,
  { gzip: wanted }: Presentation,
): Promise<void> {
  if (!acceptsHtml(response.req.headers.accept))
    throw new FhirError('not-acceptable', 'The answer is a page: accept text/html.', { expression: 'http.Accept' });
  const zip = wanted && html.length >= GZIP_FROM;
  const bytes = zip ? await deflate(html, { level: 1 }) : html;
  // The tag of the Binary is not that of its page.
  response.removeHeader('ETag');
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  response.setHeader('Content-Security-Policy', policy);
  response.setHeader('Content-Disposition', 'inline');
  if (zip) response.setHeader('Content-Encoding', 'gzip');
  response.setHeader('Content-Length', String(bytes.length));
  response.writeHead(200);
  response.end(response.req.method === 'HEAD' ? undefined : bytes);
}

/**
 * The same, after its first part was read: what is wrong with that is known before the head is out. All of it, where nothing comes after the first `size` bytes:
 * most documents are as small, and a stream for each would cost more than they do.
 */
async function begun(bytes: AsyncIterable<Buffer>, size: number): Promise<Buffer | AsyncIterable<Buffer>> {
  const rest = bytes[Symbol.asyncIterator]();
  const first = await rest.next();
  const second = first.done || first.value.length < size ? undefined : await rest.next();
  if (second?.done) return first.value as Buffer;
  return (async function* () {
    try {
      if (!first.done) yield first.value;
      if (second) yield second.value;
      yield* { [Symbol.asyncIterator]: () => rest };
    } finally {
      await rest.return?.();
    }
  })();
}
