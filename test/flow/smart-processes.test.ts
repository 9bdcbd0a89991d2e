/**
 * Two servers on one MongoDB database behind one address: whichever is asked, sessions, codes, keys and what was revoked are the same. Every
 * request goes to the other one.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, it } from 'mocha';
import { depthOf } from '../support/depth.js';
import { newStore, type RunningServer, startServer } from '../support/server.js';
import {
  authorizeUrl,
  Browser,
  type BrowserAnswer,
  codeIn,
  fromElsewhere,
  newVerifier,
  type TokenAnswer,
} from '../support/smart-app.js';
import { consent, enter, journeyOf, PASSWORD, REDIRECT, STATIC_TOKEN } from '../support/smart-server.js';

const BASE = 'https://records.example.org/fhir';
const SECRET = 'a secret of all servers of this house';

describe('two authorization servers on one MongoDB database', () => {
  const servers: RunningServer[] = [];
  let folder = '';
  let turn = 0;
  before(async function () {
    const url = await newStore(this, 'mongo');
    folder = mkdtempSync(join(tmpdir(), 'chartroom-processes-'));
    const file = (name: string, content: unknown): string => {
      writeFileSync(join(folder, name), JSON.stringify(content));
      return join(folder, name);
    };
    const config = {
      ...{ auth: 'smart', baseUrl: BASE, secret: SECRET, trustedProxies: '127.0.0.1' },
      clients: file('clients.json', [{ client_id: 'app', redirect_uris: [REDIRECT] }]),
      tokens: file('tokens.json', [{ token: STATIC_TOKEN, name: 'ehr', role: 'admin' }]),
    };
    for (let i = 0; i < 2; i++) servers.push(await startServer({ store: url, config }));
    await servers[0]!.engine.authorization!.users.add({ name: 'anna', role: 'reader', password: PASSWORD });
    const body = JSON.stringify({ resourceType: 'Patient', id: 'p1', name: [{ family: 'Alpha' }] });
    const headers = { authorization: `Bearer ${STATIC_TOKEN}`, 'content-type': 'application/fhir+json' };
    assert.equal((await toNext(`${BASE}/Patient/p1`, { method: 'PUT', headers, body })).status, 201);
  });
  after(async () => {
    for (const server of servers) {
      server.engine.authorization?.stop();
      await server.stop();
    }
    rmSync(folder, { recursive: true, force: true });
  });

  const toServer = (i: number, url: string, init: RequestInit = {}): Promise<Response> => {
    const { pathname, search } = new URL(url);
    const headers = { ...fromElsewhere(), ...(init.headers as Record<string, string>) };
    return fetch(`http://127.0.0.1:${servers[i]!.port}${pathname}${search}`, { ...init, headers });
  };
  const toNext = (url: string, init?: RequestInit): Promise<Response> => toServer(turn++ % 2, url, init);
  const journey = () => journeyOf(BASE);
  const browser = () => new Browser(BASE, toNext);

  const askTokenOf = async (i: number, fields: Readonly<Record<string, string>>): Promise<TokenAnswer> => {
    const init = { method: 'POST', body: new URLSearchParams({ client_id: 'app', ...fields }) };
    const response = await toServer(i, 'https://x/auth/token', init);
    return { status: response.status, headers: response.headers, body: (await response.json()) as TokenAnswer['body'] };
  };
  const redeem = (i: number, code: string, verifier: string) =>
    askTokenOf(i, { grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: verifier });
  const refreshAt = (i: number, token: string) => askTokenOf(i, { grant_type: 'refresh_token', refresh_token: token });
  const readAt = async (i: number, token = ''): Promise<number> =>
    (await toServer(i, `${BASE}/Patient/p1`, { headers: { authorization: `Bearer ${token}` } })).status;
  const signIn = async (): Promise<{ page: BrowserAnswer; verifier: string; at: Browser }> => {
    const at = browser();
    const verifier = newVerifier();
    return { page: await enter(at, await at.follow(authorizeUrl(journey(), verifier))), verifier, at };
  };
  const newCode = async () => {
    const { page, verifier, at } = await signIn();
    return { code: codeIn(await consent(at, page, 'p1'), journey()), verifier, at };
  };

  it('lead a user through, whichever of them is asked, and take the tokens of each other', async () => {
    const { code, verifier } = await newCode();
    const { status, body } = await redeem(0, code, verifier);
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual([await readAt(0, body.access_token), await readAt(1, body.access_token)], [200, 200]);
    const other = await refreshAt(1, body.refresh_token!);
    assert.equal(other.status, 200);
    assert.deepEqual([await readAt(0, other.body.access_token), await readAt(1, other.body.access_token)], [200, 200]);
    const jwks = await Promise.all([0, 1].map(async i => (await toServer(i, 'https://x/auth/jwks')).json()));
    assert.deepEqual(jwks[0], jwks[1]);
  });

  it('give tokens for a code once, and end what came of it where it is used again', async () => {
    const { code, verifier } = await newCode();
    const both = await Promise.all([redeem(0, code, verifier), redeem(1, code, verifier)]);
    assert.ok(both.filter(({ status }) => status === 200).length <= 1);
    assert.ok([400, 401].includes((await redeem(0, code, verifier)).status));
    for (const { body } of both.filter(({ status }) => status === 200))
      assert.equal((await refreshAt(1, body.refresh_token!)).status, 400);
  });

  it('end a family where a refresh token is used at both', async () => {
    const { code, verifier } = await newCode();
    const { body } = await redeem(1, code, verifier);
    const next = await refreshAt(0, body.refresh_token!);
    assert.equal(next.status, 200);
    assert.equal((await refreshAt(1, body.refresh_token!)).status, 400);
    assert.equal((await refreshAt(0, next.body.refresh_token!)).status, 400);
  });

  it('take back at the other what one has revoked', async () => {
    const { code, verifier } = await newCode();
    const { body } = await redeem(0, code, verifier);
    assert.equal(await readAt(1, body.access_token), 200);
    const init = { method: 'POST', body: new URLSearchParams({ client_id: 'app', token: body.refresh_token! }) };
    assert.equal((await toServer(0, 'https://x/auth/revoke', init)).status, 200);
    assert.equal(await readAt(0, body.access_token), 401);
    while ((await readAt(1, body.access_token)) !== 401) await pause(50);
    assert.equal((await refreshAt(1, body.refresh_token!)).status, 400);
  });

  const takers = depthOf('TAKERS');
  it(`give one code to one of ${takers} who take it at once`, async () => {
    await servers[0]!.engine.store.records.put({ kind: 'code', id: 'raced', value: 'x' });
    const taken = await Promise.all(
      Array.from({ length: takers }, (_, i) => servers[i % 2]!.engine.store.records.take('code', 'raced')),
    );
    assert.equal(taken.filter(Boolean).length, 1);
  });
});
