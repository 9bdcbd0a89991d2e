/** A server whose larger bytes lie in a bucket: what a client sees of it, and what is said where it cannot be used. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, it } from 'mocha';
import { examine } from '../../src/cli/verify.js';
import { openS3Bucket } from '../../src/store/s3/index.js';
import { command } from '../support/cli.js';
import { exchange } from '../support/exchange.js';
import { openS3Server, type S3Server } from '../support/s3.js';
import { type RunningServer, startServer } from '../support/server.js';
import { spawnServer } from '../support/spawn.js';

describe('a server with a bucket', () => {
  let s3: S3Server;
  let server: RunningServer;
  before(async () => {
    s3 = await openS3Server();
    const config = { blobs: `s3://${s3.bucket}/bytes`, blobsEndpoint: s3.endpoint };
    server = await startServer({ store: 'embedded', config });
  });
  after(async () => {
    await server?.stop();
    await s3.close();
  });
  const get = (path: string, range?: string) =>
    server.request
      .get(path)
      .set('Accept', 'application/octet-stream')
      .set(range === undefined ? {} : { Range: range })
      .buffer(true);

  it('gives bytes from there, is 503 while it is away, and verify names what is wrong there', async () => {
    const bytes = randomBytes(700_000);
    const { headers } = await server.request
      .post('/fhir/Binary')
      .set('Content-Type', 'application/octet-stream')
      .send(bytes)
      .expect(201);
    const path = new URL(headers['location']!.replace(/\/_history.*/, '')).pathname;
    while (s3.objects.size === 0) await pause(5);
    const [key, object] = [...s3.objects][0]!;
    assert.match(key, /^bytes\/[0-9a-f-]{36}$/);
    assert.ok(object.equals(bytes));

    s3.fail('GET', 'refuse', 0);
    assert.ok(bytes.equals((await get(path).expect(200)).body as Buffer));
    const part = await get(path, 'bytes=300000-300009').expect(206);
    assert.ok(bytes.subarray(300_000, 300_010).equals(part.body as Buffer));

    s3.fail('GET', 'refuse');
    const away = await get(path).expect(503);
    assert.match(JSON.stringify(away.body) + away.text, /bucket of stored bytes refuses access/);
    s3.fail('GET', 'refuse', 0);

    s3.fail('GET', 'refuse');
    const unread = await examine(server.engine, 1);
    assert.ok([...unread.findings.keys()].some(what => /could not be read/.test(what)));
    s3.fail('GET', 'refuse', 0);

    s3.objects.set(key, Buffer.alloc(bytes.length));
    await get(path).expect(500);
    const { findings } = await examine(server.engine, 1);
    assert.ok([...findings.keys()].some(what => /bytes are not those/.test(what)));
  });

  it('is 503 before the SDK gives up where the bucket does not answer, and closes while a move hangs', async () => {
    const other = await startServer({
      store: 'embedded',
      config: { blobs: `s3://${s3.bucket}/other`, blobsEndpoint: s3.endpoint },
    });
    const send = async (bytes: Buffer): Promise<string> => {
      const { headers } = await other.request
        .post('/fhir/Binary')
        .set('Content-Type', 'application/octet-stream')
        .send(bytes)
        .expect(201);
      return new URL(headers['location']!.replace(/\/_history.*/, '')).pathname;
    };
    const path = await send(randomBytes(300_000));
    const read = () => other.request.get(path).set('Accept', 'application/octet-stream');
    const gets = s3.asked['GET'] ?? 0;
    while ((s3.asked['GET'] ?? 0) === gets) await read().expect(200);
    s3.fail('GET', 'hang');
    s3.fail('PUT', 'hang');
    const puts = s3.asked['PUT'] ?? 0;
    await send(randomBytes(300_000));
    while ((s3.asked['PUT'] ?? 0) === puts) await pause(5);
    const begun = performance.now();
    await read().expect(503);
    await other.stop();
    // Three tries of the SDK would take 45 s, and so would the end of the move.
    assert.ok(performance.now() - begun < 40_000);
    s3.fail('GET', 'hang', 0);
    s3.fail('PUT', 'hang', 0);
  });

  it('ends a move that is under way with SIGTERM, and a server goes on with it; without the bucket none starts', async () => {
    const data = mkdtempSync(join(tmpdir(), 'chartroom-bucket-'));
    const env = {
      CHARTROOM_DATA: data,
      CHARTROOM_BLOBS: `s3://${s3.bucket}/apart`,
      CHARTROOM_BLOBS_ENDPOINT: s3.endpoint,
    };
    const here = () => [...s3.objects.keys()].filter(key => key.startsWith('apart/'));
    const body = randomBytes(6_000_000);
    const headers = { 'content-type': 'application/octet-stream' };
    try {
      s3.fail('PART', 'hang');
      const first = await spawnServer(env);
      const parts = s3.asked['PART'] ?? 0;
      await exchange(first.port, { method: 'PUT', path: '/fhir/Binary/moving', headers, body });
      while ((s3.asked['PART'] ?? 0) === parts) await pause(5);
      const begun = performance.now();
      assert.equal(await first.end(), 0);
      assert.ok(performance.now() - begun < 40_000);
      assert.deepEqual(here(), []);
      s3.fail('PART', 'hang', 0);

      const second = await spawnServer(env);
      const read = async (port: number) => (await exchange(port, { method: 'GET', path: '/fhir/Binary/moving' })).body;
      assert.ok(body.equals(await read(second.port)));
      // What waited is moved with the next sweep; bytes that are put are moved at once.
      await exchange(second.port, { method: 'PUT', path: '/fhir/Binary/other', headers, body: randomBytes(300_000) });
      while (here().length === 0) await pause(5);
      assert.equal(await second.end(), 0);

      const { status, err } = await command(['serve'], { CHARTROOM_DATA: data, CHARTROOM_PORT: '1' }).ended;
      assert.equal(status, 2);
      assert.match(err, /^[^\n]*CHARTROOM_BLOBS names none[^\n]*CHARTROOM_BLOBS_MOVE=back[^\n]*\n$/);
    } finally {
      rmSync(data, { recursive: true, force: true });
    }
  });

  it('says which package is missing, and what is no address of a bucket', async () => {
    await assert.rejects(openS3Bucket({ bucket: 'b', prefix: '' }, '', 'not-installed-here'), {
      kind: 'unavailable',
      message: /npm install --no-save not-installed-here/,
    });
    for (const config of [
      { blobs: 'https://bucket/prefix' },
      { blobsEndpoint: s3.endpoint },
      { blobsMove: 'back' as const },
    ])
      await assert.rejects(startServer({ store: 'embedded', config }), {
        name: 'ConfigError',
        message: /CHARTROOM_BLOBS/,
      });
  });
});
