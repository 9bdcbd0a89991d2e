/**
 * What can go wrong with a request that leaves the house, as a FhirError with a code that stays (`issue.details`). Neither its
 * text nor its cause says anything of the address, the headers or what was sent and got: those may be secret, or a patient's.
 */
import { FhirError, type Kind } from '../fhir/error.js';

const TROUBLES = {
  'outgoing-not-allowed': ['unprocessable', 'The address is not one that this server may ask.'],
  'outgoing-redirect': ['unprocessable', 'The other server sends on to an address that may not be asked.'],
  'outgoing-invalid': ['invalid', 'A header of the request to another server is not allowed.'],
  'outgoing-unresolved': ['unavailable', 'The name of the other server is not known.'],
  'outgoing-unreachable': ['unavailable', 'The other server cannot be reached.'],
  'outgoing-untrusted': ['unavailable', 'The other server does not prove who it is.'],
  'outgoing-timeout': ['timeout', 'The other server did not answer in time.'],
  'outgoing-broken': ['unavailable', 'The answer of the other server broke off or cannot be understood.'],
  'outgoing-too-large': ['unprocessable', 'The answer of the other server is larger than is allowed.'],
  'outgoing-resting': ['unavailable', 'The other server has failed too often and is not asked for a while.'],
  'outgoing-busy': ['throttled', 'Too many requests to the other server are waiting.'],
  'outgoing-aborted': ['unavailable', 'The request to the other server was given up.'],
} as const satisfies Readonly<Record<string, readonly [Kind, string]>>;

export type OutgoingCode = keyof typeof TROUBLES;

/** `cause`: a word for the log. */
export function outgoingError(code: OutgoingCode, cause?: string, retryAfter?: number): FhirError {
  const [kind, text] = TROUBLES[code];
  return new FhirError(kind, text, {
    detail: code,
    ...(cause === undefined ? {} : { cause: new Error(cause) }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  });
}

/** Undefined: it is no trouble of a request that leaves the house. */
export function outgoingCode(error: unknown): OutgoingCode | undefined {
  const detail = error instanceof FhirError ? error.issues[0]?.detail : undefined;
  return detail !== undefined && Object.hasOwn(TROUBLES, detail) ? (detail as OutgoingCode) : undefined;
}

/** Those by which the other server shows that it is not well. */
const OF_THE_HOST: ReadonlySet<unknown> = new Set<OutgoingCode>([
  'outgoing-unresolved',
  'outgoing-unreachable',
  'outgoing-untrusted',
  'outgoing-timeout',
  'outgoing-broken',
]);
export const isOfTheHost = (error: unknown): boolean => OF_THE_HOST.has(outgoingCode(error));

const UNREACHABLE = /^E(?:CONNREFUSED|HOSTUNREACH|NETUNREACH|HOSTDOWN|NETDOWN|TIMEDOUT|ADDRNOTAVAIL|ACCES)$/;
const UNTRUSTED = /^(?:CERT_|ERR_TLS_|ERR_SSL_|EPROTO$|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA)/;

/** From an error of Node: only its code goes on, since the rest may hold bytes of the answer. */
export function fromNode(error: unknown): FhirError {
  if (error instanceof FhirError) return error;
  const { code } = (error ?? {}) as { readonly code?: unknown };
  const name = typeof code === 'string' ? code : 'unknown';
  if (name === 'ENOTFOUND' || name.startsWith('EAI_')) return outgoingError('outgoing-unresolved', name);
  if (UNREACHABLE.test(name)) return outgoingError('outgoing-unreachable', name);
  if (UNTRUSTED.test(name)) return outgoingError('outgoing-untrusted', name);
  if (name === 'HPE_HEADER_OVERFLOW') return outgoingError('outgoing-too-large', name);
  return outgoingError('outgoing-broken', name);
}
