/**
 * Texts with holes (fhir/content/holes.ts), as they are sent: the bytes of attachments are read from the store when they are sent, piece by piece.
 */
import { base64Length, encodeBase64 } from '../../fhir/json/base64.js';
import { DamagedBlob } from '../../store/blobs.js';
import { piecesOf, type Text } from '../../fhir/content/holes.js';
import type { BlobRange, Store } from '../../store/store.js';

/** Bytes that the text has when it is whole. */
export const sizeOf = ({ text, blobs = [] }: Text): number =>
  blobs.reduce((sum, { size }) => sum + base64Length(size), text.length);

/** Bytes that are given to the connection at once: each time costs, and what is given is in memory anyway. */
const CHUNK = 1024 * 1024;

/** The whole text, as it is to be sent. Throws `blob-damaged` where bytes are missing or not what was stored. */
export async function* stream(store: Pick<Store, 'blobs'>, text: Text): AsyncGenerator<Buffer> {
  for (const piece of piecesOf(text))
    if (Buffer.isBuffer(piece)) for (let at = 0; at < piece.length; at += CHUNK) yield piece.subarray(at, at + CHUNK);
    else yield* encodeBase64((await openBlob(store, piece.hash)).bytes);
}

/** The whole text at once, for one that is known to be small or has to be parsed with all that is in it. */
export async function whole(store: Pick<Store, 'blobs'>, text: Text): Promise<Buffer> {
  if (!text.blobs?.length) return text.text;
  const parts: Buffer[] = [];
  for await (const part of stream(store, text)) parts.push(part);
  return Buffer.concat(parts);
}

/** Throws `blob-damaged` where there are none; so does reading them where they are not what was stored. */
export async function openBlob(store: Pick<Store, 'blobs'>, hash: string, range?: BlobRange) {
  const blob = await store.blobs.get(hash, range);
  if (!blob) throw new DamagedBlob(hash, 'there is nothing under this hash');
  return blob;
}
