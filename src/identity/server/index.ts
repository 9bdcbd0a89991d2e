/**
 * The authorization server of this server, below /auth, for SMART apps and backend services. The protocol is oidc-provider's, which is loaded with the first
 * request; asking.ts has the pages, provider.ts what SMART wants beside it.
 */
import { hash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CryptoKey, JWK, JWSHeaderParameters } from 'jose';
import type { Provider } from 'oidc-provider';
import type { Json, JsonObject } from '../../fhir/resource.js';
import { realInterval, realNow } from '../../platform/real-time.js';
import type { Records } from '../../store/records.js';
import type { TellHappening } from '../happening.js';
import type { TokenIssuer } from '../issuer.js';
import type { IssuerRules } from '../issuer-rules.js';
import type { Identify, IdentifyingRequest, Role } from '../principal.js';
import { createSeal } from '../seal.js';
import { createSignIn } from '../users/sign-in.js';
import { Users } from '../users/users.js';
import { answerAccount } from './account.js';
import type { AskedPage, AskingGround } from './asked.js';
import { answerAsked } from './asking.js';
import { type ApplicationRecord, Applications } from './applications.js';
import { createAnonymousRecords, createRequestBounds, type RequestBounds } from './bounds.js';
import type { ClientKeys } from './client-keys.js';
import { Launches } from './launches.js';
import { textSent, formIn, isForm, jsonSent, sendJson, withBody } from './messages.js';
import { createOwnTokens, introspectOwn, type OwnTokens, ownToRevoke } from './own-tokens.js';
import { createProvider, type OidcLibrary, OTHER_SCOPES, type ProviderGround } from './provider.js';
import { createRegistrationLimit, registerApplication, type RegistrationGround } from './registration.js';
import { mayHaveSession, sessionOf } from './session-cookie.js';
import { Revocations } from './revocations.js';
import { endSession } from './sessions.js';
import { noteAddress, shownRequest, tellSignedOut, tellTokens, toldSignIn } from './telling.js';
import { answerSetup } from './setup.js';
import { issuerOf } from './issuer-of.js';
import { loadSigningKeys } from './signing-keys.js';

export interface AuthorizationOptions {
  /** The FHIR base; what is /fhir at its end is /auth here. */
  readonly base: string;
  readonly records: Records;
  /** Of the server: seals keys and secrets, signs cookies. */
  readonly secret: string;
  readonly roles: readonly Role[];
  /** Of a file. */
  readonly applications: readonly ApplicationRecord[];
  readonly clientKeys: ClientKeys;
  /** Applications may register themselves. */
  readonly takesStrangers: boolean;
  readonly readScopes: ProviderGround['readScopes'];
  readonly findPatients: AskingGround['findPatients'];
  readonly findEncounters: AskingGround['findEncounters'];
  /** The audit trail. */
  readonly tell: TellHappening;
}

/** The library and what it was made of; anew after an hour, so that other keys take their place. */
interface Running {
  readonly provider: Provider;
  readonly tokens: OwnTokens;
}

const RENEW = 60 * 60_000;
const SWEEP = 60_000;
const SETUP = { kind: 'setup', id: 'first' } as const;
const SETUP_LIFE = 60 * 60_000;

/** What tokens of ours are taken by. `roles`: all that there are. */
const ownRules = (base: string, roles: readonly Role[]): IssuerRules => ({
  url: issuerOf(base),
  algorithms: ['ES256'],
  typed: true,
  audience: [],
  hosts: [],
  roleClaim: ['role'],
  roles: new Map(roles.map(role => [role, role])),
  clients: new Map(),
  roleOfScopes: roles.includes('writer') ? 'writer' : '',
});

export class AuthorizationServer implements TokenIssuer {
  readonly rules: IssuerRules;
  readonly users: Users;
  readonly launches: Launches;
  readonly revocations: Revocations;
  readonly #ground: AskingGround;
  readonly #load: () => Promise<readonly JWK[]>;
  readonly #tell: TellHappening;
  readonly #bounds: RequestBounds;
  /** Absent: nobody registers themselves. */
  readonly #registration: RegistrationGround | undefined;
  #running: Promise<Running> | undefined;
  #until = 0;
  #sweeping: NodeJS.Timeout | undefined;

