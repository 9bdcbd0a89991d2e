/**
 * What is handed out to people whom no role lets in: the records behind their links, and the bytes that one of these leads to. Whoever made a link was allowed to
 * read the bytes then; whoever uses it is judged by the feature that keeps it, which records each use (recording.ts).
 */
import type { Records } from '../store/records.js';
import type { Version } from '../store/store.js';
import { UNRESTRICTED } from '../access/permission.js';
import { createView } from '../access/view.js';
import { FhirError } from '../fhir/error.js';
import { parseJson, STORED_JSON } from '../fhir/json/json.js';
import type { Resource } from '../fhir/resource.js';
import { type AddressLimit, createAddressLimit } from '../identity/failures.js';
import { createSharedLimit } from '../identity/server/shared-limit.js';
import type { Caller, Engine } from './engine.js';
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

/** What a link leads to as it is now, on the account of the server; undefined: it is gone. */
export async function linkedNow(engine: Engine, type: string, id: string): Promise<Resource | undefined> {
  const row = await createView(engine, UNRESTRICTED, undefined).read(type, id);
  return row?.text ? parseJson(row.text, STORED_JSON).resource : undefined;
}

const MINUTE = 60_000;

export interface UseLimitOptions {
  /** Of the records that count for all processes. */
  readonly kind: string;
  /** Of one address in a minute. */
  readonly most: number;
  /** ms of the machine's clock. */
  readonly now?: (() => number) | undefined;
}

/** Counts a use for the address that it comes from. Throws `throttled` where that is too often. */
export function createUseLimit({ kind, most, now }: UseLimitOptions) {
  // There may be more servers than one in a process.
  const limits = new WeakMap<object, AddressLimit>();
  return async ({ address, engine: { store } }: Pick<Caller, 'address'> & { engine: Pick<Engine, 'store'> }) => {
    const own = limits.get(store) ?? createAddressLimit({ most, within: MINUTE, now });
    limits.set(store, own);
    let wait = own.wait(address);
    if (wait === 0) {
      own.note(address);
      wait = await createSharedLimit({ records: store.records, kind, most, within: MINUTE, now }).count(address);
    }
    if (wait > 0)
      throw new FhirError('throttled', 'Too many links are used from this address: try again in a minute.', {
        ...{ retryAfter: Math.ceil(wait / 1000), detail: 'too-many-uses' },
      });
  };
}
