/**
 * Verifies an access token that is a JWT: https://www.rfc-editor.org/rfc/rfc9068#section-4, with the advice of
 * https://www.rfc-editor.org/rfc/rfc8725. What its signature must be made with is pinned by the rules of its issuer, never by the token. A token
 * for somebody else, or of another kind (an id_token, a logout token, a proof), is refused, however well it is signed.
 */
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify, type JWTVerifyOptions } from 'jose';
import { FhirError } from '../fhir/error.js';
import type { Claims } from './claims.js';
import type { TokenIssuer } from './issuer.js';
import { invalidToken } from './refusal.js';

/** s that clocks may differ. */
export const CLOCK_SKEW = 60;
/** s from its issue to its end that a token may be good for. */
const LONGEST_LIFE = 24 * 60 * 60;

/** `now`: ms since 1970. */
export interface VerifyGround {
  readonly now: () => number;
  /** What `aud` must name: the base of this server. */
  readonly base: string;
}

/** Three parts, of which the first is the header of a signature; whatever else is opaque to us. */
export function isJwt(token: string): boolean {
  if (token.split('.').length !== 3) return false;
  try {
    return typeof decodeProtectedHeader(token).alg === 'string';
  } catch {
    return false;
  }
}

/** Who says to have issued it; nothing is believed yet. */
export function issuerNamedIn(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}

/** Throws FhirError: `unauthenticated` for a token that is not good, `unavailable` where the issuer is away. */
export async function verifyAccessToken(token: string, issuer: TokenIssuer, ground: VerifyGround): Promise<Claims> {
  const { url, algorithms, typed } = issuer.rules;
  const options: JWTVerifyOptions = {
    issuer: url,
    algorithms: [...algorithms],
    audience: audiencesOf(issuer, ground),
    clockTolerance: CLOCK_SKEW,
    currentDate: new Date(ground.now()),
    requiredClaims: ['exp'],
    ...(typed ? { typ: 'at+jwt' } : {}),
  };
  const { payload, protectedHeader } = await jwtVerify(token, header => issuer.key(header), options).catch(error => {
    throw refusalOfJose(error);
  });
  checkKind(protectedHeader.typ, payload);
  checkTimes(payload, ground.now() / 1000);
  return payload;
}

/** With and without the slash at the end that some clients put there. */
export const audiencesOf = ({ rules }: Pick<TokenIssuer, 'rules'>, { base }: VerifyGround): string[] => [
  base,
  `${base}/`,
  ...rules.audience,
];

/** jose says what is wrong with a JWT by a code, and with which claim. Its texts are not repeated. */
function refusalOfJose(error: unknown): FhirError {
  if (error instanceof FhirError) return error;
  if (error instanceof errors.JWTExpired) return invalidToken('The token has expired.');
  if (error instanceof errors.JWTClaimValidationFailed) {
    const what = CLAIMS.get(error.claim) ?? 'A claim of the token is not what it must be.';
    return invalidToken(what, error.code);
  }
  if (error instanceof errors.JOSEAlgNotAllowed)
    return invalidToken('The token is signed by an algorithm that is not allowed.');
  if (error instanceof errors.JOSEError) return invalidToken('The token is not valid.', error.code);
  // Of keys that cannot be used.
  return invalidToken('The token is not valid.', 'key');
}

const CLAIMS: ReadonlyMap<string, string> = new Map([
  ['aud', 'The token is for another server: its aud must be the base of this one.'],
  ['iss', 'The token names another issuer.'],
  ['nbf', 'The token is not valid yet.'],
  ['typ', 'The token is no access token: its typ must be at+jwt.'],
  ['exp', 'The token must say when it expires.'],
]);

const ACCESS_TYPES: ReadonlySet<string> = new Set(['at+jwt', 'application/at+jwt', 'jwt', 'application/jwt']);
/** Claims of tokens about a sign-in: https://openid.net/specs/openid-connect-core-1_0.html#IDToken, and of events. */
const NOT_OF_ACCESS = ['nonce', 'at_hash', 'c_hash', 's_hash', 'events'];

/** `typ` in the header, or what issuers without it say in the payload. */
function checkKind(headerType: string | undefined, payload: JWTPayload): void {
  const { token_use: use, typ } = payload;
  const isOther =
    (headerType !== undefined && !ACCESS_TYPES.has(headerType.toLowerCase())) ||
    NOT_OF_ACCESS.some(name => Object.hasOwn(payload, name)) ||
    (use !== undefined && use !== 'access') ||
    (typeof typ === 'string' && !/^(?:bearer|dpop|at\+jwt|jwt)$/i.test(typ));
  if (isOther) throw invalidToken('The token is no access token.');
}

/** s since 1970. A token that says nothing of its issue was issued now, at the earliest when it became valid. */
function checkTimes({ exp = 0, iat, nbf }: JWTPayload, now: number): void {
  if (iat !== undefined && iat > now + CLOCK_SKEW) throw invalidToken('The token is not valid yet.');
  if (exp - (iat ?? nbf ?? now) > LONGEST_LIFE || exp - now > LONGEST_LIFE + CLOCK_SKEW)
    throw invalidToken('The token is good for more than 24 hours, which is too long.');
}
