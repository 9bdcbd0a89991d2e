/** The console as files over HTTP: who gets it, what may be kept, in which codings, under which policy. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { describe, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';

const WEB = new URL('../../../web/', import.meta.url);
const PAGE = 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8';
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; font-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const [main = ''] = /main-[A-Z0-9]{8}\.js/.exec(readFileSync(new URL('index.html', WEB), 'utf8')) ?? [];
/** With its bytes as they come: other clients open them. */
const fetchRaw = (
  url: string,
  accepted: string,
): Promise<{ body: Buffer; coding: string | undefined; control: string }> =>
  new Promise((resolve, reject) => {
    get(url, { headers: { 'Accept-Encoding': accepted } }, answer => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      const { 'content-encoding': coding, 'cache-control': control = '' } = answer.headers;
      answer.on('end', () => resolve({ body: Buffer.concat(parts), coding, control }));
    }).on('error', reject);
  });
onStoresInTurn('the console over HTTP', stage => {
  const ask = (path: string) => stage().server.request.get(path);

  it('leads a browser from / to it, and nobody else', async () => {
    const { headers } = await ask('/').set('Accept', PAGE).expect(303);
    assert.equal(headers['location'], '/console/');
    for (const accept of ['*/*', 'application/json']) {
      const { text } = await ask('/').set('Accept', accept).expect(200);
      assert.match(text, /Base address/);
    }
  });

  it('gives a page that no cache keeps, under its policy, at every address of a screen', async () => {
    for (const path of ['/console', '/console/', '/console/patients', '/console/chart/p1/documents/d1']) {
      const { headers, text } = await ask(path).expect(200);
      assert.equal(headers['cache-control'], 'no-store', path);
      assert.equal(headers['content-security-policy'], POLICY, path);
      assert.ok(text.includes(`/console/${main}`), path);
    }
  });

  it('tells the page of the server and of the screens of each role, and of nobody', async () => {
    const { text } = await ask('/console/').expect(200);
    const [, escaped = ''] = /name="chartroom-server" content="([^"]*)"/.exec(text) ?? [];
    const told = JSON.parse(escaped.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&amp;', '&')) as {
      authentication: string;
      base: string;
      screens: Record<string, string[]>;
    };
    assert.deepEqual([told.authentication, told.base], ['none', stage().server.base]);
    assert.ok(told.screens['privacy-officer']!.includes('audit'));
    assert.ok(!told.screens['clinician']!.includes('audit'));
    assert.ok(!told.screens['records-specialist']!.includes('administration'));
    assert.ok(told.screens['records-specialist']!.includes('edit-patient'));
    assert.ok(!told.screens['reader']!.includes('edit-patient'));
    assert.ok(!told.screens['patient']!.includes('register-patient'));
  });

  it('gives files to be kept for ever, as they are, by gzip or by brotli', async () => {
    const file = readFileSync(new URL(main, WEB));
    const rows: [accepted: string, coding: string | undefined, open: (body: Buffer) => Buffer][] = [
      ['identity', undefined, body => body],
      ['gzip', 'gzip', gunzipSync],
      ['gzip, br', 'br', brotliDecompressSync],
      ['br;q=0, gzip;q=0.5', 'gzip', gunzipSync],
    ];
    for (const [accepted, coding, open] of rows) {
      const response = await fetchRaw(`http://127.0.0.1:${stage().server.port}/console/${main}`, accepted);
      assert.equal(response.coding, coding, accepted);
      assert.ok(open(response.body).equals(file), accepted);
      assert.match(response.control, /immutable/);
    }
  });

  it('has no other files', async () => {
    for (const path of ['index.html', 'main.js', `${main}.br`, '..%2Findex.html', '%2e%2e%2fapp%2fmain.js', '.types'])
      await ask(`/console/${path}`).expect(({ status }) => assert.ok([400, 404].includes(status), path));
  });

  it('refuses every method but GET and HEAD', async () => {
    await stage().server.request.head('/console/').expect(200);
    for (const method of ['post', 'put', 'delete'] as const)
      await stage().server.request[method]('/console/').expect(405);
  });
});

onStoresInTurn(
  'the console over HTTP, switched off',
  stage => {
    it('is not there, and / is a page', async () => {
      const { request } = stage().server;
      assert.match((await request.get('/').set('Accept', PAGE).expect(200)).text, /Base address/);
      await request.get('/console/').expect(404);
    });
  },
  { config: { console: 'off' } },
);

describe('the files of the console', () => {
  it('are smaller than they may be', () => {
    assert.ok(readFileSync(new URL(`${main}.gz`, WEB)).length < 60 * 1024);
  });
});
