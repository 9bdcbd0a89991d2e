/** The memory that costly searches take, of a server that is a process of its own and has some data. In a full run only. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { ALLOWED, REFUSED } from '../support/costly.js';
import { FULL } from '../support/depth.js';
import { newStore, STORES } from '../support/server.js';
import { type SpawnedServer, spawnServer } from '../support/spawn.js';
import { talkTo } from '../support/talk.js';

const RESOURCES = 20_000;
const LOT = 2000;
/** Most of it is what the definitions and the validators take. */
const MOST_MB = 700;

const peakOf = ({ pid }: SpawnedServer): number =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

const observation = (i: number) => ({
  resourceType: 'Observation',
  id: `o${i}`,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: `${1000 + (i % 300)}-1`, display: `Thing ${i % 300}` }] },
  subject: { reference: `Patient/p${i % 1000}` },
  effectiveDateTime: new Date(Date.UTC(2020, 0, 1) + i * 3_600_000).toISOString(),
  valueQuantity: { value: i % 500, unit: 'mg', system: 'http://unitsofmeasure.org', code: 'mg' },
});

for (const store of STORES)
  describe(`costly searches in a process of its own (${store})`, () => {
    let server: SpawnedServer;
    const folder = mkdtempSync(join(tmpdir(), 'chartroom-costly-'));

    before('starts and loads', async function () {
      if (!FULL || process.platform !== 'linux') return this.skip();
      server = await spawnServer({ CHARTROOM_STORE: await newStore(this, store), CHARTROOM_DATA: folder });
      const talk = talkTo(server.base);
      for (let at = 0; at < RESOURCES; at += LOT) {
        const entry = Array.from({ length: LOT }, (_, i) => observation(at + i)).map(resource => ({
          resource,
          request: { method: 'PUT', url: `Observation/${resource.id}` },
        }));
        const reply = await talk.send('POST', '', {
          headers: { 'content-type': 'application/fhir+json' },
          body: JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry }),
        });
        assert.equal(reply.status, 200);
      }
    });
    after(async () => {
      if (server) await server.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    });

    for (const { name, type, parameters } of [...REFUSED, ...ALLOWED])
      it(name, async () => {
        const reply = await talkTo(server.base).send('POST', `${type === '' ? '' : `${type}/`}_search`, {
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: new URLSearchParams(parameters.map(([key, value]): [string, string] => [key, value])).toString(),
        });
        assert.ok(reply.status === 200 || reply.status === 400, reply.text);
        assert.ok(peakOf(server) < MOST_MB, `${peakOf(server)} MB`);
      });
  });
