/**
 * Reads request bodies, counting as they come: too large is 413 before it is in memory, gzip is opened with a limit,
 * a body that ends early is the client's fault and no answer is owed.
 */
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { createGunzip, gunzip, gunzipSync } from 'node:zlib';
import { FhirError } from '../fhir/error.js';

/** Up to here inflating at once is cheaper than a round through the thread pool. */
const SMALL = 256 * 1024;
const inflate = promisify(gunzip);

const tooLarge = (limit: number): FhirError =>
  new FhirError('too-large', `The body is larger than this server takes (${limit} bytes).`, {
    expression: 'http.Content-Length',
  });
const cut = (cause: unknown): FhirError => new FhirError('invalid', 'The body ended before it was whole.', { cause });

/** `identity` or `gzip`. Throws `unsupported-media-type`. */
function encodingOf(request: IncomingMessage): 'identity' | 'gzip' {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity' || encoding === '') return 'identity';
  if (encoding === 'gzip' || encoding === 'x-gzip') return 'gzip';
  throw new FhirError('unsupported-media-type', 'Bodies may be sent plain or with Content-Encoding: gzip.', {
    expression: 'http.Content-Encoding',
  });
}

/** The whole body, inflated. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const looked = opened.get(request);
  const encoding = looked ? 'identity' : encodingOf(request);
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of looked ?? (request as AsyncIterable<Buffer>)) {
      size += part.length;
      if (size > limit) throw tooLarge(limit);
      parts.push(part);
    }
  } catch (error) {
    throw error instanceof FhirError ? error : cut(error);
  }
  const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts, size);
  if (encoding === 'identity') return bytes;
  try {
    const options = { maxOutputLength: limit };
    return size <= SMALL ? gunzipSync(bytes, options) : await inflate(bytes, options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(limit);
    throw new FhirError('invalid', 'The body is not valid gzip.', {
      expression: 'http.Content-Encoding',
      cause: error,
    });
  }
}

/** Bodies whose first bytes were looked at: all of their bytes, inflated. */
const opened = new WeakMap<IncomingMessage, AsyncIterable<Buffer>>();

const contentOf = (request: IncomingMessage): AsyncIterable<Buffer> =>
  opened.get(request) ?? (encodingOf(request) === 'gzip' ? request.pipe(createGunzip()) : request);

/** The first bytes of a body, inflated: `least` of them, or all. They are still there for whoever reads it next. */
export async function peekBody(request: IncomingMessage, least: number): Promise<Buffer> {
  const content = contentOf(request)[Symbol.asyncIterator]();
  const parts: Buffer[] = [];
  let size = 0;
  try {
    while (size < least) {
      const { value, done } = await content.next();
      if (done) break;
      parts.push(value);
      size += value.length;
    }
  } catch (error) {
    throw cut(error);
  }
  opened.set(
    request,
    (async function* () {
      yield* parts.splice(0);
      yield* { [Symbol.asyncIterator]: () => content };
    })(),
  );
  return Buffer.concat(parts, size);
}

/** The body as a stream of bytes for the blob store, inflated and counted. */
export async function* streamBody(request: IncomingMessage, limit: number): AsyncGenerator<Uint8Array> {
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
  let size = 0;
  try {
    for await (const part of contentOf(request)) {
      size += part.length;
      if (size > limit) throw tooLarge(limit);
      yield part;
    }
  } catch (error) {
    throw error instanceof FhirError ? error : cut(error);
  }
}
