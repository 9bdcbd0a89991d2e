/** The headers of a request that leaves the house: what the caller gives, less what is ours to say, and the trace. */
import { randomBytes } from 'node:crypto';
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { VERSION } from '../platform/version.js';
import { ACCEPTED_ENCODING } from './body.js';
import { outgoingError } from './trouble.js';

/** Names by which a request is framed and routed. */
const OURS =
  /^(?:host|connection|keep-alive|content-length|transfer-encoding|te|trailer|upgrade|expect|accept-encoding|proxy-.*)$/i;
const SECRET = /^(?:authorization|cookie)$/i;
/** https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/;

export interface GivenHeaders {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly credentials?: Readonly<Record<string, string>> | undefined;
  readonly trace?: { readonly requestId: string; readonly traceparent?: string | undefined } | undefined;
}

/** Throws `outgoing-invalid`. What is known to be secret is one of the credentials, wherever it was given. */
export function requestHeaders({ headers = {}, credentials = {}, trace }: GivenHeaders) {
  for (const [name, value] of [...Object.entries(headers), ...Object.entries(credentials)]) checkHeader(name, value);
  const given = Object.entries(headers);
  return {
    headers: {
      'User-Agent': `Chartroom/${VERSION}`,
      ...Object.fromEntries(given.filter(([name]) => !SECRET.test(name))),
      'Accept-Encoding': ACCEPTED_ENCODING,
      ...traceHeaders(trace),
    },
    credentials: { ...Object.fromEntries(given.filter(([name]) => SECRET.test(name))), ...credentials },
  };
}

function checkHeader(name: string, value: string): void {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  } catch {
    throw outgoingError('outgoing-invalid');
  }
  if (OURS.test(name)) throw outgoingError('outgoing-invalid');
}

/** What is asked here is a part of what was asked of us, by a number of its own. */
function traceHeaders(trace: GivenHeaders['trace']): Record<string, string> {
  if (!trace) return {};
  const [, id, flags] = TRACEPARENT.exec(trace.traceparent ?? '') ?? [];
  const part = id === undefined ? {} : { traceparent: `00-${id}-${randomBytes(8).toString('hex')}-${flags}` };
  return { 'X-Request-Id': trace.requestId, ...part };
}
