/** The settings about issuers: what is wrong with them is told at start, each fault with its place. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'mocha';
import { readIssuers } from '../../../src/identity/issuer-rules.js';
import { ConfigError, loadConfig } from '../../../src/platform/config.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-issuer-rules-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const URL_OF = 'https://id.example.org/realms/care';
const ROLES = ['admin', 'service', 'writer', 'reader'];
const read = (rules: unknown, issuers = URL_OF) => {
  const issuerRules = join(folder, 'rules.json');
  writeFileSync(issuerRules, JSON.stringify(rules));
  return readIssuers({ issuers, issuerRules }, ROLES);
};
const refused = (act: () => unknown, says: RegExp) =>
  assert.throws(act, (error: unknown) => error instanceof ConfigError && says.test(error.message));

describe('settings of issuers', () => {
  it('are nothing but URLs, or rules beside', () => {
    const plain = readIssuers({ issuers: ` ${URL_OF} , http://127.0.0.1:9/a`, issuerRules: '' }, ROLES);
    assert.deepEqual(
      plain.map(({ url, typed, algorithms, roleOfScopes }) => [url, typed, algorithms.length, roleOfScopes]),
      [
        [URL_OF, false, 6, 'service'],
        ['http://127.0.0.1:9/a', false, 6, 'service'],
      ],
    );
    assert.equal(readIssuers({ issuers: URL_OF, issuerRules: '' }, ['admin'])[0]!.roleOfScopes, '');
    const secretFile = join(folder, 'secret');
    writeFileSync(secretFile, 's');
    const [full] = read({
      [URL_OF]: {
        ...{ algorithms: ['ES256'], typed: true, audience: ['urn:a'], hosts: ['keys.example.org'], role: 'reader' },
        ...{ roleClaim: 'realm_access.roles', roles: { nurse: 'reader' }, clients: { app: 'writer' } },
        introspection: { client: 'c', secretFile },
      },
    });
    assert.deepEqual(full, {
      ...{ url: URL_OF, algorithms: ['ES256'], typed: true, audience: ['urn:a'], hosts: ['keys.example.org'] },
      ...{ roleClaim: ['realm_access', 'roles'], roles: new Map([['nurse', 'reader']]), role: 'reader' },
      ...{ clients: new Map([['app', 'writer']]), roleOfScopes: 'service', introspection: { client: 'c', secretFile } },
    });
    assert.deepEqual(read({ [URL_OF]: { roleClaim: 'https://a.b/roles', roles: { x: 'admin' } } })[0]!.roleClaim, [
      'https://a.b/roles',
    ]);
  });

  const urls: readonly (readonly [what: string, issuers: string, says: RegExp])[] = [
    ['no URL', 'id.example.org', /is no URL/],
    ['without TLS', 'http://id.example.org', /must begin with https/],
    ['of another scheme', 'ftp://id.example.org', /must begin with https/],
    ['with a query', `${URL_OF}?x=1`, /no user, query or fragment/],
    ['with an empty query', `${URL_OF}?`, /no user, query or fragment/],
    ['with a user', 'https://a:b@id.example.org', /no user, query or fragment/],
    ['twice', `${URL_OF},${URL_OF}`, /names one issuer twice/],
  ];
  for (const [what, issuers, says] of urls)
    it(`are refused with an issuer ${what}`, () =>
      refused(() => readIssuers({ issuers, issuerRules: '' }, ROLES), says));

  const rules: readonly (readonly [what: string, rules: unknown, says: RegExp])[] = [
    ['a list', [], /at its top/],
    ['an issuer that the setting does not name', { 'https://id.example.org/realms/cars': {} }, /Did you mean https/],
    ['rules that are none', { [URL_OF]: [] }, /are an object with algorithms/],
    ['a member that is none', { [URL_OF]: { audiense: [] } }, /audiense.*Did you mean audience/],
    ['HMAC', { [URL_OF]: { algorithms: ['HS256'] } }, /HS256 is none of RS256/],
    ['no signature', { [URL_OF]: { algorithms: ['none'] } }, /none is none of/],
    ['typed that is no boolean', { [URL_OF]: { typed: 'yes' } }, /true or false/],
    ['an audience that is one text', { [URL_OF]: { audience: 'x' } }, /a list of texts/],
    ['roles without their claim', { [URL_OF]: { roles: { x: 'admin' } } }, /roleClaim must name/],
    ['a claim without roles', { [URL_OF]: { roleClaim: 'x' } }, /roles must say/],
    ['a role that is none', { [URL_OF]: { roleClaim: 'x', roles: { x: 'boss' } } }, /"boss" is no role/],
    ['a role of everybody that is none', { [URL_OF]: { role: 'boss' } }, /"boss" is no role/],
    ['clients that are a list', { [URL_OF]: { clients: [] } }, /clients.*object of names/],
    ['introspection without a secret', { [URL_OF]: { introspection: { client: 'c' } } }, /secretFile/],
    [
      'a secret that is not there',
      { [URL_OF]: { introspection: { client: 'c', secretFile: '/nope' } } },
      /no file \/nope/,
    ],
  ];
  for (const [what, given, says] of rules) it(`are refused with ${what}`, () => refused(() => read(given), says));

  const settings: readonly (readonly [what: string, flags: Record<string, string>, says: RegExp])[] = [
    ['issuers where nobody signs in', { issuers: URL_OF }, /CHARTROOM_ISSUERS needs CHARTROOM_AUTH=token/],
    [
      'issuers whose tokens nobody can address',
      { auth: 'token', issuers: URL_OF, host: '0.0.0.0' },
      /CHARTROOM_ISSUERS needs CHARTROOM_BASE_URL/,
    ],
    ['tokens that are neither', { auth: 'token' }, /or CHARTROOM_ISSUERS/],
    ['rules of nobody', { auth: 'token', tokens: 'x', issuerRules: 'y' }, /needs CHARTROOM_ISSUERS/],
    ['a certificate without its key', { tlsCert: 'x' }, /go together/],
    ['a proxy that is no network', { trustedProxies: '10.0.0.1, proxy.example.org' }, /"proxy.example.org"/],
  ];
  for (const [what, flags, says] of settings)
    it(`are refused with ${what}`, () => refused(() => loadConfig({ flags, env: {} }), says));

  it('do with issuers alone', () =>
    assert.equal(loadConfig({ flags: { auth: 'token', issuers: URL_OF }, env: {} }).tokens, ''));
});
