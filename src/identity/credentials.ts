/**
 * The token of a request: in the Authorization header, once, after `Bearer` or `DPoP`. Anywhere else (query, form) it would be
 * written into logs and histories: https://www.rfc-editor.org/rfc/rfc9700#section-4.3.2
 */
import type { IdentifyingRequest } from './principal.js';
import { invalidToken, noToken } from './refusal.js';

export interface GivenToken {
  readonly scheme: 'bearer' | 'dpop';
  readonly token: string;
}

/** Node takes no more of all headers. */
const MOST_TOKEN_CHARACTERS = 16 * 1024;
const CREDENTIALS = /^(bearer|dpop) +([\w.~+/-]+=*) *$/i;

/** Throws FhirError `unauthenticated`. */
export function givenToken({ headers, rawHeaders }: Pick<IdentifyingRequest, 'headers' | 'rawHeaders'>): GivenToken {
  const { authorization } = headers;
  if (authorization === undefined) throw noToken();
  // Node keeps the first of several: whoever stands before us may have looked at another one.
  if (headerCount(rawHeaders, 'authorization') > 1)
    throw invalidToken('A request has one Authorization header; this one has several.');
  const given = typeof authorization === 'string' ? authorization : '';
  if (given.length > MOST_TOKEN_CHARACTERS)
    throw invalidToken(`A token may have ${MOST_TOKEN_CHARACTERS} characters; this one has more.`);
  const [, scheme, token] = CREDENTIALS.exec(given) ?? [];
  if (scheme === undefined || token === undefined) throw noToken();
  return { scheme: scheme.toLowerCase() === 'dpop' ? 'dpop' : 'bearer', token };
}

/** How often a header was given. `rawHeaders`: names and values by turns; `name` in lower case. */
export function headerCount(rawHeaders: readonly string[], name: string): number {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const given = rawHeaders[at]!;
    if (given.length === name.length && given.toLowerCase() === name) count++;
  }
  return count;
}
