/**
 * What browsers can be made to send without anybody's leave: names that were re-bound to this machine, forms and simple
 * requests of other sites. https://www.rfc-editor.org/rfc/rfc9110#section-7.4, https://fetch.spec.whatwg.org/#http-cors-protocol
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OperationOutcome, Patient } from 'fhir/r4.js';
import { Client, type FhirResource } from 'fhir-kit-client';
import { after, it } from 'mocha';
import { onStoresInTurn, type Stage } from '../../support/both-stores.js';
import { type Answer, converse, exchange, type Sent } from '../../support/exchange.js';
import { talkTo } from '../../support/talk.js';

const FHIR = 'application/fhir+json';
const APP = 'https://app.example';
const EVIL = 'https://evil.example';

const patient = (id: string) => JSON.stringify({ resourceType: 'Patient', id, active: true });
const bundle = (type: string, method: string, url: string) =>
  JSON.stringify({ resourceType: 'Bundle', type, entry: [{ request: { method, url } }] });

/** Whatever may change something, as a browser could send it for another site. */
const CHANGES: readonly (readonly [method: string, path: string, type?: string, body?: string])[] = [
  ['PUT', 'Patient/kept', FHIR, patient('kept')],
  ['POST', 'Patient', FHIR, patient('x')],
  ['POST', 'Patient', 'text/plain', patient('x')],
  ['PATCH', 'Patient/kept', 'application/json-patch+json', '[{"op":"remove","path":"/active"}]'],
  ['DELETE', 'Patient/kept'],
  ['DELETE', 'Patient?_id=kept'],
  ['POST', '', FHIR, bundle('transaction', 'DELETE', 'Patient/kept')],
  ['POST', '', FHIR, bundle('batch', 'DELETE', 'Patient/kept')],
  ['POST', '', 'text/plain', bundle('transaction', 'DELETE', 'Patient/kept')],
  ['POST', 'Patient/kept/$purge'],
  ['POST', 'Patient/kept/$purge', 'application/x-www-form-urlencoded', ''],
  ['POST', '$reindex'],
  ['POST', '$reindex', 'multipart/form-data; boundary=b', '--b--'],
  ['POST', 'Patient/kept/$meta-add', FHIR, '{"resourceType":"Parameters"}'],
  ['POST', 'Binary', 'text/plain', 'a'],
  ['POST', 'Binary', 'application/x-www-form-urlencoded', 'a=b'],
  ['POST', 'Binary', 'multipart/form-data; boundary=b', '--b--'],
  ['PUT', 'Binary/b', 'image/png', 'a'],
];

/** Headers that say that another site speaks. */
const STRANGERS: readonly Readonly<Record<string, string>>[] = [
  { origin: EVIL, 'sec-fetch-site': 'cross-site' },
  { origin: EVIL },
  { origin: 'null' },
  { origin: 'http://localhost:3000', 'sec-fetch-site': 'same-site' },
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
];

