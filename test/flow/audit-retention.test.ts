/** What the trail says is removed after years (src/interactions/trail-years.ts): no search finds it, the hashes go on to prove the rest, and who is held stays. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEvent, Bundle, List } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { exportTrail } from '../../src/audit/ledger/export.js';
import { lastAnchorIn } from '../../src/audit/ledger/forks.js';
import { addLedgerKey } from '../../src/audit/ledger/keys.js';
import { sourceOfStore } from '../../src/audit/ledger/store-source.js';
import { verifyStore } from '../../src/cli/audit-ledger.js';
import { keepTrailYears, removeOldTrail, yearsAgo } from '../../src/interactions/trail-years.js';
import { bytesOfRemoved, hashesOfRemoved } from '../../src/store/deeds.js';
import { leafHash } from '../../src/store/ledger.js';
import { storesInTurn } from '../support/both-stores.js';
import { sealedRows } from '../support/ledger.js';
import { verifyText } from '../support/audit-trail.js';
import { newStore, type RunningServer, startServer } from '../support/server.js';

const LATER = 3_600_000;

for (const name of storesInTurn(1))
  describe(`what is too old in the trail of a ${name} store`, () => {
    const data = mkdtempSync(join(tmpdir(), 'chartroom-retention-'));
    let server: RunningServer;
    let store = '';
    let oldKey = '';
    let heldBefore: readonly string[] = [];
    const start = async () =>
      void (server = await startServer({ store, config: { data, baseUrl: 'http://x.test/fhir' } }));
    before(async function () {
      store = await newStore(this, name);
      await start();
    });
    after(async () => {
      await server?.stop();
      rmSync(data, { recursive: true, force: true });
    });
    const eventsOf = async (patient: string): Promise<string[]> => {
      const { body } = await server.request.get(`/fhir/AuditEvent?patient=Patient/${patient}&_count=1000`).expect(200);
      return ((body as Bundle<AuditEvent>).entry ?? []).map(({ resource }) => resource!.id!);
    };
    const put = (id: string) => server.request.put(`/fhir/Patient/${id}`).send({ resourceType: 'Patient', id });
    const readTimes = async (id: string, times: number): Promise<void> => {
      for (let left = times; left > 0; left -= 20)
        await Promise.all(
          Array.from({ length: Math.min(left, 20) }, () => server.request.get(`/fhir/Patient/${id}`).expect(200)),
        );
    };
    const blamed = async (options = {}): Promise<string[]> => {
      const { findings } = await verifyStore(server.engine, data, options);
      return findings.named
        .filter(({ isWarning }) => !isWarning)
        .map(({ what, where, text }) => `${what} ${JSON.stringify(where)} ${text}`);
    };
    const rowsLeft = async (): Promise<boolean[]> => {
      const left: boolean[] = [];
      for await (const { bytes } of sealedRows(server.engine.store)) left.push(!hashesOfRemoved(bytes));
      return left;
    };

    /** What the trail says was removed. */
    const removals = async (): Promise<AuditEvent[]> => {
      const { body } = await server.request
        .get('/fhir/AuditEvent?type=http://dicom.nema.org/resources/ontology/DCM|110113&subtype=110132&_count=1000')
        .expect(200);
      const all = ((body as Bundle<AuditEvent>).entry ?? []).map(({ resource }) => resource!);
      return all.filter(({ entity = [] }) => entity[0]?.detail?.[0]?.type === 'deeds');
    };
    const sumOf = (told: readonly AuditEvent[]) => {
      const sum = (of: string): number =>
        told
          .flatMap(({ entity }) => entity![0]!.detail!)
          .reduce((total, { type, valueString }) => total + (type === of ? Number(valueString) : 0), 0);
      return { events: sum('events'), deeds: sum('deeds') };
    };

    it('goes in whole tiles, but for who is held', async () => {
      for (const id of ['free', 'held']) await put(id).expect(201);
      const holds: List = {
        ...{ resourceType: 'List', status: 'current', mode: 'working' },
        code: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle', code: 'hold' }] },
        entry: [{ item: { reference: 'Patient/held' } }],
      };
      await server.request.post('/fhir/List').send(holds).expect(201);
      oldKey = server.engine.ledger.key.text;
      addLedgerKey(data);
      await server.engine.ledger.upkeep();
      await server.stop();
      await start();
      const sent = {
        ...{ resourceType: 'AuditEvent', recorded: '2020-01-01T00:00:00Z', agent: [{ requestor: true }] },
        type: { system: 'http://terminology.hl7.org/CodeSystem/audit-event-type', code: 'rest' },
        source: { observer: { display: 'elsewhere' } },
      };
      await server.request.post('/fhir/AuditEvent').send(sent).expect(201);
      await readTimes('free', 275);
      await readTimes('held', 6);
      await readTimes('free', 300);
      await server.engine.ledger.upkeep();
      await server.stop();
      await start();
      await readTimes('free', 3);
      await server.engine.ledger.upkeep();
      const [free, held] = [await eventsOf('free'), await eventsOf('held')];
      const kept = lastAnchorIn(join(data, 'anchors'))!;

      assert.deepEqual(await removeOldTrail(server.engine, 0), { events: 0, deeds: 0 }, 'nothing is that old');
      const nothing = { events: 0, deeds: 0 };
      assert.deepEqual(await removeOldTrail(server.engine, Date.now() + LATER, async () => false), nothing, 'it ends');
      // Whoever is held while it is under way is held.
      let added: List | undefined;
      const holding = async (): Promise<boolean> => {
        const entry = [{ item: { reference: 'Patient/free' } }];
        added ??= (
          await server.request
            .post('/fhir/List')
            .send({ ...holds, entry })
            .expect(201)
        ).body as List;
        return true;
      };
      await removeOldTrail(server.engine, Date.now() + LATER, holding);
      const spared = new Set(await eventsOf('free'));
      assert.ok(free.every(id => spared.has(id)));
      await server.request.delete(`/fhir/List/${added!.id}`).expect(204);
      const toldBefore = new Set((await removals()).map(({ id }) => id));
      const removed = await removeOldTrail(server.engine, Date.now() + LATER);
      assert.ok(removed.deeds > 250 && removed.events > 250, JSON.stringify(removed));
      const left = await eventsOf('free');
      assert.ok(free.length - left.length > 250 && left.length >= 3, `${free.length}, ${left.length}`);
      const still = new Set(await eventsOf('held'));
      assert.ok(held.length > 5 && held.every(id => still.has(id)));
      heldBefore = held;
      const gone = free.find(id => !left.includes(id))!;
      await server.request.get(`/fhir/AuditEvent/${gone}`).expect(404);
      for (const id of [left.at(-1)!, held.at(-1)!])
        await server.request.get(`/fhir/AuditEvent/${id}/$proof`).expect(200);
      assert.deepEqual(await blamed({ keys: [oldKey], anchors: [kept] }), []);
      const source = sourceOfStore({ store: server.engine.kept, base: 'x', anchors: join(data, 'anchors') });
      const lines: string[] = [];
      for await (const line of exportTrail(source, { made: Date.now(), texts: true })) lines.push(line);
      const { findings } = await verifyText(Buffer.from(`${lines.join('\n')}\n`), { keys: [oldKey], anchors: [kept] });
      assert.deepEqual(
        findings.named.filter(({ isWarning, where }) => !isWarning || where.id === 'received'),
        [],
        'what was received is vouched for, too',
      );

      const told = (await removals()).filter(({ id }) => !toldBefore.has(id));
      assert.ok(told.length > 0 && told.every(({ action }) => action === 'D'));
      assert.deepEqual(sumOf(told), removed);
    });

    /** An engine whose store goes away once it has removed something. */
    const brokenOff = () => {
      const { engine } = server;
      const { deeds } = engine.kept;
      const emptyRows: typeof deeds.emptyRows = async rows => {
        await deeds.emptyRows(rows);
        throw new Error('away');
      };
      return { ...engine, kept: { ...engine.kept, deeds: { ...deeds, emptyRows } } };
    };

    it('is not removed twice, and goes when nobody holds it any more', async () => {
      const emptied = (await rowsLeft()).filter(each => !each).length;
      const { engine } = server;
      const { deeds } = engine.kept;
      let walked = 0;
      const sealed: typeof deeds.sealed = async query => {
        const rows = await deeds.sealed(query);
        walked += rows.length;
        return rows;
      };
      const counted = { ...engine, kept: { ...engine.kept, deeds: { ...deeds, sealed } } };
      assert.deepEqual(await removeOldTrail(counted, Date.now() + LATER), { events: 0, deeds: 0 });
      const all = (await rowsLeft()).length;
      assert.ok(walked < all / 2, `${walked} of ${all}: what stays for somebody held is not walked again`);
      assert.equal((await rowsLeft()).filter(each => !each).length, emptied);
      const { body } = await server.request.get('/fhir/List?status=current').expect(200);
      const list = (body as Bundle<List>).entry![0]!.resource!;
      await server.request
        .put(`/fhir/List/${list.id}`)
        .send({ ...list, status: 'retired' })
        .expect(200);
      await server.engine.ledger.look();
      await server.stop();
      await start();
      await readTimes('free', 1);
      const broken = brokenOff();
      const known = new Set((await removals()).map(({ id }) => id));
      await assert.rejects(removeOldTrail(broken, Date.now() + LATER), /away/);
      const half = sumOf((await removals()).filter(({ id }) => !known.has(id)));
      assert.ok(half.deeds > 0, 'what went before it broke off is told');
      const removed = await removeOldTrail(server.engine, Date.now() + LATER);
      assert.ok(half.deeds + removed.deeds >= 6, JSON.stringify([half, removed]));
      const still = new Set(await eventsOf('held'));
      assert.ok(heldBefore.every(id => !still.has(id)));
      assert.deepEqual(await blamed({ keys: [oldKey] }), [], 'what the ledger said of keys is said again');
    });

    it('is looked for once a day, whichever process does it', async () => {
      const { engine } = server;
      const { records } = engine.store;
      const noted = () => records.get('audit-years', 'done');
      /** A process that comes, has its turn, and goes. */
      const pass = async () => {
        let look = async (): Promise<void> => {};
        const every: typeof engine.clock.every = (_, work) => {
          look = async () => void (await work());
          return () => {};
        };
        const clock = { ...engine.clock, now: () => engine.clock.now(), every };
        const end = keepTrailYears({ ...engine, clock, settings: { ...engine.settings, auditYears: 6 } });
        await look();
        await end();
        return noted();
      };
      const first = await pass();
      assert.ok(first, 'it is noted');
      assert.deepEqual(await pass(), first, 'the next process leaves it');
      const day = 24 * 3_600_000;
      for (const away of [-day, day]) {
        await records.put({ ...first, value: String(Number(first.value) + away) });
        const again = Number((await pass())!.value);
        assert.ok(again >= Number(first.value) && again < Number(first.value) + day, `after ${away}`);
      }
    });

    it('is missed where the ledger was not told', async () => {
      await readTimes('free', 3);
      for await (const { bytes, sequence, last, seal } of sealedRows(server.engine.store)) {
        if (hashesOfRemoved(bytes) || seal.first === 0) continue;
        const { deeds } = server.engine.store;
        await deeds.emptyRows([{ sequence, last, bytes: bytesOfRemoved([leafHash(bytes)]), keys: [] }]);
        break;
      }
      const told = await blamed();
      assert.ok(
        told.some(each => each.startsWith('missing') || each.startsWith('altered')),
        told.join('; '),
      );
    });
  });

describe('years of the calendar', () => {
  it('are counted back from now', () => {
    assert.equal(new Date(yearsAgo(Date.parse('2026-11-30T07:00:00Z'), 6)).toISOString(), '2020-11-30T07:00:00.000Z');
  });
});
