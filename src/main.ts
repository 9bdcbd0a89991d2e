/** The composition root: config → store → engine → http. The only file that constructs adapters. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './cli/index.js';
import type { Validator } from './cli/invocation.js';
import { loadDemo } from './cli/seed.js';
import { createDecide } from './access/decide.js';
import { compileDuties } from './access/duties.js';
import { readRoles } from './access/roles.js';
import { createRecorder } from './audit/record.js';
import { Feed } from './feed/feed.js';
import type { DefinitionSource } from './fhir/definition-file.js';
import { type Definitions, loadDefinitions } from './fhir/definitions.js';
import { FhirError } from './fhir/error.js';
import { joinShelves, shelfOf } from './fhir/definition-shelf.js';
import { createFindDefinition, STORED } from './fhir/find-definition.js';
import type { ListedGuide } from './fhir/guide-list.js';
import { type Guides, openGuides } from './fhir/guides.js';
import { type ConformanceResource, readProfiles } from './fhir/package.js';
import type { FindDefinition, FoundDefinition, Origin } from './fhir/structure-definition.js';
import { loadStructures } from './fhir/structures.js';
import { identifyAnybody, identifyByTokens } from './identity/tokens.js';
import { acceptGuideList, agreeOnGuides } from './conformance/guide-agreement.js';
import { StoredDefinitions } from './conformance/stored-definitions.js';
import { documents } from './features/documents/index.js';
import { createForms } from './interactions/response/forms.js';
import type { Harness } from './harness/index.js';
import type { Engine, EngineSettings, Operations } from './interactions/engine.js';
import { composeSettings } from './interactions/feature-settings.js';
import { type ComposedFeatures, composeFeatures, type Feature, screensOf } from './interactions/feature.js';
import { createImportJob } from './http/import-job.js';
import { composeHooks } from './interactions/write/hooks.js';
import { EXPLAIN } from './interactions/search/explain.js';
import { type FeatureJob, kindOfFeature, type OwnedJob, recordJobs } from './interactions/jobs.js';
import type { JobKind } from './jobs/kind.js';
import type { JobRunnerOptions } from './jobs/desk.js';
import { JobRunner } from './jobs/runner.js';
import { type CustomIndexing, ownHooks } from './interactions/write/own-hooks.js';
import { backupJob } from './interactions/operations/backup.js';
import { type OpenedRemote, openRemoteTerminology } from './interactions/remote-terminology.js';
import { composeOperations, FILE_OPERATIONS, OPERATIONS } from './interactions/operations/index.js';
import { JOBS_OF_OTHERS } from './interactions/operations/jobs.js';
import { LiveTables } from './live/live-tables.js';
import { Registry } from './conformance/search-parameter-registry.js';
import { Reindexer } from './conformance/reindex-job.js';
import { createOutgoing } from './outgoing/outgoing.js';
import { type Config, ConfigError, guidesFolder, isLoopback, isMongo } from './platform/config.js';
import { type Clock, createClock, REAL_TIME, type TimeSource } from './platform/clock.js';
import { makeFolder } from './platform/folder.js';
import { createLog, type Log } from './platform/log.js';
import { createMetrics, measureHorizon, type Metrics } from './platform/metrics.js';
import { createRoom } from './platform/room.js';
import { createPageTokenCipher } from './platform/page-token-cipher.js';
import { createKeyedMutex } from './platform/keyed-mutex.js';
import type { SettingTable } from './platform/setting.js';
import { VERSION } from './platform/version.js';
import { createLiveParameters } from './search/live.js';
import { WORDS_RULE } from './search/words-of.js';
import { createIndexLayout, type IndexLayout } from './store/index-layout.js';
import type { Store } from './store/store.js';
import { createMemberships, type Memberships } from './terminology/membership.js';
import { guideResources } from './terminology/guide-resources.js';
import { loadStandard, standardDefinitions, standardShelf } from './terminology/standard.js';
import { createTerminology, type TerminologyOptions } from './terminology/terminology.js';
import { createBindings } from './validation/binding.js';
import { createProfileChecker } from './validation/check-profiles.js';
import { createDefinitionAdvice } from './validation/definition-advice.js';
import { ISSUE_DETAILS } from './validation/issue-list.js';
import { type GlobalProfiles, globalProfilesOf } from './validation/global-profiles.js';
import { createJudge } from './validation/judge.js';
import { checkRequired, readPolicy, type ValidationPolicy } from './validation/policy.js';
import { checkerParts, profileCheck } from './validation/resource-checker.js';
import { createValidation, structureStep } from './validation/gate/validate.js';

const root = new URL('../../', import.meta.url);

async function openStore(config: Config, layout: IndexLayout, clock: Clock, harness?: Harness): Promise<Store> {
  const store = await openAdapter(config, layout, clock, harness !== undefined);
  return harness?.watch(store) ?? store;
}

/**
 * The store's adapter is loaded only where it is used: the MongoDB driver alone takes a second to load. `falling`: its stamps
 * follow a clock that is set back.
 */
