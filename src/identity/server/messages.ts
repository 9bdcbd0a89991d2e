/** Bodies of requests below /auth, and answers of JSON. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { FhirError } from '../../fhir/error.js';
import type { Json } from '../../fhir/resource.js';

const MOST_FORM = 64 * 1024;

export function sendJson(
  response: ServerResponse,
  answer: { readonly status: number; readonly body: object; readonly headers?: Readonly<Record<string, string>> },
): void {
  const { status, body, headers } = answer;
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    Pragma: 'no-cache',
    ...headers,
  });
  response.end(JSON.stringify(body));
}

export async function formIn(request: IncomingMessage): Promise<URLSearchParams> {
  if (!isForm(request)) throw new FhirError('unsupported-media-type', 'This address takes forms.');
  return new URLSearchParams(await textSent(request));
}

export const isForm = ({ headers }: IncomingMessage): boolean =>
  /^application\/x-www-form-urlencoded\b/i.test(headers['content-type'] ?? '');

/** The same request with another body, which nobody has read. */
export function withBody(request: IncomingMessage, text: string): IncomingMessage {
  const body = Buffer.from(text);
  const { 'transfer-encoding': _chunked, ...headers } = request.headers;
  const { method, url, socket, rawHeaders, httpVersion, httpVersionMajor, httpVersionMinor } = request;
  const { originalUrl, baseUrl } = request as { readonly originalUrl?: string; readonly baseUrl?: string };
  return Object.assign(Readable.from([body]), {
    ...{ method, url, socket, rawHeaders, httpVersion, httpVersionMajor, httpVersionMinor, originalUrl, baseUrl },
    headers: { ...headers, 'content-length': String(body.length) },
  }) as unknown as IncomingMessage;
}

/** Undefined: it cannot be read. Throws `unsupported-media-type` where it does not say that it is JSON: a page of others cannot say so without asking first. */
export async function jsonSent(request: IncomingMessage): Promise<Json | undefined> {
  if (!/^application\/json\s*(?:;|$)/i.test(request.headers['content-type'] ?? ''))
    throw new FhirError('unsupported-media-type', 'This address takes application/json.');
  const text = await textSent(request);
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

export async function textSent(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  // A request that is refused is answered, and its connection goes on.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_FORM) throw new FhirError('too-large', `A body may have ${MOST_FORM} bytes here.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
