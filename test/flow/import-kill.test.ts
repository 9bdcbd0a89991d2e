/** kill -9 amid a file that is loaded over HTTP: every line is there once, although none has an id, and what came of it is told. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Bundle, Parameters } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { storesInTurn } from '../support/both-stores.js';
import { depthOf } from '../support/depth.js';
import { freePort } from '../support/mongod.js';
import { endJobLease } from '../support/leases.js';
import { createRandom } from '../support/random.js';
import { newStore } from '../support/server.js';
import { type SpawnedServer, spawnServer } from '../support/spawn.js';
import { talkTo } from '../support/talk.js';

const KILLS = depthOf('IMPORT_KILLS');
/** Lines for each kill: some steps of 200. */
const LINES = 1500 * KILLS;

for (const store of storesInTurn(0))
  describe(`a file that is loaded over HTTP (${store} store)`, () => {
    let data: string | undefined;
    let url = '';
    let start: () => Promise<SpawnedServer>;
    let server: SpawnedServer | undefined;

    before(async function () {
      url = await newStore(this, store);
      data = mkdtempSync(join(tmpdir(), 'chartroom-import-kill-'));
      const env = { CHARTROOM_STORE: url, CHARTROOM_DATA: data, CHARTROOM_PORT: String(await freePort()) };
      start = () => spawnServer(env);
    });
    after(async () => {
      await server?.kill('SIGKILL');
      if (data !== undefined) rmSync(data, { recursive: true, force: true });
    });

    it(`is loaded once in ${KILLS} kills`, async () => {
      const random = createRandom(store.length);
      server = await start();
      const talk = talkTo(server.base);
      const line = (value: number) =>
        JSON.stringify({ resourceType: 'Patient', identifier: [{ system: 'urn:line', value: String(value) }] });
      const body = Array.from({ length: LINES }, (_, i) => line(i)).join('\n');
      const asked = await talk.send('POST', '$import', {
        headers: { 'content-type': 'application/fhir+ndjson' },
        body,
      });
      assert.equal(asked.status, 202, asked.text);
      const at = asked.header('content-location')!;
      const reached = async () => (await talk.search('Patient?_summary=count')).total ?? 0;
      for (let kill = 1; kill <= KILLS; kill++) {
        // Somewhere in the next steps, however fast they are.
        const goal = (await reached()) + random.below(600);
        while ((await reached()) < Math.min(goal, LINES)) await pause(5);
        await server.kill('SIGKILL');
        await endJobLease(url);
        server = await start();
      }
      let reply = await talk.get<Bundle<Parameters>>(at);
      for (; reply.status === 202; reply = await talk.get(at)) await pause(50);
      assert.equal(reply.status, 200, reply.text);
      const told = reply.body.entry![0]!.resource!.parameter!.map(({ name, valueInteger }) => [name, valueInteger]);
      assert.deepEqual(told, [
        ['loaded', LINES],
        ['refused', 0],
      ]);
      assert.equal(await reached(), LINES);
      for (const value of [0, 199, 200, LINES - 1])
        assert.equal(
          (await talk.search(`Patient?identifier=urn:line|${value}&_summary=count`)).total,
          1,
          String(value),
        );
    });
  });