async function openAdapter(config: Config, layout: IndexLayout, { now }: Clock, falling: boolean): Promise<Store> {
  if (isMongo(config)) {
    const { openMongo } = await import('./store/mongo/index.js');
    return openMongo({ url: config.store, layout, now, falling, maxTimeMS: config.queryTimeout });
  }
  const { openEmbedded } = await import('./store/embedded/index.js');
  makeFolder(config.data);
  const file = storeFile(config);
  try {
    return await openEmbedded({ file, layout, now, falling, queryTimeout: config.queryTimeout });
  } catch (error) {
    if (!(error instanceof FhirError) || error.message.includes(resolve(config.data))) throw error;
    throw new FhirError(error.kind, `${resolve(file)}: ${error.message}`, { cause: error });
  }
}

const storeFile = ({ data }: Config): string => join(data, 'chartroom.db');

export async function copyStore(config: Config, to: string): Promise<void> {
  const { backUpFile } = await import('./store/embedded/backup.js');
  backUpFile(storeFile(config), to);
}

/** What this server does beyond FHIR's interactions, in the order in which their hooks run. */
const FEATURES: readonly Feature[] = [documents];

/** Who may do what, where the settings name no other file. */
const OWN_ROLES = fileURLToPath(new URL('profiles/roles.json', root));

/** The settings that they have. */
export const featureSettings = (): SettingTable => composeSettings(FEATURES);

/** The largest answers that may be in memory together. */
const ANSWERS = 8;

/**
 * Opens everything but the HTTP face. What users see of time goes by `time`. Throws FhirError `unavailable` where the store
 * cannot be opened.
 */
export async function open(
  config: Config,
  time: TimeSource = REAL_TIME,
  features: readonly Feature[] = FEATURES,
): Promise<Engine> {
  const log = createLog(config.log);
  const harness = config.harness === 'on' ? await openHarness(time) : undefined;
  const clock = createClock(log, harness?.time ?? time);
  const definitions = loadDefinitions();
  const files = await profiles(config, features);
  const settings = engineSettings(config, clock.now());
  const metrics = createMetrics();
  const outgoing = createOutgoing({ metrics, log });
  const elsewhere = openRemoteTerminology(config, outgoing, metrics);
  const own = isMongo(config) ? OPERATIONS : { ...OPERATIONS, ...FILE_OPERATIONS };
  const composed = composeFeatures(features, own, {
    ...{ clock, definitions, log, metrics, settings, outgoing },
    values: config.ofFeatures.values,
  });
  const operations = composeOperations(
    composed.operations,
    files.map(({ resource }) => resource),
  );
  const parameters = createLiveParameters(definitions);
  // Before anything is open: what is wrong with the settings must not leave a store open.
  const access = openAccess(config, { definitions, parameters, settings, log, clock, operations, composed });
  const policy = readPolicy(config, definitions.resourceTypes);
  const { guides, shelf, findWith, terminologyParts } = await openDefinitions(config, log);
  const layout = createIndexLayout(definitions.searchParameters);
  const store = await openStore(config, withWords(layout, config), clock, harness);
  measureHorizon(metrics, () => Math.max(0, clock.now() - store.horizon()));
  const { bases } = settings;
  const registry = new Registry({ definitions, parameters, layout, store, log, files: parametersOf(files, guides) });
  const stored = new StoredDefinitions(store);
  const live = new LiveTables({ store, log, clock }, [registry.table(), ...stored.tables(), ...composed.tables]);
  const terms = openTerminology(stored, { bases, ...terminologyParts }, elsewhere, harness);
  const find = findWith(stored);
  const { required, ...checked } = openJudge(policy, metrics, { find, definitions, ...terms, stored, guides });
  const reindexer = new Reindexer({ store, registry, definitions, parameters, settings, log, clock, jobs: () => jobs });
  const room = createRoom(ANSWERS * config.maxAnswer);
  const jobs = openJobs({ store, clock, log, metrics, crowded: () => room.crowded }, reindexer, composed, () => engine);
  const feed = new Feed({ store, live, clock, log, metrics, resourceTypes: definitions.resourceTypes });
  const agree = (): Promise<void> => agreeOnGuides(store, guides.all);
  await readStored(store, [() => store.migrate(), agree, () => live.load(), required, () => reindexer.refresh()]);
  const engine: Engine = {
    definitions,
    parameters,
    store,
    live,
    registry,
    reindexer,
    feed,
    builtIn: operationDefinitions(files, operations, bases[0]!),
    log,
    guides,
    shelf,
    ...checked,
    validate: createValidation([structureStep(definitions)]),
    operations,
    hooks: openHooks({ live, registry, reindexer }, bases, composed, definitions),
    routes: composed.routes,
    subtypes: composed.subtypes,
    jobs,
    ...terms,
    pageTokens: createPageTokenCipher(config.secret || (harness?.secret ?? keptSecret(config.data)), clock, !!harness),
    record: createRecorder(parameters, bases),
    forms: createForms(definitions),
    room,
    ...access,
    mutex: createKeyedMutex(),
    settings,
    metrics,
    outgoing,
    clock,
  };
  const used = harness?.around(engine, one => loadDemo(one, 1)) ?? engine;
  for (const listener of composed.listeners) feed.add({ ...listener, handle: batch => listener.handle(batch, used) });
  return used;
}

