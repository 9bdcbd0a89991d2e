/**
 * The authorization server as an attacker meets it: redirects elsewhere, forms of others, codes of others, sessions that were there before.
 * https://www.rfc-editor.org/rfc/rfc9700
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { FULL } from '../support/depth.js';
import { startServer, STORES } from '../support/server.js';
import {
  askWithCode,
  authOf,
  authorizeUrl,
  Browser,
  codeIn,
  errorIn,
  type Journey,
  newVerifier,
} from '../support/smart-app.js';
import {
  consent,
  enter,
  getAs,
  journeyOf,
  PASSWORD,
  REDIRECT,
  type SmartServer,
  startSmart,
  STATIC_TOKEN,
} from '../support/smart-server.js';

/** What differs between stores the contract of records holds: the other one in a full run. */
for (const store of FULL ? STORES : (['embedded'] as const))
  describe(`what the authorization server refuses (${store})`, () => {
    let smart: SmartServer;
    let base = '';
    const app = (client?: string, redirect?: string): Journey => journeyOf(base, client, redirect);
    before(async function () {
      smart = await startSmart(this, store);
      ({ base } = smart);
    });
    after(() => smart?.stop());
    /** What an EHR is given for a launch. */
    const postLaunch = async (patient: string) => {
      const headers = { authorization: `Bearer ${STATIC_TOKEN}`, 'content-type': 'application/json' };
      const init = { method: 'POST', headers, body: JSON.stringify({ patient }) };
      return { body: (await (await fetch(`${authOf(base)}/launch`, init)).json()) as { readonly launch: string } };
    };

    const refusedHere: [what: string, more: Record<string, string | undefined>][] = [
      ['another redirect_uri', { redirect_uri: 'https://evil.example.org/' }],
      ['a redirect_uri below the registered one', { redirect_uri: `${REDIRECT}/more` }],
      ['a redirect_uri with a query', { redirect_uri: `${REDIRECT}?a=b` }],
      ['no redirect_uri', { redirect_uri: undefined }],
      ['an application that there is not', { client_id: 'nobody' }],
    ];
    for (const [what, more] of refusedHere)
      it(`leads nowhere with ${what}`, async () => {
        const browser = new Browser(base);
        const answer = await browser.send(authorizeUrl(app(), newVerifier(), more));
        assert.deepEqual([answer.status, answer.location], [400, undefined]);
      });

    const refusedThere: [what: string, more: Record<string, string | undefined>, error: string][] = [
      ['no PKCE', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
      ['plain PKCE', { code_challenge_method: 'plain' }, 'invalid_request'],
      ['another aud', { aud: 'https://evil.example.org/fhir' }, 'invalid_request'],
      ['no aud', { aud: undefined }, 'invalid_request'],
      ['an unknown scope', { scope: 'patient/*.rs everything' }, 'invalid_scope'],
      ['letters in another order', { scope: 'patient/*.sr' }, 'invalid_scope'],
      ['a scope of systems', { scope: 'system/*.rs' }, 'invalid_scope'],
      ['no scope', { scope: '' }, 'invalid_scope'],
      ['another response', { response_type: 'token' }, 'unsupported_response_type'],
      ['a launch that there is not', { launch: 'abc', scope: 'launch patient/*.rs' }, 'invalid_request'],
      ['a launch that is left out', { scope: 'launch patient/*.rs' }, 'invalid_request'],
      ['no question allowed', { prompt: 'none' }, 'login_required'],
    ];
    for (const [what, more, error] of refusedThere)
      it(`tells the app ${error} for ${what}, and gives no code`, async () => {
        const browser = new Browser(base);
        let answer = await browser.follow(authorizeUrl(app(), newVerifier(), more));
        if (answer.text.includes('name="password"')) answer = await enter(browser, answer);
        assert.equal(errorIn(answer), error, answer.text);
        assert.equal(new URL(answer.location!).searchParams.get('code'), null);
      });

    it('gives tokens for a code to nobody but the app that it was given to', async () => {
      const browser = new Browser(base);
      const verifier = newVerifier();
      const page = await enter(browser, await browser.follow(authorizeUrl(app(), verifier)));
      const code = codeIn(await consent(browser, page, 'p1'), app());
      const wrong: Promise<{ status: number }>[] = [
        askWithCode(app('other'), code, verifier),
        askWithCode(app('app', 'https://evil.example.org/'), code, verifier),
        askWithCode(app(), code, newVerifier()),
        askWithCode(app(), code, ''),
        askWithCode(app(), `${code}x`, verifier),
      ];
      for (const each of wrong) assert.ok([400, 401].includes((await each).status));
      assert.equal((await askWithCode(app(), code, verifier)).status, 200);
    });

    it('takes forms of its own pages alone, and lets no page around them', async () => {
      const browser = new Browser(base);
      const page = await browser.follow(authorizeUrl(app(), newVerifier()));
      const policy = page.headers.get('content-security-policy') ?? '';
      assert.match(policy, /frame-ancestors 'none'/);
      assert.match(policy, /form-action 'self' https:\/\/app\.example\.org;/);
      assert.match(policy, /default-src 'none'/);
      // With no-referrer, browsers would send the forms with the origin null.
      assert.equal(page.headers.get('referrer-policy'), 'same-origin');
      assert.doesNotMatch(page.text, /<script/i);
      const forged = await browser.submit(page, [
        ['csrf', 'x'],
        ['name', 'anna'],
        ['password', PASSWORD],
        ['do', 'sign-in'],
      ]);
      assert.equal(forged.status, 403);
      const action = /action="([^"]+)"/.exec(page.text)![1]!;
      const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)![1]!;
      const body = new URLSearchParams({ csrf, name: 'anna', password: PASSWORD, do: 'sign-in' });
      const foreign = await browser.send(action, {
        method: 'POST',
        body,
        headers: { origin: 'https://evil.example.org' },
      });
      assert.equal(foreign.status, 403);
      const stranger = await new Browser(base).send(action, { method: 'POST', body });
      assert.equal(stranger.status, 400);
      // The same form, from the page.
      assert.equal((await browser.follow(action, { method: 'POST', body })).status, 200);
    });

    it('gives a session a new name when somebody signs in', async () => {
      const browser = new Browser(base);
      const page = await browser.follow(authorizeUrl(app(), newVerifier()));
      const earlier = browser.cookies.get('chartroom')?.value;
      await enter(browser, page);
      const now = browser.cookies.get('chartroom')?.value;
      assert.ok(now);
      assert.notEqual(earlier, now);
    });

    it('asks for the one-time code whatever an app asks for beside: no scope, hint or prompt passes it', async () => {
      const rows: Record<string, string>[] = [
        // Five failures would make berta wait.
        { scope: 'launch/patient patient/*.cruds user/*.cruds offline_access online_access fhirUser' },
        { scope: 'openid', acr_values: '0', max_age: '0' },
        { login_hint: 'berta', prompt: 'login' },
        { claims: '{"id_token":{"amr":{"values":["pwd"]}}}' },
      ];
      for (const more of rows) {
        const browser = new Browser(base);
        const page = await browser.follow(authorizeUrl(app(), newVerifier(), more));
        const refused = await enter(browser, page, 'berta', PASSWORD);
        assert.equal(refused.status, 401, JSON.stringify(more));
        // Nothing of a half sign-in is left.
        const again = await browser.follow(authorizeUrl(app(), newVerifier(), more));
        assert.match(again.text, /name="password"/);
        assert.equal(browser.cookies.has('chartroom'), false);
      }
    });

    it('lets no page be framed or be led elsewhere by what somebody wrote', async () => {
      const browser = new Browser(base);
      const page = await browser.follow(authorizeUrl(app(), newVerifier()));
      const pages = [
        page,
        await enter(browser, page, 'anna', 'wrong password 1'),
        await enter(browser, page),
        ...(await Promise.all(
          ['/account', '/setup', '/ask/none', '/authorize'].map(path => browser.send(`${authOf(base)}${path}`)),
        )),
      ];
      for (const { headers, text, location } of pages) {
        assert.match(headers.get('content-security-policy') ?? '', /frame-ancestors 'none'/, text);
        assert.doesNotMatch(text, /<script|<base|http-equiv/i);
        assert.equal(location, undefined);
      }
      for (const evil of ['https://evil.example.org', '//evil.example.org', 'javascript:alert(1)']) {
        const more = {
          return_to: evil,
          post_logout_redirect_uri: evil,
          target_link_uri: evil,
          'x-forwarded-host': evil,
        };
        const answer = await new Browser(base).follow(authorizeUrl(app(), newVerifier(), more));
        assert.doesNotMatch(answer.text, /evil\.example|alert\(1\)/);
      }
    });

    it('gives nobody a patient whom they may not see, whatever the scopes are', async () => {
      const { users } = smart.server.engine.authorization!;
      await users.add({ name: 'paula', role: 'patient', password: PASSWORD, patient: 'p1' });
      await users.add({ name: 'unknown', role: 'patient', password: PASSWORD });
      const { body } = await postLaunch('p2');
      const asked = async (name: string, more: Record<string, string>, patient?: string) => {
        const browser = new Browser(base);
        const verifier = newVerifier();
        const page = await enter(browser, await browser.follow(authorizeUrl(app(), verifier, more)), name);
        const back = await consent(browser, page, patient);
        if (back.location === undefined) return back.status;
        const { body: given } = await askWithCode(app(), codeIn(back, app()), verifier);
        const seen = ['p1', 'p2'].map(async id => (await getAs(base, `Patient/${id}`, given.access_token)).status);
        return [given['patient'], ...(await Promise.all(seen))];
      };
      const ofUser = { scope: 'openid user/*.rs' };
      assert.deepEqual(await asked('unknown', ofUser, 'p2'), [undefined, 403, 403]);
      assert.equal(await asked('unknown', { scope: 'launch/patient patient/*.rs' }, 'p2'), 422);
      assert.deepEqual(await asked('paula', ofUser, 'p2'), ['p1', 200, 404]);
      assert.deepEqual(await asked('paula', { scope: 'launch/patient patient/*.rs' }, 'p2'), ['p1', 200, 404]);
      assert.equal(await asked('paula', { scope: 'launch user/*.rs', launch: body.launch }), 422);
      assert.deepEqual(await asked('anna', { scope: 'launch user/*.rs', launch: body.launch }), ['p2', 200, 200]);
    });

    it('answers addresses that are none', async () => {
      const pushed = new URL(authorizeUrl(app(), newVerifier())).searchParams;
      assert.equal((await fetch(`${authOf(base)}/request`, { method: 'POST', body: pushed })).status, 404);
      for (const path of ['//', '///x', '/ask/%00']) {
        const { status } = await fetch(`${authOf(base)}${path}`);
        assert.ok(status === 400 || status === 404, `${path} ${status}`);
      }
    });

    it('takes a request for authorization as a form', async () => {
      const url = new URL(authorizeUrl(app(), newVerifier()));
      const answer = await new Browser(base).follow(url.pathname, { method: 'POST', body: url.searchParams });
      assert.match(answer.text, /name="password"/);
    });

    it('refuses an app whose user refuses', async () => {
      const browser = new Browser(base);
      const page = await browser.follow(authorizeUrl(app(), newVerifier()));
      assert.equal(errorIn(await browser.submit(page, [['do', 'abort']])), 'access_denied');
    });
  });

