/** A server whose larger bytes lie in a bucket: what a client sees of it, and what is said where it cannot be used. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, it } from 'mocha';
import { examine } from '../../src/cli/verify.js';
import { openS3Bucket } from '../../src/store/s3/index.js';
import { openS3Server, type S3Server } from '../support/s3.js';
import { type RunningServer, startServer } from '../support/server.js';

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
    // Three tries of the SDK would take 45 s, and so would the end of the move.
    assert.ok(performance.now() - begun < 20_000);
    await other.stop();
    assert.ok(performance.now() - begun < 30_000);
    s3.fail('GET', 'hang', 0);
    s3.fail('PUT', 'hang', 0);
  });

  it('says which package is missing, and what is no address of a bucket', async () => {
    await assert.rejects(openS3Bucket({ bucket: 'b', prefix: '' }, '', 'not-installed-here'), {
      kind: 'unavailable',
      message: /npm install --no-save not-installed-here/,
    });
    for (const config of [{ blobs: 'https://bucket/prefix' }, { blobsEndpoint: s3.endpoint }])
      await assert.rejects(startServer({ store: 'embedded', config }), {
        name: 'ConfigError',
        message: /CHARTROOM_BLOBS/,
      });
  });
});
