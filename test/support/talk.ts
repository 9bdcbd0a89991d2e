/** FHIR over HTTP in few words, for tests: JSON unless a test says otherwise, nothing thrown for a refusal. */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { gunzipSync } from 'node:zlib';
import type { Bundle, FhirResource, Meta, OperationOutcome, Resource } from 'fhir/r4.js';
import { exchange } from './exchange.js';

export type Headers = Readonly<Record<string, string>>;

export interface Reply<T = FhirResource> {
  readonly status: number;
  /** Undefined where the header is missing. */
  header(name: string): string | undefined;
  readonly text: string;
  /** The parsed body; parsed when it is first asked for. */
  readonly body: T;
}

/** What a resource has once it is stored. */
export interface Stored {
  readonly id: string;
  readonly meta: Meta;
}

export interface Talk {
  readonly base: string;
  /** `path` below the base, or an absolute link as the server gave it. */
  send<T = FhirResource>(
    method: string,
    path: string,
    options?: { readonly headers?: Headers; readonly body?: string | Buffer },
  ): Promise<Reply<T>>;
  get<T = FhirResource>(path: string, headers?: Headers): Promise<Reply<T>>;
  delete(path: string, headers?: Headers): Promise<Reply<OperationOutcome>>;
  /** POST to the type of the resource. */
  create<T extends FhirResource>(resource: T, headers?: Headers): Promise<Reply<T & Stored>>;
  /** PUT to the id of the resource. */
  update<T extends FhirResource>(resource: T, headers?: Headers): Promise<Reply<T & Stored>>;
  /** A search that must succeed. */
  search<T extends Resource = FhirResource>(query: string, headers?: Headers): Promise<Bundle<T>>;
}

const JSON_BODY = { 'content-type': 'application/fhir+json' };

/** As clients do whose callers say nothing. */
const TEXT = { 'content-type': 'text/plain;charset=UTF-8' };

/** Connections that nobody has used for a while are closed here before the server closes them. */
const CONNECTIONS = new Agent({ keepAlive: true, timeout: 2500 });

export function talkTo(base: string, always: Headers = {}): Talk {
  const send = async <T>(
    method: string,
    path: string,
    options: { readonly headers?: Headers; readonly body?: string | Buffer } = {},
  ): Promise<Reply<T>> => {
    const url = new URL(
      path.startsWith('http') ? path : `${base}${path === '' || path.startsWith('?') ? '' : '/'}${path}`,
    );
    const { body } = options;
    const answer = await exchange(
      Number(url.port),
      {
        method,
        path: url.pathname + url.search,
        headers: {
          accept: 'application/fhir+json',
          ...(typeof body === 'string' ? TEXT : {}),
          ...always,
          ...options.headers,
        },
        ...(body === undefined ? {} : { body }),
      },
      CONNECTIONS,
    );
    let text: string | undefined;
    const packed = answer.headers['content-encoding'] === 'gzip';
    const textOf = (): string => (text ??= (packed ? gunzipSync(answer.body) : answer.body).toString());
    return {
      status: answer.status,
      header(name: string) {
        const value = answer.headers[name.toLowerCase()];
        return Array.isArray(value) ? value.join(', ') : value;
      },
      get text() {
        return textOf();
      },
      get body() {
        return JSON.parse(textOf()) as T;
      },
    };
  };
  return {
    base,
    send,
    get: (path, headers = {}) => send('GET', path, { headers }),
    delete: (path, headers = {}) => send('DELETE', path, { headers }),
    create: (resource, headers = {}) =>
      send('POST', resource.resourceType, { headers: { ...JSON_BODY, ...headers }, body: JSON.stringify(resource) }),
    update: (resource, headers = {}) =>
      send('PUT', `${resource.resourceType}/${resource.id}`, {
        headers: { ...JSON_BODY, ...headers },
        body: JSON.stringify(resource),
      }),
    async search<T extends Resource>(query: string, headers: Headers = {}) {
      const reply = await send<Bundle<T>>('GET', query, { headers });
      assert.equal(reply.status, 200, `${query}: ${reply.text}`);
      return reply.body;
    },
  };
}

/** PUT of each in batches, which takes a fraction of the time; all of them are new. */
export async function putTogether(
  talk: Talk,
  resources: readonly { readonly resourceType: string; readonly id?: string }[],
): Promise<void> {
  for (let at = 0; at < resources.length; at += 100) {
    const entry = resources.slice(at, at + 100).map(resource => ({
      resource,
      request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
    }));
    const body = JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry });
    const reply = await talk.send<Bundle>('POST', '', { headers: JSON_BODY, body });
    assert.equal(reply.status, 200, reply.text);
    const refused = (reply.body.entry ?? []).filter(({ response }) => !response?.status.startsWith('201'));
    assert.deepEqual(refused, []);
  }
}

export const idsOf = (found: Bundle): string[] =>
  (found.entry ?? []).flatMap(({ resource, search }) =>
    search?.mode === 'outcome' || resource?.id === undefined ? [] : [resource.id],
  );

export const linkOf = (found: Bundle, relation: string): string | undefined =>
  found.link?.find(link => link.relation === relation)?.url;

/** Walks forward from a page to the end; every page it met, the first one included. */
export async function walk<T extends Resource>(talk: Talk, first: Bundle<T>, relation = 'next') {
  const pages = [first];
  for (let next = linkOf(first, relation); next !== undefined; next = linkOf(pages.at(-1)!, relation))
    pages.push(await talk.search<T>(next));
  return pages;
}

/** A refusal as clients read it: the status, and the stable code of its first issue. */
export function refusal(reply: Reply<unknown>): { status: number; detail: string | undefined } {
  const outcome = reply.body as OperationOutcome;
  assert.equal(outcome.resourceType, 'OperationOutcome', reply.text);
  const [issue] = outcome.issue;
  assert.ok(issue?.details?.text, 'an issue says in words what is wrong');
  return { status: reply.status, detail: issue.details.coding?.[0]?.code };
}
