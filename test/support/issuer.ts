/** An issuer of tokens in the test process: it publishes keys, and signs whatever a test wants. */
import { webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  calculateJwkThumbprint,
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from 'jose';
import { bytesOf } from './outgoing.js';

export interface SigningKey {
  readonly alg: string;
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

let made = 0;
export async function signingKey(alg = 'ES256'): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const kid = `key-${++made}`;
  return { alg, kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

export interface TestIssuer {
  readonly url: string;
  /** What it publishes; a test may change all of it. */
  keys: JWK[];
  metadata: Record<string, unknown>;
  /** What it says of opaque tokens. */
  readonly opaque: Map<string, Record<string, unknown>>;
  /** Answers in its place. */
  instead: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  /** Paths that were asked, in order. */
  readonly asked: string[];
  /** Headers and bodies of questions about opaque tokens. */
  readonly questions: { readonly authorization: string | undefined; readonly body: string }[];
  readonly key: SigningKey;
  /** A good access token for `base`, with what a test changes; undefined leaves a claim out. */
  token(changes?: Changes): Promise<string>;
  close(): Promise<void>;
}

export interface Changes {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
  readonly key?: SigningKey;
}

/** `base`: of the server that its tokens are for; `now`: s since 1970. */
export async function openIssuer(
  base: () => string,
  now: () => number = () => Math.floor(Date.now() / 1000),
  alg = 'ES256',
): Promise<TestIssuer> {
  const key = await signingKey(alg);
  const server: Server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer: TestIssuer = {
    url,
    keys: [key.publicJwk],
    metadata: {
      issuer: url,
      jwks_uri: `${url}/jwks`,
      introspection_endpoint: `${url}/introspect`,
      authorization_endpoint: `${url}/authorize`,
      token_endpoint: `${url}/token`,
    },
    opaque: new Map(),
    instead: undefined,
    asked: [],
    questions: [],
    key,
    token: ({ claims = {}, header = {}, key: by = key } = {}) => {
      const payload: Record<string, unknown> = {
        ...{
          iss: url,
          aud: base(),
          sub: 'user-1',
          client_id: 'app-1',
          iat: now(),
          exp: now() + 300,
          jti: `t-${++made}`,
        },
        scope: 'system/*.rs',
        ...claims,
      };
      for (const name of Object.keys(payload)) if (payload[name] === undefined) delete payload[name];
      return signed({ alg: by.alg, kid: by.kid, typ: 'at+jwt', ...header }, payload, by);
    },
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
  const send = (response: ServerResponse, status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    issuer.asked.push(path);
    if (issuer.instead?.(request, response)) return;
    if (path === '/.well-known/openid-configuration') return send(response, 200, issuer.metadata);
    if (path === '/jwks') return send(response, 200, { keys: issuer.keys });
    if (path !== '/introspect') return send(response, 404, {});
    const body = (await bytesOf(request)).toString();
    issuer.questions.push({ authorization: request.headers.authorization, body });
    const said = issuer.opaque.get(new URLSearchParams(body).get('token') ?? '');
    send(response, 200, said ?? { active: false });
  }
  return issuer;
}

/** A proof of having the key: RFC 9449. */
export async function proofOf(
  key: SigningKey,
  claims: Readonly<Record<string, unknown>>,
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const { kid: _kid, alg: _alg, use: _use, ...jwk } = key.publicJwk;
  return signed({ alg: key.alg, typ: 'dpop+jwt', jwk, ...header }, { jti: `p-${++made}`, ...claims }, key);
}

/** jose makes no signature whose header it would refuse: that is made here, by ES256 alone. */
async function signed(header: Readonly<Record<string, unknown>>, payload: object, key: SigningKey): Promise<string> {
  if (!('crit' in header))
    return new SignJWT(payload as JWTPayload).setProtectedHeader(header as JWTHeaderParameters).sign(key.privateKey);
  const text = [header, payload].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const signature = await webcrypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key.privateKey, Buffer.from(text));
  return `${text}.${Buffer.from(signature).toString('base64url')}`;
}

export const thumbprintOf = (key: SigningKey): Promise<string> => calculateJwkThumbprint(key.publicJwk, 'sha256');
