/**
 * What happens to users, sessions, tokens and applications is in the audit trail before anybody is answered, without secrets.
 * https://dicom.nema.org/medical/dicom/current/output/chtml/part15/sect_A.5.3.html, https://profiles.ihe.net/ITI/BALP
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEvent } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { SYSTEM } from '../../src/identity/principal.js';
import { tellHappening } from '../../src/interactions/tell.js';
import { manyCommands } from '../support/cli.js';
import { brief, checkerOf, errorsOf, issuesOf, readCore, readPackage } from '../support/profiles.js';
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
import {
  consent,
  enter,
  journeyOf,
  launchApp,
  PASSWORD,
  REDIRECT,
  SHARED_SECRET,
  type SmartServer,
  startSmart,
  STATIC_TOKEN,
} from '../support/smart-server.js';
import { startServer } from '../support/server.js';
import { talkTo } from '../support/talk.js';

import { fullDescribe } from '../support/depth.js';
const listEvents = async (base: string, query: string, headers = {}): Promise<AuditEvent[]> =>
  ((await talkTo(base, headers).search<AuditEvent>(`AuditEvent?_count=500&${query}`)).entry ?? []).map(
    each => each.resource!,
  );
const namesIn = (event: AuditEvent | undefined) => event?.agent.map(({ who }) => who?.identifier?.value);
const queryOf = ({ entity = [] }: AuditEvent): string =>
  Buffer.from(entity.find(({ query }) => query)?.query ?? '', 'base64').toString();
const briefOf = ({ type, subtype, outcome, outcomeDesc, entity = [] }: AuditEvent): string =>
  [type.code, subtype?.[0]?.code, outcome, outcomeDesc, entity[0]?.what?.identifier?.value].join(' ');

describe('happenings of the authorization server', () => {
  let smart: SmartServer;
  before(async function () {
    smart = await startSmart(this, 'embedded');
  });
  after(() => smart?.stop());
  const eventsOf = (query: string) => listEvents(smart.base, query, { authorization: `Bearer ${STATIC_TOKEN}` });
  const app = (client?: string) => journeyOf(smart.base, client);
  const attempt = async (name: string, password: string) => {
    const browser = new Browser(smart.base);
    return enter(browser, await browser.follow(authorizeUrl(app(), newVerifier())), name, password);
  };

  it('are told of sign-ins, of those that fail, and of a user who is locked out', async () => {
    await launchApp(app());
    const [done] = await eventsOf('type=110114&subtype=110122&outcome=0');
    assert.deepEqual(namesIn(done)?.slice(1), [smart.base, 'anna']);
    for (let i = 0; i < 7; i++) await attempt('berta', 'not her password at all');
    const failed = await eventsOf('type=110114&subtype=110122&outcome=4');
    assert.ok(failed.length >= 4, String(failed.length));
    assert.ok(failed.every(event => namesIn(event)?.includes('berta')));
    const locked = await eventsOf('type=110114&subtype=110122&outcome=8');
    assert.equal(locked[0]?.outcomeDesc, 'locked-out');
  });

  it('say no name that is none: it may be a password in the wrong field', async () => {
    await attempt('correct horse battery', 'anna');
    const [last] = await eventsOf('type=110114&subtype=110122&outcome=4&_sort=-date');
    assert.equal(last!.agent.length, 2);
    assert.ok(!JSON.stringify(last).includes('horse'));
  });

  it('are told of tokens that are given out, refused and taken back, with the request and none of its secrets', async () => {
    const { body, code, verifier } = await launchApp(app('secret-app'), {}).catch(async () => launchApp(app()));
    assert.equal((await askWithCode(app(), code, verifier)).status, 400);
    const secret = { client_id: 'secret-app', client_secret: `${SHARED_SECRET}x` };
    assert.equal((await askToken(smart.base, { grant_type: 'authorization_code', code: 'x', ...secret })).status, 401);
    const tokens = await eventsOf('subtype=ITI-71');
    assert.deepEqual([...new Set(tokens.map(({ outcome, outcomeDesc }) => `${outcome} ${outcomeDesc}`))].toSorted(), [
      '0 undefined',
      '4 invalid_client',
      '4 invalid_grant',
    ]);
    const given = tokens.find(({ outcome }) => outcome === '0')!;
    assert.deepEqual(namesIn(given), ['app', smart.base, 'anna']);
    assert.match(queryOf(given), /^POST \/auth\/token\n\ngrant_type=authorization_code&client_id=app/);
    const all = tokens.map(event => `${JSON.stringify(event)} ${queryOf(event)}`).join('\n');
    for (const hidden of [code, verifier, SHARED_SECRET, PASSWORD, body.access_token!, body.refresh_token!])
      assert.ok(!all.includes(hidden));
    const take = async (token: string, headers = {}) => {
      const form = new URLSearchParams({ token, ...('authorization' in headers ? {} : { client_id: 'app' }) });
      const init = { method: 'POST', body: form, headers: { ...fromElsewhere(), ...headers } };
      assert.equal((await fetch(`${authOf(smart.base)}/revoke`, init)).status, 200);
    };
    const basic = `Basic ${Buffer.from(`secret-app:${SHARED_SECRET}`).toString('base64')}`;
    // What is no token, or that of another application, ends nothing.
    await take('rubbish');
    const { body: good } = await launchApp(app());
    await take(good.access_token!, { authorization: basic });
    assert.deepEqual(await eventsOf('type=110113&subtype=110137'), []);
    await take(good.access_token!);
    const told = await eventsOf('type=110113&subtype=110137');
    assert.deepEqual(told.map(namesIn), [['app', smart.base, 'anna']]);
    await take(good.access_token!);
    assert.equal((await eventsOf('type=110113&subtype=110137')).length, 1, 'it has ended once');
  });

  it('are told of tokens that an application with a secret takes back, by its name', async () => {
    const [browser, verifier] = [new Browser(smart.base), newVerifier()];
    const page = await enter(browser, await browser.follow(authorizeUrl(app('secret-app'), verifier)));
    const code = codeIn(await consent(browser, page, 'p1'), app('secret-app'));
    const authorization = `Basic ${Buffer.from(`secret-app:${SHARED_SECRET}`).toString('base64')}`;
    const fields = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: verifier };
    const given = await askToken(smart.base, fields, { authorization });
    const init = { method: 'POST', headers: { ...fromElsewhere(), authorization } };
    const body = new URLSearchParams({ token: given.body.refresh_token! });
    assert.equal((await fetch(`${authOf(smart.base)}/revoke`, { ...init, body })).status, 200);
    const told = await eventsOf('type=110113&subtype=110137');
    const last = told.find(event => namesIn(event)?.includes('secret-app'));
    assert.deepEqual(namesIn(last), ['secret-app', smart.base, 'anna']);
  });

  it('are told of the end of a session', async () => {
    const { browser } = await launchApp(app());
    await browser.submit(await browser.follow(authorizeUrl(app(), newVerifier())), [['do', 'sign-out']]);
    const out = await eventsOf('type=110114&subtype=110123');
    assert.equal(out.length, 1);
    assert.ok(namesIn(out[0])?.includes('anna'));
    const addresses = out[0]!.agent.map(({ network }) => network?.address);
    assert.ok(
      addresses.some(each => each?.startsWith('10.')),
      JSON.stringify(addresses),
    );
  });

  it('give no token that nobody knows of', async () => {
    const { server } = smart;
    const { store } = server.engine;
    const commit = store.commit.bind(store);
    const browser = new Browser(smart.base);
    const page = await browser.follow(authorizeUrl(app(), newVerifier()));
    try {
      store.commit = () => Promise.reject(new Error('away'));
      const answer = await enter(browser, page);
      assert.ok(answer.status >= 500, String(answer.status));
      const refused = await askToken(smart.base, { grant_type: 'client_credentials', client_id: 'app' });
      assert.equal(refused.status, 503);
    } finally {
      store.commit = commit;
    }
  });

  it('are what IHE says of tokens that are given out', async function () {
    const [balp, core] = [readPackage('ig-packages', 'ihe.iti.balp-1.1.4'), readCore()];
    if (!balp || !core) return this.skip();
    const checker = checkerOf([balp, core]);
    let claimed = 0;
    for (const event of await eventsOf('type=110114,110113')) {
      const told = brief(errorsOf(await issuesOf(checker, JSON.stringify(event), [])));
      assert.deepEqual(told, [], JSON.stringify(event));
      if (event.meta?.profile?.some(each => each.endsWith('IHE.IUA.71'))) claimed++;
    }
    assert.ok(claimed > 0);
  });
});

fullDescribe('happenings at the command line', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-happenings-'));
  const many = manyCommands();
  after(async () => {
    await many.end();
    rmSync(folder, { recursive: true, force: true });
  });

  it('are told of users that are added, changed and disabled', async () => {
    const env = { CHARTROOM_DATA: folder };
    for (const words of [
      ['add', 'carl', '--role', 'reader'],
      ['role', 'carl', 'writer'],
      ['password', 'carl'],
      ['totp', 'carl'],
      ['disable', 'carl'],
      ['enable', 'carl'],
    ]) {
      const { status, err } = await many.run(['user', ...words], env);
      assert.equal(status, 0, err);
    }
    const server = await startServer({ store: 'embedded', config: { data: folder } });
    try {
      const told = await listEvents(server.base, 'type=110113&_sort=date');
      assert.deepEqual(told.map(briefOf), [
        '110113 110137 0 added carl',
        '110113 110136 0 role carl',
        '110113 110137 0 password carl',
        '110113 110137 0 second-factor carl',
        '110113 110137 0 disabled carl',
        '110113 110137 0 enabled carl',
      ]);
      assert.deepEqual([namesIn(told[0])?.[0], namesIn(told[0])?.[2]], ['local', 'chartroom']);
      const at = { engine: server.engine, principal: SYSTEM, address: 'local', requestId: 'r' };
      await tellHappening(at, { what: 'application-changed', name: 'app', change: 'disabled' });
      assert.deepEqual((await listEvents(server.base, 'subtype=110129')).map(briefOf), [
        '110113 110129 0 disabled app',
      ]);
      const stranger = { id: 'app-x', name: 'Self', redirectUris: [REDIRECT], kind: 'public', systemScopes: '' };
      const value = JSON.stringify({ ...stranger, isStranger: true });
      await server.engine.store.records.put({ kind: 'registered-client', id: 'app-x', value });
    } finally {
      await server.stop();
    }
  });

  it('say which applications registered themselves, and whose keys would not be fetched', async () => {
    const env = { CHARTROOM_DATA: folder, CHARTROOM_AUTH: 'smart', CHARTROOM_CLIENT_KEY_HOSTS: 'keys.example.org' };
    const file = join(folder, 'app.json');
    const add = async (id: string, at: string) => {
      writeFileSync(file, JSON.stringify({ client_id: id, scope: 'system/Patient.rs', jwks_uri: at }));
      const { status, err } = await many.run(['client', 'add', file], env);
      assert.equal(status, 0, err);
      return err;
    };
    assert.match(await add('unlisted', 'https://elsewhere.example.org/jwks'), /CHARTROOM_CLIENT_KEY_HOSTS/);
    assert.doesNotMatch(await add('listed', 'https://keys.example.org/jwks'), /CHARTROOM_CLIENT_KEY_HOSTS/);
    const { out } = await many.run(['client', 'list'], env);
    assert.deepEqual(
      out.split('\n').filter(line => line.includes('registered itself')),
      [`app-x  public  Self  ${REDIRECT}  registered itself`],
    );
    assert.match(out, /^listed {2}asymmetric/m);
  });
});
