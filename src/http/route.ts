/**
 * Method and path below the FHIR base → what is wanted: https://hl7.org/fhir/R4/http.html#general. Pure. Bodies and
 * headers are not looked at here, so that a refusal can be audited whatever they hold.
 */
import type { Definitions } from '../fhir/definitions.js';
import { FhirError } from '../fhir/error.js';
import type { Kind, Target } from '../interactions/interaction.js';

export interface Route extends Target {
  /** Path segment of a vread. */
  readonly version?: string;
}

type Methods = Readonly<Partial<Record<string, Kind>>>;

/** Path shape → methods: T a type, I an id, V a version; GET stands for HEAD, too. `T/I/…` with a search: a compartment. */
const ROUTES: ReadonlyMap<string, Methods> = new Map(
  Object.entries<Methods>({
    '': { GET: 'search' },
    metadata: { GET: 'capabilities' },
    _history: { GET: 'history' },
    _search: { POST: 'search' },
    T: { GET: 'search', POST: 'create' },
    'T/_search': { POST: 'search' },
    'T/_history': { GET: 'history' },
    'T/I': { GET: 'read', PUT: 'update', DELETE: 'delete' },
    'T/I/_history': { GET: 'history' },
    'T/I/_history/V': { GET: 'vread' },
    'T/I/*': { GET: 'search' },
    'T/I/_search': { POST: 'search' },
    'T/I/T': { GET: 'search' },
    'T/I/T/_search': { POST: 'search' },
  }),
);

const ID = /^[A-Za-z0-9\-.]{1,64}$/;

/** `path` starts with a slash, is still percent-encoded and has no query. Throws FhirError where nothing is meant. */
export function route(method: string, path: string, definitions: Definitions): Route {
  const segments = decode(path);
  const { shape, ...target } = recognise(segments, definitions);
  const methods = ROUTES.get(shape);
  if (!methods) throw new FhirError('not-found', 'There is nothing at this address: see /metadata for what there is.');
  const name = method === 'HEAD' ? 'GET' : method;
  const kind = Object.hasOwn(methods, name) ? methods[name] : undefined;
  if (!kind) throw notAllowed(Object.keys(methods));
  return { kind, ...target };
}

/** Methods that an address allows, for OPTIONS and 405. */
export function allowedMethods(path: string, definitions: Definitions): string[] {
  const methods = Object.keys(ROUTES.get(recognise(decode(path), definitions).shape) ?? {});
  return [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'];
}

/** A 405 that knows its Allow header. */
export class MethodNotAllowed extends FhirError {
  readonly allow: readonly string[];
  constructor(allow: readonly string[]) {
    super('method-not-allowed', `This address allows ${allow.join(', ')}.`);
    this.allow = allow;
  }
}
const notAllowed = (methods: readonly string[]) =>
  new MethodNotAllowed([...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS']);

function decode(path: string): string[] {
  try {
    return path
      .split('/')
      .filter((part, at, all) => part !== '' || (at > 0 && at < all.length - 1))
      .map(decodeURIComponent);
  } catch {
    throw new FhirError('invalid', 'The address holds a percent sign that is no escape.');
  }
}

function recognise(segments: readonly string[], definitions: Definitions): { shape: string } & Omit<Route, 'kind'> {
  const [first, second, third, fourth, ...more] = segments;
  if (first === undefined || ROUTES.has(first)) return { shape: segments.join('/') };
  if (first.startsWith('$') || second?.startsWith('$') || third?.startsWith('$'))
    throw new FhirError('unknown-type', 'This server offers no such operation: see /metadata.', {
      detail: 'unknown-operation',
    });
  if (!definitions.resourceTypes.includes(first))
    throw new FhirError(
      'unknown-type',
      'The first part of the address must be an R4 resource type, spelt as in the standard.',
    );
  if (second === undefined) return { shape: 'T', type: first };
  if (second.startsWith('_')) return { shape: ['T', ...segments.slice(1)].join('/'), type: first };
  if (!ID.test(second))
    throw new FhirError('invalid', 'An id has 1 to 64 letters, digits, hyphens and dots.', {
      expression: `${first}.id`,
      detail: 'bad-id',
    });
  if (third === undefined) return { shape: 'T/I', type: first, id: second };
  if (third === '_history' && fourth !== undefined && more.length === 0)
    return { shape: 'T/I/_history/V', type: first, id: second, version: fourth };
  const compartment = { type: first, id: second };
  if (third === '*' || third === '_search') return { shape: ['T/I', ...segments.slice(2)].join('/'), compartment };
  if (definitions.resourceTypes.includes(third))
    return { shape: ['T/I/T', ...segments.slice(3)].join('/'), type: third, compartment };
  return { shape: ['T/I', ...segments.slice(2)].join('/'), type: first, id: second };
}