/** The hooks of the server itself before those of features. */
const openHooks = (
  engine: CustomIndexing,
  bases: readonly string[],
  composed: ComposedFeatures,
  { resourceTypes }: Definitions,
) => composeHooks([...ownHooks(engine, bases), ...composed.hooks], resourceTypes);

interface CheckerParts {
  readonly find: FindDefinition;
  readonly definitions: Definitions;
  readonly memberships: Memberships;
  /** What is kept of definitions is forgotten when it hears that some have changed. */
  readonly stored?: StoredDefinitions;
  readonly guides: Guides;
}

/** What is asked of resources beyond their structure. `required`: throws ConfigError where a profile that is required is not known. */
function openJudge(policy: ValidationPolicy, { validationIssues }: Metrics, parts: CheckerParts) {
  const { find, definitions, memberships, stored, guides } = parts;
  const generation = (): number => stored?.generationOf('StructureDefinition', 'Questionnaire') ?? 0;
  const globals = globalsOf(guides, stored);
  const ofChecker = checkerParts({ find, definitions, bindings: createBindings(memberships), generation, globals });
  const judge = createJudge({
    policy,
    find,
    check: profileCheck(createProfileChecker(ofChecker), definitions),
    advise: createDefinitionAdvice(ofChecker),
    count(issues) {
      for (const { severity, detail = '' } of issues)
        validationIssues.inc({ severity, detail: ISSUE_DETAILS.has(detail) ? detail : 'other' });
    },
  });
  return { judge, findDefinition: find, required: () => checkRequired(policy, find) };
}

/** What ImplementationGuides ask of every resource of a type: those that are stored, then those of the guides, which are read when somebody asks. */
function globalsOf(guides: Guides, stored: StoredDefinitions | undefined): () => Promise<GlobalProfiles> {
  let ofGuides: readonly FoundDefinition[] | undefined;
  const readAll = (): FoundDefinition[] =>
    guides.rows('ImplementationGuide').flatMap(({ guide, row }) => {
      const resource = guide.definitions.read(row);
      return resource ? [{ resource, origin: guide.origin }] : [];
    });
  return async () => {
    const ofStore = ((await stored?.guides()) ?? []).map(resource => ({ resource, origin: STORED }));
    return globalProfilesOf([...ofStore, ...(ofGuides ??= readAll())]);
  };
}

/** What checks resources without a store, with the guides of a folder. */
export async function openValidator(config: Config, folder: string): Promise<Validator> {
  const definitions = loadDefinitions();
  const policy = readPolicy(config, definitions.resourceTypes);
  const { guides, findWith, terminologyParts } = await openDefinitions(
    { ...config, guides: folder },
    createLog(config.log),
  );
  const { bases } = engineSettings(config, 0);
  const { resources } = createTerminology(async () => undefined, { bases, ...terminologyParts });
  const memberships = createMemberships({
    sources: from => resources.once(undefined, from),
    ofStandard: () => resources.ofStandard(),
  });
  const { required: _required, ...checked } = openJudge(policy, createMetrics(), {
    find: findWith(),
    definitions,
    memberships,
    guides,
  });
  return { definitions, ...checked, validate: createValidation([structureStep(definitions)]) };
}

