/**
 * The cookies of the authorization server where it is asked by HTTPS: none of them goes out otherwise, is read by a script, comes with the forms of
 * other sites, or is set by a neighbour of our name.
 * https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-4.1.3
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { AUTHORITY, CERTIFICATE, CERTIFICATE_KEY } from '../support/certificate.js';
import { type RunningServer, startServer } from '../support/server.js';
import { authorizeUrl, Browser, newVerifier } from '../support/smart-app.js';
import { enter, journeyOf, PASSWORD, REDIRECT } from '../support/smart-server.js';

describe('cookies of the authorization server', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-cookies-'));
  let server: RunningServer | undefined;
  /** What was sent with Set-Cookie, in lower case but for the name and value. */
  const sent: { readonly name: string; readonly value: string; readonly attributes: readonly string[] }[] = [];

  before(async () => {
    const fileOf = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const clients = fileOf('clients.json', JSON.stringify([{ client_id: 'app', redirect_uris: [REDIRECT] }]));
    const [tlsCert, tlsKey] = [fileOf('cert.pem', CERTIFICATE), fileOf('key.pem', CERTIFICATE_KEY)];
    server = await startServer({ store: 'embedded', config: { auth: 'smart', clients, tlsCert, tlsKey } });
    await server.engine.authorization!.users.add({ name: 'anna', role: 'reader', password: PASSWORD });
  });
  after(async () => {
    server?.engine.authorization?.stop();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const byHttps = (url: string, { method = 'GET', headers, body }: RequestInit): Promise<Response> =>
    new Promise((resolve, reject) => {
      const { pathname, search, host } = new URL(url);
      const form = body instanceof URLSearchParams ? { 'content-type': 'application/x-www-form-urlencoded' } : {};
      const given = { ...(headers as Record<string, string>), ...form, host };
      const whom = {
        host: '127.0.0.1',
        servername: 'localhost',
        port: server!.port,
        ca: AUTHORITY,
        agent: false as const,
      };
      const asked = request({ ...whom, method, path: pathname + search, headers: given }, answer => {
        const pieces: Buffer[] = [];
        const told = new Headers();
        for (let i = 0; i < answer.rawHeaders.length; i += 2)
          told.append(answer.rawHeaders[i]!, answer.rawHeaders[i + 1]!);
        for (const line of told.getSetCookie()) {
          const [pair = '', ...attributes] = line.split(/;\s*/);
          const at = pair.indexOf('=');
          sent.push({
            name: pair.slice(0, at),
            value: pair.slice(at + 1),
            attributes: attributes.map(each => each.toLowerCase()),
          });
        }
        answer.on('data', (piece: Buffer) => pieces.push(piece));
        answer.on('end', () =>
          resolve(new Response(Buffer.concat(pieces), { status: answer.statusCode!, headers: told })),
        );
      });
      asked.on('error', reject);
      asked.end(body instanceof URLSearchParams ? body.toString() : undefined);
    });

  it('are Secure, HttpOnly and SameSite=Lax, and that of the session belongs to this host alone', async () => {
    const browser = new Browser(server!.base, byHttps);
    const page = await browser.follow(authorizeUrl(journeyOf(server!.base), newVerifier()));
    assert.match(page.text, /name="password"/);
    const next = await enter(browser, page);
    assert.equal(next.status, 200);
    const names = new Set(sent.map(({ name }) => name));
    assert.ok(names.has('__Host-chartroom') && names.has('__Secure-chartroom-ask'), [...names].join());
    for (const { name, value, attributes } of sent) {
      assert.match(name, /^__(Host|Secure)-chartroom/);
      assert.ok(
        attributes.includes('secure') && attributes.includes('httponly') && attributes.includes('samesite=lax'),
        name,
      );
      assert.equal(
        attributes.some(each => each.startsWith('domain')),
        false,
        name,
      );
      // Browsers drop one with this prefix that has another path.
      if (name.startsWith('__Host-')) assert.ok(attributes.includes('path=/'), `${name} ${attributes.join()}`);
      else if (value !== '')
        assert.ok(
          attributes.some(each => each.startsWith('path=/auth/')),
          attributes.join(),
        );
    }
  });

  it('are of no use when somebody has changed or made them', async () => {
    const browser = new Browser(server!.base, byHttps);
    const url = authorizeUrl(journeyOf(server!.base), newVerifier());
    await enter(browser, await browser.follow(url));
    const known = browser.cookies.get('__Host-chartroom')!.value;
    const signed = browser.cookies.get('__Host-chartroom.sig')!.value;
    const asks = async (cookie: string): Promise<boolean> => {
      const stranger = new Browser(server!.base, (to, init) =>
        byHttps(to, {
          ...init,
          headers: {
            ...(init.headers as Record<string, string>),
            cookie: [(init.headers as Record<string, string>)['cookie'], cookie].filter(Boolean).join('; '),
          },
        }),
      );
      return /name="password"/.test((await stranger.follow(url)).text);
    };
    assert.equal(await asks(`__Host-chartroom=${known}; __Host-chartroom.sig=${signed}`), false);
    assert.equal(await asks(`__Host-chartroom=${known}`), true);
    assert.equal(await asks(`__Host-chartroom=${known}; __Host-chartroom.sig=${signed.toLowerCase()}x`), true);
    // As somebody might set it who has the name of a neighbour, or sees what goes by HTTP.
    assert.equal(await asks(`chartroom=${known}; chartroom.sig=${signed}`), true);
  });
});
