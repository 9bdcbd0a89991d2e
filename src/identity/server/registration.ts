/**
 * Applications that register themselves, where the settings allow it: https://www.rfc-editor.org/rfc/rfc7591#section-3, as far as
 * https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#register-app-with-ehr goes. Nobody here knows them: they ask users, never for
 * themselves, and the page of consent says so. What they say of themselves beyond that is passed over, as the RFC wants.
 */
import { randomBytes } from 'node:crypto';
import { FhirError } from '../../fhir/error.js';
import { isObject, type Json, type JsonObject } from '../../fhir/resource.js';
import { realNow } from '../../platform/real-time.js';
import { type Applications, newSecret, readApplication } from './applications.js';
import type { ClientKeys } from './client-keys.js';
import type { OwnAnswer } from './own-tokens.js';
import { createSharedLimit, type SharedLimit, type SharedLimitOptions } from './shared-limit.js';

const HOUR = 60 * 60_000;
const METHODS = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'];
const GRANTS = ['authorization_code', 'refresh_token'];
const RESPONSES = ['code'];

/** How many an address may register, in all processes together. */
export const createRegistrationLimit = (records: SharedLimitOptions['records']): SharedLimit =>
  createSharedLimit({ records, kind: 'registrations-of-address', most: 10, within: HOUR });

export interface RegistrationGround {
  readonly applications: Applications;
  readonly clientKeys: ClientKeys;
  readonly limit: SharedLimit;
}

/** `given`: a body of JSON; undefined: it was none. */
export async function registerApplication(
  { applications, clientKeys, limit }: RegistrationGround,
  given: Json | undefined,
  address: string,
): Promise<OwnAnswer> {
  if (given === undefined || !isObject(given))
    return refusal(400, 'invalid_client_metadata', 'The body is an object of JSON.');
  const fault = faultOfWish(given);
  if (fault !== undefined) return refusal(400, 'invalid_client_metadata', fault);
  const { method, secret, metadata } = toApplication(given);
  try {
    if (typeof given['jwks_uri'] === 'string') clientKeys.check(given['jwks_uri']);
    const record = readApplication(metadata, []);
    const wait = await limit.count(address);
    if (wait > 0)
      return {
        ...refusal(429, 'temporarily_unavailable', 'Too many applications were registered from this address.'),
        headers: { 'Retry-After': String(Math.ceil(wait / 1000)) },
      };
    if (!(await applications.welcome({ ...record, isStranger: true })))
      return refusal(503, 'temporarily_unavailable', 'Too many applications are registered here.');
  } catch (error) {
    if (!(error instanceof FhirError) || error.kind === 'unavailable') throw error;
    const isOfUri = error.message.includes('redirect_uris');
    return refusal(400, isOfUri ? 'invalid_redirect_uri' : 'invalid_client_metadata', error.message);
  }
  const { client_secret: _kept, ...said } = metadata;
  const body = {
    ...said,
    client_id_issued_at: Math.floor(realNow() / 1000),
    token_endpoint_auth_method: method,
    grant_types: GRANTS,
    response_types: RESPONSES,
    ...(secret === undefined ? {} : { client_secret: secret, client_secret_expires_at: 0 }),
  };
  return { status: 201, body };
}

function toApplication(given: JsonObject) {
  const { client_name: name, redirect_uris: uris, jwks, jwks_uri: keysAt } = given;
  const { token_endpoint_auth_method: method = 'client_secret_basic' } = given;
  const secret = typeof method === 'string' && method.startsWith('client_secret') ? newSecret() : undefined;
  const id = `app-${randomBytes(16).toString('base64url')}`;
  const metadata: JsonObject = {
    ...{ client_id: id, client_name: name ?? id, redirect_uris: uris! },
    ...(secret === undefined ? {} : { client_secret: secret }),
    ...(jwks === undefined ? {} : { jwks }),
    ...(keysAt === undefined ? {} : { jwks_uri: keysAt }),
  };
  return { method, secret, metadata };
}

function faultOfWish(given: JsonObject): string | undefined {
  const { token_endpoint_auth_method: method = 'client_secret_basic', jwks, jwks_uri: keysAt } = given;
  const { grant_types: grants = GRANTS, response_types: responses = RESPONSES, redirect_uris: uris } = given;
  const hasKeys = jwks !== undefined || keysAt !== undefined;
  const rows: readonly (readonly [isRight: boolean, text: string])[] = [
    [
      typeof method === 'string' && METHODS.includes(method),
      `token_endpoint_auth_method is one of ${METHODS.join(', ')}.`,
    ],
    [hasKeys === (method === 'private_key_jwt'), 'private_key_jwt goes with jwks or jwks_uri.'],
    [areAllOf(grants, GRANTS), `grant_types are ${GRANTS.join(', ')}: a backend service is registered by hand.`],
    [areAllOf(responses, RESPONSES), 'response_types is code.'],
    [Array.isArray(uris) && uris.length > 0 && uris.length <= 20, 'redirect_uris has 1 to 20 addresses.'],
    [!Object.hasOwn(given, 'software_statement'), 'No software statement is believed here.'],
  ];
  return rows.find(([isRight]) => !isRight)?.[1];
}

const areAllOf = (given: Json, all: readonly string[]): boolean =>
  Array.isArray(given) && given.every(each => typeof each === 'string' && all.includes(each));

const refusal = (status: number, error: string, text: string): OwnAnswer => ({
  status,
  body: { error, error_description: text },
});
