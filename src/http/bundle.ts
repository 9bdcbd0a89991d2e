/**
 * A Bundle of requests as a batch or transaction: https://hl7.org/fhir/R4/http.html#transaction. Each entry is parsed by
 * itself and read like an HTTP request of its own; what cannot be understood travels with the entry, because in a batch it
 * is that entry's fault alone. The Bundle is checked without its resources: each of those is checked when it is written.
 *
 * Bounded are its bytes, its entries, the values of all of them, and each resource as if it came alone.
 */
import { takeApart } from '../fhir/json/bundle-text.js';
import { FhirError } from '../fhir/error.js';
import { endsInStep } from '../fhir/id.js';
import { isLarge, type JsonLimits, readAnyJson, readJson } from '../fhir/json/json.js';
import {
  type Decimals,
  type Json,
  type JsonObject,
  type Parsed,
  type Resource,
  isObject,
  itemsOf,
} from '../fhir/resource.js';
import { scan } from '../fhir/json/scan.js';
import type { Engine } from '../interactions/engine.js';
import type { Entry, Interaction } from '../interactions/interaction.js';
import { entryAt, inEntry } from '../interactions/response/transaction-response.js';
import { checkShell, patchFromEntry, searchFromEntry } from '../interactions/transaction/entries.js';
import { inPieces, turn } from '../platform/pieces.js';
import { FORM_PARAMETERS } from '../interactions/response/paging.js';
import { misplacedToken, withoutQuery } from './misplaced-token.js';
import { readQuery } from './query.js';
import { asOneLine, readInteraction, type Source, wholeQuestion, withCriteria } from './request.js';
import { type Route, route } from './route.js';

/** Bytes and entries that are read before others get a turn. */
const BYTES_A_TURN = 128 * 1024;
const PARSED_A_TURN = 64;
/** Values of a whole Bundle, as a multiple of those of one resource: 25,000 resources of eighty values each. */
export const MOST_RESOURCES = 10;
/** Bytes that an entry may have beside its resource. */
const MAX_AROUND_RESOURCE = 64 * 1024;

/** `body`: JSON. Throws `invalid` where it is no Bundle of requests, `too-large` for what is beyond the limits. */
export async function readBundle(
  body: Buffer,
  engine: Engine,
  limits: BundleLimits,
  how: Wishes,
): Promise<Interaction> {
  const { around, entries: parts } = await inPieces(
    takeApart(body, limits.maxEntries, () => {
      throw new FhirError('too-large', `A Bundle may have ${limits.maxEntries} entries at most: send several.`, {
        expression: 'Bundle.entry',
        detail: 'too-many-entries',
      });
    }),
  );
  if (around.length > limits.maxBody)
    throw new FhirError('too-large', `Only entries of a Bundle may have more than ${limits.maxBody} bytes together.`);
  const { resource } = await readJson(around, limits);
  return requestsOf(resource, parts && (await readParts(parts, limits)), engine, how);
}

/** What a Bundle asks for. `around`: the Bundle without its entries, where they are an array. Throws `invalid`. */
export async function requestsOf(
  around: Resource,
  given: readonly GivenEntry[] | undefined,
  engine: Engine,
  { prefer, lenient }: Wishes,
): Promise<Interaction> {
  const { resourceType, type } = around;
  if (resourceType !== 'Bundle' || (type !== 'batch' && type !== 'transaction'))
    throw new FhirError(
      'invalid',
      'Only a Bundle of type batch or transaction is sent here. Any other resource is sent to its own type.',
      { expression: 'Bundle.type', detail: 'not-a-batch' },
    );
  const addressed = given?.map(each => ({ ...each, value: withUrl(each.value) }));
  await checkShell(
    engine,
    around,
    addressed?.map(({ value }) => value),
  );
  const entries: Entry[] = [];
  for (const each of addressed ?? []) {
    entries.push(await readEntry(each, engine, lenient));
    // A long Bundle does not keep everybody else waiting.
    if (entries.length % PARSED_A_TURN === 0) await turn();
  }
  const profiles = isObject(around['meta'])
    ? itemsOf(around['meta']['profile']).filter(each => typeof each === 'string')
    : [];
  return {
    kind: type,
    entries,
    ...(prefer === undefined ? {} : { prefer }),
    ...(profiles.length > 0 ? { profiles } : {}),
  };
}

/** What the request around the Bundle wishes of the answers to its entries. */
export interface Wishes {
  readonly prefer: string | undefined;
  readonly lenient: boolean;
}

export interface BundleLimits extends JsonLimits {
  /** Bytes of the resource of an entry, and of everything beside the entries. */
  readonly maxBody: number;
  readonly maxValues: number;
  readonly maxEntries: number;
}

/** An entry that was parsed. */
export interface GivenEntry {
  readonly value: Json;
  readonly decimals: Decimals | undefined;
  readonly large?: true;
}

async function readParts(parts: readonly Buffer[], limits: BundleLimits): Promise<GivenEntry[]> {
  // Two levels are those of the Bundle.
  const own = { ...limits, maxDepth: limits.maxDepth - 2 };
  const given: GivenEntry[] = [];
  let values = 0;
  let since = 0;
  for (const [at, part] of parts.entries()) {
    try {
      if (part.length > limits.maxBody + MAX_AROUND_RESOURCE) throw entryTooLarge(limits);
      const { value, decimals, text, found } = await readAnyJson(part, own);
      if (part.length > limits.maxBody && sizeOfResource(text, limits) > limits.maxBody) throw entryTooLarge(limits);
      values += found.values;
      given.push({ value, decimals, ...(isLarge(found, text) ? { large: true } : {}) });
    } catch (error) {
      throw error instanceof FhirError ? inEntry(error, at) : error;
    }
    if (values > MOST_RESOURCES * limits.maxValues)
      throw new FhirError('too-large', 'The resources of the Bundle have too many values together: send several.', {
        expression: entryAt(at),
        detail: 'too-many-values',
      });
    since += part.length;
    if (since > BYTES_A_TURN) {
      since = 0;
      await turn();
    }
  }
  return given;
}

