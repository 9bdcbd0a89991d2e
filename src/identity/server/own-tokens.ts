/**
 * Our access tokens at the two addresses where clients ask about them and take them back: https://www.rfc-editor.org/rfc/rfc7662,
 * https://www.rfc-editor.org/rfc/rfc7009. oidc-provider does neither for a JWT.
 */
import { createLocalJWKSet, type JWTPayload, jwtVerify, type LocalJWKSet } from 'jose';
import type { JWK } from 'jose';
import type { Identify, IdentifyingRequest, Principal } from '../principal.js';
import { endGrant } from './adapter.js';
import { type Application, isSecret } from './applications.js';
import type { ProviderGround } from './provider.js';
import { publicPart } from './signing-keys.js';

export interface OwnTokens {
  /** Undefined: it is none of ours, or not good any more. */
  verify(token: string): Promise<JWTPayload | undefined>;
  readonly keys: LocalJWKSet;
}

export function createOwnTokens(ground: ProviderGround, keys: readonly JWK[]): OwnTokens {
  const set = createLocalJWKSet({ keys: keys.map(publicPart) });
  return {
    keys: set,
    async verify(token) {
      try {
        const { issuer, base, revocations } = ground;
        const { payload } = await jwtVerify(token, set, {
          issuer,
          audience: base,
          typ: 'at+jwt',
          algorithms: ['ES256'],
        });
        return revocations.isRevoked(principalIn(payload)) ? undefined : payload;
      } catch {
        return undefined;
      }
    },
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
 * Ends the grant that a token of an application belongs to, or the token, where it belongs to none. Of one with keys its name is enough: whoever has a token may want it to be
 * over, and can do nothing else here.
 */
export async function revokeOwn(
  ground: ProviderGround,
  tokens: OwnTokens,
  { request, form, refreshToken }: RevokeRequest,
): Promise<RevokeAnswer> {
  const application = await applicationOf(ground, request, form, true);
  if (!application) return { answer: REFUSED };
  const { id } = application.record;
  const token = form.get('token') ?? '';
  const { jti = '', client_id: client, sub: subject } = (await tokens.verify(token)) ?? {};
  const { clientId, grantId, accountId } = (await refreshToken(token)) ?? {};
  const answer: OwnAnswer = { status: 200, body: {} };
  if (client === id && jti !== '') {
    const end = jti.indexOf('~');
    await (end < 0 ? ground.revocations.revokeToken(jti) : endGrant(ground, jti.slice(0, end)));
    return { answer, ended: { client: id, ...(end < 0 ? {} : { user: subject }) } };
  }
  if (clientId !== id || grantId === undefined) return { answer };
  await endGrant(ground, grantId);
  return { answer, ended: { client: id, user: accountId } };
}

export interface RevokeAnswer {
  readonly answer: OwnAnswer;
  /** Whose it was. Absent: nothing has ended, as it was no token, or that of another application. */
  readonly ended?: { readonly client: string; readonly user?: string | undefined };
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
