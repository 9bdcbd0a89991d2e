/**
 * Synthetic records (../shared) as the batches and transactions that they are published as, over HTTP on both stores:
 * hospitals and practitioners first, because the transactions refer to them by identifiers. Nothing may fail, and every
 * reference must resolve. CHARTROOM_SYNTHEA=all takes the 122 Bundles of the long set, and a transaction of as many entries
 * as are allowed.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Bundle } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import type { Json } from '../../src/fhir/resource.js';
import { answered, refused, statuses } from '../support/bundles.js';
import { newStore, type RunningServer, STORES, startServer } from '../support/server.js';
import { readText, shared, skipWithout } from '../support/shared.js';
import { type Reply, talkTo } from '../support/talk.js';

const LONG = process.env['CHARTROOM_SYNTHEA'] === 'all';
const SETS = LONG ? ['synthea-seed', 'synthea-bench'] : ['synthea-seed'];
const JSON_TYPE = { 'content-type': 'application/fhir+json', accept: 'application/fhir+json' };

const report = (line: string): void => void process.stderr.write(`      ${line}\n`);

/** What others refer to comes first. */
const inOrder = (folder: string): string[] => {
  const files = readdirSync(folder).toSorted();
  const first = files.filter(name => /hospital|practitioner/.test(name));
  return [...first, ...files.filter(name => !first.includes(name))].map(name => join(folder, name));
};

function referencesIn(value: Json, found: Set<string>): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value))
    if (key === 'reference' && typeof inner === 'string') found.add(inner);
    else referencesIn(inner, found);
}

for (const set of SETS)
  for (const store of STORES)
    describe(`${set} as transactions (${store})`, function () {
      this.timeout(LONG ? 1_200_000 : 120_000);
      let server: RunningServer | undefined;
      let resources = 0;
      const post = (body: string): Promise<Reply<Bundle>> =>
        talkTo(server!.base).send<Bundle>('POST', '', { headers: JSON_TYPE, body });

      before(async function () {
        skipWithout(this, 'data', set, 'bundles');
        server = await startServer({ store: await newStore(this, store) });
      });
      after(() => server?.stop());

      it('stores every entry of every Bundle', async () => {
        let milliseconds = 0;
        for (const file of inOrder(shared('data', set, 'bundles')!)) {
          const text = readText(file);
          const given = (JSON.parse(text) as Bundle).entry!.length;
          const started = performance.now();
          const reply = await post(text);
          milliseconds += performance.now() - started;
          const entries = answered(reply);
          assert.equal(entries.length, given);
          const failed = entries.filter(({ response }) => !/^20[01] /.test(response?.status ?? ''));
          assert.deepEqual(failed, [], basename(file));
          resources += given;
        }
        report(`${resources} resources, ${Math.round(resources / (milliseconds / 1000))} a second`);
      });

      it('leaves no reference that does not resolve', async () => {
        const held = new Set<string>();
        const references = new Set<string>();
        for await (const { row } of server!.engine.store.scan()) {
          if (row.type === 'AuditEvent') continue;
          held.add(`${row.type}/${row.id}`);
          referencesIn(JSON.parse(row.text!.toString()) as Json, references);
        }
        assert.equal(held.size, resources);
        assert.ok(references.size > 1000);
        assert.deepEqual(
          [...references].filter(name => !name.startsWith('#') && !held.has(name)),
          [],
        );
      });

      it('records the creation of each', async () => {
        const found = await talkTo(server!.base).search(
          'AuditEvent?subtype=http://hl7.org/fhir/restful-interaction|create&_summary=count',
        );
        assert.ok(found.total! >= resources, `${found.total} events`);
      });

      it('creates nothing anew that has criteria, where hospitals and practitioners come a second time', async () => {
        const files = inOrder(shared('data', set, 'bundles')!).filter(name => /hospital|practitioner/.test(name));
        for (const file of files) {
          const text = readText(file);
          const given = (JSON.parse(text) as Bundle).entry!;
          const wanted = given.map(({ request }) => (request?.ifNoneExist === undefined ? '201 Created' : '200 OK'));
          assert.ok(wanted.includes('200 OK'));
          assert.deepEqual(statuses(await post(text)), wanted);
        }
      });
    });

if (LONG)
  for (const store of STORES)
    describe(`a transaction of 25,000 entries (${store})`, function () {
      this.timeout(600_000);
      let server: RunningServer | undefined;
      before(async function () {
        server = await startServer({ store: await newStore(this, store) });
      });
      after(() => server?.stop());
      const bundleOf = (count: number): string =>
        JSON.stringify({
          resourceType: 'Bundle',
          type: 'transaction',
          entry: Array.from({ length: count }, (_, i) => ({
            fullUrl: `urn:uuid:4c7f3e1b-8d5b-4b2a-9c43-${String(i).padStart(12, '0')}`,
            resource: {
              resourceType: 'Observation',
              status: 'final',
              code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
              effectiveDateTime: '2026-01-01T10:00:00Z',
              valueQuantity: { value: i, unit: 'beats/min', system: 'http://unitsofmeasure.org', code: '/min' },
              hasMember: [
                { reference: `urn:uuid:4c7f3e1b-8d5b-4b2a-9c43-${String((i * 7) % count).padStart(12, '0')}` },
              ],
            },
            request: { method: 'POST', url: 'Observation' },
          })),
        });

      it('is stored whole, and one more entry is refused', async () => {
        const talk = talkTo(server!.base);
        const send = (count: number) => talk.send<Bundle>('POST', '', { headers: JSON_TYPE, body: bundleOf(count) });
        assert.deepEqual(refused(await send(25_001)), [413, 'too-many-entries', 'Bundle.entry']);
        assert.equal((await talk.search('Observation?_summary=count')).total, 0);
        const started = performance.now();
        let longest = 0;
        let last = started;
        const watch = setInterval(() => {
          longest = Math.max(longest, performance.now() - last - 5);
          last = performance.now();
        }, 5);
        const reply = await send(25_000);
        clearInterval(watch);
        assert.equal(answered(reply).length, 25_000);
        const { maxRSS } = process.resourceUsage();
        report(
          `${Math.round(performance.now() - started)} ms, longest block ${Math.round(longest)} ms, peak ${Math.round(maxRSS / 1024)} MB`,
        );
        assert.equal((await talk.search('Observation?_summary=count')).total, 25_000);
      });
    });
