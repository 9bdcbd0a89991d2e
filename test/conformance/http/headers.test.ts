/**
 * What every answer says about itself, on both stores: caching (RFC 9111 §5.2.2.5, RFC 9110 §12.5.5), what other
 * origins may send and read (https://fetch.spec.whatwg.org/#http-cors-protocol), the page for people.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import type { OperationOutcome } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { exchange } from '../../support/exchange.js';

const APP = 'https://app.example';
const FHIR = { 'content-type': 'application/fhir+json' };
const PATIENT = JSON.stringify({ resourceType: 'Patient', id: 'p', active: true });
const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
const words = (header: string | undefined): string[] => (header ?? '').toLowerCase().split(/\s*,\s*/);

onStoresInTurn(
  'the headers of answers',
  stage => {
    const send = (method: string, path: string, headers: Record<string, string> = {}, body?: string) =>
      exchange(stage().server.port, { method, path, headers, ...(body === undefined ? {} : { body }) });

    it('are such that no cache keeps what holds a resource, or says that there is none', async () => {
      const batch = JSON.stringify({
        resourceType: 'Bundle',
        type: 'batch',
        entry: [{ request: { method: 'GET', url: 'Patient/p' } }],
      });
      const asked: [method: string, path: string, headers?: Record<string, string>, body?: string][] = [
        ['GET', '/fhir/Patient/p'],
        ['HEAD', '/fhir/Patient/p'],
        ['GET', '/fhir/Patient/p', { accept: 'application/fhir+xml' }],
        ['GET', '/fhir/Patient/p', { 'if-none-match': 'W/"1"' }],
        ['GET', '/fhir/Patient/p', { origin: APP }],
        ['GET', '/fhir/Patient/p/_history/1'],
        ['GET', '/fhir/Patient/p/_history'],
        ['GET', '/fhir/Patient/p/$everything'],
        ['GET', '/fhir/Patient'],
        ['GET', '/fhir?_type=Patient'],
        ['POST', '/fhir/Patient/_search'],
        ['GET', '/fhir/Binary/b', { accept: '*/*' }],
        ['GET', '/fhir/Patient/none'],
        ['GET', '/fhir/Nothing'],
        ['GET', '/fhir/Patient?nothing=1'],
        ['PUT', '/fhir/Patient/p', FHIR, PATIENT],
        ['POST', '/fhir/Patient', FHIR, '{'],
        ['POST', '/fhir', FHIR, batch],
        ['DELETE', '/fhir/Patient/none'],
        ['GET', '/fhir/Patient/p', { host: 'evil.example' }],
        ['GET', '/nothing'],
        ['GET', '/metrics'],
      ];
      for (const [method, path, headers, body] of asked) {
        const { headers: said } = await send(method, path, headers, body);
        assert.equal(said['cache-control'], 'no-store', `${method} ${path}`);
        for (const name of ['accept', 'accept-encoding', 'origin', 'prefer', 'authorization'])
          assert.ok(words(said.vary).includes(name), `${method} ${path}: ${said.vary}`);
        assert.equal(said.expires, undefined);
      }
    });

    it('let a client that keeps a version itself go on with it', async () => {
      const { headers } = await send('GET', '/fhir/Patient/p');
      assert.equal((await send('GET', '/fhir/Patient/p', { 'if-none-match': String(headers.etag) })).status, 304);
      const since = { 'if-modified-since': headers['last-modified']! };
      assert.equal((await send('GET', '/fhir/Patient/p', since)).status, 304);
    });

    it('let /metadata be kept for a minute', async () => {
      const { headers } = await send('GET', '/fhir/metadata');
      assert.equal(headers['cache-control'], 'max-age=60');
      assert.equal((await send('GET', '/fhir/metadata?_pretty=bogus')).headers['cache-control'], 'no-store');
    });

    it('allow an application every header that the server reads, and those that clients send', async () => {
      const { headers } = await send('OPTIONS', '/fhir/Patient/p', {
        origin: APP,
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'cache-control',
      });
      const allowed = words(headers['access-control-allow-headers']);
      for (const name of ['cache-control', 'pragma', 'content-encoding', 'x-requested-with', 'range', 'x-provenance'])
        assert.ok(allowed.includes(name), name);
      const folder = new URL('../../../../src/http/', import.meta.url);
      const read = readdirSync(folder)
        .map(file => readFileSync(new URL(file, folder), 'utf8'))
        .flatMap(text => [...text.matchAll(/(?:headers\[|headers?\(|\.get\()'([a-z-]+)'/g)].map(found => found[1]!));
      assert.ok(read.includes('x-security-context') && read.includes('if-none-exist') && read.includes('prefer'));
      // Those that browsers or proxies set and pages cannot.
      const own = new Set(['sec-fetch-site', 'access-control-request-method', 'content-length', 'x-forwarded-for']);
      assert.deepEqual(
        read.filter(name => !allowed.includes(name) && !own.has(name)),
        [],
      );
    });

    it('let an application read what it needs', async () => {
      const { headers } = await send('GET', '/fhir/Patient/p', { origin: APP });
      const exposed = words(headers['access-control-expose-headers']);
      for (const name of [
        'etag',
        'last-modified',
        'location',
        'content-location',
        'x-request-id',
        'x-correlation-id',
        'retry-after',
        'allow',
      ])
        assert.ok(exposed.includes(name), name);
    });

    it('give everything outside FHIR an id, and an OperationOutcome as Accept says', async () => {
      for (const [method, path] of [
        ['GET', '/nothing'],
        ['POST', '/Patient'],
        ['GET', '/fhirPatient'],
        ['GET', '/.env'],
      ] as const) {
        const json = await send(method, path, { 'x-request-id': 'asked' });
        assert.deepEqual([json.status, json.headers['x-correlation-id']], [404, 'asked']);
        assert.notEqual(json.headers['x-request-id'], 'asked');
        assert.equal((JSON.parse(json.body.toString()) as OperationOutcome).issue[0]?.code, 'not-found');
        const xml = await send(method, path, { accept: 'application/fhir+xml' });
        assert.match(xml.body.toString(), /<OperationOutcome/);
        assert.ok(xml.headers['x-request-id']);
      }
    });

    it('are quiet about what browsers ask for on their own', async () => {
      const icon = await send('GET', '/favicon.ico');
      assert.deepEqual([icon.status, icon.body.length], [204, 0]);
      const robots = await send('GET', '/robots.txt');
      assert.deepEqual([robots.status, robots.body.toString()], [200, 'User-agent: *\nDisallow: /\n']);
    });

    it('show a person a page that runs nothing, and a program what it always got', async () => {
      for (const path of ['/', '/fhir', '/fhir/']) {
        const page = await send('GET', path, { accept: BROWSER });
        const text = page.body.toString();
        assert.deepEqual([page.status, page.headers['content-type']], [200, 'text/html; charset=utf-8'], path);
        assert.match(String(page.headers['content-security-policy']), /^default-src 'none'; style-src 'sha256-[^']+';/);
        assert.doesNotMatch(text, /<script|javascript:| on[a-z]+=| style=/);
        assert.ok(text.includes('http://a.example/&quot;&lt;b&gt;/fhir/metadata'), text);
        assert.ok(!text.includes('"<b>'));
        const head = await send('HEAD', path, { accept: BROWSER });
        assert.deepEqual([head.status, head.headers['content-length']], [200, String(page.body.length)]);
      }
      for (const [path, accept] of [
        ['/fhir', '*/*'],
        ['/fhir', 'application/fhir+json'],
        ['/fhir', 'application/json, text/html;q=0.5'],
        ['/fhir?_type=Patient', BROWSER],
        ['/fhir?_format=json', BROWSER],
        ['/fhir/Patient', BROWSER],
        ['/fhir/Patient/p', BROWSER],
      ] as const) {
        const reply = await send('GET', path, { accept });
        assert.deepEqual(
          [reply.status, reply.headers['content-type']],
          [200, 'application/fhir+json; charset=utf-8'],
          path,
        );
      }
      assert.equal((await send('POST', '/fhir', { accept: BROWSER, ...FHIR }, '{}')).status, 400);
    });
  },
  {
    config: { corsOrigins: APP, baseUrl: 'http://a.example/"<b>/fhir', metrics: 'open', console: 'off' },
    async set({ server }) {
      const put = async (path: string, body: string, type: string) => {
        const headers = { 'content-type': type };
        const reply = await exchange(server.port, { method: 'PUT', path, headers, body });
        assert.equal(reply.status, 201);
      };
      await put('/fhir/Patient/p', PATIENT, 'application/fhir+json');
      await put('/fhir/Binary/b', '%PDF', 'application/pdf');
    },
  },
);
