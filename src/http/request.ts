/**
 * Bytes → Interaction. Reads headers and body in FHIR's words (https://hl7.org/fhir/R4/http.html); knows nothing of
 * what happens next.
 */
import { FhirError } from '../fhir/error.js';
import type { Parsed } from '../fhir/resource.js';
import type { Engine, Interaction, Parameters, Patch, RawBody, View } from '../interactions/interaction.js';
import { sortOut } from '../interactions/known.js';
import { readView, VIEW } from '../interactions/view.js';
import { contentTypes } from './media.js';
import type { Route } from './route.js';

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
  /** The parameters of a search by POST. */
  form(): Promise<Parameters>;
  /** The interaction that a whole Bundle is. */
  bundle(): Promise<Interaction>;
}

/** Query parameters of the URL, decoded once, in order. Throws `invalid` for a broken escape. */
export function readQuery(search: string): Parameters {
  return decodeForm(search.startsWith('?') ? search.slice(1) : search);
}

export function decodeForm(text: string): Parameters {
  if (text === '') return [];
  try {
    return text
      .split('&')
      .filter(pair => pair !== '')
      .map(pair => {
        const at = pair.indexOf('=');
        const [name, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
        return [unescape(name), unescape(value)] as const;
      });
  } catch {
    throw new FhirError('invalid', 'The query holds a percent sign that is no escape.', { detail: 'bad-escape' });
  }
}
const unescape = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));

/** The last value of a parameter that may be given once. */
export const single = (parameters: Parameters, name: string): string | undefined =>
  parameters.findLast(([key]) => key === name)?.[1];

/** The route of a create that has criteria says so: whether it may be done is decided before its body is read. */
export const withCriteria = (route: Route, ifNoneExist: string | undefined): Route =>
  route.kind === 'create' && ifNoneExist !== undefined ? { ...route, ifNoneExist: true } : route;

/** Builds the interaction of a route; reads the body where there is one. */
export async function readInteraction(
  engine: Engine,
  source: Source,
  route: Route,
  query: Parameters,
): Promise<Interaction> {
  const type = route.type ?? '';
  switch (route.kind) {
    case 'capabilities':
      return { kind: 'capabilities', ...viewOf(engine, source, 'CapabilityStatement', query) };
    case 'read':
      return { kind: 'read', ...reading(engine, source, route, query) };
    case 'vread':
      return { kind: 'vread', ...reading(engine, source, route, query), version: route.version ?? '' };
    case 'history':
      return {
        kind: 'history',
        parameters: query,
        lenient: source.lenient,
        ...(route.type ? { type: route.type } : {}),
        ...(route.id ? { id: route.id } : {}),
      };
    case 'search':
      return {
        kind: 'search',
        parameters: source.method === 'POST' ? [...query, ...(await source.form())] : query,
        lenient: source.lenient,
        ...(route.type ? { type: route.type } : {}),
        ...(route.compartment ? { compartment: route.compartment } : {}),
      };
    case 'create': {
      const ifNoneExist = source.header('if-none-exist');
      return {
        kind: 'create',
        type,
        ...(ifNoneExist === undefined ? {} : { ifNoneExist: readCondition(ifNoneExist) }),
        body: await source.resource(type),
      };
    }
    case 'update': {
      const ifNoneMatch = source.header('if-none-match');
      if (ifNoneMatch !== undefined && ifNoneMatch.trim() !== '*')
        throw new FhirError('invalid', 'On an update If-None-Match can only be *.', {
          expression: 'http.If-None-Match',
        });
      return {
        kind: 'update',
        ...addressed(source, route, query),
        body: await source.resource(type),
        ...(ifNoneMatch === undefined ? {} : { onlyCreate: true }),
      };
    }
    case 'patch':
      return { kind: 'patch', ...addressed(source, route, query), patch: await source.patch(type) };
    case 'delete':
      return {
        kind: 'delete',
        ...addressed(source, route, query),
        ...(cascades(source, query) ? { cascade: true } : {}),
      };
    case 'batch':
    case 'transaction':
      return source.bundle();
    case 'operation': {
      const safe = source.method !== 'POST';
      const ifMatch = safe ? undefined : readIfMatch(source.header('if-match'));
      const body = safe ? undefined : await source.optional();
      return {
        kind: 'operation',
        operation: route.operation ?? '',
        safe,
        parameters: query,
        lenient: source.lenient,
        ...(route.type ? { type: route.type } : {}),
        ...(route.id ? { id: route.id } : {}),
        ...(route.version ? { version: route.version } : {}),
        ...(ifMatch === undefined ? {} : { ifMatch }),
        ...(body ? { body } : {}),
      };
    }
  }
}

