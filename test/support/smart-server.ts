/** A server that is its own authorization server, with two users, four applications and two patients, and what apps and users do there. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CryptoKey, exportJWK, generateKeyPair } from 'jose';
import { newStore, type RunningServer, startServer, type StoreName } from './server.js';
import {
  askWithCode,
  authorizeUrl,
  boxesIn,
  Browser,
  type BrowserAnswer,
  codeIn,
  type Journey,
  newVerifier,
  type TokenAnswer,
} from './smart-app.js';

export const PASSWORD = 'correct horse battery';
export const REDIRECT = 'https://app.example.org/back';
export const SHARED_SECRET = 'a-shared-secret-of-more-than-32-characters';
/** Of an EHR. */
export const STATIC_TOKEN = 'static-admin-token-0123456789abcdef';

export interface SmartServer {
  readonly server: RunningServer;
  readonly base: string;
  /** The key of the backend service. */
  readonly key: CryptoKey;
  /** The secret of berta's authenticator. */
  readonly totp: string;
  stop(): Promise<void>;
}

export async function startSmart(test: Mocha.Context, store: StoreName): Promise<SmartServer> {
  const url = await newStore(test, store);
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-smart-'));
  const { publicKey, privateKey } = await generateKeyPair('ES384', { extractable: true });
  const file = (name: string, content: unknown): string => {
    writeFileSync(join(folder, name), JSON.stringify(content));
    return join(folder, name);
  };
  const clients = file('clients.json', [
    { client_id: 'app', client_name: 'Growth <chart>', redirect_uris: [REDIRECT] },
    { client_id: 'other', redirect_uris: ['https://other.example.org/'] },
    { client_id: 'secret-app', redirect_uris: [REDIRECT], client_secret: SHARED_SECRET },
    {
      client_id: 'backend',
      scope: 'system/Patient.rs system/Observation.rs',
      jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES384' }] },
    },
  ]);
  const tokens = file('tokens.json', [{ token: STATIC_TOKEN, name: 'ehr', role: 'admin' }]);
  const server = await startServer({
    store: url,
    config: { auth: 'smart', clients, tokens, trustedProxies: '127.0.0.1' },
  });
  const { users } = server.engine.authorization!;
  await users.add({
    name: 'anna',
    role: 'reader',
    password: PASSWORD,
    display: 'Anna A.',
    fhirUser: 'Practitioner/p1',
  });
  await users.add({ name: 'berta', role: 'reader', password: PASSWORD });
  const { secret: totp } = await users.setSecondFactor('berta');
  const headers = { 'content-type': 'application/fhir+json', authorization: `Bearer ${STATIC_TOKEN}` };
  for (const [id, family] of [
    ['p1', 'Alpha'],
    ['p2', 'Beta'],
  ] as const)
    for (const resource of [
      { resourceType: 'Patient', id, name: [{ family }], birthDate: '1970-01-01' },
      {
        resourceType: 'Observation',
        id: `o-${id}`,
        status: 'final',
        code: { text: 'x' },
        subject: { reference: `Patient/${id}` },
      },
    ]) {
      const at = `${server.base}/${resource.resourceType}/${resource.id}`;
      const { status } = await fetch(at, { method: 'PUT', headers, body: JSON.stringify(resource) });
      assert.equal(status, 201);
    }
  return {
    ...{ server, base: server.base, key: privateKey, totp },
    async stop() {
      server.engine.authorization?.stop();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const journeyOf = (base: string, client = 'app', redirect = REDIRECT): Journey => ({ base, client, redirect });

export const getAs = (base: string, path: string, token?: string): Promise<Response> =>
  fetch(`${base}/${path}`, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });

export const enter = (
  browser: Browser,
  page: BrowserAnswer,
  name = 'anna',
  password = PASSWORD,
  code = '',
): Promise<BrowserAnswer> =>
  browser.submit(page, [
    ['name', name],
    ['password', password],
    ['code', code],
    ['do', 'sign-in'],
  ]);

export const consent = (
  browser: Browser,
  page: BrowserAnswer,
  patient?: string,
  scopes = boxesIn(page),
): Promise<BrowserAnswer> =>
  browser.submit(page, [
    ...scopes.map(scope => ['scope', scope] as const),
    ...(patient === undefined ? [] : [['patient', patient] as const]),
    ['do', 'consent'],
  ]);

export interface Launched extends TokenAnswer {
  readonly code: string;
  readonly verifier: string;
  readonly browser: Browser;
}

/** A whole launch of anna, for p1 where no EHR names a patient; with what the token endpoint gave. */
export async function launchApp(
  journey: Journey,
  more: Readonly<Record<string, string | undefined>> = {},
): Promise<Launched> {
  const browser = new Browser(journey.base);
  const verifier = newVerifier();
  const page = await enter(browser, await browser.follow(authorizeUrl(journey, verifier, more)));
  const back = await consent(browser, page, more['launch'] === undefined ? 'p1' : undefined);
  const code = codeIn(back, journey);
  return { ...(await askWithCode(journey, code, verifier)), code, verifier, browser };
}