const entryTooLarge = ({ maxBody }: BundleLimits): FhirError =>
  new FhirError('too-large', `The resource is larger than this server takes (${maxBody} bytes).`, {
    expression: 'http.resource',
  });

function sizeOfResource(text: string, { maxDepth }: BundleLimits): number {
  const member = scan(text, maxDepth).members.find(({ key }) => key === 'resource');
  return member ? Buffer.byteLength(text.slice(member.start, member.end)) : 0;
}

/** Some clients leave the url to the resource: a POST goes to its type, a PUT to its id. Nothing else is sure to be meant. */
function withUrl(entry: Json): Json {
  if (!isObject(entry) || !isObject(entry['request']) || !isObject(entry['resource'])) return entry;
  const { request, resource } = entry;
  const { resourceType: type, id } = resource;
  if (request['url'] !== undefined || typeof type !== 'string') return entry;
  const path =
    request['method'] === 'POST' ? [type] : request['method'] === 'PUT' && typeof id === 'string' ? [type, id] : [];
  if (path.length === 0) return entry;
  return { ...entry, request: { ...request, url: path.map(encodeURIComponent).join('/') } };
}

/** An entry whose shape is known to be right. */
async function readEntry(given: GivenEntry, engine: Engine, lenient: boolean): Promise<Entry> {
  const entry = given.value as JsonObject;
  const fullUrl = typeof entry['fullUrl'] === 'string' ? { fullUrl: entry['fullUrl'] } : {};
  const request = (entry['request'] ?? {}) as Readonly<Record<string, string>>;
  const { method = '', url = '' } = request;
  const told = (asked: string) => asOneLine(`${method} ${engine.settings.base}/${asked.replace(/^\//, '')}`);
  let name = { request: told(url), ...fullUrl };
  let target: Route | undefined;
  try {
    if (method === '')
      throw new FhirError('invalid', 'The entry needs a request with method and url.', { expression: 'http.request' });
    const [path, query] = splitEntryUrl(url, engine);
    const misplaced = misplacedToken(readQuery(query));
    if (misplaced) {
      name = { ...name, request: told(withoutQuery(url)) };
      throw misplaced;
    }
    if (endsInStep(fullUrl.fullUrl ?? ''))
      throw new FhirError('invalid', 'A fullUrl cannot end in . or ..: nothing can have such an address.', {
        expression: 'http.fullUrl',
        detail: 'bad-id',
      });
    const source = { lenient, ...sourceOf(given, entry, request, engine) };
    target = withCriteria(route(method, path, engine), request['ifNoneExist'], []);
    // How an answer is written is up to the request around the Bundle.
    const asked = readQuery(query).filter(([parameter]) => !FORM_PARAMETERS.has(parameter));
    target = withCriteria(target, request['ifNoneExist'], asked);
    const ask = await readInteraction(engine, source, target, asked);
    return { ask, ...name, request: wholeQuestion(name.request, ask) };
  } catch (error) {
    if (error instanceof FhirError) return { ask: { target, error }, ...name };
    throw error;
  }
}

/** Path with a slash in front, and query, below the base. */
export function splitEntryUrl(url: string, { settings }: Engine): [path: string, query: string] {
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
const ENTRY_HEADERS: Readonly<Record<string, string>> = {
  'if-match': 'ifMatch',
  'if-none-match': 'ifNoneMatch',
  'if-modified-since': 'ifModifiedSince',
  'if-none-exist': 'ifNoneExist',
};

function sourceOf(
  { decimals, large }: GivenEntry,
  entry: JsonObject,
  request: Readonly<Record<string, string>>,
  engine: Engine,
): Omit<Source, 'lenient'> {
  const body = (): Parsed => {
    const { resource } = entry;
    if (!isObject(resource))
      throw new FhirError('invalid', 'The entry needs a resource.', { expression: 'http.resource' });
    if (typeof resource['resourceType'] !== 'string' || resource['resourceType'] === '')
      throw new FhirError('invalid', 'The resource has no resourceType.', { detail: 'json-no-resource' });
    return { resource: resource as Resource, decimals, ...(large ? { large } : {}) };
  };
  return {
    method: request['method']!,
    header: name => (name === 'accept' ? 'application/fhir+json' : request[ENTRY_HEADERS[name] ?? '']),
    resource: async () => body(),
    patch: async () => patchFromEntry(engine, body()),
    optional: async () => (entry['resource'] === undefined ? undefined : body()),
    judged: async () => (entry['resource'] === undefined ? {} : { body: body() }),
    upload() {
      throw new FhirError('invalid', 'A file is sent by itself, not in a Bundle.', { expression: 'http.url' });
    },
    async form() {
      if (entry['resource'] === undefined) return [];
      return searchFromEntry(engine, body());
    },
    async bundle() {
      throw new FhirError('invalid', 'An entry cannot be a batch or transaction itself.', { expression: 'http.url' });
    },
  };
}
