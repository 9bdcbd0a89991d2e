/** What a client does: one hop after the other, each checked, each in its turn at the host that it is for. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { asFhirError, type FhirError } from '../fhir/error.js';
import type { Log } from '../platform/log.js';
import { realTimeout } from '../platform/real-time.js';
import type { AllowList, AllowedTarget } from './allowed.js';
import { unpackedBody } from './body.js';
import { type GivenHeaders, requestHeaders } from './headers.js';
import { type GateLimits, HostGate } from './host-gate.js';
import { type Hop, type HopRequest, nextHop } from './hops.js';
import type { OutgoingWire } from './send.js';
import { isOfTheHost, outgoingCode, outgoingError } from './trouble.js';

export interface OutgoingRequest extends GivenHeaders {
  /** Default GET. */
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  /** Headers that hold secrets: for this host alone, wherever it may send us on to. */
  readonly credentials?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** The request that this is for, handed on as X-Request-Id and traceparent. */
  readonly trace?: { readonly requestId: string; readonly traceparent?: string | undefined };
  readonly signal?: AbortSignal;
}

/** Any status is an answer. */
export interface OutgoingHead {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Who answered in the end. */
  readonly url: string;
}

export type TakeAnswer<T> = (answer: OutgoingHead & { readonly body: AsyncIterable<Buffer> }) => Promise<T>;

export interface Outgoing {
  /** The whole answer. Throws FhirError; `outgoingCode` says which trouble it is. */
  readonly ask: (url: string, request?: OutgoingRequest) => Promise<OutgoingHead & { readonly body: Buffer }>;
  /** The same for large bodies: `take` reads as much as it wants, and what it throws is thrown. */
  readonly read: <T>(url: string, request: OutgoingRequest, take: TakeAnswer<T>) => Promise<T>;
  /** Throws where an address would not be asked at all, for those who take one and ask later. */
  readonly check: (url: string) => void;
}

export interface ClientParts {
  readonly list: AllowList;
  readonly wire: OutgoingWire;
  readonly gates: Gates;
  /** ms for all of a request. */
  readonly whole: number;
  readonly maxBytes: number;
  readonly redirects: number;
  /** Of whom, for the log. */
  readonly name: string;
  /** Aborted when the server ends. */
  readonly ending: AbortSignal;
  readonly log: Log;
  readonly count: (host: string, outcome: string, ms: number) => void;
}

export function createClient(parts: ClientParts): Outgoing {
  const read = async <T>(url: string, request: OutgoingRequest, take: TakeAnswer<T>): Promise<T> => {
    const { method = 'GET', body } = request;
    const ask = { method, body: typeof body === 'string' ? Buffer.from(body) : body, ...requestHeaders(request) };
    const { signal, release } = limitTime(parts, request.signal);
    try {
      return await follow(parts, { url, ask }, signal, take);
    } finally {
      release();
    }
  };
  return {
    read,
    ask: (url, request = {}) =>
      read(url, request, async ({ body, ...head }) => {
        const pieces: Buffer[] = [];
        for await (const piece of body) pieces.push(piece);
        return { ...head, body: Buffer.concat(pieces) };
      }),
    check: url => void parts.list.target(url),
  };
}

/** Aborted when the time is over, the server ends, or whoever asks wants no answer any more. */
function limitTime({ whole, ending }: ClientParts, wanted: AbortSignal | undefined) {
  const own = new AbortController();
  const timer = realTimeout(whole, () => own.abort(outgoingError('outgoing-timeout', 'whole')));
  const giveUp = (): void => own.abort(outgoingError('outgoing-aborted'));
  for (const signal of [ending, wanted]) {
    if (signal?.aborted) giveUp();
    signal?.addEventListener('abort', giveUp, { once: true });
  }
  const release = (): void => {
    clearTimeout(timer);
    for (const signal of [ending, wanted]) signal?.removeEventListener('abort', giveUp);
  };
  return { signal: own.signal, release };
}

async function follow<T>(parts: ClientParts, first: Hop, signal: AbortSignal, take: TakeAnswer<T>): Promise<T> {
  let hop = first;
  for (let hops = 0; ; hops++) {
    const target = targetOf(parts, hop.url, hops > 0);
    const done = await oneHop(parts, target, hop.ask, signal, take);
    if ('answer' in done) return done.answer;
    if (hops === parts.redirects) throw refusalOf(parts, outgoingError('outgoing-redirect', 'too many'));
    hop = done.next;
  }
}

/** As metrics name hosts that nobody has listed. */
const NOT_LISTED = 'not-listed';

function refusalOf({ count }: ClientParts, error: FhirError): FhirError {
  count(NOT_LISTED, outcomeOf(error), 0);
  return error;
}

function targetOf(parts: ClientParts, url: string, isRedirect: boolean): AllowedTarget {
  try {
    return parts.list.target(url);
  } catch (error) {
    throw refusalOf(parts, isRedirect ? outgoingError('outgoing-redirect', 'not listed') : asFhirError(error));
  }
}

const outcomeOf = (error: unknown): string => outgoingCode(error)?.replace('outgoing-', '') ?? 'fault';

/** One request and, unless it sends on, what is taken of its answer. */
async function oneHop<T>(
  { name, wire, gates, maxBytes, count, log }: ClientParts,
  target: AllowedTarget,
  ask: HopRequest,
  signal: AbortSignal,
  take: TakeAnswer<T>,
): Promise<{ readonly answer: T } | { readonly next: Hop }> {
  const { url, host } = target;
  const started = performance.now();
  let response: IncomingMessage | undefined;
  let trouble: unknown;
  let leave: Awaited<ReturnType<HostGate['enter']>> | undefined;
  try {
    leave = await gates.of(url.host).enter(signal);
    response = await wire.send(target, { ...ask, headers: { ...ask.headers, ...ask.credentials } }, signal);
    const { statusCode: status = 0, headers } = response;
    const next = nextHop(url, ask, status, headers.location);
    if (next) return { next };
    const body = watched(unpackedBody(response, maxBytes, signal), error => (trouble = error));
    return { answer: await take({ status, headers, url: url.href, body }) };
  } catch (error) {
    // What went wrong with those who took the answer is not the other server's trouble.
    if (!response || outgoingCode(error) === 'outgoing-redirect') trouble = error;
    throw error;
  } finally {
    const status = response?.statusCode ?? 0;
    response?.destroy();
    leave?.(isOfTheHost(trouble) || status >= 500 ? 'failed' : response ? 'well' : 'void');
    const outcome = trouble === undefined ? `${Math.floor(status / 100)}xx` : outcomeOf(trouble);
    count(host.label, outcome, performance.now() - started);
    if (trouble !== undefined)
      log.info({ of: name, host: host.label, outcome }, 'A request to another server has failed');
  }
}

async function* watched(body: AsyncIterable<Buffer>, tell: (error: unknown) => void): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (error) {
    tell(error);
    throw error;
  }
}

/** The hosts that a client has to do with. */
export interface Gates {
  of(host: string): HostGate;
}

/** Hosts below a suffix whose state is remembered. */
const MAX_GATES = 1000;

export function openGates(limits: GateLimits, now: () => number): Gates {
  const gates = new Map<string, HostGate>();
  return {
    of(host) {
      const known = gates.get(host);
      if (known) return known;
      if (gates.size >= MAX_GATES) for (const [name, gate] of gates) if (gate.isIdle) gates.delete(name);
      const gate = new HostGate(limits, now);
      gates.set(host, gate);
      return gate;
    },
  };
}
