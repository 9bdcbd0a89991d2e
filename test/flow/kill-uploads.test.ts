/**
 * `kill -9` while clients upload documents: what was acknowledged is there with its bytes, nothing is there without them, and after the
 * sweep no bytes are left that nothing refers to.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { examine } from '../../src/cli/verify.js';
import { storesInTurn } from '../support/both-stores.js';
import { depthOf } from '../support/depth.js';
import { exchange } from '../support/exchange.js';
import { freePort } from '../support/mongod.js';
import { createRandom } from '../support/random.js';
import { newStore, STORES, startServer } from '../support/server.js';
import { type SpawnedServer, spawnServer } from '../support/spawn.js';

const KILLS = Math.ceil(depthOf('UPLOAD_KILLS') / STORES.length);
const CLIENTS = 4;

for (const store of storesInTurn(0))
  describe(`kill -9 amid uploads (${store} store)`, () => {
    const random = createRandom(16);
    /** Hash by the id of what was acknowledged. */
    const acknowledged = new Map<string, string>();
    let url: string;
    let data: string;
    let server: SpawnedServer | undefined;

    before(async function () {
      url = await newStore(this, store);
      data = mkdtempSync(join(tmpdir(), 'chartroom-kill-uploads-'));
    });
    after(async () => {
      await server?.kill('SIGKILL');
      if (data !== undefined) rmSync(data, { recursive: true, force: true });
    });

    /** Raw, or inline in a DocumentReference, until the server is gone. */
    async function upload(port: number, done: () => void): Promise<void> {
      for (;;) {
        const bytes = randomBytes(random.chance(0.5) ? 3_000_000 : 200_000);
        const raw = random.chance(0.5);
        const content = [{ attachment: { contentType: 'application/octet-stream', data: bytes.toString('base64') } }];
        const answer = await exchange(port, {
          method: 'POST',
          path: raw ? '/fhir/Binary' : '/fhir/DocumentReference',
          headers: { 'content-type': raw ? 'application/pdf' : 'application/fhir+json', prefer: 'return=minimal' },
          body: raw ? bytes : JSON.stringify({ resourceType: 'DocumentReference', status: 'current', content }),
        }).catch(() => undefined);
        if (!answer) return;
        if (answer.status === 503) continue;
        assert.equal(answer.status, 201, answer.body.toString());
        const at = /(\w+\/[^/]+)\/_history/.exec(String(answer.headers.location))![1]!;
        acknowledged.set(at, createHash('sha256').update(bytes).digest('hex'));
        done();
      }
    }

    it(`loses and halves no document in ${KILLS} kills, and leaves no bytes`, async () => {
      const env = { CHARTROOM_STORE: url, CHARTROOM_DATA: data, CHARTROOM_PORT: String(await freePort()) };
      for (let kill = 0; kill < KILLS; kill++) {
        const running = await spawnServer(env);
        server = running;
        let left = 2 + random.below(12);
        let killed: Promise<void> | undefined;
        const done = () => {
          if (--left <= 0) killed ??= running.kill('SIGKILL');
        };
        await Promise.all(Array.from({ length: CLIENTS }, () => upload(running.port, done)));
        await killed;
      }
      const last = await startServer({ store: url, config: { data } });
      const { blobs } = last.engine.store;
      await blobs.sweep(0, Date.now() + 60_000);
      const { findings } = await examine(last.engine, 0);
      assert.deepEqual([...findings], []);
      const referred = new Set<string>();
      for (const type of ['Binary', 'DocumentReference'])
        for await (const { row } of last.engine.store.scan({ type })) {
          assert.equal(row.blobs?.length, 1);
          const { hash } = row.blobs[0]!;
          referred.add(hash);
          const expected = acknowledged.get(`${type}/${row.id}`);
          if (expected !== undefined) assert.equal(hash, expected);
          acknowledged.delete(`${type}/${row.id}`);
        }
      assert.equal(acknowledged.size, 0, 'something that was acknowledged is not there');
      for await (const hash of blobs.all()) assert.ok(referred.has(hash), 'bytes that nothing refers to');
      await last.stop();
    });
  });
