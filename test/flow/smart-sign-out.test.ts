/**
 * A sign-out by an application (`POST /auth/revoke` with `end_session=true`): whoever sits at that browser next is asked who they are, whatever has become
 * of the token before. https://www.rfc-editor.org/rfc/rfc7009
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { FhirError } from '../../src/fhir/error.js';
import { authOf, authorizeUrl, type Browser, newVerifier, refresh } from '../support/smart-app.js';
import { getAs, journeyOf, launchApp, type SmartServer, startSmart, STATIC_TOKEN } from '../support/smart-server.js';

describe('a sign-out by an application', () => {
  let smart: SmartServer;
  const app = () => journeyOf(smart.base);
  before(async function () {
    smart = await startSmart(this, 'embedded');
  });
  after(() => smart?.stop());

  const revoke = async (browser: Browser, token: string, end_session = 'true'): Promise<number> => {
    const body = new URLSearchParams({ client_id: 'app', token, end_session });
    return (await browser.send(`${authOf(smart.base)}/revoke`, { method: 'POST', body })).status;
  };
  const isAsked = async (browser: Browser): Promise<boolean> =>
    (await browser.follow(authorizeUrl(app(), newVerifier()))).text.includes('name="password"');
  const toldOf = async (subtype: string): Promise<number> => {
    const response = await getAs(smart.base, `AuditEvent?subtype=${subtype}&_summary=count`, STATIC_TOKEN);
    return ((await response.json()) as { total: number }).total;
  };

  it('ends the session where the token has ended already', async () => {
    const first = await launchApp(app());
    assert.equal(await revoke(first.browser, first.body.access_token!, 'false'), 200);
    assert.ok(!(await isAsked(first.browser)), 'the session stays where nobody asks for its end');
    assert.equal(await revoke(first.browser, first.body.access_token!), 200);
    assert.ok(await isAsked(first.browser), 'revoked before');
    const { browser, body } = await launchApp(app());
    const next = await refresh(app(), body.refresh_token!);
    assert.equal((await refresh(app(), body.refresh_token!)).status, 400);
    await revoke(browser, next.body.refresh_token!);
    await revoke(browser, next.body.access_token!);
    assert.ok(await isAsked(browser), 'a refresh token was used twice');
  });

  it('ends no session for what is no token of its user', async () => {
    const { browser, body } = await launchApp(app());
    const [head, payload = '', signature] = body.access_token!.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    const changed = Buffer.from(JSON.stringify({ ...claims, exp: 1 })).toString('base64url');
    for (const token of ['nonsense', `${head}.${changed}.${signature}`]) await revoke(browser, token);
    assert.ok(!(await isAsked(browser)));
  });

  it('is told once, however many ask for it at once', async () => {
    const { browser, body } = await launchApp(app());
    const told = await toldOf('110123');
    const tokens = [body.access_token!, body.refresh_token!];
    await Promise.all(Array.from({ length: 6 }, (_, i) => revoke(browser, tokens[i % 2]!)));
    assert.ok(await isAsked(browser));
    assert.equal(await toldOf('110123'), told + 1);
  });

  it('leaves no session where it cannot be recorded', async () => {
    const { browser, body } = await launchApp(app());
    const { store } = smart.server.engine;
    const commit = store.commit.bind(store);
    try {
      store.commit = () => Promise.reject(new FhirError('unavailable', 'The store is away.'));
      assert.equal(await revoke(browser, body.access_token!), 503);
    } finally {
      store.commit = commit;
    }
    assert.ok(await isAsked(browser));
    assert.equal((await getAs(smart.base, 'Patient/p1', body.access_token)).status, 401);
  });
});
