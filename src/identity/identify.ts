/** Who asks: whoever has a token that this server gave out in a file, or that an issuer which it believes has issued. */
import { FhirError } from '../fhir/error.js';
import type { OutgoingClients } from '../outgoing/outgoing.js';
import { isJwt, issuerNamedIn, type VerifyGround, verifyAccessToken } from './access-token.js';
import { type Claims, type ClaimsGround, principalOf } from './claims.js';
import { givenToken } from './credentials.js';
import { createCheckProof, type CheckProof, type ProofGround } from './dpop.js';
import { createFailures } from './failures.js';
import { introspect } from './introspection.js';
import { Issuer, type TokenIssuer } from './issuer.js';
import type { IssuerRules } from './issuer-rules.js';
import { KeptTokens, type RevokedTokens, type VerifiedToken } from './kept-tokens.js';
import { ANYBODY, type Identify, type IdentifyingRequest, type Principal } from './principal.js';
import { invalidToken } from './refusal.js';
import type { StaticTokens } from './tokens.js';

const anybody = Promise.resolve(ANYBODY);
export const identifyAnybody: Identify = () => anybody;

export interface IdentifyGround extends ClaimsGround {
  /** ms since 1970. */
  readonly now: () => number;
  /** Empty: nobody elsewhere is believed. */
  readonly issuers: readonly TokenIssuer[];
  /** Absent: there are none. */
  readonly tokens?: StaticTokens | undefined;
  readonly revoked?: RevokedTokens;
  /** Where several processes serve: what they share. */
  readonly records?: ProofGround['records'];
}

export const openIssuers = (rules: readonly IssuerRules[], outgoing: OutgoingClients): readonly Issuer[] =>
  rules.map(each => new Issuer(each, outgoing));

/** What is known of a token that was not seen before. Throws FhirError. */
type Verify = (token: string) => Promise<VerifiedToken>;

export function createIdentify(ground: IdentifyGround): Identify {
  const { tokens, issuers, now } = ground;
  const kept = new KeptTokens(now, ground.revoked);
  const failures = createFailures();
  const checkProof = createCheckProof(ground);
  const verify = createVerify(ground);
  const identify = async (request: IdentifyingRequest): Promise<Principal> => {
    const { scheme, token } = givenToken(request);
    let known = issuers.length > 0 ? kept.get(token) : undefined;
    if (!known) {
      const own = scheme === 'bearer' ? tokens?.(token) : undefined;
      if (own) return own;
      if (issuers.length === 0) throw invalidToken('The bearer token is not known to this server.');
      failures.check(request.address);
      known = await kept.verified(token, () => verify(token));
    }
    if (!known) throw invalidToken('The token was taken back.');
    // Where nothing is proved nothing is waited for.
    if (known.jkt !== undefined || scheme === 'dpop') await checkBound(request, scheme, token, known, checkProof);
    return known.principal;
  };
  return request =>
    identify(request).catch((error: unknown) => {
      // Nobody is kept out because an issuer is away.
      if (!(error instanceof FhirError) || error.kind !== 'unauthenticated') throw error;
      failures.check(request.address);
      failures.note(request.address);
      throw error;
    });
}

async function checkBound(
  request: IdentifyingRequest,
  scheme: string,
  token: string,
  { jkt }: VerifiedToken,
  check: CheckProof,
): Promise<void> {
  if (jkt === undefined) throw invalidToken('The token is bound to no key: send it after Bearer.');
  if (scheme !== 'dpop') throw invalidToken('The token is bound to a key: send it after DPoP, with a proof.');
  await check(request, token, jkt);
}

/** ms for which what was said of an opaque token is believed. */
const INTROSPECTED = 30_000;

function createVerify(ground: IdentifyGround): Verify {
  const { issuers, bases, now } = ground;
  const base = bases[0]!;
  const asked: VerifyGround = { now, base };
  const verified = (claims: Claims, { rules }: TokenIssuer, most: number): VerifiedToken => {
    const { exp } = claims;
    const end = typeof exp === 'number' ? exp * 1000 : Infinity;
    return { principal: principalOf(claims, rules, ground), until: Math.min(end, most), jkt: keyBoundTo(claims) };
  };
  return async token => {
    if (isJwt(token)) {
      const named = issuerNamedIn(token);
      const issuer = issuers.find(({ rules }) => rules.url === named);
      if (!issuer) throw invalidToken('The token is of an issuer that this server does not know.');
      return verified(await verifyAccessToken(token, issuer, asked), issuer, Infinity);
    }
    for (const issuer of issuers) {
      if (!(issuer instanceof Issuer)) continue;
      const claims = await introspect(token, issuer, asked);
      if (claims) return verified(claims, issuer, now() + INTROSPECTED);
    }
    throw invalidToken('The bearer token is not known to this server.');
  };
}

/** `cnf`: https://www.rfc-editor.org/rfc/rfc7800. Of what else a token may be bound to, nothing is proved here. */
function keyBoundTo({ cnf }: Claims): string | undefined {
  if (cnf === undefined) return undefined;
  const { jkt, ...others } = (typeof cnf === 'object' && cnf !== null ? cnf : {}) as Record<string, unknown>;
  if (typeof jkt === 'string' && jkt !== '' && Object.keys(others).length === 0) return jkt;
  throw invalidToken('The token is bound to something that this server cannot prove.');
}
