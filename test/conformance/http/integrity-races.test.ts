/**
 * Who refers to a patient while it is deleted: never is a live resource left whose patient is deleted. On both stores, and on
 * MongoDB with two processes. https://hl7.org/fhir/R4/http.html#integrity
 */
import assert from 'node:assert/strict';
import type { Observation, Patient } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { FULL } from '../../support/depth.js';
import { newStore, STORES } from '../../support/server.js';
import { spawnServer, type SpawnedServer } from '../../support/spawn.js';
import { type Talk, talkTo } from '../../support/talk.js';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROUNDS = FULL ? 20 : 2;
const CREATES = FULL ? 32 : 12;

const patient = (id: string): Patient => ({ resourceType: 'Patient', id });
const observation = (id: string, subject: string): Observation => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'weight' },
  subject: { reference: `Patient/${subject}` },
});

interface Round {
  readonly deletion: number;
  readonly creations: readonly number[];
}

/** Creations through all servers, the deletion through the last, in the midst of them. */
async function race(talks: readonly Talk[], id: string, path: string): Promise<Round> {
  const at = Math.floor(Math.random() * CREATES);
  let deletion: Promise<{ status: number }> | undefined;
  const creations: Promise<{ status: number }>[] = [];
  for (let i = 0; i < CREATES; i++) {
    if (i === at) deletion = talks.at(-1)!.delete(path);
    creations.push(talks[i % talks.length]!.update(observation(`${id}-${i}`, id)));
  }
  const statuses = (await Promise.all(creations)).map(({ status }) => status);
  return { deletion: (await deletion!).status, creations: statuses };
}

for (const store of STORES)
  describe(`references to what is deleted at the same time (${store})`, () => {
    const servers: SpawnedServer[] = [];
    const folders: string[] = [];
    let talks: Talk[] = [];

    before(async function () {
      const name = await newStore(this, store);
      for (let i = 0; i < (store === 'mongo' ? 2 : 1); i++) {
        const folder = mkdtempSync(join(tmpdir(), 'chartroom-race-'));
        folders.push(folder);
        servers.push(
          await spawnServer({ CHARTROOM_STORE: name, CHARTROOM_DATA: folder, CHARTROOM_INTEGRITY: 'enforce' }),
        );
      }
      talks = servers.map(({ base }) => talkTo(base));
    });
    after(async () => {
      for (const server of servers) await server.kill('SIGTERM');
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    });

    it('are all there or none, as the patient is', async () => {
      const [talk] = talks;
      for (let round = 0; round < ROUNDS; round++) {
        const id = `r${round}`;
        assert.equal((await talk!.update(patient(id))).status, 201);
        const { deletion, creations } = await race(talks, id, `Patient/${id}`);
        assert.ok([204, 409].includes(deletion), `the deletion answered ${deletion}`);
        for (const status of creations) assert.ok([201, 422].includes(status), `a creation answered ${status}`);
        const made = creations.filter(status => status === 201).length;
        assert.equal(made, deletion === 204 ? 0 : CREATES, `the patient's deletion answered ${deletion}`);
        assert.equal((await talk!.get(`Patient/${id}`)).status, deletion === 204 ? 410 : 200);
        assert.equal((await talk!.search(`Observation?subject=Patient/${id}&_summary=count`)).total, made);
      }
    });

    it('go along in a cascade, or come too late', async () => {
      const [talk] = talks;
      for (let round = 0; round < Math.ceil(ROUNDS / 4); round++) {
        const id = `c${round}`;
        await talk!.update(patient(id));
        const { deletion } = await race(talks, id, `Patient/${id}?_cascade=delete`);
        assert.equal(deletion, 204);
        assert.equal((await talk!.get(`Patient/${id}`)).status, 410);
        assert.equal((await talk!.search(`Observation?subject=Patient/${id}&_summary=count`)).total, 0);
      }
    });
  });
