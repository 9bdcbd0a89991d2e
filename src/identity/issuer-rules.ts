/**
 * Issuers of tokens that this server believes: their URLs from one setting, and what is particular to some of them from a JSON file,
 * `{ "https://id.example.org": { "algorithms": ["RS256"], … } }`. docs/access.md explains its members. What means nothing is told at
 * start, with its place.
 */
import { existsSync } from 'node:fs';
import { readSettingsFile } from '../fhir/json/settings-file.js';
import { isObject, type Json, type JsonObject } from '../fhir/resource.js';
import { ConfigError, isLoopback } from '../platform/config.js';
import { didYouMean } from '../platform/nearest.js';
import { NO_ROLE, type Role } from './principal.js';

/** Those of public keys that SMART and its issuers use. */
export const ALGORITHMS = ['RS256', 'RS384', 'ES256', 'ES384', 'PS256', 'EdDSA'] as const;

export interface IssuerRules {
  /** As its tokens name it. */
  readonly url: string;
  readonly algorithms: readonly string[];
  /** Its access tokens say of themselves that they are some, by `typ` at+jwt: https://www.rfc-editor.org/rfc/rfc9068#section-2.1 */
  readonly typed: boolean;
  /** What `aud` may be, beside the base of this server. */
  readonly audience: readonly string[];
  /** Lines of hosts (outgoing/allowed.ts) beside its own, where its keys and end points are. */
  readonly hosts: readonly string[];
  /** The claim, by the names that lead to it, that says what a user is; empty: none. */
  readonly roleClaim: readonly string[];
  /** Its values and the roles that they mean, the strongest first. */
  readonly roles: ReadonlyMap<string, Role>;
  /** Roles of applications, by `client_id`, whose users have none. */
  readonly clients: ReadonlyMap<string, Role>;
  /** The role of everybody else; absent: their scopes alone decide, and those for users grant nothing. */
  readonly role?: Role;
  /** The role in which scopes alone decide. */
  readonly roleOfScopes: Role;
  /** As whom this server asks it about opaque tokens; `secretFile` holds the secret. */
  readonly introspection?: { readonly client: string; readonly secretFile: string };
}

export interface IssuerSettings {
  /** URLs with commas between; empty: none. */
  readonly issuers: string;
  /** Empty: nothing is particular. */
  readonly issuerRules: string;
}

const RULES = ['algorithms', 'typed', 'audience', 'hosts', 'roleClaim', 'roles', 'clients', 'role', 'introspection'];
/** It reads and writes what is about patients, and changes nothing that the server goes by. */
const ROLE_OF_SCOPES = 'service';

/** `roles`: all that there are. Throws ConfigError with a line for each thing that is wrong. */
export function readIssuers({ issuers, issuerRules }: IssuerSettings, roles: readonly Role[]): readonly IssuerRules[] {
  const urls = issuers
    .split(',')
    .map(url => url.trim())
    .filter(url => url !== '');
  const faults = urls.flatMap(faultOfUrl);
  if (new Set(urls).size < urls.length) faults.push('CHARTROOM_ISSUERS names one issuer twice.');
  const file = issuerRules === '' ? {} : readSettingsFile(issuerRules, 'The file of CHARTROOM_ISSUER_RULES');
  const say = (path: string, text: string): void =>
    void faults.push(`The file of CHARTROOM_ISSUER_RULES, ${issuerRules}, ${path}: ${text}`);
  if (!isObject(file)) say('at its top', 'it must be one object, with a member for each issuer.');
  const given = isObject(file) ? file : {};
  for (const url of Object.keys(given))
    if (!urls.includes(url)) say(url, `CHARTROOM_ISSUERS does not name this issuer.${didYouMean(url, urls)}`);
  const rules = urls.map(url =>
    readRules({ url, roles, say: (path, text) => say(`${url} ${path}`, text) }, given[url]),
  );
  if (faults.length > 0) throw new ConfigError(faults.join('\n'));
  return rules;
}

/** Without TLS whoever is on the way could say which keys are the issuer's; so could a page of the same host, with a query. */
function faultOfUrl(url: string): string[] {
  const wrong = (why: string): string[] => [`CHARTROOM_ISSUERS: ${why}.`];
  if (!URL.canParse(url)) return wrong(`${JSON.stringify(url)} is no URL`);
  const { protocol, hostname, username, search, hash } = new URL(url);
  if (username !== '' || search !== '' || hash !== '' || /[?#]/.test(url))
    return wrong('an issuer has no user, query or fragment in its URL');
  if (protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))) return [];
  return wrong(`${url} must begin with https:// (http:// on this machine alone)`);
}

