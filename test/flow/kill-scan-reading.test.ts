/** `kill -9` amid the reading of scans by a command: each is read in the end, and has one text. docs/records-desk.md */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DocumentReference } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { realPause } from '../../src/platform/real-time.js';
import { storesInTurn } from '../support/both-stores.js';
import { FULL } from '../support/depth.js';
import { fileOf, takeIn, toldOf } from '../support/intake.js';
import { endJobLease } from '../support/leases.js';
import { freePort } from '../support/mongod.js';
import { createRandom } from '../support/random.js';
import { aPdf } from '../support/scans.js';
import { newStore } from '../support/server.js';
import { type SpawnedServer, spawnServer } from '../support/spawn.js';
import { type Talk, talkTo } from '../support/talk.js';

const [SCANS, KILLS] = FULL ? [24, 12] : [4, 1];
const WANTED = 'DocumentReference?_tag=urn:chartroom:machine-text|wanted';

for (const store of storesInTurn(1))
  describe(`kill -9 amid the reading of scans (${store} store)`, () => {
    const random = createRandom(19);
    let server: SpawnedServer | undefined;
    let env: Record<string, string> = {};
    const data = mkdtempSync(join(tmpdir(), 'chartroom-kill-reading-'));
    const script = join(data, 'reads.mjs');
    // Long enough to be killed amid it.
    writeFileSync(
      script,
      `import { readFileSync } from 'node:fs';
       const text = /\\((page [^()]*)\\)/.exec(readFileSync(0, 'latin1'))[1];
       setTimeout(() => console.log(text), 150);`,
    );

    before(async function () {
      env = {
        CHARTROOM_STORE: await newStore(this, store),
        CHARTROOM_DATA: data,
        CHARTROOM_PORT: String(await freePort()),
        CHARTROOM_SECRET: 'a secret of thirty-two characters',
        CHARTROOM_OCR: JSON.stringify([process.execPath, script]),
      };
    });
    after(async () => {
      await server?.kill('SIGKILL');
      rmSync(data, { recursive: true, force: true });
    });
    const start = async (): Promise<Talk> => {
      server = await spawnServer(env);
      if (store === 'mongo') await endJobLease(env['CHARTROOM_STORE']!);
      return talkTo(server.base);
    };

    it('loses none, and makes none twice', async () => {
      let talk = await start();
      const page = (at: number): Buffer => aPdf([`BT /F1 12 Tf 50 700 Td (page ${at}) Tj ET`]);
      const files = Array.from({ length: SCANS }, (_, at) => fileOf(page(at)));
      const reply = await takeIn(talk, files, [], {});
      assert.equal(reply.status, 201, reply.text);
      for (let kill = 0; kill < KILLS; kill++) {
        await realPause(random.below(600));
        await server!.kill('SIGKILL');
        talk = await start();
      }
      for (let looks = 0; looks < 1200 && (await talk.search(WANTED)).total !== 0; looks++) await realPause(50);
      for (const [at, { document }] of toldOf(reply.body).entries()) {
        const query = `DocumentReference?relationship=DocumentReference/${document}$transforms`;
        const { entry = [] } = await talk.search<DocumentReference>(query);
        assert.equal(entry.length, 1, document);
        const raw = await fetch(entry[0]!.resource!.content[0]!.attachment.url!, { headers: { accept: 'text/plain' } });
        assert.equal(await raw.text(), `page ${at}`);
        const versions = await talk.get<{ total: number }>(`DocumentReference/${document}/_history`);
        assert.equal(versions.body.total, 2);
      }
    });
  });
