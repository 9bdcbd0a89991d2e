/**
 * The settings of oidc-provider, and what SMART wants beyond it: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html,
 * https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html
 *
 * Every request for authorization is asked for consent and gets a grant of its own, so that what was granted once is granted for that alone, and
 * each family of refresh tokens ends by itself. The one resource is the FHIR base; scopes of resources are scopes of it.
 */
import type {
  Client,
  Configuration,
  errors as ErrorClasses,
  Grant,
  interactionPolicy,
  KoaContextWithOIDC,
  Provider as ProviderClass,
} from 'oidc-provider';
import type { JWK } from 'jose';
import { FhirError } from '../../fhir/error.js';
import { realNow } from '../../platform/real-time.js';
import type { Records } from '../../store/records.js';
import type { Scope } from '../principal.js';
import type { Users } from '../users/users.js';
import { createAdapter } from './adapter.js';
import { type Applications, isSecret } from './applications.js';
import type { AnonymousRecords } from './bounds.js';
import type { ClientKeys } from './client-keys.js';
import type { Launches } from './launches.js';
import { type Revocations, tokenIdOf } from './revocations.js';

export interface ProviderGround {
  /** `https://…/auth` */
  readonly issuer: string;
  /** The FHIR base. */
  readonly base: string;
  readonly records: Records;
  readonly users: Users;
  readonly applications: Applications;
  readonly launches: Launches;
  readonly revocations: Revocations;
  readonly anonymous: AnonymousRecords;
  readonly clientKeys: ClientKeys;
  /** Throws FhirError `invalid`. */
  readonly readScopes: (text: string) => { readonly scopes: readonly Scope[]; readonly others: readonly string[] };
  /** Signs cookies. */
  readonly cookieKey: string;
}

/** What is loaded with it. */
export interface OidcLibrary {
  readonly Provider: typeof ProviderClass;
  readonly errors: typeof ErrorClasses;
  readonly interactionPolicy: typeof interactionPolicy;
}

/** Scopes that are not about resources. */
export const OTHER_SCOPES = [
  ...['openid', 'fhirUser', 'profile', 'launch', 'launch/patient', 'launch/encounter'],
  ...['offline_access', 'online_access'],
] as const;

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** s. Of an access token of a user; of a backend service; a session without a request, and at most. */
export const ACCESS_LIFE = HOUR;
const SYSTEM_ACCESS = 5 * MINUTE;
const IDLE = 15 * MINUTE;
export const LONGEST_SESSION = 12 * HOUR;
/** A refresh token is good for a while after the access token that came with it; `offline_access` for longer. */
const REFRESH_ONLINE = ACCESS_LIFE + IDLE;
const REFRESH_OFFLINE = 30 * DAY;
export const LONGEST_GRANT = 90 * DAY;
const LONGEST_ASSERTION = 5 * MINUTE;
const SKEW = 10;
/** What clocks of applications may be ahead. */
const MOST_SKEW = 60;
const MOST_JTI = 250;

export function createProvider(library: OidcLibrary, ground: ProviderGround, keys: readonly JWK[]): ProviderClass {
  const provider = new library.Provider(ground.issuer, configurationOf(library, ground, keys));
  // Requests come through whoever ends TLS before us: the issuer says what they were.
  provider.proxy = ground.issuer.startsWith('https:');
  const prototype = provider.Client.prototype as unknown as Record<string, unknown>;
  prototype['compareClientSecret'] = function compare(this: { clientSecret: string }, given: string): boolean {
    return isSecret(this.clientSecret, given);
  };
  // It would take any port of this machine.
  prototype['redirectUriAllowed'] = function isRegistered(this: { redirectUris: string[] }, given: string): boolean {
    return this.redirectUris.includes(given);
  };
  provider.use(async (ctx, next) => {
    await next();
    await addContext(ctx as KoaContextWithOIDC, ground);
  });
  return provider;
}