interface RulesReader {
  readonly url: string;
  readonly roles: readonly Role[];
  readonly say: (path: string, text: string) => void;
}

function readRules(reader: RulesReader, given: Json | undefined): IssuerRules {
  const { url, say } = reader;
  const rules = isObject(given) ? given : {};
  if (given !== undefined && !isObject(given))
    say('', `the rules of an issuer are an object with ${RULES.join(', ')}.`);
  for (const name of Object.keys(rules))
    if (!RULES.includes(name)) say(name, `nothing is known by this name.${didYouMean(name, RULES)}`);
  const { typed = false, roleClaim } = rules;
  if (typeof typed !== 'boolean') say('typed', 'it must be true or false.');
  if (roleClaim !== undefined && (typeof roleClaim !== 'string' || roleClaim === ''))
    say('roleClaim', 'it must be the name of a claim, with dots between names that lead to it.');
  const introspection = introspectionIn(reader, rules['introspection']);
  const role = rules['role'] === undefined ? undefined : rolesIn(reader, 'role', { role: rules['role'] }).get('role');
  return {
    url,
    algorithms: algorithmsIn(reader, rules['algorithms']),
    typed: typed === true,
    audience: textsIn(reader, 'audience', rules['audience'] ?? []),
    hosts: textsIn(reader, 'hosts', rules['hosts'] ?? []),
    roleClaim: typeof roleClaim === 'string' ? namesOfClaim(roleClaim) : [],
    roles: claimedRoles(reader, rules),
    clients: rolesIn(reader, 'clients', rules['clients'] ?? {}),
    ...(role === undefined ? {} : { role }),
    roleOfScopes: reader.roles.includes(ROLE_OF_SCOPES) ? ROLE_OF_SCOPES : NO_ROLE,
    ...(introspection ? { introspection } : {}),
  };
}

function algorithmsIn(reader: RulesReader, given: Json | undefined): readonly string[] {
  const names = given === undefined ? ALGORITHMS : textsIn(reader, 'algorithms', given);
  for (const name of names)
    if (!ALGORITHMS.some(known => known === name))
      reader.say('algorithms', `${name} is none of ${ALGORITHMS.join(', ')}.`);
  return names;
}

/** A claim that is named by a URL is one name, whatever dots it has. */
const namesOfClaim = (text: string): string[] => (text.includes('/') ? [text] : text.split('.'));

function textsIn({ say }: RulesReader, path: string, given: Json): readonly string[] {
  if (Array.isArray(given) && given.every(each => typeof each === 'string' && each !== '')) return given as string[];
  say(path, 'it must be a list of texts.');
  return [];
}

/** Names that others gave, and the role that each means. */
function rolesIn({ say, roles }: RulesReader, path: string, given: Json): ReadonlyMap<string, Role> {
  const meant = new Map<string, Role>();
  if (!isObject(given)) say(path, 'it must be an object of names, each with a role.');
  else
    for (const [name, role] of Object.entries(given))
      if (typeof role === 'string' && roles.includes(role)) meant.set(name, role);
      else say(path, `${JSON.stringify(role)} is no role of the file of roles; there are ${roles.join(', ')}.`);
  return meant;
}

function claimedRoles(reader: RulesReader, { roleClaim, roles = {} }: JsonObject): ReadonlyMap<string, Role> {
  const meant = rolesIn(reader, 'roles', roles);
  if (roleClaim === undefined && meant.size > 0) reader.say('roles', 'roleClaim must name the claim that has them.');
  if (roleClaim !== undefined && meant.size === 0)
    reader.say('roleClaim', 'roles must say which roles its values mean.');
  return meant;
}

function introspectionIn({ say }: RulesReader, given: Json | undefined): IssuerRules['introspection'] {
  if (given === undefined) return undefined;
  const { client, secretFile } = isObject(given) ? given : {};
  if (typeof client !== 'string' || client === '' || typeof secretFile !== 'string' || secretFile === '') {
    say('introspection', 'it needs "client" and "secretFile", the name of a file with its secret.');
    return undefined;
  }
  if (!existsSync(secretFile)) say('introspection.secretFile', `there is no file ${secretFile}.`);
  return { client, secretFile };
}
