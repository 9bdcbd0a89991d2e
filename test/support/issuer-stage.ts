/** A server that believes an issuer in the test process, for suites that ask it from many addresses. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'mocha';
import { type Answer, exchange } from './exchange.js';
import { openIssuer, type TestIssuer } from './issuer.js';
import { type RunningServer, startServer } from './server.js';
import { tokenFile } from './tokens.js';

/** Of the server, by which it asks about opaque tokens. */
export const SECRET_AT_ISSUER = 'secret of the server at its issuer';

export interface IssuerStage {
  /** There once the suite has begun. Users with `realm.roles` nurse are readers, with records writers; `admin` has a static token. */
  readonly server: RunningServer;
  readonly issuer: TestIssuer;
  /** One that the server does not believe. */
  readonly other: TestIssuer;
  /** Each from an address of its own, so that refusals do not add up. */
  readonly ask: (
    headers: Readonly<Record<string, string | string[]>>,
    path?: string,
    method?: string,
    body?: string,
  ) => Promise<Answer & { readonly text: string }>;
  /** All tokens that were asked with. */
  readonly sent: ReadonlySet<string>;
  /** All lines of the log. */
  readonly logged: readonly string[];
}

/** To be called in a suite. */
export function issuerStage(): IssuerStage {
  const opened = {} as { server: RunningServer; issuer: TestIssuer; other: TestIssuer };
  const logged: string[] = [];
  const sent = new Set<string>();
  let clients = 0;
  before(async () => {
    let base = '';
    const issuer = await openIssuer(() => base);
    const other = await openIssuer(() => base);
    const folder = mkdtempSync(join(tmpdir(), 'chartroom-issuers-'));
    const secretFile = join(folder, 'secret');
    writeFileSync(secretFile, `${SECRET_AT_ISSUER}\n`);
    const issuerRules = join(folder, 'rules.json');
    const introspection = { client: 'server:1', secretFile };
    const rules = { introspection, roleClaim: 'realm.roles', roles: { nurse: 'reader', records: 'writer' } };
    writeFileSync(issuerRules, JSON.stringify({ [issuer.url]: rules }));
    const tokens = tokenFile({ admin: 'admin' });
    const config = { auth: 'token', tokens, issuers: issuer.url, issuerRules, trustedProxies: '127.0.0.1' };
    const server = await startServer({ store: 'embedded', config });
    base = server.engine.settings.base;
    const { log } = server.engine;
    for (const level of ['debug', 'info', 'warn', 'error'] as const)
      log[level] = (...said: unknown[]) => void logged.push(JSON.stringify(said));
    Object.assign(opened, { server, issuer, other });
  });
  after(() => Promise.all([opened.server.stop(), opened.issuer.close(), opened.other.close()]));
  return {
    get server() {
      return opened.server;
    },
    get issuer() {
      return opened.issuer;
    },
    get other() {
      return opened.other;
    },
    sent,
    logged,
    async ask(headers, path = '/fhir/Patient', method = 'GET', body = '') {
      for (const each of [headers['authorization'] ?? []].flat()) sent.add(each.split(' ').at(-1)!);
      const address = `10.${(++clients >> 8) & 255}.${clients & 255}.1`;
      const answer = await exchange(opened.server.port, {
        method,
        path,
        headers: { 'x-forwarded-for': address, accept: 'application/fhir+json', ...headers },
        ...(body === '' ? {} : { body }),
      });
      return { ...answer, text: answer.body.toString() };
    },
  };
}
