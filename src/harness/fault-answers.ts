/**
 * Faults of answers: what the server gives is held back, and something else of it reaches the client. Of several faults the first one
 * decides; a wrong ETag goes with each.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { KINDS } from '../fhir/error.js';
import { outcomeText } from '../fhir/outcome.js';
import { idByChance } from '../platform/ids.js';
import { realPause } from '../platform/real-time.js';
import type { Fault } from './fault-rules.js';

type StatusFault = Extract<Fault, { readonly fault: 'status' }>;

/** How much a wrong version is above the right one. */
const WRONG_BY = 1000;

/** Answers a request that meets these faults. Those of the store are met there (harness-store.ts). */
export async function answerWithFaults(
  faults: readonly Fault[],
  request: IncomingMessage,
  response: ServerResponse,
  answer: RequestListener,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  for (const each of faults) if (each.fault === 'delay') await realPause(each.ms, gone.signal);
  if (response.destroyed) return;
  const instead = faults.find(each => (each.fault === 'status' || each.fault === 'closed') && !each.after);
  if (instead?.fault === 'closed') return void request.socket.destroy();
  if (instead?.fault === 'status') {
    request.resume();
    return sendStatus(response, instead, outcomeOf(instead));
  }
  const lost = faults.find(each => ANSWER_FAULTS.has(each.fault));
  const hasWrongTag = faults.some(each => each.fault === 'wrong-etag');
  if (lost ?? hasWrongTag) {
    // What is cut must not be in another form than JSON.
    if (lost?.fault === 'broken-json') delete request.headers['accept-encoding'];
    holdBack(response, body => {
      if (hasWrongTag) falsifyTag(response);
      sendFaulty(response, lost, body);
    });
  }
  answer(request, response);
}

const ANSWER_FAULTS: ReadonlySet<Fault['fault']> = new Set(['status', 'closed', 'half-sent', 'broken-json']);

/** Nothing that is written to the response is sent: `send` gets all of it at the end, and is alone with the response then. */
function holdBack(response: ServerResponse, send: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  const take = (args: readonly unknown[]): void => {
    const [chunk, encoding] = args;
    if (typeof chunk === 'string')
      chunks.push(Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8'));
    else if (chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk));
  };
  const called = (args: readonly unknown[]): void => {
    const callback = args.find(each => typeof each === 'function');
    if (callback) process.nextTick(callback);
  };
  Object.assign(response, {
    writeHead(status: number, ...rest: readonly unknown[]) {
      response.statusCode = status;
      const headers = rest.find(each => typeof each === 'object' && each !== null) ?? {};
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, String(value));
      return response;
    },
    write(...args: readonly unknown[]) {
      take(args);
      called(args);
      return true;
    },
    end(...args: readonly unknown[]) {
      take(args);
      // From here on the methods of every response are there again.
      for (const name of ['writeHead', 'write', 'end']) Reflect.deleteProperty(response, name);
      send(Buffer.concat(chunks));
      called(args);
      return response;
    },
  });
}

function sendFaulty(response: ServerResponse, lost: Fault | undefined, body: Buffer): void {
  const half = body.subarray(0, Math.floor(body.length / 2));
  switch (lost?.fault) {
    case 'closed':
      return void response.destroy();
    case 'status':
      for (const name of ['ETag', 'Location', 'Last-Modified', 'Content-Encoding']) response.removeHeader(name);
      return sendStatus(response, lost, outcomeOf(lost));
    case 'half-sent':
      setLength(response, body);
      response.writeHead(response.statusCode);
      return void response.write(half, () => response.destroy());
    case 'broken-json':
      return sendBody(response, half);
    default:
      return sendBody(response, body);
  }
}

function sendBody(response: ServerResponse, body: Buffer): void {
  const isWithout = response.req.method === 'HEAD' || response.statusCode === 204 || response.statusCode === 304;
  if (!isWithout) setLength(response, body);
  response.writeHead(response.statusCode);
  response.end(isWithout ? undefined : body);
}

function setLength(response: ServerResponse, body: Buffer): void {
  response.removeHeader('Transfer-Encoding');
  response.setHeader('Content-Length', String(body.length));
}

function falsifyTag(response: ServerResponse): void {
  const tag = /^W\/"(\d+)"$/.exec(String(response.getHeader('ETag') ?? ''))?.[1];
  if (tag !== undefined) response.setHeader('ETag', `W/"${Number(tag) + WRONG_BY}"`);
}

function sendStatus(response: ServerResponse, { status, retryAfter }: StatusFault, body: Buffer): void {
  response.statusCode = status;
  if (!response.hasHeader('X-Request-Id')) response.setHeader('X-Request-Id', idByChance(0));
  response.setHeader('Content-Type', 'application/fhir+json; charset=utf-8');
  response.setHeader('Cache-Control', 'no-store');
  if (retryAfter !== undefined) response.setHeader('Retry-After', String(retryAfter));
  sendBody(response, body);
}

/** The issue has the code that this server gives with the status. */
function outcomeOf({ status }: StatusFault): Buffer {
  const meaning = Object.values(KINDS).find(each => each.status === status);
  return outcomeText([
    {
      severity: 'error',
      code: meaning?.code ?? (status < 500 ? 'processing' : 'exception'),
      detail: 'harness',
      text: `A fault of the test-harness mode: ${status}.`,
    },
  ]);
}
