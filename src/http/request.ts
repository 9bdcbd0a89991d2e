/**
 * Bytes → Interaction. Reads headers and body in FHIR's words (https://hl7.org/fhir/R4/http.html); knows nothing of
 * what happens next.
 */
import type { Request } from 'express';
import { FhirError } from '../fhir/error.js';
import { parseJson } from '../fhir/json.js';
import type { Parsed } from '../fhir/resource.js';
import { parseXml } from '../fhir/xml-read.js';
import type { Engine, Interaction, Parameters, RawBody, View } from '../interactions/interaction.js';
import { readBody, streamBody } from './body.js';
import { bodyFormat, wantsRaw } from './media.js';
import type { Route } from './route.js';

export interface Limits {
  /** Bytes. */
  readonly maxBody: number;
  readonly maxBinary: number;
  readonly maxDepth: number;
  readonly maxArray: number;
}

/** Query parameters of the URL, decoded once, in order. Throws `invalid` for a broken escape. */
export function readQuery(search: string): Parameters {
  return decodeForm(search.startsWith('?') ? search.slice(1) : search);
}

function decodeForm(text: string): Parameters {
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

/** Builds the interaction of a route; reads the body where there is one. */
export async function readInteraction(
  request: Request,
  route: Route,
  query: Parameters,
  engine: Engine,
  limits: Limits,
): Promise<Interaction> {
  const { headers } = request;
  const header = (name: string) => request.get(name);
  const type = route.type ?? '';
  const id = route.id ?? '';
  switch (route.kind) {
    case 'capabilities':
      return { kind: 'capabilities' };
    case 'read': {
      const ifNoneMatch = headers['if-none-match'];
      const since = Date.parse(headers['if-modified-since'] ?? '');
      return {
        kind: 'read',
        ...reading(request, route, query),
        ...(ifNoneMatch === undefined ? {} : { ifNoneMatch: ifNoneMatch.split(',').map(readTag) }),
        ...(Number.isNaN(since) ? {} : { ifModifiedSince: since }),
      };
    }
    case 'vread':
      return { kind: 'vread', ...reading(request, route, query), version: route.version ?? '' };
    case 'history':
      return {
        kind: 'history',
        parameters: query,
        ...(route.type ? { type: route.type } : {}),
        ...(route.id ? { id: route.id } : {}),
      };
    case 'search':
      return {
        kind: 'search',
        parameters: request.method === 'POST' ? [...query, ...(await readForm(request, limits))] : query,
        lenient: preference(headers['prefer'], 'handling') === 'lenient',
        ...(route.type ? { type: route.type } : {}),
        ...(route.compartment ? { compartment: route.compartment } : {}),
      };
    case 'create':
      refuseHeader(header('if-none-exist'), 'If-None-Exist', 'Conditional create is not offered.');
      return { kind: 'create', type, body: await readResource(request, type, engine, limits) };
    case 'update': {
      const ifMatch = readIfMatch(headers['if-match']);
      const ifNoneMatch = headers['if-none-match'];
      if (ifNoneMatch !== undefined && ifNoneMatch.trim() !== '*')
        throw new FhirError('invalid', 'On an update If-None-Match can only be *.', {
          expression: 'http.If-None-Match',
        });
      return {
        kind: 'update',
        type,
        id,
        body: await readResource(request, type, engine, limits),
        ...(ifMatch === undefined ? {} : { ifMatch }),
        ...(ifNoneMatch === undefined ? {} : { onlyCreate: true }),
      };
    }
    case 'delete': {
      const ifMatch = readIfMatch(headers['if-match']);
      return { kind: 'delete', type, id, ...(ifMatch === undefined ? {} : { ifMatch }) };
    }
    case 'operation': {
      const body = request.method === 'POST' ? await readOptional(request, engine, limits) : undefined;
      return {
        kind: 'operation',
        operation: route.operation ?? '',
        safe: request.method !== 'POST',
        parameters: query,
        ...(route.type ? { type: route.type } : {}),
        ...(route.id ? { id: route.id } : {}),
        ...(body ? { body } : {}),
      };
    }
  }
}

function reading(request: Request, route: Route, query: Parameters) {
  const raw = route.type === 'Binary' && wantsRaw(request.headers.accept, single(query, '_format'));
  const view = readView(query);
  return {
    type: route.type ?? '',
    id: route.id ?? '',
    ...(view ? { view } : {}),
    ...(raw ? { raw: true as const } : {}),
  };
}

const SUMMARIES = new Set(['true', 'text', 'data', 'false']);

/** `_summary` and `_elements` of a read. Other parameters than these and the formats are refused. */
function readView(query: Parameters): View | undefined {
  for (const [name] of query)
    if (!['_summary', '_elements', '_format', '_pretty'].includes(name))
      throw new FhirError(
        'not-supported',
        'A read knows _summary, _elements, _format and _pretty, not this parameter.',
        {
          expression: `http.${name.slice(0, 64)}`,
          detail: 'unknown-parameter',
        },
      );
  const summary = single(query, '_summary');
  const elements = single(query, '_elements');
  if (summary !== undefined && !SUMMARIES.has(summary))
    throw new FhirError('invalid', '_summary of a read must be true, text, data or false.', {
      expression: 'http._summary',
    });
  if (summary === undefined && elements === undefined) return undefined;
  return {
    ...(summary === undefined ? {} : { summary }),
    ...(elements === undefined ? {} : { elements: elements.split(',').filter(name => name !== '') }),
  };
}

/** The version inside an entity tag. */
const readTag = (tag: string): string => /^\s*(?:W\/)?"?([^"]*)"?\s*$/.exec(tag)?.[1] ?? '';

