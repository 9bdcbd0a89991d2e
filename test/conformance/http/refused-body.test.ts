/**
 * A request that is refused before its body was read to the end: the next one on the same connection is answered.
 * https://www.rfc-editor.org/rfc/rfc9112#section-9.3
 */
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { after, before, describe, it } from 'mocha';
import { type RunningServer, startServer } from '../../support/server.js';

describe('a body that is refused', () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let server: RunningServer;
  before('starts a server', async () => {
    server = await startServer({ store: 'embedded', config: { maxBinary: '2000000', maxBody: '1000000' } });
  });
  after('stops it', async () => {
    agent.destroy();
    await server.stop();
  });

  /** The end of the body is sent when the answer to its beginning is there. */
  const send = (method: string, path: string, body: Buffer = Buffer.alloc(0), headers: Record<string, string> = {}) =>
    new Promise<number>((resolve, reject) => {
      const half = body.length - 20_000;
      const sent = request({ port: server.port, method, path, headers, agent }, response => {
        if (half > 0) sent.end(body.subarray(half));
        response.resume().on('end', () => resolve(response.statusCode ?? 0));
      });
      sent.on('error', reject);
      if (half > 0) sent.write(body.subarray(0, half));
      else sent.end(body);
    });

  const bomb = gzipSync(Buffer.alloc(100_000_000));
  const gzip = { 'content-encoding': 'gzip' };
  const rows: readonly (readonly [name: string, path: string, body: Buffer, headers: Record<string, string>])[] = [
    ['a resource that inflates', '/fhir/Patient', bomb, { 'content-type': 'application/fhir+json', ...gzip }],
    ['an upload that inflates', '/fhir/Binary', bomb, { 'content-type': 'application/pdf', ...gzip }],
    ['XML that inflates, sent to Binary', '/fhir/Binary', bomb, { 'content-type': 'application/xml', ...gzip }],
    [
      'an upload that is too large',
      '/fhir/Binary',
      Buffer.alloc(2_500_000),
      { 'content-type': 'application/pdf', 'content-length': '2500000' },
    ],
    [
      'an upload of unknown length',
      '/fhir/Binary',
      Buffer.alloc(2_500_000),
      { 'content-type': 'application/pdf', 'transfer-encoding': 'chunked' },
    ],
  ];
  for (const [name, path, body, headers] of rows)
    it(`keeps nobody from using the connection: ${name}`, async () => {
      assert.equal(await send('POST', path, body, headers), 413);
      assert.equal(await send('GET', '/fhir/metadata'), 200);
    });
});
