/**
 * Resets and snapshots of a whole server in test-harness mode: what it answers afterwards is what it answered then, byte for byte,
 * whatever parts of it knew of the content before; and what becomes of requests that are under way.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, it } from 'mocha';
import type { AuditEvent, Bundle, CodeSystem, Observation, Patient, SearchParameter, ValueSet } from 'fhir/r4.js';
import { onStoresInTurn } from '../../support/both-stores.js';
import { askHarness, toldHarness } from '../../support/harness.js';
import { newStore, startServer, STORES } from '../../support/server.js';
import { idsOf, linkOf, type Reply, type Talk, talkTo } from '../../support/talk.js';

import { fullIt } from '../../support/depth.js';
const parameter = (code: string, id: string): SearchParameter => ({
  resourceType: 'SearchParameter',
  id,
  url: `http://example.org/${code}`,
  name: code,
  description: code,
  status: 'active',
  code,
  base: ['Patient'],
  type: 'string',
  expression: 'Patient.name.suffix',
});
const patient = (id: string, suffix: string): Patient => ({
  resourceType: 'Patient',
  id,
  name: [{ family: 'Chalmers', suffix: [suffix] }],
});
const system = (display: string): CodeSystem => ({
  resourceType: 'CodeSystem',
  id: 'colours',
  url: 'http://example.org/colours',
  status: 'active',
  content: 'complete',
  concept: [{ code: 'all', concept: [{ code: display }] }],
});
const valueSet: ValueSet = {
  resourceType: 'ValueSet',
  id: 'colours',
  url: 'http://example.org/colours-vs',
  status: 'active',
  compose: {
    include: [{ system: 'http://example.org/colours', filter: [{ property: 'concept', op: 'is-a', value: 'all' }] }],
  },
};

/** Reads, writes, refusals and searches of many kinds, one after the other. */
const SCENARIO: readonly ((talk: Talk) => Promise<Reply>)[] = [
  talk => talk.create<Patient>({ resourceType: 'Patient', name: [{ family: 'One' }] }),
  talk => talk.update(patient('two', 'Jr.')),
  talk => talk.update({ ...patient('two', 'Sr.'), active: true }),
  talk => talk.get('Patient/two/_history'),
  talk => talk.get('Patient/nobody'),
  talk => talk.get('Patient?family=One'),
  talk => talk.get('Patient?family=One&unknown=1', { prefer: 'handling=lenient' }),
  talk => talk.get('Patient?unknown=1'),
  talk =>
    talk.send('POST', '', {
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify({
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [
          {
            fullUrl: 'urn:uuid:05efabf0-4be2-4561-91ce-51548425acb9',
            resource: { resourceType: 'Patient', name: [{ family: 'Three' }] },
            request: { method: 'POST', url: 'Patient' },
          },
          {
            resource: {
              resourceType: 'Observation',
              status: 'final',
              code: { text: 'x' },
              subject: { reference: 'urn:uuid:05efabf0-4be2-4561-91ce-51548425acb9' },
            },
            request: { method: 'POST', url: 'Observation' },
          },
        ],
      } satisfies Bundle<Patient | Observation>),
    }),
  async talk => talk.get(linkOf(await talk.search('Patient?_count=1'), 'next') ?? ''),
  talk => talk.get('Patient?_sort=-_lastUpdated&_count=2'),
  talk => talk.delete('Patient/two'),
  talk => talk.get('Patient/two'),
  talk => talk.get('_history'),
  talk => talk.get('AuditEvent?_count=100'),
  talk => talk.get('AuditEvent?_sort=-date&_count=3'),
];
const HEADERS = ['date', 'etag', 'last-modified', 'location', 'x-request-id', 'content-type'];

async function play(talk: Talk): Promise<readonly unknown[]> {
  const told: unknown[] = [];
  for (const act of SCENARIO) {
    const reply = await act(talk);
    told.push([reply.status, reply.text, ...HEADERS.map(name => reply.header(name))]);
  }
  return told;
}

