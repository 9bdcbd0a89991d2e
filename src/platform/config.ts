/**
 * Configuration: one table of settings, each read from a command-line flag, else the environment, else a JSON file, else its default;
 * checked at start, printed without secrets by `chartroom config`, and the source of the table in docs/running.md.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { baseAddressFaults, parseNetwork } from './address.js';
import { AUDIT_SETTINGS } from './audit-settings.js';
import { BLOB_SETTINGS, blobFaults } from './blob-settings.js';
import { MAIL_SETTINGS } from './mail-settings.js';
import { IMPLICIT_POLICIES } from './implicit-policy.js';
import { nearest } from './nearest.js';
import { ORGANISATION_SETTINGS } from './organisation-settings.js';
import {
  choice,
  envOf,
  type Setting,
  type SettingTable,
  type SettingValues,
  textSetting,
  wholeNumber,
} from './setting.js';

/** A value in the configuration file. */
type FileValue = string | number | boolean | undefined;

const MB = 1024 * 1024;

/**
 * Every setting, once: a line here makes a member of Config, a flag, an environment variable, a line of `chartroom config` and a
 * row of the documentation.
 */
export const SETTINGS = {
  host: textSetting(
    'HOST',
    '127.0.0.1',
    'Address to listen on. Anything beyond loopback needs configured authentication.',
  ),
  port: wholeNumber('PORT', 8080, 'Port to listen on.', 1, 65_535),
  baseUrl: textSetting(
    'BASE_URL',
    '',
    'What links and Location say, without a trailing slash. Empty: http://HOST:PORT/fhir.',
  ),
  formerBaseUrls: textSetting(
    'FORMER_BASE_URLS',
    '',
    'Addresses that the server had before, separated by commas, without a trailing slash: what resources say of them leads here. Empty: none.',
  ),
  store: textSetting(
    'STORE',
    'embedded',
    '`embedded`, or a mongodb:// or mongodb+srv:// connection string with its database.',
    {
      secret: true,
    },
  ),
  data: textSetting('DATA', './data', 'Folder of the embedded store and of keys.'),
  ...BLOB_SETTINGS,
  profiles: textSetting(
    'PROFILES',
    '',
    "Folder of search parameters (JSON, Bundles, FHIR packages) that are in force beside the project's own. Empty: none but those.",
  ),
  guides: textSetting('GUIDES', '', 'Folder of installed implementation guides. Empty: guides in DATA.'),
  registry: textSetting(
    'REGISTRY',
    'https://packages.fhir.org',
    'Where chartroom ig add fetches packages that are named; `off`: nowhere.',
  ),
  tx: textSetting(
    'TX',
    '',
    'FHIR base of another terminology server, which is asked about codes of code systems that are not complete here. Empty: none.',
  ),
  txTokenFile: textSetting('TX_TOKEN_FILE', '', 'File with the bearer token for that server. Empty: none.'),
  txTimeout: wholeNumber(
    'TX_TIMEOUT',
    2000,
    'Milliseconds that one request may wait for that server in all.',
    100,
    60_000,
  ),
  txSystems: textSetting(
    'TX_SYSTEMS',
    '',
    'Code systems that it may be asked about: urls or beginnings of them, with commas between. Empty: all that are not complete here.',
  ),
  demo: choice(
    'DEMO',
    'auto',
    ['auto', 'on', 'off'],
    'Demo data on the first start of an empty embedded store. `auto`: without authentication alone',
  ),
  fulltext: choice(
    'FULLTEXT',
    'auto',
    ['auto', 'on', 'off'],
    'Full text search (_text, _content); it makes writes dearer. `auto`: on the embedded store alone. A change needs `chartroom reindex`',
  ),
  auth: choice(
    'AUTH',
    'none',
    ['none', 'token', 'smart'],
    'Authentication. `none` serves loopback only; `smart`: the server is its own authorization server, below /auth',
  ),
  clients: textSetting(
    'CLIENTS',
    '',
    'JSON file of applications for the authorization server, beside those of `chartroom client`, for test harnesses. Empty: none.',
  ),
  clientKeyHosts: textSetting(
    'CLIENT_KEY_HOSTS',
    '',
    'Hosts where applications may keep their public keys (jwks_uri), with commas between, as in docs/outgoing.md. Empty: none.',
  ),
  registration: choice(
    'REGISTRATION',
    'off',
    ['off', 'on'],
    'Whether applications may register themselves with the authorization server; users are told that nobody here knows them',
  ),
  ...AUDIT_SETTINGS,
  ...MAIL_SETTINGS,
  console: choice(
    'CONSOLE',
    'on',
    ['on', 'off'],
    'The console, for people with a browser, at /console: see docs/console.md',
  ),
  brands: textSetting(
    'BRANDS',
    '',
    'JSON file with the Bundle of user-access brands, which apps show to patients who look for their house. Empty: none.',
  ),
  tokens: textSetting(
    'TOKENS',
    '',
    'JSON file of static bearer tokens: [{"token", "name", "role": one of CHARTROOM_ROLES}].',
  ),
  roles: textSetting(
    'ROLES',
    '',
    'JSON file of roles: what each may do with which types, operations and screens. Empty: those of docs/access.md.',
  ),
  labels: textSetting(
    'LABELS',
    '',
    'JSON file of security labels: which resources get which when they are written. Empty: those of docs/access.md.',
  ),
  issuers: textSetting(
    'ISSUERS',
    '',
    'Issuers elsewhere whose access tokens are believed: URLs, with commas between. Empty: none.',
  ),
  issuerRules: textSetting(
    'ISSUER_RULES',
    '',
    'JSON file of what is particular to some of them: algorithms, audience, hosts, roles, introspection. Empty: nothing.',
  ),
  tlsCert: textSetting(
    'TLS_CERT',
    '',
    'PEM file of the certificate, with those that lead to its authority. Empty: without TLS.',
  ),
  tlsKey: textSetting('TLS_KEY', '', 'PEM file of the key of the certificate.'),
  trustedProxies: textSetting(
    'TRUSTED_PROXIES',
    '',
    'Networks (10.1.0.0/16, ::1) of proxies whose Forwarded and X-Forwarded-For headers say who asks; with commas between. Empty: none.',
  ),
  workers: wholeNumber('WORKERS', 1, 'Server processes (MongoDB only; the embedded store is one process).', 1, 64),
  log: choice('LOG', 'info', ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], 'Log level'),
  secret: textSetting(
    'SECRET',
    '',
    'Key for paging links, at least 32 characters. Empty: made once and kept in DATA.',
    {
      secret: true,
    },
  ),
  maxBody: wholeNumber('MAX_BODY', 16 * MB, 'Largest resource body, in bytes.', 1024, 512 * MB),
  maxBundle: wholeNumber(
    'MAX_BUNDLE',
    64 * MB,
    'Largest batch or transaction, in bytes; of a reader 1 MB.',
    1024,
    512 * MB,
  ),
  maxBinary: wholeNumber('MAX_BINARY', 256 * MB, 'Largest raw upload to Binary, in bytes.', 1024, 16_384 * MB),
  maxImport: wholeNumber('MAX_IMPORT', 1024 * MB, 'Largest file of $import, in bytes.', 1024, 65_536 * MB),
  maxArray: wholeNumber(
    'MAX_ARRAY',
    100_000,
    'Longest array in a resource; twelve times as long in a CodeSystem, ValueSet or ConceptMap that is sent by itself as JSON.',
    100,
    10_000_000,
  ),
  maxValues: wholeNumber(
    'MAX_VALUES',
    200_000,
    'Values (objects, arrays, strings, numbers) of a resource; a batch or transaction may have ten times as many in all, a CodeSystem, ValueSet or ConceptMap that is sent by itself as JSON twelve times.',
    1000,
    10_000_000,
  ),
  maxIndexed: wholeNumber(
    'MAX_INDEXED',
    20_000,
    'Index entries of a resource: values by which searches find it; twelve times as many of a CodeSystem, ValueSet or ConceptMap.',
    1000,
    1_000_000,
  ),
  bodyMemory: wholeNumber(
    'BODY_MEMORY',
    256 * MB,
    'Bytes that large bodies under way may take, each counted four times; those beyond wait, half of REQUEST_TIMEOUT at most.',
    1 * MB,
    65_536 * MB,
  ),
  pageSize: wholeNumber('PAGE_SIZE', 50, 'Entries of a page where the request gives no _count.', 1, 10_000),
  maxPageSize: wholeNumber('MAX_PAGE_SIZE', 1000, 'Largest _count that is honoured.', 1, 10_000),
  maxAnswer: wholeNumber(
    'MAX_ANSWER',
    32 * MB,
    'Bytes of a page, which ends early, and of the answer to a batch or transaction.',
    64 * 1024,
    512 * MB,
  ),
  maxPageBytes: wholeNumber(
    'MAX_PAGE_BYTES',
    16 * MB,
    'Bytes of the matches of a page, with their attachments: where they pass it, the page ends early.',
    64 * 1024,
    512 * MB,
  ),
  maxIncluded: wholeNumber(
    'MAX_INCLUDED',
    1000,
    'Resources that _include and _revinclude may add to a page.',
    1,
    100_000,
  ),
  joinLimit: wholeNumber(
    'JOIN_LIMIT',
    1000,
    'Names that a chained search may put into one query; with more, rows are looked at one by one.',
    1,
    100_000,
  ),
  maxEntries: wholeNumber('MAX_ENTRIES', 25_000, 'Entries of a batch or transaction.', 1, 100_000),
  integrity: choice(
    'INTEGRITY',
    'off',
    ['off', 'warn', 'enforce'],
    'Whether the targets of references must exist, and what is referred to may not be deleted',
  ),
  ...ORGANISATION_SETTINGS,
  consent: choice('CONSENT', 'permit', IMPLICIT_POLICIES, 'What holds where no Consent of the patient speaks'),
  suppressed: choice(
    'SUPPRESSED',
    'silent',
    ['silent', 'tell'],
    'Whether those who may break the glass are told that it would show more of the one patient for whom they search',
  ),
  validateBase: choice(
    'VALIDATE_BASE',
    'enforce',
    ['enforce', 'warn', 'off'],
    'What becomes of a write that breaks an invariant or a required binding of R4 itself; its structure is always checked',
  ),
  validateClaims: choice(
    'VALIDATE_CLAIMS',
    'warn',
    ['warn', 'enforce', 'off'],
    'What becomes of a write that does not conform to the profiles in its meta.profile',
  ),
  validateRules: textSetting(
    'VALIDATE_RULES',
    '',
    'JSON file of what is required by type: profiles, and how claims and unknown profiles are taken. Empty: nothing beside the two above.',
  ),
  unknownExtensions: choice(
    'UNKNOWN_EXTENSIONS',
    'ignore',
    ['ignore', 'warn', 'error'],
    'What is said of an extension whose definition is not known',
  ),
  bestPractice: choice(
    'BEST_PRACTICE',
    'ignore',
    ['ignore', 'warn', 'error'],
    'What is said where an invariant that is marked as best practice does not hold',
  ),
  htmlInStrings: choice(
    'HTML_IN_STRINGS',
    'warn',
    ['ignore', 'warn', 'error'],
    'What is said of strings and markdown that have HTML tags in them',
  ),
  exampleUrls: choice(
    'EXAMPLE_URLS',
    'ignore',
    ['ignore', 'warn', 'error'],
    'What is said of addresses that are reserved for examples (example.org and the like)',
  ),
  conditionalDelete: wholeNumber(
    'CONDITIONAL_DELETE',
    1,
    'Resources that one conditional delete may delete; with more matches it deletes none.',
    1,
    10_000,
  ),
  maxCascade: wholeNumber(
    'MAX_CASCADE',
    1000,
    'Resources that a delete with _cascade=delete may delete beside its own.',
    1,
    25_000,
  ),
  linkMinutes: wholeNumber('LINK_MINUTES', 60, 'Minutes for which a paging link works.', 1, 10_080),
  requestTimeout: wholeNumber('REQUEST_TIMEOUT', 60_000, 'Milliseconds for a request to arrive.', 1000, 3_600_000),
  queryTimeout: wholeNumber('QUERY_TIMEOUT', 10_000, 'Milliseconds the store may spend on one query.', 100, 3_600_000),
  handling: choice(
    'HANDLING',
    'strict',
    ['strict', 'lenient'],
    'What becomes of parameters that are not known where a request has no Prefer: handling',
  ),
  corsOrigins: textSetting(
    'CORS_ORIGINS',
    '',
    'Origins allowed to call from a browser, separated by commas; `*` for any.',
  ),
  metrics: choice('METRICS', 'loopback', ['loopback', 'open', 'off'], 'Who may read /metrics'),
  harness: choice(
    'HARNESS',
    'off',
    ['off', 'on'],
    'Test-harness mode: tests empty the store, set the clock and break answers, through /harness. On loopback alone',
  ),
};

