/** A SMART app and the browser of its user, without a browser: cookies are kept, forms are read and sent, redirects followed one by one. */
import assert from 'node:assert/strict';
import { hash, randomBytes } from 'node:crypto';

let addresses = 0;

/** As a proxy says it, of somebody who was not here yet: what is counted by address is counted apart. */
export const fromElsewhere = (): Readonly<Record<'x-forwarded-for', string>> => {
  addresses++;
  return { 'x-forwarded-for': `10.${addresses >> 16}.${(addresses >> 8) & 255}.${addresses & 255}` };
};

export interface BrowserAnswer {
  readonly status: number;
  readonly location: string | undefined;
  readonly text: string;
  readonly headers: Headers;
}

export class Browser {
  readonly #origin: string;
  readonly #cookies = new Map<string, { readonly value: string; readonly path: string }>();
  readonly #address = fromElsewhere();
  readonly fetching: (url: string, init: RequestInit) => Promise<Response>;
  calls = 0;

  /** `fetching`: the way to the server, where it is not that of the address. */
  constructor(base: string, fetching: (url: string, init: RequestInit) => Promise<Response> = fetch) {
    this.#origin = new URL(base).origin;
    this.fetching = fetching;
  }

  get cookies(): ReadonlyMap<string, { readonly value: string; readonly path: string }> {
    return this.#cookies;
  }

  async send(url: string, init: RequestInit = {}): Promise<BrowserAnswer> {
    const at = new URL(url, this.#origin);
    assert.equal(at.origin, this.#origin, 'the browser is sent elsewhere');
    const cookie = [...this.#cookies]
      .filter(([, { path }]) => at.pathname.startsWith(path))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ');
    const response = await this.fetching(at.href, {
      ...init,
      redirect: 'manual',
      headers: { ...this.#address, ...(init.headers as Record<string, string>), ...(cookie === '' ? {} : { cookie }) },
    });
    this.calls++;
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      const path = /;\s*path=([^;]+)/i.exec(line)?.[1] ?? '/';
      if (value === '' || /expires=Thu, 01 Jan 1970/i.test(line)) this.#cookies.delete(name);
      else this.#cookies.set(name, { value, path });
    }
    const { status, headers } = response;
    return { status, headers, text: await response.text(), location: headers.get('location') ?? undefined };
  }

  /** Follows redirects within the server; gives the page, or the redirect that leads out of it. */
  async follow(url: string, init: RequestInit = {}): Promise<BrowserAnswer> {
    let answer = await this.send(url, init);
    while (answer.location !== undefined && new URL(answer.location, this.#origin).origin === this.#origin)
      answer = await this.send(answer.location);
    return answer;
  }

  /** Sends the form of a page, with its hidden fields, and what is given beside or instead of them. */
  submit(page: BrowserAnswer, fields: readonly (readonly [string, string])[]): Promise<BrowserAnswer> {
    const action = unescaped(/<form method="post" action="([^"]+)"/.exec(page.text)?.[1] ?? '');
    assert.notEqual(action, '', page.text);
    const hidden = [...page.text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)]
      .map(([, name = '', value = '']) => [name, unescaped(value)] as const)
      .filter(([name]) => name === 'scope' || !fields.some(([given]) => given === name));
    return this.follow(action, {
      method: 'POST',
      body: new URLSearchParams([...hidden, ...fields].map(([name, value]): [string, string] => [name, value])),
    });
  }
}

/** Values of the check boxes of a page. */
export const boxesIn = ({ text }: BrowserAnswer): string[] =>
  [...text.matchAll(/<input type="checkbox" name="scope" value="([^"]+)"/g)].map(([, value = '']) => unescaped(value));

const unescaped = (text: string): string =>
  text
    .replaceAll('&amp;', '&')
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&#39;', "'");

export interface TokenAnswer {
  readonly status: number;
  readonly body: Record<string, unknown> & {
    readonly access_token?: string;
    readonly refresh_token?: string;
    readonly scope?: string;
  };
  readonly headers: Headers;
}

export interface Journey {
  readonly base: string;
  readonly client: string;
  readonly redirect: string;
}

/** `…/auth` */
export const authOf = (base: string): string => base.replace(/\/fhir$/, '/auth');

export const newVerifier = (): string => randomBytes(32).toString('base64url');

export function authorizeUrl(
  { base, client, redirect }: Journey,
  verifier: string,
  more: Readonly<Record<string, string | undefined>> = {},
): string {
  const asked: Record<string, string | undefined> = {
    ...{
      response_type: 'code',
      client_id: client,
      redirect_uri: redirect,
      aud: base,
      state: 'a-state-of-22-letters-or-so',
    },
    ...{ scope: 'openid fhirUser launch/patient patient/*.rs offline_access', code_challenge_method: 'S256' },
    code_challenge: hash('sha256', verifier, 'base64url'),
    ...more,
  };
  const given = Object.entries(asked).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as [string, string]],
  );
  return `${authOf(base)}/authorize?${new URLSearchParams(given).toString()}`;
}

export async function askToken(
  base: string,
  fields: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<TokenAnswer> {
  const response = await fetch(`${authOf(base)}/token`, {
    method: 'POST',
    headers: { ...fromElsewhere(), ...headers },
    body: new URLSearchParams(fields),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as TokenAnswer['body'] };
}

export const askWithCode = (
  { base, client, redirect }: Journey,
  code: string,
  verifier: string,
  more: Readonly<Record<string, string>> = {},
): Promise<TokenAnswer> =>
  askToken(base, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirect,
    client_id: client,
    code_verifier: verifier,
    ...more,
  });

export const refresh = (
  { base, client }: Journey,
  token: string,
  more: Readonly<Record<string, string>> = {},
): Promise<TokenAnswer> =>
  askToken(base, { grant_type: 'refresh_token', refresh_token: token, client_id: client, ...more });

/** The code in a redirect to the app. */
export function codeIn({ location }: BrowserAnswer, { redirect }: Journey): string {
  assert.ok(location?.startsWith(redirect), location);
  const code = new URL(location!).searchParams.get('code');
  assert.ok(code, location);
  return code;
}

/** In the query, or where a browser keeps it to itself. */
export function errorIn({ location = '' }: BrowserAnswer): string | null {
  if (!URL.canParse(location)) return null;
  const { searchParams, hash: fragment } = new URL(location);
  return searchParams.get('error') ?? new URLSearchParams(fragment.slice(1)).get('error');
}
