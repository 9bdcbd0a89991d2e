/**
 * A JSON file, or a line of NDJSON, as the requests that it means. A Bundle of requests (batch, transaction) means what it means over HTTP, and is
 * read by the same code: https://hl7.org/fhir/R4/http.html#transaction. Of any other Bundle, and of entries that have no
 * request, each resource is put under its id, or created where it has none; their references to each other are resolved.
 * A document stays one resource. Of a history the newest version of each resource counts.
 */
import { asFhirError, FhirError, type Issue } from '../fhir/error.js';
import { ID_PATTERN } from '../fhir/id.js';
import { type JsonLimits, readJson } from '../fhir/json/json.js';
import { type Decimals, type Json, type JsonObject, type Parsed, type Resource, isObject } from '../fhir/resource.js';
import { requestsOf } from './bundle.js';
import type { Engine } from '../interactions/engine.js';
import type { Entry } from '../interactions/interaction.js';
import { rankOf } from '../interactions/transaction/steps.js';
import { patchMeant } from '../interactions/write/run-hooks.js';
import { refuseErrors } from '../validation/gate/validate.js';

/** A request on its way in. */
export interface Item {
  /** Line of NDJSON, or number of the entry in a Bundle; from 1. */
  readonly line: number;
  readonly entry: Entry;
}

/** Requests that are sent together. */
export interface Group {
  readonly kind: 'batch' | 'transaction';
  /**
   * What a refused transaction leads to: the Bundle wants all or nothing; its entries refer to each other, so the one at fault
   * is left out; they are each by themselves.
   */
  readonly refused: 'nothing' | 'leave-out' | 'each';
  readonly items: readonly Item[];
}

const isResource = (value: Json | undefined): value is Resource =>
  isObject(value) && typeof value['resourceType'] === 'string';

/** A resource by itself: an update of its id, or a create. */
export function requestOf(body: Parsed, { settings }: Engine): Entry {
  const { resourceType: type, id } = body.resource;
  if (typeof id !== 'string') return { request: `POST ${settings.base}/${type}`, ask: { kind: 'create', type, body } };
  return { request: `PUT ${settings.base}/${type}/${id}`, ask: { kind: 'update', type, id, body } };
}

/** A line that means nothing that could be done. */
export interface BadLine {
  readonly line: number;
  readonly type?: string;
  readonly issues: readonly Issue[];
}

/**
 * `bytes` undefined: the line was longer than `maxBody`. What is not valid is said here and not by the commit of the lines around it,
 * which would have to go one by one then.
 */
export async function itemOfLine(
  line: number,
  bytes: Buffer | undefined,
  limits: JsonLimits & { readonly maxBody: number },
  engine: Engine,
): Promise<Item | BadLine> {
  let type: string | undefined;
  try {
    if (!bytes)
      throw new FhirError('too-large', `The line is longer than ${limits.maxBody} bytes (CHARTROOM_MAX_BODY).`);
    const body = await readJson(bytes, limits);
    const { resourceType } = body.resource;
    if (!engine.definitions.resourceTypes.includes(resourceType))
      throw new FhirError('unknown-type', 'resourceType is not an R4 resource type.');
    type = resourceType;
    const entry = requestOf(body, engine);
    const { ask } = entry;
    // What stands for a patch is no whole resource.
    if (!('kind' in ask && ask.kind === 'update' && patchMeant({ engine }, ask)))
      refuseErrors(await engine.validate(body), 'The resource is not valid FHIR R4.');
    return { line, entry };
  } catch (error) {
    return { line, ...(type === undefined ? {} : { type }), issues: asFhirError(error).issues };
  }
}

/** What may be right as soon as something else is loaded. */
const NOT_YET = new Set(['no-match', 'dangling-reference']);

export const isNotYet = (issues: readonly { readonly detail?: string }[]): boolean =>
  issues.some(({ detail }) => NOT_YET.has(detail ?? ''));

/** Position of the entry that an error names. */
export function entryOf({ issues }: FhirError): number | undefined {
  const at = issues.map(({ expression }) => /^Bundle\.entry\[(\d+)\]/.exec(expression ?? '')?.[1]).find(Boolean);
  return at === undefined ? undefined : Number(at);
}

/** The type that a request is about. */
export function typeAsked({ entry: { ask } }: Item): string | undefined {
  const target = 'error' in ask ? ask.target : ask;
  return target && 'type' in target ? target.type : undefined;
}

/** The line says which entry of the file it is; its place in what was sent is nobody's concern. */
export const withoutPlace = <I extends { readonly expression?: string }>(issues: readonly I[], type = 'entry'): I[] =>
  issues.map(issue =>
    issue.expression === undefined
      ? issue
      : { ...issue, expression: issue.expression.replace(/^Bundle\.entry\[\d+\](\.resource)?(?=\.|$)/, type) },
  );

