/**
 * The one way to the server: a FHIR request with the token of the session. What the server cannot do at the moment (503, 429, or it is not
 * reached) is asked again, in view of whoever waits; that is done for requests alone which mean the same when they come twice.
 * https://hl7.org/fhir/R4/http.html
 */
import type { Resource } from 'fhir/r4';
import { Cell } from '../session/cell.js';
import { FHIR, SERVER } from '../session/server.js';
import { renewed, session, signOut } from '../session/session.js';
import { faultOf, RequestFault } from './fault.js';

export interface Asked {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the base, without a slash before it: `Patient/p1`. Nothing of a patient but an id may stand in it. */
  readonly path: string;
  /** Parameters of a search are sent as a form, a resource as FHIR's JSON, bytes as they are. */
  readonly body?: URLSearchParams | Resource | Blob | string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default FHIR's JSON. */
  readonly accept?: string;
  readonly signal?: AbortSignal | undefined;
  /** A POST that means the same when it comes twice. */
  readonly isRepeatable?: boolean;
}

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
  /** By which the next write says what it replaces. */
  readonly etag: string | undefined;
  readonly requestId: string | undefined;
  readonly headers: Headers;
}

/** What is waited for, while it is. */
export interface Waiting {
  readonly why: 'busy' | 'offline';
  /** Until the next attempt. */
  readonly seconds: number;
}
export const waiting = new Cell<Waiting | undefined>(undefined);

const FHIR_JSON = 'application/fhir+json';
const MOST_ATTEMPTS = 6;
const LONGEST_WAIT = 30;

/** An answer whose body is JSON. Throws RequestFault. */
export async function ask<T = Resource>(asked: Asked): Promise<Answer<T>> {
  const response = await send(asked);
  const text = await response.text();
  return { ...headOf(response), body: (text === '' ? undefined : JSON.parse(text)) as T };
}

/** An answer whose body is bytes, or a text in another form. Throws RequestFault. */
export async function askBytes(asked: Asked): Promise<Answer<Blob>> {
  const response = await send(asked);
  return { ...headOf(response), body: await response.blob() };
}

/** What the server answers whatever its status, as bytes. It is asked once, or once more with another token. Throws RequestFault where nobody answers. */
export async function askAnything(asked: Asked): Promise<Answer<Blob>> {
  const first = await attemptOf(asked);
  const response = first?.status === 401 && (await renewed()) ? await attemptOf(asked) : first;
  if (!response) throw new RequestFault(0, [], undefined);
  return { ...headOf(response), body: await response.blob() };
}

/** A search, by POST: what is looked for stands in no address, and in no log of one. */
export const search = <T = Resource>(
  type: string,
  parameters: Readonly<Record<string, string | readonly string[]>>,
  signal?: AbortSignal,
): Promise<Answer<T>> => ask<T>({ method: 'POST', path: `${type}/_search`, body: formOf(parameters), signal });

export function formOf(parameters: Readonly<Record<string, string | readonly string[]>>): URLSearchParams {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters))
    for (const each of typeof value === 'string' ? [value] : value) if (each !== '') form.append(name, each);
  return form;
}

/** What a link of a Bundle leads to, as a path for `ask`; links say how the server is called elsewhere. */
export const pathOfLink = (url: string): string => {
  const { pathname, search: query } = new URL(url, location.origin);
  return `${pathname.replace(/^.*?\/fhir(?:\/|$)/, '')}${query}`;
};

/**
 * What a reference or an attachment of a record leads to, as a path for `ask`: a relative one, or one below what the server is called. Undefined: it
 * lies elsewhere, where this page does not go.
 */
export function pathBelow(url: string): string | undefined {
  const bases = [SERVER.base, `${location.origin}${FHIR}`].map(base => `${base.replace(/\/$/, '')}/`);
  try {
    const { href } = new URL(url, bases[0]);
    const base = bases.find(each => href.startsWith(each));
    return base === undefined ? undefined : href.slice(base.length).replace(/#.*$/, '') || undefined;
  } catch {
    return undefined;
  }
}

const headOf = ({ status, headers }: Response): Omit<Answer<never>, 'body'> => ({
  ...{ status, headers },
  etag: headers.get('ETag') ?? undefined,
  requestId: headers.get('X-Request-Id') ?? undefined,
});

async function send(asked: Asked): Promise<Response> {
  try {
    for (let attempt = 1; ; attempt++) {
      const response = await attemptOf(asked);
      const isLast = attempt === MOST_ATTEMPTS || !maybeTwice(asked);
      if (response?.status === 401 && attempt === 1 && (await renewed())) continue;
      if (response && !(response.status === 503 || response.status === 429)) return await checked(response);
      if (isLast) {
        if (response) return await checked(response);
        throw new RequestFault(0, [], undefined);
      }
      await pause(response ? 'busy' : 'offline', secondsTo(response, attempt), asked.signal);
    }
  } finally {
    waiting.set(undefined);
  }
}

/** Undefined: the server was not reached. */
async function attemptOf({ method = 'GET', path, body, headers, accept = FHIR_JSON, signal }: Asked) {
  const { token } = session.value ?? {};
  const isPlain = body === undefined || body instanceof URLSearchParams || body instanceof Blob;
  try {
    return await fetch(path === '' ? FHIR : `${FHIR}/${path}`, {
      ...{ method, cache: 'no-store', credentials: 'omit', redirect: 'error', referrerPolicy: 'no-referrer' },
      headers: {
        Accept: accept,
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
        ...(isPlain ? {} : { 'Content-Type': `${FHIR_JSON}; charset=utf-8` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isPlain || typeof body === 'string' ? body : JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    return undefined;
  }
}

async function checked(response: Response): Promise<Response> {
  if (response.ok) return response;
  if (response.status === 401 && session.value?.token !== undefined) await signOut('refused');
  const said: unknown = await response.json().catch(() => undefined);
  throw faultOf(response.status, said, response.headers.get('X-Request-Id') ?? undefined);
}

/** A write by POST may have been done although nobody was told. */
const maybeTwice = ({ method = 'GET', path, headers = {}, isRepeatable = false }: Asked): boolean =>
  method !== 'POST' || isRepeatable || path.endsWith('/_search') || 'If-None-Exist' in headers;

function secondsTo(response: Response | undefined, attempt: number): number {
  const said = Number(response?.headers.get('Retry-After') ?? NaN);
  return Math.min(LONGEST_WAIT, Number.isFinite(said) ? Math.max(1, said) : 2 ** (attempt - 1));
}

async function pause(why: Waiting['why'], seconds: number, signal: AbortSignal | undefined): Promise<void> {
  for (let left = seconds; left > 0; left--) {
    waiting.set({ why, seconds: left });
    await new Promise(resolve => setTimeout(resolve, 1000));
    signal?.throwIfAborted();
  }
}
