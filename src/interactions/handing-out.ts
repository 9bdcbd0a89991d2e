/**
 * What is handed out to people whom no role lets in: the records behind their links, and the bytes that one of these leads to. Whoever made a link was allowed to
 * read the bytes then; whoever uses it is judged by the feature that keeps it, which records each use (recording.ts).
 */
import type { Records } from '../store/records.js';
import type { Version } from '../store/store.js';
import type { Engine } from './engine.js';
import { openBlob } from './response/text.js';

export type LinkRecords = Pick<Records, 'get' | 'put' | 'remove' | 'take'>;

/** Of all processes; the kind of each names its feature. */
export const linkRecords = ({ store }: Pick<Engine, 'store'>): LinkRecords => store.records;

/** Bytes as the store has them. */
export interface HandedBytes {
  /** SHA-256 in hexadecimal digits. */
  readonly hash: string;
  readonly size: number;
}

/** The first attachment of what was read; undefined: it has none. */
export const bytesStored = ({ blobs = [] }: Version): HandedBytes | undefined => blobs[0];

/** Throws `blob-damaged` where they are not what was stored. */
export const bytesHandedOut = async (
  { store }: Pick<Engine, 'store'>,
  { hash }: HandedBytes,
): Promise<AsyncIterable<Buffer>> => (await openBlob(store, hash)).bytes;