/** What the file means, without the entries that `isDone` knows. Throws as a Bundle over HTTP does. */
export async function groupOf(body: Parsed, engine: Engine, isDone: (line: number) => boolean): Promise<Group> {
  const { resource, decimals } = body;
  const { type } = resource;
  if (resource.resourceType !== 'Bundle' || type === 'document')
    return {
      kind: 'transaction',
      refused: 'each',
      items: isDone(1) ? [] : [{ line: 1, entry: requestOf(body, engine) }],
    };
  const asks = type === 'batch' || type === 'transaction';
  const given = resource['entry'] ?? [];
  if (!Array.isArray(given))
    throw new FhirError('invalid', 'The entries of a Bundle are an array.', { expression: 'Bundle.entry' });
  const numbered = given.map((entry, at) => ({ line: at + 1, entry }));
  const told = numbered.filter(({ entry }) => !isSaidOfItself(entry));
  const matches = told.filter((each): each is Numbered => isMatch(each.entry));
  const entries = asks ? numbered : type === 'history' ? newest(matches) : matches;
  const bad = asks ? [] : told.filter(({ entry, line }) => !isMatch(entry) && !isDone(line)).map(badItem);
  const left = entries.filter(({ line }) => !isDone(line));
  const kind = type === 'batch' ? 'batch' : 'transaction';
  if (left.length === 0) return { kind, refused: bad.length > 0 ? 'leave-out' : 'nothing', items: bad };
  const requests = left.map(({ entry }) => {
    const value = asks && isObject(entry) && entry['request'] !== undefined ? entry : asked(entry);
    return { value, decimals: decimals && digitsOf(value, decimals) };
  });
  const around = { ...(asks ? resource : { resourceType: 'Bundle' }), type: kind };
  const read = await requestsOf(around, requests, engine, { prefer: 'minimal', lenient: false });
  const items = ('entries' in read ? read.entries : []).map((entry, i) => ({ line: left[i]!.line, entry }));
  if (kind === 'batch') return { kind, refused: 'nothing', items: items.toSorted((a, b) => orderOf(a) - orderOf(b)) };
  return { kind, refused: asks ? 'nothing' : 'leave-out', items: [...items, ...bad] };
}

/** An entry that holds nothing to load is refused when it is its turn, and not passed over. */
const badItem = ({ line }: { readonly line: number }): Item => ({
  line,
  entry: {
    ask: {
      target: undefined,
      error: new FhirError(
        'invalid',
        'The entry needs a resource with its resourceType, and a fullUrl that is a string.',
        {
          expression: 'http.resource',
        },
      ),
    },
    request: '',
  },
});

/** The part of the table that belongs to one entry. */
function digitsOf(entry: Json, table: Decimals): Decimals {
  const own: Decimals = new Map();
  const visit = (value: Json): void => {
    if (typeof value !== 'object' || value === null) return;
    const texts = table.get(value);
    if (texts) own.set(value, texts);
    for (const inner of Object.values(value)) visit(inner);
  };
  visit(entry);
  return own;
}

/** A batch runs in the order of a transaction. */
const orderOf = ({ entry: { ask } }: Item): number => ('error' in ask ? Number.MAX_SAFE_INTEGER : rankOf(ask));

interface Numbered {
  readonly line: number;
  readonly entry: JsonObject;
}

/** What a searchset says about itself is nothing to load. */
const isSaidOfItself = (entry: Json): boolean =>
  isObject(entry) && (entry['search'] as JsonObject | undefined)?.['mode'] === 'outcome';

const isMatch = (entry: Json): entry is JsonObject =>
  isObject(entry) && isResource(entry['resource']) && ['string', 'undefined'].includes(typeof entry['fullUrl']);

/** In a history the newest version comes first. */
function newest(entries: readonly Numbered[]): Numbered[] {
  const seen = new Set<string>();
  return entries.filter(({ entry: { resource } }) => {
    const { resourceType, id } = resource as Resource;
    if (typeof id !== 'string') return true;
    const name = `${resourceType}/${id}`;
    return !seen.has(name) && seen.add(name);
  });
}

/** An entry with the request that its resource stands for. */
function asked(entry: Json): Json {
  if (!isObject(entry)) return entry;
  const { fullUrl, resource } = entry;
  if (!isResource(resource)) return entry;
  const { resourceType, id } = resource;
  const request =
    typeof id === 'string' && ID_PATTERN.test(id)
      ? { method: 'PUT', url: `${resourceType}/${id}` }
      : { method: 'POST', url: resourceType };
  return { ...(fullUrl === undefined ? {} : { fullUrl }), resource, request };
}
