/** How far an answer is complete: Bundle.meta.lastUpdated of searches and histories, and $horizon (docs/searching.md). */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Basic, Bundle, Meta, OperationOutcome, Parameters } from 'fhir/r4.js';
import { it } from 'mocha';
import { onBothStores } from '../../support/both-stores.js';
import { hookUp } from '../../support/hooked.js';
import { idsOf, linkOf, type Talk } from '../../support/talk.js';

const basic = (id: string): Basic => ({ resourceType: 'Basic', id, code: { text: id } });
const stampOf = (resource: { readonly meta?: Meta | undefined }): number =>
  Date.parse(resource.meta?.lastUpdated ?? '');

async function horizon(talk: Talk): Promise<number> {
  const { status, body } = await talk.get<Parameters>('$horizon');
  assert.equal(status, 200);
  assert.equal(body.resourceType, 'Parameters');
  const [{ name, valueInstant } = { name: '' }, ...more] = body.parameter ?? [];
  assert.deepEqual([name, more], ['return', []]);
  return Date.parse(valueInstant ?? '');
}

/** Asks until the horizon is beyond a time. */
async function horizonBeyond(talk: Talk, time: number): Promise<void> {
  while ((await horizon(talk)) <= time) await pause(10);
}

/** A promise, and what fulfils it. */
function gate(): { readonly passed: Promise<void>; open(): void } {
  let open = (): void => {};
  const passed = new Promise<void>(resolve => (open = resolve));
  return { passed, open };
}

onBothStores('the horizon', stage => {
  it('stays behind a write under way, in every search and history, while others are seen', async () => {
    const { server, talk } = stage();
    const [reached, held] = [gate(), gate()];
    hookUp(server, {
      holding: {
        types: ['Basic'],
        patience: 600_000,
        async check({ id }) {
          if (id !== 'long') return;
          reached.open();
          await held.passed;
        },
      },
    });
    const long = talk.update(basic('long'));
    await reached.passed;
    const opened = await horizon(talk);
    const short = stampOf((await talk.update(basic('short'))).body);
    const paths = ['Basic?_id=short', 'Basic?_id=none', 'Basic?_summary=count', '?_type=Basic', '_history'];
    for (const path of [...paths, 'Basic/_history', 'Basic/short/_history'])
      assert.ok(stampOf(await talk.search(path)) <= short, path);
    assert.ok((await horizon(talk)) >= opened);
    held.open();
    const stamped = stampOf((await long).body);
    assert.ok(opened <= stamped, `${opened} ≤ ${stamped}`);
    await horizonBeyond(talk, Math.max(stamped, short));
    for (const path of paths) assert.ok(stampOf(await talk.search(path)) > stamped, path);
    const since = new Date(opened).toISOString();
    assert.deepEqual(idsOf(await talk.search(`Basic?_lastUpdated=ge${since}`)).toSorted(), ['long', 'short']);
  });

  it('of all pages is that of the first', async () => {
    const { talk } = stage();
    await talk.update({ resourceType: 'Patient', id: 'p' });
    for (let i = 0; i < 5; i++) {
      await talk.update({ ...basic(`page-${i}`), subject: { reference: 'Patient/p' } });
      await talk.update(basic('page-0'));
    }
    for (const path of ['Basic?_count=2', 'Basic/_history?_count=2', 'Patient/p/$everything?_count=2']) {
      let page: Bundle = await talk.search(path);
      const first = stampOf(page);
      let pages = 1;
      for (let next = linkOf(page, 'next'); next !== undefined; next = linkOf(page, 'next'), pages++) {
        const { body } = await talk.update({ ...basic('between'), code: { text: `${path} ${pages}` } });
        await horizonBeyond(talk, Math.max(stampOf(body), first));
        page = await talk.search(next);
        assert.equal(stampOf(page), first);
        const back = linkOf(page, 'previous');
        if (back !== undefined) assert.equal(stampOf(await talk.search(back)), first);
      }
      assert.ok(pages > 2, path);
    }
  });

  it('does not wait for the sender of a large upload', async () => {
    const { server, talk } = stage();
    const upload = request(`${server.base}/Binary`, {
      method: 'POST',
      headers: { 'content-type': 'application/pdf', 'content-length': '200000' },
    });
    const answered = new Promise<string>((resolve, reject) => {
      upload.on('error', reject);
      upload.on('response', response => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => resolve(text));
      });
    });
    upload.write(Buffer.alloc(100_000));
    const { body } = await talk.create({ resourceType: 'Patient' });
    await horizonBeyond(talk, stampOf(body));
    const beside = stampOf((await talk.create({ resourceType: 'Patient' })).body);
    upload.end(Buffer.alloc(100_000));
    await answered;
    const since = new Date(beside).toISOString();
    const { body: history } = await talk.get<Bundle>(`Binary/_history?_since=${since}`);
    const [entry] = history.entry ?? [];
    assert.ok(stampOf(entry?.resource ?? {}) >= beside);
    assert.equal(stampOf(entry?.resource ?? {}), Date.parse(entry?.response?.lastModified ?? ''));
    await horizonBeyond(talk, stampOf(entry?.resource ?? {}));
  });

  it('is given by POST as well, and takes no parameters', async () => {
    const { talk } = stage();
    const headers = { 'content-type': 'application/fhir+json' };
    const asked = await talk.send<Parameters>('POST', '$horizon', {
      headers,
      body: JSON.stringify({ resourceType: 'Parameters' }),
    });
    assert.equal(asked.status, 200);
    const refused = await talk.get<OperationOutcome>('$horizon?at=2026');
    assert.equal(refused.status, 400);
  });

  it('and how far it is behind, is in /metrics', async () => {
    const { server, talk } = stage();
    const lag = async (): Promise<number> => {
      const { text } = await server.request.get('/metrics');
      return Number(/^chartroom_horizon_lag_seconds (\S+)$/m.exec(text)?.[1]);
    };
    const stamp = server.engine.store.openStamp();
    const at = stamp.now();
    while ((await lag()) * 1000 < 20) await pause(5);
    assert.ok((await horizon(talk)) <= at);
    stamp.close();
    // At rest it is there within a second.
    while (!((await lag()) < 1)) await pause(5);
  });
});