function configurationOf(library: OidcLibrary, ground: ProviderGround, keys: readonly JWK[]): Configuration {
  const { errors, interactionPolicy: policy } = library;
  const { issuer, base, users, revocations } = ground;
  const path = new URL(issuer).pathname;
  const scopes = createScopeRules(library, ground);
  return {
    adapter: createAdapter({
      ...ground,
      refuse: text => new errors.InvalidGrant(text),
      assertion: () => assertionIn(library.Provider.ctx?.oidc.params),
    }),
    // Keys of applications are fetched here alone (client-keys.ts).
    fetch: () => Promise.reject(new Error('The library fetches nothing.')),
    jwks: { keys: [...keys] },
    cookies: cookiesOf(ground),
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    enabledJWA: {
      clientAuthSigningAlgValues: ['RS384', 'ES384'],
      idTokenSigningAlgValues: ['RS256'],
    },
    clientDefaults: { id_token_signed_response_alg: 'RS256' },
    scopes: [...OTHER_SCOPES],
    claims: { openid: ['sub'], fhirUser: ['fhirUser'], profile: ['fhirUser', 'name'] },
    conformIdTokenClaims: false,
    responseTypes: ['code'],
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    discovery: { introspection_endpoint: `${issuer}/introspect`, revocation_endpoint: `${issuer}/revoke` },
    extraParams: { aud: scopes.checkRequest, launch: null },
    features: featuresOf(library, ground, scopes),
    formats: {
      customizers: {
        jwt(_ctx, token, jwt) {
          const { grantId } = token as { grantId?: string };
          const payload = jwt.payload as Record<string, unknown>;
          if (grantId !== undefined) payload['jti'] = tokenIdOf(grantId, String(payload['jti']));
        },
      },
    },
    extraTokenClaims: (_ctx, token) =>
      accessClaims(ground, token as { grantId?: string; accountId?: string; clientId?: string }),
    async findAccount(_ctx, name) {
      const user = await users.find(name);
      if (!user || user.disabled || revocations.hasUser(name)) return undefined;
      const fhirUser = fhirUserAt(base, user.fhirUser);
      return {
        accountId: name,
        claims: () => ({ sub: name, ...(fhirUser === undefined ? {} : { fhirUser }), name: user.display ?? name }),
      };
    },
    async loadExistingGrant(ctx) {
      const id = ctx.oidc.result?.consent?.grantId;
      return id === undefined ? undefined : ctx.oidc.provider.Grant.find(id);
    },
    issueRefreshToken(ctx, client) {
      const granted = scopesGranted(ctx, base);
      const wants = granted.includes('offline_access') || granted.includes('online_access');
      return wants && client.grantTypeAllowed('refresh_token');
    },
    rotateRefreshToken: true,
    expiresWithSession: () => false,
    interactions: { policy: policy.base(), url: (_ctx, interaction) => `${path}/ask/${interaction.uid}` },
    routes: {
      authorization: '/authorize',
      token: '/token',
      jwks: '/jwks',
    },
    ttl: LIVES,
    clientBasedCORS: () => true,
    assertJwtClientAuthClaimsAndHeader: checkAssertion(library, ground),
    clockTolerance: SKEW,
    renderError(ctx, { error }) {
      ctx.type = 'html';
      ctx.set('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
      ctx.body = `<!doctype html><html lang="en"><title>Chartroom</title><h1>This cannot be done</h1><p>The application asked for something that it may not ask for (${error.replaceAll(/[^a-z_]/g, '')}). Go back to it, or tell whoever runs it.</p></html>`;
    },
  };
}

const seconds = (): number => Math.floor(realNow() / 1000);

export function cookiesOf({
  issuer,
  cookieKey,
}: Pick<ProviderGround, 'issuer' | 'cookieKey'>): NonNullable<Configuration['cookies']> {
  const isSecure = issuer.startsWith('https:');
  return {
    keys: [cookieKey],
    names: isSecure
      ? { session: '__Host-chartroom', interaction: '__Secure-chartroom-ask', resume: '__Secure-chartroom-resume' }
      : { session: 'chartroom', interaction: 'chartroom-ask', resume: 'chartroom-resume' },
    long: { signed: true, httpOnly: true, sameSite: 'lax', path: '/', secure: isSecure },
    short: { signed: true, httpOnly: true, sameSite: 'lax', secure: isSecure },
  };
}

function featuresOf(
  { errors }: OidcLibrary,
  { base }: ProviderGround,
  scopes: ReturnType<typeof createScopeRules>,
): NonNullable<Configuration['features']> {
  return {
    devInteractions: { enabled: false },
    userinfo: { enabled: false },
    introspection: { enabled: false },
    revocation: { enabled: false },
    rpInitiatedLogout: { enabled: false },
    clientCredentials: { enabled: true },
    // It would keep what anybody sends, and lose `aud` on the way.
    pushedAuthorizationRequests: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => base,
      useGrantedResource: () => true,
      getResourceServerInfo: async (ctx, resource, client) => {
        if (resource !== base && resource !== `${base}/`) throw new errors.InvalidTarget();
        return {
          scope: await scopes.of(ctx, client),
          audience: base,
          accessTokenFormat: 'jwt',
          accessTokenTTL: ctx.oidc.params?.['grant_type'] === 'client_credentials' ? SYSTEM_ACCESS : ACCESS_LIFE,
          jwt: { sign: { alg: 'ES256' } },
        };
      },
    },
  };
}

