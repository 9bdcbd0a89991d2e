/** The shape of the corpus: requests as data, each with the answer that it deserves. */
import type { Sent } from '../../support/exchange.js';

export interface BadRequest extends Sent {
  readonly name: string;
  readonly status: number;
  /** issue.code of the first issue. */
  readonly code?: string;
  /** Stable code of the first issue (issue.details.coding). */
  readonly detail?: string;
  /** Some issue has this expression. */
  readonly expression?: string;
  /** For searches that are well-formed and must find nothing: Bundle.total. */
  readonly total?: number;
}

/** Stands in bad values: no answer may repeat it, neither in its body nor in its headers. */
export const MARK = 'Zq7Echo';

/** What is stored before the corpus is sent, and must be there unchanged afterwards. */
export const KNOWN = {
  resourceType: 'Patient',
  id: 'known',
  identifier: [{ system: 'http://example.org/mrn', value: '4711' }],
  name: [{ family: 'Vellinga', given: ['Imke'] }],
  birthDate: '1970-03-08',
} as const;

/** Limits of the server that gets the corpus, small so that the bodies can be. */
export const LIMITS = {
  maxBody: 1024 * 1024,
  maxBinary: 2 * 1024 * 1024,
  maxDepth: 64,
  maxArray: 1000,
  portable: true,
} as const;

export const JSON_TYPE = { 'content-type': 'application/fhir+json' } as const;
export const XML_TYPE = { 'content-type': 'application/fhir+xml' } as const;

export interface Expected {
  readonly status: number;
  readonly code?: string;
  readonly detail?: string;
  readonly expression?: string;
}

/** POST of a body as JSON; an object is printed, a text is sent as it is. */
export function post(
  name: string,
  type: string,
  body: string | Buffer | Readonly<Record<string, unknown>>,
  expected: Expected,
): BadRequest {
  const bytes = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return { name, method: 'POST', path: `/fhir/${type}`, headers: JSON_TYPE, body: bytes, ...expected };
}

export const get = (name: string, path: string, expected: Expected & { readonly total?: number }): BadRequest => ({
  name,
  method: 'GET',
  path: `/fhir${path}`,
  ...expected,
});
