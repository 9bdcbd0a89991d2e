/**
 * The test-harness mode is on where it was turned on at start, on loopback, and nowhere else: not beyond this machine, and by no
 * request.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import type { CapabilityStatement } from 'fhir/r4.js';
import { ConfigError, loadConfig } from '../../../src/platform/config.js';
import { onStoresInTurn } from '../../support/both-stores.js';
import { newStore, type RunningServer, startServer } from '../../support/server.js';
import { talkTo } from '../../support/talk.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-harness-'));
const tokens = join(folder, 'tokens.json');
writeFileSync(tokens, JSON.stringify([{ token: 'token-of-the-writer-of-tests', name: 'writer', role: 'writer' }]));
const file = join(folder, 'config.json');
writeFileSync(file, JSON.stringify({ harness: true, host: '192.0.2.1', auth: 'token', tokens }));

const ADDRESSES = ['', '/', '/clock', '/seed', '/reset', '/snapshot', '/faults', '/faults/log', '/on', '/Reset'];

/** Sends exactly these headers; `fetch` would refuse some. */
const send = ({ port }: RunningServer, method: string, path: string, headers: Readonly<Record<string, string>>) =>
  new Promise<number>((resolve, reject) => {
    const sent = httpRequest(
      { host: '127.0.0.1', port, method, path, headers, setHost: !('host' in headers) },
      reply => {
        reply.resume();
        resolve(reply.statusCode ?? 0);
      },
    );
    sent.on('error', reject);
    sent.end();
  });

describe('test-harness mode beyond loopback', () => {
  const on = { CHARTROOM_HARNESS: 'on', CHARTROOM_AUTH: 'token', CHARTROOM_TOKENS: tokens };
  const ways: readonly (readonly [way: string, env: Record<string, string>, flags?: Record<string, string>])[] = [
    ['every address', { ...on, CHARTROOM_HOST: '0.0.0.0' }],
    ['every address of IPv6', { ...on, CHARTROOM_HOST: '::' }],
    ['an address of a network', { ...on, CHARTROOM_HOST: '192.0.2.1' }],
    ['a loopback address of IPv4 that IPv6 wraps', { ...on, CHARTROOM_HOST: '::ffff:0.0.0.0' }],
    ['a name of another machine', { ...on, CHARTROOM_HOST: 'localhost.example' }],
    ['a base elsewhere', { ...on, CHARTROOM_BASE_URL: 'https://fhir.example/fhir' }],
    ['a base whose name begins like this machine', { ...on, CHARTROOM_BASE_URL: 'http://127.0.0.1.example/fhir' }],
    ['a base behind a user', { ...on, CHARTROOM_BASE_URL: 'http://localhost@fhir.example/fhir' }],
    ['pages of any origin', { ...on, CHARTROOM_CORS_ORIGINS: '*' }],
    ['pages of another site', { ...on, CHARTROOM_CORS_ORIGINS: 'http://localhost:3000,https://app.example' }],
    ['several processes', { ...on, CHARTROOM_WORKERS: '2', CHARTROOM_STORE: 'mongodb://127.0.0.1/x' }],
    ['flags', {}, { harness: 'on', host: '0.0.0.0', auth: 'token', tokens }],
    ['a flag beside the environment', on, { host: '0.0.0.0' }],
    ['a file', { CHARTROOM_CONFIG: file }],
  ];
  for (const [way, env, flags = {}] of ways)
    it(`cannot be turned on: ${way}`, () => {
      assert.throws(
        () => loadConfig({ env, flags }),
        (error: unknown) =>
          error instanceof ConfigError && /CHARTROOM_HARNESS=on serves this machine alone/.test(error.message),
      );
      // All of it may be without the harness.
      const { CHARTROOM_HARNESS: _on, ...others } = env;
      if (env['CHARTROOM_CONFIG'] === undefined) loadConfig({ env: others, flags: { ...flags, harness: 'off' } });
    });

  for (const value of ['ON', 'On', '1', 'true', 'yes', 'on,off'])
    it(`cannot be turned on by ${value}`, () =>
      assert.throws(() => loadConfig({ env: { CHARTROOM_HARNESS: value }, flags: {} }), /one of off, on/));
});

onStoresInTurn('a server without the test-harness mode', stage => {
  const ways: readonly (readonly [way: string, headers: Record<string, string>, query: string])[] = [
    ['nothing more', {}, ''],
    ['a header', { 'x-chartroom-harness': 'on', 'chartroom-harness': 'on', prefer: 'harness=on' }, ''],
    ['a parameter', {}, '?harness=on&CHARTROOM_HARNESS=on'],
    ['a host of this machine', { host: 'localhost' }, ''],
    ['another method in a header', { 'x-http-method-override': 'POST' }, '?_method=POST'],
  ];
  for (const [way, headers, query] of ways)
    it(`has none of its addresses, with ${way}`, async () => {
      for (const path of ADDRESSES)
        for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
          const unknown = await send(stage().server, method, `/unknown${path}${query}`, headers);
          assert.equal(await send(stage().server, method, `/harness${path}${query}`, headers), unknown);
          assert.equal(unknown, 404);
        }
    });

  it('does not get it while it runs', async () => {
    process.env['CHARTROOM_HARNESS'] = 'on';
    try {
      assert.equal(await send(stage().server, 'POST', '/harness/clock', {}), 404);
    } finally {
      delete process.env['CHARTROOM_HARNESS'];
    }
    const { body } = await talkTo(stage().server.base).get<CapabilityStatement>('metadata');
    assert.equal(body.implementation?.description, 'Chartroom');
    assert.equal(stage().server.engine.aroundRequests, undefined);
  });
});

describe('a server in test-harness mode, with tokens', () => {
  const rows: readonly (readonly [from: string, headers: Record<string, string>, status: number])[] = [
    ['this machine', {}, 200],
    ['this machine by its name', { host: 'localhost:9999' }, 200],
    ['another host', { host: 'fhir.example' }, 421],
    ['a host that begins like this machine', { host: '127.0.0.1.example' }, 421],
    ['a proxy', { 'x-forwarded-for': '192.0.2.7' }, 403],
    ['a proxy that says that it is near', { forwarded: 'for=127.0.0.1' }, 403],
    ['a gateway', { via: '1.1 gate' }, 403],
    ['a page of another site', { origin: 'https://app.example' }, 403],
    ['a page that hides its site', { origin: 'null' }, 403],
    ['another site, as a browser tells', { 'sec-fetch-site': 'cross-site' }, 403],
  ];
  it('answers this machine alone', async function () {
    const store = await newStore(this, 'embedded');
    const server = await startServer({ store, config: { harness: 'on', auth: 'token', tokens } });
    for (const [from, headers, status] of rows)
      assert.equal(await send(server, 'DELETE', '/harness/seed', headers), status, from);
    await server.stop();
  });
});
