/**
 * The audit trail as syslog messages: all of it, in order, at least once, whatever becomes of the receiver and of whoever sends.
 * https://www.rfc-editor.org/rfc/rfc5425, https://profiles.ihe.net/ITI/TF/Volume2/ITI-20.html
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import type { AuditRecord } from '../../src/audit/event.js';
import type { EventToSend } from '../../src/audit/syslog/audit-message.js';
import { syslogFrame, syslogMessage } from '../../src/audit/syslog/syslog-message.js';
import { createDeedMaker } from '../../src/audit/trail/deed.js';
import { openTrail, type Trail } from '../../src/audit/trail/index.js';
import { SyslogForwarder } from '../../src/feed/syslog-forwarder.js';
import { openSyslog } from '../../src/outgoing/syslog.js';
import { createLog } from '../../src/platform/log.js';
import { createMetrics } from '../../src/platform/metrics.js';
import { openEmbedded } from '../../src/store/embedded/index.js';
import { openMongo } from '../../src/store/mongo/index.js';
import type { Store } from '../../src/store/store.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { AUTHORITY } from '../support/certificate.js';
import { definitions, layout, parameters, put } from '../support/changes.js';
import { freePort } from '../support/mongod.js';
import { newStore, STORES } from '../support/server.js';
import { startCollector, type SyslogCollector } from '../support/syslog-collector.js';

const BASE = 'http://localhost/fhir';
const PACE = { look: 5, rest: 5, longestRest: 40, unsure: 20, mostUnsure: 40 };
const deedOf = createDeedMaker();
const PORT = await freePort();

interface Forwarding {
  readonly tls: { readonly ca?: string };
  readonly host: string;
  readonly of: Pick<Trail, 'store' | 'follow'>;
}

/** Of the request that an event is about. */
const requestIn = (message: string): string => /ParticipantObjectID="(n\d+)"/.exec(message)?.[1] ?? message;

