/** One FHIR request, from its head to its answer: route → who asks → may they → body → interaction → answer. */
import type { Request, Response } from 'express';
import { asFhirError, type FhirError } from '../fhir/error.js';
import type { Caller, Engine } from '../interactions/engine.js';
import { INTERACTIONS, strayTarget } from '../interactions/kinds.js';
import { SMART_CONFIGURATION } from '../interactions/smart.js';
import { createAllowance } from '../interactions/response/allowance.js';
import { admit, perform, recordDamage, recordRefusal } from '../interactions/perform.js';
import { underGlass } from '../interactions/under-glass.js';
import { forgetBody } from './body.js';
import { cors } from './cors.js';
import type { Exchange, House } from './exchange.js';
import { contentTypes, otherForm, prefersHtml } from './media.js';
import { type Head, headFrom, type Presentation } from './presentation.js';
import { single } from './query.js';
import { asOneLine, preference, readInteraction, wholeQuestion, withCriteria } from './request.js';
import { respond } from './respond.js';
import { allowedMethods, type Route, route } from './route.js';
import { fromRequest, type Limits, sentProvenance } from './source.js';
import { namesToken, misplacedToken, withoutQuery } from './misplaced-token.js';

export interface FhirOptions extends House {
  readonly limits: Limits;
  /** Shows a person what this is. */
  readonly page: (exchange: Exchange) => void;
  /** Tells clients where to get tokens; absent: nowhere. */
  readonly signIn: ((exchange: Exchange) => Promise<void>) | undefined;
}

/** https://www.rfc-editor.org/rfc/rfc5789#section-3.1 */
const ACCEPT_PATCH = [
  'Accept-Patch',
  'application/json-patch+json, application/fhir+json, application/fhir+xml',
] as const;

/** Before anybody has said who they are, in an audit event. */
export const UNKNOWN = { role: 'reader' } as const;

/** Throws FhirError; what was understood until then is in `exchange`, and in the audit trail. */
export async function fhir(options: FhirOptions, exchange: Exchange): Promise<void> {
  const { engine, guard, limits } = options;
  const { request, response, requestId, correlationId, path, head } = exchange;
  const asksHow = options.signIn !== undefined && path === SMART_CONFIGURATION;
  // An app that knows the base alone, and whose page is elsewhere, finds out here where to sign in.
  const isOpen = asksHow || (options.signIn !== undefined && path === '/metadata');
  if (cors(request, response, isOpen ? ANY_ORIGIN : engine.settings.corsOrigins)) return;
  if (asksHow) return options.signIn?.(exchange);
  if (wantsPage(exchange)) return options.page(exchange);
  if (request.method === 'OPTIONS') return options204(response, allowedMethods(path, engine));
  const context: Caller = {
    engine,
    principal: UNKNOWN,
    requestId,
    correlationId,
    address: options.addressOf(request),
    request: recordedLine(request, head),
    allowance: undefined,
    provenance: undefined,
    agent: undefined,
    settled: new Map(),
  };
  const target = await routed(options, exchange, context);
  exchange.target = target;
  const known = await identified(context, request, target);
  const fault = misplacedToken(head.query) ?? faultOfHead(engine, request, target, head) ?? guard.foreign(request);
  if (fault) return recordRefusal(known, target, fault);
  const admitted = await admit(known, target);
  const allowance = createAllowance(engine);
  try {
    const source = fromRequest(request, engine, limits, known.principal);
    const read = async () => {
      const sent = await readInteraction(engine, source, target, head.query);
      return { sent, provenance: await sentProvenance(request, sent.kind, limits) };
    };
    const { sent: interaction, provenance } = await read().catch(thrown => {
      const error = asFhirError(thrown);
      if (target.kind === 'patch' && error.kind === 'unsupported-media-type') response.setHeader(...ACCEPT_PATCH);
      return recordRefusal(known, target, error);
    });
    if (interaction.kind === 'search' && request.method === 'POST') {
      exchange.head = headFrom(request.headers, interaction.parameters);
      const faultOfForm = misplacedToken(interaction.parameters) ?? exchange.head.fault;
      if (faultOfForm) return recordRefusal(known, target, faultOfForm);
    }
    const result = await perform(
      { ...known, request: wholeQuestion(known.request, interaction), allowance, provenance },
      interaction,
      admitted,
    );
    // Holds nothing of a patient, is long, and is asked for by every client first.
    if (target.kind === 'capabilities') response.setHeader('Cache-Control', 'max-age=60');
    const presentation = presentationOf(request, target, exchange.head);
    await respond(response, result, presentation, engine, allowance).catch(async thrown => {
      const error = asFhirError(thrown);
      await recordDamage(known, target, result, error);
      throw error;
    });
  } finally {
    forgetBody(request);
    allowance.release();
  }
}

