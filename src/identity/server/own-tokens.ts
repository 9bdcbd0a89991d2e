/**
 * Our access tokens at the two addresses where clients ask about them and take them back: https://www.rfc-editor.org/rfc/rfc7662,
 * https://www.rfc-editor.org/rfc/rfc7009. oidc-provider does neither for a JWT.
 */
import { createLocalJWKSet, type JWTPayload, jwtVerify, type LocalJWKSet } from 'jose';
import type { JWK } from 'jose';
import type { Identify, IdentifyingRequest, Principal } from '../principal.js';
import { endGrant } from './adapter.js';
import { type Application, isSecret } from './applications.js';
import { LONGEST_SESSION, type ProviderGround } from './provider.js';
import { publicPart } from './signing-keys.js';

export interface OwnTokens {
  /** Undefined: it is none of ours, or not good any more. */
  verify(token: string): Promise<JWTPayload | undefined>;
  /** What it said, though it may be revoked, or over for no longer than a session lasts. Undefined: it was not given out here, or by a key that is gone. */
  read(token: string): Promise<JWTPayload | undefined>;
  readonly keys: LocalJWKSet;
}

export function createOwnTokens(ground: ProviderGround, keys: readonly JWK[]): OwnTokens {
  const set = createLocalJWKSet({ keys: keys.map(publicPart) });
  const { issuer, base, revocations } = ground;
  const opened = async (token: string, clockTolerance: number): Promise<JWTPayload | undefined> => {
    const rules = { issuer, audience: base, typ: 'at+jwt', algorithms: ['ES256'], clockTolerance };
    return (await jwtVerify(token, set, rules).catch(() => undefined))?.payload;
  };
  return {
    keys: set,
    async verify(token) {
      const payload = await opened(token, 0);
      return payload && !revocations.isRevoked(principalIn(payload)) ? payload : undefined;
    },
    read: token => opened(token, LONGEST_SESSION),
  };
}

const principalIn = ({ jti, sub, client_id: client }: JWTPayload): Principal => ({
  role: '',
  ...(jti === undefined ? {} : { tokenId: jti }),
  ...(sub === undefined ? {} : { subject: sub }),
  ...(typeof client === 'string' ? { client } : {}),
});

/** An answer of JSON. */
export interface OwnAnswer {
  readonly status: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

const REFUSED: OwnAnswer = {
  status: 401,
  body: { error: 'invalid_client' },
  headers: { 'WWW-Authenticate': 'Basic realm="chartroom"' },
};

/** Whoever has a token that this server takes may ask, and an application with a secret. */
export async function introspectOwn(
  ground: ProviderGround,
  tokens: OwnTokens,
  asked: { readonly request: IdentifyingRequest; readonly form: URLSearchParams; readonly identify: Identify },
): Promise<OwnAnswer> {
  const { request, form, identify } = asked;
  const { authorization = '' } = request.headers;
  const isKnown = /^basic /i.test(String(authorization))
    ? (await applicationOf(ground, request, form))?.record.kind === 'secret'
    : await identify(request).then(
        () => true,
        () => false,
      );
  if (!isKnown) return REFUSED;
  const payload = await tokens.verify(form.get('token') ?? '');
  if (!payload) return { status: 200, body: { active: false } };
  const { role: _role, ...claims } = payload;
  return { status: 200, body: { active: true, token_type: 'Bearer', ...claims } };
}

/**
 * Finds the grant that a token of an application belongs to, or the token, where it belongs to none. Of one with keys its name is enough: whoever has a token may want it to be
 * over, and can do nothing else here.
 */
export async function ownToRevoke(
  ground: ProviderGround,
  tokens: OwnTokens,
  { request, form, refreshToken }: RevokeRequest,
): Promise<FoundToRevoke> {
  const application = await applicationOf(ground, request, form, true);
  if (!application) return { answer: REFUSED };
  const { id } = application.record;
  const token = form.get('token') ?? '';
  const answer: OwnAnswer = { status: 200, body: {} };
  const { jti = '', client_id: client, sub: user } = (await tokens.read(token)) ?? {};
  if (client === id && jti !== '') {
    const grantEnd = jti.indexOf('~');
    const of = grantEnd < 0 ? { client: id } : { client: id, user };
    if (!(await tokens.verify(token))) return { answer, of };
    const end = () => (grantEnd < 0 ? ground.revocations.revokeToken(jti) : endGrant(ground, jti.slice(0, grantEnd)));
    return { answer, of, end };
  }
  const { clientId, grantId, accountId } = (await refreshToken(token)) ?? {};
  if (clientId !== id || grantId === undefined) return { answer };
  return { answer, of: { client: id, user: accountId }, end: () => endGrant(ground, grantId) };
}

export interface FoundToRevoke {
  readonly answer: OwnAnswer;
  /** Whose it is, or was. Absent: it is no token that can be told, or that of another application. */
  readonly of?: { readonly client: string; readonly user?: string | undefined };
  /** Ends it. Absent: it has ended already. */
  readonly end?: () => Promise<void>;
}

interface RefreshTokenOwner {
  readonly clientId?: string | undefined;
  readonly grantId?: string | undefined;
  readonly accountId?: string | undefined;
}

export interface RevokeRequest {
  readonly request: IdentifyingRequest;
  readonly form: URLSearchParams;
  /** Whose it is; undefined: it is none. */
  readonly refreshToken: (token: string) => Promise<RefreshTokenOwner | undefined>;
}

/** Whoever shows the secret that was registered, or a public application by its name. `keysToo`: one with keys, too. */
async function applicationOf(
  { applications }: ProviderGround,
  { headers }: IdentifyingRequest,
  form: URLSearchParams,
  keysToo = false,
): Promise<Application | undefined> {
  const basic = /^basic (.+)$/i.exec(String(headers['authorization'] ?? ''))?.[1];
  const [id = '', secret = ''] =
    basic === undefined
      ? [form.get('client_id') ?? '', form.get('client_secret') ?? '']
      : /^([^:]*):?(.*)$/s.exec(Buffer.from(basic, 'base64').toString('utf8'))!.slice(1).map(decoded);
  const application = await applications.find(id);
  const { kind, secretHash } = application?.record ?? {};
  if (kind === 'public' || (keysToo && kind === 'asymmetric')) return application;
  return secretHash !== undefined && isSecret(secretHash, secret) ? application : undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return '';
  }
}
