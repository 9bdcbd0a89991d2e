/**
 * Bytes → Interaction. Reads headers and body in FHIR's words (https://hl7.org/fhir/R4/http.html); knows nothing of
 * what happens next.
 */
import { FhirError } from '../fhir/error.js';
import type { Parsed } from '../fhir/resource.js';
import type { Engine } from '../interactions/engine.js';
import type {
  Interaction,
  InteractionKind,
  Of,
  Parameters,
  Patch,
  RawBody,
  View,
} from '../interactions/interaction.js';
import { sortOut } from '../interactions/unknown-parameters.js';
import { readView, VIEW } from '../interactions/response/summary-view.js';
import { contentTypes, otherForm } from './media.js';
import type { Route } from './route.js';
import { single } from './query.js';
import { addressed, cascades, criteriaIn, readCondition, readIfMatch, refuseCriteria } from './write-query.js';

/** What an interaction is read from: an HTTP request, or an entry of a Bundle that stands for one. */
export interface Source {
  readonly method: string;
  /** What is not known may be passed over. */
  readonly lenient: boolean;
  /** `name` in lower case. */
  header(name: string): string | undefined;
  /** The body of a create or an update. */
  resource(type: string): Promise<Parsed | RawBody>;
  patch(type: string): Promise<Patch>;
  /** The resource in the body of an operation; undefined where there is none. */
  optional(): Promise<Parsed | undefined>;
  /** The same of an operation that judges it: what could not be read, too. */
  judged(): Promise<Pick<Of<'operation'>, 'body' | 'sent'>>;
  /** The body of an operation that takes a file. Throws `unsupported-media-type`. */
  upload(types: readonly string[]): RawBody;
  /** The parameters of a search by POST. */
  form(): Promise<Parameters>;
  /** The interaction that a whole Bundle is. */
  bundle(): Promise<Interaction>;
}

/** The route of a write that has criteria says so: whether it may be done is decided before its body is read. */
export function withCriteria(route: Route, ifNoneExist: string | undefined, query: Parameters): Route {
  switch (route.kind) {
    case 'create':
      return ifNoneExist === undefined ? route : { ifNoneExist: true, ...route };
    case 'update':
    case 'patch':
    case 'delete':
      return criteriaIn(route, query) ? { criteria: true, ...route } : route;
    default:
      return route;
  }
}

/**
 * Method and address as asked, with the parameters of a search by POST, and the criteria of a create: the audit event holds the question,
 * wherever it stood.
 */
export function wholeQuestion(request: string, interaction: Interaction): string {
  if (interaction.kind === 'create' && interaction.ifNoneExist)
    return `${request}\nIf-None-Exist: ${asForm(interaction.ifNoneExist)}`;
  if (interaction.kind !== 'search' || !request.startsWith('POST ')) return request;
  return `${request}\n\n${asForm(interaction.parameters)}`;
}

function asForm(parameters: Parameters): string {
  const form = new URLSearchParams();
  for (const [name, value] of parameters) form.append(name, value);
  return form.toString();
}

/** Of one line: whoever reads it later is not to be deceived by it. */
export const asOneLine = (request: string): string => request.replaceAll(/[\p{Cc}\u2028\u2029]/gu, encodeURIComponent);

/** Builds the interaction of a route; reads the body where there is one. */
export async function readInteraction(
  engine: Engine,
  source: Source,
  route: Route,
  query: Parameters,
): Promise<Interaction> {
  return READERS[route.kind]({ engine, source, route, query });
}

/** What an interaction is read from. */
interface RequestParts {
  readonly engine: Engine;
  readonly source: Source;
  readonly route: Route;
  readonly query: Parameters;
}

/** A new kind of interaction does not compile before it has its line here. */
const READERS: Readonly<Record<InteractionKind, (asked: RequestParts) => Interaction | Promise<Interaction>>> = {
  capabilities: readCapabilities,
  read: asked => ({ kind: 'read', ...readOfOne(asked) }),
  vread: asked => ({ kind: 'vread', ...readOfOne(asked), version: asked.route.version ?? '' }),
  history: ({ source, route: { type, id }, query }) => ({
    kind: 'history',
    parameters: query,
    lenient: source.lenient,
    ...(type ? { type } : {}),
    ...(id ? { id } : {}),
  }),
  search: async ({ source, route: { type, compartment }, query }) => ({
    kind: 'search',
    parameters: source.method === 'POST' ? [...query, ...(await source.form())] : query,
    lenient: source.lenient,
    ...(type ? { type } : {}),
    ...(compartment ? { compartment } : {}),
  }),
  create: readCreate,
  update: readUpdate,
  patch: async ({ source, route, query }) => ({
    kind: 'patch',
    ...addressed(source.header('if-match'), route, query),
    patch: await source.patch(route.type ?? ''),
  }),
  delete: ({ source, route, query }) => ({
    kind: 'delete',
    ...addressed(source.header('if-match'), route, query),
    ...(cascades(source.header('x-cascade'), query) ? { cascade: true } : {}),
  }),
  batch: readWholeBundle,
  transaction: readWholeBundle,
  operation: readOperationRequest,
};

