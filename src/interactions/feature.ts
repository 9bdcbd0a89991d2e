/**
 * A feature: what the server does beyond the interactions of FHIR, as one record in a folder of its own, src/features/<name>. main.ts
 * lists them; routes, /metadata, access and audit follow from what they bring. docs/features.md says how to write one.
 *
 * A feature has no way to the data of its own: it reads through the view of its context, and does everything else by `perform`, for
 * the person who asked (`actingFor`), so that the audit trail names both.
 */
import { FhirError } from '../fhir/error.js';
import type { AuditSubtype } from '../audit/event.js';
import { checkListener } from '../feed/feed.js';
import type { FeedBatch, Listener } from '../feed/listening.js';
import type { LiveTable } from '../live/live-table.js';
import type { Outgoing } from '../outgoing/client.js';
import type { Mail } from '../outgoing/mail.js';
import type { OutgoingClients, OutgoingPolicy } from '../outgoing/outgoing.js';
import type { SettingTable, SettingValues } from '../platform/setting.js';
import type { Caller, Engine, OperationImplementation, OutsideAnswer, OutsideRoute, OwnedRoute } from './engine.js';
import { settingsFor } from './feature-settings.js';
import { addJobs, type FeatureJob, type OwnedJob } from './jobs.js';
import { addressShape } from './outside-address.js';
import type { Release } from './response/release.js';
import { addSubtypes, type AuditSubtypes, type NameOfAsked, OWN_SUBTYPES, servedAs, trailRead } from './subtypes.js';
import type { FeatureHook, OwnedHook } from './write/hooks.js';

export interface Feature<S extends SettingTable = SettingTable> {
  /** As log and audit trail name it: small letters and hyphens. */
  readonly name: string;
  /** By their names in the configuration file; `env` is the same name in capitals (feature-settings.ts). */
  readonly settings?: S;
  /** Folder with the OperationDefinitions of its operations, and SearchParameters. */
  readonly profiles?: URL;
  /** What it brings, made once for each engine: what a feature remembers stands in here, not beside it. */
  open(ground: FeatureGround<S>): FeatureParts;
}

type EngineGround = Pick<Engine, 'clock' | 'definitions' | 'log' | 'metrics' | 'settings'>;

/** What there is before the engine is. What it counts a feature registers at `metrics.registry`. */
export interface FeatureGround<S extends SettingTable = SettingTable> extends EngineGround {
  /** What its settings are; `settings` are those of the server. */
  readonly own: SettingValues<S>;
  /** The way to other servers, for those that the policy names. Throws an Error that says which of its lines is wrong. */
  readonly outgoing: (policy: OutgoingPolicy) => Outgoing;
  /** The relay for mail; undefined: nothing is mailed. */
  readonly mail: Mail | undefined;
}

export interface FeatureParts {
  /** By code, without the dollar sign; each needs its OperationDefinition. */
  readonly operations?: Readonly<Record<string, OperationImplementation>>;
  readonly hooks?: readonly FeatureHook[];
  readonly routes?: readonly OutsideRoute[];
  /**
   * What it calls what it does in the audit trail, beside FHIR's names: by code of its operations, by path of its routes (what is recorded of
   * each call), and by kind of the interactions that it performs for somebody (`create`, `search`).
   */
  readonly subtypes?: Readonly<Record<string, AuditSubtype>>;
  /** What is taken out of the bytes of Binaries that are given out. */
  readonly release?: Release;
  /** CapabilityStatements of guides that are true of the server by it: canonicals. */
  readonly instantiates?: readonly string[];
  /** The same of what clients ask for themselves. */
  readonly nameOf?: NameOfAsked;
  /** Who is told of each version that is written of some types, once and in order. */
  readonly listeners?: readonly FeatureListener[];
  /** By role of profiles/roles.json: which of its operations and screens it has beside the administrator, who has all. */
  readonly duties?: Readonly<Record<string, FeatureDuty>>;
  /** What it and every other process of the server must know: `engine.live.current(FRESH_MS)` makes it a second old at most. */
  readonly tables?: readonly LiveTable<unknown>[];
  /** What it does behind the traffic: `engine.jobs.start` with the kind begins one. */
  readonly jobs?: readonly FeatureJob[];
}

export interface FeatureListener extends Omit<Listener, 'handle'> {
  handle(batch: FeedBatch, engine: Engine): ReturnType<Listener['handle']>;
}

export interface FeatureDuty {
  readonly operations?: readonly string[];
  readonly screens?: readonly string[];
}

/** The caller for what a feature performs on somebody's behalf. */
export function actingFor(caller: Caller, feature: string): Caller {
  const { allowance, engine, principal, requestId, correlationId, address, request } = caller;
  return { allowance, engine, principal, agent: feature, requestId, correlationId, address, request, note: undefined };
}

/** Addresses outside FHIR that the server has itself: see http/own-routes.ts. */
const OWN_ADDRESSES = [
  '/',
  '/healthz',
  '/readyz',
  '/metrics',
  '/favicon.ico',
  '/robots.txt',
  '/openapi.json',
  '/.well-known/chartroom-audit-keys',
] as const;
/** First words of addresses below which everything is the server's. */
const OWN_FOLDERS: ReadonlySet<string> = new Set(['fhir', 'console']);
export type OwnAddress = (typeof OWN_ADDRESSES)[number];

/** What all features bring, in their order. */
export interface ComposedFeatures {
  readonly operations: Readonly<Record<string, OperationImplementation>>;
  readonly hooks: readonly OwnedHook[];
  readonly routes: readonly OwnedRoute[];
  readonly listeners: readonly FeatureListener[];
  readonly duties: readonly DutyOfRole[];
  readonly jobs: readonly OwnedJob[];
  readonly subtypes: AuditSubtypes;
  readonly instantiates: readonly string[];
  readonly releases: readonly Release[];
  readonly tables: readonly LiveTable<unknown>[];
}

