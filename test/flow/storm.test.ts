/**
 * 64 callers who all want the same resource to exist, over and over: one of each is made, by three server processes on one
 * MongoDB, and by one on the embedded store.
 * https://hl7.org/fhir/R4/http.html#ccreate
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bundle, Patient } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { depthOf, FULL } from '../support/depth.js';
import { newStore, STORES } from '../support/server.js';
import { type SpawnedServer, spawnServer } from '../support/spawn.js';
import { type Talk, talkTo } from '../support/talk.js';

const KEYS = depthOf('STORM');
const CALLERS = depthOf('CROWD');
/** On one MongoDB database. */
const PROCESSES = FULL ? 3 : 2;
const SYSTEM = 'urn:storm';

for (const store of STORES)
  describe(`a storm of conditional creates (${store})`, () => {
    const servers: SpawnedServer[] = [];
    const folders: string[] = [];
    let talks: readonly Talk[] = [];
    before(async function () {
      const url = await newStore(this, store);
      for (let i = 0; i < (store === 'mongo' ? PROCESSES : 1); i++) {
        folders.push(mkdtempSync(join(tmpdir(), 'chartroom-storm-')));
        servers.push(await spawnServer({ CHARTROOM_STORE: url, CHARTROOM_DATA: folders[i]! }));
      }
      talks = servers.map(({ base }) => talkTo(base));
    });
    after(async () => {
      await Promise.all(servers.map(server => server.kill('SIGTERM')));
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    });

    it(`of ${CALLERS} for each of ${KEYS} makes exactly ${KEYS}`, async () => {
      const ids = new Set<string>();
      let made = 0;
      const caller = async (number: number) => {
        const talk = talks[number % talks.length]!;
        for (let key = 0; key < KEYS; key++) {
          const patient: Patient = { resourceType: 'Patient', identifier: [{ system: SYSTEM, value: String(key) }] };
          const reply = await talk.create(patient, { 'if-none-exist': `identifier=${SYSTEM}|${key}` });
          assert.ok([200, 201].includes(reply.status), reply.text);
          if (reply.status === 201) made += 1;
          ids.add(reply.body.id);
        }
      };
      await Promise.all(Array.from({ length: CALLERS }, (_, number) => caller(number)));
      const count = await talks[0]!.get<Bundle>(`Patient?identifier=${SYSTEM}|&_summary=count`);
      assert.deepEqual([made, ids.size, count.body.total], [KEYS, KEYS, KEYS]);
    });
  });
