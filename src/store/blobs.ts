/** What both stores need to know of the bytes that changes refer to. */
import { createHash } from 'node:crypto';
import { FhirError } from '../fhir/error.js';
import { turn } from '../platform/pieces.js';
import type { Change } from './store.js';

/** Hashes that the version before does not refer to, each once: only of these can the bytes have been erased meanwhile. */
export function newHashes({ blobs = [], replaces }: Change): readonly string[] {
  const before = new Set(replaces?.blobs?.map(({ hash }) => hash));
  return [...new Set(blobs.map(({ hash }) => hash))].filter(hash => !before.has(hash));
}

export const erasedMeanwhile = (): FhirError =>
  new FhirError('conflict', 'Bytes that this refers to were erased meanwhile. Send it again.');

/** Bytes that are to be kept are not there. */
export const nothingToKeep = (): FhirError =>
  new FhirError('conflict', 'Bytes that were to be kept were erased meanwhile. They must be stored again.');

/** Bytes are missing, or are not those that were stored: they are not given out. */
export class DamagedBlob extends FhirError {
  readonly hash: string;

  /** `what`: for the log alone. */
  constructor(hash: string, what: string) {
    super('blob-damaged', 'Stored bytes of this resource are damaged or missing, and are not given out.', {
      cause: new Error(what),
    });
    this.hash = hash;
  }
}

const CHECKSUM_BYTES = 16;

/** What is kept beside each chunk of larger bytes: the beginning of its SHA-256. Smaller ones are their own check: they are one chunk. */
export const checksumOf = (chunk: Uint8Array): Buffer =>
  createHash('sha256').update(chunk).digest().subarray(0, CHECKSUM_BYTES);

/** What is known of a chunk that was read. */
export interface ReadChunk {
  /** Undefined: it is missing. */
  readonly bytes: Buffer | undefined;
  /** Undefined: it was written before there were any. */
  readonly checksum: Uint8Array | undefined;
  /** Bytes that it must have. */
  readonly size: number;
  /** It is all there is. */
  readonly only: boolean;
}

/** The bytes of a chunk. Throws DamagedBlob where they are not what was stored; undefined: nothing tells. */
export function checkedChunk(hash: string, { bytes, checksum, size, only }: ReadChunk): Buffer | undefined {
  if (bytes?.length !== size) throw new DamagedBlob(hash, bytes ? 'a chunk has another length' : 'a chunk is missing');
  if (only) {
    if (createHash('sha256').update(bytes).digest('hex') !== hash)
      throw new DamagedBlob(hash, 'it has another SHA-256');
    return bytes;
  }
  if (!checksum) return undefined;
  if (!checksumOf(bytes).equals(checksum)) throw new DamagedBlob(hash, 'a chunk has another checksum');
  return bytes;
}

/**
 * The checksums of chunks that were stored before there were any, once all of them have the hash together. Throws DamagedBlob
 * where they do not.
 */
export async function proveChunks(hash: string, chunks: AsyncIterable<Uint8Array>): Promise<Buffer[]> {
  const whole = createHash('sha256');
  const checksums: Buffer[] = [];
  for await (const chunk of chunks) {
    whole.update(chunk);
    checksums.push(checksumOf(chunk));
    await turn();
  }
  if (whole.digest('hex') !== hash) throw new DamagedBlob(hash, 'its chunks have another SHA-256');
  return checksums;
}

/** Whether all of them can be read, and are those that were stored. */
export async function areWhole(bytes: AsyncIterable<Uint8Array>): Promise<boolean> {
  try {
    for await (const _ of bytes);
    return true;
  } catch (error) {
    if (error instanceof DamagedBlob) return false;
    throw error;
  }
}

/** ms after which bytes that nothing has ever referred to go. */
export const UNREFERRED_MS = 24 * 3_600_000;
