/**
 * Reads request bodies, counting as they come: too large is 413 before it is in memory, gzip is opened as a stream with
 * limits of size and ratio, a body that ends early is the client's fault and no answer is owed.
 *
 * Large bodies, and what is made of them, share a room of memory: those beyond it wait, and are told to come again (429).
 */
import type { IncomingMessage } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { createGunzip, gunzipSync } from 'node:zlib';
import { FhirError } from '../fhir/error.js';
import type { Place, Room } from '../platform/room.js';

export interface Intake {
  readonly room: Room;
  /** ms that a large body waits for room. */
  readonly patience: number;
}

/** Bytes up to which a body needs no room, and inflates whatever its ratio. */
const MAX_ROOMLESS_BODY = 1024 * 1024;
/** Compressed bytes up to which inflating at once is cheaper than a round through the thread pool. */
const MAX_INLINE_GZIP = 64 * 1024;
/** JSON and XML shrink to a twentieth or so, tables of one row repeated to a hundredth; a bomb to a thousandth. */
const MOST_RATIO = 200;
/** Memory that a body takes with its text, its objects and what is stored, as a multiple of its bytes. */
const FACTOR = 4;

const bodyTooLarge = (limit: number): FhirError =>
  new FhirError('too-large', `The body is larger than this server takes (${limit} bytes).`, {
    expression: 'http.Content-Length',
  });
const cut = (cause: unknown): FhirError => new FhirError('invalid', 'The body ended before it was whole.', { cause });
const noGzip = (cause: unknown): FhirError =>
  new FhirError('invalid', 'The body is not valid gzip.', { expression: 'http.Content-Encoding', cause });

/** `identity` or `gzip`. Throws `unsupported-media-type`. */
function encodingOf(request: IncomingMessage): 'identity' | 'gzip' {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity' || encoding === '') return 'identity';
  if (encoding === 'gzip' || encoding === 'x-gzip') return 'gzip';
  throw new FhirError('unsupported-media-type', 'Bodies may be sent plain or with Content-Encoding: gzip.', {
    expression: 'http.Content-Encoding',
  });
}

const declaredLength = (request: IncomingMessage): number => Number(request.headers['content-length'] ?? Number.NaN);

/** The parts of a body as they come. The request outlives a refusal: it is answered on the same connection. */
async function* arriving(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) yield part;
  } catch (error) {
    throw cut(error);
  }
}

/** Inflates as a stream. Throws `too-large` for more than the ratio allows, before the next part is inflated. */
async function* inflating(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let taken = 0;
  let given = 0;
  const counted = async function* () {
    for await (const part of source) {
      taken += part.length;
      yield part;
    }
  };
  const gunzip = createGunzip({ chunkSize: 64 * 1024 });
  pipeline(Readable.from(counted(), { objectMode: false }), gunzip, () => undefined);
  try {
    for await (const part of gunzip as AsyncIterable<Buffer>) {
      given += part.length;
      if (given > MAX_ROOMLESS_BODY && given > taken * MOST_RATIO)
        throw new FhirError(
          'too-large',
          `The body inflates to more than ${MOST_RATIO} times its size: send it plain.`,
          {
            expression: 'http.Content-Encoding',
            detail: 'inflates-too-much',
          },
        );
      yield part;
    }
  } catch (error) {
    throw error instanceof FhirError ? error : noGzip(error);
  }
}

/** Bodies whose first bytes were looked at: all of their bytes, inflated. */
const opened = new WeakMap<IncomingMessage, AsyncIterable<Buffer>>();

const contentOf = (request: IncomingMessage): AsyncIterable<Buffer> =>
  opened.get(request) ?? (encodingOf(request) === 'gzip' ? inflating(arriving(request)) : arriving(request));

/** The first bytes of a body, inflated: `least` of them, or all. They are still there for whoever reads it next. */
export async function peekBody(request: IncomingMessage, least: number): Promise<Buffer> {
  const content = contentOf(request)[Symbol.asyncIterator]();
  const parts: Buffer[] = [];
  let size = 0;
  while (size < least) {
    const { value, done } = await content.next();
    if (done) break;
    parts.push(value);
    size += value.length;
  }
  const head = Buffer.concat(parts, size);
  opened.set(
    request,
    (async function* () {
      yield* parts.splice(0);
      yield* { [Symbol.asyncIterator]: () => content };
    })(),
  );
  return head;
}

const places = new WeakMap<IncomingMessage, Place>();

/** To be called when a request is answered: its body, and what was made of it, is no longer in memory. */
export const forgetBody = (request: IncomingMessage): void => places.get(request)?.keep(0);

/**
 * To be called when a request is answered: what is left of a body that was refused is read and thrown away, or the next
 * request of the connection would wait behind it until the time of this one is over.
 */
export function discardRest(request: IncomingMessage): void {
  if (request.complete) return;
  // A reader that gave up has left its listener, which would keep the rest from flowing.
  request.removeAllListeners('readable');
  request.resume();
}

async function enterRoom(request: IncomingMessage, most: number, { room, patience }: Intake): Promise<Place> {
  const place = await room.enter(most * FACTOR, patience);
  if (!place) throw new FhirError('throttled', 'Other large bodies are being read: try again.', { retryAfter: 5 });
  places.set(request, place);
  return place;
}

/** The whole body, inflated. Whoever calls this sees to it that `forgetBody` is called. */
export async function readBody(request: IncomingMessage, limit: number, intake: Intake): Promise<Buffer> {
  const length = declaredLength(request);
  if (length > limit) throw bodyTooLarge(limit);
  const gzip = encodingOf(request) === 'gzip';
  if (gzip && length <= MAX_INLINE_GZIP && !opened.has(request)) return inflateSmall(request, limit, intake);
  return gather(request, contentOf(request), gzip || Number.isNaN(length) ? limit : length, limit, intake);
}

async function inflateSmall(request: IncomingMessage, limit: number, intake: Intake): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of arriving(request)) parts.push(part);
  try {
    return gunzipSync(Buffer.concat(parts), { maxOutputLength: Math.min(MAX_ROOMLESS_BODY, limit) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw noGzip(error);
  }
  return gather(request, inflating(Readable.from(parts)), limit, limit, intake);
}

/** `most`: bytes that can come. */
async function gather(
  request: IncomingMessage,
  content: AsyncIterable<Buffer>,
  most: number,
  limit: number,
  intake: Intake,
): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  let whole: Buffer | undefined;
  let place: Place | undefined;
  for await (const part of content) {
    const at = size;
    size += part.length;
    if (size > limit) throw bodyTooLarge(limit);
    if (whole) part.copy(whole, at);
    else parts.push(part);
    if (whole || size <= MAX_ROOMLESS_BODY) continue;
    place = await enterRoom(request, most, intake);
    // Memory that is never touched is never taken: this is the only copy.
    whole = Buffer.allocUnsafeSlow(most);
    parts.splice(0).reduce((to, each) => to + each.copy(whole!, to), 0);
  }
  place?.keep(size * FACTOR);
  if (whole) return whole.subarray(0, size);
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts, size);
}

/** The body as a stream of bytes for the blob store, inflated and counted. */
export async function* streamBody(request: IncomingMessage, limit: number): AsyncGenerator<Buffer> {
  if (declaredLength(request) > limit) throw bodyTooLarge(limit);
  let size = 0;
  for await (const part of contentOf(request)) {
    size += part.length;
    if (size > limit) throw bodyTooLarge(limit);
    yield part;
  }
}
