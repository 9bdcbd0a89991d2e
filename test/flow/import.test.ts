/** `chartroom import` and the demo data where something is wrong: what failed is said, the rest is loaded, nothing hangs. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { AuditEvent } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { FhirError } from '../../src/fhir/error.js';
import type { Engine } from '../../src/interactions/engine.js';
import { ConfigError } from '../../src/platform/config.js';
import { fallingAway } from '../support/falling-away.js';
import { importInto } from '../support/import.js';
import { type RunningServer, startServer } from '../support/server.js';
import { talkTo } from '../support/talk.js';

const isAway = (error: unknown) => error instanceof FhirError && error.kind === 'unavailable';

describe('import', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-import-'));
  let server: RunningServer;
  before(async () => {
    server = await startServer({ store: 'embedded' });
  });
  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const file = (name: string, content: string | Buffer) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const patients = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => JSON.stringify({ resourceType: 'Patient', id: `p${from + i}` })).join('\n');
  const run = (words: readonly string[], store: Partial<Engine['store']> = {}, options = {}) =>
    importInto(server.engine, words, options, { store, flags: { data: folder } });
  const fallsAway = (kept: number) => fallingAway(server.engine.store, kept);

  it('loads what is right, and reports file, line and reason of what is not', async () => {
    const lines = [
      '{"resourceType":"Patient","id":"good-1"}',
      '{"resourceType":"Patient","id":"bad-1","birthDate":"2023-02-30"}',
      '',
      '{"resourceType":"Pasta","id":"x"}',
      '{"resourceType":',
      '{"resourceType":"Patient","id":"good-2"}',
      '{"resourceType":"Patient","id":"good-2","active":true}',
    ];
    const path = file('mixed.ndjson', lines.join('\n'));
    const report = join(folder, 'failed.ndjson');
    assert.equal(await run([path], {}, { report }), 1);
    const failed = readFileSync(report, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as { line: number; issues: { expression?: string }[] })
      .toSorted((a, b) => a.line - b.line);
    assert.deepEqual(
      failed.map(({ line }) => line),
      [2, 4, 5],
    );
    assert.equal(failed[0]!.issues[0]!.expression, 'Patient.birthDate');
    const talk = talkTo(server.base);
    assert.deepEqual([(await talk.get('Patient/good-2')).status, (await talk.get('Patient/bad-1')).status], [200, 404]);
    assert.equal((await talk.get('Patient/good-2')).header('etag'), 'W/"2"', 'the same resource twice is two versions');
  });

  it('tells the trail of each file, by its hash, with what came of it (110107)', async () => {
    const content = `${patients(900, 3)}\n{"resourceType":"Patient","id":"bad-2","birthDate":"2023-02-30"}`;
    await run([file('told.ndjson', content)]);
    const sha256 = createHash('sha256').update(content).digest('hex');
    const found = await talkTo(server.base).search<AuditEvent>(
      `AuditEvent?type=110107&entity:identifier=urn:oid:2.16.840.1.101.3.4.2.1|${sha256}`,
    );
    assert.deepEqual(
      found.entry?.map(({ resource }) =>
        resource!.entity![0]!.detail!.map(({ type, valueString }) => `${type} ${valueString}`),
      ),
      [[`sha-256 ${sha256}`, `bytes ${content.length}`, 'loaded 3', 'refused 1']],
    );
    assert.ok(!JSON.stringify(found).includes('told.ndjson'), 'a name may be that of a patient');
  });

  it('tells what came in of a file that breaks off', async () => {
    const count = async () => (await talkTo(server.base).search('Patient?_summary=count')).total!;
    const there = await count();
    const packed = gzipSync(patients(5000, 2500));
    const cut = packed.subarray(0, Math.floor(packed.length * 0.9));
    assert.equal(await run([file('half.ndjson.gz', cut)]), 1);
    const sha256 = createHash('sha256').update(cut).digest('hex');
    const { entry = [] } = await talkTo(server.base).search<AuditEvent>(
      `AuditEvent?type=110107&entity:identifier=urn:oid:2.16.840.1.101.3.4.2.1|${sha256}`,
    );
    assert.equal(entry.length, 1);
    const loaded = entry[0]!.resource!.entity![0]!.detail!.find(({ type }) => type === 'loaded')!.valueString;
    assert.ok(Number(loaded) >= 200 && Number(loaded) < 2500, loaded);
    assert.equal((await count()) - there, Number(loaded), 'what was under way is counted, too');
  });

  it('says what is wrong with a file as a whole', async () => {
    await assert.rejects(run([join(folder, 'nowhere.ndjson')]), ConfigError);
    await assert.rejects(run([file('notes.txt', 'x')]), ConfigError);
    assert.equal(await run([file('cut.ndjson.gz', gzipSync(patients(0, 50)).subarray(0, 60))]), 1);
    assert.equal(await run([file('broken.json', '[1,')]), 1);
  });

  it('ends with the error of a store that goes away under it, and goes on from there', async () => {
    const path = file('many.ndjson', patients(1000, 1500));
    await assert.rejects(run([path], fallsAway(3), { concurrency: '2' }), isAway);
    assert.equal(await run([path]), 0);
    const talk = talkTo(server.base);
    assert.equal((await talk.search('Patient?_id=p1000,p1150,p2499')).total, 3);
    assert.equal((await talk.get('Patient/p1000')).body.meta?.versionId, '1', 'not written again');
  });

  it('reads lines of any number and length up to the limit of a body, whatever their ends', async () => {
    const long = `{"resourceType":"Patient","id":"long","name":[{"family":"${'x'.repeat(300_000)}"}]}`;
    const ends = ['{"resourceType":"Patient","id":"e1"}\r', ' \t\r', '{"resourceType":"Patient","id":"e2"}', long];
    const path = file('ends.ndjson', ends.join('\n'));
    assert.equal(await importInto(server.engine, [path], {}, { flags: { data: folder, maxBody: '200000' } }), 1);
    const talk = talkTo(server.base);
    assert.deepEqual(
      await Promise.all(['e1', 'e2', 'long'].map(async id => (await talk.get(`Patient/${id}`)).status)),
      [200, 200, 404],
    );
  });

  it('refuses a Bundle that is larger than one over HTTP may be, and says what to do', async () => {
    const path = file(
      'large.json.gz',
      gzipSync(`{"resourceType":"Bundle","type":"collection"${' '.repeat(3_000_000)}}`),
    );
    const report = join(folder, 'large-failed.ndjson');
    const flags = { data: folder, maxBody: '1000000', maxBundle: '2000000' };
    assert.equal(await importInto(server.engine, [path], { report }, { flags }), 1);
    assert.match(readFileSync(report, 'utf8'), /CHARTROOM_MAX_BUNDLE.*NDJSON/);
  });
});
