/**
 * The ids of a request: the server gives each one of its own, which no client can choose, so that one id in log and audit trail is one request; what a
 * client calls it is kept beside it, and given back as X-Correlation-Id. https://hl7.org/fhir/R4/http.html#custom
 */
import type { IncomingMessage } from 'node:http';
import { newId } from '../platform/ids.js';

const REQUEST_ID = /^[\w.:-]{1,64}$/;
const given = new WeakMap<IncomingMessage, string>();

/** Says the id of a request before it is answered. */
export const giveRequestId = (request: IncomingMessage, id: string): void => void given.set(request, id);

/** `now`: ms since 1970. */
export const requestIdOf = (request: IncomingMessage, now: number): string => given.get(request) ?? newId(now);

/** What the client calls it; undefined: nothing, or nothing that could be an id. */
export function correlationIdOf({ headers }: IncomingMessage): string | undefined {
  const id = headers['x-request-id'];
  return typeof id === 'string' && REQUEST_ID.test(id) ? id : undefined;
}
