/**
 * Addresses outside FHIR, from one table: those of the server itself (own-routes.ts) and those of features. What a request must be
 * before its route sees it, and what becomes of an answer that is none, is the same for all.
 */
import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { Express, NextFunction, Request, Response } from 'express';
import { asFhirError, FhirError } from '../fhir/error.js';
import type {
  Caller,
  OutsideAnswer,
  OutsideCall,
  OutsideMethod,
  OutsideRoute,
  OwnedRoute,
} from '../interactions/engine.js';
import { isOutsideAnswer, noBody } from '../interactions/feature.js';
import type { Target } from '../interactions/interaction.js';
import { createRouteFinder, type FoundRoute } from '../interactions/outside-address.js';
import { recordRefusal } from '../interactions/perform.js';
import { recordDone } from '../interactions/recording.js';
import { askHook, hookFault } from '../interactions/write/ask-hook.js';
import { isLoopback } from '../platform/config.js';
import { readBody } from './body.js';
import { cors } from './cors.js';
import { answerRequest, type Exchange, type House } from './exchange.js';
import { identifying, UNKNOWN } from './fhir.js';
import { sendBytes } from './respond.js';
import { MethodNotAllowed } from './route.js';
import type { Limits } from './source.js';

export interface OutsideOptions extends House {
  readonly limits: Limits;
}

/** Puts routes in front of what answers everything else. */
export function mountOutside(app: Express, options: OutsideOptions, routes: readonly OwnedRoute[]): void {
  const find = createRouteFinder(routes);
  const underAnyName: House = { ...options, guard: { ...options.guard, checkHost: () => undefined } };
  app.use((request: Request, response: Response, next: NextFunction) => {
    const found = find(request.path);
    if (!found) return next();
    const { logged = 'always', anyHost } = found.owned.route;
    return answerRequest(anyHost ? underAnyName : options, request, response, logged, exchange =>
      answerOutside(options, exchange, found),
    );
  });
}

/** What stands in the audit trail for a call. */
const callOfRoute = ({ path }: OutsideRoute): Target => ({ kind: 'operation', operation: path });

async function answerOutside(options: OutsideOptions, exchange: Exchange, found: FoundRoute): Promise<void> {
  const { owned } = found;
  const { owner, route } = owned;
  const recorded = callOfRoute(route);
  const { request, response } = exchange;
  if (route.anyOrigin && cors(request, response, ['*'])) return;
  const methods: readonly string[] =
    route.methods.includes('GET') && !route.usesUp ? [...route.methods, 'HEAD'] : route.methods;
  if (!methods.includes(request.method)) throw new MethodNotAllowed(methods);
  const caller = await admitted(options, exchange, owned);
  let answer: OutsideAnswer;
  try {
    const call = callOf(options, exchange, found, caller);
    answer = await askHook(caller, { owner, hook: route }, 'route', () => route.answer(call));
    if (!isOutsideAnswer(answer) || !hasValidHeaders(answer)) throw hookFault(caller, owner, 'route', 'gave no answer');
  } catch (error) {
    if (route.recorded === 'as-performed') throw error;
    return recordRefusal(caller, recorded, asFhirError(error));
  }
  if (route.recorded === 'each-call') await recordDone(caller, recorded);
  const headers = { ...route.headers, ...answer.headers };
  if (answer.stream) return sendStream(exchange, answer.status, headers, answer.stream);
  sendOutside(exchange, { ...answer, headers });
}

/** Who asks, if they may. Throws what keeps them out, which is recorded where somebody had to be known. */
async function admitted(
  { engine, guard, addressOf }: OutsideOptions,
  { request, requestId, correlationId }: Exchange,
  { owner, route }: OwnedRoute,
): Promise<Caller> {
  const { who } = route;
  const recorded = callOfRoute(route);
  const caller: Caller = {
    engine,
    principal: UNKNOWN,
    requestId,
    correlationId,
    address: addressOf(request),
    // Without its query: what a token grants may stand there.
    request: `${request.method} ${request.path}`,
    allowance: undefined,
    agent: owner,
  };
  const foreign = route.anyOrigin ? undefined : guard.foreign(request);
  if (who === 'anybody' || who === 'this-machine') {
    if (foreign) throw foreign;
    if (who === 'this-machine' && !isLoopback(caller.address))
      throw new FhirError('forbidden', `${route.path} is for this machine alone: see docs/running.md.`);
    return caller;
  }
  const known = await engine
    .identify(identifying(request, caller.address))
    .then(principal => ({ ...caller, principal }))
    .catch((error: unknown) => recordRefusal(caller, recorded, asFhirError(error)));
  if (foreign) return recordRefusal(known, recorded, foreign);
  if (who === 'known') return known;
  const decision = engine.decide(known.principal, who);
  if (decision.allow) return known;
  engine.metrics.denied.inc({ role: known.principal.role });
  return recordRefusal(
    known,
    recorded,
    new FhirError(decision.kind, decision.why, { denial: { rule: decision.rule } }),
  );
}

function callOf(
  { limits }: OutsideOptions,
  { request, head }: Exchange,
  { owned: { route }, values }: FoundRoute,
  caller: Caller,
): OutsideCall {
  return {
    path: values(),
    method: (request.method === 'HEAD' ? 'GET' : request.method) as OutsideMethod,
    parameters() {
      if (head.fault?.kind === 'invalid') throw head.fault;
      return head.query;
    },
    header: name => request.get(name),
    async body() {
      if (!route.maxBody) throw noBody();
      return readBody(request, route.maxBody, limits);
    },
    caller,
  };
}

function hasValidHeaders({ headers = {} }: OutsideAnswer): boolean {
  try {
    for (const [name, value] of Object.entries(headers)) {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    }
    return true;
  } catch {
    return false;
  }
}

export function sendOutside(
  { request, response }: Exchange,
  { status = 200, headers = {}, body }: OutsideAnswer,
): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  const bytes = body === undefined ? undefined : Buffer.from(body);
  if (bytes) response.setHeader('Content-Length', String(bytes.length));
  response.writeHead(status);
  response.end(request.method === 'HEAD' ? undefined : bytes);
}

/** Resolves when all of it is sent. */
function sendStream(
  { response }: Exchange,
  status = 200,
  { 'Content-Type': contentType = 'application/octet-stream', ...headers }: NonNullable<OutsideAnswer['headers']>,
  { bytes, size }: NonNullable<OutsideAnswer['stream']>,
): Promise<void> {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  return sendBytes(response, status, bytes, contentType, { gzip: false }, size);
}
