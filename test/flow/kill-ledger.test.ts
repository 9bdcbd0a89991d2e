/**
 * `kill -9` at random times under load, of several processes on one MongoDB, of one on a file: every request that was answered has its sealed
 * deed, and whoever verifies the trail afterwards blames nobody.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { ShapeBook } from '../../src/audit/ledger/shape-book.js';
import { verifyStore } from '../../src/cli/audit-ledger.js';
import { deedsIn } from '../../src/store/deeds.js';
import { storesInTurn } from '../support/both-stores.js';
import { depthOf } from '../support/depth.js';
import { exchange } from '../support/exchange.js';
import { sealedRows } from '../support/ledger.js';
import { createRandom, type Random } from '../support/random.js';
import { newStore, startServer, STORES } from '../support/server.js';
import { spawnServer } from '../support/spawn.js';
import { JSON_TYPE } from './bad-input/bad-request.js';

const KILLS = Math.ceil(depthOf('LEDGER_KILLS') / STORES.length);
/** On one MongoDB. */
const PROCESSES = Math.min(4, Math.max(2, Math.floor(KILLS / 10)));
const CLIENTS = 6;
const PATIENTS = 20;

/** Asks until the server is gone. Adds the ids of requests that were answered. */
async function ask(port: number, random: Random, name: string, answered: (id: string) => void): Promise<void> {
  for (let sent = 1; ; sent++) {
    const id = `kill-${random.below(PATIENTS)}`;
    const headers = { ...JSON_TYPE, 'x-request-id': `${name}-${sent}` };
    const isRead = random.chance(0.7);
    const sends = isRead ? { method: 'GET' } : { method: 'PUT', body: JSON.stringify({ resourceType: 'Patient', id }) };
    const answer = await exchange(port, { path: `/fhir/Patient/${id}`, headers, ...sends }).catch(() => undefined);
    if (!answer) return;
    if (answer.status === 503) continue;
    const expected = isRead ? [200, 404] : [200, 201, 409, 412];
    assert.ok(expected.includes(answer.status), `${sends.method}: ${answer.status} ${answer.body.toString()}`);
    answered(String(answer.headers['x-request-id']));
  }
}

for (const store of storesInTurn(0))
  describe(`the ledger through kill -9 (${store} store)`, () => {
    const slots = store === 'mongo' ? PROCESSES : 1;
    const folders = Array.from({ length: slots }, () => mkdtempSync(join(tmpdir(), 'chartroom-kill-ledger-')));
    const answered = new Set<string>();
    let url = '';
    let kills = 0;
    before(async function () {
      url = await newStore(this, store);
    });
    after(() => {
      for (const data of folders) rmSync(data, { recursive: true, force: true });
    });

    /** One process after the other in this place, each killed after some answers. */
    async function live(slot: number): Promise<void> {
      const random = createRandom(slot + store.length);
      for (let life = 0; kills < KILLS; life++) {
        kills += 1;
        const server = await spawnServer({ CHARTROOM_STORE: url, CHARTROOM_DATA: folders[slot]! });
        let left = random.below(200);
        let killed: Promise<void> | undefined;
        const done = (id: string): void => {
          answered.add(id);
          if (--left <= 0) killed ??= server.kill('SIGKILL');
        };
        await Promise.all(
          Array.from({ length: CLIENTS }, (_, client) =>
            ask(server.port, createRandom(client), `s${slot}l${life}c${client}`, done),
          ),
        );
        await killed;
      }
    }

    it(`has each answered request of ${KILLS} lives`, async () => {
      await Promise.all(folders.map((_, slot) => live(slot)));
      const data = folders[0]!;
      const server = await startServer({ store: url, config: { data } });
      try {
        // Of what died the first look tells on a file; on MongoDB silence has to last first.
        await server.engine.ledger.upkeep();
        await server.request.get('/fhir/Patient/none').expect(404);
        await server.engine.ledger.upkeep();
        const shapes = new ShapeBook();
        for (const { text } of await server.engine.store.deeds.shapes()) shapes.add(text);
        const left = new Set(answered);
        for await (const { bytes } of sealedRows(server.engine.store, 100))
          for (const deed of deedsIn(bytes)) left.delete(shapes.read(deed)?.record?.requestId ?? '');
        assert.deepEqual([...left], [], 'every answered request has its sealed deed');
        assert.ok(answered.size >= KILLS);
        const { findings } = await verifyStore(server.engine, data);
        assert.deepEqual(
          findings.named.filter(({ isWarning }) => !isWarning),
          [],
        );
      } finally {
        await server.stop();
      }
    });
  });
