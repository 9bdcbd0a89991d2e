/** The composition root: config → store → engine → http. The only file that constructs adapters; compose/ has its larger parts. */
import { join, resolve } from 'node:path';
import { run } from './cli/index.js';
import { loadDemo } from './cli/seed.js';
import { Glasses } from './access/glasses.js';
import { createDeedMaker } from './audit/trail/deed.js';
import { openTrail } from './audit/trail/index.js';
import { Feed } from './feed/feed.js';
import { type Definitions, loadDefinitions } from './fhir/definitions.js';
import { FhirError } from './fhir/error.js';
import type { ListedGuide } from './fhir/guide-list.js';
import { acceptGuideList, agreeOnGuides } from './conformance/guide-agreement.js';
import { StoredDefinitions } from './conformance/stored-definitions.js';
import { documents } from './features/documents/index.js';
import { privacy } from './features/privacy/index.js';
import { scanIntake } from './features/intake/index.js';
import { releaseOfInformation } from './features/release/index.js';
import { recordsWork } from './features/work/index.js';
import { createForms } from './interactions/response/forms.js';
import type { Harness } from './harness/index.js';
import type { Engine } from './interactions/engine.js';
import { composeSettings } from './interactions/feature-settings.js';
import { type ComposedFeatures, composeFeatures, type Feature } from './interactions/feature.js';
import { decideOperation } from './http/asked-about.js';
import { createImportJob } from './http/import-job.js';
import { composeHooks } from './interactions/write/hooks.js';
import { type FeatureJob, kindOfFeature, type OwnedJob, recordJobs } from './interactions/jobs.js';
import type { JobKind } from './jobs/kind.js';
import type { JobRunnerOptions } from './jobs/desk.js';
import { JobRunner } from './jobs/runner.js';
import { type CustomIndexing, ownHooks } from './interactions/write/own-hooks.js';
import { backupJob } from './interactions/operations/backup.js';
import { openRemoteTerminology } from './interactions/remote-terminology.js';
import { composeOperations, FILE_OPERATIONS, OPERATIONS } from './interactions/operations/index.js';
import { LiveTables } from './live/live-tables.js';
import { Registry } from './conformance/search-parameter-registry.js';
import { Reindexer } from './conformance/reindex-job.js';
import { createOutgoing } from './outgoing/outgoing.js';
import { parseBucketAddress } from './platform/blob-settings.js';
import { type Config, isMongo } from './platform/config.js';
import { createClock, REAL_TIME, type TimeSource } from './platform/clock.js';
import { makeFolder } from './platform/folder.js';
import { createLog, frames, type Log } from './platform/log.js';
import { createMetrics } from './platform/metrics.js';
import { createRoom } from './platform/room.js';
import { createPageTokenCipher } from './platform/page-token-cipher.js';
import { EvenTime } from './platform/even-time.js';
import { createKeyedMutex } from './platform/keyed-mutex.js';
import type { SettingTable } from './platform/setting.js';
import type { Indexing } from './search/index-resource.js';
import { createLiveParameters } from './search/live.js';
import { createIndexLayout, type IndexLayout } from './store/index-layout.js';
import type { BucketGround } from './store/move-bytes.js';
import type { Store } from './store/store.js';
import { readPolicy } from './validation/policy.js';
import { createValidation, structureStep } from './validation/gate/validate.js';
import { openAccess } from './compose/access.js';
import { brandRoutes } from './compose/brands.js';
import { authorizing } from './compose/authorization.js';
import { openJudge, openTerminology, openValidator } from './compose/checker.js';
import { openDefinitions, operationDefinitions, parametersIn, profiles } from './compose/definitions.js';
import { type KeepersGround, openAnchorKeepers } from './compose/anchor-keepers.js';
import { composeLedger, type LedgerGround, measureTrail } from './compose/ledger.js';
import { openRelay } from './compose/mail.js';
import { engineSettings, keptSecret, withWords } from './compose/settings.js';
import { openForwarder, readReceiver } from './compose/syslog.js';
import { openUsers } from './compose/users.js';

async function openStore(config: Config, layout: IndexLayout, around: StoreGround, harness?: Harness): Promise<Store> {
  const store = await openAdapter(config, layout, around, harness !== undefined);
  return harness?.watch(store) ?? store;
}

