/** HTTPS without a proxy: https://www.rfc-editor.org/rfc/rfc9325 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { after, before, describe, it } from 'mocha';
import { readTls } from '../../src/cli/tls.js';
import { ConfigError } from '../../src/platform/config.js';
import { AUTHORITY, CERTIFICATE, CERTIFICATE_KEY } from '../support/certificate.js';
import { exchange } from '../support/exchange.js';
import { type RunningServer, startServer } from '../support/server.js';

describe('HTTPS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-tls-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const fileOf = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  let server: RunningServer;
  before(async () => {
    const [tlsCert, tlsKey] = [fileOf('cert.pem', CERTIFICATE), fileOf('key.pem', CERTIFICATE_KEY)];
    server = await startServer({ store: 'embedded', config: { tlsCert, tlsKey } });
  });
  after(() => server.stop());

  const ask = (options: RequestOptions = {}) =>
    new Promise<{ response: IncomingMessage; protocol: string | null }>((resolve, reject) => {
      const whom = {
        host: '127.0.0.1',
        servername: 'localhost',
        port: server.port,
        ca: AUTHORITY,
        agent: false as const,
      };
      const asked = get(
        { ...whom, path: '/fhir/Patient', headers: { host: `localhost:${server.port}` }, ...options },
        response => {
          const protocol = (response.socket as TLSSocket).getProtocol();
          response.resume().on('end', () => resolve({ response, protocol }));
        },
      );
      asked.on('error', reject);
    });

  it('is served by TLS 1.3 and 1.2, with links of its own', async () => {
    assert.equal(server.base, `https://localhost:${server.port}/fhir`);
    for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
      const { response, protocol } = await ask({ maxVersion });
      assert.deepEqual([response.statusCode, protocol], [200, maxVersion]);
      assert.ok(response.headers['strict-transport-security']);
    }
  });

  it('is not served by older versions, and not without TLS', async () => {
    for (const maxVersion of ['TLSv1.1', 'TLSv1'] as const)
      await assert.rejects(
        ask({ minVersion: maxVersion, maxVersion, ciphers: 'DEFAULT@SECLEVEL=0' }),
        /protocol|alert|version/i,
      );
    await assert.rejects(exchange(server.port, { method: 'GET', path: '/fhir/Patient' }));
  });

  it('wants files that can be used, and belong together', () => {
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const rows: readonly (readonly [tlsCert: string, tlsKey: string, says: RegExp])[] = [
      [join(folder, 'none'), key, /TLS_CERT, .*none, does not exist/],
      [cert, join(folder, 'none'), /TLS_KEY, .*none, does not exist/],
      [fileOf('text.pem', 'x'), key, /TLS_CERT, .*cannot be used as PEM/],
      [cert, cert, /TLS_KEY, .*cannot be used as PEM/],
      [fileOf('other.pem', AUTHORITY), key, /is not the key of the certificate/],
    ];
    for (const [tlsCert, tlsKey, says] of rows)
      assert.throws(
        () => readTls({ tlsCert, tlsKey }),
        (error: unknown) => error instanceof ConfigError && says.test(error.message),
      );
    assert.equal(readTls({ tlsCert: '', tlsKey: '' }), undefined);
  });
});