/** `mode=full` is what is answered where no mode is asked for. */
function readCapabilities(asked: RequestParts): Interaction {
  const isTerminology = asked.query.some(pair => String(pair) === 'mode,terminology');
  const query = asked.query.filter(pair => !['mode,full', 'mode,terminology'].includes(String(pair)));
  const type = isTerminology ? 'TerminologyCapabilities' : 'CapabilityStatement';
  return {
    kind: 'capabilities',
    ...viewAsked({ ...asked, query }, type),
    ...(isTerminology ? { mode: 'terminology' } : {}),
  };
}

async function readCreate({ source, route, query }: RequestParts): Promise<Interaction> {
  const { type = '' } = route;
  const ifNoneExist = source.header('if-none-exist');
  refuseCriteria(
    query,
    'A create has no criteria in its address: put them into If-None-Exist (in a Bundle: request.ifNoneExist).',
  );
  return {
    kind: 'create',
    type,
    ...(ifNoneExist === undefined ? {} : { ifNoneExist: readCondition(ifNoneExist) }),
    body: await source.resource(type),
  };
}

async function readUpdate({ source, route, query }: RequestParts): Promise<Interaction> {
  const ifNoneMatch = source.header('if-none-match');
  if (ifNoneMatch !== undefined && ifNoneMatch.trim() !== '*')
    throw new FhirError('invalid', 'On an update If-None-Match can only be *.', { expression: 'http.If-None-Match' });
  return {
    kind: 'update',
    ...addressed(source.header('if-match'), route, query),
    body: await source.resource(route.type ?? ''),
    ...(ifNoneMatch === undefined ? {} : { onlyCreate: true }),
  };
}

function readWholeBundle({ source, query }: RequestParts): Promise<Interaction> {
  refuseCriteria(query, 'A batch or transaction has no parameters of its own: each of its entries has a url.');
  return source.bundle();
}

async function readOperationRequest({ engine, source, route, query }: RequestParts): Promise<Interaction> {
  const { operation = '', type, id, version } = route;
  const safe = source.method !== 'POST' && source.method !== 'DELETE';
  const ifMatch = safe ? undefined : readIfMatch(source.header('if-match'));
  const { uploads, judgesBody, alsoAs } = engine.operations.get(operation) ?? {};
  const upload = uploads && source.method === 'POST' ? source.upload(uploads) : undefined;
  const { body, sent } =
    source.method !== 'POST' || upload ? {} : judgesBody ? await source.judged() : { body: await source.optional() };
  const language = source.header('accept-language');
  return {
    kind: 'operation',
    operation,
    safe,
    parameters: query,
    lenient: source.lenient,
    ...(respondsAsync(source.header('prefer')) ? { later: true } : {}),
    ...(type ? { type } : {}),
    ...(id ? { id } : {}),
    ...(version ? { version } : {}),
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(body ? { body } : {}),
    ...(sent ? { sent } : {}),
    ...(upload ? { upload } : {}),
    ...(language === undefined ? {} : { language }),
    ...(alsoAs ? formPreferred(source, query, alsoAs) : {}),
  };
}

function formPreferred(source: Source, query: Parameters, offered: readonly string[]): { readonly form?: string } {
  const form = otherForm(source.header('accept'), single(query, '_format'), offered);
  return form === undefined ? {} : { form };
}

/** What a read of a Binary knows beside `_summary` and `_elements`. */
const INLINE = 'inline';

function readOfOne(asked: RequestParts) {
  const { source, route } = asked;
  const { type = '', id = '' } = route;
  const shown = type === 'Binary' ? single(asked.query, INLINE) : undefined;
  if (shown !== undefined && shown !== 'true' && shown !== 'false')
    throw new FhirError('invalid', 'inline must be true or false.', { expression: 'http.inline' });
  const query = shown === undefined ? asked.query : asked.query.filter(([name]) => name !== INLINE);
  const ifNoneMatch = source.header('if-none-match');
  const since = Date.parse(source.header('if-modified-since') ?? '');
  const content = type === 'Binary' ? contentTypes(source.header('accept'), single(query, '_format')) : undefined;
  return {
    type,
    id,
    ...viewAsked({ ...asked, query }, type),
    ...(shown === 'true' ? { inline: true as const } : {}),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch: ifNoneMatch.split(',').map(readTag) }),
    ...(Number.isNaN(since) ? {} : { ifModifiedSince: since }),
    ...(content ? { content } : {}),
  };
}

/** `_summary` and `_elements`; what else is asked of a single resource is unknown. */
function viewAsked({ engine, source, query }: RequestParts, type: string): { readonly view?: View } {
  if (query.length === 0) return {};
  const view = readView(engine, type, sortOut(query, VIEW, source.lenient, 'A read').known);
  return view ? { view } : {};
}

/** The version inside an entity tag. */
const readTag = (tag: string): string => /^\s*(?:W\/)?"?([^"]*)"?\s*$/.exec(tag)?.[1] ?? '';

/** `return=minimal`, `handling=lenient` …: https://www.rfc-editor.org/rfc/rfc7240 */
export function preference(header: string | string[] | undefined, name: string): string | undefined {
  for (const part of String(header ?? '').split(/[,;]/)) {
    const [key, value] = part.split('=').map(text => text.trim());
    if (key?.toLowerCase() === name) return value?.replace(/^"|"$/g, '');
  }
  return undefined;
}

/** https://www.rfc-editor.org/rfc/rfc7240#section-4.1 */
const respondsAsync = (header: string | undefined): boolean =>
  header !== undefined && /(?:^|[,;])\s*respond-async\s*(?:$|[,;=])/i.test(header);