/** `kept`: what is in the store itself, which a job may have to index anew; `store`: with what the trail keeps. */
async function openRecording(config: Config, layout: IndexLayout, around: RecordingGround, harness?: Harness) {
  const { clock, log, indexing, keepers } = around;
  const kept = await openStore(config, withWords(layout, config), { clock, log }, harness);
  const { store, follow, faults: trailFaults } = openTrail(kept, { ...indexing, queryTimeout: config.queryTimeout });
  const ledger = composeLedger(config, { clock, log, keepers, store: kept, base: indexing.settings.base });
  return { kept, store: ledger.watch(store), follow, trailFaults, ledger };
}

type StoreGround = Pick<Engine, 'clock' | 'log'>;
interface RecordingGround extends StoreGround, Pick<LedgerGround, 'keepers'> {
  readonly indexing: Indexing & { readonly settings: { readonly base: string } };
}

/** Throws `unavailable` where the package that it needs is not installed. */
async function openBucket({ blobs, blobsEndpoint, blobsMove }: Config, log: Log): Promise<BucketGround | undefined> {
  if (blobs === '') return undefined;
  const { openS3Bucket } = await import('./store/s3/index.js');
  return {
    bucket: await openS3Bucket(parseBucketAddress(blobs), blobsEndpoint),
    isLeft: blobsMove === 'back',
    told({ hash, error, left }) {
      if (left === 0) log.info('Nothing is left in the bucket: start without CHARTROOM_BLOBS and CHARTROOM_BLOBS_MOVE');
      else if (left !== undefined) log.warn({ left }, 'Everything was moved back, but objects are left in the bucket');
      const at = error && { kind: error.kind, at: frames(error.cause ?? error) };
      if (at) log.warn({ hash, ...at }, 'Bytes wait to be moved to the bucket or back, or to be dropped from it');
    },
  };
}

const anchorKeepers = (config: Config, ground: Omit<KeepersGround, 'openBucket'>) =>
  openAnchorKeepers(config, {
    ...ground,
    openBucket: async address => (await import('./store/s3/locked.js')).openLockedBucket(address, config.blobsEndpoint),
  });

/**
 * The store's adapter is loaded only where it is used: the MongoDB driver alone takes a second to load. `falling`: its stamps
 * follow a clock that is set back.
 */
