/**
 * The benchmark: `npm run bench -- [options]`. Each workload beside its controls in the same run, because figures of
 * different moments of a shared machine cannot be compared; plain Express runs before and after, and the mean of its two
 * rows is the unit of the column `× express`. Audit is on, as always.
 *
 *     --store embedded|mongo|both   (both)         --patients N   (50; about 60 resources each)
 *     --only read,create            (all)          --seconds N    (4 per row, at most 60; as many before, unmeasured)
 *     --only validation, invariants (all)          their tables alone, access, masking, hidden and package as well; documents: the rows of documents
 *     --callers N                   (16)           --profile      where the time goes, by function
 *     --pairs N                     (2000)         of hidden and absent, of each kind
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Mongo, startMongo } from '../support/mongod.js';
import { type SpawnedServer, spawnServer } from '../support/spawn.js';
import { ACCESS_TABLES, accessRows } from './access.js';
import { driverControls, expressControl } from './controls.js';
import { canMeasure, costOf } from '../support/cost.js';
import { DOCUMENT_ROWS } from './documents.js';
import { load, type World } from './load.js';
import { invariantTable } from './invariants.js';
import { measure, type Timing } from './measure.js';
import { type MongoSpace, mongoSpace } from './mongo-space.js';
import { packageRows } from './package.js';
import { profileClock, profileTables } from './profile.js';
import { keep, type Row, rowsTable, spaceTable } from './report.js';
import { type Goal, goalTable, validationRows } from './validation.js';
import { workloads } from './workloads.js';

interface Options {
  readonly stores: readonly ('embedded' | 'mongo')[];
  readonly only: ReadonlySet<string> | undefined;
  readonly patients: number;
  readonly timing: Timing;
  readonly profile: boolean;
  readonly pairs: number;
}

/** A name of rows together, as those rows. */
const rowsOfGroup = (name: string): readonly string[] => (name === 'documents' ? [...DOCUMENT_ROWS] : [name]);

const DATABASE = 'bench';
const say = (text: string) => process.stdout.write(`${text}\n`);

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      store: { type: 'string', default: 'both' },
      only: { type: 'string' },
      patients: { type: 'string', default: '50' },
      seconds: { type: 'string', default: '4' },
      callers: { type: 'string', default: '16' },
      profile: { type: 'boolean', default: false },
      pairs: { type: 'string', default: '2000' },
    },
  });
  const number = (name: 'patients' | 'seconds' | 'callers' | 'pairs', most: number): number => {
    const value = Number(values[name]);
    if (!(value >= 1 && value <= most)) throw new Error(`--${name} must be a number from 1 to ${most}.`);
    return value;
  };
  // V8 compiles what is hot in threads of its own for some ten thousand requests: their time is not that of a request.
  const milliseconds = number('seconds', 60) * 1000;
  if (!['embedded', 'mongo', 'both'].includes(values.store)) throw new Error('--store is embedded, mongo or both.');
  return {
    stores: values.store === 'both' ? ['embedded', 'mongo'] : [values.store as 'embedded' | 'mongo'],
    only: values.only === undefined ? undefined : new Set(values.only.split(',').flatMap(rowsOfGroup)),
    patients: Math.floor(number('patients', 100_000)),
    timing: { callers: Math.floor(number('callers', 1000)), warmUp: milliseconds, milliseconds },
    profile: values.profile,
    pairs: Math.floor(number('pairs', 1_000_000)),
  };
}

interface StoreResult {
  readonly rows: readonly Row[];
  readonly space?: MongoSpace;
}

async function benchStore(
  store: 'embedded' | 'mongo',
  options: Options,
  mongo: Mongo | undefined,
): Promise<StoreResult> {
  const { timing, patients, only, profile } = options;
  const data = mkdtempSync(join(tmpdir(), 'chartroom-bench-'));
  const flags = profile ? ['--cpu-prof', `--cpu-prof-dir=${data}`] : [];
  const url = mongo ? mongo.database(DATABASE) : 'embedded';
  let server: SpawnedServer | undefined;
  try {
    const rows = [await expressControl(store, timing)];
    server = await spawnServer({ CHARTROOM_STORE: url, CHARTROOM_DATA: join(data, 'store') }, flags);
    const processes = { server: server.pid, mongod: mongo?.pid() };
    const before = [costOf(processes.server), costOf(processes.mongod)];
    const world = await load(server.port, patients);
    rows.push(loadRow(store, world, processes, before));
    const space = mongo ? { space: await mongoSpace(url) } : {};
    const from = profileClock();
    for (const workload of workloads(world).filter(({ name }) => only?.has(name) ?? true))
      rows.push(await measure({ store, port: server.port, ...processes, workload, ...timing }));
    const to = profileClock();
    await server.kill('SIGTERM');
    if (server.complaints() !== '') say(`The server complained:\n${server.complaints().slice(0, 2000)}`);
    server = undefined;
    if (profile) say(profileTables(data, from, to));
    if (mongo) rows.push(...(await driverControls(mongo.database('control'), mongo.pid(), timing)));
    rows.push(await expressControl(store, timing));
    return { rows, ...space };
  } finally {
    await server?.kill('SIGKILL');
    rmSync(data, { recursive: true, force: true });
  }
}