describe('the first administrator', () => {
  it('is whoever has the code that the server prints, once', async () => {
    const server = await startServer({ store: 'embedded', config: { auth: 'smart' } });
    try {
      const authorization = server.engine.authorization!;
      const code = await authorization.beginSetup();
      assert.match(code ?? '', /^[0-9a-f]{32}$/);
      const send = async (fields: Readonly<Record<string, string>>) => {
        const body = new URLSearchParams({ code: code!, name: 'Root', password: PASSWORD, ...fields });
        const response = await fetch(`${authOf(server.base)}/setup`, { method: 'POST', body });
        return { status: response.status, text: await response.text() };
      };
      assert.equal((await fetch(`${authOf(server.base)}/setup`)).status, 200);
      assert.equal((await send({ code: '0'.repeat(32) })).status, 403);
      assert.equal((await send({ password: 'short' })).status, 422);
      const both = await Promise.all([send({}), send({ name: 'other' })]);
      assert.equal(both.filter(({ status }) => status === 200).length, 1);
      const done = both.find(({ status }) => status === 200)!;
      assert.match(done.text, /<code>[A-Z2-7]{32}<\/code>/);
      const { role, totp } = (await authorization.users.find(done === both[0] ? 'root' : 'other'))!;
      assert.deepEqual([role, totp === undefined], ['admin', false]);
      assert.equal((await send({ name: 'second' })).status, 410);
      assert.equal(await authorization.beginSetup(), undefined);
      for await (const { value } of server.engine.store.records.all()) assert.equal(value.includes(code!), false);
    } finally {
      server.engine.authorization?.stop();
      await server.stop();
    }
  });
});
