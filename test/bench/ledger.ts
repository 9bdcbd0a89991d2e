/**
 * What the ledger costs: `npm run bench:ledger -- [embedded|mongo|verify]`. Deeds of reads are committed alone by 16 callers, with the ledger and without
 * it, in turns; on MongoDB also by four processes with 16 callers each. Told are µs of processor a deed (of whoever writes, and of the
 * database), bytes of a deed on the disk, and the speed with the ledger by that without, as the median of pairs of rounds.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createDeedMaker } from '../../src/audit/trail/deed.js';
import { openEmbedded } from '../../src/store/embedded/index.js';
import { openMongo } from '../../src/store/mongo/index.js';
import type { Deed } from '../../src/store/deeds.js';
import type { Store } from '../../src/store/store.js';
import { layout } from '../support/changes.js';
import { costOf } from '../support/cost.js';
import { startMongo } from '../support/mongod.js';
import { measureVerify } from './ledger-verify.js';
import { spaceOf } from './mongo-space.js';

const [ROUNDS, DEEDS, CALLERS, WRITERS] = [24, 4000, 16, 4];
/** The word that a process of a writer is started with. */
const WRITER = 'writer';
/** One that got its word tells that it is there. */
const READY = 'ready';

const at = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * part)]!;

const make = createDeedMaker();
let made = 0;
const deedOfRead = (): Deed => {
  const patient = `p${made++ % 20_000}`;
  return make({
    ...{ at: Date.now(), interaction: 'read', pattern: 'read', outcome: '0', base: 'http://localhost:8080/fhir' },
    ...{
      principal: { role: 'clinician', name: `user-${made % 50}` },
      address: '127.0.0.1',
      requestId: crypto.randomUUID(),
    },
    ...{ request: '', patients: [patient], data: { type: 'Observation', id: `o${made}`, version: 1 } },
  });
};

/** Gives µs of processor of this process. */
async function write(store: Store, count: number): Promise<number> {
  const deeds = Array.from({ length: count }, deedOfRead);
  const before = process.cpuUsage();
  let next = 0;
  const call = async (): Promise<void> => {
    while (next < count) await store.commit({ changes: [], deeds: [deeds[next++]!] });
  };
  await Promise.all(Array.from({ length: CALLERS }, call));
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

async function prepare(store: Store, isSealed: boolean): Promise<void> {
  await store.migrate();
  await store.deeds.keepShapes([deedOfRead().shape]);
  if (isSealed) await store.deeds.openLedger({ key: 'key', process: 'bench', heads: [] });
}

/** With the ledger, or without it. */
interface Side {
  /** Writes DEEDS deeds; gives µs of processor, but for the database. */
  readonly round: () => Promise<number>;
  readonly bytes: () => Promise<number>;
  readonly close: () => Promise<unknown>;
}

async function compare(title: string, sides: readonly [Side, Side], database?: number): Promise<void> {
  const measured = async ({ round }: Side): Promise<{ readonly cpu: number; readonly time: number }> => {
    const [theirs, began] = [costOf(database), performance.now()];
    const mine = await round();
    const time = performance.now() - began;
    return { cpu: (mine + (costOf(database)?.cpu ?? 0) - (theirs?.cpu ?? 0)) / DEEDS, time };
  };
  for (const side of sides) await measured(side);
  const before = await Promise.all(sides.map(({ bytes }) => bytes()));
  const cpu: [number[], number[]] = [[], []];
  const speed: number[] = [];
  for (let turn = 0; turn < ROUNDS; turn++) {
    const times = [0, 0];
    for (const which of turn % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const one = await measured(sides[which]);
      cpu[which].push(one.cpu);
      times[which] = one.time;
    }
    speed.push(times[0]! / times[1]!);
  }
  const grown = (await Promise.all(sides.map(({ bytes }) => bytes()))).map(
    (now, i) => (now - before[i]!) / (ROUNDS * DEEDS),
  );
  const told = cpu.map(values => `${at(values, 0.5).toFixed(1)} (best quarter ${at(values, 0.25).toFixed(1)})`);
  process.stdout.write(
    `${title}: µs of processor a deed without ${told[0]}, with ${told[1]}; speed with by that without ${at(speed, 0.5).toFixed(3)} ` +
      `(quarters ${at(speed, 0.25).toFixed(3)}, ${at(speed, 0.75).toFixed(3)}); bytes a deed ${grown.map(each => each.toFixed(0)).join(', ')}\n`,
  );
}

async function embedded(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-bench-'));
  const side = async (isSealed: boolean): Promise<Side> => {
    const file = join(folder, String(isSealed));
    const store = await openEmbedded({ file, layout });
    await prepare(store, isSealed);
    return { round: () => write(store, DEEDS), bytes: async () => statSync(file).size, close: () => store.close() };
  };
  const sides = [await side(false), await side(true)] as const;
  await compare('embedded', sides);
  for (const { close } of sides) await close();
  rmSync(folder, { recursive: true, force: true });
}

async function mongoSide(url: string, writers: number, isSealed: boolean): Promise<Side> {
  const bytes = (): Promise<number> => spaceOf(url);
  if (writers === 1) {
    const store = await openMongo({ url, layout });
    await prepare(store, isSealed);
    return { bytes, round: () => write(store, DEEDS), close: () => store.close() };
  }
  const answer = async (child: ChildProcess): Promise<unknown> => (await once(child, 'message'))[0];
  const children: ChildProcess[] = [];
  for (let i = 0; i < writers; i++) {
    const child = fork(fileURLToPath(import.meta.url), [WRITER, url, String(isSealed)]);
    if ((await answer(child)) !== READY) throw new Error('A writer did not start.');
    children.push(child);
  }
  const round = async (): Promise<number> => {
    const costs = await Promise.all(
      children.map(child => {
        child.send(DEEDS / writers);
        return answer(child);
      }),
    );
    return costs.reduce<number>((sum, cost) => sum + Number(cost), 0);
  };
  const close = async (): Promise<void> => {
    for (const child of children) child.disconnect();
    await Promise.all(children.map(child => once(child, 'exit')));
  };
  return { bytes, round, close };
}

async function mongo(): Promise<void> {
  const server = await startMongo();
  if ('skipped' in server) throw new Error(server.skipped);
  for (const writers of [1, WRITERS]) {
    const side = (isSealed: boolean): Promise<Side> =>
      mongoSide(server.database(`ledger_${isSealed}_${writers}`), writers, isSealed);
    const sides = [await side(false), await side(true)] as const;
    await compare(`MongoDB, ${writers === 1 ? 'one process' : `${writers} processes`}`, sides, server.pid());
    for (const { close } of sides) await close();
  }
  await server.stop();
}

/** A process of its own: writes as often as it is asked. */
async function beWriter(url: string, isSealed: boolean): Promise<void> {
  const store = await openMongo({ url, layout });
  await prepare(store, isSealed);
  process.on('message', count => void write(store, Number(count)).then(cost => process.send!(cost)));
  process.once('disconnect', () => void store.close());
  process.send!(READY);
}

const [which = 'embedded', url, isSealed] = process.argv.slice(2);
if (which === WRITER) await beWriter(url!, isSealed === 'true');
else if (which === 'mongo') await mongo();
else if (which === 'verify') await measureVerify(Number(url ?? 1_000_000));
else await embedded();
