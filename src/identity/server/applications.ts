/**
 * Applications that may ask for tokens, registered by hand: records of the store, and those of a file (CHARTROOM_CLIENTS) for test harnesses. In both
 * they are metadata of https://www.rfc-editor.org/rfc/rfc7591#section-2 with a few members of ours.
 *
 * A shared secret is made here, has 256 bits, and is kept by its SHA-256. Kinds: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#client-registration
 */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { ClientMetadata } from 'oidc-provider';
import { FhirError } from '../../fhir/error.js';
import { isObject, type Json, type JsonObject } from '../../fhir/resource.js';
import { realNow } from '../../platform/real-time.js';
import type { Records } from '../../store/records.js';
import { MOST_KEYS } from '../fetched.js';
import type { Role } from '../principal.js';
import { faultOfShownName } from '../users/shown-name.js';
import type { Revocations } from './revocations.js';

export interface ApplicationRecord {
  readonly id: string;
  readonly name: string;
  readonly redirectUris: readonly string[];
  /** `public` has no secret, `secret` a shared one, `asymmetric` a key of its own. */
  readonly kind: 'public' | 'secret' | 'asymmetric';
  /** SHA-256, base64url. */
  readonly secretHash?: string;
  /** Public keys, or where they are. */
  readonly jwks?: { readonly keys: readonly JsonObject[] };
  readonly jwksUri?: string;
  /** Scopes with spaces that a backend service may have; empty: it is none. */
  readonly systemScopes: string;
  /** Of a backend service: what its tokens may do at most. */
  readonly role?: Role;
  /** It has registered itself: nobody here knows it. */
  readonly isStranger?: true;
}

export interface Application {
  readonly record: ApplicationRecord;
  readonly metadata: ClientMetadata;
}

const KIND = 'client';
const STRANGER = 'registered-client';
/** ms for which one that has registered itself is kept before somebody has given it access, and after they last did: the longest grant. */
const UNUSED_LIFE = 24 * 60 * 60_000;
const STRANGER_LIFE = 90 * UNUSED_LIFE;
const MOST_STRANGERS = 1000;
const ID = /^[\w.:-]{1,100}$/;
const SHORTEST_SECRET = 32;

export class Applications {
  readonly #records: Records;
  readonly #revocations: Revocations;
  readonly #listed: ReadonlyMap<string, ApplicationRecord>;

  /** `listed`: those of a file. */
  constructor(records: Records, revocations: Revocations, listed: readonly ApplicationRecord[]) {
    this.#records = records;
    this.#revocations = revocations;
    this.#listed = new Map(listed.map(record => [record.id, record]));
  }

