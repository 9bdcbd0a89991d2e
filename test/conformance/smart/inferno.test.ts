/**
 * What the test kits of Inferno for SMART 2.2 and ONC's g10 ask of a server that authorises apps, row by row and in their order: discovery, standalone
 * launch, openid, refresh, limited and fine-grained and old scopes, unauthorised reads, revocation, introspection, backend services.
 * https://github.com/inferno-framework/smart-app-launch-test-kit, https://github.com/onc-healthit/onc-certification-g10-test-kit
 */
import assert from 'node:assert/strict';
import { hash, randomUUID } from 'node:crypto';
import { createRemoteJWKSet, decodeJwt, jwtVerify, SignJWT } from 'jose';
import { after, before, describe, it } from 'mocha';
import {
  askToken,
  askWithCode,
  authOf,
  authorizeUrl,
  Browser,
  codeIn,
  errorIn,
  newVerifier,
  refresh,
} from '../../support/smart-app.js';
import {
  consent,
  enter,
  getAs,
  journeyOf,
  launchApp,
  SHARED_SECRET,
  type SmartServer,
  startSmart,
} from '../../support/smart-server.js';

type Said = Record<string, string & string[]>;

describe('what Inferno asks of SMART', () => {
  let smart: SmartServer;
  let base = '';
  before(async function () {
    smart = await startSmart(this, 'embedded');
    ({ base } = smart);
  });
  after(() => smart?.stop());

  const journey = () => journeyOf(base);
  const statusOf = async (path: string, token?: string): Promise<number> => (await getAs(base, path, token)).status;
  const isRefused = (status: number): boolean => status === 400 || status === 401;
  const configuration = async (accept = 'application/json'): Promise<Response> =>
    fetch(`${base}/.well-known/smart-configuration`, { headers: { accept, origin: 'https://app.example.org' } });
  const said = async (): Promise<Said> => (await (await configuration()).json()) as Said;
  /** A code of anna for p1, and the verifier that goes with it. */
  const newCode = async () => {
    const browser = new Browser(base);
    const verifier = newVerifier();
    const page = await enter(browser, await browser.follow(authorizeUrl(journey(), verifier)));
    return { code: codeIn(await consent(browser, page, 'p1'), journey()), verifier };
  };
  const basic = { authorization: `Basic ${Buffer.from(`secret-app:${SHARED_SECRET}`).toString('base64')}` };
  const introspect = async (token = ''): Promise<Record<string, unknown>> => {
    const init = { method: 'POST', headers: basic, body: new URLSearchParams({ token }) };
    const response = await fetch(`${authOf(base)}/introspect`, init);
    assert.equal(response.status, 200);
    return (await response.json()) as Record<string, unknown>;
  };

  describe('discovery', () => {
    it('is JSON for anybody, whatever they accept, from any origin', async () => {
      for (const accept of ['application/json', '*/*', 'application/fhir+xml', 'text/html']) {
        const response = await configuration(accept);
        assert.equal(response.status, 200, accept);
        assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
        assert.equal(response.headers.get('access-control-allow-origin'), '*');
      }
      const metadata = await fetch(`${base}/metadata`, { headers: { origin: 'https://app.example.org' } });
      assert.equal(metadata.headers.get('access-control-allow-origin'), '*');
    });

    it('has every field that is required, and none is blank', async () => {
      const all = await said();
      const required = [
        ...[
          'issuer',
          'jwks_uri',
          'authorization_endpoint',
          'token_endpoint',
          'introspection_endpoint',
          'revocation_endpoint',
        ],
        ...['grant_types_supported', 'capabilities', 'code_challenge_methods_supported', 'scopes_supported'],
        ...['response_types_supported', 'token_endpoint_auth_methods_supported', 'management_endpoint'],
      ];
      for (const name of required) assert.ok((all[name]?.length ?? 0) > 0, name);
      for (const [name, value] of Object.entries(all))
        for (const each of [value].flat()) assert.ok(typeof each === 'string' && each.trim() !== '', name);
      assert.deepEqual(all['code_challenge_methods_supported'], ['S256']);
      assert.deepEqual(
        new Set(all['grant_types_supported']),
        new Set(['authorization_code', 'client_credentials', 'refresh_token']),
      );
      for (const alg of ['RS384', 'ES384'])
        assert.ok(all['token_endpoint_auth_signing_alg_values_supported']!.includes(alg));
    });

    const capabilities = [
      ...['launch-ehr', 'launch-standalone', 'authorize-post', 'client-public', 'client-confidential-symmetric'],
      ...[
        'client-confidential-asymmetric',
        'sso-openid-connect',
        'context-banner',
        'context-ehr-patient',
        'context-ehr-encounter',
      ],
      ...['context-standalone-patient', 'context-standalone-encounter', 'permission-offline', 'permission-online'],
      ...['permission-patient', 'permission-user', 'permission-v1', 'permission-v2'],
    ];
    it('claims these capabilities, and no other', async () =>
      assert.deepEqual(new Set((await said())['capabilities']), new Set(capabilities)));

    it('is told to older apps by the CapabilityStatement', async () => {
      const statement = (await (await fetch(`${base}/metadata`)).json()) as { rest: [{ security: object }] };
      const security = JSON.stringify(statement.rest[0].security);
      for (const each of ['SMART-on-FHIR', 'oauth-uris', `${authOf(base)}/authorize`, `${authOf(base)}/token`])
        assert.ok(security.includes(each), each);
    });

    it('of OpenID Connect names the same issuer, and keys for RS256', async () => {
      const { issuer, jwks_uri: place } = await said();
      const openid = (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as Said;
      assert.deepEqual([openid['issuer'], openid['jwks_uri']], [issuer, place]);
      assert.ok(openid['id_token_signing_alg_values_supported']!.includes('RS256'));
      const { keys } = (await (await fetch(place!)).json()) as { keys: Record<string, string>[] };
      assert.ok(keys.some(({ kty, alg, kid }) => kty === 'RSA' && alg === 'RS256' && kid));
    });
  });

  describe('standalone launch', () => {
    it('gives a token with all that belongs to it, not to be cached', async () => {
      const { status, body, headers } = await launchApp(journey());
      assert.equal(status, 200);
      assert.match(headers.get('content-type') ?? '', /^application\/json/);
      assert.match(headers.get('cache-control') ?? '', /no-store/);
      assert.match(headers.get('pragma') ?? '', /no-cache/);
      assert.equal(String(body['token_type']).toLowerCase(), 'bearer');
      assert.ok(Number(body['expires_in']) <= 3600);
      for (const name of ['access_token', 'scope', 'patient', 'id_token', 'refresh_token']) assert.ok(body[name], name);
      assert.equal(await statusOf(`Patient/${String(body['patient'])}`, body.access_token), 200);
    });

    it('takes the request as a form, too', async () => {
      const url = new URL(authorizeUrl(journey(), newVerifier()));
      const { text } = await new Browser(base).follow(url.pathname, { method: 'POST', body: url.searchParams });
      assert.match(text, /name="password"/);
    });

    it('gives no code for another aud', async () => {
      const browser = new Browser(base);
      const answer = await browser.follow(
        authorizeUrl(journey(), newVerifier(), { aud: 'https://bad.example.org/fhir' }),
      );
      assert.equal(errorIn(answer), 'invalid_request');
      assert.doesNotMatch(answer.location ?? '', /[?&]code=/);
    });

    const verifiers: [what: string, of: (right: string) => string | undefined][] = [
      ['is missing', () => undefined],
      ['is blank', () => ''],
      ['is another one', () => newVerifier()],
      ['is the challenge', right => hash('sha256', right, 'base64url')],
    ];
    for (const [what, of] of verifiers)
      it(`gives no token where the code verifier ${what}`, async () => {
        const { code, verifier } = await newCode();
        const given = of(verifier);
        const { client, redirect } = journey();
        const fields = { grant_type: 'authorization_code', code, redirect_uri: redirect, client_id: client };
        const { status } = await askToken(base, {
          ...fields,
          ...(given === undefined ? {} : { code_verifier: given }),
        });
        assert.ok(isRefused(status), String(status));
      });

    it('gives no token for a code that there is not, to an application that there is not, or for a code twice', async () => {
      const { code, verifier } = await newCode();
      assert.ok(isRefused((await askWithCode(journey(), 'bad', verifier)).status));
      assert.ok(isRefused((await askWithCode(journeyOf(base, 'nobody'), code, verifier)).status));
      assert.equal((await askWithCode(journey(), code, verifier)).status, 200);
      assert.ok(isRefused((await askWithCode(journey(), code, verifier)).status));
    });
  });

  describe('openid', () => {
    it('gives an id_token that the keys verify, with a user who is there for the app', async () => {
      const { body } = await launchApp(journey(), { scope: 'openid fhirUser launch/patient patient/*.rs user/*.rs' });
      const keys = createRemoteJWKSet(new URL(`${authOf(base)}/jwks`));
      const { payload, protectedHeader } = await jwtVerify(String(body['id_token']), keys, {
        issuer: authOf(base),
        audience: 'app',
        algorithms: ['RS256'],
      });
      assert.ok(protectedHeader.kid);
      for (const name of ['sub', 'exp', 'iat'] as const) assert.ok(payload[name], name);
      assert.match(
        String(payload['fhirUser']),
        /^http.*\/(Patient|Practitioner|PractitionerRole|RelatedPerson|Person)\/[^/]+$/,
      );
    });
  });

  describe('refresh', () => {
    it('gives another token, with the scopes and without naming them', async () => {
      const first = await launchApp(journey());
      const plain = await refresh(journey(), first.body.refresh_token!);
      const named = await refresh(journey(), plain.body.refresh_token!, { scope: first.body.scope! });
      for (const { status, body, headers } of [plain, named]) {
        assert.equal(status, 200);
        assert.match(headers.get('cache-control') ?? '', /no-store/);
        assert.deepEqual(new Set(body.scope!.split(' ')), new Set(first.body.scope!.split(' ')));
        assert.equal(await statusOf('Patient/p1', body.access_token), 200);
      }
    });

    it('is refused with a token that there is not', async () =>
      assert.ok(isRefused((await refresh(journey(), 'bad')).status)));
  });

  describe('scopes', () => {
    it('that a user leaves out are not granted, and what they are for is refused', async () => {
      const browser = new Browser(base);
      const verifier = newVerifier();
      const scope = 'launch/patient patient/Patient.rs patient/Observation.rs patient/Condition.rs';
      const page = await enter(browser, await browser.follow(authorizeUrl(journey(), verifier, { scope })));
      const back = await consent(browser, page, 'p1', ['patient/Patient.rs', 'patient/Condition.rs']);
      const { body } = await askWithCode(journey(), codeIn(back, journey()), verifier);
      assert.equal(body.scope!.includes('Observation'), false);
      assert.deepEqual(
        await Promise.all(
          ['Patient/p1', 'Condition?patient=p1', 'Observation?patient=p1', 'Observation/o-p1'].map(path =>
            statusOf(path, body.access_token),
          ),
        ),
        [200, 200, 403, 403],
      );
    });

    it('of SMART 1 mean what they did', async () => {
      const { body } = await launchApp(journey(), {
        scope: 'launch/patient patient/Patient.read patient/Observation.*',
      });
      assert.deepEqual(
        new Set(body.scope!.split(' ')),
        new Set(['launch/patient', 'patient/Patient.read', 'patient/Observation.*']),
      );
      assert.deepEqual(
        [await statusOf('Patient/p1', body.access_token), await statusOf('Observation?patient=p1', body.access_token)],
        [200, 200],
      );
    });

    it('with a category give what is of it', async () => {
      const category = 'http://terminology.hl7.org/CodeSystem/observation-category|laboratory';
      const scope = `launch/patient patient/Patient.r patient/Observation.rs?category=${category}`;
      const { body } = await launchApp(journey(), { scope });
      assert.ok(body.scope!.includes(category));
      const found = (await (await getAs(base, 'Observation?patient=p1', body.access_token)).json()) as {
        total: number;
      };
      assert.equal(found.total, 0);
      assert.equal(await statusOf('Observation/o-p1', body.access_token), 404);
    });
  });

  it('a read without a token is 401, and with a made-up one', async () => {
    assert.equal(await statusOf('Patient/p1'), 401);
    assert.equal(await statusOf('Patient/p1', 'made-up'), 401);
  });

  it('what was revoked opens nothing, and is not refreshed', async () => {
    const { body } = await launchApp(journey());
    const revoked = { token: body.access_token!, client_id: 'app' };
    const { status } = await fetch(`${authOf(base)}/revoke`, { method: 'POST', body: new URLSearchParams(revoked) });
    assert.equal(status, 200);
    assert.equal(await statusOf('Patient/p1', body.access_token), 401);
    assert.ok(isRefused((await refresh(journey(), body.refresh_token!)).status));
    assert.deepEqual(await introspect(body.access_token), { active: false });
  });

  it('introspection says what the token is, and of others that they are none', async () => {
    const { body } = await launchApp(journey());
    const about = await introspect(body.access_token);
    const { exp, iss, sub } = decodeJwt(body.access_token!);
    assert.deepEqual(
      [about['active'], about['client_id'], about['patient'], about['exp'], about['iss'], about['sub']],
      [true, 'app', 'p1', exp, iss, sub],
    );
    assert.deepEqual(new Set(String(about['scope']).split(' ')), new Set(body.scope!.split(' ')));
    assert.deepEqual(await introspect('made-up'), { active: false });
  });

  describe('backend services', () => {
    const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
    const assertion = (client = 'backend') =>
      new SignJWT({ jti: randomUUID() })
        .setProtectedHeader({ alg: 'ES384', kid: 'k1', typ: 'JWT' })
        .setIssuer(client)
        .setSubject(client)
        .setAudience(`${authOf(base)}/token`)
        .setExpirationTime(Math.floor(Date.now() / 1000) + 200)
        .sign(smart.key);
    const ask = async (more: Readonly<Record<string, string>> = {}) =>
      askToken(base, {
        ...{ grant_type: 'client_credentials', scope: 'system/Patient.rs', client_assertion_type: TYPE },
        client_assertion: await assertion(),
        ...more,
      });

    it('get a token for five minutes', async () => {
      const { status, body } = await ask();
      assert.equal(status, 200);
      assert.ok(Number(body['expires_in']) <= 300);
      assert.deepEqual([body.scope, String(body['token_type']).toLowerCase()], ['system/Patient.rs', 'bearer']);
      assert.equal(await statusOf('Patient/p1', body.access_token), 200);
    });

    const wrong: [what: string, more: () => Promise<Record<string, string>>, statuses: number[]][] = [
      ['another grant', async () => ({ grant_type: 'not_a_grant_type' }), [400]],
      ['another type of assertion', async () => ({ client_assertion_type: 'not_a_type' }), [400, 401]],
      ['an assertion that is none', async () => ({ client_assertion: 'a.b.c' }), [400, 401]],
      ['the assertion of another application', async () => ({ client_assertion: await assertion('app') }), [400, 401]],
    ];
    for (const [what, more, statuses] of wrong)
      it(`get none with ${what}`, async () => assert.ok(statuses.includes((await ask(await more())).status)));
  });
});