/** `elsewhere`: another server. */
function openTerminology(
  definitions: StoredDefinitions,
  options: TerminologyOptions,
  elsewhere: OpenedRemote | undefined,
  harness?: Harness,
): Pick<Engine, 'terminology' | 'memberships' | 'remoteTime'> {
  const stored = definitions.canonicals();
  const { load, list } = harness?.anew(stored) ?? stored;
  const terminology = createTerminology(load, { list, ...options });
  const memberships = createMemberships({
    sources: from => terminology.resources.once(undefined, from),
    ofStandard: () => terminology.resources.ofStandard(),
    remote: elsewhere?.remote,
    generation: () => definitions.generationOf('ValueSet', 'CodeSystem', 'ConceptMap'),
  });
  return { terminology, memberships, remoteTime: elsewhere?.time };
}

/** Definitions of guides and of R4. Throws ConfigError where a guide of the list cannot be had. */
async function openDefinitions(config: Config, log: Log) {
  const guides = await openGuides(guidesFolder(config), guide => log.info({ guide }, 'Making files of a guide anew'));
  const files = [...guides.all.map(({ definitions }) => definitions), loadStructures()];
  const sources = [...files, standardDefinitions(loadStandard)];
  const dependencies = (origin: Origin): readonly Origin[] => guides.dependencies(origin);
  /** With what is stored, which comes first. */
  const findWith = (...stored: readonly DefinitionSource[]): FindDefinition =>
    createFindDefinition({ sources: () => [...stored, ...sources], dependencies });
  const shelf = joinShelves([...files.map(shelfOf), standardShelf(loadStandard)]);
  const terminologyParts = { standard: loadStandard, guides: guideResources(files, dependencies) };
  return { guides, shelf, findWith, terminologyParts };
}

/** SearchParameters of files, then those of guides. */
const parametersOf = (files: readonly ConformanceResource[], guides: Guides): ConformanceResource[] => [
  ...files.filter(({ resource }) => resource.resourceType === 'SearchParameter'),
  ...guides.searchParameters(),
];

/** Notes in the store which guides its processes must have. Nothing else is read of it. */
export async function acceptGuides(config: Config, guides: readonly ListedGuide[]): Promise<void> {
  const clock = createClock(createLog(config.log), REAL_TIME);
  const layout = withWords(createIndexLayout(loadDefinitions().searchParameters), config);
  const store = await openStore(config, layout, clock);
  await readStored(store, [() => store.migrate(), () => acceptGuideList(store, guides)]);
  await store.close();
}