  /** Undefined: there is none, or it was disabled. */
  async find(id: string): Promise<Application | undefined> {
    if (!ID.test(id) || this.#revocations.hasClient(id)) return undefined;
    const record = this.#listed.get(id) ?? (await this.#kept(id));
    return record && { record, metadata: metadataOf(record) };
  }

  /** Throws `conflict` where there is one of this id. */
  async add(record: ApplicationRecord): Promise<void> {
    const put = { kind: KIND, id: record.id, value: JSON.stringify(record) };
    if (this.#listed.has(record.id) || (await this.#records.put(put, null)) === undefined)
      throw new FhirError('conflict', `There is an application ${record.id} already.`);
  }

  async all(): Promise<readonly ApplicationRecord[]> {
    const kept = await Promise.all([this.#records.list(KIND, 1000), this.#records.list(STRANGER, MOST_STRANGERS)]);
    return [...this.#listed.values(), ...kept.flat().map(({ value }) => JSON.parse(value) as ApplicationRecord)];
  }

  /** One that registers itself; it is forgotten when nobody uses it within a day, or later for long. False: there are too many. */
  async welcome(record: ApplicationRecord): Promise<boolean> {
    if ((await this.#records.count(STRANGER, MOST_STRANGERS)) >= MOST_STRANGERS) return false;
    await this.#keepStranger(record, UNUSED_LIFE);
    return true;
  }

  /** Somebody has given it access. */
  async noteUse(id: string): Promise<void> {
    const kept = ID.test(id) ? await this.#records.get(STRANGER, id) : undefined;
    if (kept) await this.#keepStranger(JSON.parse(kept.value) as ApplicationRecord, STRANGER_LIFE);
  }

  /** `life`: ms. */
  async #keepStranger(record: ApplicationRecord, life: number): Promise<void> {
    const expires = realNow() + life;
    await this.#records.put({ kind: STRANGER, id: record.id, value: JSON.stringify(record), expires });
  }

  async #kept(id: string): Promise<ApplicationRecord | undefined> {
    const kept = (await this.#records.get(KIND, id)) ?? (await this.#records.get(STRANGER, id));
    return kept && (JSON.parse(kept.value) as ApplicationRecord);
  }
}

export const newSecret = (): string => randomBytes(32).toString('base64url');
const secretHashOf = (secret: string): string => hash('sha256', secret, 'base64url');

/** Takes one time for all that are wrong. */
export const isSecret = (kept: string, given: string): boolean =>
  timingSafeEqual(Buffer.from(kept), Buffer.from(secretHashOf(given)));

const METHOD = { public: 'none', secret: 'client_secret_basic', asymmetric: 'private_key_jwt' } as const;

function metadataOf(record: ApplicationRecord): ClientMetadata {
  const { id, name, redirectUris, kind, secretHash, jwks, jwksUri, systemScopes } = record;
  const isLaunched = redirectUris.length > 0;
  return {
    client_id: id,
    client_name: name,
    redirect_uris: [...redirectUris],
    response_types: isLaunched ? ['code'] : [],
    grant_types: [
      ...(isLaunched ? ['authorization_code', 'refresh_token'] : []),
      ...(systemScopes === '' ? [] : ['client_credentials']),
    ],
    token_endpoint_auth_method: METHOD[kind],
    id_token_signed_response_alg: 'RS256',
    application_type: redirectUris.every(each => each.startsWith('https:')) ? 'web' : 'native',
    ...(secretHash === undefined ? {} : { client_secret: secretHash }),
    ...(jwks === undefined ? {} : { jwks }),
    ...(jwksUri === undefined ? {} : { jwks_uri: jwksUri }),
  };
}

const MEMBERS = ['client_id', 'client_name', 'redirect_uris', 'client_secret', 'jwks', 'jwks_uri', 'scope', 'role'];

const howMany = (...members: readonly (Json | undefined)[]): number =>
  members.filter(each => each !== undefined).length;

/** What each member must be, and how it is said; the first that is wrong is told. */
function faultOfApplication(given: JsonObject, roles: readonly Role[]): string | undefined {
  const unknown = Object.keys(given).find(name => !MEMBERS.includes(name));
  if (unknown !== undefined) return `An application has no member ${unknown}; there are ${MEMBERS.join(', ')}.`;
  const { client_id: id, client_name: name = id, redirect_uris: uris = [], client_secret: secret, jwks } = given;
  const { scope = '', role = null, jwks_uri: keysAt } = given;
  if (typeof id !== 'string' || !ID.test(id)) return 'client_id has letters, digits and . _ : -, 100 at most.';
  const launched = Array.isArray(uris) && uris.length > 0;
  const rows: readonly (readonly [isRight: boolean, text: string])[] = [
    [faultOfGivenName(name) === undefined, `client_name of ${id} is a text. ${faultOfGivenName(name)}`],
    [
      Array.isArray(uris) && uris.every(isRedirectUri),
      `redirect_uris of ${id} are https URLs (http on this machine alone) without a fragment.`,
    ],
    [
      typeof scope === 'string' && scope.split(' ').every(each => each === '' || each.startsWith('system/')),
      `scope of ${id} has scopes for a backend service, system/… with spaces between.`,
    ],
    [secret === undefined || isLongSecret(secret), `client_secret of ${id} has ${SHORTEST_SECRET} characters or more.`],
    [
      jwks === undefined || isPublicKeys(jwks),
      `jwks of ${id} has "keys", ${MOST_KEYS} public ones at most, each with kty and kid.`,
    ],
    [keysAt === undefined || isSafeUrl(keysAt), `jwks_uri of ${id} is an https URL (http on this machine alone).`],
    [howMany(secret, jwks, keysAt) < 2, `${id} has a secret, or keys, or the address of keys.`],
    [launched || scope !== '', `${id} needs redirect_uris, or a scope for a backend service.`],
    [scope === '' || howMany(jwks, keysAt) > 0, `${id}, a backend service, needs jwks, its public keys, or jwks_uri.`],
    [
      role === null || (typeof role === 'string' && roles.includes(role)),
      `role of ${id} is one of ${roles.join(', ')}.`,
    ],
  ];
  return rows.find(([isRight]) => !isRight)?.[1];
}

/** '' where it is no text. */
const faultOfGivenName = (name: Json | undefined): string | undefined =>
  typeof name === 'string' ? faultOfShownName(name) : '';

const isLongSecret = (given: Json): boolean => typeof given === 'string' && given.length >= SHORTEST_SECRET;

/** Registration metadata, once it is known to be right. */
interface Registration {
  readonly client_id: string;
  readonly client_name?: string;
  readonly redirect_uris?: readonly string[];
  readonly client_secret?: string;
  readonly jwks?: NonNullable<ApplicationRecord['jwks']>;
  readonly jwks_uri?: string;
  readonly scope?: string;
  readonly role?: Role;
}

/** Registration metadata as a record. Throws `invalid` with what is wrong. `roles`: all that there are. */
export function readApplication(given: Json, roles: readonly Role[]): ApplicationRecord {
  const fault = isObject(given) ? faultOfApplication(given, roles) : 'An application is an object.';
  if (fault !== undefined) throw new FhirError('invalid', `An application cannot be registered: ${fault}`);
  const {
    client_id: id,
    client_name: name = id,
    redirect_uris: redirectUris = [],
    ...more
  } = given as unknown as Registration;
  const { client_secret: secret, jwks, jwks_uri: jwksUri, scope = '', role } = more;
  const hasKeys = jwks !== undefined || jwksUri !== undefined;
  return {
    id,
    name,
    redirectUris,
    kind: secret !== undefined ? 'secret' : hasKeys ? 'asymmetric' : 'public',
    systemScopes: scope.trim(),
    ...(secret === undefined ? {} : { secretHash: secretHashOf(secret) }),
    ...(jwks === undefined ? {} : { jwks }),
    ...(jwksUri === undefined ? {} : { jwksUri }),
    ...(role === undefined ? {} : { role }),
  };
}

/** Controls, and what is not seen or turns the direction of a text. */
const UNFIT_IN_URL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

const isRedirectUri = (given: Json): boolean => isSafeUrl(given) && typeof given === 'string' && !given.includes('#');

function isSafeUrl(given: Json): boolean {
  if (typeof given !== 'string' || !URL.canParse(given) || given.length > 1000 || UNFIT_IN_URL.test(given))
    return false;
  const { protocol, hostname, username } = new URL(given);
  const isHere = /^(?:localhost|127\.0\.0\.1|\[::1\])$/.test(hostname);
  return username === '' && (protocol === 'https:' || (protocol === 'http:' && isHere));
}

const PRIVATE = ['d', 'p', 'q', 'k'];
const isPublicKeys = (given: Json): boolean =>
  isObject(given) &&
  Array.isArray(given['keys']) &&
  given['keys'].length > 0 &&
  given['keys'].length <= MOST_KEYS &&
  given['keys'].every(key => isObject(key) && isPublicKey(key));

export const isPublicKey = (key: JsonObject): boolean =>
  (key['kty'] === 'EC' || key['kty'] === 'RSA') &&
  typeof key['kid'] === 'string' &&
  !PRIVATE.some(name => Object.hasOwn(key, name));