function readIfMatch(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const version = /^\s*(?:(?:W\/)?"([^"]+)"|(\*)|([A-Za-z0-9\-.]+))\s*$/.exec(header);
  if (!version)
    throw new FhirError('invalid', 'If-Match must hold one version, as in W/"3".', { expression: 'http.If-Match' });
  return version[1] ?? version[2] ?? version[3];
}

function refuseHeader(value: string | undefined, name: string, why: string): void {
  if (value !== undefined) throw new FhirError('not-supported', why, { expression: `http.${name}` });
}

/** `return=minimal`, `handling=lenient` …: https://www.rfc-editor.org/rfc/rfc7240 */
export function preference(header: string | string[] | undefined, name: string): string | undefined {
  for (const part of String(header ?? '').split(/[,;]/)) {
    const [key, value] = part.split('=').map(text => text.trim());
    if (key?.toLowerCase() === name) return value?.replace(/^"|"$/g, '');
  }
  return undefined;
}

async function readForm(request: Request, limits: Limits): Promise<Parameters> {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  const body = await readBody(request, Math.min(limits.maxBody, 1024 * 1024));
  if (body.length === 0) return [];
  if (type !== 'application/x-www-form-urlencoded')
    throw new FhirError('unsupported-media-type', 'The body of _search must be application/x-www-form-urlencoded.', {
      expression: 'http.Content-Type',
    });
  return decodeForm(body.toString('utf8'));
}

async function readResource(request: Request, type: string, engine: Engine, limits: Limits): Promise<Parsed | RawBody> {
  const contentType = request.headers['content-type'];
  const format = bodyFormat(contentType);
  if (format === undefined) {
    if (type === 'Binary' && contentType !== undefined) return rawBody(request, contentType, limits);
    throw new FhirError(
      'unsupported-media-type',
      'Resources are sent as application/fhir+json or application/fhir+xml.',
      {
        expression: 'http.Content-Type',
      },
    );
  }
  const bytes = await readBody(request, limits.maxBody);
  if (bytes.length === 0)
    throw new FhirError('invalid', 'The body is empty: send the resource.', { detail: 'empty-body' });
  return format === 'json' ? parseJson(bytes, limits) : parseXml(bytes, engine.definitions, limits);
}

/** The resource in the body of an operation; undefined where there is none. */
async function readOptional(request: Request, engine: Engine, limits: Limits): Promise<Parsed | undefined> {
  const bytes = await readBody(request, limits.maxBody);
  if (bytes.length === 0) return undefined;
  const format = bodyFormat(request.headers['content-type']);
  if (format === undefined)
    throw new FhirError(
      'unsupported-media-type',
      'Parameters are sent as application/fhir+json or application/fhir+xml.',
      { expression: 'http.Content-Type' },
    );
  return format === 'json' ? parseJson(bytes, limits) : parseXml(bytes, engine.definitions, limits);
}

const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(\s*;\s*[\w!#$&^.+-]+=("[^"\\\r\n]*"|[\w!#$&^.+:/-]+))*$/;

function rawBody(request: Request, contentType: string, limits: Limits): RawBody {
  if (!MEDIA_TYPE.test(contentType) || contentType.length > 200)
    throw new FhirError('invalid', 'Content-Type must be a media type.', { expression: 'http.Content-Type' });
  const context = request.get('x-security-context');
  if (context !== undefined && !/^[A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/.test(context))
    throw new FhirError('invalid', 'X-Security-Context must be a relative reference.', {
      expression: 'http.X-Security-Context',
    });
  let saved: ReturnType<RawBody['save']> | undefined;
  return {
    contentType,
    save: (blobs, maxBytes) =>
      (saved ??= blobs.put(streamBody(request, Math.min(maxBytes, limits.maxBinary)), maxBytes)),
    ...(context === undefined ? {} : { securityContext: context }),
  };
}
