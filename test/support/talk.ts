/** FHIR over HTTP in few words, for tests: JSON unless a test says otherwise, nothing thrown for a refusal. */
import assert from 'node:assert/strict';
import type { Bundle, FhirResource, Meta, OperationOutcome, Resource } from 'fhir/r4.js';

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

export function talkTo(base: string, always: Headers = {}): Talk {
  const send = async <T>(
    method: string,
    path: string,
    options: { readonly headers?: Headers; readonly body?: string | Buffer } = {},
  ): Promise<Reply<T>> => {
    const url = path.startsWith('http') ? path : `${base}${path === '' || path.startsWith('?') ? '' : '/'}${path}`;
    const response = await fetch(url, {
      method,
      headers: { accept: 'application/fhir+json', ...always, ...options.headers },
      ...(options.body === undefined ? {} : { body: options.body }),
      redirect: 'manual',
    });
    const text = await response.text();
    return {
      status: response.status,
      header: (name: string) => response.headers.get(name) ?? undefined,
      text,
      get body() {
        return JSON.parse(text) as T;
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
