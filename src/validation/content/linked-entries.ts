/**
 * How the entries of a document hang together: each is led to from the Composition, or leads to what is.
 * https://hl7.org/fhir/R4/documents.html#content, https://hl7.org/fhir/R4/bundle.html#references
 */
import type { Definitions } from '../../fhir/definitions.js';
import { isObject, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import { type JsonKeys, placedElement } from './placed-element.js';
import { typeInReference } from '../profiles/resolve.js';
import type { CheckRun, ElementPlace, ResourceSite } from '../run.js';

/** An entry of a Bundle that holds a resource. */
export interface HeldEntry {
  readonly index: number;
  readonly place: ElementPlace;
  readonly site: ResourceSite;
}

/** Longer strings are no addresses. */
const LONGEST_ADDRESS = 2_000;

/** Reports entries that nothing links to the first one, and references that miss an entry of their type and id. */
export function checkLinked(entries: readonly HeldEntry[], definitions: Definitions, run: CheckRun): void {
  const numbers = new Map<Resource, number>(entries.map(({ site }, at) => [site.resource, at]));
  const byUrl = new Map(entries.flatMap(({ site: { fullUrl } }, at) => (fullUrl === undefined ? [] : [[fullUrl, at]])));
  const ids = new Set(
    entries.flatMap(({ site: { resource } }) => {
      const { resourceType, id } = resource;
      return typeof id === 'string' ? [`${resourceType}/${id}`] : [];
    }),
  );
  const links: number[][] = entries.map(() => []);
  const link = (from: number, to: number | undefined): void => {
    if (to === undefined || to === from) return;
    links[from]!.push(to);
    links[to]!.push(from);
  };
  for (const [at, { site }] of entries.entries())
    walk(site, run, (text, keys) => {
      const exact = byUrl.get(text);
      if (exact !== undefined) return link(at, exact);
      if (keys.at(-1) !== 'reference' || text.startsWith('#')) return undefined;
      const target = run.resolve(text, site);
      if (target.kind === 'found') return link(at, numbers.get(target.site.resource));
      // The Composition's own references must lead to entries anyway.
      if (at > 0 && misses(text, ids)) reportMissed(placedElement(site, keys.slice(0, -1), definitions).place, run);
      return undefined;
    });
  const reached = reachedFrom(0, links);
  for (const [at, { place }] of entries.entries())
    if (!reached.has(at))
      run.report(place, {
        severity: 'error',
        code: 'informational',
        detail: 'entry-unlinked',
        text: 'Nothing links the entry to the Composition of the document: refer to it, or leave it out.',
      });
}

function reportMissed(place: ElementPlace, run: CheckRun): void {
  run.report(place, {
    severity: 'error',
    code: 'not-found',
    detail: 'reference-missing',
    text: 'The Bundle has such a resource, but the reference does not lead to it: references follow the fullUrls of both.',
  });
}

/** Whether a relative reference names type and id of an entry. */
const misses = (reference: string, ids: ReadonlySet<string>): boolean =>
  typeInReference(reference) !== undefined && ids.has(reference.split('/_history/', 1)[0]!);

function reachedFrom(first: number, links: readonly (readonly number[])[]): ReadonlySet<number> {
  const reached = new Set([first]);
  for (const at of reached) for (const next of links[at] ?? []) reached.add(next);
  return reached;
}

/** Every string of a resource that may be an address, with the keys that lead to it. */
function walk({ resource }: ResourceSite, run: CheckRun, visit: (text: string, keys: JsonKeys) => void): void {
  const keys: (string | number)[] = [];
  const enter = (key: string | number, value: Json): void => {
    keys.push(key);
    if (typeof value === 'string') {
      if (value.length <= LONGEST_ADDRESS) visit(value, keys);
    } else if (Array.isArray(value)) for (const [index, each] of value.entries()) enter(index, each);
    else if (isObject(value)) enterAll(value);
    keys.pop();
  };
  const enterAll = (object: JsonObject): void => {
    run.spend(1);
    for (const key in object) if (key !== 'div') enter(key, object[key]!);
  };
  enterAll(resource);
}
