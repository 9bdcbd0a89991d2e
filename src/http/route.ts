/**
 * Method and path below the FHIR base → what is wanted: https://hl7.org/fhir/R4/http.html#general. Pure. Bodies and
 * headers are not looked at here, so that a refusal can be audited whatever they hold.
 */
import { FhirError } from '../fhir/error.js';
import { isId } from '../fhir/id.js';
import type { InteractionKind, Target } from '../interactions/interaction.js';
import { type HttpMethod, type InteractionRow, INTERACTIONS } from '../interactions/kinds.js';
import { didYouMean } from '../platform/nearest.js';
import type { OperationLevel, OperationOffer } from '../interactions/operations/operation.js';
import type { Engine } from '../interactions/engine.js';

export interface Route extends Target {
  /** Path segment of a vread, or of an operation on a version. */
  readonly version?: string;
}

type Methods = Readonly<Partial<Record<string, InteractionKind>>>;

/** As Allow lists them. */
const METHODS: readonly HttpMethod[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Path shape → method → kind, in the letters of the table of interactions. */
const ROUTES: ReadonlyMap<string, Methods> = routesOf(INTERACTIONS);

function routesOf(interactions: Readonly<Record<string, InteractionRow>>): ReadonlyMap<string, Methods> {
  const routes = new Map<string, Methods>();
  for (const method of METHODS)
    for (const [kind, { addresses }] of Object.entries(interactions))
      for (const address of addresses) {
        const [verb, shape = ''] = address.split(' ');
        if (verb === method) routes.set(shape, { ...routes.get(shape), [method]: kind as InteractionKind });
      }
  return routes;
}

/** What addresses are made of. */
export type Addressable = Pick<Engine, 'definitions' | 'operations'>;

/** `path` starts with a slash, is still percent-encoded and has no query. Throws FhirError where nothing is meant. */
export function route(method: string, path: string, engine: Addressable): Route {
  const segments = decodePath(path);
  const { shape, ...target } = recognise(segments, engine);
  const methods = methodsOf(engine, shape, target.operation);
  if (!methods) {
    const near = didYouMean(segments[2] ?? '', engine.definitions.resourceTypes);
    throw new FhirError('not-found', `There is nothing at this address: see /metadata for what there is.${near}`);
  }
  const name = method === 'HEAD' ? 'GET' : method;
  const kind = Object.hasOwn(methods, name) ? methods[name] : undefined;
  if (!kind) throw notAllowed(Object.keys(methods));
  const { deletedBy } = (target.operation === undefined ? undefined : engine.operations.get(target.operation)) ?? {};
  return { kind, ...target, ...(name === 'DELETE' && deletedBy ? { operation: deletedBy } : {}) };
}

/** Methods that an address allows, for OPTIONS and 405. */
export function allowedMethods(path: string, engine: Addressable): string[] {
  const { shape, operation } = recognise(decodePath(path), engine);
  const methods = Object.keys(methodsOf(engine, shape, operation) ?? {});
  return [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'];
}

function methodsOf({ operations }: Addressable, shape: string, operation: string | undefined): Methods | undefined {
  if (operation === undefined) return ROUTES.get(shape);
  const { methods = [], deletedBy } = operations.get(operation) ?? {};
  return Object.fromEntries([...methods, ...(deletedBy ? ['DELETE'] : [])].map(method => [method, 'operation']));
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

function decodePath(path: string): string[] {
  try {
    return path
      .split('/')
      .filter((part, at, all) => part !== '' || (at > 0 && at < all.length - 1))
      .map(decodeURIComponent);
  } catch {
    throw new FhirError('invalid', 'The address holds a percent sign that is no escape.');
  }
}

function recognise(segments: readonly string[], engine: Addressable): { shape: string } & Omit<Route, 'kind'> {
  const { definitions } = engine;
  const [first, second, third, fourth, ...more] = segments;
  if (first === undefined || ROUTES.has(first)) return { shape: segments.join('/') };
  const dollar = segments.findIndex(segment => segment.startsWith('$'));
  if (dollar in LEVELS) return recogniseOperation(segments, dollar, engine);
  if (!definitions.resourceTypes.includes(first))
    throw new FhirError(
      'unknown-type',
      `The first part of the address must be an R4 resource type, spelt as in the standard.${didYouMean(first, definitions.resourceTypes)}`,
    );
  if (second === undefined) return { shape: 'T', type: first };
  if (second.startsWith('_')) return { shape: ['T', ...segments.slice(1)].join('/'), type: first };
  if (!isId(second)) throw badId(first);
  if (third === undefined) return { shape: 'T/I', type: first, id: second };
  if (third === '_history' && fourth !== undefined && more.length === 0)
    return { shape: 'T/I/_history/V', type: first, id: second, version: fourth };
  const compartment = { type: first, id: second };
  if (third === '*' || third === '_search') return { shape: ['T/I', ...segments.slice(2)].join('/'), compartment };
  if (definitions.resourceTypes.includes(third))
    return { shape: ['T/I/T', ...segments.slice(3)].join('/'), type: third, compartment };
  return { shape: ['T/I', ...segments.slice(2)].join('/'), type: first, id: second };
}

const badId = (type: string): FhirError =>
  new FhirError('invalid', 'An id has 1 to 64 letters, digits, hyphens and dots, and is neither . nor .. alone.', {
    expression: `${type}.id`,
    detail: 'bad-id',
  });

/** By the number of segments before an operation. */
const LEVELS: Readonly<Record<number, OperationLevel>> = { 0: 'system', 1: 'type', 2: 'instance', 4: 'version' };

/** `$code`, `T/$code`, `T/I/$code`, `T/I/_history/V/$code`, where the operation is offered at that level. */
function recogniseOperation(segments: readonly string[], at: number, { definitions, operations }: Addressable) {
  const operation = segments[at]!.slice(1);
  const [type, id, history, version] = segments.slice(0, at);
  const fits = ({ levels, types }: OperationOffer): boolean =>
    levels.includes(LEVELS[at]!) &&
    (history ?? '_history') === '_history' &&
    (type === undefined || (types ?? [type]).includes(type));
  const found = operations.get(operation);
  const offered = found && fits(found) && segments.length === at + 1;
  const known = type === undefined || definitions.resourceTypes.includes(type);
  if (type !== undefined && known && id !== undefined && !isId(id)) throw badId(type);
  if (!offered || !known) {
    const here = [...operations].filter(([, each]) => fits(each)).map(([code]) => `$${code}`);
    throw new FhirError(
      'unknown-type',
      `This server offers no such operation: see /metadata.${didYouMean(segments[at]!, here)}`,
      { detail: 'unknown-operation' },
    );
  }
  return {
    shape: '$',
    operation,
    ...(type === undefined ? {} : { type }),
    ...(id === undefined ? {} : { id }),
    ...(version === undefined ? {} : { version }),
  };
}