async function openAdapter(config: Config, layout: IndexLayout, around: StoreGround, falling: boolean): Promise<Store> {
  const { now } = around.clock;
  const bucket = await openBucket(config, around.log);
  if (isMongo(config)) {
    const { openMongo } = await import('./store/mongo/index.js');
    return openMongo({ url: config.store, layout, now, falling, maxTimeMS: config.queryTimeout, bucket });
  }
  const { openEmbedded } = await import('./store/embedded/index.js');
  makeFolder(config.data);
  const file = storeFile(config);
  try {
    return await openEmbedded({ file, layout, now, falling, queryTimeout: config.queryTimeout, bucket });
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
const FEATURES: readonly Feature[] = [documents, privacy, recordsWork, releaseOfInformation, scanIntake];

/** The settings that they have. */
export const featureSettings = (): SettingTable => composeSettings(FEATURES);

/** Operations of the server itself, whatever its store. */
const EVERYWHERE = { ...OPERATIONS, decide: decideOperation };

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
  const [outgoing, mail] = [createOutgoing({ metrics, log }), openRelay(config)];
  const elsewhere = openRemoteTerminology(config, outgoing, metrics);
  const own = isMongo(config) ? EVERYWHERE : { ...EVERYWHERE, ...FILE_OPERATIONS };
  const composed = composeFeatures(features, own, {
    ...{ clock, definitions, log, metrics, settings, outgoing, mail },
    values: config.ofFeatures.values,
  });
  const given = files.map(({ resource }) => resource);
  const operations = composeOperations(composed.operations, given);
  const parameters = createLiveParameters(definitions);
  // Before anything is open: what is wrong with the settings must not leave a store open.
  const access = openAccess(config, { definitions, parameters, settings, log, clock, operations, composed, outgoing });
  const [brands, receiver] = [brandRoutes(config), readReceiver(config)];
  const policy = readPolicy(config, definitions.resourceTypes);
  const { guides, shelf, findWith, terminologyParts } = await openDefinitions(config, log);
  const layout = createIndexLayout(definitions.searchParameters);
  const keepers = await anchorKeepers(config, { outgoing, mail, syslog: receiver, base: settings.base });
  const ground = { clock, log, keepers, indexing: { definitions, parameters, settings } };
  const recording = await openRecording(config, layout, ground, harness);
  const { kept, store, trailFaults, ledger } = recording;
  measureTrail(metrics, recording, clock);
  const registry = new Registry({ definitions, parameters, layout, store, log, files: parametersIn(files, guides) });
  const stored = new StoredDefinitions(store);
  const tables = [registry.table(), ...access.tables, ...stored.tables(), ...composed.tables];
  const live = new LiveTables({ store, log, clock }, tables);
  const terms = openTerminology(stored, { bases: settings.bases, ...terminologyParts }, elsewhere, harness?.anew);
  const find = findWith(stored);
  const { required, ...checked } = openJudge(policy, metrics, { find, definitions, ...terms, stored, guides });
  const reindexer = new Reindexer({ store, kept, registry, ...ground.indexing, log, clock, jobs: () => jobs });
  const [room, quiet] = [createRoom(ANSWERS * config.maxAnswer), harness !== undefined];
  const jobs = openJobs({ store, clock, log, metrics, quiet, room }, reindexer, composed, () => engine);
  const feed = new Feed({ store, live, clock, log, metrics, resourceTypes: definitions.resourceTypes });
  const authorization = authorizing(config, { store, access, outgoing, log, settings, engine: () => engine });
  await readStored(store, [() => store.migrate(), () => agreeOnGuides(store, guides.all), () => live.load()]);
  await readStored(store, [required, () => ledger.open(), () => reindexer.refresh(), authorization.open]);
  const engine: Engine = {
    definitions,
    parameters,
    store,
    live,
    registry,
    reindexer,
    feed,
    builtIn: operationDefinitions(files, operations, settings.base),
    log,
    guides,
    shelf,
    ...checked,
    validate: createValidation([structureStep(definitions)]),
    operations,
    hooks: openHooks({ live, registry, reindexer, ...access.privacy }, settings, composed, definitions),
    routes: [...composed.routes, ...authorization.routes(), ...brands],
    ...{ instantiates: composed.instantiates, releases: composed.releases, subtypes: composed.subtypes },
    jobs,
    ...terms,
    pageTokens: createPageTokenCipher(config.secret || (harness?.secret ?? keptSecret(config.data)), clock, !!harness),
    ...{ record: createDeedMaker(), trailFaults, kept, ledger },
    forms: createForms(definitions),
    ...{ room, glasses: new Glasses(store.records, clock.now) },
    ...authorization.known(),
    ...access.privacy,
    mutex: createKeyedMutex(),
    ...{ settings, metrics, outgoing, clock, evenTime: new EvenTime() },
    forwarder: receiver && openForwarder(receiver, { ...recording, clock, log, metrics }, settings.base),
  };
  const used = harness?.around(engine, one => loadDemo(one, 1)) ?? engine;
  for (const listener of composed.listeners) feed.add({ ...listener, handle: batch => listener.handle(batch, used) });
  return used;
}

/** The hooks of the server itself before those of features. */
const openHooks = (
  engine: CustomIndexing,
  { bases }: Engine['settings'],
  composed: ComposedFeatures,
  { resourceTypes }: Definitions,
) => composeHooks([...ownHooks(engine, bases), ...composed.hooks], resourceTypes);

/** Notes in the store which guides its processes must have. Nothing else is read of it. */
export async function acceptGuides(config: Config, guides: readonly ListedGuide[]): Promise<void> {
  const log = createLog(config.log);
  const clock = createClock(log, REAL_TIME);
  const layout = withWords(createIndexLayout(loadDefinitions().searchParameters), config);
  const store = await openStore(config, layout, { clock, log });
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
  { room, ...around }: Omit<JobRunnerOptions, 'kinds' | 'record' | 'crowded'> & Pick<Engine, 'room'>,
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
  return new JobRunner({ ...around, crowded: () => room.crowded, record: recordJobs(engine), kinds });
};

/** The test-harness mode, which is not in the process of a server without it. */
async function openHarness(time: TimeSource): Promise<Harness> {
  const { createHarness } = await import('./harness/index.js');
  return createHarness(time);
}

/** The command line; gives the exit status. */
export const main = (argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> =>
  run(argv, env, { open, openValidator, backUp: copyStore, openUsers, acceptGuides }, featureSettings());