/** Loading is a workload, too: creations by 32 callers. */
function loadRow(
  store: string,
  { resources, milliseconds }: World,
  { server, mongod }: { readonly server: number; readonly mongod: number | undefined },
  before: readonly (ReturnType<typeof costOf> | undefined)[],
): Row {
  const [mine, theirs] = [costOf(server), costOf(mongod)];
  return {
    store,
    name: '(load)',
    requests: resources,
    perSecond: resources / (milliseconds / 1000),
    p50: 0,
    p95: 0,
    p99: 0,
    ...(mine && before[0] ? { serverCpu: (mine.cpu - before[0].cpu) / resources, serverMemory: mine.rss } : {}),
    ...(theirs && before[1] ? { mongodCpu: (theirs.cpu - before[1].cpu) / resources, mongodMemory: theirs.rss } : {}),
  };
}

/** Tables of their own, beside the workloads. */
const TABLES: ReadonlySet<string> = new Set([...ACCESS_TABLES, 'invariants', 'package', 'validation']);

async function withMongo<T>(options: Options, work: (mongo: Mongo | undefined) => Promise<T>): Promise<T> {
  const mongo = options.stores.includes('mongo') ? await startMongo({ cacheGigabytes: 1 }) : undefined;
  if (mongo && 'skipped' in mongo) {
    say(`The MongoDB rows are left out: ${mongo.skipped}`);
    return work(undefined);
  }
  try {
    return await work(mongo);
  } finally {
    await mongo?.stop();
  }
}

async function goalsOf(options: Options): Promise<readonly Goal[] | undefined> {
  if (!canMeasure || options.only?.has('validation') === false) return [];
  return withMongo(options, mongo => validationRows(mongo, options.stores.includes('embedded')));
}

async function accessOf(options: Options): Promise<readonly Goal[]> {
  const { only, pairs, stores } = options;
  const tables = new Set(ACCESS_TABLES.filter(name => only?.has(name) ?? true));
  if (!canMeasure || tables.size === 0) return [];
  return withMongo(options, mongo => accessRows(mongo, { tables, pairs, embedded: stores.includes('embedded') }));
}

async function resultsOf(options: Options): Promise<Record<string, StoreResult>> {
  const results: Record<string, StoreResult> = {};
  if (options.only && [...options.only].every(name => TABLES.has(name))) return results;
  if (options.stores.includes('embedded')) results['embedded'] = await benchStore('embedded', options, undefined);
  if (!options.stores.includes('mongo')) return results;
  const ofMongo = await withMongo(options, async mongo => mongo && benchStore('mongo', options, mongo));
  return ofMongo ? { ...results, mongo: ofMongo } : results;
}

const MISSING = 'The reference data beside the project is missing';

async function main(): Promise<void> {
  const options = readOptions();
  if (!canMeasure) say('There is no /proc on this system: CPU and memory are not measured.');
  const goals = await goalsOf(options);
  const access = await accessOf(options);
  const ofPackage = (options.only?.has('package') ?? true) ? packageRows() : [];
  const results = await resultsOf(options);
  const rows = Object.values(results).flatMap(one => one.rows);
  if (rows.length > 0) say(`\n${rowsTable(rows)}`);
  const space = Object.values(results).flatMap(one => one.space?.types ?? []);
  if (space.length > 0) say(`\n${spaceTable(space)}`);
  if (options.only?.has('invariants') ?? true)
    say(`\n${invariantTable() ?? `${MISSING}: invariants are not measured.`}`);
  if (!goals) say(`\n${MISSING}: validation is not measured.`);
  else if (goals.length > 0) say(`\n${goalTable(goals, 'validation')}`);
  if (access.length > 0) say(`\n${goalTable(access, 'access')}`);
  if (ofPackage.length > 0) say(`\n${goalTable(ofPackage, 'package')}`);
  const file = keep('bench-results', {
    options: { ...options, only: [...(options.only ?? [])] },
    results,
    goals,
    access,
    package: ofPackage,
  });
  say(`\nKept in ${file}`);
}

await main();