export type SettingName = keyof typeof SETTINGS;

/** What is in force, by the names of SETTINGS; settings of features stand by themselves. */
export type Config = SettingValues<typeof SETTINGS> & {
  readonly ofFeatures: { readonly table: SettingTable; readonly values: Readonly<Record<string, unknown>> };
  /** A command looks at a store as it is, also where it is an older copy (audit/ledger/forks.ts): no setting. */
  readonly examines?: true;
};

/** Thrown with one line per fault; the command line prints it and ends with status 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export interface ConfigSources {
  /** By setting name. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

function readFile(path: string): Record<string, FileValue> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new ConfigError(`The configuration file ${path} cannot be read as JSON.`, { cause });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new ConfigError(`The configuration file ${path} must hold one JSON object.`);
  return parsed as Record<string, FileValue>;
}

/** Reads and checks everything at once, so that a start shows all faults and not only the first. `table`: settings of features. */
export function loadConfig({ flags, env }: ConfigSources, table: SettingTable = {}): Config {
  const path = flags['config'] ?? env['CHARTROOM_CONFIG'];
  const file = path ? readFile(path) : {};
  const all: SettingTable = { ...SETTINGS, ...table };
  const faults = Object.keys(file)
    .filter(key => !Object.hasOwn(all, key))
    .map(key => `Unknown setting "${key}" in the configuration file; known: ${Object.keys(all).join(', ')}.`);
  const known = new Set(['CHARTROOM_CONFIG', ...Object.values(all).map(envOf)]);
  for (const key of Object.keys(env))
    if (key.startsWith('CHARTROOM_') && !known.has(key) && !FOREIGN.has(key))
      faults.push(`Unknown setting ${key} in the environment.${settingMeant(key, [...known])}`);
  const read = (name: string, setting: Setting<unknown>): unknown => {
    const given = flags[name] ?? env[envOf(setting)] ?? file[name];
    if (given === undefined || given === '') return setting.default;
    try {
      return setting.parse(typeof given === 'boolean' ? (given ? 'on' : 'off') : String(given));
    } catch (error) {
      faults.push(`${envOf(setting)} must be ${(error as Error).message}.`);
      return setting.default;
    }
  };
  const valuesOf = (settings: SettingTable) =>
    Object.fromEntries(Object.entries(settings).map(([name, setting]) => [name, read(name, setting)]));
  const config = { ...valuesOf(SETTINGS), ofFeatures: { table, values: valuesOf(table) } } as unknown as Config;
  faults.push(...contradictions(config));
  if (faults.length) throw new ConfigError(faults.join('\n'));
  return config;
}