const folder = mkdtempSync(join(tmpdir(), 'chartroom-foreign-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const tokens = join(folder, 'tokens.json');
const TOKEN = 'token-of-the-administrator';
writeFileSync(tokens, JSON.stringify([{ token: TOKEN, name: 'admin', role: 'admin' }]));

const outcomeOf = ({ body }: Answer) => JSON.parse(body.toString()) as OperationOutcome;

function send({ server }: Stage, method: string, path: string, more: Omit<Sent, 'method' | 'path'> = {}) {
  return exchange(server.port, { method, path: path.startsWith('/') ? path : `/fhir/${path}`, ...more });
}

/** `always`: headers of somebody who may do everything. */
function tellOrigins(stage: () => Stage, always: Readonly<Record<string, string>>) {
  for (const [method, path, type, body] of CHANGES)
    it(`refuses ${method} /${path} as ${type ?? 'nothing'} when a page of another site sends it`, async () => {
      const before = await send(stage(), 'GET', 'Patient/kept', { headers: always });
      for (const stranger of STRANGERS) {
        const headers = { ...always, ...stranger, ...(type === undefined ? {} : { 'content-type': type }) };
        const reply = await send(stage(), method, path, { headers, ...(body === undefined ? {} : { body }) });
        assert.deepEqual([reply.status, outcomeOf(reply).issue[0]?.code], [403, 'forbidden'], JSON.stringify(stranger));
      }
      const still = await send(stage(), 'GET', 'Patient/kept', { headers: always });
      assert.deepEqual([still.status, still.headers.etag], [200, before.headers.etag]);
    });

  it('lets pages of its own and of allowed origins, and what is no browser, change things', async () => {
    const { port } = stage().server;
    const friends: Readonly<Record<string, string>>[] = [
      {},
      { origin: APP, 'sec-fetch-site': 'cross-site' },
      { origin: `http://127.0.0.1:${port}`, 'sec-fetch-site': 'same-origin' },
      { origin: 'http://localhost:9999', host: 'localhost:9999', 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'none' },
    ];
    for (const [at, friend] of friends.entries()) {
      const headers = { ...always, ...friend, 'content-type': FHIR };
      const made = await send(stage(), 'PUT', `Patient/friend-${at}`, { headers, body: patient(`friend-${at}`) });
      assert.equal(made.status, 201, JSON.stringify(friend));
      const gone = await send(stage(), 'DELETE', `Patient/friend-${at}`, { headers: { ...always, ...friend } });
      assert.equal(gone.status, 204, JSON.stringify(friend));
    }
  });

  it('lets other sites send what only reads: they are not given the answer', async () => {
    const reply = await send(stage(), 'GET', 'Patient/kept', { headers: { ...always, ...STRANGERS[0]! } });
    assert.deepEqual([reply.status, reply.headers['access-control-allow-origin']], [200, undefined]);
    assert.equal(reply.headers['cross-origin-resource-policy'], 'same-origin');
  });

  it('does nothing that changes anything by GET, and knows no other method than the one of the request', async () => {
    for (const path of ['$reindex', 'Patient/kept/$purge', 'Patient/kept/$meta-add', 'Patient/kept/$meta-delete'])
      assert.equal((await send(stage(), 'GET', path, { headers: always })).status, 405, path);
    const headers = {
      ...always,
      'x-http-method-override': 'DELETE',
      'x-http-method': 'DELETE',
      'x-method-override': 'DELETE',
    };
    assert.equal((await send(stage(), 'GET', 'Patient/kept?_method=DELETE', { headers })).status, 400);
    assert.equal((await send(stage(), 'GET', 'Patient/kept', { headers })).status, 200);
    assert.equal((await send(stage(), 'POST', 'Patient/kept', { headers })).status, 405);
    assert.equal((await send(stage(), 'GET', 'Patient/kept', { headers: always })).status, 200);
  });

  it('runs no operation for a form, wherever it comes from', async () => {
    for (const type of ['application/x-www-form-urlencoded', 'multipart/form-data; boundary=b', 'text/plain'])
      for (const path of ['Patient/kept/$purge', '$reindex', 'Patient/kept/$meta-add'])
        for (const body of ['', 'a=b']) {
          const reply = await send(stage(), 'POST', path, { headers: { ...always, 'content-type': type }, body });
          assert.equal(reply.status, 415, `${path} ${type}`);
        }
  });
}

const set = (always: Readonly<Record<string, string>>) => async (stage: Stage) => {
  const headers = { ...always, 'content-type': FHIR };
  assert.equal((await send(stage, 'PUT', 'Patient/kept', { headers, body: patient('kept') })).status, 201);
};

onStoresInTurn(
  'without authentication',
  stage => {
    tellOrigins(stage, {});

    for (const host of [
      'evil.example',
      'localhost.evil',
      '127.0.0.1.nip.io',
      'user@localhost',
      '2130706433',
      'localhost.',
    ])
      it(`answers nothing to the host ${host}`, async () => {
        for (const path of [
          '/fhir',
          '/fhir/Patient/kept',
          '/fhir/metadata',
          '/',
          '/metrics',
          '/favicon.ico',
          '/nothing',
        ])
          for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST', 'DELETE']) {
            const reply = await send(stage(), method, path, { headers: { host } });
            assert.equal(reply.status, 421, `${method} ${path}`);
            assert.match(reply.headers['content-type'] ?? '', /^application\/fhir\+json/);
            assert.ok(reply.headers['x-request-id']);
            if (method !== 'HEAD') assert.equal(outcomeOf(reply).issue[0]?.code, 'security');
          }
        const xml = await send(stage(), 'GET', 'Patient/kept', { headers: { host, accept: 'application/fhir+xml' } });
        assert.match(xml.body.toString(), /^<\?xml.*<OperationOutcome/s);
        for (const probe of ['/healthz', '/readyz'])
          assert.equal((await send(stage(), 'GET', probe, { headers: { host } })).status, 200, probe);
      });

    it('answers to every name of this machine, whatever the port: tunnels change it', async () => {
      for (const host of [
        'localhost',
        'localhost:9999',
        'LocalHost:80',
        '127.0.0.1',
        '127.1.2.3:4',
        '[::1]:8080',
        'chart.example',
      ])
        assert.equal((await send(stage(), 'GET', 'Patient/kept', { headers: { host } })).status, 200, host);
    });

    it('takes one Host alone, and the target in absolute form for one', async () => {
      const { port } = stage().server;
      const status = async (target: string, ...hosts: string[]) => {
        const lines = hosts.map(host => `Host: ${host}\r\n`).join('');
        return (await converse(port, `GET ${target} HTTP/1.1\r\n${lines}Connection: close\r\n\r\n`, false))?.status;
      };
      assert.equal(await status('/fhir/Patient/kept', 'localhost'), 200);
      assert.equal(await status('/fhir/Patient/kept'), 400);
      assert.equal(await status('/fhir/Patient/kept', 'localhost', 'evil.example'), 400);
      assert.equal(await status('/fhir/Patient/kept', 'localhost', 'localhost'), 400);
      assert.equal(await status('http://localhost:8080/fhir/Patient/kept', 'localhost:8080'), 200);
      assert.equal(await status('HTTP://LOCALHOST/fhir/Patient?_id=kept', 'localhost'), 200);
      assert.equal(await status('https://chart.example/fhir/Patient/kept', 'chart.example'), 200);
      assert.equal(await status('http://localhost/fhir/Patient/none', 'localhost'), 404);
      assert.equal(await status('http://evil.example/fhir/Patient/kept', 'localhost'), 421);
      assert.equal(await status('http://localhost/fhir/Patient/kept', 'evil.example'), 421);
      assert.equal(await status('http://user@localhost/fhir/Patient/kept', 'localhost'), 421);
      assert.equal(await status('ftp://localhost/fhir/Patient/kept', 'localhost'), 404);
    });

    it('keeps a refusal of a change in the audit trail', async () => {
      const talk = talkTo(`http://127.0.0.1:${stage().server.port}/fhir`);
      const headers = { origin: EVIL, 'x-request-id': 'from-another-site' };
      assert.equal((await send(stage(), 'DELETE', 'Patient/kept', { headers })).status, 403);
      const found = await talk.search('AuditEvent?entity:identifier=from-another-site&type=110113&outcome=8');
      assert.equal(found.entry?.length, 1);
    });

    it('serves clients that are no browsers', async () => {
      const client = new Client({ baseUrl: `http://127.0.0.1:${stage().server.port}/fhir` });
      const body: FhirResource = { resourceType: 'Patient', active: true };
      const made = (await client.create({ resourceType: 'Patient', body })) as unknown as Patient;
      const read = (await client.read({ resourceType: 'Patient', id: made.id! })) as Patient;
      assert.equal(read.active, true);
      const curl = { headers: { 'user-agent': 'curl/8.5.0', accept: '*/*', 'content-type': FHIR }, body: patient('x') };
      assert.equal((await send(stage(), 'POST', 'Patient', curl)).status, 201);
    });
  },
  { config: { corsOrigins: APP, baseUrl: 'http://chart.example/fhir', metrics: 'open' }, set: set({}) },
);

const BEARER = { authorization: `Bearer ${TOKEN}` };
onStoresInTurn(
  'with authentication',
  stage => {
    tellOrigins(stage, BEARER);

    it('answers under every name: the token is the wall', async () => {
      const headers = { ...BEARER, host: 'chart.hospital.example' };
      assert.equal((await send(stage(), 'GET', 'Patient/kept', { headers })).status, 200);
    });
  },
  { config: { auth: 'token', tokens, corsOrigins: APP }, set: set(BEARER) },
);