for (const name of STORES)
  describe(`forwarding the trail (${name})`, () => {
    let store: Store;
    let trail: Trail;
    let collector: SyslogCollector;
    let number = 0;
    /** Times that somebody has looked for new events. */
    let looks = 0;
    let url = '';
    const running = new Set<SyslogForwarder>();

    before(async function () {
      url = await newStore(this, name);
      const kept =
        name === 'mongo' ? await openMongo({ url, layout }) : await openEmbedded({ file: ':memory:', layout });
      await kept.migrate();
      const settings = { bases: [BASE], fullText: false };
      trail = openTrail(kept, { definitions, parameters, settings, queryTimeout: 60_000 });
      ({ store } = trail);
    });
    after(() => store.close());
    beforeEach(async () => {
      collector = await startCollector();
      // Where the last test has ended nothing is left.
      await forwarding().begun();
    });
    afterEach(async () => {
      await Promise.all([...running].map(each => each.stop()));
      running.clear();
      await collector.stop();
    });

    /** Starts another one, as another process would. */
    function forwarding({ tls = { ca: AUTHORITY }, host = 'localhost', of = trail }: Partial<Forwarding> = {}) {
      const metrics = createMetrics();
      const follow: Trail['follow'] = (...asked) => {
        looks += 1;
        return of.follow(...asked);
      };
      const forwarder = new SyslogForwarder({
        ...{ store: of.store, metrics, follow, now: Date.now, log: createLog('silent'), pace: PACE },
        open: () => openSyslog({ host, port: collector.port, plain: false, tls }),
        frame: event => syslogFrame(syslogMessage(JSON.parse(event.toString()) as EventToSend, BASE)),
      });
      running.add(forwarder);
      forwarder.start();
      return {
        forwarder,
        metrics,
        /** It has the lease, and all that was there is received. */
        begun: () => until(() => forwarder.state === 'sending' && forwarder.behind === 0),
      };
    }

    async function until(is: () => boolean | Promise<boolean>): Promise<void> {
      while (!(await is())) await Promise.race([collector.heard(), new Promise(done => setTimeout(done, 10))]);
    }

    /** Records so many reads; gives the ids of their requests, in their order. */
    async function record(count: number): Promise<string[]> {
      const ids: string[] = [];
      for (let i = 0; i < count; i++) {
        const requestId = `n${String(number++).padStart(6, '0')}`;
        ids.push(requestId);
        await recordAs(requestId);
      }
      return ids;
    }
    async function recordAs(requestId: string, stamp = store.openStamp(), at = stamp.now()): Promise<void> {
      const read: AuditRecord = {
        ...{ at, base: BASE, address: '192.0.2.1', requestId, outcome: '0', request: 'GET Patient/1' },
        ...{ interaction: 'read', pattern: 'read', principal: { name: 'anna', role: 'reader' }, patients: ['1'] },
        data: { type: 'Patient', id: '1', version: 1 },
      };
      await store.commit({ stamp, changes: [], deeds: [deedOf(read)] });
      stamp.close();
    }
    /** What is recorded from then on has a later time: of the same one no order is told. */
    async function nextMs(): Promise<void> {
      const now = Date.now();
      while (Date.now() === now) await new Promise(setImmediate);
    }
    const requests = (): string[] => collector.messages.map(requestIn);
    const first = (all: readonly string[]): string[] => [...new Set(all)];

    it('sends each event once and in order, and says when the receiver has them', async () => {
      const [mine] = running;
      const ids = await record(130);
      await until(() => collector.messages.length >= 130 && mine!.behind === 0);
      assert.deepEqual(requests(), ids);
      const [message] = collector.messages;
      assert.match(
        message!,
        /^<85>1 \d{4}-\d\d-\d\dT[\d:.]+Z localhost chartroom - DICOM\+RFC3881 - \ufeff<\?xml version="1\.0" encoding="UTF-8"\?><AuditMessage>.*<\/AuditMessage>$/,
      );
      assert.match(message!, /<ActiveParticipant UserID="anna" UserName="anna" UserIsRequestor="true">/);
      assert.ok(collector.connections >= 2, 'what was sent is confirmed by the end of a connection');
    });

    it('sends received events among the recorded ones', async () => {
      const [ahead] = await record(1);
      await nextMs();
      const stamp = store.openStamp();
      const recorded = new Date(stamp.now()).toISOString();
      const type = { system: 'urn:types', code: 'sent<by>&"others"' };
      const event = {
        ...{ resourceType: 'AuditEvent', id: `received-${number}`, type, recorded, outcome: '0' },
        ...{ agent: [{ requestor: false, who: { display: 'somebody' } }], source: { observer: { display: 'there' } } },
      };
      await store.commit({ stamp, changes: [put(event, { updated: stamp.now() })] });
      stamp.close();
      await nextMs();
      const [behind] = await record(1);
      await until(() => requests().includes(behind!));
      const [a, b, c] = first(requests());
      assert.deepEqual([a, c], [ahead, behind]);
      assert.match(b!, /csd-code="sent&lt;by&gt;&amp;&quot;others&quot;"/);
    });

    it('waits for a receiver that is away, and tells so', async () => {
      const { port } = collector;
      const [mine] = running;
      await collector.stop();
      const ids = await record(20);
      await until(() => mine!.state === 'away' && mine!.behind > 0);
      ids.push(...(await record(20)));
      collector = await startCollector({ port });
      await until(() => requests().includes(ids.at(-1)!) && mine!.behind === 0);
      assert.deepEqual(first(requests()), ids);
      assert.equal(mine!.state, 'sending');
    });

    it('sends again what a receiver may not have read when it broke off, within a message too', async () => {
      const [mine] = running;
      for (const bytes of [1, 700, 30_000]) {
        const already = collector.messages.length;
        collector.breakAfter(bytes);
        const ids = await record(60);
        await until(() => requests().includes(ids.at(-1)!) && mine!.behind === 0);
        const [sentBefore, came] = [new Set(requests().slice(0, already)), first(requests().slice(already))];
        // What it was sent before the connection broke off may come a last time after all that was waited for.
        assert.deepEqual(
          came.filter(id => !sentBefore.has(id)),
          ids,
          String(bytes),
        );
      }
    });

    it('goes on where another process has ended, and starts with what is recorded from then on', async () => {
      const ids = await record(10);
      await until(() => requests().length >= 10);
      for (const each of running) await each.stop();
      running.clear();
      ids.push(...(await record(10)));
      await forwarding().begun();
      await until(() => requests().includes(ids.at(-1)!));
      assert.deepEqual(first(requests()), ids);
    });

    it('is done by one of two processes, and by the other when that ends', async function () {
      // Only one process uses the embedded store.
      if (name === 'embedded') return this.skip();
      const [mine] = running;
      const another = await openMongo({ url, layout });
      await another.migrate();
      try {
        const settings = { bases: [BASE], fullText: false };
        const there = openTrail(another, { definitions, parameters, settings, queryTimeout: 60_000 });
        const { forwarder } = forwarding({ of: there });
        const ids = await record(30);
        await until(() => requests().includes(ids.at(-1)!) && mine!.behind === 0);
        assert.deepEqual([mine!.state, forwarder.state], ['sending', 'standby']);
        await mine!.stop();
        ids.push(...(await record(30)));
        await until(() => requests().includes(ids.at(-1)!) && forwarder.behind === 0);
        assert.deepEqual(first(requests()), ids);
        await forwarder.stop();
      } finally {
        await another.close();
      }
    });

    it('does not pass an event that is still being written', async () => {
      const early = store.openStamp();
      const at = early.now();
      await until(() => Date.now() > at);
      const late = await record(5);
      const looked = looks;
      await until(() => looks > looked + 5);
      assert.deepEqual(requests(), []);
      await recordAs('n999999', early, at);
      await until(() => requests().includes(late.at(-1)!));
      assert.deepEqual(first(requests()), ['n999999', ...late]);
    });

    it('keeps nobody waiting for a slow receiver, and no more in memory than a connection holds', async () => {
      const [mine] = running;
      collector.pause();
      const ids = await record(50);
      await until(() => mine!.behind > 0);
      ids.push(...(await record(200)));
      assert.equal(collector.messages.length, 0);
      collector.resume();
      await until(() => requests().includes(ids.at(-1)!) && mine!.behind === 0);
      assert.deepEqual(first(requests()), ids);
    });

    it('sends nothing to a receiver that does not prove who it is', async () => {
      for (const each of running) await each.stop();
      const ids = await record(3);
      for (const wrong of [{ tls: {} }, { host: '127.0.0.1' }]) {
        const { forwarder, metrics } = forwarding(wrong);
        await until(async () =>
          /chartroom_syslog_failures_total\{why="outgoing-untrusted"\} [2-9]/.test(await metrics.registry.metrics()),
        );
        assert.equal(forwarder.state, 'away');
        assert.doesNotMatch(await metrics.registry.metrics(), /chartroom_syslog_lag_seconds 0\n/);
        await forwarder.stop();
      }
      assert.deepEqual(collector.messages, []);
      await forwarding().begun();
      assert.deepEqual(first(requests()), ids);
    });
  });

onStoresInTurn(
  'a server that hands its trail on',
  stage => {
    it('tells its state, and sends what it has recorded', async () => {
      const { server, talk } = stage();
      const receiver = await startCollector({ port: PORT, plain: true });
      try {
        const { base, request, engine } = server;
        await talk.get('Patient/nobody', { 'x-request-id': 'of-nobody' });
        while (!receiver.messages.some(message => message.includes('of-nobody'))) await receiver.heard();
        const message = receiver.messages.find(each => each.includes('of-nobody'))!;
        assert.match(message, new RegExp(`^<85>1 \\S+ ${new URL(base).hostname} chartroom `));
        assert.match(message, /EventOutcomeIndicator="4"/);
        const ready = await request.get('/readyz');
        assert.deepEqual(ready.body, { status: 'ready', syslog: 'sending' });
        assert.match(await engine.metrics.registry.metrics(), /chartroom_syslog_sent_total [1-9]/);
        assert.ok(!('syslog' in engine.settings));
      } finally {
        await receiver.stop();
      }
    });
  },
  { config: { syslog: `tcp://127.0.0.1:${PORT}` } },
);