function settingMeant(key: string, known: readonly string[]): string {
  const prefix = 'CHARTROOM_';
  const name = nearest(
    key.slice(prefix.length),
    known.map(each => each.slice(prefix.length)),
  );
  return name === undefined ? '' : ` Did you mean ${prefix}${name}?`;
}

/** Environment names of the development tools that share the prefix. */
const FOREIGN = new Set(['CHARTROOM_CACHE']);

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
/** Where installed guides are kept. */
export const guidesFolder = ({ guides, data }: Pick<Config, 'guides' | 'data'>): string =>
  guides === '' ? join(data, 'guides') : guides;
export const isMongo = (config: Pick<Config, 'store'>): boolean => /^mongodb(\+srv)?:\/\//.test(config.store);

export const namesListed = (text: string): string[] =>
  text
    .split(',')
    .map(each => each.trim())
    .filter(each => each !== '');

/** What the server needs to be its own authorization server, which has its addresses beside the base. */
function smartFaults({ auth, clients, clientKeyHosts, registration, baseUrl, host }: Config): string[] {
  if (auth !== 'smart') {
    const set = [
      ...(clients === '' ? [] : ['CHARTROOM_CLIENTS']),
      ...(clientKeyHosts === '' ? [] : ['CHARTROOM_CLIENT_KEY_HOSTS']),
      ...(registration === 'off' ? [] : ['CHARTROOM_REGISTRATION']),
    ];
    return set.map(name => `${name} needs CHARTROOM_AUTH=smart.`);
  }
  if (/^https:.*\/fhir$/.test(baseUrl) || (baseUrl === '' && isLoopback(host))) return [];
  return ['CHARTROOM_AUTH=smart needs a CHARTROOM_BASE_URL as in https://records.example.org/fhir.'];
}

