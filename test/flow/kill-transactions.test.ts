/**
 * `kill -9` amid transactions: after the restart each is wholly there or not at all, an acknowledged one is there, and data
 * and audit trail agree.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Basic, Bundle } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { storesInTurn } from '../support/both-stores.js';
import { post, put, uuid } from '../support/bundles.js';
import { command } from '../support/cli.js';
import { depthOf, fullIt } from '../support/depth.js';
import { exchange } from '../support/exchange.js';
import { freePort } from '../support/mongod.js';
import { createRandom } from '../support/random.js';
import { newStore, STORES } from '../support/server.js';
import { type SpawnedServer, spawnServer } from '../support/spawn.js';

const KILLS = Math.ceil(depthOf('TRANSACTION_KILLS') / STORES.length);
const CALLERS = 6;
const OBSERVATIONS = 12;
const SYSTEM = 'urn:kill';
const FHIR = { 'content-type': 'application/fhir+json', accept: 'application/fhir+json' };

/** One patient, made only once; observations of it; and a new version of the caller's own resource. */
const transactionOf = (caller: string, mark: string): string =>
  JSON.stringify({
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [
      ...Array.from({ length: OBSERVATIONS }, () =>
        post({
          resourceType: 'Observation',
          status: 'final',
          code: { text: 'x' },
          subject: { reference: uuid(1) },
          identifier: [{ system: SYSTEM, value: mark }],
        }),
      ),
      put({ resourceType: 'Basic', id: caller, code: { text: 'x' }, identifier: [{ system: SYSTEM, value: mark }] }),
      post(
        { resourceType: 'Patient', identifier: [{ system: SYSTEM, value: mark }] },
        { fullUrl: uuid(1), ifNoneExist: `identifier=${SYSTEM}|${mark}` },
      ),
    ],
  });

for (const store of storesInTurn(0))
  describe(`kill -9 amid transactions (${store} store)`, () => {
    const random = createRandom(store.length + 1);
    /** Mark → whether it was acknowledged. */
    const sent = new Map<string, boolean>();
    let environment: Record<string, string>;
    let server: SpawnedServer | undefined;
    let data: string;

    before(async function () {
      const url = await newStore(this, store);
      data = mkdtempSync(join(tmpdir(), 'chartroom-kill-'));
      environment = { CHARTROOM_STORE: url, CHARTROOM_DATA: data, CHARTROOM_PORT: String(await freePort()) };
    });
    after(async () => {
      await server?.kill('SIGKILL');
      if (data !== undefined) rmSync(data, { recursive: true, force: true });
    });

    const get = async <T>(path: string): Promise<T> => {
      const { status, body } = await exchange(server!.port, { method: 'GET', path: `/fhir/${path}`, headers: FHIR });
      assert.equal(status, 200, body.toString());
      return JSON.parse(body.toString()) as T;
    };
    const total = async (type: string, mark: string): Promise<number> =>
      (await get<Bundle>(`${type}?identifier=${SYSTEM}|${mark}&_summary=count`)).total ?? 0;

    async function call(caller: string, port: number, acknowledged: () => void): Promise<void> {
      for (let n = 0; ; n++) {
        const mark = `${caller}-${sent.size}-${n}`;
        sent.set(mark, false);
        const request = { method: 'POST', path: '/fhir', headers: FHIR, body: transactionOf(caller, mark) };
        const answer = await exchange(port, request).catch(() => undefined);
        if (!answer) return;
        // What a killed process had in its transaction is held for a moment more.
        if (answer.status === 503) continue;
        assert.equal(answer.status, 200, answer.body.toString());
        sent.set(mark, true);
        acknowledged();
      }
    }

    it(`leaves all or nothing of each in ${KILLS} kills`, async () => {
      server = await spawnServer(environment);
      const checked = new Set<string>();
      for (let kill = 1; kill <= KILLS; kill++) {
        const running = server;
        let left = 2 + random.below(25);
        let killed: Promise<void> | undefined;
        const acknowledged = () => {
          if (--left <= 0) killed ??= running.kill('SIGKILL');
        };
        await Promise.all(Array.from({ length: CALLERS }, (_, i) => call(`caller-${i}`, running.port, acknowledged)));
        await killed;
        server = await spawnServer(environment);
        const marks = new Set<string>();
        for (let i = 0; i < CALLERS; i++) {
          const history = await get<Bundle<Basic>>(`Basic/caller-${i}/_history?_count=1000`).catch(() => undefined);
          const versions = history?.entry?.map(({ resource }) => resource!) ?? [];
          assert.deepEqual(
            versions.map(({ meta }) => Number(meta?.versionId)),
            versions.map((_, at) => versions.length - at),
          );
          for (const { identifier } of versions) marks.add(identifier?.[0]?.value ?? '');
        }
        for (const [mark, acknowledgedOne] of sent) {
          if (checked.has(mark)) continue;
          checked.add(mark);
          const there = marks.has(mark);
          if (acknowledgedOne) assert.ok(there, `${mark} was acknowledged`);
          assert.deepEqual(
            [await total('Patient', mark), await total('Observation', mark)],
            there ? [1, OBSERVATIONS] : [0, 0],
            mark,
          );
        }
      }
      assert.ok([...sent.values()].filter(Boolean).length >= KILLS);
    });

    fullIt('leaves an audit trail that agrees with the data', async () => {
      await server?.kill('SIGTERM');
      server = undefined;
      const { CHARTROOM_PORT: _, ...settings } = environment;
      const { status, out } = await command(['verify'], settings).ended;
      assert.equal(status, 0, out);
      assert.match(out, /^Versions: [1-9]\d+$/m);
    });
  });