/** s that a session lasts from now on. */
export const sessionLife = ({ loginTs = seconds() }: { readonly loginTs?: number | undefined }): number =>
  Math.max(1, Math.min(IDLE, loginTs + LONGEST_SESSION - seconds()));

const LIVES: NonNullable<Configuration['ttl']> = {
  AuthorizationCode: MINUTE,
  AccessToken: ACCESS_LIFE,
  ClientCredentials: SYSTEM_ACCESS,
  IdToken: HOUR,
  Interaction: IDLE,
  Grant: LONGEST_GRANT,
  Session: (_ctx, session) => sessionLife(session),
  RefreshToken(_ctx, token) {
    if (token.scopes.has('offline_access')) return REFRESH_OFFLINE;
    return Math.max(1, Math.min(REFRESH_ONLINE, (token.iiat ?? seconds()) + LONGEST_SESSION - seconds()));
  },
};

const assertionIn = (params: { readonly client_assertion?: unknown } | undefined): string | undefined =>
  typeof params?.client_assertion === 'string' ? params.client_assertion : undefined;

const checkAssertion =
  (
    { errors }: OidcLibrary,
    { applications }: ProviderGround,
  ): NonNullable<Configuration['assertJwtClientAuthClaimsAndHeader']> =>
  async (_ctx, { exp, iat, jti }, { jku, kid }, { clientId }) => {
    if (typeof exp !== 'number' || exp > seconds() + LONGEST_ASSERTION + SKEW)
      throw new errors.InvalidClientAuth('an assertion may be good for five minutes at most');
    if (iat !== undefined && (typeof iat !== 'number' || iat > seconds() + MOST_SKEW))
      throw new errors.InvalidClientAuth('iat is a time that has come');
    if (typeof jti !== 'string' || jti.length > MOST_JTI) throw new errors.InvalidClientAuth('jti must be a text');
    if (typeof kid !== 'string') throw new errors.InvalidClientAuth('kid must name the key');
    if (jku !== undefined && jku !== (await applications.find(clientId))?.record.jwksUri)
      throw new errors.InvalidClientAuth('jku is not the address of a registered JWKS');
  };

/** What a token says of `fhirUser`: an absolute URL. */
export const fhirUserAt = (base: string, reference: string | undefined): string | undefined =>
  reference === undefined || /^https?:/.test(reference) ? reference : `${base}/${reference}`;

