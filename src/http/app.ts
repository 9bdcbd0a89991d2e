/**
 * The HTTP face: limits, security headers, request id, one mount for FHIR, and beside it /healthz, /readyz, /metrics.
 *
 * Express 5 calls Object.setPrototypeOf on every request and response, which de-optimises Node's own objects and costs
 * more than all the rest of a read. Creating them with Express's prototypes in the first place makes that a no-op.
 */
import { createServer, IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import helmet from 'helmet';
import { asFhirError, FhirError, KINDS } from '../fhir/error.js';
import { outcomeText } from '../fhir/outcome.js';
import type { Context, Engine, Interaction } from '../interactions/interaction.js';
import { admit, perform, refuse } from '../interactions/perform.js';
import { isLoopback } from '../platform/config.js';
import { newId } from '../platform/ids.js';
import type { Metrics } from '../platform/metrics.js';
import { cors } from './cors.js';
import { type Format, responseFormat, wantsRaw } from './media.js';
import { preference, readInteraction, readQuery, single, withCriteria } from './request.js';
import { type Presentation, respond, respondError } from './respond.js';
import { allowedMethods, type Route, route } from './route.js';
import { fromRequest, type Limits } from './source.js';

export interface HttpOptions {
  readonly engine: Engine;
  readonly metrics: Metrics;
  readonly limits: Limits;
  /** Milliseconds for a request to arrive. */
  readonly requestTimeout: number;
  readonly corsOrigins: readonly string[];
  readonly exposeMetrics: 'loopback' | 'open' | 'off';
}

/** A server that is not listening yet. */
export function createHttpServer(options: HttpOptions): Server {
  const app = createApp(options);
  class Incoming extends IncomingMessage {}
  class Outgoing extends ServerResponse<Incoming> {}
  Object.setPrototypeOf(Incoming.prototype, app.request);
  Object.setPrototypeOf(Outgoing.prototype, app.response);
  Object.assign(app, { request: Incoming.prototype, response: Outgoing.prototype });
  const server = createServer({ IncomingMessage: Incoming, ServerResponse: Outgoing }, app);
  server.requestTimeout = options.requestTimeout;
  server.headersTimeout = Math.min(options.requestTimeout, 20_000);
  server.keepAliveTimeout = 65_000;
  server.on('clientError', answerBrokenRequest);
  return server;
}

function createApp(options: HttpOptions): Express {
  const { engine, metrics, exposeMetrics } = options;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  const headers = securityHeaders(engine.settings.base.startsWith('https:'));
  app.use((_request: Request, response: Response, next: NextFunction) => {
    for (const [name, value] of headers) response.setHeader(name, value);
    next();
  });
  app.use('/fhir', (request: Request, response: Response) => handle(options, request, response));
  app.get('/healthz', (_request: Request, response: Response) => void response.json({ status: 'up' }));
  app.get('/readyz', async (_request: Request, response: Response) => {
    try {
      await engine.store.ping();
      response.json({ status: 'ready' });
    } catch {
      response.status(503).setHeader('Retry-After', '2').json({ status: 'the store is away' });
    }
  });
  if (exposeMetrics !== 'off')
    app.get('/metrics', async (request: Request, response: Response) => {
      if (exposeMetrics === 'loopback' && !isLoopback((request.socket.remoteAddress ?? '').replace(/^::ffff:/, '')))
        return void response.status(403).end();
      response.setHeader('Content-Type', metrics.registry.contentType);
      response.end(await metrics.registry.metrics());
    });
  app.use((_request: Request, response: Response) => {
    const issue = { severity: 'error', code: 'not-found', text: 'FHIR is served below /fhir.' } as const;
    response.status(404).setHeader('Content-Type', 'application/fhir+json; charset=utf-8');
    response.end(outcomeText([issue]));
  });
  return app;
}

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

const REQUEST_ID = /^[\w.:-]{1,64}$/;
/** Before anybody has said who they are, in an audit event. */
const UNKNOWN = { role: 'reader' } as const;

/** One FHIR request, from its head to the end of its answer. Never rejects. */
async function handle(options: HttpOptions, request: Request, response: Response): Promise<void> {
  const { engine, metrics, limits } = options;
  const started = process.hrtime.bigint();
  metrics.open.inc();
  const given = request.get('x-request-id');
  const requestId = given !== undefined && REQUEST_ID.test(given) ? given : newId();
  response.setHeader('X-Request-Id', requestId);
  let presentation: Presentation = { format: 'json', pretty: false, gzip: false };
  let target: Route | undefined;
  let failure: FhirError | undefined;
  try {
    if (cors(request, response, options.corsOrigins)) return;
    const [path, search] = splitUrl(request.url);
    if (request.method === 'OPTIONS') return options204(response, allowedMethods(path, engine.definitions));
    target = withCriteria(route(request.method, path, engine.definitions), request.get('if-none-exist'));
    const head = readHead(request, target, search);
    if (!(head instanceof FhirError)) ({ presentation } = head);
    const context: Context = {
      engine,
      principal: UNKNOWN,
      requestId,
      address: (request.socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, ''),
      request: `${request.method} ${request.originalUrl}`,
    };
    const known = await identified(context, target, request);
    if (head instanceof FhirError) return await refuse(known, target, head);
    await admit(known, target);
    const interaction = await readInteraction(fromRequest(request, engine, limits), target, head.query).catch(error =>
      refuse(known, target!, asFhirError(error)),
    );
    const result = await perform(withForm(known, request, interaction), interaction);
    await respond(response, result, presentation, engine.definitions, engine.settings.base);
  } catch (error) {
    failure = asFhirError(error);
    await respondFailure(response, failure, presentation, engine, requestId);
  } finally {
    metrics.open.dec();
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    const interaction = target?.kind ?? 'none';
    metrics.requests.inc({ interaction, status: String(response.statusCode) });
    metrics.duration.observe({ interaction }, seconds);
    if (failure) metrics.refused.inc({ kind: failure.kind });
    writeLog(engine, { requestId, interaction, type: target?.type, status: response.statusCode, seconds }, failure);
  }
}

/** What is said before the body. A fault is given back, not thrown: it is recorded under the name of whoever asked. */
function readHead(request: Request, target: Route, search: string) {
  try {
    const query = readQuery(search);
    return { query, presentation: presentationOf(request, target, query) };
  } catch (error) {
    return asFhirError(error);
  }
}

/** The audit event of a search by POST holds the question, wherever it stood. */
function withForm(context: Context, request: Request, interaction: Interaction): Context {
  if (interaction.kind !== 'search' || request.method !== 'POST') return context;
  const form = new URLSearchParams();
  for (const [name, value] of interaction.parameters) form.append(name, value);
  return { ...context, request: `${context.request}\n\n${form.toString()}` };
}

/** The context with its principal; what is public needs none. */
async function identified(context: Context, target: Route, request: Request): Promise<Context> {
  if (target.kind === 'capabilities') return context;
  try {
    return { ...context, principal: context.engine.identify(request.headers.authorization) };
  } catch (error) {
    return refuse(context, target, asFhirError(error));
  }
}

async function respondFailure(
  response: Response,
  failure: FhirError,
  presentation: Presentation,
  engine: Engine,
  requestId: string,
): Promise<void> {
  if (response.headersSent || response.destroyed) return void response.destroy();
  try {
    await respondError(response, failure, presentation, engine.definitions, requestId);
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

/** Where an error came from. Its message stays out: a driver may quote a document in it. */
function frames(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const lines = (error.stack ?? '').split('\n').filter(text => text.startsWith('    at '));
  return [error.name, ...lines.map(text => text.trim())].join('\n');
}

function splitUrl(url: string): [path: string, search: string] {
  const at = url.indexOf('?');
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at)];
}

/** What Prefer: return= is about; the entries of a Bundle answer it by themselves. */
const WRITES: ReadonlySet<string> = new Set(['create', 'update', 'patch', 'delete']);

function presentationOf(request: Request, target: Route, query: ReturnType<typeof readQuery>): Presentation {
  const { headers } = request;
  const asked = single(query, '_format');
  const raw =
    target.type === 'Binary' && (target.kind === 'read' || target.kind === 'vread') && wantsRaw(headers.accept, asked);
  const format: Format = raw ? 'json' : responseFormat(headers.accept, asked);
  const prefer = WRITES.has(target.kind) ? preference(headers['prefer'], 'return') : undefined;
  const pretty = single(query, '_pretty');
  if (pretty !== undefined && pretty !== 'true' && pretty !== 'false')
    throw new FhirError('invalid', '_pretty must be true or false.', { expression: 'http._pretty' });
  return {
    format,
    pretty: pretty === 'true',
    gzip: /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/.test(headers['accept-encoding'] ?? ''),
    ...(prefer === undefined ? {} : { prefer }),
    ...(headers.accept === undefined ? {} : { accept: headers.accept }),
  };
}

function options204(response: Response, allow: readonly string[]): void {
  response.writeHead(204, { Allow: allow.join(', ') });
  response.end();
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
    `HTTP/1.1 ${status}\r\nContent-Type: application/fhir+json; charset=utf-8\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body.toString()}`,
  );
}