/** Who is let in, and what is said of who asks. */
function accessFaults(config: Config): string[] {
  const faults: string[] = smartFaults(config);
  if (config.auth === 'none' && !isLoopback(config.host))
    faults.push(
      'Without authentication the server serves loopback only: set CHARTROOM_AUTH=token and CHARTROOM_TOKENS, a file of tokens (in a container: mount it). Outside a container CHARTROOM_HOST=127.0.0.1 does as well.',
    );
  if (config.auth === 'token' && !config.tokens && !config.issuers)
    faults.push('CHARTROOM_AUTH=token needs CHARTROOM_TOKENS, a file of tokens, or CHARTROOM_ISSUERS.');
  if (config.issuers && !config.baseUrl && !isLoopback(config.host))
    faults.push(
      'CHARTROOM_ISSUERS needs CHARTROOM_BASE_URL: it is what access tokens for this server name as their aud.',
    );
  if (config.auth === 'none' && config.issuers) faults.push('CHARTROOM_ISSUERS needs CHARTROOM_AUTH=token or smart.');
  if (config.issuerRules && !config.issuers) faults.push('CHARTROOM_ISSUER_RULES needs CHARTROOM_ISSUERS.');
  if ((config.tlsCert === '') !== (config.tlsKey === ''))
    faults.push('CHARTROOM_TLS_CERT and CHARTROOM_TLS_KEY go together.');
  const strange = namesListed(config.trustedProxies).find(text => parseNetwork(text) === undefined);
  if (strange !== undefined)
    faults.push(`CHARTROOM_TRUSTED_PROXIES names ${JSON.stringify(strange)}, which is no network as in 10.1.0.0/16.`);
  return faults;
}

