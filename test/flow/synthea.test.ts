/**
 * Synthetic records (../shared) in and out: by PUT over HTTP on both stores with every digit kept, and by `chartroom import` of
 * their Bundles in an unhappy order. All of them in a full run, a part of each type and some patients at every change.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bundle } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { ACCOUNT_TAG } from '../../src/features/documents/intake/vocabulary.js';
import type { Json, JsonObject } from '../../src/fhir/resource.js';
import { command } from '../support/cli.js';
import { FULL, sampleOf } from '../support/depth.js';
import { storesInTurn } from '../support/both-stores.js';
import { newStore, type RunningServer, startServer } from '../support/server.js';
import { readText, skipWithout } from '../support/shared.js';
import { linkOf, type Reply, talkTo } from '../support/talk.js';

interface Line {
  readonly type: string;
  readonly id: string;
  readonly text: string;
}

function readLines(folder: string): Line[] {
  return readdirSync(folder)
    .flatMap(name => readText(join(folder, name)).split('\n'))
    .filter(text => text !== '')
    .map(text => {
      const { resourceType: type, id } = JSON.parse(text) as { resourceType: string; id: string };
      return { type, id, text };
    });
}

/** Parsed with numbers as the texts they are, so that no digit is lost in the comparison. */
const exact = (text: string): JsonObject =>
  JSON.parse(
    text.replaceAll(
      /("(?:[^"\\]|\\.)*")|(-?\d[\d.eE+-]*)/g,
      (_, string: string, number: string) => string ?? `"#${number}"`,
    ),
  ) as JsonObject;

/** Of what the server says of documents by itself. */
const ACCOUNT = `${ACCOUNT_TAG.system}|${ACCOUNT_TAG.code}`;

/** What the server says of the bytes of a document. */
const OF_DOCUMENTS: ReadonlySet<string> = new Set(['url', 'size', 'hash']);

/** In the order of its members, without what the server sets. */
function comparable({ resourceType, id, meta, ...rest }: JsonObject): string {
  const { versionId: _, lastUpdated: __, ...own } = (meta ?? {}) as JsonObject;
  const { content, ...others } = rest;
  if (resourceType !== 'DocumentReference') return JSON.stringify([resourceType, id, own, rest]);
  const shown = JSON.stringify(content, (name, value: Json) => (OF_DOCUMENTS.has(name) ? undefined : value));
  return JSON.stringify([resourceType, id, own, others, shown]);
}

const countsOf = (lines: readonly { readonly type: string }[]) => {
  const counts: Record<string, number> = {};
  for (const { type } of lines) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
};

async function inParallel<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      for (const item of queue) await run(item);
    }),
  );
}

for (const store of storesInTurn(0))
  describe(`synthetic records by PUT and back (${store})`, () => {
    let server: RunningServer | undefined;
    let lines: readonly Line[] = [];
    const running = () => server!;

    before('stores the records', async function () {
      lines = sampleOf(readLines(skipWithout(this, 'data', 'synthea-seed', 'ndjson')), 80, ({ type }) => type);
      server = await startServer({ store: await newStore(this, store) });
      const talk = talkTo(server.base);
      await inParallel(lines, async ({ type, id, text }) => {
        const headers = { 'content-type': 'application/fhir+json', prefer: 'return=minimal' };
        const reply = await talk.send('PUT', `${type}/${id}`, { headers, body: text });
        assert.equal(reply.status, 201, reply.text);
      });
    });
    after(() => server?.stop());

    it('counts them by type', async () => {
      const talk = talkTo(running().base);
      const counts = countsOf(lines);
      assert.ok(Object.keys(counts).length >= 24);
      for (const [type, count] of Object.entries(counts))
        assert.equal((await talk.search(`${type}?_tag:not=${ACCOUNT}&_summary=count`)).total, count, type);
    });

    it('says of each document that it was received', async () => {
      const { total } = await talkTo(running().base).search(`Provenance?_tag=${ACCOUNT}&_summary=count`);
      assert.ok(total! > 0);
      assert.equal(total, countsOf(lines)['DocumentReference']);
    });

    it('gives each back with every digit, in the pages of a search', async () => {
      const talk = talkTo(running().base);
      const given = new Map(lines.map(({ type, id, text }) => [`${type}/${id}`, text]));
      for (const type of Object.keys(countsOf(lines))) {
        let next: string | undefined = `${type}?_tag:not=${ACCOUNT}&_count=1000&_total=none`;
        while (next !== undefined) {
          const reply: Reply<Bundle> = await talk.get(next);
          assert.equal(reply.status, 200);
          const page = exact(reply.text) as unknown as Bundle;
          for (const { resource } of page.entry ?? []) {
            const name = `${type}/${resource?.id}`;
            assert.equal(
              comparable(resource as unknown as JsonObject),
              comparable(exact(given.get(name) ?? '{}')),
              name,
            );
            given.delete(name);
          }
          next = linkOf(page, 'next');
        }
      }
      assert.deepEqual([...given.keys()], []);
    });

    it('gives a tenth of them back by reads, with every digit', async () => {
      const talk = talkTo(running().base);
      const some = lines.filter((_, at) => at % 10 === 0);
      await inParallel(some, async ({ type, id, text }) => {
        const reply = await talk.get(`${type}/${id}`);
        assert.equal(reply.status, 200);
        assert.equal(comparable(exact(reply.text)), comparable(exact(text)), `${type}/${id}`);
      });
    });

    it('finds as many by a short, a long and a full reference to each patient', async () => {
      const talk = talkTo(running().base);
      for (const { id } of lines.filter(({ type }) => type === 'Patient')) {
        const ways = [id, `Patient/${id}`, `${talk.base}/Patient/${id}`];
        const totals = await Promise.all(
          ways.map(
            async way => (await talk.search(`Observation?patient=${encodeURIComponent(way)}&_summary=count`)).total,
          ),
        );
        const wanted = lines.filter(
          ({ type, text }) => type === 'Observation' && text.includes(`"Patient/${id}"`),
        ).length;
        assert.deepEqual(totals, [wanted, wanted, wanted]);
      }
    });
  });

