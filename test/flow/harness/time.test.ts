/** Clock and seed of the test-harness mode on a whole server: what tests say, everybody sees; and the same requests give the same bytes. */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import type { CapabilityStatement, Patient } from 'fhir/r4.js';
import { onStoresInTurn } from '../../support/both-stores.js';
import { askHarness, toldHarness } from '../../support/harness.js';

onStoresInTurn(
  'a server in test-harness mode',
  stage => {
    const ask = (...asked: Parameters<ReturnType<typeof askHarness>>) => askHarness(stage().server)(...asked);
    const tell = (...told: Parameters<ReturnType<typeof toldHarness>>) => toldHarness(stage().server)(...told);

    it('says in /metadata that it is one', async () => {
      const { body } = await stage().talk.get<CapabilityStatement>('metadata');
      assert.match(body.implementation?.description ?? '', /test-harness mode/);
    });

    it('stops its clock, lets requests move it on, steps it, and lets it go', async () => {
      const { talk } = stage();
      const at = '2031-05-06T07:08:09.000Z';
      assert.deepEqual(await tell('POST', '/clock', { fixed: at, tick: 500 }), {
        now: at,
        mode: 'fixed',
        at: Date.parse(at),
        tick: 500,
      });
      const created = await talk.create<Patient>({ resourceType: 'Patient' });
      assert.equal(created.body.meta.lastUpdated, '2031-05-06T07:08:09.500Z');
      assert.equal(created.header('date'), 'Tue, 06 May 2031 07:08:09 GMT');
      await tell('POST', '/clock', { step: 3_600_000 });
      assert.equal((await talk.search('Patient')).meta?.lastUpdated, '2031-05-06T08:08:10.000Z');
      await tell('POST', '/clock', { offset: -86_400_000 });
      const yesterday = (await talk.search('Patient')).meta?.lastUpdated ?? '';
      assert.ok(Math.abs(Date.now() - 86_400_000 - Date.parse(yesterday)) < 60_000);
      await tell('POST', '/clock', { real: true });
      const now = (await talk.search('Patient')).meta?.lastUpdated ?? '';
      assert.ok(Math.abs(Date.now() - Date.parse(now)) < 60_000);
      assert.equal(((await tell('GET', '/clock')) as { mode: string }).mode, 'real');
    });

    it('refuses what it does not understand, and stays as it is', async () => {
      const rows: readonly unknown[] = [
        {},
        '{',
        '[]',
        'null',
        { fixed: 'today' },
        { fixed: '2026-13-01T00:00:00Z' },
        { fixed: 5 },
        { fixed: '9999-01-01T00:00:00Z' },
        { step: -1 },
        { step: 1.5 },
        { step: '1' },
        { offset: 1, step: 1 },
        { offset: 1, tick: 1 },
        { real: false },
        { fixed: '2026-01-01T00:00:00Z', speed: 2 },
      ];
      const before = ((await tell('GET', '/clock')) as { mode: string }).mode;
      for (const row of rows) assert.equal((await ask('POST', '/clock', row)).status, 400, JSON.stringify(row));
      for (const row of [{}, { seed: -1 }, { seed: 'x' }, { seed: 2 ** 32 }, { seed: 1, more: 1 }])
        assert.equal((await ask('POST', '/seed', row)).status, 400, JSON.stringify(row));
      assert.equal(((await tell('GET', '/clock')) as { mode: string }).mode, before);
      assert.equal((await ask('PUT', '/clock', {})).status, 405);
      assert.equal((await ask('POST', '/clock', 'x'.repeat(70_000))).status, 413);
    });

    it('takes ids and times from a seed, whatever is asked beside FHIR meanwhile', async () => {
      const { talk, server } = stage();
      const made = async (seed: number, beside: boolean): Promise<unknown> => {
        await tell('POST', '/seed', { seed });
        const replies: string[] = [];
        for (let i = 0; i < 3; i++) {
          const reply = await talk.create<Patient>({ resourceType: 'Patient', birthDate: `200${i}-01-01` });
          replies.push(
            reply.text,
            ...['date', 'etag', 'location', 'x-request-id'].map(name => reply.header(name) ?? ''),
          );
          if (beside) await Promise.all([fetch(`http://127.0.0.1:${server.port}/healthz`), tell('GET', '/seed')]);
        }
        return replies;
      };
      const first = await made(7, false);
      const idIn = (text: string) => (JSON.parse(text) as Patient).id;
      const taken = (first as string[]).filter(text => text.startsWith('{')).map(idIn);
      assert.equal(taken.length, 3);
      // The same ids come again; those that are taken are passed over, as ever.
      await tell('POST', '/seed', { seed: 7 });
      const after = await talk.create<Patient>({ resourceType: 'Patient' });
      assert.deepEqual([after.status, taken.includes(after.body.id)], [201, false]);
      assert.notDeepEqual(await made(8, true), first);
      await tell('DELETE', '/seed');
      assert.deepEqual(((await tell('GET', '/seed')) as { seed: unknown }).seed, null);
      assert.equal((await talk.create<Patient>({ resourceType: 'Patient' })).status, 201);
    });
  },
  { config: { harness: 'on' } },
);