interface ComposingGround extends EngineGround, Pick<FeatureGround, 'mail'> {
  readonly outgoing: OutgoingClients;
  /** Of the settings of all features. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** `own`: the operations of the server itself. Throws for what cannot be, before anything is open. */
export function composeFeatures(
  features: readonly Feature[],
  own: Readonly<Record<string, OperationImplementation>>,
  { outgoing, values, ...ground }: ComposingGround,
): ComposedFeatures {
  const names = new Set<string>();
  const addresses = new Set<string>(OWN_ADDRESSES);
  const operations = { ...own };
  const hooks: OwnedHook[] = [];
  const routes: OwnedRoute[] = [];
  const listeners: FeatureListener[] = [];
  const duties: DutyOfRole[] = [];
  const jobs: OwnedJob[] = [];
  const subtypes = new Map(Object.entries(OWN_SUBTYPES).map(([code, subtype]) => [servedAs(code), subtype]));
  const asked: NameOfAsked[] = [];
  const [instantiates, releases]: [string[], Release[]] = [[], []];
  const tables: LiveTable<unknown>[] = [];
  for (const feature of features) {
    const { name: owner } = feature;
    if (!/^[a-z][a-z-]*$/.test(owner) || names.has(owner))
      throw new Error(`There can be no feature, or no other one, with the name ${owner}.`);
    names.add(owner);
    const parts = feature.open({
      ...ground,
      own: settingsFor(feature, values),
      outgoing: policy => outgoing.open(owner, policy),
    });
    for (const [code, operation] of Object.entries(parts.operations ?? {})) {
      if (Object.hasOwn(operations, code)) throw new Error(`$${code} of ${owner} is there already.`);
      operations[code] = operation;
    }
    for (const hook of parts.hooks ?? []) {
      const strange = hook.types?.find(type => !ground.definitions.resourceTypes.includes(type));
      if (strange !== undefined) throw new Error(`A hook of ${owner} is for ${strange}, which is no resource type.`);
      hooks.push({ owner, hook });
    }
    for (const route of parts.routes ?? []) {
      const shape = addressShape(route.path);
      if (shape === undefined || addresses.has(shape) || OWN_FOLDERS.has(shape.split('/')[1]!))
        throw new Error(`The address ${route.path} of ${owner} is none, or that of something else.`);
      addresses.add(shape);
      routes.push({ owner, route });
    }
    addListeners(listeners, parts.listeners, ground);
    addDuties(duties, owner, parts);
    addJobs(jobs, owner, parts.jobs);
    addSubtypes(subtypes, owner, parts);
    if (parts.nameOf) asked.push(parts.nameOf);
    instantiates.push(...(parts.instantiates ?? []));
    if (parts.release) releases.push(parts.release);
    tables.push(...ownedTables(owner, parts, ground.definitions.resourceTypes));
  }
  return {
    operations,
    hooks,
    routes,
    listeners,
    duties,
    jobs,
    tables,
    subtypes: { named: subtypes, asked: [...asked, trailRead] },
    instantiates,
    releases,
  };
}

/** Under names that no other feature has. */
const ownedTables = (owner: string, { tables = [] }: FeatureParts, types: readonly string[]): LiveTable<unknown>[] =>
  tables.map(table => {
    if ('type' in table && !types.includes(table.type))
      throw new Error(`A table of ${owner} is of ${table.type}, which is no resource type.`);
    return { ...table, name: `${owner}/${table.name}` };
  });

/** The names that roles know routes by. */
export const screensOf = (routes: readonly OutsideRoute[]): readonly string[] => [
  ...new Set(routes.flatMap(({ who }) => (typeof who === 'object' ? [who.screen] : []))),
];

/** An operation or a screen of a duty that the feature does not have. */
function strangeDuty({ operations = [], screens = [] }: FeatureDuty, parts: FeatureParts): string | undefined {
  const own = screensOf(parts.routes ?? []);
  return (
    operations.find(code => !Object.hasOwn(parts.operations ?? {}, code)) ?? screens.find(name => !own.includes(name))
  );
}

type DutyOfRole = FeatureDuty & { readonly role: string };

function addDuties(to: DutyOfRole[], owner: string, parts: FeatureParts): void {
  for (const [role, duty] of Object.entries(parts.duties ?? {})) {
    const strange = strangeDuty(duty, parts);
    if (strange !== undefined) throw new Error(`A duty of ${owner} is ${strange}, which is not its own.`);
    to.push({ role, ...duty });
  }
}

function addListeners(
  to: FeatureListener[],
  listeners: readonly FeatureListener[] = [],
  { definitions }: Pick<EngineGround, 'definitions'>,
): void {
  for (const listener of listeners) {
    checkListener(listener, definitions.resourceTypes, to);
    to.push(listener);
  }
}

/** Whether what a route gave is an answer. */
export const isOutsideAnswer = (given: unknown): given is OutsideAnswer => {
  if (typeof given !== 'object' || given === null) return false;
  const { status = 200, headers = {}, body = '' } = given as Readonly<Record<string, unknown>>;
  return (
    Number.isInteger(status) &&
    Number(status) >= 200 &&
    Number(status) < 600 &&
    typeof headers === 'object' &&
    headers !== null &&
    Object.values(headers).every(value => typeof value === 'string') &&
    (typeof body === 'string' || Buffer.isBuffer(body))
  );
};

/** A route that does not take a body. */
export const noBody = (): FhirError =>
  new FhirError('too-large', 'This address takes no body.', { expression: 'http.Content-Length' });
