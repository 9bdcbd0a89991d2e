/** An issuer elsewhere: its keys are fetched when they are needed and no oftener, and what goes wrong there is nobody's fault here. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'mocha';
import { FhirError } from '../../../src/fhir/error.js';
import { createIdentify } from '../../../src/identity/identify.js';
import { ALGORITHMS, type IssuerRules } from '../../../src/identity/issuer-rules.js';
import { Issuer } from '../../../src/identity/issuer.js';
import type { Principal } from '../../../src/identity/principal.js';
import { ConfigError } from '../../../src/platform/config.js';
import { createReadScopes } from '../../../src/access/scopes.js';
import { openIssuer, signingKey, type TestIssuer } from '../../support/issuer.js';
import { NAMEABLE } from '../../support/roles.js';
import { createLog } from '../../../src/platform/log.js';
import { createMetrics } from '../../../src/platform/metrics.js';
import { createOutgoing } from '../../../src/outgoing/outgoing.js';

const BASE = 'https://fhir.example.org/fhir';
const NOW = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
const readScopes = createReadScopes({ ...NAMEABLE, bases: [BASE] });

const rulesOf = (url: string, more: Partial<IssuerRules> = {}): IssuerRules => ({
  ...{ url, algorithms: ALGORITHMS, typed: false, audience: [], hosts: [], roleClaim: [], roles: new Map() },
  ...{ clients: new Map(), roleOfScopes: 'service' },
  ...more,
});

describe('an issuer', () => {
  let issuer: TestIssuer;
  before(async () => {
    issuer = await openIssuer(
      () => BASE,
      () => NOW / 1000,
    );
  });
  after(() => issuer.close());
  let time = 0;
  let good: Pick<TestIssuer, 'keys' | 'metadata'>;
  before(() => (good = { keys: issuer.keys, metadata: { ...issuer.metadata } }));
  beforeEach(() => {
    Object.assign(issuer, { keys: good.keys, metadata: { ...good.metadata }, instead: undefined });
    issuer.asked.length = 0;
    time = 0;
  });

  const outgoing = createOutgoing({ metrics: createMetrics(), log: createLog('silent') });
  after(() => outgoing.close());
  let asking = 0;
  const house = (more: Partial<IssuerRules> = {}) => {
    const identify = createIdentify({
      ...{ now: () => NOW, bases: [BASE], readScopes },
      issuers: [new Issuer(rulesOf(issuer.url, more), outgoing, () => time)],
    });
    return (token: string, address = `client ${++asking}`): Promise<Principal> => {
      const authorization = `Bearer ${token}`;
      const headers = { headers: { authorization }, rawHeaders: ['Authorization', authorization] };
      return identify({ ...headers, method: 'GET', url: '/fhir/Patient', address });
    };
  };
  const kind = (expected: string, detail: string) => (error: unknown) => {
    assert.ok(error instanceof FhirError, String(error));
    assert.deepEqual([error.kind, error.issues[0]?.detail], [expected, detail]);
    return true;
  };
  const invalid = kind('unauthenticated', 'invalid-token');
  const isAway = kind('unavailable', 'issuer-away');
  const fetches = (): number => issuer.asked.filter(path => path === '/jwks').length;

  it('says by its tokens who asks', async () => {
    const ask = house({
      roleClaim: ['realm', 'roles'],
      roles: new Map([
        ['boss', 'admin'],
        ['nurse', 'reader'],
      ]),
    });
    const claims = {
      ...{ scope: 'openid patient/Observation.rs user/Patient.r', patient: 'Patient/p1', encounter: 'e1', jti: 'j' },
      ...{ fhirUser: 'https://x.org/Practitioner/d', purpose_of_use: [{ code: 'TREAT' }, { code: 'BTG' }] },
      realm: { roles: ['nurse', 'other', 'boss'] },
    };
    const { scopes, ...rest } = await ask(await issuer.token({ claims }));
    assert.deepEqual(rest, {
      ...{ name: `${issuer.url}|user-1`, role: 'admin', issuer: issuer.url, subject: 'user-1', client: 'app-1' },
      ...{ tokenId: 'j', patient: 'p1', encounter: 'e1', fhirUser: 'https://x.org/Practitioner/d', purpose: 'TREAT' },
    });
    assert.deepEqual(
      scopes?.map(({ text }) => text),
      ['patient/Observation.rs', 'user/Patient.r'],
    );
  });

  const roles: readonly (readonly [
    what: string,
    rules: Partial<IssuerRules>,
    claims: object,
    role: string,
    user: boolean,
  ])[] = [
    ['nothing', {}, {}, 'service', false],
    ['the role of everybody', { role: 'reader' }, {}, 'reader', true],
    ['the role of the application', { role: 'reader', clients: new Map([['app-1', 'admin']]) }, {}, 'admin', true],
    ['no role of another application', { clients: new Map([['app-2', 'admin']]) }, {}, 'service', false],
    [
      'no role of a claim that is not there',
      { roleClaim: ['constructor'], roles: new Map([['x', 'admin']]) },
      {},
      'service',
      false,
    ],
    [
      'the role of a claim that is one text',
      { roleClaim: ['r'], roles: new Map([['x', 'admin']]) },
      { r: 'x' },
      'admin',
      true,
    ],
    [
      'no role of an unknown value',
      { roleClaim: ['r'], roles: new Map([['x', 'admin']]) },
      { r: 'admin' },
      'service',
      false,
    ],
  ];
  for (const [what, rules, claims, role, user] of roles)
    it(`gives ${what}, and user scopes ${user ? 'count' : 'grant nothing'}`, async () => {
      const scope = 'user/*.rs system/Patient.r';
      const found = await house(rules)(await issuer.token({ claims: { scope, ...claims } }));
      assert.equal(found.role, role);
      assert.deepEqual(
        found.scopes?.map(({ context }) => context),
        user ? ['user', 'system'] : ['system'],
      );
    });

  it('is asked once for many tokens at a time, and its principal of one token is one object', async () => {
    const ask = house();
    const token = await issuer.token();
    const all = await Promise.all([...Array.from({ length: 20 }, () => ask(token)), ask(await issuer.token())]);
    assert.equal(fetches(), 1);
    assert.equal(new Set(all.slice(0, 20)).size, 1);
    assert.equal(await ask(token), all[0]);
    assert.notEqual(all[20], all[0]);
  });

  it('may change its keys: a new one is found at once, an old one is no good any more', async () => {
    const ask = house();
    const old = await issuer.token();
    await ask(old);
    const key = await signingKey('RS256');
    issuer.keys = [key.publicJwk];
    time = MINUTE;
    await ask(await issuer.token({ key }));
    assert.equal(fetches(), 2);
    await assert.rejects(ask(await issuer.token()), invalid);
    // What was verified stays for its five minutes.
    await ask(old);
  });

  it('is not asked for each of many keys that it has not', async () => {
    const ask = house();
    await ask(await issuer.token());
    const strangers = async (count: number) => {
      for (let i = 0; i < count; i++)
        await assert.rejects(ask(await issuer.token({ header: { kid: `none-${i}` } })), invalid);
    };
    await strangers(20);
    assert.equal(fetches(), 1);
    time = 31_000;
    await strangers(20);
    assert.equal(fetches(), 2);
    time = 62_000;
    await strangers(5);
    assert.equal(fetches(), 3);
  });

  it('is asked again after ten minutes, and its keys stay in use for an hour while it is away', async () => {
    const ask = house();
    await ask(await issuer.token());
    time = 11 * MINUTE;
    await ask(await issuer.token());
    assert.equal(fetches(), 2);
    issuer.instead = (_request, response) => (response.writeHead(500), response.end(), true);
    time = 40 * MINUTE;
    await ask(await issuer.token());
    time = 75 * MINUTE;
    await assert.rejects(ask(await issuer.token()), isAway);
    time = 80 * MINUTE;
    issuer.instead = undefined;
    await ask(await issuer.token());
  });

  const broken: readonly (readonly [what: string, breaks: () => void])[] = [
    ['says it is another one', () => (issuer.metadata['issuer'] = 'https://other.example.org')],
    ['says it is one with a slash more', () => (issuer.metadata['issuer'] = `${issuer.url}/`)],
    ['names no keys', () => delete issuer.metadata['jwks_uri']],
    [
      'names keys of a machine beside us',
      () => (issuer.metadata['jwks_uri'] = 'http://169.254.169.254/latest/meta-data'),
    ],
    ['names keys of another port here', () => (issuer.metadata['jwks_uri'] = 'http://127.0.0.1:1/jwks')],
    ['names keys in a file', () => (issuer.metadata['jwks_uri'] = 'file:///etc/passwd')],
    ['names keys of another host', () => (issuer.metadata['jwks_uri'] = 'https://keys.example.org/jwks')],
    ['has too many keys', () => (issuer.keys = Array.from({ length: 101 }, () => good.keys[0]!))],
    [
      'sends on',
      () =>
        (issuer.instead = (_request, response) => (
          response.writeHead(302, { location: '/jwks' }), response.end(), true
        )),
    ],
    [
      'sends more than 256 KB',
      () => (issuer.instead = (_request, response) => (response.end(`"${'x'.repeat(300_000)}"`), true)),
    ],
    ['sends no JSON', () => (issuer.instead = (_request, response) => (response.end('<html>'), true))],
    ['sends a list', () => (issuer.instead = (_request, response) => (response.end('[]'), true))],
  ];
  for (const [what, breaks] of broken)
    it(`that ${what} cannot be asked, which is not the client's fault`, async () => {
      breaks();
      await assert.rejects(
        house()(await issuer.token()),
        (error: Error) => isAway(error) && /: (?:its|it has|outgoing-)/.test(error.message),
      );
    });

  it('with secrets among its keys, or keys that are too short or none, has those for nobody', async () => {
    const oct = { kty: 'oct', k: Buffer.alloc(32, 1).toString('base64url'), kid: issuer.key.kid, alg: 'HS256' };
    for (const key of [oct, { kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: issuer.key.kid }, { kty: 'EC' }, {}]) {
      issuer.keys = [key];
      await assert.rejects(house()(await issuer.token()), invalid);
    }
  });

  it('that is away keeps nobody out: no refusal is counted', async () => {
    issuer.instead = (_request, response) => (response.writeHead(500), response.end(), true);
    const ask = house();
    for (let at = 0; at < 40; at++) await assert.rejects(ask(await issuer.token(), 'one client'), isAway);
    issuer.instead = undefined;
    time = MINUTE;
    await ask(await issuer.token(), 'one client');
  });

  it('is found by the document of OAuth 2 as well', async () => {
    issuer.instead = (request, response) => {
      if (request.url?.endsWith('openid-configuration')) return (response.writeHead(404), response.end(), true);
      if (request.url !== '/.well-known/oauth-authorization-server') return false;
      return (response.end(JSON.stringify(issuer.metadata)), true);
    };
    assert.equal((await house()(await issuer.token())).subject, 'user-1');
  });

  it('whose tokens say that they are access tokens must say so of each', async () => {
    const ask = house({ typed: true });
    await ask(await issuer.token());
    for (const typ of ['JWT', undefined]) await assert.rejects(ask(await issuer.token({ header: { typ } })), invalid);
  });

  it('signs by those algorithms alone that its rules have', async () => {
    for (const alg of ALGORITHMS) {
      const key = await signingKey(alg);
      issuer.keys = [key.publicJwk];
      await house()(await issuer.token({ key }));
      const others = ALGORITHMS.filter(each => each !== alg);
      await assert.rejects(house({ algorithms: others })(await issuer.token({ key })), invalid);
    }
  });

  it('whose host may not be asked is told at start', () => {
    assert.throws(() => new Issuer(rulesOf(issuer.url, { hosts: ['http://example.org'] }), outgoing), ConfigError);
  });
});
