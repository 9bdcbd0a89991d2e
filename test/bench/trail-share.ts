/**
 * What part of a request is its audit trail: `npm run bench:trail-share -- [embedded|mongo]`. The same requests to the same process, in turns with the commit of what the
 * trail keeps and without it, which nothing but this program can leave out. Told are µs of processor a request (of the server, and of the database), as a multiple of plain
 * Express in the same run, the part that the commit has, and what it costs beside that of a read.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Commit } from '../../src/store/store.js';
import { type Mongo, startMongo } from '../support/mongod.js';
import { costOf } from '../support/cost.js';
import { startServer } from '../support/server.js';
import { expressControl } from './controls.js';
import { drive } from './drive.js';
import { load } from './load.js';
import { table } from './report.js';
import { type Workload, workloads } from './workloads.js';

/** Twenty-six families: three patients each. */
const PATIENTS = 78;
const [ROUNDS, CALLERS] = [12, 16];
/** ms. */
const [WARM_UP, ROUND] = [8000, 1000];
const TOLD = new Set(['read', 'search-family', 'search-identifier', 'read-binary', 'create', 'update-spread']);
/** The word that the process of the server is started with. */
const SERVER = 'server';

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** Whoever has started it says by messages whether deeds are kept. */
async function serve(store: string): Promise<void> {
  const server = await startServer({ store });
  const { store: opened } = server.engine;
  const commit = opened.commit.bind(opened);
  let isKept = true;
  const without = (asked: Commit): Promise<void> => {
    const others = { ...asked, deeds: [] };
    const isEmpty = others.changes.length === 0 && !others.messages?.length && !others.acknowledges?.length;
    return isEmpty ? Promise.resolve() : commit(others);
  };
  Object.assign(opened, { commit: (asked: Commit) => (isKept ? commit(asked) : without(asked)) });
  process.on('message', (kept: boolean) => {
    isKept = kept;
    process.send!(kept);
  });
  process.on('disconnect', () => void server.stop().then(() => process.exit()));
  process.send!(server.port);
}

interface Shared {
  readonly kept: number;
  readonly without: number;
}

/** µs of processor a request, with and without. */
async function shareOf(child: ChildProcess, port: number, workload: Workload, mongod?: number): Promise<Shared> {
  const { next, status, callers = CALLERS } = workload;
  await workload.before?.(port);
  await drive({ port, callers, next, milliseconds: WARM_UP });
  const rounds: [number[], number[]] = [[], []];
  for (let round = 0; round < 2 * ROUNDS; round++) {
    const isKept = (round + (round >> 1)) % 2 === 0;
    child.send(isKept);
    await once(child, 'message');
    const before = [costOf(child.pid), costOf(mongod)];
    const { requests, statuses } = await drive({ port, callers, next, milliseconds: ROUND });
    const after = [costOf(child.pid), costOf(mongod)];
    if (statuses.get(status) !== requests) throw new Error(`${workload.name}: ${JSON.stringify([...statuses])}`);
    const spent = after.reduce((sum, cost, at) => sum + (cost?.cpu ?? 0) - (before[at]?.cpu ?? 0), 0);
    rounds[isKept ? 0 : 1].push(spent / requests);
  }
  return { kept: median(rounds[0]), without: median(rounds[1]) };
}

async function measureStore(store: string, mongo: Mongo | undefined): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), [SERVER, mongo?.database('trail-share') ?? 'embedded']);
  try {
    const [port] = (await once(child, 'message')) as [number];
    const timing = { callers: CALLERS, warmUp: WARM_UP, milliseconds: 4 * ROUND };
    const before = await expressControl(store, timing);
    const told = workloads(await load(port, PATIENTS)).filter(({ name }) => TOLD.has(name));
    const shares: (Shared & { readonly name: string })[] = [];
    for (const workload of told)
      shares.push({ name: workload.name, ...(await shareOf(child, port, workload, mongo?.pid())) });
    const after = await expressControl(store, timing);
    const unit = ((before.serverCpu ?? NaN) + (after.serverCpu ?? NaN)) / 2;
    const ofRead = shares.find(({ name }) => name === 'read')!;
    const rows = shares.map(({ name, kept, without }) => [
      ...[store, name, kept.toFixed(0), without.toFixed(0), (kept / unit).toFixed(2), (without / unit).toFixed(2)],
      `${(100 * (1 - without / kept)).toFixed(0)} %`,
      ((kept - without) / (ofRead.kept - ofRead.without)).toFixed(2),
    ]);
    const head = ['store', 'workload', 'CPU µs', 'without', '× express', 'without', 'share', '× read’s'];
    process.stdout.write(`plain express: ${unit.toFixed(0)} µs\n${table(head, rows)}\n`);
  } finally {
    child.disconnect();
    await once(child, 'exit');
  }
}

const [asked = 'embedded', store = ''] = process.argv.slice(2);
if (asked === SERVER) await serve(store);
else if (asked === 'mongo') {
  const mongo = await startMongo({ cacheGigabytes: 1 });
  if ('skipped' in mongo) throw new Error(mongo.skipped);
  try {
    await measureStore(asked, mongo);
  } finally {
    await mongo.stop();
  }
} else await measureStore(asked, undefined);
