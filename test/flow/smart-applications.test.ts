/**
 * How applications come to be known: keys at an address of their own, registration by themselves, and what the server says of itself to them.
 * https://www.rfc-editor.org/rfc/rfc7591, https://www.rfc-editor.org/rfc/rfc8414
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { after, before, describe, it } from 'mocha';
import { type RunningServer, startServer } from '../support/server.js';
import {
  askToken,
  askWithCode,
  authOf,
  authorizeUrl,
  Browser,
  codeIn,
  fromElsewhere,
  newVerifier,
} from '../support/smart-app.js';
import { consent, enter, journeyOf, PASSWORD, REDIRECT } from '../support/smart-server.js';

describe('applications of the authorization server', () => {
  let server: RunningServer;
  let folder = '';
  let keys: Server;
  let place = '';
  let asked = 0;
  let key: CryptoKey;
  before(async () => {
    const pair = await generateKeyPair('ES384', { extractable: true });
    key = pair.privateKey;
    const body = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'ES384' }] });
    keys = createServer((request, response) => {
      asked++;
      response.setHeader('content-type', 'application/json');
      response.end(request.url === '/huge' ? `${body}${' '.repeat(300_000)}` : body);
    }).listen(0, '127.0.0.1');
    await once(keys, 'listening');
    const host = `http://localhost:${(keys.address() as AddressInfo).port}`;
    place = `${host}/jwks`;
    folder = mkdtempSync(join(tmpdir(), 'chartroom-applications-'));
    const clients = join(folder, 'clients.json');
    const backend = (id: string, at: string) => ({ client_id: id, scope: 'system/Patient.rs', jwks_uri: at });
    writeFileSync(
      clients,
      JSON.stringify([
        backend('by-address', place),
        backend('huge', `${host}/huge`),
        backend('unlisted', 'https://keys.example.org/jwks'),
        { client_id: 'native', redirect_uris: ['http://localhost:9000/', 'http://127.0.0.1:9000/back'] },
      ]),
    );
    const config = { auth: 'smart', clients, clientKeyHosts: host, registration: 'on', trustedProxies: '127.0.0.1' };
    server = await startServer({ store: 'embedded', config });
  });
  after(async () => {
    server?.engine.authorization?.stop();
    await server?.stop();
    keys?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = async (client: string, header: object = {}, exp = Math.floor(Date.now() / 1000) + 200) => {
    const signed = await new SignJWT({ jti: randomUUID() })
      .setProtectedHeader({ alg: 'ES384', kid: 'k1', typ: 'JWT', ...header })
      .setIssuer(client)
      .setSubject(client)
      .setAudience(`${authOf(server.base)}/token`)
      .setExpirationTime(exp)
      .sign(key);
    const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
    return askToken(server.base, {
      ...{ grant_type: 'client_credentials', scope: 'system/Patient.rs' },
      ...{ client_assertion_type: type, client_assertion: signed },
    });
  };

  it('sign with keys that are at an address of theirs, which is asked once', async () => {
    const { status, body } = await ask('by-address');
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal((await ask('by-address', { jku: place })).status, 200);
    assert.equal(asked, 1);
  });

  const refused: [what: string, asking: () => ReturnType<typeof ask>][] = [
    ['another jku', () => ask('by-address', { jku: `${place}2` })],
    ['a key that is not there', () => ask('by-address', { kid: 'k2' })],
    ['no name of a key', () => ask('by-address', { kid: undefined })],
    ['an assertion for more than five minutes', () => ask('by-address', {}, Math.floor(Date.now() / 1000) + 400)],
    ['more keys than anybody has', () => ask('huge')],
    ['keys at a host that is not listed', () => ask('unlisted')],
  ];
  for (const [what, asking] of refused)
    it(`are refused with ${what}`, async () => {
      const { status, body } = await asking();
      assert.deepEqual([status, body['error']], [401, 'invalid_client']);
    });

  it('are led to their redirect_uri to the letter, the port too', async () => {
    const statusOf = async (redirect: string) =>
      (await new Browser(server.base).send(authorizeUrl(journeyOf(server.base, 'native', redirect), newVerifier())))
        .status;
    for (const right of ['http://localhost:9000/', 'http://127.0.0.1:9000/back'])
      assert.equal(await statusOf(right), 303);
    for (const wrong of [
      ...['http://localhost:9001/', 'http://localhost:9000', 'http://localhost:9000/?a=b', 'http://LOCALHOST:9000/'],
      ...[
        'http://127.0.0.1:9001/back',
        'http://127.0.0.1:9000/back/',
        'http://127.0.0.1:9000/x/../back',
        'http://localhost:9000/#a',
      ],
    ])
      assert.equal(await statusOf(wrong), 400, wrong);
  });

  const register = async (metadata: unknown, headers: Readonly<Record<string, string>> = fromElsewhere()) => {
    const response = await fetch(`${authOf(server.base)}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof metadata === 'string' ? metadata : JSON.stringify(metadata),
    });
    return { status: response.status, body: (await response.json()) as Record<string, string> };
  };

  it('register themselves, are used, and users are told that nobody knows them', async () => {
    const { status, body } = await register({
      ...{ client_name: 'Self <made>', redirect_uris: [REDIRECT], token_endpoint_auth_method: 'none' },
      ...{ logo_uri: 'https://x.example/logo.png', 'client_name#de': 'Selbst' },
    });
    assert.equal(status, 201, JSON.stringify(body));
    assert.deepEqual(
      [
        body['client_name'],
        body['redirect_uris'],
        body['grant_types'],
        body['token_endpoint_auth_method'],
        body['client_secret'],
        body['logo_uri'],
      ],
      ['Self <made>', [REDIRECT], ['authorization_code', 'refresh_token'], 'none', undefined, undefined],
    );
    await server.engine.authorization!.users.add({ name: 'anna', role: 'reader', password: PASSWORD });
    const journey = journeyOf(server.base, body['client_id']);
    const browser = new Browser(server.base);
    const verifier = newVerifier();
    const page = await enter(browser, await browser.follow(authorizeUrl(journey, verifier, { scope: 'user/*.rs' })));
    assert.match(page.text, /Nobody here knows this application.*https:\/\/app\.example\.org/);
    assert.match(page.text, /Self &lt;made&gt;/);
    const given = await askWithCode(journey, codeIn(await consent(browser, page), journey), verifier);
    assert.equal(given.status, 200);
    const kept = await server.engine.store.records.get('registered-client', body['client_id']!);
    assert.ok(kept!.expires! > Date.now() + 89 * 86_400_000);
  });

  it('are forgotten within a day where nobody gives them access', async () => {
    const { body } = await register({ redirect_uris: [REDIRECT] });
    const kept = await server.engine.store.records.get('registered-client', body['client_id']!);
    assert.ok(kept!.expires! <= Date.now() + 86_400_000);
  });

  it('register as JSON alone, which no page of others sends unasked', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp'])
      assert.equal(
        (await register({ redirect_uris: [REDIRECT] }, { ...fromElsewhere(), 'content-type': type })).status,
        415,
      );
    const type = { 'content-type': 'application/json; charset=utf-8' };
    assert.equal((await register({ redirect_uris: [REDIRECT] }, { ...fromElsewhere(), ...type })).status, 201);
  });

  it('register with a secret that is shown once, or with keys', async () => {
    const secret = await register({ redirect_uris: [REDIRECT] });
    assert.equal(secret.status, 201);
    assert.equal(secret.body['token_endpoint_auth_method'], 'client_secret_basic');
    assert.match(secret.body['client_secret']!, /^[\w-]{43}$/);
    assert.equal(secret.body['client_secret_expires_at'], 0);
    for await (const { value } of server.engine.store.records.all())
      assert.equal(value.includes(secret.body['client_secret']!), false);
    const method = { token_endpoint_auth_method: 'private_key_jwt' };
    const withKeys = await register({ redirect_uris: [REDIRECT], ...method, jwks_uri: place });
    assert.deepEqual([withKeys.status, withKeys.body['jwks_uri']], [201, place]);
  });

  const wrong: [what: string, metadata: unknown, error: string][] = [
    ['no JSON', '{', 'invalid_client_metadata'],
    ['a list', [], 'invalid_client_metadata'],
    ['no redirect_uris', {}, 'invalid_client_metadata'],
    ['a redirect_uri without TLS', { redirect_uris: ['http://app.example.org/'] }, 'invalid_redirect_uri'],
    ['a redirect_uri with a fragment', { redirect_uris: ['https://app.example.org/#x'] }, 'invalid_redirect_uri'],
    ['a redirect_uri that runs', { redirect_uris: ['javascript:alert(1)'] }, 'invalid_redirect_uri'],
    [
      'too many redirect_uris',
      { redirect_uris: Array.from({ length: 21 }, () => REDIRECT) },
      'invalid_client_metadata',
    ],
    [
      'a grant for itself',
      { redirect_uris: [REDIRECT], grant_types: ['client_credentials'] },
      'invalid_client_metadata',
    ],
    ['an implicit grant', { redirect_uris: [REDIRECT], response_types: ['token'] }, 'invalid_client_metadata'],
    [
      'a method that there is not',
      { redirect_uris: [REDIRECT], token_endpoint_auth_method: 'tls_client_auth' },
      'invalid_client_metadata',
    ],
    [
      'keys without the method',
      { redirect_uris: [REDIRECT], jwks_uri: 'https://x.example/' },
      'invalid_client_metadata',
    ],
    [
      'keys at a host that is not listed',
      {
        redirect_uris: [REDIRECT],
        token_endpoint_auth_method: 'private_key_jwt',
        jwks_uri: 'https://169.254.169.254/',
      },
      'invalid_client_metadata',
    ],
    ['a software statement', { redirect_uris: [REDIRECT], software_statement: 'x' }, 'invalid_client_metadata'],
    ['a name that is blank', { redirect_uris: [REDIRECT], client_name: ' \u00a0' }, 'invalid_client_metadata'],
    ['a name of two lines', { redirect_uris: [REDIRECT], client_name: 'a\nb' }, 'invalid_client_metadata'],
    [
      'a name that clears a terminal',
      { redirect_uris: [REDIRECT], client_name: '\u001b[2Ja' },
      'invalid_client_metadata',
    ],
    ['a name that turns around', { redirect_uris: [REDIRECT], client_name: 'a\u202eb' }, 'invalid_client_metadata'],
    ['a redirect_uri of two lines', { redirect_uris: ['https://app.example.org/\nx'] }, 'invalid_redirect_uri'],
    [
      'more keys than anybody has',
      {
        ...{ redirect_uris: [REDIRECT], token_endpoint_auth_method: 'private_key_jwt' },
        jwks: { keys: Array.from({ length: 101 }, (_, i) => ({ kty: 'EC', kid: `k${i}` })) },
      },
      'invalid_client_metadata',
    ],
    ['a name of 201 letters', { redirect_uris: [REDIRECT], client_name: 'x'.repeat(201) }, 'invalid_client_metadata'],
  ];
  for (const [what, metadata, error] of wrong)
    it(`do not register with ${what}`, async () => {
      const { status, body } = await register(metadata);
      assert.deepEqual([status, body['error']], [400, error]);
    });

  it('register ten times an hour from one address', async () => {
    const from = fromElsewhere();
    const statuses: number[] = [];
    for (let i = 0; i < 11; i++) statuses.push((await register({ redirect_uris: [REDIRECT] }, from)).status);
    assert.deepEqual(statuses, [...Array.from({ length: 10 }, () => 201), 429]);
  });

  it('find the metadata where RFC 8414 has them, and they say what works', async () => {
    const { origin } = new URL(server.base);
    const response = await fetch(`${origin}/.well-known/oauth-authorization-server/auth`, {
      headers: { origin: 'https://x.example' },
    });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('access-control-allow-origin'), '*');
    const said = (await response.json()) as Record<string, string & string[]>;
    assert.equal(said['issuer'], authOf(server.base));
    assert.equal(said['registration_endpoint'], `${authOf(server.base)}/register`);
    const smart = (await (await fetch(`${server.base}/.well-known/smart-configuration`)).json()) as typeof said;
    for (const name of Object.keys(said))
      if (Object.hasOwn(smart, name)) assert.deepEqual(smart[name], said[name], name);
    const library = (await (
      await fetch(`${authOf(server.base)}/.well-known/openid-configuration`)
    ).json()) as typeof said;
    for (const name of [
      'issuer',
      'jwks_uri',
      'authorization_endpoint',
      'token_endpoint',
      'introspection_endpoint',
      'revocation_endpoint',
    ])
      assert.equal(library[name], said[name], name);
    for (const name of ['jwks_uri', 'authorization_endpoint']) assert.ok((await fetch(said[name]!)).status < 500, name);
  });
});
