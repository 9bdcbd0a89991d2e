/**
 * Tokens that somebody forged, replayed, stretched or took for something else, against a server that believes an issuer. Each is one change of
 * a token that is good, so that nothing but the change refuses it. https://www.rfc-editor.org/rfc/rfc8725, https://www.rfc-editor.org/rfc/rfc9700
 */
import assert from 'node:assert/strict';
import { createHmac, hash } from 'node:crypto';
import { exportJWK, exportSPKI, importJWK, SignJWT } from 'jose';
import { before, describe, it } from 'mocha';
import type { OperationOutcome } from 'fhir/r4.js';
import { exchange } from '../support/exchange.js';
import { type Changes, proofOf, signingKey, type SigningKey, thumbprintOf } from '../support/issuer.js';
import { issuerStage, type IssuerStage, SECRET_AT_ISSUER } from '../support/issuer-stage.js';
import { bearerOf } from '../support/tokens.js';

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const seconds = (): number => Math.floor(Date.now() / 1000);
const HOUR = 3600;

describe('tokens against', () => {
  const stage = issuerStage();
  const { ask, sent, logged } = stage;
  let { server, issuer, other } = {} as Pick<IssuerStage, 'server' | 'issuer' | 'other'>;
  before(() => ({ server, issuer, other } = stage));
  const asBearer = (token: string) => ask({ authorization: `Bearer ${token}` });

  async function refuses(token: string, says = /./): Promise<void> {
    const { status, headers, text } = await asBearer(token);
    assert.equal(status, 401, text);
    assert.equal(headers['www-authenticate'], 'Bearer realm="chartroom", error="invalid_token"');
    const { issue } = JSON.parse(text) as OperationOutcome;
    assert.match(issue[0]?.details?.text ?? '', says);
    for (const part of token.split('.'))
      if (part.length > 8) assert.ok(!text.includes(part), 'it repeats no part of a token');
  }

  it('that are good are taken', async () => {
    const { status, text } = await asBearer(await issuer.token());
    assert.equal(status, 200, text);
    assert.equal((await ask(bearerOf('admin'))).status, 200);
  });

  const changed: readonly (readonly [what: string, changes: () => Changes, says?: RegExp])[] = [
    ['another audience', () => ({ claims: { aud: 'https://other.example.org/fhir' } }), /another server/],
    ['an audience below the base', () => ({ claims: { aud: `${server.base}/Patient` } }), /another server/],
    [
      'an audience that begins like the base',
      () => ({ claims: { aud: `${server.engine.settings.base}.example.org` } }),
    ],
    ['no audience', () => ({ claims: { aud: undefined } }), /another server/],
    ['an audience of another form', () => ({ claims: { aud: { 0: server.base } } })],
    ['another issuer', () => ({ claims: { iss: other.url } }), /does not know/],
    ['an issuer with a slash more', () => ({ claims: { iss: `${issuer.url}/` } })],
    ['an issuer in other letters', () => ({ claims: { iss: issuer.url.toUpperCase() } })],
    ['several issuers', () => ({ claims: { iss: [issuer.url] } })],
    ['no issuer', () => ({ claims: { iss: undefined } })],
    ['an end that is over', () => ({ claims: { iat: seconds() - HOUR, exp: seconds() - 61 } }), /expired/],
    ['no end', () => ({ claims: { exp: undefined } }), /expires/],
    ['an end that is a text', () => ({ claims: { exp: `${seconds() + HOUR}` } })],
    ['an end without end', () => ({ claims: { exp: 1e300 } }), /24 hours/],
    ['a beginning to come', () => ({ claims: { nbf: seconds() + 120 } }), /not valid yet/],
    ['a beginning that is a text', () => ({ claims: { nbf: '0' } })],
    ['an issue to come', () => ({ claims: { iat: seconds() + 120 } }), /not valid yet/],
    ['a life of more than 24 hours', () => ({ claims: { exp: seconds() + 25 * HOUR } }), /24 hours/],
    [
      'more than 24 hours to live, and no issue',
      () => ({ claims: { iat: undefined, exp: seconds() + 25 * HOUR } }),
      /24/,
    ],
    ['a long life nearly over', () => ({ claims: { iat: seconds() - 48 * HOUR, exp: seconds() + 60 } }), /24 hours/],
    ['the typ of a proof', () => ({ header: { typ: 'dpop+jwt' } }), /no access token/],
    ['the typ of a log-out', () => ({ header: { typ: 'logout+jwt' } }), /no access token/],
    ['the typ of an assertion', () => ({ header: { typ: 'client-authentication+jwt' } }), /no access token/],
    ['a nonce, as an id_token', () => ({ claims: { nonce: 'n' } }), /no access token/],
    ['an at_hash, as an id_token', () => ({ claims: { at_hash: 'h' } }), /no access token/],
    ['token_use id', () => ({ claims: { token_use: 'id' } }), /no access token/],
    ['typ ID in its claims', () => ({ claims: { typ: 'ID' } }), /no access token/],
    ['typ Refresh in its claims', () => ({ claims: { typ: 'Refresh' } }), /no access token/],
    ['events, as a log-out', () => ({ claims: { events: {} } }), /no access token/],
    ['a critical header that nobody knows', () => ({ header: { crit: ['urn:new'], 'urn:new': true } })],
    ['a payload that is not encoded', () => ({ header: { crit: ['b64'], b64: false } })],
    ['a key id that is a path', () => ({ header: { kid: '../../../../dev/null' } })],
    ['a key id that is an address', () => ({ header: { kid: `${other.url}/jwks` } })],
    ['a key id that every object has', () => ({ header: { kid: '__proto__' } })],
    ['a scope in another order', () => ({ claims: { scope: 'patient/Observation.sr' } }), /invalid_scope/],
    ['a scope for no type', () => ({ claims: { scope: 'openid system/Nothing.rs' } }), /invalid_scope/],
    [
      'a scope with a constraint that is none',
      () => ({ claims: { scope: 'system/Patient.rs?nope=1' } }),
      /invalid_scope/,
    ],
    ['too many scopes', () => ({ claims: { scope: Array.from({ length: 101 }, (_, i) => `s${i}`).join(' ') } }), /100/],
    ['scopes of another form', () => ({ claims: { scope: { 'system/*.rs': true } } }), /scope/],
    ['two patients', () => ({ claims: { patient: ['a', 'b'] } }), /patient/],
    ['a patient that is a path', () => ({ claims: { patient: '../Observation/x' } }), /patient/],
    ['a patient that is a search', () => ({ claims: { patient: 'a,b' } }), /patient/],
    ['a patient elsewhere', () => ({ claims: { patient: 'https://other.example.org/fhir/Patient/a' } }), /patient/],
    ['a patient that is no Patient', () => ({ claims: { patient: 'Group/a' } }), /patient/],
    ['nobody', () => ({ claims: { sub: undefined, client_id: undefined } }), /sub/],
    ['a name with control characters', () => ({ claims: { sub: 'a\u0000b' } }), /sub/],
    ['a user that is a script', () => ({ claims: { fhirUser: 'javascript:alert(1)//Patient/a' } }), /fhirUser/],
    ['a purpose that is a sentence', () => ({ claims: { purpose_of_use: 'because I say so' } }), /purpose/],
    ['a certificate that it is bound to', () => ({ claims: { cnf: { 'x5t#S256': 'abc' } } }), /bound to something/],
    [
      'a key and a certificate that it is bound to',
      () => ({ claims: { cnf: { jkt: 'a', 'x5t#S256': 'b' } } }),
      /bound/,
    ],
    ['a bond that is none', () => ({ claims: { cnf: null } }), /bound/],
  ];
  for (const [what, changes, says] of changed)
    it(`${what} are refused`, async () => refuses(await issuer.token(changes()), says));

  it('what is narrow is taken to the edge', async () => {
    const good: readonly Changes[] = [
      { claims: { aud: [`https://other.example.org`, server.engine.settings.base] } },
      { claims: { aud: `${server.engine.settings.base}/` } },
      { claims: { exp: seconds() - 30 } },
      { claims: { nbf: seconds() + 30, iat: seconds() + 30 } },
      { claims: { exp: seconds() + 24 * HOUR - 5 } },
      { claims: { scope: undefined, scp: ['system/Patient.rs', 'openid'] } },
      { claims: { patient: `${server.engine.settings.base}/Patient/a`, encounter: 'Encounter/b' } },
      { claims: { extensions: { ihe_iua: { purpose_of_use: [{ system: 'urn:x', code: 'TREAT' }] } } } },
      { claims: { fhirUser: 'https://id.example.org/fhir/Practitioner/a', client_id: undefined, azp: 'app' } },
      { header: { typ: 'JWT' } },
      { header: { typ: undefined } },
      { header: { kid: undefined } },
      // Never looked at: the key is the issuer's.
      { header: { jku: `${other.url}/jwks`, x5u: `${other.url}/x5u` } },
    ];
    for (const changes of good) {
      const { status, text } = await asBearer(await issuer.token(changes));
      assert.equal(status, 200, `${JSON.stringify(changes)} ${text}`);
    }
    assert.deepEqual(other.asked, []);
  });

  it('without a signature are refused', async () => {
    const [, payload] = (await issuer.token()).split('.');
    for (const alg of ['none', 'None', 'NONE', '', undefined]) {
      const head = encode({ alg, typ: 'at+jwt' });
      for (const signature of ['', 'AAAA']) await refuses(`${head}.${payload}.${signature}`.replace(/\.$/, '.A'));
    }
  });

  it('signed with what is public are refused', async () => {
    const [, payload] = (await issuer.token()).split('.');
    const { publicJwk } = issuer.key;
    const key = (await importJWK(publicJwk, 'ES256', { extractable: true })) as SigningKey['privateKey'];
    const pem = await exportSPKI(key);
    for (const secret of [pem, pem.trim(), JSON.stringify(publicJwk), JSON.stringify(await exportJWK(key)), ''])
      for (const [alg, digest] of [
        ['HS256', 'sha256'],
        ['HS384', 'sha384'],
        ['HS512', 'sha512'],
      ] as const) {
        const signed = `${encode({ alg, typ: 'at+jwt', kid: publicJwk.kid })}.${payload}`;
        await refuses(`${signed}.${createHmac(digest, secret).update(signed).digest('base64url')}`);
      }
  });

  it('signed by another key are refused, whatever they say of it, and nobody is asked', async () => {
    const forged = await signingKey();
    other.keys = [forged.publicJwk];
    const { kid: _kid, ...jwk } = forged.publicJwk;
    const headers: Record<string, unknown>[] = [
      { kid: issuer.key.kid },
      { kid: forged.kid },
      { kid: undefined },
      { kid: issuer.key.kid, jwk },
      { kid: undefined, jwk },
      { jku: `${other.url}/jwks` },
      { x5u: `${other.url}/x5u`, x5c: ['MIIB'] },
      { kid: issuer.key.kid, jku: `${other.url}/jwks`, jwk },
    ];
    for (const header of headers) await refuses(await issuer.token({ key: forged, header }));
    assert.deepEqual(other.asked, []);
  });

  it('changed after they were signed are refused', async () => {
    const [head, payload, signature] = (await issuer.token()).split('.') as [string, string, string];
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    await refuses(`${head}.${encode({ ...claims, scope: 'system/*.cruds' })}.${signature}`);
    await refuses(`${encode({ alg: 'ES256', kid: issuer.key.kid })}.${payload}.${signature}`);
    await refuses(`${head}.${payload}.${Buffer.alloc(64).toString('base64url')}`);
    await refuses(
      `${head}.${payload}.${Buffer.from(Buffer.from(signature, 'base64url').toReversed()).toString('base64url')}`,
    );
    await refuses(`${head}.${payload}.${signature.slice(0, -4)}`);
  });

  it('signed by an algorithm that the rules do not have are refused', async () => {
    for (const alg of ['RS512', 'PS512', 'ES512']) {
      const key = await signingKey(alg);
      issuer.keys = [issuer.key.publicJwk, key.publicJwk];
      await refuses(await issuer.token({ key, header: { kid: key.kid } }));
    }
    issuer.keys = [issuer.key.publicJwk];
  });

  it('that are none are refused', async () => {
    const good = await issuer.token();
    for (const token of [
      'x',
      'a.b.c',
      '..',
      `${good}.${good}`,
      good.slice(1),
      `e30.e30.e30`,
      `${encode({ alg: 'ES256' })}.W10.A`,
    ])
      await refuses(token);
    await refuses(`${encode({ alg: 'ES256' })}.${'A'.repeat(8000)}.AAAA`);
    const { status } = await asBearer('A'.repeat(20_000));
    assert.equal(status, 431);
  });

  describe('where they stand', () => {
    const without = /^Bearer realm="chartroom"$/;
    it('have no error in the challenge where there is none', async () => {
      const none: Record<string, string>[] = [
        {},
        { authorization: '' },
        { authorization: 'Basic YTpi' },
        { authorization: 'Bearer' },
      ];
      for (const headers of none) {
        const { status, headers: said } = await ask(headers);
        assert.equal(status, 401);
        assert.match(said['www-authenticate'] ?? '', without);
      }
    });

    it('are refused twice in one request', async () => {
      const good = await issuer.token();
      const second = [`Bearer ${good}`, 'Bearer x'];
      for (const authorization of [second, second.toReversed()])
        assert.equal((await ask({ authorization })).status, 401);
    });

    it('are refused in an address and in a form, beside a good one and alone, and stand in no audit event', async () => {
      const token = await issuer.token();
      const good = { authorization: `Bearer ${await issuer.token({ claims: { scope: 'system/*.cruds' } })}` };
      const form = { 'content-type': 'application/x-www-form-urlencoded' };
      for (const name of ['access_token', 'ACCESS_TOKEN', 'access%5Ftoken']) {
        const query = `${name}=${token}`;
        for (const prefer of ['handling=strict', 'handling=lenient']) {
          assert.equal((await ask({ ...good, prefer }, `/fhir/Patient?${query}`)).status, 400);
          assert.equal((await ask({ ...good, ...form, prefer }, '/fhir/Patient/_search', 'POST', query)).status, 400);
        }
        assert.equal((await ask({}, `/fhir/Patient?${query}`)).status, 401);
        assert.equal((await ask(form, '/fhir/Patient/_search', 'POST', query)).status, 401);
      }
      const trail = await ask(bearerOf('admin'), '/fhir/AuditEvent?_count=1000');
      assert.equal(trail.status, 200);
      const bodies = [...trail.text.matchAll(/"query":"([^"]*)"/g)].map(([, text]) =>
        Buffer.from(text!, 'base64').toString(),
      );
      assert.ok(bodies.length > 3);
      for (const each of [trail.text, ...bodies]) assert.ok(!each.includes(token) && !each.includes(token.slice(-40)));
    });
  });

  describe('bound to a key', () => {
    let key: SigningKey;
    let token: string;
    let claims: Record<string, unknown>;
    before(async () => {
      key = await signingKey();
      token = await issuer.token({ claims: { cnf: { jkt: await thumbprintOf(key) } } });
      claims = {
        htm: 'GET',
        htu: `${server.engine.settings.base}/Patient`,
        iat: seconds(),
        ath: hash('sha256', token, 'base64url'),
      };
    });
    const send = (proof: string | string[], scheme = 'DPoP', by = token) =>
      ask({ authorization: `${scheme} ${by}`, dpop: proof });

    it('are taken with a proof', async () => {
      for (const scheme of ['DPoP', 'dpop']) {
        const { status, text } = await send(await proofOf(key, claims), scheme);
        assert.equal(status, 200, text);
      }
      const queried = await ask(
        { authorization: `DPoP ${token}`, dpop: await proofOf(key, claims) },
        '/fhir/Patient?_count=1',
      );
      assert.equal(queried.status, 200);
    });

    it('are refused as bearer, and others after DPoP', async () => {
      await refuses(token, /bound to a key/);
      const free = await issuer.token();
      const { status } = await send(
        await proofOf(key, { ...claims, ath: hash('sha256', free, 'base64url') }),
        'DPoP',
        free,
      );
      assert.equal(status, 401);
    });

    const proofs: readonly (readonly [what: string, changes: () => Record<string, unknown>, header?: () => object])[] =
      [
        ['for another method', () => ({ htm: 'POST' })],
        ['for another address', () => ({ htu: `${server.engine.settings.base}/Observation` })],
        ['for another host', () => ({ htu: 'https://other.example.org/fhir/Patient' })],
        ['of long ago', () => ({ iat: seconds() - 120 })],
        ['of a time to come', () => ({ iat: seconds() + 120 })],
        ['without a time', () => ({ iat: undefined })],
        ['for another token', () => ({ ath: hash('sha256', 'other', 'base64url') })],
        ['for no token', () => ({ ath: undefined })],
        ['without an id', () => ({ jti: undefined })],
        ['with a huge id', () => ({ jti: 'x'.repeat(300) })],
        ['of another kind', () => ({}), () => ({ typ: 'JWT' })],
        ['without its key', () => ({}), () => ({ jwk: undefined })],
        ['with a critical header', () => ({}), () => ({ crit: ['urn:x'], 'urn:x': 1 })],
      ];
    for (const [what, changes, header = () => ({})] of proofs)
      it(`are refused with a proof ${what}`, async () => {
        const body: Record<string, unknown> = { ...claims, ...changes() };
        const head = { ...header() } as Record<string, unknown>;
        const { status, headers, text } = await send(await proofOf(key, body, head));
        assert.equal(status, 401, text);
        assert.equal(headers['www-authenticate'], 'DPoP realm="chartroom", error="invalid_dpop_proof"');
      });

    it('are refused with the proof of another key, a private key, a secret', async () => {
      const thief = await signingKey();
      const { kid: _kid, alg: _alg, use: _use, ...jwk } = key.publicJwk;
      const secret = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', typ: 'dpop+jwt', jwk: { kty: 'oct', k: 'c2VjcmV0' } as never })
        .sign(Buffer.alloc(32, 1));
      for (const proof of [await proofOf(thief, claims), await proofOf(thief, claims, { jwk }), secret, 'x', ''])
        assert.equal((await send(proof)).status, 401);
    });

    it('are refused with a proof that was used, or two', async () => {
      const proof = await proofOf(key, claims);
      assert.equal((await send(proof)).status, 200);
      assert.equal((await send(proof)).status, 401);
      assert.equal((await send([await proofOf(key, claims), await proofOf(key, claims)])).status, 401);
      const once = await proofOf(key, claims);
      const together = await Promise.all(Array.from({ length: 8 }, () => send(once)));
      assert.equal(together.filter(({ status }) => status === 200).length, 1);
    });
  });

  describe('that are opaque', () => {
    it('are what their issuer says, who is asked once in a while and as whom the rules say', async () => {
      issuer.opaque.set('opaque-1', {
        active: true,
        scope: 'system/Patient.rs',
        client_id: 'app',
        exp: seconds() + 300,
      });
      for (let i = 0; i < 3; i++) assert.equal((await asBearer('opaque-1')).status, 200);
      assert.equal(issuer.questions.filter(({ body }) => body.includes('opaque-1')).length, 1);
      const authorization = issuer.questions[0]?.authorization ?? '';
      const [client, secret] = Buffer.from(authorization.slice('Basic '.length), 'base64').toString().split(':');
      assert.deepEqual(
        [decodeURIComponent(client!), decodeURIComponent(secret!.replaceAll('+', ' '))],
        ['server:1', SECRET_AT_ISSUER],
      );
    });

    const answers: readonly (readonly [what: string, said: () => Record<string, unknown>, status: number])[] = [
      ['not active', () => ({ active: false, scope: 'system/*.rs', sub: 'a' }), 401],
      ['active as a text', () => ({ active: 'true', scope: 'system/*.rs', sub: 'a' }), 503],
      ['nothing of it', () => ({ scope: 'system/*.rs', sub: 'a' }), 503],
      [
        'for another server',
        () => ({ active: true, scope: 'system/*.rs', sub: 'a', aud: 'https://other.example.org' }),
        401,
      ],
      ['by another issuer', () => ({ active: true, scope: 'system/*.rs', sub: 'a', iss: other.url }), 401],
      ['over', () => ({ active: true, scope: 'system/*.rs', sub: 'a', exp: seconds() - 120 }), 401],
      ['over at a time that is none', () => ({ active: true, scope: 'system/*.rs', sub: 'a', exp: 'never' }), 401],
      ['not yet', () => ({ active: true, scope: 'system/*.rs', sub: 'a', nbf: seconds() + 120 }), 401],
      ['of nobody', () => ({ active: true, scope: 'system/*.rs' }), 401],
      ['bound to a key', () => ({ active: true, scope: 'system/*.rs', sub: 'a', cnf: { jkt: 'x' } }), 401],
    ];
    for (const [what, said, status] of answers)
      it(`are refused where it says: ${what}`, async () => {
        issuer.opaque.set(`opaque ${what}`.replaceAll(' ', '-'), said());
        const answer = await asBearer(`opaque ${what}`.replaceAll(' ', '-'));
        assert.equal(answer.status, status, answer.text);
      });
  });

  it('from one address are not looked at after 20 refusals in a second, but those that are known are', async () => {
    const good = await issuer.token();
    const from = (token: string) =>
      exchange(server.port, {
        method: 'GET',
        path: '/fhir/Patient',
        headers: { 'x-forwarded-for': '192.0.2.7', authorization: `Bearer ${token}` },
      });
    assert.equal((await from(good)).status, 200);
    const began = performance.now();
    const burst = await Promise.all(Array.from({ length: 200 }, (_, at) => from(`guess-${at}`)));
    const took = Math.ceil((performance.now() - began) / 1000);
    const limited = burst.filter(({ status }) => status === 429);
    assert.ok(200 - limited.length <= 20 * (took + 2), `${limited.length} of 200 were turned away in ${took} s`);
    assert.equal(limited[0]!.headers['retry-after'], '1');
    assert.equal((await from(good)).status, 200);
    // Others are not kept waiting.
    assert.equal((await asBearer(await issuer.token())).status, 200);
  });

  it('stand in no line of the log, whole or in part', () => {
    assert.ok(logged.length > 100 && sent.size > 50);
    const all = logged.join('\n');
    assert.ok(all.includes('"status":401'));
    for (const token of sent)
      for (const part of token.split('.').filter(each => each.length > 20)) assert.ok(!all.includes(part));
    assert.ok(!all.includes(SECRET_AT_ISSUER));
  });
});
