/**
 * Where clients get tokens for this server, as SMART has it: of the first issuer of the settings, which says so itself.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#metadata, for older clients also in the CapabilityStatement:
 * https://hl7.org/fhir/smart-app-launch/1.0.0/conformance/index.html#declaring-support-for-oauth2-endpoints
 */
import { FhirError } from '../fhir/error.js';
import type { Json, JsonObject } from '../fhir/resource.js';
import type { TokenIssuer } from '../identity/issuer.js';
import type { Engine } from './engine.js';

/** What an issuer may say that is handed on: URLs, and lists of words. */
const URLS = [
  ...[
    'issuer',
    'jwks_uri',
    'authorization_endpoint',
    'token_endpoint',
    'introspection_endpoint',
    'revocation_endpoint',
  ],
  ...['registration_endpoint', 'management_endpoint'],
];
const LISTS = [
  ...['grant_types_supported', 'token_endpoint_auth_methods_supported', 'scopes_supported', 'response_types_supported'],
  'token_endpoint_auth_signing_alg_values_supported',
];
/** Defaults of RFC 8414, section 2. */
const GRANTS = ['authorization_code', 'implicit'];

/** Address below the base, as an app asks for it. */
export const SMART_CONFIGURATION = '/.well-known/smart-configuration';

/** Where user-access brands are, if there are some. */
export const BRANDS_ADDRESS = '/.well-known/user-access-brands.json';

/** Throws FhirError: `not-found` where the server has no issuers, `unavailable` where the first is away. */
export async function smartConfiguration({
  issuers,
  settings,
}: Pick<Engine, 'issuers' | 'settings'>): Promise<JsonObject> {
  const [issuer] = issuers;
  if (!issuer)
    throw new FhirError('not-found', 'This server takes no tokens of SMART: CHARTROOM_ISSUERS names no issuer.');
  const said = await issuer.metadata();
  const urls = URLS.flatMap(name => (isUrl(said[name]) ? [[name, said[name]] as const] : []));
  const lists = LISTS.flatMap(name => {
    const words = wordsOfList(said[name]);
    return words.length > 0 ? [[name, words] as const] : [];
  });
  return {
    grant_types_supported: GRANTS,
    ...Object.fromEntries([...urls, ...lists]),
    ...(settings.brands === ''
      ? {}
      : { user_access_brand_bundle: `${settings.base.replace(/\/fhir$/, '')}${BRANDS_ADDRESS}` }),
    code_challenge_methods_supported: challengesOf(said),
    capabilities: capabilitiesOf(issuer, said),
  };
}

const isUrl = (value: Json | undefined): value is string => typeof value === 'string' && URL.canParse(value);

const wordsOfList = (given: Json | undefined): string[] =>
  Array.isArray(given) ? given.filter(each => typeof each === 'string' && each.trim() !== '').map(String) : [];

/** SMART forbids `plain`: who is offered it can be made to use it. */
const challengesOf = (said: JsonObject): string[] =>
  wordsOfList(said['code_challenge_methods_supported']).filter(each => each !== 'plain');

/** What SMART calls whatever an issuer says in words of its own. */
const BY_METHOD: ReadonlyMap<string, string> = new Map([
  ['none', 'client-public'],
  ['client_secret_basic', 'client-confidential-symmetric'],
  ['client_secret_post', 'client-confidential-symmetric'],
  ['private_key_jwt', 'client-confidential-asymmetric'],
]);
const BY_SCOPE: ReadonlyMap<string, string> = new Map([
  ['launch', 'launch-ehr'],
  ['launch/patient', 'context-standalone-patient'],
  ['launch/encounter', 'context-standalone-encounter'],
  ['offline_access', 'permission-offline'],
  ['online_access', 'permission-online'],
]);
/** What is up to this server, whatever an issuer says. */
const OURS = /^permission-(?:v1|v2|patient|user)$/;

function capabilitiesOf({ rules }: Pick<TokenIssuer, 'rules'>, said: JsonObject): string[] {
  const scopes = wordsOfList(said['scopes_supported']);
  const asks = isUrl(said['authorization_endpoint']) && challengesOf(said).includes('S256');
  const givesUsersRoles = rules.roleClaim.length > 0 || rules.clients.size > 0 || rules.role !== undefined;
  const found = [
    ...wordsOfList(said['capabilities']).filter(each => !OURS.test(each)),
    ...wordsOfList(said['token_endpoint_auth_methods_supported']).flatMap(each => BY_METHOD.get(each) ?? []),
    ...(asks ? scopes.flatMap(each => BY_SCOPE.get(each) ?? []) : []),
    ...(asks && scopes.includes('launch/patient') ? ['launch-standalone'] : []),
    ...(isUrl(said['jwks_uri']) && scopes.includes('openid') && scopes.includes('fhirUser')
      ? ['sso-openid-connect']
      : []),
    ...['permission-v1', 'permission-v2', 'permission-patient'],
    ...(givesUsersRoles ? ['permission-user'] : []),
  ];
  return [...new Set(found)];
}

const OAUTH_URIS = 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris';
const OF_OAUTH: readonly (readonly [url: string, name: string])[] = [
  ['authorize', 'authorization_endpoint'],
  ['token', 'token_endpoint'],
  ['introspect', 'introspection_endpoint'],
  ['revoke', 'revocation_endpoint'],
  ['register', 'registration_endpoint'],
  ['manage', 'management_endpoint'],
];

/** `rest.security` of a CapabilityStatement. `said`: by the first issuer; undefined: there is none, or it is away. */
export function securityStatement({ settings, issuers }: Pick<Engine, 'settings' | 'issuers'>, said?: JsonObject) {
  const { authentication, corsOrigins } = settings;
  if (issuers.length === 0)
    return {
      cors: corsOrigins.length > 0,
      description:
        authentication === 'none'
          ? 'No authentication: the server answers on the loopback interface only.'
          : 'Static bearer tokens with roles. Every interaction is audited.',
    };
  const uris = OF_OAUTH.flatMap(([url, name]) => (isUrl(said?.[name]) ? [{ url, valueUri: said[name] }] : []));
  // Both are required of the extension.
  const complete = ['authorize', 'token'].every(needed => uris.some(({ url }) => url === needed));
  return {
    ...(complete ? { extension: [{ url: OAUTH_URIS, extension: uris }] } : {}),
    cors: corsOrigins.length > 0,
    service: [
      {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/restful-security-service', code: 'SMART-on-FHIR' }],
        text: 'OAuth 2 access tokens with scopes of SMART on FHIR',
      },
    ],
    description: `Access tokens of ${issuers.map(({ rules }) => rules.url).join(', ')}: what their scopes grant and their role allows. Every interaction is audited.`,
  };
}
