/**
 * Addresses outside FHIR: what a route may be called, and which route a request means. A segment in braces, as in `/welcome/{id}`, is
 * a parameter: it stands for any one segment. Fixed words come before parameters, from the left, whatever the order of the routes.
 */
import { FhirError } from '../fhir/error.js';
import type { AddressParameters, OwnedRoute } from './engine.js';

/** The first segment is a fixed word: a parameter there could take what others have. */
const ADDRESS = /^\/[\w.~-]+(?:\/(?:[\w.~-]+|\{[A-Za-z]\w*\}))*$/;
const PARAMETER = /^\{(\w+)\}$/;
/** Characters of a parameter, decoded. */
const LONGEST = 256;

/** The same for two routes that would mean the same requests; undefined: no route can be called so. */
export function addressShape(path: string): string | undefined {
  const names = path.split('/').flatMap(segment => PARAMETER.exec(segment)?.[1] ?? []);
  if (!ADDRESS.test(path) || new Set(names).size !== names.length) return undefined;
  return foldedPath(path);
}

const foldedPath = (path: string): string =>
  path
    .split('/')
    .map(segment => (PARAMETER.test(segment) ? '{}' : segment.toLowerCase()))
    .join('/');

/** The route of a request, and what its address says. */
export interface FoundRoute {
  readonly owned: OwnedRoute;
  /** Throws `invalid` where a value is not what one may be. */
  readonly values: () => AddressParameters;
}

/** Finds the route of a path, which is percent-encoded and has no query; undefined: none. */
export function createRouteFinder(routes: readonly OwnedRoute[]): (path: string) => FoundRoute | undefined {
  const fixed = new Map<string, OwnedRoute>();
  const withParameters: { readonly owned: OwnedRoute; readonly shape: readonly string[] }[] = [];
  for (const owned of routes) {
    const shape = foldedPath(owned.route.path);
    if (shape.includes('{')) withParameters.push({ owned, shape: shape.split('/') });
    else fixed.set(shape, owned);
  }
  const rank = (shape: readonly string[]) => shape.map(word => (word === '{}' ? '1' : '0')).join('');
  const inOrder = withParameters.toSorted((a, b) => (rank(a.shape) < rank(b.shape) ? -1 : 1));
  return path => {
    const given = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
    const lower = given.toLowerCase();
    const owned = fixed.get(lower);
    if (owned) return { owned, values: () => ({}) };
    const segments = lower.split('/');
    const found = inOrder.find(({ shape }) => matches(shape, segments));
    return found && { owned: found.owned, values: () => valuesOf(found.owned.route.path, given) };
  };
}

const matches = (shape: readonly string[], segments: readonly string[]): boolean =>
  shape.length === segments.length &&
  shape.every((word, at) => (word === '{}' ? segments[at] !== '' : word === segments[at]));

function valuesOf(path: string, given: string): AddressParameters {
  const segments = given.split('/');
  const values: Record<string, string> = {};
  path.split('/').forEach((segment, at) => {
    const [, name] = PARAMETER.exec(segment) ?? [];
    if (name !== undefined) values[name] = decoded(name, segments[at]!);
  });
  return values;
}

function decoded(name: string, segment: string): string {
  const wrong = (text: string, cause?: unknown) =>
    new FhirError('invalid', text, { expression: 'http.path', ...(cause === undefined ? {} : { cause }) });
  let value: string;
  try {
    value = decodeURIComponent(segment);
  } catch (cause) {
    throw wrong(`The address is not percent-encoded as it should be, in the place of {${name}}.`, cause);
  }
  if (value.length > LONGEST) throw wrong(`There are more than ${LONGEST} characters in the place of {${name}}.`);
  // As names of files, the first two would lead elsewhere.
  if (value === '.' || value === '..' || /\p{Cc}/u.test(value))
    throw wrong(`What stands in the place of {${name}} is no value for it.`);
  return value;
}