const grantOf = (ctx: KoaContextWithOIDC): Grant | undefined => ctx.oidc.entities.Grant;

const scopesGranted = (ctx: KoaContextWithOIDC, base: string): string[] =>
  (grantOf(ctx)?.getResourceScope(base) ?? '').split(' ');

/** What may be asked for. */
function createScopeRules({ errors }: OidcLibrary, ground: ProviderGround) {
  const { base, readScopes, applications } = ground;
  const read = (text: string) => {
    try {
      return readScopes(text);
    } catch (error) {
      if (!(error instanceof FhirError)) throw error;
      throw new errors.InvalidScope(error.message, text);
    }
  };
  return {
    /** `aud` of an authorization request, with all that is wrong with it beside. */
    checkRequest(this: void, ctx: KoaContextWithOIDC, aud: string | undefined): void {
      if (aud === undefined || aud.replace(/\/$/, '') !== base)
        throw new errors.InvalidRequest('aud must be the FHIR base of this server');
      const scope = ctx.oidc.params?.['scope'];
      const { scopes, others } = read(typeof scope === 'string' ? scope : '');
      if (scopes.length + others.length === 0) throw new errors.InvalidScope('scope must not be empty', '');
      const unknown = others.find(each => !OTHER_SCOPES.some(known => known === each));
      if (unknown !== undefined) throw new errors.InvalidScope('a scope is not known', unknown);
      if (scopes.some(({ context }) => context === 'system'))
        throw new errors.InvalidScope('scopes of systems are for backend services', String(scope));
    },
    /** Scopes of the resource in this request, with spaces between. */
    async of(ctx: KoaContextWithOIDC, client: Client): Promise<string> {
      const { params = {}, route } = ctx.oidc;
      const scope = typeof params['scope'] === 'string' ? params['scope'] : '';
      if (route !== 'token') return scope;
      if (params['grant_type'] !== 'client_credentials') return grantOf(ctx)?.getResourceScope(base) ?? '';
      const { scopes, others } = read(scope);
      const own = (await applications.find(client.clientId))?.record.systemScopes.split(' ') ?? [];
      if (scopes.length === 0 || others.length > 0 || scopes.some(({ context }) => context !== 'system'))
        throw new errors.InvalidScope('a backend service asks for scopes system/…', scope);
      if (!scopes.every(({ text }) => own.includes(text)))
        throw new errors.InvalidScope('a scope is not registered for this application', scope);
      return scope;
    },
  };
}

interface TokenOfLibrary {
  readonly grantId?: string;
  readonly accountId?: string;
  readonly clientId?: string;
}

/** What an access token says beyond what all say. */
async function accessClaims(ground: ProviderGround, { grantId, accountId, clientId = '' }: TokenOfLibrary) {
  const { base, users, applications, launches } = ground;
  if (accountId === undefined || grantId === undefined)
    return { role: (await applications.find(clientId))?.record.role };
  const user = await users.find(accountId);
  const { patient, encounter } = await launches.of(grantId);
  return { role: user?.role, patient, encounter, fhirUser: fhirUserAt(base, user?.fhirUser) };
}

/** The launch context beside an access token: SMART, section 2.0.9.3. */
async function addContext(ctx: KoaContextWithOIDC, { launches }: ProviderGround): Promise<void> {
  const body = ctx.body as Record<string, unknown> | undefined;
  if (ctx.status !== 200 || typeof body?.['access_token'] !== 'string') return;
  const grant = grantOf(ctx);
  ctx.set('Pragma', 'no-cache');
  if (!grant) return;
  const { patient, encounter, fhirContext, need_patient_banner: banner } = await launches.of(grant.jti);
  ctx.body = {
    ...body,
    ...(patient === undefined ? {} : { patient, need_patient_banner: banner ?? true }),
    ...(encounter === undefined ? {} : { encounter }),
    ...(fhirContext === undefined ? {} : { fhirContext }),
  };
}
