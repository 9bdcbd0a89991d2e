/**
 * The growth benchmark: `npm run bench:growth -- [options]`. A store is filled step by step, and at each size the same
 * shapes of searches are asked, one after the other, pages of 50, with changing parameters: what an indexed predicate
 * answers must not cost more because there are more patients. Shapes that are resolved above the store are asked over
 * HTTP; the others of the store's port itself, where no constant cost of a request hides what grows.
 *
 *     --store embedded|mongo|both  (both)           --sizes 1000,4000,16000   (patients, about 60 resources each)
 *     --only 'read;status rare'    (all shapes)     --samples N               (200)
 *     --patience S  (10: a shape that is slow is asked less often)            --no-http
 *     --rate        (rate of each 100,000 resources loaded)                   --keys   (keys of Synthea's mix, and end)
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openEmbedded } from '../../src/store/embedded/index.js';
import { openMongo } from '../../src/store/mongo/index.js';
import type { Store } from '../../src/store/store.js';
import { layout } from '../support/changes.js';
import { exchange } from '../support/exchange.js';
import { type Mongo, startMongo } from '../support/mongod.js';
import { queryOf } from '../support/queries.js';
import { createRandom } from '../support/random.js';
import { spawnServer } from '../support/spawn.js';
import { costOf } from '../support/cost.js';
import { percentile } from './drive.js';
import { fill, STEP } from './growth-load.js';
import { SHAPES, type Shape } from './growth-shapes.js';
import { syntheaKeys } from './growth-keys.js';
import { mongoSpace } from './mongo-space.js';
import { keep, table } from './report.js';

const PAGE = 50;
const DATABASE = 'growth';
const WARM_UP = 20;
const say = (text: string) => process.stdout.write(`${text}\n`);

interface Options {
  readonly stores: readonly ('embedded' | 'mongo')[];
  readonly sizes: readonly number[];
  readonly shapes: readonly Shape[];
  readonly samples: number;
  /** ms per shape. */
  readonly patience: number;
  readonly http: boolean;
  readonly rate: boolean;
}

/** One shape at one size. */
interface Sample {
  readonly shape: string;
  readonly patients: number;
  readonly samples: number;
  /** ms. */
  readonly p50: number;
  readonly p95: number;
  /** µs per question, of all threads and of mongod. */
  readonly cpu: number;
  readonly rows: number;
  readonly skipped?: string;
}

type Ask = (search: string) => Promise<number>;

/** Asks through the port; gives the number of rows. */
const throughPort =
  (store: Store): Ask =>
  async search => {
    const [type = '', id] = search.split('/');
    if (id !== undefined && !search.includes('?')) return (await store.read(type, id)) ? 1 : 0;
    return (await store.find({ ...queryOf(search), limit: PAGE })).rows.length;
  };

/** Throws the reason where the server does not understand. */
const overHttp =
  (port: number): Ask =>
  async search => {
    const path = `/fhir/${search}&_count=${PAGE}`.replaceAll('|', '%7C');
    const { status, body } = await exchange(port, { method: 'GET', path });
    const answer = JSON.parse(body.toString()) as { entry?: unknown[]; issue?: { details?: { text?: string } }[] };
    if (status !== 200) throw new Error(`${status}: ${answer.issue?.[0]?.details?.text ?? ''}`);
    return answer.entry?.length ?? 0;
  };

async function measure(
  shape: Shape,
  patients: number,
  ask: Ask,
  pids: readonly number[],
  options: Options,
): Promise<Sample> {
  const { samples, patience } = options;
  const random = createRandom(patients);
  const cpu = () => pids.reduce((sum, pid) => sum + (costOf(pid)?.cpu ?? NaN), 0);
  const base = { shape: shape.name, patients };
  try {
    const end = performance.now() + patience;
    for (let i = 0; i < WARM_UP && performance.now() < end - patience / 2; i++) await ask(shape.ask(random, patients));
    const before = cpu();
    const times: number[] = [];
    let most = 0;
    for (let i = 0; i < samples && (i < 3 || performance.now() < end); i++) {
      const search = shape.ask(random, patients);
      const began = performance.now();
      const rows = await ask(search);
      times.push(performance.now() - began);
      most = Math.max(most, rows);
      if (rows < shape.least) throw new Error(`${rows} rows, expected at least ${shape.least}: ${search}`);
    }
    const sorted = Float64Array.from(times).toSorted();
    return {
      ...base,
      samples: times.length,
      p50: percentile(sorted, 0.5),
      p95: percentile(sorted, 0.95),
      cpu: (cpu() - before) / times.length,
      rows: most,
    };
  } catch (error) {
    return { ...base, samples: 0, p50: NaN, p95: NaN, cpu: NaN, rows: 0, skipped: (error as Error).message };
  }
}

interface Result {
  readonly samples: readonly Sample[];
  readonly rates: readonly number[];
  readonly resources: number;
  readonly bytes: number;
}

