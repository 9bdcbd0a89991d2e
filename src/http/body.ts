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
  const encoding = encodingOf(request);
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
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

/** The body as a stream of bytes for the blob store, inflated and counted. */
export async function* streamBody(request: IncomingMessage, limit: number): AsyncGenerator<Uint8Array> {
  const source: AsyncIterable<Buffer> = encodingOf(request) === 'gzip' ? request.pipe(createGunzip()) : request;
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
  let size = 0;
  try {
    for await (const part of source) {
      size += part.length;
      if (size > limit) throw tooLarge(limit);
      yield part;
    }
  } catch (error) {
    throw error instanceof FhirError ? error : cut(error);
  }
}
