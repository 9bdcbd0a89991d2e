/**
 * Result or FhirError → status, headers, JSON or XML. https://hl7.org/fhir/R4/http.html
 */
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGzip, gzip } from 'node:zlib';
import type { Response } from 'express';
import type { Definitions } from '../fhir/definitions.js';
import { FhirError } from '../fhir/error.js';
import { parseJson } from '../fhir/json.js';
import { outcomeText } from '../fhir/outcome.js';
import { print } from '../fhir/print.js';
import { printXml } from '../fhir/xml-write.js';
import type { Result } from '../interactions/interaction.js';
import { type Format, mediaTypeOf } from './media.js';
import type { Presentation } from './presentation.js';
import { MethodNotAllowed } from './route.js';

const deflate = promisify(gzip);
/** Below this gzip costs more than it saves. */
const GZIP_FROM = 8 * 1024;
const TRUSTED = { maxDepth: 200 };

export async function respond(
  response: Response,
  result: Result,
  presentation: Presentation,
  definitions: Definitions,
  base: string,
): Promise<void> {
  const { version, location, binary } = result;
  // A deletion that is asked for an outcome has something to say.
  const status = result.status === 204 && presentation.prefer === 'OperationOutcome' ? 200 : result.status;
  if (version) {
    response.setHeader('ETag', `W/"${version.version}"`);
    response.setHeader('Last-Modified', new Date(version.updated).toUTCString());
  }
  if (location !== undefined) response.setHeader('Location', `${base}/${location}`);
  if (binary) return sendBinary(response, status, binary);
  const { stream } = result;
  if (stream && presentation.format === 'json' && !presentation.pretty)
    return sendStream(response, status, stream, presentation);
  const text = stream ? await collect(stream) : bodyOf({ ...result, status }, presentation);
  if (!text) {
    response.writeHead(status, status === 204 || status === 304 ? {} : { 'Content-Length': '0' });
    response.end();
    return;
  }
  return sendText(response, status, text, presentation, definitions);
}

/** What a write gives back: https://hl7.org/fhir/R4/http.html#return */
function bodyOf({ status, text, issues = [] }: Result, { prefer }: Presentation): Buffer | undefined {
  if (status === 304 || status === 204) return undefined;
  if (prefer === 'minimal') return undefined;
  if (prefer === 'OperationOutcome')
    return outcomeText([
      { severity: 'information', code: 'informational', text: status === 201 ? 'Created.' : 'Done.' },
      ...issues,
    ]);
  return text;
}

const READ_ONLY = ['GET', 'HEAD', 'OPTIONS'];

/** The error as an OperationOutcome. `allow`, `WWW-Authenticate`, `Retry-After` where they are due. */
export async function respondError(
  response: Response,
  error: FhirError,
  presentation: Presentation,
  definitions: Definitions,
  requestId: string,
): Promise<void> {
  if (error.kind === 'unauthenticated') response.setHeader('WWW-Authenticate', 'Bearer realm="chartroom"');
  // A 405 that is not about the address is about the audit trail, which can only be read.
  if (error.kind === 'method-not-allowed')
    response.setHeader('Allow', (error instanceof MethodNotAllowed ? error.allow : READ_ONLY).join(', '));
  if (error.retryAfter !== undefined) response.setHeader('Retry-After', String(error.retryAfter));
  const issues =
    error.kind === 'fault'
      ? error.issues.map(issue => ({
          ...issue,
          text: `${issue.text} Tell the administrator this request id: ${requestId}`,
        }))
      : error.issues;
  await sendText(response, error.status, outcomeText(issues), presentation, definitions);
}

async function sendText(
  response: Response,
  status: number,
  json: Buffer,
  { format, pretty, gzip: wanted }: Presentation,
  definitions: Definitions,
): Promise<void> {
  const plain = present(json, format, pretty, definitions);
  response.setHeader('Content-Type', mediaTypeOf(format));
  const zip = wanted && plain.length >= GZIP_FROM;
  const bytes = zip ? await deflate(plain, { level: 1 }) : plain;
  if (zip) response.setHeader('Content-Encoding', 'gzip');
  response.setHeader('Content-Length', String(bytes.length));
  response.writeHead(status);
  response.end(bytes);
}

/** Chunk by chunk, as fast as the client reads. A fault in the middle breaks the connection: the status is out. */
async function sendStream(
  response: Response,
  status: number,
  stream: AsyncIterable<Buffer>,
  { gzip: wanted }: Presentation,
): Promise<void> {
  response.setHeader('Content-Type', mediaTypeOf('json'));
  if (wanted) response.setHeader('Content-Encoding', 'gzip');
  response.writeHead(status);
  if (response.req.method === 'HEAD') {
    response.end();
    return;
  }
  if (wanted) await pipeline(stream, createGzip({ level: 1 }), response);
  else await pipeline(stream, response);
}

/** What can be parsed again for XML or pretty JSON. */
const MAX_COLLECTED = 64 * 1024 * 1024;

async function collect(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of stream) {
    size += part.length;
    if (size > MAX_COLLECTED)
      throw new FhirError(
        'too-costly',
        'The answer is too large for this format: ask for plain JSON, or for pages (_count).',
      );
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function present(json: Buffer, format: Format, pretty: boolean, definitions: Definitions): Buffer {
  if (format === 'json' && !pretty) return json;
  const { resource, decimals } = parseJson(json, TRUSTED);
  return Buffer.from(
    format === 'xml' ? printXml(resource, definitions, decimals, { pretty }) : print(resource, decimals, 2),
  );
}

async function sendBinary(
  response: Response,
  status: number,
  { contentType, size, bytes }: NonNullable<Result['binary']>,
): Promise<void> {
  response.setHeader('Content-Type', contentType);
  response.setHeader('Content-Length', String(size));
  // Bytes that somebody else filed are never run or sniffed by a browser under our name.
  response.setHeader('Content-Security-Policy', "sandbox; default-src 'none'");
  response.setHeader('Content-Disposition', 'attachment');
  response.writeHead(status);
  if (response.req.method === 'HEAD') response.end();
  else await pipeline(bytes, response);
}