async function grow(kind: 'embedded' | 'mongo', options: Options, mongo: Mongo | undefined): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-growth-'));
  const file = join(folder, 'chartroom.db');
  const url = mongo?.database(DATABASE);
  const open = async (): Promise<Store> => {
    const store =
      url === undefined ? await openEmbedded({ file, layout }) : await openMongo({ url, layout, maxTimeMS: 120_000 });
    await store.migrate();
    return store;
  };
  const mongod = mongo?.pid();
  const others = mongod === undefined ? [] : [mongod];
  const samples: Sample[] = [];
  const rates: number[] = [];
  let loaded = 0;
  let resources = 0;
  try {
    for (const patients of options.sizes) {
      const store = await open();
      try {
        const began = performance.now();
        const filled = await fill(store, loaded, patients, resources);
        say(
          `${kind}: ${patients} patients, ${filled.resources} resources; ${((performance.now() - began) / 1000).toFixed(0)} s to load`,
        );
        rates.push(...filled.rates);
        resources = filled.resources;
        loaded = patients;
        for (const shape of options.shapes.filter(each => !each.http))
          samples.push(await measure(shape, patients, throughPort(store), [process.pid, ...others], options));
      } finally {
        await store.close();
      }
      const shapes = options.shapes.filter(each => each.http);
      if (!options.http || shapes.length === 0) continue;
      const server = await spawnServer({ CHARTROOM_STORE: url ?? 'embedded', CHARTROOM_DATA: folder });
      try {
        for (const shape of shapes)
          samples.push(await measure(shape, patients, overHttp(server.port), [server.pid, ...others], options));
      } finally {
        await server.kill('SIGTERM');
      }
    }
    const bytes =
      url === undefined
        ? statSync(file).size / resources
        : bytesOf((await mongoSpace(url)).collections['resource']) / resources;
    return { samples, rates, resources, bytes };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** On the disk: documents and indexes. */
function bytesOf(collection: unknown): number {
  const { storageSize = 0, indexSizes = {} } = collection as {
    storageSize?: number;
    indexSizes?: Record<string, number>;
  };
  return storageSize + Object.values(indexSizes).reduce((sum, size) => sum + size, 0);
}

const fine = (value: number) => (Number.isFinite(value) ? value.toFixed(value < 10 ? 2 : 1) : '-');

function growthTable(store: string, { sizes, shapes }: Options, { samples }: Result): string {
  const head = [
    'store',
    'shape',
    ...sizes.flatMap(size => [`p50 ${size}`, 'p95', 'CPU µs']),
    'rows',
    '× p50',
    '× CPU',
    '',
  ];
  const rows = shapes.map(shape => {
    const own = sizes.map(size => samples.find(one => one.shape === shape.name && one.patients === size));
    const [first, last] = [own[0], own.at(-1)];
    const skipped = own.find(one => one?.skipped !== undefined)?.skipped;
    return [
      store,
      shape.name,
      ...own.flatMap(one => (one ? [fine(one.p50), fine(one.p95), one.cpu.toFixed(0)] : ['', '', ''])),
      String(last?.rows ?? ''),
      first && last ? (last.p50 / first.p50).toFixed(2) : '',
      first && last ? (last.cpu / first.cpu).toFixed(2) : '',
      skipped ? `left out: ${skipped.slice(0, 110)}` : (shape.grows ?? ''),
    ];
  });
  return table(head, rows);
}

function readOptions(): Options & { readonly keys: boolean } {
  const { values } = parseArgs({
    options: {
      store: { type: 'string', default: 'both' },
      sizes: { type: 'string', default: '1000,4000,16000' },
      only: { type: 'string' },
      samples: { type: 'string', default: '200' },
      patience: { type: 'string', default: '10' },
      'no-http': { type: 'boolean', default: false },
      rate: { type: 'boolean', default: false },
      keys: { type: 'boolean', default: false },
    },
  });
  const sizes = values.sizes.split(',').map(Number);
  if (!sizes.every((size, i) => size >= 1000 && size <= 64_000 && size > (sizes[i - 1] ?? 0)))
    throw new Error('--sizes are ascending numbers of patients from 1000 to 64000.');
  if (!['embedded', 'mongo', 'both'].includes(values.store)) throw new Error('--store is embedded, mongo or both.');
  const only = values.only?.split(';');
  return {
    stores: values.store === 'both' ? ['embedded', 'mongo'] : [values.store as 'embedded' | 'mongo'],
    sizes,
    shapes: SHAPES.filter(({ name }) => only?.includes(name) ?? true),
    samples: Number(values.samples),
    patience: Number(values.patience) * 1000,
    http: !values['no-http'],
    rate: values.rate,
    keys: values.keys,
  };
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options.keys) {
    say(syntheaKeys() ?? 'The data of synthea-bench is not here.');
    return;
  }
  const results: Record<string, Result> = {};
  for (const store of options.stores) {
    const mongo = store === 'mongo' ? await startMongo({ cacheGigabytes: 2 }) : undefined;
    if (mongo && 'skipped' in mongo) {
      say(`MongoDB is left out: ${mongo.skipped}`);
      continue;
    }
    try {
      const result = await grow(store, options, mongo);
      results[store] = result;
      say(`\n${growthTable(store, options, result)}\n`);
      say(`${store}: ${result.bytes.toFixed(0)} bytes a resource on the disk`);
      const [, second] = result.rates;
      if (options.rate && second !== undefined)
        say(
          `resources/s of each ${STEP}: ${result.rates.map(rate => rate.toFixed(0)).join(' ')}; the last ${((result.rates.at(-1)! / second) * 100).toFixed(0)} % of the second`,
        );
    } finally {
      await mongo?.stop();
    }
  }
  const { shapes, ...kept } = options;
  say(
    `Kept in ${keep('bench-results', { growth: true, options: { ...kept, shapes: shapes.map(({ name }) => name) }, results })}`,
  );
}

await main();
