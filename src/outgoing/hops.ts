/** Where a redirect leads, and what of the request goes along: never a method that changes something, nor a secret, to another host. */
import { outgoingError } from './trouble.js';
import type { WireRequest } from './send.js';

/** A request with the headers that are for the host alone that it was meant for. */
export interface HopRequest extends WireRequest {
  readonly credentials: Readonly<Record<string, string>>;
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD']);
/** Of a body that is not sent again. */
const OF_THE_BODY = /^content-/i;

export interface Hop {
  readonly url: string;
  readonly ask: HopRequest;
}

/** Undefined: the answer is none that sends on. Throws `outgoing-redirect`. */
export function nextHop(from: URL, ask: HopRequest, status: number, location: string | undefined): Hop | undefined {
  if (!REDIRECTS.has(status) || location === undefined) return undefined;
  const to = resolveLocation(from, location);
  const isSame = to.origin === from.origin;
  if (from.protocol === 'https:' && to.protocol !== 'https:') throw outgoingError('outgoing-redirect', 'without TLS');
  const reads = READING.has(ask.method);
  const keepsMethod = reads || status === 307 || status === 308 || (status !== 303 && ask.method !== 'POST');
  if (!keepsMethod || reads) {
    const headers = Object.entries(ask.headers).filter(([name]) => reads || !OF_THE_BODY.test(name));
    const method = reads ? ask.method : 'GET';
    return {
      url: to.href,
      ask: { method, headers: Object.fromEntries(headers), credentials: isSame ? ask.credentials : {} },
    };
  }
  if (!isSame) throw outgoingError('outgoing-redirect', 'a change to another host');
  if (ask.body !== undefined && !(ask.body instanceof Uint8Array))
    throw outgoingError('outgoing-redirect', 'a stream that was sent');
  return { url: to.href, ask };
}

function resolveLocation(from: URL, location: string): URL {
  if (!/^[\x21-\x7e]+$/.test(location) || location.includes('\\') || !URL.canParse(location, from.href))
    throw outgoingError('outgoing-redirect', 'oddly written');
  const to = new URL(location, from);
  to.hash = '';
  return to;
}