onStoresInTurn(
  'resets of a server',
  stage => {
    const tell = (...told: Parameters<ReturnType<typeof toldHarness>>) => toldHarness(stage().server)(...told);
    const ask = (...asked: Parameters<ReturnType<typeof askHarness>>) => askHarness(stage().server)(...asked);
    const count = async (query: string) => (await stage().talk.search(query)).entry?.length ?? 0;

    it('let one scenario give the same bytes twice, audit events and page links included', async () => {
      const { talk } = stage();
      await tell('POST', '/reset', { seed: 42 });
      const first = await play(talk);
      assert.ok(first.every(each => Array.isArray(each) && Number(each[0]) < 500));
      const events = JSON.parse((first.at(-2) as string[])[1]!) as Bundle<AuditEvent>;
      assert.ok((events.entry?.length ?? 0) >= SCENARIO.length);
      await talk.create({ resourceType: 'Basic', code: { text: 'between' } });
      await tell('POST', '/reset', { seed: 42 });
      assert.deepEqual(await play(talk), first);
      await tell('POST', '/reset', { seed: 43 });
      const other = await play(talk);
      assert.notDeepEqual(other, first);
      assert.deepEqual(
        other.map(each => (each as unknown[])[0]),
        first.map(each => (each as unknown[])[0]),
      );
      // Without a seed nothing is the same.
      await tell('POST', '/reset');
      assert.notEqual((await play(talk))[0], first[0]);
    });

    it('do so from a snapshot, too', async () => {
      const { talk } = stage();
      await tell('POST', '/reset', { seed: 1 });
      for (let i = 0; i < 20; i++) await talk.update(patient(`p${i}`, 'Jr.'));
      await tell('POST', '/snapshot', { name: 'twenty' });
      const from = async () => {
        await tell('POST', '/reset', { to: 'twenty', seed: 2, clock: { fixed: '2030-01-01T00:00:00Z', tick: 1000 } });
        return [...(await play(talk)), (await talk.get('Patient?_count=50')).text];
      };
      const first = await from();
      assert.deepEqual(await from(), first);
      await tell('POST', '/reset');
      assert.equal(await count('Patient'), 0);
      assert.deepEqual(await from(), first);
    });

    it('bring the demo data, always the same', async () => {
      const { talk } = stage();
      const whole = async (): Promise<string> => {
        const { text } = await talk.get('_history?_count=1000');
        return text.replaceAll(/"lastUpdated":"[^"]*"|"id":"[^"]*"/g, '');
      };
      await tell('POST', '/reset', { to: 'demo', seed: 5 });
      const first = await whole();
      assert.ok((await count('Patient?_count=1000')) > 5);
      await talk.create({ resourceType: 'Patient' });
      await tell('POST', '/reset', { to: 'demo', seed: 5 });
      assert.equal(await whole(), first);
      assert.deepEqual(await tell('GET', '/snapshot'), { snapshots: ['twenty'] });
    });

    it('take search parameters out of force and put them into force, and forget code systems', async () => {
      const { talk } = stage();
      await tell('POST', '/reset');
      await talk.update(patient('one', 'Jr.'));
      assert.equal((await talk.update(parameter('suffix', 'suffix'))).status, 201);
      while (stage().server.engine.reindexer.busy) await pause(5);
      assert.deepEqual(idsOf(await talk.search('Patient?suffix=Jr.')), ['one']);
      await talk.update(system('red'));
      await talk.update(valueSet);
      await talk.update({
        resourceType: 'Basic',
        id: 'red',
        code: { coding: [{ system: 'http://example.org/colours', code: 'red' }] },
      });
      const coloured = async () => idsOf(await talk.search('Basic?code:in=http://example.org/colours-vs'));
      assert.deepEqual(await coloured(), ['red']);
      await tell('POST', '/snapshot', { name: 'suffixes' });

      await tell('POST', '/reset');
      assert.equal((await talk.get('Patient?suffix=Jr.')).status, 400);
      await talk.update(patient('two', 'Jr.'));
      await talk.update(system('green'));
      await talk.update(valueSet);
      await talk.update({
        resourceType: 'Basic',
        id: 'green',
        code: { coding: [{ system: 'http://example.org/colours', code: 'green' }] },
      });
      assert.deepEqual(await coloured(), ['green']);

      await tell('POST', '/reset', { to: 'suffixes' });
      const found = await talk.search('Patient?suffix=Jr.');
      assert.deepEqual(idsOf(found), ['one']);
      assert.ok(!JSON.stringify(found).includes('parameter-indexing'));
      assert.deepEqual(await coloured(), ['red']);
      await talk.update(patient('three', 'Jr.'));
      assert.deepEqual(idsOf(await talk.search('Patient?suffix=Jr.')).toSorted(), ['one', 'three']);
      // A parameter that is new gets its job.
      assert.equal((await talk.update({ ...parameter('another', 'another') })).status, 201);
      while (stage().server.engine.reindexer.busy) await pause(5);
      assert.deepEqual(idsOf(await talk.search('Patient?another=Jr.')).toSorted(), ['one', 'three']);
      await tell('DELETE', '/snapshot/suffixes');
    });

    fullIt('let requests wait that begin meanwhile, and refuse those that do not end', async () => {
      const { talk, server } = stage();
      await tell('POST', '/reset', { seed: 1 });
      const asked = Array.from({ length: 200 }, (_, i) =>
        i % 20 === 10 ? tell('POST', '/reset', { seed: i }) : talk.create({ resourceType: 'Patient' }),
      );
      const answers = await Promise.all(asked);
      for (const answer of answers as readonly { readonly status?: number }[])
        assert.ok(answer.status === undefined || answer.status === 201);

      // Its body ends only after the reset, which does not wait for it.
      const body = JSON.stringify({ resourceType: 'Patient', id: 'late' });
      const late = connect(server.port, '127.0.0.1');
      let answered = '';
      late.on('data', data => (answered += String(data)));
      late.write(
        `PUT /fhir/Patient/late HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/fhir+json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`,
      );
      const underWay = async () => {
        const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
        return Number(/^chartroom_open_requests (\d+)$/m.exec(text)?.[1]);
      };
      // The look itself is one of them.
      while ((await underWay()) < 2) await pause(5);
      await tell('POST', '/reset', { patience: 10 });
      late.write(body.slice(5));
      while (!answered.includes('}')) await pause(5);
      late.destroy();
      assert.match(answered, /^HTTP\/1\.1 503 .*A test has reset this server/s);
      assert.equal((await talk.get('Patient/late')).status, 404);
    });

    it('refuse what they do not understand, and change nothing', async () => {
      const { talk } = stage();
      await tell('POST', '/reset');
      await talk.update(patient('kept', 'Jr.'));
      const rows: readonly (readonly [method: string, path: string, body: unknown, status: number])[] = [
        ['POST', '/reset', { to: 'nothing-of-this-name' }, 404],
        ['POST', '/reset', { to: '../demo' }, 400],
        ['POST', '/reset', { to: 5 }, 400],
        ['POST', '/reset', { too: 'empty' }, 400],
        ['POST', '/reset', { patience: -1 }, 400],
        ['POST', '/reset', { clock: 'real' }, 400],
        ['POST', '/snapshot', {}, 400],
        ['POST', '/snapshot', { name: 'demo' }, 400],
        ['POST', '/snapshot', { name: 'empty' }, 400],
        ['POST', '/snapshot', { name: 'A' }, 400],
        ['POST', '/snapshot', { name: '../x' }, 400],
        ['POST', '/snapshot', { name: 'x'.repeat(64) }, 400],
        ['DELETE', '/snapshot/none', undefined, 404],
        ['DELETE', '/snapshot/demo', undefined, 400],
        ['DELETE', '/snapshot', undefined, 405],
      ];
      for (const [method, path, body, status] of rows)
        assert.equal((await ask(method, path, body)).status, status, `${method} ${path} ${JSON.stringify(body)}`);
      assert.equal((await talk.get('Patient/kept')).status, 200);
    });
  },
  { config: { harness: 'on' } },
);

describe('a store with data of its own', () => {
  for (const name of STORES)
    it(`is not opened in test-harness mode (${name})`, async function () {
      const store = await newStore(this, name);
      const server = await startServer({ store });
      await talkTo(server.base).create({ resourceType: 'Patient' });
      const { data } = server.engine.settings;
      await server.engine.store.close();
      await assert.rejects(startServer({ store, config: { harness: 'on', data } }), /holds what no test has written/);
      await server.stop();
    });
});