describe('chartroom import of synthetic bundles', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-import-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** What the store holds: type and id of every resource but audit events, and every literal reference. */
  async function contents(data: string) {
    const server = await startServer({ store: 'embedded', config: { data } });
    const held: { type: string; id: string }[] = [];
    const references = new Set<string>();
    const visit = (value: Json): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const [key, child] of Object.entries(value)) {
        if (key === 'reference' && typeof child === 'string' && !child.startsWith('#')) references.add(child);
        else visit(child);
      }
    };
    for await (const { row } of server.engine.store.scan()) {
      // The bytes of documents are kept as Binaries of their own, and that they were received is told.
      if (row.type === 'AuditEvent' || row.type === 'Binary' || row.text!.includes(ACCOUNT_TAG.system)) continue;
      held.push({ type: row.type, id: row.id });
      visit(JSON.parse(row.text!.toString()) as Json);
    }
    await server.stop();
    return { held, references };
  }

  it('loads everything, with references that resolve', async function () {
    const bundles = skipWithout(this, 'data', 'synthea-seed', 'bundles');
    const all = readLines(skipWithout(this, 'data', 'synthea-seed', 'ndjson'));
    const data = join(folder, 'whole');
    // What the others refer to comes last.
    const files = sampleOf(readdirSync(bundles), 10, file => (file.startsWith('0-') ? file : 'patient'))
      .toSorted()
      .toReversed();
    const words = files.map(name => join(bundles, name));
    const entries = words.flatMap(file => (JSON.parse(readText(file)) as Bundle).entry ?? []);
    const lines = entries.map(({ resource }) => ({ type: resource!.resourceType }));
    if (FULL) assert.deepEqual(countsOf(lines), countsOf(all));
    const { status, out, err } = await command(['import', ...words], { CHARTROOM_DATA: data }).ended;
    assert.equal(status, 0, out + err);
    assert.match(out, new RegExp(`^Loaded ${lines.length} resources in .*; 0 failed; 0 were loaded before`));
    const { held, references } = await contents(data);
    assert.deepEqual(countsOf(held), countsOf(lines));
    const known = new Set(held.map(({ type, id }) => `${type}/${id}`));
    assert.ok(references.size > (FULL ? 1000 : 10));
    assert.deepEqual(
      [...references].filter(reference => !known.has(reference)),
      [],
    );
  });

  it('says what failed, where and why, and loads the rest', async function () {
    const data = join(folder, 'faults');
    const file = join(folder, 'some.ndjson');
    const good = '{"resourceType":"Patient","id":"good"}';
    writeFileSync(file, `${good}\n{"resourceType":"Patient","id":"bad","birthDate":"soon"}\nnot json\n`);
    const report = join(folder, 'report.ndjson');
    const { status, out } = await command(['import', file, '--report', report], { CHARTROOM_DATA: data }).ended;
    assert.equal(status, 1);
    assert.match(out, /^Loaded 1 resources in .*; 2 failed/);
    const failures = readFileSync(report, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as { line: number; type?: string })
      .toSorted((a, b) => a.line - b.line);
    assert.deepEqual(
      failures.map(({ line, type }) => [line, type]),
      [
        [2, 'Patient'],
        [3, undefined],
      ],
    );
    assert.deepEqual((await contents(data)).held, [{ type: 'Patient', id: 'good' }]);
  });
});
