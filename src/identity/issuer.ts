/**
 * One issuer elsewhere: what it says of itself and its keys, which are fetched when they are needed and kept.
 * https://www.rfc-editor.org/rfc/rfc8414, https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata
 *
 * Its keys are those of the address that it names itself, and of no other, whatever a token says (`jku`, `x5u`, `jwk`). A key that is not among
 * them may be new: they are fetched again, but not oftener than once in 30 seconds, however many tokens name keys that there are
 * not. While the issuer is away its keys stay in use for an hour.
 */
import { createLocalJWKSet, type CryptoKey, errors, type JWSHeaderParameters, type LocalJWKSet } from 'jose';
import { FhirError } from '../fhir/error.js';
import { isObject, type JsonObject } from '../fhir/resource.js';
import { parseAnyJson, STORED_JSON } from '../fhir/json/json.js';
import type { Outgoing } from '../outgoing/client.js';
import type { OutgoingClients } from '../outgoing/outgoing.js';
import { ConfigError } from '../platform/config.js';
import { FetchedValue, MOST_KEYS, ONE_FETCH } from './fetched.js';
import type { IssuerRules } from './issuer-rules.js';

/** Networks of a house: the operator says the address, and no token can. */
const INNER = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];
const MAX_LEVELS = 10;

/** What an issuer says of itself, as it says it: authorization_endpoint, jwks_uri … */
export type IssuerMetadata = JsonObject;

/** Whoever issues tokens that are taken here. */
export interface TokenIssuer {
  readonly rules: IssuerRules;
  /** Throws FhirError `unavailable` where the issuer is away. */
  metadata(): Promise<IssuerMetadata>;
  /** The key of a signature. Throws an error of jose where there is none. */
  key(header: JWSHeaderParameters): Promise<CryptoKey>;
}

export class Issuer implements TokenIssuer {
  readonly rules: IssuerRules;
  readonly client: Outgoing;
  readonly #metadata: FetchedValue<IssuerMetadata>;
  readonly #keys: FetchedValue<LocalJWKSet>;

  /** `now`: ms of a clock that only rises. Throws ConfigError for a host of the rules that may not be asked. */
  constructor(rules: IssuerRules, outgoing: OutgoingClients, now: () => number = () => performance.now()) {
    this.rules = rules;
    this.client = openClient(rules, outgoing);
    this.#metadata = new FetchedValue(now, () => this.#discover(), away);
    this.#keys = new FetchedValue(now, () => this.#fetchKeys(), away);
  }

  /** Throws FhirError `unavailable` where the issuer is away, or says nothing that can be used. */
  metadata(): Promise<IssuerMetadata> {
    return this.#metadata.get();
  }

  /** The key of a signature. Throws an error of jose where it has none, `unavailable` where it is away. */
  async key(header: JWSHeaderParameters): Promise<CryptoKey> {
    const keys = await this.#keys.get();
    try {
      return await keys(header);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || !(await this.#keys.again())) throw error;
      const newer = await this.#keys.get();
      return newer(header);
    }
  }

  /** The document of OpenID Connect, else that of OAuth 2; its `issuer` must be who was asked: RFC 8414, section 3.3. */
  async #discover(): Promise<IssuerMetadata> {
    const { url } = this.rules;
    const { origin, pathname } = new URL(url);
    const path = pathname.replace(/\/+$/, '');
    const places = [
      `${origin}${path}/.well-known/openid-configuration`,
      `${origin}/.well-known/oauth-authorization-server${path}`,
    ];
    for (const place of places) {
      const { status, body } = await this.client.ask(place, { headers: { accept: 'application/json' } });
      if (status === 404) continue;
      const said = status === 200 ? objectIn(body) : undefined;
      if (said?.['issuer'] === url) return said;
      throw away(said === undefined ? 'its metadata cannot be read' : 'its metadata name another issuer');
    }
    throw away('it has no metadata');
  }

  async #fetchKeys(): Promise<LocalJWKSet> {
    const { jwks_uri: place } = await this.metadata();
    if (typeof place !== 'string') throw away('its metadata have no jwks_uri');
    const { status, body } = await this.client.ask(place, { headers: { accept: 'application/json' } });
    const { keys } = (status === 200 ? objectIn(body) : undefined) ?? {};
    if (!Array.isArray(keys) || keys.length > MOST_KEYS) throw away('its keys cannot be read');
    return createLocalJWKSet({ keys: keys.filter(isObject) });
  }
}

/** `cause`: for whoever has set it up; it holds nothing that the issuer said. */
const away = (cause: string): FhirError =>
  new FhirError('unavailable', `The issuer of the token cannot be asked for its keys: ${cause}.`, {
    detail: 'issuer-away',
    cause: new Error(cause),
  });

/** An answer that is an object of JSON. */
export function objectIn(body: Buffer): JsonObject | undefined {
  try {
    const { value } = parseAnyJson(body, { ...STORED_JSON, maxDepth: MAX_LEVELS });
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function openClient({ url, hosts }: IssuerRules, outgoing: OutgoingClients): Outgoing {
  const { protocol, host } = new URL(url);
  try {
    return outgoing.open(`issuer ${host}`, {
      hosts: [protocol === 'http:' ? `http://${host}` : host, ...hosts],
      networks: INNER,
      ...ONE_FETCH,
    });
  } catch (error) {
    throw new ConfigError(`CHARTROOM_ISSUERS, ${url}: ${(error as Error).message}.`);
  }
}
