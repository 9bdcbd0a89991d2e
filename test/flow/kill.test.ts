/**
 * `kill -9` while clients create, update and delete: what was acknowledged is there after the restart, exactly; what
 * was not is there wholly or not at all.
 */
import { equal, ok } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { storesInTurn } from '../support/both-stores.js';
import { depthOf } from '../support/depth.js';
import { exchange } from '../support/exchange.js';
import { freePort } from '../support/mongod.js';
import { createRandom, type Random } from '../support/random.js';
import { newStore, STORES } from '../support/server.js';
import { type SpawnedServer, spawnServer } from '../support/spawn.js';
import { JSON_TYPE } from './bad-input/bad-request.js';
import { checkHolding } from './kill/check.js';
import { type Holding, nextDeed, resourceOf, statusOf } from './kill/ledger.js';

const KILLS = Math.ceil(depthOf('KILLS') / STORES.length);
const CLIENTS = 12;

interface Client {
  readonly name: string;
  readonly own: Holding[];
  readonly random: Random;
  sent: number;
}

/** Writes until the server is gone. `acknowledged` is called after each answer. */
async function write(client: Client, port: number, touched: Set<Holding>, acknowledged: () => void): Promise<void> {
  for (;;) {
    const deed = nextDeed(client.own, client.random, `${client.name}x${++client.sent}z`);
    const { record, method, mark } = deed;
    touched.add(record);
    record.pending = { mark };
    const path = method === 'POST' ? `/fhir/${record.type}` : `/fhir/${record.type}/${record.id}`;
    const body = mark === undefined ? {} : { body: JSON.stringify(resourceOf(record, mark)) };
    const answer = await exchange(port, { method, path, headers: JSON_TYPE, ...body }).catch(() => undefined);
    if (!answer) return;
    // MongoDB keeps what a killed process had in its transaction for a while; nobody is told that such a write was kept.
    if (answer.status === 503) continue;
    equal(answer.status, statusOf(deed), `${method} ${path}: ${answer.body.toString()}`);
    equal(answer.headers.etag, `W/"${record.versions.length + 1}"`);
    if (method === 'POST') record.id = (JSON.parse(answer.body.toString()) as { id: string }).id;
    record.versions.push(mark);
    delete record.pending;
    acknowledged();
  }
}

/** Whatever was under way is checked, and a part of the rest. */
async function checkAll(port: number, holdings: Iterable<Holding>): Promise<void> {
  const chosen = [...holdings].filter(({ pending }, index) => pending !== undefined || index % 4 === 0);
  while (chosen.length > 0) await Promise.all(chosen.splice(0, 8).map(holding => checkHolding(port, holding)));
}

for (const store of storesInTurn(1))
  describe(`kill -9 (${store} store)`, () => {
    const random = createRandom(store.length);
    const clients: Client[] = Array.from({ length: CLIENTS }, (_, index) => ({
      name: `c${index}`,
      own: [],
      random: createRandom(index),
      sent: 0,
    }));
    let data: string;
    let start: () => Promise<SpawnedServer>;
    let server: SpawnedServer | undefined;

    before(async function () {
      const url = await newStore(this, store);
      data = mkdtempSync(join(tmpdir(), 'chartroom-kill-'));
      const port = String(await freePort());
      start = () => spawnServer({ CHARTROOM_STORE: url, CHARTROOM_DATA: data, CHARTROOM_PORT: port });
    });
    after(async () => {
      await server?.kill('SIGKILL');
      if (data !== undefined) rmSync(data, { recursive: true, force: true });
    });

    it(`loses and halves nothing in ${KILLS} kills`, async () => {
      server = await start();
      for (let kill = 1; kill <= KILLS; kill++) {
        const touched = new Set<Holding>();
        const running = server;
        let left = 5 + random.below(60);
        let killed: Promise<void> | undefined;
        const acknowledged = () => {
          if (--left <= 0) killed ??= running.kill('SIGKILL');
        };
        await Promise.all(clients.map(client => write(client, running.port, touched, acknowledged)));
        await killed;
        server = await start();
        await checkAll(server.port, touched);
      }
    });

    it('still holds everything after an orderly end', async () => {
      await server?.kill('SIGTERM');
      server = await start();
      const holdings = clients.flatMap(({ own }) => own);
      ok(
        holdings.filter(({ versions }) => versions.length > 1).length >= KILLS,
        'many resources have several versions',
      );
      await checkAll(
        server.port,
        holdings.filter((_, index) => index % 5 === 0),
      );
    });
  });
