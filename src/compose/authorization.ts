/** The authorization server of this server (CHARTROOM_AUTH=smart): loaded here alone, and only then. */
import { FhirError } from '../fhir/error.js';
import { isObject, type Json, type JsonObject } from '../fhir/resource.js';
import type { AskingGround } from '../identity/server/asked.js';
import type { ClientKeys } from '../identity/server/client-keys.js';
import type { ApplicationRecord } from '../identity/server/applications.js';
import type { Choice } from '../identity/server/pages.js';
import type { AuthorizationServer } from '../identity/server/index.js';
import { LAUNCH_LIFE, readLaunch } from '../identity/server/launches.js';
import { fhirUserAt } from '../identity/server/provider.js';
import type { User } from '../identity/users/users.js';
import type { Engine, OwnedRoute } from '../interactions/engine.js';
import { perform } from '../interactions/perform.js';
import { tellHappening } from '../interactions/tell.js';
import type { OutgoingClients } from '../outgoing/outgoing.js';
import { type Config, namesListed } from '../platform/config.js';
import { newId } from '../platform/ids.js';
import type { Log } from '../platform/log.js';
import type { Store } from '../store/store.js';
import { LAUNCH_SCREEN, type OpenedAccess } from './access.js';
import { keptSecret } from './settings.js';

export interface AuthorizationGround {
  readonly store: Pick<Store, 'records' | 'shared'>;
  readonly access: OpenedAccess;
  readonly settings: Pick<Engine['settings'], 'base'>;
  readonly outgoing: OutgoingClients;
  readonly log: Pick<Log, 'warn'>;
  /** There before any request is. */
  readonly engine: () => Engine;
}

export interface Authorizing {
  /** Of a store that is up to date. */
  readonly open: () => Promise<void>;
  /** Once it is open. */
  readonly known: () => ReturnType<OpenedAccess['known']> & Pick<Engine, 'decide' | 'readScopes' | 'roles'>;
  readonly routes: () => readonly OwnedRoute[];
}

export function authorizing(config: Config, ground: AuthorizationGround): Authorizing {
  let server: AuthorizationServer | undefined;
  const { decide, readScopes, roles, known } = ground.access;
  return {
    open: async () => void (server = await openAuthorization(config, ground)),
    known: () => ({
      decide,
      readScopes,
      roles,
      ...known(server, ground.store.shared ? ground.store.records : undefined),
    }),
    routes: () => (server ? [launchRoute(server, ground.settings.base), metadataRoute(server)] : []),
  };
}

/** Undefined: apps get their tokens elsewhere, or nowhere. */
async function openAuthorization(
  config: Config,
  { store, access, settings: { base }, outgoing, log, engine }: AuthorizationGround,
): Promise<AuthorizationServer | undefined> {
  if (config.auth !== 'smart') return undefined;
  const { AuthorizationServer: Opened } = await import('../identity/server/index.js');
  const { createClientKeys } = await import('../identity/server/client-keys.js');
  const clientKeys = createClientKeys(namesListed(config.clientKeyHosts), outgoing);
  for (const { id, jwksUri } of access.applications) warnOfKeys(id, jwksUri, { clientKeys, log });
  const server = new Opened({
    ...{ base, records: store.records, secret: config.secret || keptSecret(config.data) },
    roles: access.roles,
    readScopes: access.readScopes,
    applications: [...ownApplications(config, access), ...access.applications],
    clientKeys,
    takesStrangers: config.registration === 'on',
    findPatients: findPatients(engine, base),
    findEncounters: findEncounters(engine, base),
    tell: (happening, address) =>
      tellHappening({ engine: engine(), address, requestId: newId(engine().clock.now()) }, happening),
  });
  await server.start();
  return server;
}

const CONSOLE_CLIENT = 'chartroom-console';

/** The console, where it is served: an application without a secret, which comes back to its own page. One of this id in the file is used in its place. */
function ownApplications(
  config: Config,
  { applications, served }: Pick<OpenedAccess, 'applications' | 'served'>,
): readonly ApplicationRecord[] {
  if (config.console === 'off' || applications.some(({ id }) => id === CONSOLE_CLIENT)) return [];
  const redirectUris = served.map(base => `${base.replace(/\/fhir$/, '')}/console/`);
  return [{ id: CONSOLE_CLIENT, name: 'Chartroom console', redirectUris, kind: 'public', systemScopes: '' }];
}

function warnOfKeys(
  id: string,
  place: string | undefined,
  { clientKeys, log }: { readonly clientKeys: ClientKeys; readonly log: Pick<Log, 'warn'> },
): void {
  try {
    if (place !== undefined) clientKeys.check(place);
  } catch {
    log.warn(`CHARTROOM_CLIENT_KEY_HOSTS does not list the host of jwks_uri of ${id}: it will be refused.`);
  }
}

/** Patients, or encounters, that a page offers. */
const OFFERED = '20';

interface PersonAsking {
  readonly engine: Engine;
  readonly base: string;
  readonly user: User;
  readonly address: string;
}

