/**
 * What every request gets, whatever its address: an id, a look at the host that it names, an OperationOutcome where it
 * fails, numbers in the metrics and a line in the log.
 */
import type { IncomingMessage } from 'node:http';
import type { Request, Response } from 'express';
import { asFhirError, type FhirError, KINDS } from '../fhir/error.js';
import type { Engine } from '../interactions/engine.js';
import { frames } from '../platform/log.js';
import { discardRest } from './body.js';
import type { AddressOf } from './client-address.js';
import type { Guard } from './guard.js';
import { type Head, readHead } from './presentation.js';
import { correlationIdOf, requestIdOf } from './request-id.js';
import { respondError } from './respond.js';
import type { Route } from './route.js';

export interface House {
  readonly engine: Engine;
  readonly guard: Guard;
  readonly addressOf: AddressOf;
}

/** One request under way. */
export interface Exchange {
  readonly request: Request;
  readonly response: Response;
  readonly requestId: string;
  /** What the client calls it. */
  readonly correlationId: string | undefined;
  /** Below the mount, still percent-encoded. */
  readonly path: string;
  /** Of the address; of a search by POST, once its form is read, with the parameters of that. */
  head: Head;
  /** What it is about, once its address is understood. */
  target?: Route;
}

/** Asked of a server by programs that look whether it lives, or by browsers on their own: no line says that they did. */
export type Notice = 'always' | 'failures' | 'never';

/** Answers a request by `work`, or by the error that `work` throws. Never rejects. */
export async function answerRequest(
  { engine, guard }: House,
  request: Request,
  response: Response,
  notice: Notice,
  work: (exchange: Exchange) => Promise<void> | void,
): Promise<void> {
  const started = process.hrtime.bigint();
  const { metrics } = engine;
  metrics.open.inc();
  const requestId = requestIdOf(request, engine.clock.now());
  const correlationId = correlationIdOf(request);
  response.setHeader('X-Request-Id', requestId);
  if (correlationId !== undefined) response.setHeader('X-Correlation-Id', correlationId);
  const [path, search] = splitUrl(request.url);
  const exchange: Exchange = {
    ...{ request, response, requestId, correlationId, path },
    head: readHead(request.headers, search),
  };
  let failure: FhirError | undefined;
  try {
    guard.checkHost(request, authorities.get(request));
    await work(exchange);
  } catch (error) {
    failure = asFhirError(error);
    await answerFailure(engine, exchange, failure);
  } finally {
    discardRest(request);
    metrics.open.dec();
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    const { target } = exchange;
    const interaction = target?.kind ?? 'none';
    if (notice === 'always' || (failure && notice === 'failures')) {
      const { statusCode: head } = response;
      const brokenOff = response.destroyed && !response.writableFinished;
      // What the head said is not what became of the answer.
      const status = brokenOff && failure ? failure.status : head;
      metrics.requests.inc({ interaction, status: String(status) });
      metrics.duration.observe({ interaction }, seconds);
      if (failure) metrics.refused.inc({ kind: failure.kind });
      const line = { requestId, correlationId, interaction, type: target?.type, status, seconds };
      writeLog(
        engine,
        brokenOff ? { ...line, brokenOff, head: response.headersSent ? head : undefined } : line,
        failure,
      );
    }
  }
}

/** The host of a target in absolute form. */
const authorities = new WeakMap<IncomingMessage, string>();

/**
 * `GET http://localhost:8080/fhir HTTP/1.1` means the same as its path: a server must take it
 * (https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2). Call it before anybody looks at `url`.
 */
export function takeOriginForm(request: IncomingMessage): void {
  const { url = '' } = request;
  if (url.startsWith('/')) return;
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/is.exec(url);
  if (!absolute) return;
  authorities.set(request, absolute[1]!);
  request.url = absolute[2]!.startsWith('/') ? absolute[2]! : `/${absolute[2]}`;
}

async function answerFailure(engine: Engine, { response, head, requestId }: Exchange, failure: FhirError) {
  if (response.headersSent || response.destroyed) return void response.destroy();
  response.setHeader('Cache-Control', 'no-store');
  // What was said of an answer that could not be given.
  for (const name of ['ETag', 'Last-Modified', 'Location']) response.removeHeader(name);
  try {
    await respondError(response, failure, head.presentation, engine, requestId);
  } catch (error) {
    engine.log.error({ requestId, at: frames(error) }, 'An error could not be answered');
    response.destroy();
  }
}

function writeLog(engine: Engine, line: Readonly<Record<string, unknown>>, failure: FhirError | undefined): void {
  if (!failure) return engine.log.info(line);
  const { log } = KINDS[failure.kind];
  engine.log[log]({
    ...line,
    kind: failure.kind,
    ...(failure.cause === undefined ? {} : { at: frames(failure.cause) }),
  });
}

function splitUrl(url: string): [path: string, search: string] {
  const at = url.indexOf('?');
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at)];
}
