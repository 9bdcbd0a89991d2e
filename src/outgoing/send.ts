/**
 * One request over the wire and the head of its answer. The address is looked up when a connection is made, checked, and the
 * connection goes to what was checked: a name that leads elsewhere a moment later leads nowhere. Who answers must prove by its
 * certificate that it is the host that was asked.
 */
import { once } from 'node:events';
import { Agent as PlainAgent, type ClientRequest, type IncomingMessage, request as plainRequest } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { realTimeout } from '../platform/real-time.js';
import { type AllowedHost, bareHost, type AllowedTarget } from './allowed.js';
import { fromNode, outgoingError } from './trouble.js';

/** What goes over the wire. */
export interface WireRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A stream can be sent once. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array> | undefined;
}

/** Certificates beyond those that Node trusts, and our own. */
export interface TlsIdentity {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface SendLimits {
  /** ms until a connection stands, TLS included. */
  readonly connect: number;
  /** ms from then until the head of the answer is there. */
  readonly firstByte: number;
}

/** Headers of an answer, and their bytes. */
const MAX_HEADERS = 100;
const MAX_HEADER_BYTES = 16_384;
/** A connection that nobody needs is closed after this; many servers close theirs after five seconds. */
const IDLE_MS = 4000;

export interface OutgoingWire {
  send(target: AllowedTarget, ask: WireRequest, signal: AbortSignal): Promise<IncomingMessage>;
  close(): void;
}

export interface WireOptions {
  readonly limits: SendLimits;
  /** Connections to one host that are kept open. */
  readonly kept: number;
  readonly tls?: TlsIdentity | undefined;
  /** Throws where the host may not be asked at one of these addresses. */
  readonly checkAddresses: (host: AllowedHost, addresses: readonly LookupAddress[]) => void;
  readonly resolve: (hostname: string) => Promise<readonly LookupAddress[]>;
}

export function openWire(options: WireOptions): OutgoingWire {
  const pool = { keepAlive: true, maxFreeSockets: options.kept, timeout: IDLE_MS };
  const agents = {
    plain: new PlainAgent(pool),
    tls: new TlsAgent({ ...pool, minVersion: 'TLSv1.2', ...options.tls }),
  };
  const send = async (target: AllowedTarget, ask: WireRequest, signal: AbortSignal): Promise<IncomingMessage> => {
    for (;;) {
      signal.throwIfAborted();
      const request = begin(target, ask, agents, lookupOf(target.host, options));
      try {
        return await headOf(request, ask, options.limits, signal);
      } catch (error) {
        // The other side has closed a connection that was kept just as we took it: nothing was asked yet.
        const { code } = error as { readonly code?: unknown };
        const again = request.reusedSocket && code === 'ECONNRESET' && ['GET', 'HEAD'].includes(ask.method);
        if (!again || signal.aborted) throw signal.aborted ? (signal.reason as Error) : fromNode(error);
      }
    }
  };
  return {
    send,
    close() {
      agents.plain.destroy();
      agents.tls.destroy();
    },
  };
}

/** Asked by Node when it makes a connection, and for nothing else. */
function lookupOf(host: AllowedHost, { resolve, checkAddresses }: WireOptions): LookupFunction {
  return (hostname, { all }, done) => {
    const give = async (): Promise<void> => {
      const found = await resolve(hostname);
      checkAddresses(host, found);
      const [{ address, family }] = found as [LookupAddress];
      process.nextTick(() => (all === true ? done(null, [...found]) : done(null, address, family)));
    };
    give().catch((error: Error) => process.nextTick(() => done(error, '', 0)));
  };
}

function begin(
  { url, host }: AllowedTarget,
  { method, headers, body }: WireRequest,
  agents: { readonly plain: PlainAgent; readonly tls: TlsAgent },
  lookup: LookupFunction,
): ClientRequest {
  const hostname = bareHost(url.hostname);
  const length = body instanceof Uint8Array ? { 'Content-Length': String(body.byteLength) } : {};
  const options = {
    method,
    hostname,
    port: host.port,
    path: url.pathname + url.search,
    headers: { ...headers, ...length },
    lookup,
    maxHeaderSize: MAX_HEADER_BYTES,
  };
  const request = host.plain
    ? plainRequest({ ...options, agent: agents.plain })
    : tlsRequest({ ...options, agent: agents.tls });
  // Node leaves out those beyond a limit in silence: all are counted instead.
  request.maxHeadersCount = 0;
  return request;
}

/** Sends the body, and resolves with the head of the answer. */
function headOf(
  request: ClientRequest,
  { body }: WireRequest,
  { connect, firstByte }: SendLimits,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const late = (ms: number) => realTimeout(ms, () => request.destroy(outgoingError('outgoing-timeout')));
    let timer = late(connect);
    const connected = (): void => {
      clearTimeout(timer);
      timer = late(firstByte);
    };
    const abort = (): void => void request.destroy(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    request.once('socket', socket => {
      if (request.reusedSocket) connected();
      else void once(socket, 'encrypted' in socket ? 'secureConnect' : 'connect').then(connected, () => {});
    });
    request.once('response', response => {
      clearTimeout(timer);
      response.on('error', () => {});
      if (response.rawHeaders.length > 2 * MAX_HEADERS) {
        request.destroy();
        reject(outgoingError('outgoing-too-large', 'headers'));
      } else resolve(response);
    });
    request.on('error', reject);
    request.once('close', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      reject(outgoingError('outgoing-broken', 'closed'));
    });
    if (body === undefined || body instanceof Uint8Array) request.end(body);
    // An answer may come before all is sent; whether it does, the answer tells.
    else void pipeline(Readable.from(body, { objectMode: false }), request).catch(() => {});
  });
}
