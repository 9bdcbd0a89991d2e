/**
 * Whether a trail is written as fast when it is large: `npm run bench:trail-growth -- [millions] [embedded|mongo] [events a step]`. Deeds of reads are committed
 * with the ledger by 16 callers, each alone, which the store puts in groups. Told are of each step (a million, unless it is said otherwise) events a second, µs of
 * processor an event of the process and of the database, and bytes of an event on the disk with its keys; at the end the speed of the last step by that of the first.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDeedMaker } from '../../src/audit/trail/deed.js';
import { openEmbedded } from '../../src/store/embedded/index.js';
import { openMongo } from '../../src/store/mongo/index.js';
import type { Deed } from '../../src/store/deeds.js';
import type { Store } from '../../src/store/store.js';
import { layout } from '../support/changes.js';
import { costOf } from '../support/cost.js';
import { startMongo } from '../support/mongod.js';
import { spaceOf } from './mongo-space.js';

const [millions = '10', kind = 'embedded', step = '1000000'] = process.argv.slice(2);
const [EVENTS, STEP] = [Number(millions) * 1_000_000, Number(step)];
const CALLERS = 16;
/** As many as a site of some size has. */
const [USERS, PATIENTS] = [2000, 100_000];
const GOALS = { speed: 0.9, bytes: 350 };

const make = createDeedMaker();
let made = 0;
/** One of each user and patient in turn, so that keys come everywhere in their index. */
function deedOfRead(): Deed {
  made += 1;
  const [user, patient] = [(made * 7) % USERS, (made * 7919) % PATIENTS];
  return make({
    ...{ at: Date.now(), interaction: 'read', pattern: 'read', outcome: '0', base: 'http://localhost:8080/fhir' },
    ...{ principal: { role: 'clinician', name: `user-${user}` }, address: '127.0.0.1', request: '' },
    requestId: crypto.randomUUID(),
    ...{ patients: [`p${patient}`], data: { type: 'Observation', id: `o${made}`, version: 1 } },
  });
}

async function write(store: Store, count: number): Promise<void> {
  let left = count;
  const call = async (): Promise<void> => {
    while (left-- > 0) await store.commit({ changes: [], deeds: [deedOfRead()] });
  };
  await Promise.all(Array.from({ length: CALLERS }, call));
}

interface Growing {
  readonly store: Store;
  /** Of the database. */
  readonly pid?: number | undefined;
  readonly bytes: () => Promise<number>;
  readonly close: () => Promise<void>;
}

async function embedded(): Promise<Growing> {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-bench-'));
  const store = await openEmbedded({ file: join(folder, 'trail.db'), layout });
  return {
    store,
    bytes: async () => readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0),
    close: async () => {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function mongo(): Promise<Growing> {
  const server = await startMongo();
  if ('skipped' in server) throw new Error(server.skipped);
  const url = server.database('trail_growth');
  const store = await openMongo({ url, layout });
  return {
    ...{ store, pid: server.pid(), bytes: () => spaceOf(url) },
    close: async () => {
      await store.close();
      await server.stop();
    },
  };
}

const { store, pid, bytes, close } = await (kind === 'mongo' ? mongo() : embedded());
try {
  await store.migrate();
  await store.deeds.keepShapes([deedOfRead().shape]);
  await store.deeds.openLedger({ key: 'key', process: 'bench', heads: [] });
  await write(store, Math.min(20_000, STEP));
  const empty = await bytes();
  const speeds: number[] = [];
  for (let written = 0; written < EVENTS; written += STEP) {
    const [began, mine, theirs] = [performance.now(), process.cpuUsage(), costOf(pid)?.cpu ?? 0];
    await write(store, STEP);
    const { user, system } = process.cpuUsage(mine);
    const speed = STEP / ((performance.now() - began) / 1000);
    speeds.push(speed);
    const database = pid === undefined ? '' : `, database ${(((costOf(pid)?.cpu ?? 0) - theirs) / STEP).toFixed(1)}`;
    const size = ((await bytes()) - empty) / (written + STEP);
    process.stdout.write(
      `${written + STEP} events: ${speed.toFixed(0)} a second, µs of processor an event ${((user + system) / STEP).toFixed(1)}${database}, ` +
        `${size.toFixed(0)} bytes an event${size <= GOALS.bytes ? '' : ` (MORE THAN ${GOALS.bytes})`}\n`,
    );
  }
  const kept = speeds.at(-1)! / speeds[0]!;
  process.stdout.write(
    `the last step by the first: ${kept.toFixed(3)}${kept >= GOALS.speed ? '' : ` (LESS THAN ${GOALS.speed})`}\n`,
  );
} finally {
  await close();
}