function contradictions(config: Config): string[] {
  const faults: string[] = [];
  if (config.store !== 'embedded' && !isMongo(config))
    faults.push('CHARTROOM_STORE must be `embedded` or start with mongodb:// or mongodb+srv://.');
  faults.push(...accessFaults(config));
  if (config.workers > 1 && !isMongo(config))
    faults.push('CHARTROOM_WORKERS above 1 needs MongoDB: the embedded store is one process.');
  if (config.secret && config.secret.length < 32) faults.push('CHARTROOM_SECRET must have at least 32 characters.');
  if (config.pageSize > config.maxPageSize) faults.push('CHARTROOM_PAGE_SIZE must not exceed CHARTROOM_MAX_PAGE_SIZE.');
  faults.push(...baseAddressFaults(config.baseUrl, namesListed(config.formerBaseUrls)));
  if (config.harness === 'on') faults.push(...beyondLoopback(config));
  faults.push(...blobFaults(config));
  return faults;
}

/** What would let somebody beyond this machine, or a page of another site, at what the test-harness mode offers. */
function beyondLoopback({ host, baseUrl, workers, corsOrigins }: Config): string[] {
  const wrong = (what: string) => `CHARTROOM_HARNESS=on serves this machine alone: ${what}.`;
  const isOwn = (url: string): boolean => {
    const { hostname, username } = URL.canParse(url) ? new URL(url) : { hostname: '', username: '' };
    return isLoopback(hostname) && username === '';
  };
  return [
    ...(isLoopback(host) ? [] : [wrong('CHARTROOM_HOST must be a loopback address')]),
    ...(baseUrl === '' || isOwn(baseUrl) ? [] : [wrong('CHARTROOM_BASE_URL must name a loopback address')]),
    ...(workers === 1 ? [] : [wrong('it is one process, CHARTROOM_WORKERS=1')]),
    ...(corsOrigins.split(',').every(origin => origin === '' || isOwn(origin))
      ? []
      : [wrong('CHARTROOM_CORS_ORIGINS must name loopback origins')]),
  ];
}