/** Through the one door, as the user: recorded, and nothing that they may not see. */
async function findAs(
  { engine, base, user, address }: PersonAsking,
  type: string,
  parameters: readonly (readonly [string, string])[],
): Promise<readonly JsonObject[]> {
  const { url = '' } = engine.authorization?.rules ?? {};
  const fhirUser = fhirUserAt(base, user.fhirUser);
  const own = {
    ...(user.patient === undefined ? {} : { patient: user.patient }),
    // As the token will say it: Consents name who they are.
    ...(fhirUser === undefined ? {} : { fhirUser }),
  };
  const principal = { name: `${url}|${user.name}`, role: user.role, issuer: url, subject: user.name, ...own };
  const caller = {
    ...{ engine, principal, address, agent: 'authorization', request: `GET ${type}` },
    ...{ requestId: newId(engine.clock.now()), allowance: undefined, settled: new Map() },
  };
  const { text } = await perform(caller, { kind: 'search', type, parameters, lenient: false });
  const { entry = [] } = JSON.parse(String(text)) as { entry?: { resource: Json }[] };
  return entry.flatMap(({ resource }) => (isObject(resource) ? [resource] : []));
}

const findPatients =
  (engine: () => Engine, base: string): AskingGround['findPatients'] =>
  async (user, asked, address) => {
    const parameters: readonly (readonly [string, string])[] =
      'id' in asked
        ? [['_id', asked.id]]
        : [...(asked.name.trim() === '' ? [] : [['name', asked.name] as const]), ['_count', OFFERED]];
    const found = await findAs({ engine: engine(), base, user, address }, 'Patient', parameters);
    return found.map(patientChoice);
  };

const findEncounters =
  (engine: () => Engine, base: string): AskingGround['findEncounters'] =>
  async (user, { patient, id }, address) => {
    const found = await findAs({ engine: engine(), base, user, address }, 'Encounter', [
      ['patient', `Patient/${patient}`],
      ...(id === undefined ? [] : [['_id', id] as const]),
      ['_sort', '-date'],
      ['_count', OFFERED],
    ]);
    return found.map(encounterChoice);
  };

function encounterChoice(encounter: Readonly<Record<string, unknown>>): Choice {
  const {
    id,
    type: [{ text, coding: [{ display = '' } = {}] = [] } = {}] = [],
    class: { code = '', display: kind = code } = {},
    period: { start = '' } = {},
  } = encounter as {
    readonly id: string;
    readonly type?: readonly { readonly text?: string; readonly coding?: readonly { readonly display?: string }[] }[];
    readonly class?: { readonly code?: string; readonly display?: string };
    readonly period?: { readonly start?: string };
  };
  const words = [start.slice(0, 16).replace('T', ' '), text ?? display, kind, `(${id})`];
  return { id, text: words.filter(each => each !== '').join(' ') };
}

function patientChoice(patient: Readonly<Record<string, unknown>>): Choice {
  const {
    id,
    name = [],
    birthDate = '',
  } = patient as {
    readonly id: string;
    readonly name?: readonly { readonly text?: string; readonly family?: string; readonly given?: readonly string[] }[];
    readonly birthDate?: string;
  };
  const [{ text, family = '', given = [] } = {}] = name;
  const named = text ?? [...given, family].join(' ').trim();
  return { id, text: [named || 'without a name', birthDate, `(${id})`].filter(each => each !== '').join(' ') };
}

const MOST_LAUNCH = 16 * 1024;

/** `POST /auth/launch`: an EHR says for whom an app is launched; the app brings the handle along. */
const launchRoute = ({ launches }: AuthorizationServer, base: string): OwnedRoute => ({
  owner: 'authorization',
  route: {
    path: '/auth/launch',
    methods: ['POST'],
    who: { screen: LAUNCH_SCREEN },
    recorded: 'each-call',
    maxBody: MOST_LAUNCH,
    async answer(call) {
      const launch = await launches.begin(readLaunch(parsed(await call.body())));
      const body = JSON.stringify({ launch, iss: base, expires_in: LAUNCH_LIFE });
      return { status: 201, headers: { 'Content-Type': 'application/json' }, body };
    },
  },
});

/** Where clients of OAuth 2 look for the metadata of an issuer: https://www.rfc-editor.org/rfc/rfc8414#section-3.1 */
const metadataRoute = (server: AuthorizationServer): OwnedRoute => ({
  owner: 'authorization',
  route: {
    path: `/.well-known/oauth-authorization-server${new URL(server.rules.url).pathname}` as `/${string}`,
    methods: ['GET'],
    who: 'anybody',
    recorded: 'as-performed',
    logged: 'failures',
    headers: { 'Content-Type': 'application/json', 'Access-Control-Allow-Origin': '*' },
    async answer() {
      const { capabilities: _ofSmart, ...metadata } = await server.metadata();
      return { body: JSON.stringify(metadata) };
    },
  },
});

function parsed(body: Buffer): Json {
  try {
    return JSON.parse(body.toString('utf8')) as Json;
  } catch {
    throw new FhirError('invalid', 'A launch is a JSON object.');
  }
}
