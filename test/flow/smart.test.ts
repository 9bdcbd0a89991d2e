/**
 * The authorization server as an app and its user meet it: whole sign-ins by HTTP, from discovery to what the tokens open.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { get as getOf } from 'node:http';
import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { after, before, describe, it } from 'mocha';
import { endAllOf } from '../../src/identity/server/adapter.js';
import { totpCode, totpStep } from '../../src/identity/users/totp.js';
import { FULL } from '../support/depth.js';
import { STORES } from '../support/server.js';
import {
  askToken,
  askWithCode,
  authOf,
  authorizeUrl,
  boxesIn,
  Browser,
  codeIn,
  errorIn,
  type Journey,
  newVerifier,
  refresh,
} from '../support/smart-app.js';
import {
  consent,
  enter,
  getAs,
  journeyOf,
  launchApp,
  PASSWORD,
  REDIRECT,
  SHARED_SECRET,
  type SmartServer,
  startSmart,
  STATIC_TOKEN,
} from '../support/smart-server.js';

/** What differs between stores the contract of records holds: the other one in a full run. */
for (const store of FULL ? STORES : (['embedded'] as const))
  describe(`the authorization server (${store})`, () => {
    let smart: SmartServer;
    let base = '';
    const app = (client?: string, redirect?: string): Journey => journeyOf(base, client, redirect);
    const get = (path: string, token?: string): Promise<Response> => getAs(base, path, token);
    const updateEncounter = async (id: string, patient: string): Promise<void> => {
      const encounter = {
        ...{ resourceType: 'Encounter', id, status: 'finished', subject: { reference: `Patient/${patient}` } },
        class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
      };
      const headers = { authorization: `Bearer ${STATIC_TOKEN}`, 'content-type': 'application/fhir+json' };
      const body = JSON.stringify(encounter);
      assert.equal((await fetch(`${base}/Encounter/${id}`, { method: 'PUT', headers, body })).status, 201);
    };
    before(async function () {
      smart = await startSmart(this, store);
      ({ base } = smart);
    });
    after(() => smart?.stop());

    it('says where it is, to apps of all origins', async () => {
      const response = await fetch(`${base}/.well-known/smart-configuration`, {
        headers: { origin: 'https://x.example' },
      });
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('access-control-allow-origin'), '*');
      const said = (await response.json()) as Record<string, string & string[]>;
      const auth = authOf(base);
      assert.deepEqual(
        ['issuer', 'authorization_endpoint', 'token_endpoint', 'jwks_uri'].map(name => said[name]),
        [auth, `${auth}/authorize`, `${auth}/token`, `${auth}/jwks`],
      );
      assert.deepEqual(said['code_challenge_methods_supported'], ['S256']);
      for (const each of [
        'launch-ehr',
        'launch-standalone',
        'client-public',
        'client-confidential-asymmetric',
        'sso-openid-connect',
        'permission-offline',
        'permission-user',
        'permission-v2',
      ])
        assert.ok(said['capabilities']!.includes(each), each);
      const { keys } = (await (await fetch(said['jwks_uri']!)).json()) as { keys: Record<string, string>[] };
      assert.deepEqual(new Set(keys.map(({ alg }) => alg)), new Set(['ES256', 'RS256']));
      assert.equal(JSON.stringify(keys).includes('"d"'), false);
      const statement = (await (await fetch(`${base}/metadata`)).json()) as { rest: { security: object }[] };
      assert.match(JSON.stringify(statement.rest[0]!.security), /SMART-on-FHIR.*/);
      assert.equal((await fetch(`${auth}/.well-known/openid-configuration`)).status, 200);
    });

    it('lets an app in for one patient: sign-in, patient, consent, code, tokens, refresh', async () => {
      const { status, body, headers, browser } = await launchApp(app());
      assert.equal(status, 200, JSON.stringify(body));
      assert.match(headers.get('cache-control') ?? '', /no-store/);
      assert.equal(headers.get('pragma'), 'no-cache');
      assert.equal(body['patient'], 'p1');
      assert.equal(body['need_patient_banner'], true);
      assert.equal(body['expires_in'], 3600);
      assert.equal(String(body['token_type']).toLowerCase(), 'bearer');
      assert.deepEqual(body.scope?.split(' ').toSorted(), [
        'fhirUser',
        'launch/patient',
        'offline_access',
        'openid',
        'patient/*.rs',
      ]);
      const access = decodeJwt(body.access_token!);
      assert.deepEqual(
        [access.iss, access.aud, access.sub, access['client_id'], access['patient'], access['role']],
        [authOf(base), base, 'anna', 'app', 'p1', 'reader'],
      );
      assert.deepEqual(
        [decodeProtectedHeader(body.access_token!).alg, decodeProtectedHeader(body.access_token!).typ],
        ['ES256', 'at+jwt'],
      );
      const id = String(body['id_token']);
      assert.equal(decodeProtectedHeader(id).alg, 'RS256');
      assert.equal(decodeJwt(id)['fhirUser'], `${base}/Practitioner/p1`);
      assert.equal((await get('Patient/p1', body.access_token)).status, 200);
      assert.equal((await get('Patient/p2', body.access_token)).status, 404);
      const found = (await (await get('Observation', body.access_token)).json()) as { total: number };
      assert.equal(found.total, 1);
      assert.equal((await get('Patient/p1')).status, 401);
      assert.equal((await get('Patient/p1', id)).status, 401);
      const second = await refresh(app(), body.refresh_token!);
      assert.equal(second.status, 200, JSON.stringify(second.body));
      assert.notEqual(second.body.refresh_token, body.refresh_token);
      assert.equal(second.body['patient'], 'p1');
      assert.equal((await get('Patient/p1', second.body.access_token)).status, 200);
      const less = await refresh(app(), second.body.refresh_token!, { scope: 'patient/*.rs' });
      assert.equal(less.body.scope, 'patient/*.rs');
      assert.ok(browser.calls < 12, `${browser.calls} calls`);
    });

    it('grants what the user leaves of a request, and nothing beside', async () => {
      const browser = new Browser(base);
      const verifier = newVerifier();
      const scope = 'launch/patient patient/Patient.rs patient/Observation.rs offline_access';
      const page = await enter(browser, await browser.follow(authorizeUrl(app(), verifier, { scope })));
      assert.deepEqual(boxesIn(page), ['patient/Patient.rs', 'patient/Observation.rs', 'offline_access']);
      assert.match(page.text, /Growth &lt;chart&gt;/);
      const none = await consent(browser, page, 'p1', []);
      assert.equal(none.status, 422);
      const nobody = await consent(browser, page, undefined);
      assert.equal(nobody.status, 422);
      const invented = await consent(browser, page, 'p99');
      assert.equal(invented.status, 422);
      const back = await consent(browser, page, 'p1', ['patient/Patient.rs', 'patient/Condition.rs']);
      const { body } = await askWithCode(app(), codeIn(back, app()), verifier);
      assert.deepEqual(body.scope?.split(' ').toSorted(), ['launch/patient', 'patient/Patient.rs']);
      assert.equal(body.refresh_token, undefined);
      assert.equal((await get('Patient/p1', body.access_token)).status, 200);
      assert.equal((await get('Observation', body.access_token)).status, 403);
      assert.equal((await get('Condition', body.access_token)).status, 403);
    });

    it('finds patients by name, as the user', async () => {
      const browser = new Browser(base);
      const page = await enter(browser, await browser.follow(authorizeUrl(app(), newVerifier())));
      assert.match(page.text, /Alpha 1970-01-01 \(p1\)/);
      const sought = await browser.submit(page, [
        ['sought', 'Beta'],
        ['do', 'seek'],
      ]);
      assert.match(sought.text, /Beta/);
      assert.doesNotMatch(sought.text, /Alpha|Nobody/);
      const none = await browser.submit(sought, [
        ['sought', 'Omega'],
        ['do', 'seek'],
      ]);
      assert.match(none.text, /Nobody of this name was found/);
    });

    it('asks for a one-time code where there is an authenticator, and refuses alike whatever is wrong', async () => {
      const texts = new Set<string>();
      for (const [name, password, code] of [
        ['berta', PASSWORD, ''],
        ['berta', PASSWORD, '000000'],
        ['anna', 'wrong password 1', ''],
        ['nobody', PASSWORD, ''],
      ] as const) {
        const browser = new Browser(base);
        const page = await browser.follow(authorizeUrl(app(), newVerifier()));
        const refused = await enter(browser, page, name, password, code);
        assert.equal(refused.status, 401);
        texts.add(refused.text.replaceAll(/value="[^"]*"|action="[^"]*"/g, ''));
      }
      assert.equal(texts.size, 1);
      const browser = new Browser(base);
      const page = await browser.follow(authorizeUrl(app(), newVerifier()));
      const entered = await enter(browser, page, 'berta', PASSWORD, totpCode(smart.totp, totpStep(Date.now())));
      assert.match(entered.text, /Give access/);
    });

    it('remembers who signed in for the next app, and asks for consent again', async () => {
      const { browser } = await launchApp(app());
      const page = await browser.follow(authorizeUrl(app(), newVerifier()));
      assert.match(page.text, /Give access/);
      const out = await browser.submit(page, [['do', 'sign-out']]);
      assert.match(out.text, /Signed out/);
      const again = await browser.follow(authorizeUrl(app(), newVerifier()));
      assert.match(again.text, /name="password"/);
    });

    it('ends all that was granted in a session when the user signs out', async () => {
      const { body, browser } = await launchApp(app());
      assert.equal((await get('Patient/p1', body.access_token)).status, 200);
      const page = await browser.follow(authorizeUrl(app(), newVerifier()));
      await browser.submit(page, [['do', 'sign-out']]);
      assert.equal((await refresh(app(), body.refresh_token!)).status, 400);
      assert.equal((await get('Patient/p1', body.access_token)).status, 401);
    });

    it('is launched by an EHR, once, for the patient whom that names', async () => {
      await updateEncounter('e1', 'p2');
      const response = await fetch(`${authOf(base)}/launch`, {
        method: 'POST',
        headers: { authorization: `Bearer ${STATIC_TOKEN}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          patient: 'p2',
          encounter: 'e1',
          need_patient_banner: false,
          fhirContext: [{ reference: 'DocumentReference/d1' }],
        }),
      });
      assert.equal(response.status, 201);
      const { launch, iss } = (await response.json()) as { launch: string; iss: string };
      assert.equal(iss, base);
      const scope = 'launch patient/*.rs';
      const { status, body, browser } = await launchApp(app(), { launch, scope });
      assert.equal(status, 200);
      assert.deepEqual(
        [body['patient'], body['encounter'], body['need_patient_banner'], body['fhirContext']],
        ['p2', 'e1', false, [{ reference: 'DocumentReference/d1' }]],
      );
      assert.equal((await get('Patient/p2', body.access_token)).status, 200);
      assert.equal((await get('Patient/p1', body.access_token)).status, 404);
      const again = await browser.follow(authorizeUrl(app(), newVerifier(), { launch, scope }));
      assert.equal(errorIn(again), 'invalid_request');
      for (const [headers, expected] of [
        [{}, 401],
        [{ authorization: `Bearer ${body.access_token}` }, 403],
      ] as const)
        assert.equal((await fetch(`${authOf(base)}/launch`, { method: 'POST', headers, body: '{}' })).status, expected);
    });

    it('is launched by an EHR in a visit of that patient alone, which the user may see', async () => {
      await updateEncounter('e2', 'p1');
      const begin = async (context: object) =>
        fetch(`${authOf(base)}/launch`, {
          method: 'POST',
          headers: { authorization: `Bearer ${STATIC_TOKEN}`, 'content-type': 'application/json' },
          body: JSON.stringify(context),
        });
      for (const encounter of ['e2', 'made-up']) {
        const { launch } = (await (await begin({ patient: 'p2', encounter })).json()) as { launch: string };
        const browser = new Browser(base);
        const start = await browser.follow(
          authorizeUrl(app(), newVerifier(), { launch, scope: 'launch patient/*.rs' }),
        );
        const refused = await consent(browser, await enter(browser, start));
        assert.deepEqual([encounter, refused.status], [encounter, 422]);
        assert.match(refused.text, /role="alert">You may not see this visit/);
      }
      assert.equal((await begin({ encounter: 'e2' })).status, 400, 'whose visit is not said');
    });

    it('speaks of its own address alone, whatever Host says', async () => {
      const { port } = new URL(base);
      const answer = await new Promise<string>((resolve, reject) => {
        const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' };
        const asked = getOf({ port, path: '/auth/.well-known/openid-configuration', headers }, response => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('end', () => resolve(Buffer.concat(parts).toString()));
        });
        asked.on('error', reject);
      });
      assert.equal((JSON.parse(answer) as { token_endpoint: string }).token_endpoint, `${authOf(base)}/token`);
      assert.doesNotMatch(answer, /evil/);
    });

    it('gives backend services what they were registered for, for five minutes', async () => {
      const assertion = (
        more: { exp?: number; iat?: number; aud?: string; jti?: string; sub?: string } = {},
        key = smart.key,
        header = {},
      ) =>
        new SignJWT({ jti: more.jti ?? randomUUID(), ...(more.iat === undefined ? {} : { iat: more.iat }) })
          .setProtectedHeader({ alg: 'ES384', kid: 'k1', typ: 'JWT', ...header })
          .setIssuer(more.sub ?? 'backend')
          .setSubject(more.sub ?? 'backend')
          .setAudience(more.aud ?? `${authOf(base)}/token`)
          .setExpirationTime(more.exp ?? Math.floor(Date.now() / 1000) + 200)
          .sign(key);
      const ask = async (
        signed: string,
        more: Readonly<Record<string, string>> = { scope: 'system/Patient.rs' },
        headers: Readonly<Record<string, string>> = {},
      ) =>
        askToken(
          base,
          {
            grant_type: 'client_credentials',
            client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
            client_assertion: signed,
            ...more,
          },
          headers,
        );
      const { status, body } = await ask(await assertion());
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual([body.scope, body['expires_in'], body.refresh_token], ['system/Patient.rs', 300, undefined]);
      assert.equal((await get('Patient/p2', body.access_token)).status, 200);
      assert.equal((await get('Observation/o-p1', body.access_token)).status, 403);
      const bound = await generateKeyPair('ES256');
      const proof = await new SignJWT({ htm: 'POST', htu: `${authOf(base)}/token`, jti: randomUUID() })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(bound.publicKey) })
        .setIssuedAt()
        .sign(bound.privateKey);
      const ofKey = await ask(await assertion(), { scope: 'system/Patient.rs' }, { dpop: proof });
      assert.equal(ofKey.body['token_type'], 'DPoP');
      assert.equal((await get('Patient/p2', ofKey.body.access_token)).status, 401);
      // One of its tokens by itself, and no other.
      const other = await ask(await assertion());
      const taken = new URLSearchParams({ token: String(body.access_token), client_id: 'backend' });
      assert.equal((await fetch(`${authOf(base)}/revoke`, { method: 'POST', body: taken })).status, 200);
      assert.equal((await get('Patient/p2', body.access_token)).status, 401);
      assert.equal((await get('Patient/p2', other.body.access_token)).status, 200);
      const once = await assertion({ jti: 'once' });
      const both = await Promise.all([ask(once), ask(once)]);
      assert.equal(both.filter(each => each.status === 200).length, 1);
      const stranger = (await generateKeyPair('ES384')).privateKey;
      const rows: [what: string, asked: Promise<{ status: number; body: Record<string, unknown> }>, error: RegExp][] = [
        ['no scope', ask(await assertion(), {}), /invalid_scope/],
        ['an empty scope', ask(await assertion(), { scope: '' }), /invalid_scope/],
        ['a scope that was not registered', ask(await assertion(), { scope: 'system/Condition.rs' }), /invalid_scope/],
        ['a wider scope', ask(await assertion(), { scope: 'system/Patient.cruds' }), /invalid_scope/],
        ['a scope that is none', ask(await assertion(), { scope: 'system/Patient.sr' }), /invalid_scope/],
        ['a scope of users', ask(await assertion(), { scope: 'user/Patient.rs' }), /invalid_scope/],
        ['a long assertion', ask(await assertion({ exp: Math.floor(Date.now() / 1000) + 900 })), /invalid_client/],
        ['an old assertion', ask(await assertion({ exp: Math.floor(Date.now() / 1000) - 60 })), /invalid_client/],
        ['an assertion of later', ask(await assertion({ iat: Math.floor(Date.now() / 1000) + 120 })), /invalid_client/],
        ['another audience', ask(await assertion({ aud: 'https://x.example/token' })), /invalid_client/],
        ['another key', ask(await assertion({}, stranger)), /invalid_client/],
        ['an application that there is not', ask(await assertion({ sub: 'nobody' })), /invalid_client/],
        [
          'keys from elsewhere',
          ask(await assertion({}, smart.key, { jku: 'https://x.example/jwks' })),
          /invalid_client/,
        ],
        ['another grant', ask(await assertion(), { grant_type: 'password' }), /unsupported_grant_type/],
        ['another kind of assertion', ask(await assertion(), { client_assertion_type: 'x' }), /invalid_request/],
      ];
      for (const [what, asked, error] of rows) {
        const refused = await asked;
        assert.ok([400, 401].includes(refused.status), what);
        assert.match(String(refused.body['error']), error, what);
      }
    });

    it('lets applications with a secret ask with it alone', async () => {
      const journey = app('secret-app');
      const browser = new Browser(base);
      const verifier = newVerifier();
      const back = await consent(
        browser,
        await enter(browser, await browser.follow(authorizeUrl(journey, verifier))),
        'p1',
      );
      const code = codeIn(back, journey);
      assert.equal((await askWithCode(journey, code, verifier)).status, 401);
      assert.equal((await askWithCode(journey, code, verifier, { client_secret: `${SHARED_SECRET}x` })).status, 401);
      const basic = (secret: string) => ({
        authorization: `Basic ${Buffer.from(`secret-app:${secret}`).toString('base64')}`,
      });
      const fields = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: verifier };
      const { status, body } = await askToken(base, fields, basic(SHARED_SECRET));
      assert.equal(status, 200, JSON.stringify(body));
      const nameless = { grant_type: 'refresh_token', refresh_token: body.refresh_token! };
      assert.ok([400, 401].includes((await askToken(base, nameless)).status));
      const introspect = async (token: string, headers: Record<string, string>) => {
        const response = await fetch(`${authOf(base)}/introspect`, {
          method: 'POST',
          headers,
          body: new URLSearchParams({ token }),
        });
        return { status: response.status, body: (await response.json()) as Record<string, unknown> };
      };
      const said = await introspect(body.access_token!, basic(SHARED_SECRET));
      assert.deepEqual(
        ['active', 'client_id', 'patient', 'sub', 'scope'].map(name => said.body[name]),
        [true, 'secret-app', 'p1', 'anna', body.scope],
      );
      assert.deepEqual((await introspect('nonsense', basic(SHARED_SECRET))).body, { active: false });
      assert.equal((await introspect(body.access_token!, basic('wrong'))).status, 401);
      assert.equal((await introspect(body.access_token!, {})).status, 401);
      assert.equal(
        (await introspect(body.access_token!, { authorization: `Bearer ${body.access_token}` })).body['active'],
        true,
      );
    });

    it('refreshes for a public app that does not say which it is, as SMART has it', async () => {
      const { body } = await launchApp(app());
      const ask = (token: string) => askToken(base, { grant_type: 'refresh_token', refresh_token: token });
      const next = await ask(body.refresh_token!);
      assert.equal(next.status, 200, JSON.stringify(next.body));
      assert.ok([400, 401].includes((await ask('nonsense')).status));
      // The second use ends the family here, too.
      assert.equal((await ask(body.refresh_token!)).status, 400);
      assert.equal((await ask(next.body.refresh_token!)).status, 400);
    });

    it('takes tokens back', async () => {
      const revoke = (fields: Readonly<Record<string, string>>) =>
        fetch(`${authOf(base)}/revoke`, { method: 'POST', body: new URLSearchParams(fields) });
      for (const which of ['access_token', 'refresh_token'] as const) {
        const { body } = await launchApp(app());
        assert.equal((await get('Patient/p1', body.access_token)).status, 200);
        // Of another application it is not.
        await revoke({ token: body[which]!, client_id: 'other' });
        assert.equal((await get('Patient/p1', body.access_token)).status, 200, which);
        assert.equal((await revoke({ token: body[which]!, client_id: 'app' })).status, 200);
        assert.equal((await get('Patient/p1', body.access_token)).status, 401, which);
        assert.equal((await refresh(app(), body.refresh_token!)).status, 400, which);
      }
      assert.equal((await revoke({ token: 'nonsense', client_id: 'app' })).status, 200);
    });

    it('ends a family where a refresh token or a code is used twice', async () => {
      const first = await launchApp(app());
      const second = await refresh(app(), first.body.refresh_token!);
      assert.equal(second.status, 200);
      assert.equal((await refresh(app(), first.body.refresh_token!)).status, 400);
      assert.equal((await refresh(app(), second.body.refresh_token!)).status, 400);
      assert.equal((await get('Patient/p1', second.body.access_token)).status, 401);
      const again = await launchApp(app());
      assert.equal((await askWithCode(app(), again.code, again.verifier)).status, 400);
      assert.equal((await refresh(app(), again.body.refresh_token!)).status, 400);
      assert.equal((await get('Patient/p1', again.body.access_token)).status, 401);
      const third = await launchApp(app());
      const many = await Promise.all(Array.from({ length: 8 }, () => refresh(app(), third.body.refresh_token!)));
      assert.ok(many.filter(({ status }) => status === 200).length <= 1);
    });

    it('lets a user and an application that were disabled do nothing any more', async () => {
      await smart.server.engine.authorization!.users.add({ name: 'carl', role: 'reader', password: PASSWORD });
      const browser = new Browser(base);
      const verifier = newVerifier();
      const page = await enter(browser, await browser.follow(authorizeUrl(app(), verifier)), 'carl');
      const { body } = await askWithCode(app(), codeIn(await consent(browser, page, 'p1'), app()), verifier);
      assert.equal((await get('Patient/p1', body.access_token)).status, 200);
      const { revocations } = smart.server.engine.authorization!;
      await smart.server.engine.authorization!.users.change('carl', user => ({ ...user, disabled: true }));
      await revocations.disable('user', 'carl', true);
      assert.equal((await get('Patient/p1', body.access_token)).status, 401);
      assert.equal((await refresh(app(), body.refresh_token!)).status, 400);
      assert.match((await browser.follow(authorizeUrl(app(), newVerifier()))).text, /name="password"/);
      // What ended stays so when the user may sign in again.
      await endAllOf({ records: smart.server.engine.store.records, revocations }, 'carl');
      await smart.server.engine.authorization!.users.change('carl', ({ disabled: _was, ...user }) => user);
      await revocations.disable('user', 'carl', false);
      assert.equal((await get('Patient/p1', body.access_token)).status, 401);
      assert.equal((await refresh(app(), body.refresh_token!)).status, 400);
      assert.match((await browser.follow(authorizeUrl(app(), newVerifier()))).text, /name="password"/);
      const other = await launchApp(app());
      await revocations.disable('client', 'app', true);
      assert.equal((await get('Patient/p1', other.body.access_token)).status, 401);
      assert.equal((await refresh(app(), other.body.refresh_token!)).status, 401);
      await revocations.disable('client', 'app', false);
      assert.equal((await refresh(app(), other.body.refresh_token!)).status, 200);
    });
  });