/** Does one after the other; a store that cannot be read is not left open. */
async function readStored(store: Store, steps: readonly (() => Promise<void>)[]): Promise<void> {
  try {
    for (const step of steps) await step();
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** What works on jobs. `engine`: it is there before any is worked on. */
const openJobs = (
  around: Omit<JobRunnerOptions, 'kinds' | 'record'>,
  own: { readonly kinds: readonly JobKind[] },
  ofFeatures: { readonly jobs: readonly OwnedJob[] },
  engine: () => Engine,
): JobRunner => {
  const kinds = [
    ...own.kinds,
    backupJob(engine),
    ...[{ owner: 'import', job: createImportJob() as FeatureJob }, ...ofFeatures.jobs].map(owned =>
      kindOfFeature(owned, engine),
    ),
  ];
  return new JobRunner({ ...around, record: recordJobs(engine), kinds });
};

/** The test-harness mode, which is not in the process of a server without it. */
async function openHarness(time: TimeSource): Promise<Harness> {
  const { createHarness } = await import('./harness/index.js');
  return createHarness(time);
}

/** Who asks, and what they may do. Throws ConfigError. */
function openAccess(
  config: Config,
  ground: Pick<Engine, 'definitions' | 'parameters' | 'settings' | 'log' | 'clock' | 'operations'> & {
    readonly composed: ComposedFeatures;
  },
): Pick<Engine, 'identify' | 'decide'> {
  const { definitions, log, clock, operations, composed } = ground;
  const roles = readRoles(config.roles === '' ? OWN_ROLES : resolve(config.roles), {
    ...ground,
    operations: [...new Set([...operations.keys(), ...Object.keys(FILE_OPERATIONS), EXPLAIN, JOBS_OF_OTHERS])],
    screens: screensOf(composed.routes.map(({ route }) => route)),
    // A file of one's own is the whole truth.
    added: config.roles === '' ? composed.duties : [],
  });
  const names = [...roles.keys()];
  const warn = (text: string): void => log.warn(text);
  return {
    identify: config.auth === 'token' ? identifyByTokens(config.tokens, names, warn, clock) : identifyAnybody,
    decide: createDecide(compileDuties(roles, definitions.resourceTypes), definitions.resourceTypes),
  };
}

/** `started`: ms, when the server was. No secret is among them: whoever has the engine could show it. */
export function engineSettings(config: Config, started: number): EngineSettings {
  const {
    store: _store,
    secret: _secret,
    tokens: _tokens,
    roles: _roles,
    fulltext: _fulltext,
    validateBase: _validateBase,
    validateClaims: _validateClaims,
    validateRules: _validateRules,
    tx: _tx,
    txTokenFile: _txTokenFile,
    txTimeout: _txTimeout,
    txSystems: _txSystems,
    unknownExtensions: _unknownExtensions,
    bestPractice: _bestPractice,
    htmlInStrings: _htmlInStrings,
    exampleUrls: _exampleUrls,
    guides: _guides,
    registry: _registry,
    ofFeatures: _ofFeatures,
    ...rest
  } = config;
  const { handling, linkMinutes, auth, corsOrigins, ...shared } = rest;
  const bases = basesOf(config);
  return {
    ...shared,
    base: bases[0]!,
    bases,
    linkLifetime: linkMinutes * 60_000,
    fullText: keepsWords(config),
    software: { name: 'Chartroom', version: VERSION, started },
    authentication: auth,
    lenient: handling === 'lenient',
    corsOrigins: corsOrigins.split(',').filter(origin => origin !== ''),
  };
}

/** Whether words are kept, and which, is a part of how resources are indexed. A layout that grows goes on to tell its version. */
export function withWords(layout: IndexLayout, config: Pick<Config, 'fulltext' | 'store'>): IndexLayout {
  if (!keepsWords(config)) return layout;
  return {
    ...layout,
    hash: `${layout.hash} ${WORDS_RULE}`,
    get version() {
      return layout.version;
    },
  };
}

/** By default a MongoDB store keeps none: they would double the keys of a resource. */
const keepsWords = (config: Pick<Config, 'fulltext' | 'store'>): boolean =>
  config.fulltext === 'on' || (config.fulltext === 'auto' && !isMongo(config));

/** What links say, and the other addresses under which the same server is reached: references to all are our own. */
function basesOf({ baseUrl, host, port }: Config): string[] {
  const hosts = isLoopback(host) ? ['localhost', '127.0.0.1'] : [host.includes(':') ? `[${host}]` : host];
  return [...(baseUrl ? [baseUrl] : []), ...hosts.map(name => `http://${name}:${port}/fhir`)];
}

/** The key of paging links, made on the first start. */
function keptSecret(folder: string): string {
  const file = join(folder, 'secret');
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  makeFolder(folder);
  try {
    writeFileSync(file, randomBytes(32).toString('hex'), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    // Another process was quicker: its key is as good.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFileSync(file, 'utf8').trim();
}

const PROFILE_TYPES: ReadonlySet<string> = new Set(['SearchParameter', 'OperationDefinition']);

/** What we add to R4 (profiles/ of the project), what features bring, and what the settings name beside it. */
async function profiles(config: Config, features: readonly Feature[]): Promise<ConformanceResource[]> {
  const own = fileURLToPath(new URL('profiles', root));
  const given = config.profiles === '' ? own : resolve(config.profiles);
  const found: ConformanceResource[] = [];
  const theirs = features.flatMap(({ profiles: folder }) => (folder ? [fileURLToPath(folder)] : []));
  for (const folder of new Set([own, ...theirs, given]))
    for await (const each of readProfiles(folder, PROFILE_TYPES)) found.push(each);
  if (!existsSync(given) && given !== own)
    throw new ConfigError(`CHARTROOM_PROFILES must name a folder that exists; ${given} does not.`);
  return found;
}

/** Definitions of our operations, each at the address that /metadata gives. Those of guides are no operations here. */
function operationDefinitions(
  files: readonly ConformanceResource[],
  operations: Operations,
  base: string,
): ReadonlyMap<string, Buffer> {
  const codes = new Set<unknown>(operations.keys());
  return new Map(
    files
      .filter(({ resource }) => resource.resourceType === 'OperationDefinition' && codes.has(resource['code']))
      .map(({ resource: { resourceType, id, ...rest } }) => {
        const path = `${resourceType}/${typeof id === 'string' ? id : ''}`;
        return [path, Buffer.from(JSON.stringify({ resourceType, id, url: `${base}/${path}`, ...rest }))];
      }),
  );
}

/** The command line; gives the exit status. */
export const main = (argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> =>
  run(argv, env, { open, openValidator, backUp: copyStore, acceptGuides }, featureSettings());
