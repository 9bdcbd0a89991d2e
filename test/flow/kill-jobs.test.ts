/**
 * `kill -9` and pauses amid the steps of jobs, with three processes (two at every change) on one MongoDB database, and one on an embedded store: whoever goes
 * on, every step has its effect once. A lease is ended in the database, not waited out.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Basic, Bundle } from 'fhir/r4.js';
import { after, afterEach, before, describe, it } from 'mocha';
import { storesInTurn } from '../support/both-stores.js';
import { depthOf, FULL, fullIt } from '../support/depth.js';
import { endJobLease } from '../support/leases.js';
import { createRandom } from '../support/random.js';
import { newStore } from '../support/server.js';
import { type SpawnedServer, spawnServer } from '../support/spawn.js';
import { talkTo } from '../support/talk.js';

/** Steps that are done at least between two of them, of each job. */
const STEPS_A_KILL = 6;
const JOBS = 2;
const PROGRAM = fileURLToPath(new URL('../../programs/job-program.js', import.meta.url));

for (const store of storesInTurn(0))
  describe(`kill -9 amid jobs (${store} store)`, () => {
    const random = createRandom(store.length + 7);
    const count = store === 'mongo' ? (FULL ? 3 : 2) : 1;
    const KILLS = Math.ceil(depthOf('JOB_KILLS') / (store === 'mongo' ? 1 : 3));
    let env: Record<string, string> = {};
    let data = '';
    let servers: SpawnedServer[] = [];

    before(async function () {
      const url = await newStore(this, store);
      data = mkdtempSync(join(tmpdir(), 'chartroom-jobs-'));
      env = { CHARTROOM_STORE: url, CHARTROOM_DATA: data, GATE: join(data, 'gate') };
    });
    afterEach(async () => {
      await Promise.all(servers.map(server => server.kill('SIGKILL')));
      servers = [];
    });
    after(() => {
      if (data !== '') rmSync(data, { recursive: true, force: true });
    });

    const start = () => spawnServer(env, [], PROGRAM);
    const talk = (server = servers[0]!) => talkTo(server.base);
    const begin = async (kind: string, steps: number): Promise<string> =>
      (await fetch(`http://127.0.0.1:${servers[0]!.port}/jobs/${kind}/${steps}`, { method: 'POST' })).text();

    const endLease = () => endJobLease(env['CHARTROOM_STORE']!);

    /** How many steps are done, as noted; undefined: it is through. */
    async function doneBy(id: string): Promise<number | undefined> {
      const reply = await talk().get(`$jobs-status?job=${id}`);
      // What a killed process had in its transaction is held for a moment more.
      if (reply.status === 503) return 0;
      assert.ok(reply.status === 202 || reply.status === 200, reply.text);
      return reply.status === 200 ? undefined : Number(/^\d*/.exec(reply.header('x-progress') ?? '')?.[0]);
    }
    async function untilDone(ids: readonly string[], least: number): Promise<void> {
      for (const id of ids) {
        let done = await doneBy(id);
        for (; done !== undefined && done < least; done = await doneBy(id)) await pause(50);
      }
    }

    /** The process that works on jobs; while none does, any. */
    async function holder(): Promise<SpawnedServer> {
      for (const server of servers) {
        const metrics = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
        if (/^chartroom_jobs\{kind="numbering"/m.test(metrics)) return server;
      }
      return random.pick(servers);
    }

    /** How often each step of a job has had its effect. */
    async function effectsOf(id: string, steps: number): Promise<number[]> {
      const effects = Array.from({ length: steps }, () => 0);
      let next: string | undefined = 'Basic?identifier=urn:numbered|&_count=500&_elements=identifier';
      while (next !== undefined) {
        const { entry = [], link = [] }: Bundle<Basic> = await talk().search<Basic>(next);
        for (const { resource } of entry) {
          const [job, at] = (resource?.identifier?.[0]?.value ?? '').split('-');
          if (job === id) effects[Number(at)]! += 1;
        }
        next = link.find(({ relation }) => relation === 'next')?.url;
      }
      return effects;
    }

    it(`has every step done once in ${KILLS} kills and pauses`, async () => {
      servers = await Promise.all(Array.from({ length: count }, start));
      const steps = (KILLS + 2) * STEPS_A_KILL;
      const ids = await Promise.all(Array.from({ length: JOBS }, () => begin('numbering', steps)));
      for (let kill = 1; kill <= KILLS; kill++) {
        await untilDone(ids, kill * STEPS_A_KILL);
        await pause(random.below(40));
        const victim = await holder();
        servers = servers.filter(server => server !== victim);
        if (count > 1 && kill % 3 === 0) {
          process.kill(victim.pid, 'SIGSTOP');
          await endLease();
          // Others have gone on for some steps when it comes back, in the middle of one.
          await untilDone(ids, kill * STEPS_A_KILL + 3);
          process.kill(victim.pid, 'SIGCONT');
          servers.push(victim);
        } else {
          await victim.kill('SIGKILL');
          await endLease();
          servers.push(await start());
        }
      }
      await untilDone(ids, Infinity);
      for (const id of ids)
        assert.deepEqual(
          await effectsOf(id, steps),
          Array.from({ length: steps }, () => 1),
        );
    });

    fullIt('would have steps done twice that do not commit with their note', async () => {
      servers = [await start()];
      await endLease();
      const id = await begin('careless', 2);
      const isThere = async () => ((await talk().search(`Basic?identifier=urn:numbered|${id}-0`)).total ?? 0) > 0;
      while (!(await isThere())) await pause(20);
      await servers[0]!.kill('SIGKILL');
      await endLease();
      writeFileSync(env['GATE']!, '');
      servers = [await start()];
      await untilDone([id], Infinity);
      assert.deepEqual(await effectsOf(id, 2), [2, 1]);
    });
  });
