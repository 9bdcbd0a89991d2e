/**
 * What the authorization server bounds before anybody has said who they are. Addresses are those that a proxy of the settings names, and
 * nobody else: https://www.rfc-editor.org/rfc/rfc7239#section-8.1
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'mocha';
import { createAnonymousRecords, createRequestBounds } from '../../src/identity/server/bounds.js';
import type { KeptRecord } from '../../src/store/records.js';
import { type RunningServer, startServer } from '../support/server.js';
import { authOf, authorizeUrl, Browser, newVerifier } from '../support/smart-app.js';
import { enter, journeyOf, PASSWORD, REDIRECT } from '../support/smart-server.js';

/** Waits for the next line that is like this. */
function lines(socket: Socket): (like: RegExp) => Promise<string> {
  const read = createInterface({ input: socket })[Symbol.asyncIterator]();
  return async like => {
    for (;;) {
      const { value, done } = await read.next();
      if (done) throw new Error('The connection ended.');
      if (like.test(value)) return value;
    }
  };
}

describe('before somebody has signed in', () => {
  let server: RunningServer;
  let folder = '';
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'chartroom-bounds-'));
    const clients = join(folder, 'clients.json');
    writeFileSync(clients, JSON.stringify([{ client_id: 'app', redirect_uris: [REDIRECT] }]));
    server = await startServer({ store: 'embedded', config: { auth: 'smart', clients, trustedProxies: '127.0.0.1' } });
  });
  after(async () => {
    server?.engine.authorization?.stop();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const statusesFrom = async (
    { base }: RunningServer,
    count: number,
    ask: (i: number) => { readonly url: string; readonly init?: RequestInit },
  ): Promise<Response[]> => {
    const answers: Response[] = [];
    for (let i = 0; i < count; i++) {
      const { url, init } = ask(i);
      answers.push(await fetch(`${authOf(base)}${url}`, { redirect: 'manual', ...init }));
    }
    return answers;
  };
  const from = (address: string) => ({ 'x-forwarded-for': address });
  const authorize = (headers: Record<string, string>) => () => ({
    url: authorizeUrl(journeyOf(server.base), newVerifier()).slice(authOf(server.base).length),
    init: { headers },
  });
  const tokenFrom = (headers: Record<string, string>) => () => ({
    url: '/token',
    init: { method: 'POST', headers, body: new URLSearchParams({ grant_type: 'authorization_code' }) },
  });

  it('an address has 60 pages a minute, and its records are as many', async () => {
    const answers = await statusesFrom(server, 70, authorize(from('192.0.2.1')));
    assert.deepEqual(
      answers.map(({ status }) => status),
      Array.from({ length: 70 }, (_, i) => (i < 60 ? 303 : 429)),
    );
    const refused = answers.at(-1)!;
    const wait = Number(refused.headers.get('retry-after'));
    assert.ok(wait >= 1 && wait <= 60, String(wait));
    assert.match(await refused.text(), /<p role="alert">Too many requests/);
    assert.match(refused.headers.get('content-security-policy') ?? '', /frame-ancestors 'none'/);
    const kept: KeptRecord[] = [];
    for await (const each of server.engine.store.records.all()) if (each.kind.startsWith('oidc-')) kept.push(each);
    assert.equal(kept.length, 60);
    for (const { expires } of kept) assert.ok(expires! <= Date.now() + 15 * 60_000);
    // However it is written.
    for (const path of ['/AUTHORIZE', '/authorize/', '/ask/abc', '/setup'])
      assert.equal(
        (await statusesFrom(server, 1, () => ({ url: path, init: { headers: from('192.0.2.1') } })))[0]!.status,
        429,
        path,
      );
    const [other] = await statusesFrom(server, 1, authorize(from('192.0.2.2')));
    assert.equal(other!.status, 303);
    const [keys] = await statusesFrom(server, 1, () => ({ url: '/jwks', init: { headers: from('192.0.2.1') } }));
    assert.equal(keys!.status, 200);
  });

  it('an address has 20 refusals a second', async () => {
    const all = await Promise.all(
      Array.from({ length: 120 }, () => statusesFrom(server, 1, tokenFrom(from('192.0.2.3')))),
    );
    const statuses = all.map(([answer]) => answer!.status);
    assert.deepEqual(new Set(statuses), new Set([400, 429]));
    const refused = all.map(([answer]) => answer!).find(({ status }) => status === 429)!;
    assert.equal(refused.headers.get('retry-after'), '1');
    assert.equal(((await refused.json()) as { error: string }).error, 'temporarily_unavailable');
    const [other] = await statusesFrom(server, 1, tokenFrom(from('192.0.2.4')));
    assert.equal(other!.status, 400);
  });

  it('a body that is too large is refused, and the next request of its connection is answered', async () => {
    const { port } = new URL(server.base);
    const socket = connect(Number(port), '127.0.0.1');
    const heard = lines(socket);
    const size = 1_000_000;
    socket.write(
      `POST /auth/token HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.5\r\n` +
        `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`,
    );
    socket.write('GET /auth/jwks HTTP/1.1\r\nHost: x\r\n\r\n');
    assert.match(await heard(/HTTP\/1\.1 \d/), / 413 /);
    assert.match(await heard(/HTTP\/1\.1 \d/), / 200 /);
    socket.destroy();
  });

  /** Whether requests from one address may go on. */
  const askBounds =
    (now: () => number, address: string, person?: () => Promise<string | undefined>) =>
    async (path: string, status: number, bounds = createRequestBounds(server.engine.store.records, now)) => {
      let finished = (): void => {};
      const response = {
        once: (_what: string, listener: () => void) => (finished = listener),
        setHeader() {},
        end() {},
        statusCode: status,
      };
      const goes = await bounds.admit({ path, address, person }, response as never);
      if (goes) finished();
      return goes;
    };

  it('counts by the clock: 20 refusals in a second, 60 pages in a minute', async () => {
    const start = Date.now();
    let now = start;
    const bounds = createRequestBounds(server.engine.store.records, () => now);
    const asked = askBounds(() => now, '192.0.2.21');
    const ask = (path: string, status: number): Promise<boolean> => asked(path, status, bounds);
    for (let i = 0; i < 20; i++) assert.ok(await ask('/token', 400));
    assert.deepEqual(
      [await ask('/token', 200), await ask('/jwks', 200), await ask('/authorize', 303)],
      [false, false, false],
    );
    now = start + 1000;
    for (let i = 0; i < 60; i++) assert.ok(await ask(i % 2 ? '/authorize' : '/ask/x', 200));
    assert.deepEqual([await ask('/authorize', 303), await ask('/token', 200)], [false, true]);
    now = start + 60_999;
    assert.ok(!(await ask('/ask/x', 200)));
    now = start + 61_000;
    assert.ok(await ask('/ask/x', 200));
  });

  it('leads whoever must wait back to what they asked for, and to the beginning', async () => {
    const now = Date.now() + 10 * 60_000;
    const bounds = createRequestBounds(server.engine.store.records, () => now, 'https://here.example/"chart"/');
    let html = '';
    const end = (text: string): void => void (html = text);
    const response = { once: () => {}, setHeader: () => {}, end, statusCode: 200 };
    const ask = (): Promise<boolean> =>
      bounds.admit({ path: '/authorize', address: '192.0.2.61', person: undefined }, response as never);
    for (let i = 0; i < 60; i++) assert.ok(await ask());
    assert.equal(html, '');
    assert.equal(await ask(), false);
    assert.match(
      html,
      /Try again in \d+ seconds?\..*<a href="">.*<a href="https:\/\/here\.example\/&quot;chart&quot;\/">/s,
    );
  });

  it('counts pages for all processes together', async () => {
    const now = Date.now();
    const asked = askBounds(() => now, '192.0.2.22');
    const processes = [0, 1].map(() => createRequestBounds(server.engine.store.records, () => now));
    let admitted = 0;
    for (let i = 0; i < 80; i++) if (await asked('/authorize', 303, processes[i % 2])) admitted++;
    assert.equal(admitted, 60);
    assert.ok(!(await asked('/account', 200)), 'a third one knows it, too');
    assert.ok(await askBounds(() => now, '192.0.2.23')('/account', 200));
  });

  it('counts whoever has signed in by themselves, wherever they are', async () => {
    await server.engine.authorization!.users.add({ name: 'anna', password: PASSWORD, role: 'reader' });
    const address = from('192.0.2.31');
    const browser = new Browser(server.base, (url, { headers, ...init }) =>
      fetch(url, { ...init, headers: { ...(headers as Record<string, string>), ...address } }),
    );
    const page = await enter(browser, await browser.follow(authorizeUrl(journeyOf(server.base), newVerifier())));
    assert.match(page.text, /value="consent"/);
    const others = await statusesFrom(server, 60, authorize(address));
    assert.equal(others.at(-1)!.status, 429);
    const again = await browser.follow(authorizeUrl(journeyOf(server.base), newVerifier()));
    assert.match(again.text, /value="consent"/);
    const cookie = 'chartroom=nobody; chartroom.sig=of-nobody';
    const [forged] = await statusesFrom(server, 1, authorize({ ...address, cookie }));
    assert.equal(forged!.status, 429);
  });

  it('bounds pages of somebody who has signed in, and how often it looks for nobody', async () => {
    const now = Date.now();
    const bounds = createRequestBounds(server.engine.store.records, () => now);
    const ask = (address: string, person: string | undefined) =>
      askBounds(
        () => now,
        address,
        async () => person,
      )('/authorize', 303, bounds);
    for (let i = 0; i < 300; i++) assert.ok(await ask(`192.0.2.${100 + (i % 100)}`, 'ben'));
    assert.ok(!(await ask('192.0.2.41', 'ben')), 'wherever they are');
    assert.ok(await ask('192.0.2.41', 'cleo'));
    const looked = await Promise.all(Array.from({ length: 20 }, () => ask('192.0.2.42', undefined)));
    assert.ok(looked.every(Boolean));
    assert.ok(!(await ask('192.0.2.42', undefined)));
    assert.ok(await ask('192.0.2.43', undefined));
  });

  it('is not fooled by what somebody wrote into a header before the proxy did', async () => {
    const behind = await statusesFrom(server, 62, i => authorize(from(`198.51.100.${i}, 192.0.2.9`))());
    assert.deepEqual([behind[59]!.status, behind[61]!.status], [303, 429]);
  });

  it('keeps the newest of too many records that belong to nobody', async () => {
    const { records } = server.engine.store;
    const anonymous = createAnonymousRecords(records, 3);
    const put = async (id: string) => {
      await records.put({ kind: 'crowd', id, value: '' });
      await anonymous.note('crowd', id);
    };
    for (const id of ['a', 'b', 'c', 'a']) await put(id);
    anonymous.forget('crowd', 'b');
    for (const id of ['d', 'e', 'f']) await put(id);
    const left = await records.list('crowd', 10);
    // b has got an owner meanwhile.
    assert.deepEqual(
      left.map(({ id }) => id),
      ['b', 'd', 'e', 'f'],
    );
  });

  it('removes what is over', async () => {
    const { store, authorization } = server.engine;
    await store.records.put({ kind: 'over', id: 'x', value: '', expires: 1 });
    await authorization!.start();
    for await (const { kind } of store.records.all()) assert.notEqual(kind, 'over');
  });

  it('lets the user of a browser go on while others ask', async () => {
    const browser = new Browser(server.base);
    const page = await browser.follow(authorizeUrl(journeyOf(server.base), newVerifier()));
    assert.match(page.text, /name="password"/);
  });
});