/** Not criteria: how the answer is to look, and what becomes of what refers to a deleted resource. */
const BESIDE = new Set(['_format', '_pretty', '_cascade']);

/** The resource that a write means: an id, or the query of a conditional interaction. */
function addressed(source: Source, { type = '', id }: Route, query: Parameters) {
  const unknown = id === undefined ? undefined : query.find(([name]) => !BESIDE.has(name));
  if (unknown)
    throw new FhirError('not-supported', 'A write that names its resource takes no criteria and no other parameters.', {
      expression: `http.${unknown[0].slice(0, 64)}`,
      detail: 'unknown-parameter',
    });
  const ifMatch = readIfMatch(source.header('if-match'));
  return {
    type,
    ...(id === undefined ? { criteria: query.filter(([name]) => !BESIDE.has(name)) } : { id }),
    ...(ifMatch === undefined ? {} : { ifMatch }),
  };
}

/** `_cascade=delete`, or a header in the words of other servers. */
function cascades(source: Source, query: Parameters): boolean {
  const asked = single(query, '_cascade') ?? source.header('x-cascade');
  if (asked === undefined || asked === 'none') return false;
  if (asked === 'delete') return true;
  throw new FhirError('invalid', '_cascade must be delete or none.', { expression: 'http._cascade' });
}

/** If-None-Exist: a query, with or without what stands before it. */
function readCondition(header: string): Parameters {
  return readQuery(header.trim().replace(/^(?:[^?=&]*\?)/, ''));
}

function reading(engine: Engine, source: Source, route: Route, query: Parameters) {
  const type = route.type ?? '';
  const ifNoneMatch = source.header('if-none-match');
  const since = Date.parse(source.header('if-modified-since') ?? '');
  const content = route.type === 'Binary' ? contentTypes(source.header('accept'), single(query, '_format')) : undefined;
  return {
    type,
    id: route.id ?? '',
    ...viewOf(engine, source, type, query),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch: ifNoneMatch.split(',').map(readTag) }),
    ...(Number.isNaN(since) ? {} : { ifModifiedSince: since }),
    ...(content ? { content } : {}),
  };
}

/** `_summary` and `_elements`; what else is asked of a single resource is unknown. `mode=full` is what /metadata answers. */
function viewOf(engine: Engine, source: Source, type: string, query: Parameters): { readonly view?: View } {
  if (query.length === 0) return {};
  const asked = type === 'CapabilityStatement' ? query.filter(pair => String(pair) !== 'mode,full') : query;
  const view = readView(engine, type, sortOut(asked, VIEW, source.lenient, 'A read').known);
  return view ? { view } : {};
}

/** The version inside an entity tag. */
const readTag = (tag: string): string => /^\s*(?:W\/)?"?([^"]*)"?\s*$/.exec(tag)?.[1] ?? '';

/** A list of entity tags; one without its quotes is taken, too. */
function readIfMatch(header: string | undefined): readonly string[] | undefined {
  if (header === undefined) return undefined;
  const tags = header.split(',').filter(tag => tag.trim() !== '');
  const versions = tags.map(tag => /^\s*(?:(?:W\/)?"([^"]+)"|(\*)|([A-Za-z0-9\-.]+))\s*$/.exec(tag));
  if (versions.length === 0 || !versions.every(version => version !== null))
    throw new FhirError('invalid', 'If-Match must hold a version, as in W/"3", or several.', {
      expression: 'http.If-Match',
    });
  return versions.map(([, quoted, any, bare]) => quoted ?? any ?? bare ?? '');
}

/** `return=minimal`, `handling=lenient` …: https://www.rfc-editor.org/rfc/rfc7240 */
export function preference(header: string | string[] | undefined, name: string): string | undefined {
  for (const part of String(header ?? '').split(/[,;]/)) {
    const [key, value] = part.split('=').map(text => text.trim());
    if (key?.toLowerCase() === name) return value?.replace(/^"|"$/g, '');
  }
  return undefined;
}
