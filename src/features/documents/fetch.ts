/**
 * Documents that lie elsewhere, fetched once, when they are written: from hosts that the operator lists, over TLS, without a redirect to
 * any other (../../outgoing). USC-3
 */
import type { Outgoing } from '../../outgoing/client.js';
import type { OutgoingPolicy } from '../../outgoing/outgoing.js';
import { FhirError } from '../../fhir/error.js';
import type { HookGround } from '../../interactions/write/hooks.js';
import { createLruCache } from '../../platform/lru-cache.js';

const MAX_BYTES = 100 * 1024 * 1024;
const WHOLE_MS = 30_000;
/** Bytes of all that one request has fetched: they are in memory until it is committed. */
const MOST_BYTES = 2 * MAX_BYTES;
/** Requests that are remembered. */
const REQUESTS = 1000;

/** What lies elsewhere: its bytes as base64. */
export interface Fetched {
  readonly contentType: string;
  readonly data: string;
}

/** Undefined: the host is not listed. Throws FhirError where it cannot be had, or one request wants too much. */
export type Fetch = (ground: Pick<HookGround, 'requestId' | 'room'>, url: string) => Promise<Fetched | undefined>;

/** `hosts`: separated by commas. Throws an Error that says which of them is wrong. */
export function createFetch(hosts: string, open: (policy: OutgoingPolicy) => Outgoing): Fetch {
  const listed = hosts.split(',').flatMap(host => (host.trim() === '' ? [] : [host.trim()]));
  if (listed.length === 0) return async () => undefined;
  const client = open({ hosts: listed, whole: WHOLE_MS, maxBytes: MAX_BYTES, atOnce: 2 });
  const spent = createLruCache<{ bytes: number }>(REQUESTS);
  return async ({ requestId, room }, url) => {
    if (!isListed(client, url)) return undefined;
    const own = spent.get(requestId, () => ({ bytes: 0 }));
    // As much as all that one request may fetch, before the first byte of it is here.
    await room(MOST_BYTES);
    const { status, headers, body } = await client.ask(url, { headers: { accept: '*/*' } });
    if (status !== 200)
      throw refuse('fetch-failed', `The document could not be fetched: the other server says ${status}.`);
    own.bytes += body.length;
    if (own.bytes > MOST_BYTES)
      throw refuse('fetched-too-much', 'What one request fetches has 200 MB at most: send the documents one by one.');
    const { 'content-type': contentType = 'application/octet-stream' } = headers;
    return { contentType: contentType.split(';')[0]!.trim(), data: body.toString('base64') };
  };
}

const refuse = (detail: string, text: string): FhirError => new FhirError('unprocessable', text, { detail });

function isListed(client: Outgoing, url: string): boolean {
  try {
    client.check(url);
    return true;
  } catch {
    return false;
  }
}