/** What is asked for. Throws what `route` does, which is recorded as whoever asked did it, where they say who they are. */
async function routed({ engine }: FhirOptions, { request, path, head }: Exchange, context: Caller): Promise<Route> {
  try {
    return withCriteria(route(request.method, path, engine), request.get('if-none-exist'), head.query);
  } catch (thrown) {
    const error = asFhirError(thrown);
    const principal = await engine.identify(identifying(request, context.address)).catch(() => UNKNOWN);
    // Of strangers the path alone.
    const line = principal === UNKNOWN ? withoutQuery(context.request) : context.request;
    return recordRefusal({ ...context, principal, request: line }, strayTarget(request.method, error), error);
  }
}

/** As it stands in the audit trail: without a token that somebody has put there. */
const recordedLine = ({ method, originalUrl: url }: Request, { query }: Head): string =>
  asOneLine(`${method} ${namesToken(query) ? withoutQuery(url) : url}`);

/** What tells who sent it. */
export const identifying = ({ headers, rawHeaders, method, originalUrl: url }: Request, address: string) => ({
  headers,
  rawHeaders,
  method,
  url,
  address,
});

const ANY_ORIGIN = ['*'];

/** A browser that was pointed at the base itself; everybody else who asks for it searches. */
const wantsPage = ({ request, path, head }: Exchange): boolean =>
  path === '/' &&
  (request.method === 'GET' || request.method === 'HEAD') &&
  head.query.length === 0 &&
  prefersHtml(request.headers.accept);

/** The context with its principal; what is public needs none. */
async function identified(context: Caller, request: Request, target: Route): Promise<Caller> {
  if (target.kind === 'capabilities') return context;
  try {
    const { engine } = context;
    const known = await engine.identify(identifying(request, context.address));
    const principal = await underGlass(engine, known, target, request.get('category'));
    return { ...context, principal };
  } catch (error) {
    return recordRefusal(context, target, asFhirError(error));
  }
}

/** A Binary may be wanted in any format, as its own bytes; some operations have other forms of their answer. */
function faultOfHead(
  { operations }: Engine,
  request: Request,
  { type, kind, operation = '' }: Route,
  { fault, query }: Head,
): FhirError | undefined {
  if (fault?.kind !== 'not-acceptable') return fault;
  const { accept } = request.headers;
  const format = single(query, '_format');
  const { alsoAs = [] } = operations.get(operation) ?? {};
  if (alsoAs.length > 0) return otherForm(accept, format, alsoAs) === undefined ? fault : undefined;
  if (type !== 'Binary' || (kind !== 'read' && kind !== 'vread')) return fault;
  return contentTypes(accept, format) ? undefined : fault;
}

function presentationOf(request: Request, { kind }: Route, { presentation }: Head): Presentation {
  const prefer = INTERACTIONS[kind].obeysReturn ? preference(request.headers['prefer'], 'return') : undefined;
  return prefer === undefined ? presentation : { ...presentation, prefer };
}

function options204(response: Response, allow: readonly string[]): void {
  if (allow.includes('PATCH')) response.setHeader(...ACCEPT_PATCH);
  response.writeHead(204, { Allow: allow.join(', ') });
  response.end();
}
