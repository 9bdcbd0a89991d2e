/** A witness (src/audit/ledger/witness.ts) after an older copy of the store was put in its place: it refuses until somebody accepts that, and then sees another log. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as wholeText } from 'node:stream/consumers';
import { after, before, describe, it } from 'mocha';
import { witnessGiven } from '../../src/audit/ledger/report.js';
import { verifyStore } from '../../src/cli/audit-ledger.js';
import { type RunningServer, startServer } from '../support/server.js';
import { steppedTime } from '../support/stepped-time.js';
import { TestWitness } from '../support/witness.js';

const HOURS = 3_600_000;
const RESTORED =
  '/fhir/AuditEvent?type=http://dicom.nema.org/resources/ontology/DCM|110113&subtype=110132&_summary=count';

describe('a witness, after an older copy of the store was put in its place', () => {
  const data = mkdtempSync(join(tmpdir(), 'chartroom-witness-'));
  const file = join(data, 'chartroom.db');
  const witness = new TestWitness();
  const web = createServer((request, response) => {
    void wholeText(request).then(body => {
      const { status, contentType, text } = witness.add(body);
      response.writeHead(status, { 'content-type': contentType }).end(text);
    });
  });
  let hours = 0;
  before(async () => {
    await new Promise<void>(done => web.listen(0, '127.0.0.1', done));
  });
  after(() => {
    web.close();
    rmSync(data, { recursive: true, force: true });
  });

  /** One life of the server, some hours after the one before, in which something is anchored. */
  async function live<T>(config: object, work: (server: RunningServer) => Promise<T>): Promise<T> {
    hours += 3;
    const { port } = web.address() as AddressInfo;
    const auditAnchors = `witness:http://127.0.0.1:${port}#${witness.keyText}`;
    const settings = { data, baseUrl: 'http://x.test/fhir', auditAnchors, ...config };
    const time = steppedTime(Date.UTC(2026, 0, 1) + hours * HOURS);
    const server = await startServer({ store: 'embedded', config: settings, time });
    try {
      witness.trusted = await server.engine.ledger.keyTexts();
      await server.request.get('/fhir/Patient?name=nobody').expect(200);
      await server.engine.ledger.upkeep();
      return await work(server);
    } finally {
      await server.stop();
    }
  }
  const state = async ({ request }: RunningServer): Promise<unknown> =>
    ((await request.get('/readyz').expect(200)).body as { anchors: unknown }).anchors;
  const found = async ({ engine }: RunningServer): Promise<string[]> => {
    const { findings, seen } = await verifyStore(engine, data, { witnesses: [witnessGiven(witness.keyText)] });
    assert.equal(seen?.by, witness.name);
    const named = findings.named.filter(({ what }) => what !== 'not-anchored');
    return named.map(({ what, isWarning }) => (isWarning ? `(${what})` : what));
  };
  const restored = async ({ request }: RunningServer): Promise<number> =>
    ((await request.get(RESTORED).expect(200)).body as { total: number }).total;

  it('refuses what is less than it has seen, which readiness and metrics tell', async () => {
    await live({}, async server => assert.deepEqual(await state(server), { witness: 'kept' }));
    copyFileSync(file, `${file}.old`);
    await live({}, state);
    await live({}, state);
    for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true });
    copyFileSync(`${file}.old`, file);
    // All that was beside it is as old: nobody but the witness knows.
    rmSync(join(data, 'anchors'));
    await live({}, async server => {
      assert.deepEqual(await state(server), { witness: 'witness-refuses' });
      const { text } = await server.request.get('/metrics').expect(200);
      assert.match(text, /chartroom_audit_anchor_failures_total\{way="witness"\} 1\n/);
      assert.match(text, /chartroom_audit_anchor_lag_seconds\{way="witness"\}/);
      assert.equal(await restored(server), 0);
    });
  });

  it('refuses after each further start', async () => {
    await live({}, async server => assert.deepEqual(await state(server), { witness: 'witness-refuses' }));
  });

  it('sees another log once that is accepted, of which the trail and whoever verifies are told', async () => {
    await live({ acceptFork: 'on' }, async server => {
      assert.deepEqual(await state(server), { witness: 'kept' });
      assert.equal(witness.heads.size, 2);
      assert.equal(await restored(server), 1);
      assert.deepEqual(await found(server), ['(restored)']);
    });
    await live({}, async server => {
      assert.deepEqual(await state(server), { witness: 'kept' });
      assert.equal(witness.heads.size, 2);
      assert.equal(await restored(server), 1, 'once');
    });
    await live({ acceptFork: 'on' }, async server => assert.equal(await restored(server), 1, 'nothing was lost again'));
  });
});
