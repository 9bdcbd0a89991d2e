/** Where clients get tokens: https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import type { CapabilityStatement } from 'fhir/r4.js';
import { exchange } from '../../support/exchange.js';
import { openIssuer, type TestIssuer } from '../../support/issuer.js';
import { startServer } from '../../support/server.js';
import { tokenFile } from '../../support/tokens.js';

describe('clients', () => {
  let issuer: TestIssuer;
  before(async () => {
    issuer = await openIssuer(() => 'http://localhost/fhir');
  });
  after(() => issuer.close());

  describe('are told where they come from', () => {
    const well = '/fhir/.well-known/smart-configuration';
    it('by smart-configuration, to everybody, from the metadata of the issuer', async () => {
      Object.assign(issuer.metadata, {
        ...{ scopes_supported: ['openid', 'fhirUser', 'launch/patient', 'offline_access', ' '] },
        ...{ code_challenge_methods_supported: ['plain', 'S256'], token_endpoint_auth_methods_supported: ['none'] },
        ...{
          revocation_endpoint: '',
          capabilities: ['context-banner', 'permission-user', 7],
          secret_of_the_house: 'x',
        },
      });
      const fresh = await startServer({ store: 'embedded', config: { auth: 'token', issuers: issuer.url } });
      try {
        const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
          exchange(fresh.port, { method, path, headers });
        const { status, headers, body } = await get(well, { accept: 'text/html', origin: 'https://app.example.org' });
        assert.equal(status, 200);
        assert.equal(headers['content-type'], 'application/json');
        assert.equal(headers['access-control-allow-origin'], '*');
        assert.deepEqual(JSON.parse(body.toString()), {
          ...{ grant_types_supported: ['authorization_code', 'implicit'], issuer: issuer.url },
          ...{ jwks_uri: `${issuer.url}/jwks`, authorization_endpoint: `${issuer.url}/authorize` },
          ...{ token_endpoint: `${issuer.url}/token`, introspection_endpoint: `${issuer.url}/introspect` },
          token_endpoint_auth_methods_supported: ['none'],
          scopes_supported: ['openid', 'fhirUser', 'launch/patient', 'offline_access'],
          code_challenge_methods_supported: ['S256'],
          capabilities: [
            ...['context-banner', 'client-public', 'context-standalone-patient', 'permission-offline'],
            ...['launch-standalone', 'sso-openid-connect', 'permission-v1', 'permission-v2', 'permission-patient'],
          ],
        });
        assert.equal((await get(well, {}, 'POST')).status, 405);
        assert.deepEqual(
          [(await get(well, {}, 'OPTIONS')).status, (await get(well, {}, 'HEAD')).body.length],
          [204, 0],
        );
        const metadata = await get('/fhir/metadata', { origin: 'https://app.example.org' });
        assert.equal(metadata.headers['access-control-allow-origin'], '*');
        const { rest } = JSON.parse(metadata.body.toString()) as CapabilityStatement;
        const { service, extension } = rest![0]!.security!;
        assert.equal(service?.[0]?.coding?.[0]?.code, 'SMART-on-FHIR');
        const uris = extension?.[0]?.extension?.map(({ url, valueUri }) => [url, valueUri]);
        assert.deepEqual(uris?.slice(0, 2), [
          ['authorize', `${issuer.url}/authorize`],
          ['token', `${issuer.url}/token`],
        ]);
        const others = await get('/fhir/Patient', { origin: 'https://app.example.org' });
        assert.equal(others.headers['access-control-allow-origin'], undefined);
      } finally {
        await fresh.stop();
      }
    });

    it('while the issuer is away: /metadata tells the rest, and smart-configuration that it is away', async () => {
      issuer.instead = (_request, response) => (response.writeHead(500), response.end(), true);
      const fresh = await startServer({ store: 'embedded', config: { auth: 'token', issuers: issuer.url } });
      try {
        const get = (path: string) => exchange(fresh.port, { method: 'GET', path });
        const metadata = await get('/fhir/metadata');
        const { rest } = JSON.parse(metadata.body.toString()) as CapabilityStatement;
        assert.equal(rest![0]!.security!.extension, undefined);
        assert.ok(rest![0]!.security!.service);
        assert.equal((await get(well)).status, 503);
        const token = await issuer.token();
        const answer = await exchange(fresh.port, {
          method: 'GET',
          path: '/fhir/Patient',
          headers: { authorization: `Bearer ${token}` },
        });
        assert.deepEqual([answer.status, answer.headers['retry-after']], [503, '2']);
      } finally {
        issuer.instead = undefined;
        await fresh.stop();
      }
    });
  });

  it('are not sent anywhere by a server that believes no issuer', async () => {
    const server = await startServer({
      store: 'embedded',
      config: { auth: 'token', tokens: tokenFile({ admin: 'admin' }) },
    });
    try {
      const headers = { origin: 'https://app.example.org' };
      const { status } = await exchange(server.port, { method: 'GET', path: '/fhir/.well-known/smart-configuration' });
      assert.equal(status, 404);
      const metadata = await exchange(server.port, { method: 'GET', path: '/fhir/metadata', headers });
      assert.equal(metadata.headers['access-control-allow-origin'], undefined);
      const { rest } = JSON.parse(metadata.body.toString()) as CapabilityStatement;
      assert.equal(rest![0]!.security!.service, undefined);
    } finally {
      await server.stop();
    }
  });
});
