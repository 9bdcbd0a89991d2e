/**
 * The HTTP face: limits, security headers, one mount for FHIR, and beside it the addresses outside FHIR (outside.ts).
 *
 * Express 5 calls Object.setPrototypeOf on every request and response, which de-optimises Node's own objects and costs
 * more than all the rest of a read. Creating them with Express's prototypes in the first place makes that a no-op.
 */
import { createServer, IncomingMessage, type RequestListener, type Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import helmet from 'helmet';
import { FhirError } from '../fhir/error.js';
import { outcomeText } from '../fhir/outcome.js';
import type { Engine } from '../interactions/engine.js';
import { authorizationAnswer } from './authorization.js';
import { createAddressOf } from './client-address.js';
import { answerRequest, type Exchange, type House, type Notice, takeOriginForm } from './exchange.js';
import { fhir, type FhirOptions } from './fhir.js';
import { createGuard } from './guard.js';
import { mountOutside, sendOutside } from './outside.js';
import { fhirRoutes, ownRoutes } from './own-routes.js';
import { pageAnswer } from './page.js';
import { signInAnswer } from './sign-in.js';
import type { Limits } from './source.js';

export interface HttpOptions {
  readonly engine: Engine;
  readonly limits: Limits;
  /** PEM; absent: without TLS. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer } | undefined;
  /** What /metrics answers, where that is not the numbers of this process alone. */
  readonly metricsSum?: (() => Promise<string>) | undefined;
}

/** A server that is not listening yet. */
export function createHttpServer(options: HttpOptions): Server {
  const app = createApp(options);
  class Incoming extends IncomingMessage {}
  class Outgoing extends ServerResponse<Incoming> {}
  Object.setPrototypeOf(Incoming.prototype, app.request);
  Object.setPrototypeOf(Outgoing.prototype, app.response);
  Object.assign(app, { request: Incoming.prototype, response: Outgoing.prototype });
  const { aroundRequests, settings } = options.engine;
  const answer: RequestListener = (request, response) => app(request, response);
  const inside = aroundRequests?.(answer) ?? answer;
  const listener: RequestListener<typeof Incoming, typeof Outgoing> = (request, response) => {
    takeOriginForm(request);
    inside(request, response);
  };
  const classes = { IncomingMessage: Incoming, ServerResponse: Outgoing };
  const server = options.tls
    ? createTlsServer({ ...classes, ...options.tls, minVersion: 'TLSv1.2' }, listener)
    : createServer(classes, listener);
  const { requestTimeout } = settings;
  server.requestTimeout = requestTimeout;
  server.headersTimeout = Math.min(requestTimeout, 20_000);
  server.keepAliveTimeout = 65_000;
  server.on('clientError', answerBrokenRequest);
  return server;
}

function createApp({ engine, limits, metricsSum }: HttpOptions): Express {
  const { settings } = engine;
  const house: House = {
    engine,
    guard: createGuard(settings),
    addressOf: createAddressOf(settings.trustedProxies),
  };
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  const headers = [...securityHeaders(settings.base.startsWith('https:')), ...CACHING];
  app.use((_request: Request, response: Response, next: NextFunction) => {
    for (const [name, value] of headers) response.setHeader(name, value);
    next();
  });
  const answered =
    (notice: Notice, work: (exchange: Exchange) => Promise<void> | void) => (request: Request, response: Response) =>
      answerRequest(house, request, response, notice, work);
  const page = pageAnswer(engine);
  const options: FhirOptions = {
    ...house,
    limits,
    page: exchange => sendOutside(exchange, page),
    signIn: signInAnswer(engine),
  };
  mountOutside(app, options, fhirRoutes(engine));
  app.use(
    '/fhir',
    answered('always', exchange => fhir(options, exchange)),
  );
  mountOutside(app, options, [...ownRoutes(engine, page, metricsSum), ...engine.routes]);
  const { authorization } = engine;
  if (authorization)
    app.use(
      '/auth',
      answered('failures', exchange => authorizationAnswer(house, authorization, exchange)),
    );
  app.use(
    answered('always', () => {
      throw new FhirError('not-found', 'FHIR is served below /fhir.');
    }),
  );
  return app;
}

/**
 * No cache keeps a record: an answer that was not asked for again is a look that nobody recorded. Clients that keep one
 * themselves ask with If-None-Match, and are recorded. https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.5
 */
const CACHING = [
  ['Cache-Control', 'no-store'],
  ['Vary', 'Accept, Accept-Encoding, Authorization, Origin, Prefer'],
] as const;

/** Helmet's headers depend on nothing in a request: asked once, they cost a tenth of its thirteen middlewares. */
function securityHeaders(strictTransportSecurity: boolean): readonly (readonly [string, string])[] {
  const headers = new Map<string, string>();
  const recorder = {
    setHeader: (name: string, value: string) => headers.set(name, value),
    removeHeader: (name: string) => headers.delete(name),
  };
  helmet({ strictTransportSecurity })({} as IncomingMessage, recorder as unknown as ServerResponse, () => undefined);
  return [...headers];
}

/** What Node refuses before Express sees it: bad syntax, too long headers, a body that never comes. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const [status, text] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'The address and headers are too long; use POST _search.']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'The request took too long to arrive.']
        : ['400 Bad Request', 'This is not a valid HTTP request.'];
  const body = outcomeText([{ severity: 'error', code: 'invalid', text }]);
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/fhir+json; charset=utf-8\r\nCache-Control: no-store\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body.toString()}`,
  );
}
