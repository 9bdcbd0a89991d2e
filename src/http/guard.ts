/**
 * Who is kept out before anything runs, because a browser may be speaking for a page that nobody meant to let in.
 *
 * Host (https://www.rfc-editor.org/rfc/rfc9110#section-7.4): without authentication the loopback interface is the only
 * wall, and a page whose name is re-bound to 127.0.0.1 is behind it. Its requests still carry its name, so that only
 * names of this machine, or that of the configured base, are served; the port is free, because tunnels change it.
 *
 * Origin and Sec-Fetch-Site (https://www.rfc-editor.org/rfc/rfc6454, https://www.w3.org/TR/fetch-metadata/): a browser
 * sends forms and simple requests across sites without asking first. What may change something is refused unless it
 * comes from here or from an origin that CORS allows. Programs that are no browsers send neither header.
 */
import type { IncomingMessage } from 'node:http';
import { FhirError } from '../fhir/error.js';
import { headerCount } from '../identity/credentials.js';

export interface Guard {
  /** Throws `misdirected` where the request was meant for another server, `invalid` where it does not say for which. */
  checkHost(request: IncomingMessage, target: string | undefined): void;
  /** Why this request may not change anything; undefined: it may. */
  foreign(request: IncomingMessage): FhirError | undefined;
}

export interface GuardOptions {
  readonly authentication: 'none' | 'token' | 'smart';
  /** FHIR bases of this server, the configured one first. */
  readonly bases: readonly string[];
  /** `*` for any. */
  readonly corsOrigins: readonly string[];
}

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
/** Exactly what clients write: no other notation of an address, no user, no zone, no dot at the end. */
const LOOPBACK = new RegExp(`^(?:localhost|127(?:\\.${OCTET}){3}|\\[::1\\])$`);
const HOST = /^([^:[\]/@\s]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/;
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

export function createGuard({ authentication, bases, corsOrigins }: GuardOptions): Guard {
  const urls = bases.map(base => new URL(base));
  const names = new Set(urls.map(({ hostname }) => hostname));
  const origins = new Set(urls.map(({ origin }) => origin));
  const any = corsOrigins.includes('*');

  const serves = (host: string | undefined): boolean => {
    const name = HOST.exec(host?.toLowerCase() ?? '')?.[1];
    return name !== undefined && (LOOPBACK.test(name) || names.has(name));
  };

  return {
    checkHost(request, target) {
      // A second one is what a proxy in front may have believed.
      if (headerCount(request.rawHeaders, 'host') > 1)
        throw new FhirError('invalid', 'A request has one Host header.', { expression: 'http.Host' });
      if (authentication !== 'none') return;
      if (serves(request.headers.host) && (target === undefined || serves(target))) return;
      throw new FhirError(
        'misdirected',
        'Without authentication this server answers to localhost, 127.0.0.1 and the host of CHARTROOM_BASE_URL alone, not to the Host of this request.',
        { expression: 'http.Host' },
      );
    },

    foreign({ method = '', headers }) {
      if (SAFE.has(method)) return undefined;
      const { origin, host } = headers;
      if (origin !== undefined && (any || corsOrigins.includes(origin))) return undefined;
      const site = headers['sec-fetch-site'] ?? 'none';
      const ours = origin === undefined || origins.has(origin) || isOriginOf(origin, host);
      if (ours && (site === 'none' || site === 'same-origin')) return undefined;
      return new FhirError(
        'forbidden',
        'A page of another origin may not change anything here: name its origin in CHARTROOM_CORS_ORIGINS to allow it.',
        { expression: 'http.Origin', detail: 'foreign-origin' },
      );
    },
  };
}

/** A page that came from the host that it asks; a proxy may have ended TLS between them. */
const isOriginOf = (origin: string, host: string | undefined): boolean =>
  host !== undefined && /^https?:\/\/(.+)$/.exec(origin)?.[1] === host.toLowerCase();
