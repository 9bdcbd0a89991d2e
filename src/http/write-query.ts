/**
 * What stands in the address of a write and in the headers beside it: criteria, versions, and what is neither. Nothing of it is
 * dropped in silence. https://hl7.org/fhir/R4/http.html#ccreate, #cond-update, #concurrency, #parameters
 */
import { FhirError } from '../fhir/error.js';
import { conditionsOf } from '../interactions/write/conditional.js';
import type { Parameters } from '../interactions/interaction.js';
import { readQuery, single } from './query.js';
import type { Route } from './route.js';

/** Throws `invalid` where there is more in the address than the form of the answer; `remedy` says where it belongs. */
export function refuseCriteria(query: Parameters, remedy: string): void {
  const [first] = conditionsOf(query);
  if (first)
    throw new FhirError('invalid', remedy, {
      expression: `http.${first[0].slice(0, 64)}`,
      detail: 'unknown-parameter',
    });
}

/** The resource that a write means: an id, which criteria may stand beside, or the query of a conditional interaction. */
export function addressed(ifMatch: string | undefined, route: Route, query: Parameters) {
  const { type = '', id } = route;
  const criteria = criteriaIn(route, query);
  const version = readIfMatch(ifMatch);
  return {
    type,
    ...(id === undefined ? {} : { id }),
    ...(criteria ? { criteria } : {}),
    ...(version === undefined ? {} : { ifMatch: version }),
  };
}

/** Criteria of a write that names a resource by them, or has them beside its id; undefined: it has none. */
export function criteriaIn({ kind, id }: Route, query: Parameters): Parameters | undefined {
  const criteria = conditionsOf(query).filter(([name]) => !(kind === 'delete' && name === '_cascade'));
  return id === undefined || criteria.length > 0 ? criteria : undefined;
}

/** `_cascade=delete`, or a header in the words of other servers. */
export function cascades(header: string | undefined, query: Parameters): boolean {
  const asked = single(query, '_cascade') ?? header;
  if (asked === undefined || asked === 'none') return false;
  if (asked === 'delete') return true;
  throw new FhirError('invalid', '_cascade must be delete or none.', { expression: 'http._cascade' });
}

/** If-None-Exist: a query, with or without what stands before it. */
export const readCondition = (header: string): Parameters =>
  conditionsOf(readQuery(header.trim().replace(/^(?:[^?=&]*\?)/, '')));

/** A list of entity tags; one without its quotes is taken, too. */
export function readIfMatch(header: string | undefined): readonly string[] | undefined {
  if (header === undefined) return undefined;
  const tags = header.split(',').filter(tag => tag.trim() !== '');
  const versions = tags.map(tag => /^\s*(?:(?:W\/)?"([^"]+)"|(\*)|([A-Za-z0-9\-.]+))\s*$/.exec(tag));
  if (versions.length === 0 || !versions.every(version => version !== null))
    throw new FhirError('invalid', 'If-Match must hold a version, as in W/"3", or several.', {
      expression: 'http.If-Match',
    });
  return versions.map(([, quoted, any, bare]) => quoted ?? any ?? bare ?? '');
}
