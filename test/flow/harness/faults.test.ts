/** Faults of the test-harness mode, as a published FHIR client (fhir-kit-client) sees them, on both stores; and the way out of them. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'fhir-kit-client';
import type { Bundle, OperationOutcome, Patient } from 'fhir/r4.js';
import { beforeEach, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { askHarness, toldHarness } from '../../support/harness.js';

interface Seen {
  /** Undefined: the client had no answer. */
  readonly status?: number | undefined;
  readonly data?: unknown;
}

onStoresInTurn(
  'faults of a server',
  stage => {
    const tell = (...told: Parameters<ReturnType<typeof toldHarness>>) => toldHarness(stage().server)(...told);
    const ask = (...asked: Parameters<ReturnType<typeof askHarness>>) => askHarness(stage().server)(...asked);
    const client = () => new Client({ baseUrl: stage().server.base });
    const read = () => client().read({ resourceType: 'Patient', id: 'p' });
    const update = (family: string) =>
      client().update({
        resourceType: 'Patient',
        id: 'p',
        body: { resourceType: 'Patient', id: 'p', name: [{ family }] },
      });
    const seen = async (work: () => Promise<unknown>): Promise<Seen | 'answered'> => {
      try {
        await work();
        return 'answered';
      } catch (error) {
        const { response } = error as { readonly response?: Seen };
        return { status: response?.status, data: response?.data };
      }
    };
    const version = async (): Promise<string | undefined> => {
      const { text } = await stage().talk.get('Patient/p');
      return (JSON.parse(text) as Patient).meta?.versionId;
    };
    const events = async (): Promise<number> =>
      (await stage().talk.search<never>('AuditEvent?_count=200')).entry?.length ?? 0;
    const log = async () =>
      ((await tell('GET', '/faults/log')) as { fired: readonly Readonly<Record<string, unknown>>[] }).fired;

    beforeEach(async () => {
      await tell('POST', '/reset');
      await update('First');
    });

    it('none: the client has its answer (the control of all others)', async () => {
      assert.equal(await seen(read), 'answered');
      assert.equal(await seen(() => update('Second')), 'answered');
      assert.equal(await version(), '2');
      assert.deepEqual(await log(), []);
    });

    it('delay: the answer comes, and not before its time', async () => {
      await tell('POST', '/faults', { fault: 'delay', ms: 120, times: 1 });
      const from = performance.now();
      assert.equal(await seen(read), 'answered');
      assert.ok(performance.now() - from >= 115);
    });

    it('status: an OperationOutcome instead of what was asked', async () => {
      for (const status of [401, 404, 409, 412, 418, 422, 429, 500, 503]) {
        await tell('POST', '/faults', { fault: 'status', status, times: 1, retryAfter: 7 });
        const met = await seen(() => update('Second'));
        assert.ok(met !== 'answered');
        const { resourceType, issue } = met.data as OperationOutcome;
        assert.deepEqual([met.status, resourceType, issue[0]?.severity], [status, 'OperationOutcome', 'error']);
      }
      await tell('POST', '/faults', { fault: 'status', status: 429, times: 1, retryAfter: 7 });
      const reply = await stage().talk.get('Patient/p');
      assert.deepEqual([reply.status, reply.header('retry-after')], [429, '7']);
      assert.equal(await version(), '1');
    });

    it('status, after: the write is done, and the client told that it is not', async () => {
      await tell('POST', '/faults', { fault: 'status', status: 503, after: true, interaction: 'update' });
      const met = await seen(() => update('Second'));
      assert.ok(met !== 'answered');
      assert.equal(met.status, 503);
      assert.equal(await version(), '2');
    });

    it('closed: the client has no answer, before the write or after it', async () => {
      for (const [after, expected] of [
        [false, '1'],
        [true, '2'],
      ] as const) {
        const { id } = (await tell('POST', '/faults', { fault: 'closed', after, interaction: 'update' })) as {
          id: string;
        };
        assert.deepEqual(await seen(() => update('Second')), { status: undefined, data: undefined });
        await tell('DELETE', `/faults/${id}`);
        assert.equal(await version(), expected);
      }
    });

    it('half-sent: the answer begins, and ends before it should', async () => {
      await tell('POST', '/faults', { fault: 'half-sent' });
      const met = await seen(read);
      assert.ok(met !== 'answered' && met.data === undefined);
      const response = await fetch(`${stage().server.base}/Patient/p`);
      assert.equal(response.status, 200);
      assert.ok(Number(response.headers.get('content-length')) > 10);
      await assert.rejects(response.text());
      await assert.rejects(fetch(`${stage().server.base}/Patient?_count=1000`).then(answer => answer.text()));
    });

    it('broken-json: a whole answer that is no JSON, zipped or not', async () => {
      for (let i = 0; i < 50; i++)
        await stage().talk.create<Patient>({ resourceType: 'Patient', name: [{ text: 'x'.repeat(500) }] });
      await tell('POST', '/faults', { fault: 'broken-json' });
      const met = await seen(read);
      assert.ok(met !== 'answered', 'the client noticed');
      for (const path of ['Patient/p', 'Patient?_count=50', 'Patient/nobody', 'metadata']) {
        const { text } = await stage().talk.get(path, { 'accept-encoding': 'gzip' });
        assert.match(text, /^\{"resourceType"/);
        assert.throws(() => JSON.parse(text), SyntaxError);
      }
    });

    it('wrong-etag: another version than the one that is there', async () => {
      await tell('POST', '/faults', { fault: 'wrong-etag' });
      const { header, text } = await stage()
        .talk.get('Patient/p')
        .then(reply => ({ header: reply.header('etag'), text: reply.text }));
      assert.equal(header, 'W/"1001"');
      assert.equal((JSON.parse(text) as Patient).meta?.versionId, '1');
      await tell('DELETE', '/faults');
      const stale = await seen(() =>
        client().update({
          resourceType: 'Patient',
          id: 'p',
          body: { resourceType: 'Patient', id: 'p' },
          options: { headers: { 'If-Match': header } },
        }),
      );
      assert.ok(stale !== 'answered');
      assert.equal(stale.status, 412);
    });

    it('store-away: neither reads nor writes, and the server is ready all the same', async () => {
      const before = await events();
      await tell('POST', '/faults', { fault: 'store-away', times: 2 });
      for (const work of [read, () => update('Second')]) {
        const met = await seen(work);
        assert.ok(met !== 'answered');
        assert.equal(met.status, 503);
        assert.match(JSON.stringify(met.data), /The store is away/);
      }
      assert.equal(await version(), '1');
      assert.equal(await events(), before + 2);
      assert.equal((await fetch(`http://127.0.0.1:${stage().server.port}/readyz`)).status, 200);
    });

    it('audit-away: nothing is given out or changed that cannot be recorded', async () => {
      await tell('POST', '/faults', { fault: 'audit-away', times: 2 });
      for (const work of [read, () => update('Second')]) {
        const met = await seen(work);
        assert.ok(met !== 'answered');
        assert.equal(met.status, 503);
        assert.match(JSON.stringify(met.data), /The audit trail is away/);
      }
      assert.equal(await version(), '1');
    });

    it('conflict: the server tries again, and tells of it when that does not help', async () => {
      await tell('POST', '/faults', { fault: 'conflict', attempts: 3, times: 1 });
      assert.equal(await seen(() => update('Second')), 'answered');
      assert.equal(await version(), '2');
      await tell('POST', '/faults', { fault: 'conflict', attempts: 1000, interaction: 'update' });
      const met = await seen(() => update('Third'));
      assert.ok(met !== 'answered');
      assert.equal(met.status, 409);
      assert.equal(await version(), '2');
    });

    it('meet whom their rule says: interaction, type, header, the nth, so many times', async () => {
      const { talk } = stage();
      const statuses = async (...paths: readonly string[]) => {
        const found: number[] = [];
        for (const path of paths) found.push((await talk.get(path)).status);
        return found;
      };
      const paths = [
        'Patient/p',
        'Patient',
        'Patient/p/_history',
        'Observation',
        'metadata',
        'Patient/p/$everything',
        'Unicorn',
      ];
      const rows: readonly (readonly [rule: object, statuses: readonly number[]])[] = [
        [{}, [418, 418, 418, 418, 418, 418, 418]],
        [{ interaction: 'read' }, [418, 200, 200, 200, 200, 200, 404]],
        [{ interaction: 'search' }, [200, 418, 200, 418, 200, 200, 404]],
        [{ interaction: 'capabilities' }, [200, 200, 200, 200, 418, 200, 404]],
        [{ interaction: 'operation' }, [200, 200, 200, 200, 200, 418, 404]],
        [{ interaction: '$everything' }, [200, 200, 200, 200, 200, 418, 404]],
        [{ interaction: '$meta' }, [200, 200, 200, 200, 200, 200, 404]],
        [{ type: 'Patient' }, [418, 418, 418, 200, 200, 418, 404]],
        [{ type: 'Patient', interaction: 'search' }, [200, 418, 200, 200, 200, 200, 404]],
        [{ header: { 'X-Test': 'no' } }, [200, 200, 200, 200, 200, 200, 404]],
        [{ nth: 2 }, [200, 418, 200, 200, 200, 200, 404]],
        [{ nth: 2, type: 'Patient' }, [200, 418, 200, 200, 200, 200, 404]],
        [{ times: 3 }, [418, 418, 418, 200, 200, 200, 404]],
        [{ probability: 0 }, [200, 200, 200, 200, 200, 200, 404]],
      ];
      for (const [rule, expected] of rows) {
        await tell('POST', '/faults', { fault: 'status', status: 418, ...rule });
        assert.deepEqual(await statuses(...paths), expected, JSON.stringify(rule));
        await tell('DELETE', '/faults');
      }
      await tell('POST', '/faults', { fault: 'status', status: 418, header: { 'X-Test': 'yes' } });
      assert.equal((await talk.get('Patient/p', { 'x-test': 'yes' })).status, 418);
      assert.equal((await talk.get('Patient/p', { 'x-test': 'no' })).status, 200);
      await tell('POST', '/faults', { fault: 'status', status: 418, interaction: 'transaction' });
      const bundle: Bundle = { resourceType: 'Bundle', type: 'batch', entry: [] };
      const sent = { headers: { 'content-type': 'application/fhir+json' }, body: JSON.stringify(bundle) };
      assert.equal((await talk.send('POST', '', sent)).status, 418);
    });

    it('follow their seed, where chance decides', async () => {
      const draw = async (seed: number): Promise<string> => {
        await tell('DELETE', '/faults');
        await tell('POST', '/faults', { fault: 'status', status: 418, probability: 0.5, seed });
        let drawn = '';
        for (let i = 0; i < 40; i++) drawn += (await stage().talk.get('metadata')).status === 418 ? 'x' : '.';
        return drawn;
      };
      const first = await draw(1);
      assert.equal(await draw(1), first);
      assert.notEqual(await draw(2), first);
      assert.match(first, /x/);
      assert.match(first, /\./);
    });

    it('are listed with what they met, and noted when they fire, as many as are kept', async () => {
      const made = (await tell('POST', '/faults', { fault: 'status', status: 503, type: 'Patient', times: 1 })) as {
        id: string;
      };
      await stage().talk.get('Patient/p');
      await stage().talk.get('Patient/p');
      await stage().talk.get('Observation');
      const { rules } = (await tell('GET', '/faults')) as { rules: readonly object[] };
      assert.deepEqual(rules, [
        { id: made.id, fault: 'status', status: 503, after: false, type: 'Patient', times: 1, matched: 2, fired: 1 },
      ]);
      const [fired, ...more] = await log();
      assert.deepEqual(more, []);
      assert.deepEqual(
        { ...fired, at: '' },
        {
          ...{ at: '', rule: made.id, fault: 'status', method: 'GET', path: '/fhir/Patient/p' },
          ...{ interaction: 'read', type: 'Patient' },
        },
      );
      await tell('POST', '/faults', { fault: 'closed' });
      const all = async () => (await tell('GET', '/faults/log')) as { fired: readonly object[]; dropped: number };
      // Of so many connections at once a machine that has much to do may refuse a few.
      let { fired: kept, dropped } = await all();
      while (kept.length + dropped < 1101) {
        await Promise.all(
          Array.from({ length: 100 }, () => fetch(`${stage().server.base}/metadata`).catch(() => undefined)),
        );
        ({ fired: kept, dropped } = await all());
      }
      assert.equal(kept.length, 1000);
      assert.ok(dropped >= 101);
      await tell('DELETE', '/faults/log');
      assert.deepEqual(await log(), []);
    });

    it('never hit the way out of them, whatever matches', async () => {
      for (const fault of ['closed', 'half-sent', 'store-away', 'audit-away', 'broken-json'])
        await tell('POST', '/faults', { fault });
      await tell('POST', '/faults', { fault: 'delay', ms: 60_000 });
      // It would wait for a minute.
      const patience = new AbortController();
      const waiting = fetch(`${stage().server.base}/metadata`, { signal: patience.signal });
      while ((await log()).length < 6) await pause(5);
      assert.equal((await fetch(`http://127.0.0.1:${stage().server.port}/healthz`)).status, 200);
      assert.equal(((await tell('GET', '/faults')) as { rules: readonly object[] }).rules.length, 6);
      await tell('POST', '/reset', { patience: 10 });
      assert.deepEqual(await tell('GET', '/faults'), { rules: [] });
      assert.equal(await seen(() => update('First')), 'answered');
      patience.abort();
      await assert.rejects(waiting);
    });

    it('are refused where they are not understood', async () => {
      const rows: readonly unknown[] = [
        {},
        { fault: 'unicorn' },
        { fault: 'constructor' },
        { fault: 'delay' },
        { fault: 'delay', ms: 60_001 },
        { fault: 'delay', ms: 1, status: 500 },
        { fault: 'status' },
        { fault: 'status', status: 200 },
        { fault: 'status', status: '500' },
        { fault: 'closed', after: 1 },
        { fault: 'closed', interaction: 'reading' },
        { fault: 'closed', interaction: '$unicorn' },
        { fault: 'closed', type: 'Unicorn' },
        { fault: 'closed', header: 'x' },
        { fault: 'closed', header: { x: 1 } },
        { fault: 'closed', nth: 0 },
        { fault: 'closed', probability: 1.5 },
        { fault: 'closed', sometimes: true },
      ];
      for (const row of rows) assert.equal((await ask('POST', '/faults', row)).status, 400, JSON.stringify(row));
      assert.equal((await ask('DELETE', '/faults/7')).status, 404);
      for (let i = 0; i < 100; i++) await tell('POST', '/faults', { fault: 'delay', ms: 0, type: 'Basic' });
      assert.equal((await ask('POST', '/faults', { fault: 'closed' })).status, 409);
      await tell('DELETE', '/faults');
      assert.equal(await seen(read), 'answered');
    });
  },
  { config: { harness: 'on' } },
);