  constructor(options: AuthorizationOptions) {
    const { base, records, secret, roles, applications, readScopes, clientKeys } = options;
    const { findPatients, findEncounters } = options;
    this.#tell = options.tell;
    this.#bounds = createRequestBounds(records, undefined, base.replace(/fhir$/, ''));
    this.rules = ownRules(base, roles);
    this.users = new Users(records, createSeal(secret, 'users'));
    this.launches = new Launches(records);
    this.revocations = new Revocations(records);
    const cookieKey = hash('sha256', `chartroom cookies ${secret}`, 'base64url');
    this.#load = () => loadSigningKeys(records, createSeal(secret, 'signing keys'));
    this.#ground = {
      ...{ base, records, readScopes, findPatients, findEncounters, clientKeys, cookieKey, issuer: this.rules.url },
      ...{ users: this.users, launches: this.launches, revocations: this.revocations },
      tell: options.tell,
      anonymous: createAnonymousRecords(records),
      applications: new Applications(records, this.revocations, applications),
      signIn: toldSignIn(createSignIn(this.users, records, realNow), this.users, options.tell),
    };
    if (options.takesStrangers) this.#registration = { ...this.#ground, limit: createRegistrationLimit(records) };
  }

  /** Knows what was revoked, and removes what is over, until `stop`. */
  async start(): Promise<void> {
    await this.revocations.start();
    const { records } = this.#ground;
    await records.expire();
    this.#sweeping = realInterval(SWEEP, () => void records.expire().catch(() => {}));
    this.#sweeping.unref();
  }

  stop(): void {
    this.revocations.stop();
    clearInterval(this.#sweeping);
  }

  /** Where nobody may sign in yet: the code by which the first administrator is made, within an hour. Undefined: somebody may. */
  async beginSetup(): Promise<string | undefined> {
    if (!(await this.users.isEmpty())) return undefined;
    const code = randomBytes(16).toString('hex');
    const value = hash('sha256', code, 'base64url');
    await this.#ground.records.put({ ...SETUP, value, expires: realNow() + SETUP_LIFE });
    return code;
  }

  async metadata(): Promise<JsonObject> {
    const { url } = this.rules;
    return {
      issuer: url,
      jwks_uri: `${url}/jwks`,
      authorization_endpoint: `${url}/authorize`,
      token_endpoint: `${url}/token`,
      introspection_endpoint: `${url}/introspect`,
      revocation_endpoint: `${url}/revoke`,
      management_endpoint: `${url}/account`,
      ...(this.#registration ? { registration_endpoint: `${url}/register` } : {}),
      grant_types_supported: ['authorization_code', 'client_credentials', 'refresh_token'],
      response_types_supported: ['code'],
      scopes_supported: [...OTHER_SCOPES, 'patient/*.cruds', 'user/*.cruds', 'system/*.cruds'],
      token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
      token_endpoint_auth_signing_alg_values_supported: ['RS384', 'ES384'],
      code_challenge_methods_supported: ['S256'],
      capabilities: ['authorize-post', 'context-banner', 'context-ehr-patient', 'context-ehr-encounter'],
    };
  }

  async key(header: JWSHeaderParameters): Promise<CryptoKey> {
    const { tokens } = await this.#current();
    return tokens.keys(header);
  }

  /** Answers a request below /auth. Rejects with FhirError. */
  async answer(
    request: IncomingMessage,
    response: ServerResponse,
    { identifying, identify }: { readonly identifying: IdentifyingRequest; readonly identify: Identify },
  ): Promise<void> {
    const { pathname, searchParams } = new URL(`http://here${request.url ?? '/'}`);
    const { address } = identifying;
    const bounded = { path: pathname, address, person: this.#personOf(request, response) };
    if (!(await this.#bounds.admit(bounded, response))) return;
    const running = await this.#current();
    const isPost = request.method === 'POST';
    speakAs(request, this.rules.url);
    noteAddress(request, address);
    const page = { provider: running.provider, request, response, address };
    if (pathname === '/setup')
      return answerSetup(this.#ground, SETUP, {
        ...page,
        form: isPost ? await formIn(request) : undefined,
      });
    if (pathname === '/account')
      return answerAccount(this.#ground, { ...page, form: isPost ? await formIn(request) : undefined });
    if (pathname.startsWith('/ask/'))
      return answerAsked(this.#ground, { ...page, form: isPost ? await formIn(request) : undefined });
    // The library takes it so, too.
    if (/^\/authorize\/?$/i.test(pathname))
      return this.#authorize(running, request, response, isPost ? await formIn(request) : searchParams);
    if (isPost && pathname === '/introspect') {
      const asked = { request: identifying, form: await formIn(request), identify };
      return sendJson(response, await introspectOwn(this.#ground, running.tokens, asked));
    }
    if (isPost && pathname === '/revoke')
      return sendJson(response, await this.#revoke(page, running, identifying, await formIn(request)));
    if (isPost && pathname === '/token') return this.#token(page, running);
    if (isPost && pathname === '/register' && this.#registration)
      return sendJson(response, await this.#register(this.#registration, await jsonSent(request), identifying));
    return handedOn(running, request, response);
  }

  /** By which whoever has signed in is found. Undefined: nobody can have. */
  #personOf(request: IncomingMessage, response: ServerResponse): (() => Promise<string | undefined>) | undefined {
    if (!mayHaveSession(this.#ground, request)) return undefined;
    return async () => {
      const { provider } = await this.#current();
      return (await sessionOf(this.#ground, { provider, request, response }))?.accountId;
    };
  }

  /**
   * `end_session`: the session of the browser ends as well, so that whoever sits there next is asked who they are; of a token that has ended already,
   * too. It ends first: where the store goes away in between, no session stays of which the token is gone.
   */
  async #revoke(page: AskedPage, { provider, tokens }: Running, request: IdentifyingRequest, form: URLSearchParams) {
    const refreshToken = (token: string) => provider.RefreshToken.find(token);
    const { answer, of, end } = await ownToRevoke(this.#ground, tokens, { request, form, refreshToken });
    if (!of) return answer;
    const session = form.get('end_session') === 'true' ? await sessionOf(this.#ground, page) : undefined;
    // A token says no more than that its own user is to be signed out.
    const isTheirs = session?.accountId !== undefined && session.accountId === of.user;
    const signedOut = isTheirs ? await endSession(this.#ground, provider, session.uid) : undefined;
    await end?.();
    await tellSignedOut(this.#ground, signedOut, request.address);
    const shown = shownRequest('/auth/revoke', {});
    if (end) await this.#tell({ what: 'token-revoked', ...of, request: shown }, request.address);
    return answer;
  }

  async #register(ground: RegistrationGround, asked: Json | undefined, { address }: IdentifyingRequest) {
    const answer = await registerApplication(ground, asked, address);
    const { client_id: name = '' } = answer.body as { readonly client_id?: string };
    if (answer.status === 201) await this.#tell({ what: 'application-changed', name, change: 'registered' }, address);
    return answer;
  }

  /** With consent, always: without it a client would not be given `offline_access`. What came as a form goes on as an address. */
  async #authorize(
    running: Running,
    request: IncomingMessage,
    response: ServerResponse,
    parameters: URLSearchParams,
  ): Promise<void> {
    const prompts = (parameters.get('prompt') ?? '').split(' ').filter(each => each !== '');
    const asks = prompts.includes('none') || prompts.includes('consent');
    if (!asks) parameters.set('prompt', [...prompts, 'consent'].join(' '));
    if (request.method === 'POST') {
      response.writeHead(303, { Location: `${this.rules.url}/authorize?${parameters.toString()}` });
      response.end();
      return;
    }
    const search = `?${parameters.toString()}`;
    request.url = `/authorize${search}`;
    Object.assign(request, { originalUrl: `${new URL(this.rules.url).pathname}/authorize${search}` });
    return handedOn(running, request, response);
  }

  /**
   * SMART has no `client_id` in a request to refresh: whose token it is says which public application it is.
   * https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#use-a-refresh-token
   */
  async #token({ request, response, address }: AskedPage, running: Running): Promise<void> {
    if (!isForm(request)) return handedOn(running, request, response);
    const form = new URLSearchParams(await textSent(request));
    const token = form.get('refresh_token');
    const saysWho = ['client_id', 'client_secret', 'client_assertion'].some(name => form.has(name));
    if (token !== null && !saysWho && request.headers.authorization === undefined) {
      const { clientId = '' } = (await running.provider.RefreshToken.find(token)) ?? {};
      if ((await this.#ground.applications.find(clientId))?.record.kind === 'public') form.set('client_id', clientId);
    }
    const whole = withBody(request, form.toString());
    noteAddress(whole, address);
    return handedOn(running, whole, response);
  }

  #current(): Promise<Running> {
    if (this.#running && realNow() < this.#until) return this.#running;
    this.#until = realNow() + RENEW;
    const running = this.#begin();
    this.#running = running;
    running.catch(() => (this.#running = undefined));
    return running;
  }

  async #begin(): Promise<Running> {
    const [library, keys] = await Promise.all([loadLibrary(), this.#load()]);
    const provider = createProvider(library, this.#ground, keys);
    tellTokens(provider, new URL(this.rules.url).pathname, this.#tell);
    return {
      provider,
      tokens: createOwnTokens(this.#ground, keys),
    };
  }
}

/** Redirects and metadata name the address of the issuer, whatever a proxy has made of Host, or somebody has written there. */
function speakAs({ headers }: IncomingMessage, issuer: string): void {
  const { protocol, host } = new URL(issuer);
  Object.assign(headers, { host, 'x-forwarded-host': host, 'x-forwarded-proto': protocol.slice(0, -1) });
}

/** On Node 20 the library prints that it was not tried there. It was, here. */
async function loadLibrary(): Promise<OidcLibrary> {
  const usual: unknown = Reflect.get(console, 'warn');
  Reflect.set(console, 'warn', () => {});
  try {
    return await import('oidc-provider');
  } finally {
    Reflect.set(console, 'warn', usual);
  }
}

function handedOn({ provider }: Running, request: IncomingMessage, response: ServerResponse): Promise<void> {
  return provider.callback()(request, response);
}
