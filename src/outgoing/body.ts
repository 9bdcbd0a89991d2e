/** The body of an answer: unpacked, and no larger than it may be, packed or not. */
import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { fromNode, outgoingError } from './trouble.js';

/** What is said to be understood; anything else is an answer that cannot be read. */
export const ACCEPTED_ENCODING = 'gzip';

async function* atMost(bytes: AsyncIterable<Buffer>, most: number): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const part of bytes) {
    size += part.length;
    if (size > most) throw outgoingError('outgoing-too-large');
    yield part;
  }
}

/** Whoever stops early must destroy the answer. */
export async function* unpackedBody(
  response: IncomingMessage,
  most: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const encoding = (response.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  const announced = Number(response.headers['content-length'] ?? 0);
  if (announced > most) throw outgoingError('outgoing-too-large');
  if (encoding !== 'identity' && encoding !== ACCEPTED_ENCODING) throw outgoingError('outgoing-broken', 'encoding');
  try {
    const packed = atMost(response, most);
    if (encoding === 'identity') yield* packed;
    else
      yield* atMost(
        pipeline(packed, createGunzip(), () => {}),
        most,
      );
  } catch (error) {
    throw signal.aborted ? signal.reason : fromNode(error);
  }
}
