/**
 * Tokens that are bound to a key: whoever sends one proves with each request, by a fresh JWT, to have the key.
 * https://www.rfc-editor.org/rfc/rfc9449#section-4.3
 *
 * Proofs are remembered for as long as they are good: in this process, and where several serve in the store, so that one that is caught on its way is good
 * nowhere a second time.
 */
import { hash } from 'node:crypto';
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose';
import { FhirError } from '../fhir/error.js';
import { realNow } from '../platform/real-time.js';
import type { Records, StoredRecord } from '../store/records.js';
import { CLOCK_SKEW } from './access-token.js';
import { headerCount } from './credentials.js';
import { ALGORITHMS } from './issuer-rules.js';
import type { IdentifyingRequest } from './principal.js';
import { invalidProof } from './refusal.js';

const MOST_PROOF_CHARACTERS = 8 * 1024;
const MOST_PROOF_ID = 256;
/** That are remembered. */
const MOST_PROOFS = 100_000;

export interface ProofGround {
  /** ms since 1970. */
  readonly now: () => number;
  /** FHIR bases of this server, each with its own host. */
  readonly bases: readonly string[];
  /** What all processes share; absent: there is one. */
  readonly records?: Pick<Records, 'put'> | undefined;
}

/** Throws FhirError `unauthenticated`, or `throttled` where more proofs would have to be remembered than can be. */
export type CheckProof = (request: IdentifyingRequest, token: string, jkt: string) => Promise<void>;

export function createCheckProof({ now, bases, records }: ProofGround, most = MOST_PROOFS): CheckProof {
  /** SHA-256 of key and id → s since 1970 when the proof is no good any more; in the order in which they came. */
  const seen = new Map<string, number>();
  const remember = (proof: string, until: number): void => {
    const seconds = now() / 1000;
    for (const [other, end] of seen) {
      if (end > seconds) break;
      seen.delete(other);
    }
    if (seen.has(proof)) throw usedBefore();
    if (seen.size >= most)
      throw new FhirError('throttled', 'Too many DPoP proofs are under way: try again later.', {
        retryAfter: CLOCK_SKEW,
      });
    seen.set(proof, until);
  };
  return async (request, token, jkt) => {
    const { dpop } = request.headers;
    if (
      typeof dpop !== 'string' ||
      headerCount(request.rawHeaders, 'dpop') !== 1 ||
      dpop.length > MOST_PROOF_CHARACTERS
    )
      throw invalidProof('A token that is bound to a key comes with one DPoP header.');
    const { payload, protectedHeader } = await jwtVerify(dpop, EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: [...ALGORITHMS],
      requiredClaims: ['jti', 'htm', 'htu', 'iat', 'ath'],
      clockTolerance: CLOCK_SKEW,
      currentDate: new Date(now()),
    }).catch(() => {
      throw invalidProof('The DPoP proof is not valid.');
    });
    if ((await calculateJwkThumbprint(protectedHeader.jwk!, 'sha256')) !== jkt)
      throw invalidProof('The DPoP proof is made with another key than that of the token.');
    const { jti, htm, htu, iat, ath } = payload;
    if (htm !== request.method) throw invalidProof('The DPoP proof is for another method.');
    if (typeof htu !== 'string' || !addressesOf(request.url, bases).includes(comparable(htu)))
      throw invalidProof('The DPoP proof is for another address.');
    if (ath !== hash('sha256', token, 'base64url')) throw invalidProof('The DPoP proof is for another token.');
    if (Math.abs(now() / 1000 - (iat ?? 0)) > CLOCK_SKEW) throw invalidProof('The DPoP proof is not of this minute.');
    if (typeof jti !== 'string' || jti.length > MOST_PROOF_ID)
      throw invalidProof('The DPoP proof has no id that can be used.');
    const proof = hash('sha256', `${jkt} ${jti}`, 'base64url');
    remember(proof, (iat ?? 0) + CLOCK_SKEW);
    if (records && (await records.put(recordOf(proof), null)) === undefined) throw usedBefore();
  };
}

const usedBefore = (): FhirError => invalidProof('The DPoP proof was used before: each request needs a new one.');

/** For as long as clocks may differ in both directions. */
const recordOf = (id: string): StoredRecord => ({
  ...{ kind: 'dpop-proof', id, value: '' },
  expires: realNow() + 2 * CLOCK_SKEW * 1000,
});

/** The addresses that a path of this server has, by its bases, which may be those of a proxy. */
function addressesOf(url: string, bases: readonly string[]): string[] {
  const [path = ''] = url.split('?');
  const below = /^\/fhir(?=\/|$)/.test(path) ? path.slice('/fhir'.length) : undefined;
  return bases.map(base => comparable(below === undefined ? new URL(base).origin + path : base + below));
}

/** Without query and fragment, in the form of RFC 3986, section 6.2.2 and 6.2.3. */
function comparable(url: string): string {
  if (!URL.canParse(url)) return url;
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
