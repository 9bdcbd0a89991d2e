/** The ledger where what is stored goes back to what it was on purpose: resets in test-harness mode, and a backup that is opened elsewhere. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { verifyStore } from '../../src/cli/audit-ledger.js';
import { copyStore } from '../../src/main.js';
import { loadConfig } from '../../src/platform/config.js';
import { storesInTurn } from '../support/both-stores.js';
import { countStreams } from '../support/ledger.js';
import { newStore, type RunningServer, startServer } from '../support/server.js';

const folder = (): string => mkdtempSync(join(tmpdir(), 'chartroom-states-'));

async function blamed(server: RunningServer, data: string): Promise<string[]> {
  const { findings, counts } = await verifyStore(server.engine, data);
  assert.ok(counts.streams > 0 && counts.checkpoints > 0);
  return findings.named.filter(({ isWarning }) => !isWarning).map(({ what, where }) => `${what} ${where.stream}`);
}

for (const name of storesInTurn(1))
  describe(`the ledger of a ${name} store that tests reset`, () => {
    const data = folder();
    let server: RunningServer;
    let store = '';
    const start = async () => void (server = await startServer({ store, config: { data, harness: 'on' } }));
    before(async function () {
      store = await newStore(this, name);
      await start();
    });
    after(async () => {
      await server?.stop();
      rmSync(data, { recursive: true, force: true });
    });
    const read = async () => {
      await server.request.get('/fhir/Patient?name=nobody').expect(200);
      await server.engine.ledger.look();
    };
    const tell = (path: string, body: object) => server.request.post(`/harness${path}`).send(body);

    it('goes on in streams of its own after each reset', async () => {
      await read();
      await tell('/snapshot', { name: 'one' }).expect(201);
      await read();
      await server.engine.ledger.upkeep();
      const written = await server.engine.store.deeds.heads();
      assert.ok(written.length > 0);
      for (const to of ['one', 'empty', 'one']) {
        await tell('/reset', { to }).expect(200);
        assert.deepEqual(await server.engine.store.deeds.heads(), [], 'nobody writes what is there now');
        await read();
        await read();
        await server.engine.ledger.upkeep();
        await server.engine.ledger.upkeep();
        const streams = new Set((await countStreams(server.engine.store)).map(({ stream }) => stream));
        const heads = (await server.engine.store.deeds.heads()).map(({ stream }) => stream);
        assert.ok(heads.length > 0 && heads.every(stream => streams.has(stream)));
        assert.ok(heads.every(stream => written.every(old => old.stream !== stream)));
        assert.deepEqual(await blamed(server, data), []);
      }
      assert.equal(existsSync(join(data, 'anchors')), false);
      await server.stop();
      await start();
      await read();
      assert.deepEqual(await blamed(server, data), []);
    });
  });

describe('the ledger of a backup', () => {
  const [data, elsewhere] = [folder(), folder()];
  after(() => {
    for (const each of [data, elsewhere]) rmSync(each, { recursive: true, force: true });
  });

  it('is whole where it is opened, and goes on there', async () => {
    const server = await startServer({ store: 'embedded', config: { data } });
    for (let i = 0; i < 3; i++) await server.request.get('/fhir/Patient?name=nobody').expect(200);
    await server.engine.ledger.upkeep();
    await copyStore(loadConfig({ flags: { data }, env: {} }), join(elsewhere, 'chartroom.db'));
    await server.request.get('/fhir/Patient?name=nobody').expect(200);
    await server.stop();
    const other = await startServer({ store: 'embedded', config: { data: elsewhere } });
    await other.request.get('/fhir/Patient?name=nobody').expect(200);
    await other.engine.ledger.upkeep();
    assert.deepEqual(await blamed(other, elsewhere), []);
    assert.equal((await countStreams(other.engine.store)).length, 2);
    await other.stop();
  });
});
