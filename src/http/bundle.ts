/**
 * A Bundle of requests as a batch or transaction: https://hl7.org/fhir/R4/http.html#transaction. Each entry is read like
 * an HTTP request of its own; what cannot be understood travels with the entry, because in a batch it is that entry's
 * fault alone. The Bundle is checked without its resources: each of those is checked when it is written.
 */
import { FhirError } from '../fhir/error.js';
import type { Decimals, Json, JsonObject, Parsed, Resource } from '../fhir/resource.js';
import type { Engine, Entry, Interaction } from '../interactions/interaction.js';
import { checkShell, patchFromEntry } from '../interactions/entries.js';
import { readInteraction, readQuery, type Source, withCriteria } from './request.js';
import { type Route, route } from './route.js';

const LOT = 64;
/** How an answer is written is up to the request around the Bundle. */
const PRESENTATION = new Set(['_format', '_pretty']);

/** Throws `invalid` where it is no Bundle of requests, `too-large` for too many entries. */
export async function readBundle(
  { resource, decimals }: Parsed,
  engine: Engine,
  { prefer, lenient }: { readonly prefer: string | undefined; readonly lenient: boolean },
): Promise<Interaction> {
  const { type } = resource;
  if (resource.resourceType !== 'Bundle' || (type !== 'batch' && type !== 'transaction'))
    throw new FhirError(
      'invalid',
      'Only a Bundle of type batch or transaction is sent here. Any other resource is sent to its own type.',
      { expression: 'Bundle.type', detail: 'not-a-batch' },
    );
  const given = Array.isArray(resource['entry']) ? resource['entry'] : [];
  const { maxEntries } = engine.settings;
  if (given.length > maxEntries)
    throw new FhirError('too-large', `A ${type} may have ${maxEntries} entries at most: send several.`, {
      expression: 'Bundle.entry',
      detail: 'too-many-entries',
    });
  checkShell(engine, resource);
  const entries: Entry[] = [];
  for (const entry of given as JsonObject[]) {
    entries.push(await readEntry(entry, decimals, engine, lenient));
    // A long Bundle does not keep everybody else waiting.
    if (entries.length % LOT === 0) await new Promise(setImmediate);
  }
  return { kind: type, entries, ...(prefer === undefined ? {} : { prefer }) };
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An entry whose shape is known to be right. */
async function readEntry(
  entry: JsonObject,
  decimals: Decimals | undefined,
  engine: Engine,
  lenient: boolean,
): Promise<Entry> {
  const fullUrl = typeof entry['fullUrl'] === 'string' ? { fullUrl: entry['fullUrl'] } : {};
  const request = (entry['request'] ?? {}) as Readonly<Record<string, string>>;
  const { method = '', url = '' } = request;
  const name = { ...fullUrl, request: `${method} ${engine.settings.base}/${url.replace(/^\//, '')}` };
  let target: Route | undefined;
  try {
    if (method === '')
      throw new FhirError('invalid', 'The entry needs a request with method and url.', { expression: 'http.request' });
    const [path, query] = pathOf(url, engine);
    const source = { ...sourceOf(entry, request, decimals), lenient };
    target = withCriteria(route(method, path, engine.definitions), request['ifNoneExist']);
    const asked = readQuery(query).filter(([parameter]) => !PRESENTATION.has(parameter));
    return { ...name, ask: await readInteraction(engine, source, target, asked) };
  } catch (error) {
    if (error instanceof FhirError) return { ...name, ask: { target, error } };
    throw error;
  }
}

/** Path with a slash in front, and query, below the base. */
function pathOf(url: string, { settings }: Engine): [path: string, query: string] {
  const base = settings.bases.find(each => url === each || url.startsWith(`${each}/`) || url.startsWith(`${each}?`));
  const local = base === undefined ? url : url.slice(base.length);
  if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(local))
    throw new FhirError('invalid', 'The url of a request must be relative to this server, as in Patient/1.', {
      expression: 'http.url',
      detail: 'bad-url',
    });
  const at = local.indexOf('?');
  const [path, query] = at < 0 ? [local, ''] : [local.slice(0, at), local.slice(at)];
  return [path.startsWith('/') ? path : `/${path}`, query];
}

/** What a header is called in Bundle.entry.request. */
const HEADERS: Readonly<Record<string, string>> = {
  'if-match': 'ifMatch',
  'if-none-match': 'ifNoneMatch',
  'if-modified-since': 'ifModifiedSince',
  'if-none-exist': 'ifNoneExist',
};

function sourceOf(
  entry: JsonObject,
  request: Readonly<Record<string, string>>,
  decimals: Decimals | undefined,
): Omit<Source, 'lenient'> {
  const body = (): Parsed => {
    const { resource } = entry;
    if (!isObject(resource))
      throw new FhirError('invalid', 'The entry needs a resource.', { expression: 'http.resource' });
    if (typeof resource['resourceType'] !== 'string' || resource['resourceType'] === '')
      throw new FhirError('invalid', 'The resource has no resourceType.', { detail: 'json-no-resource' });
    return { resource: resource as Resource, decimals: decimals && digitsOf(resource, decimals) };
  };
  return {
    method: request['method']!,
    header: name => (name === 'accept' ? 'application/fhir+json' : request[HEADERS[name] ?? '']),
    resource: async () => body(),
    async patch() {
      const { resource, decimals: own } = body();
      return patchFromEntry(resource, own);
    },
    optional: async () => (entry['resource'] === undefined ? undefined : body()),
    form: async () => [],
    async bundle() {
      throw new FhirError('invalid', 'An entry cannot be a batch or transaction itself.', { expression: 'http.url' });
    },
  };
}

/** The part of the table that belongs to one resource. */
function digitsOf(resource: JsonObject, table: Decimals): Decimals | undefined {
  const own: Decimals = new Map();
  const visit = (value: JsonObject | Json[]): void => {
    const texts = table.get(value);
    if (texts) own.set(value, texts);
    for (const inner of Array.isArray(value) ? value : Object.values(value))
      if (typeof inner === 'object' && inner !== null) visit(inner);
  };
  visit(resource);
  return own.size > 0 ? own : undefined;
}
