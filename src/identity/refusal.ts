/**
 * Why somebody is not let in, as clients read it: a text, and a code by which HTTP makes the challenge of the answer. Neither says anything
 * of the token. https://www.rfc-editor.org/rfc/rfc6750#section-3, https://www.rfc-editor.org/rfc/rfc9449#section-7.1
 */
import { FhirError } from '../fhir/error.js';

const EXPRESSION = 'http.Authorization';

/** Nobody has said who they are. */
export const noToken = (): FhirError =>
  new FhirError('unauthenticated', 'This server needs a bearer token in the Authorization header.', {
    expression: EXPRESSION,
  });

const INVALID_TOKEN = 'invalid-token';
const INVALID_PROOF = 'invalid-dpop-proof';

/** `text`: what is wrong, with the remedy. `cause`: for the log, without a byte of the token. */
export const invalidToken = (text: string, cause?: string): FhirError =>
  new FhirError('unauthenticated', text, {
    expression: EXPRESSION,
    detail: INVALID_TOKEN,
    ...(cause === undefined ? {} : { cause: new Error(cause) }),
  });

export const invalidProof = (text: string): FhirError =>
  new FhirError('unauthenticated', text, { expression: 'http.DPoP', detail: INVALID_PROOF });

/** The value of WWW-Authenticate of a refusal; undefined: it has none. Without a token it has no error: RFC 6750, section 3.1. */
export function challengeOf({ kind, scope, issues }: FhirError): string | undefined {
  if (scope !== undefined) return `Bearer realm="chartroom", error="insufficient_scope", scope="${scope}"`;
  if (kind !== 'unauthenticated') return undefined;
  const detail = issues[0]?.detail;
  if (detail === INVALID_PROOF) return 'DPoP realm="chartroom", error="invalid_dpop_proof"';
  return detail === INVALID_TOKEN ? 'Bearer realm="chartroom", error="invalid_token"' : 'Bearer realm="chartroom"';
}
