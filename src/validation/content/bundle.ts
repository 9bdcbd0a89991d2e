/**
 * Rules of Bundles that no constraint says: fullUrls that agree with their resources, links, and references that must lead to an entry.
 * https://hl7.org/fhir/R4/bundle.html#references, https://hl7.org/fhir/R4/documents.html#content, https://hl7.org/fhir/R4/messaging.html
 *
 * What is sent to be carried out (batch, transaction) may say of a resource that is created what it likes: the server gives the id.
 */
import type { Definitions } from '../../fhir/definitions.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import { type HeldEntry, checkLinked } from './linked-entries.js';
import type { CheckedElement, CheckRun, ElementCheck, ElementPlace, Finding, ResourceSite } from '../run.js';

const bundleError = (detail: string, code: string, text: string): Finding => ({
  severity: 'error',
  code,
  detail,
  text,
});

/** The check of a resource of type Bundle. */
export function createBundleCheck(definitions: Definitions): ElementCheck {
  const types = new Set(definitions.resourceTypes);
  return (element, run) => {
    const bundle = element.value as Resource;
    const { type } = bundle;
    checkLinks(bundle, element.place, run);
    const entries = entriesOf(element);
    run.spend(itemsOf(bundle['entry']).length);
    for (const [index, entry] of itemsOf(bundle['entry']).entries())
      if (isObject(entry)) {
        const place = placeIn(element.place, 'entry', index);
        checkFullUrl(entry, type, place, types, run);
        if (type === 'searchset') checkResult(entry, place, run);
      }
    const [first] = entries;
    if (first?.index !== 0) return;
    if (type === 'document' && first.site.resource.resourceType === 'Composition') {
      for (const { reference, place } of referencesOfComposition(first.site))
        mustResolve(reference, place, first.site, run);
      checkLinked(entries, definitions, run);
    }
    if (type === 'message' && first.site.resource.resourceType === 'MessageHeader')
      for (const { reference, place } of referencesIn(first.site.resource, 'focus', first.site.place))
        mustResolve(reference, place, first.site, run);
  };
}

const placeIn = (above: ElementPlace, name: string, index = -1): ElementPlace => ({ above, name, index });

function entriesOf({ value, place, site }: CheckedElement): HeldEntry[] {
  const entries: HeldEntry[] = [];
  for (const [index, entry] of itemsOf((value as JsonObject)['entry']).entries()) {
    if (!isObject(entry) || !isObject(entry['resource'])) continue;
    const at = placeIn(place, 'entry', index);
    const fullUrl = typeof entry['fullUrl'] === 'string' ? entry['fullUrl'] : undefined;
    const resource = entry['resource'] as Resource;
    entries.push({
      index,
      place: at,
      site: { resource, place: placeIn(at, 'resource'), outer: site, as: 'entry', fullUrl },
    });
  }
  return entries;
}

const PAGING = new Set(['first', 'prev', 'previous', 'next', 'last']);
const PAGED = new Set<Json | undefined>(['searchset', 'history', 'subscription-notification']);

function checkLinks({ type, link }: Resource, place: ElementPlace, run: CheckRun): void {
  const seen = new Set<Json>();
  for (const [index, each] of itemsOf(link).entries()) {
    if (!isObject(each) || typeof each['relation'] !== 'string') continue;
    const { relation } = each;
    const at = placeIn(placeIn(place, 'link', index), 'relation');
    if (seen.has(relation) && (relation === 'self' || PAGING.has(relation)))
      run.report(
        at,
        bundleError('bundle-link', 'structure', 'A Bundle has one link to itself at most, and to each of its pages.'),
      );
    seen.add(relation);
    if (PAGING.has(relation) && !PAGED.has(type))
      run.report(at, bundleError('bundle-link', 'structure', 'Only results and histories have links to other pages.'));
  }
}

const ABSOLUTE = /^[A-Za-z][A-Za-z0-9+.-]*:/;
/** An address of REST: https://hl7.org/fhir/R4/references.html#regex */
const REST = /^https?:\/\/.+\/([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})$/;

/** Bundles whose entries are carried out, or answer such ones. */
const WITHOUT_URLS = new Set<Json | undefined>(['batch', 'transaction', 'batch-response', 'transaction-response']);
/** Bundles whose entries refer to each other, or to what became of them; of others a client may know no address. */
const LINKED = new Set<Json | undefined>(['document', 'message', 'history']);

const noFullUrl = (type: Json | undefined): Finding => ({
  severity: LINKED.has(type) ? 'error' : 'warning',
  code: 'required',
  detail: 'full-url',
  text: 'The entry has no fullUrl, which says whose its resource is, and by which others refer to it.',
});

function checkFullUrl(
  entry: JsonObject,
  type: Json | undefined,
  place: ElementPlace,
  types: ReadonlySet<string>,
  run: CheckRun,
): void {
  const { fullUrl, resource, request } = entry;
  if (typeof fullUrl !== 'string') {
    if (isObject(resource) && !WITHOUT_URLS.has(type)) run.report(place, noFullUrl(type));
    return;
  }
  const at = placeIn(place, 'fullUrl');
  if (!ABSOLUTE.test(fullUrl)) {
    run.report(at, bundleError('full-url', 'invalid', 'fullUrl must be absolute: an address, or a urn.'));
    return;
  }
  const isCreated = (type === 'batch' || type === 'transaction') && isObject(request) && request['method'] === 'POST';
  if (!isObject(resource) || isCreated) return;
  const [, named, id] = REST.exec(fullUrl) ?? [];
  if (named === undefined || !types.has(named)) return;
  if (resource['id'] === undefined)
    run.report(
      at,
      bundleError('full-url', 'invalid', 'fullUrl is the address of a resource with an id, and the resource has none.'),
    );
  else if (resource['resourceType'] !== named || resource['id'] !== id)
    run.report(at, bundleError('full-url', 'invalid', 'fullUrl must end with type and id of its resource.'));
}

/** https://hl7.org/fhir/R4/search.html#mode */
function checkResult({ search, resource }: JsonObject, place: ElementPlace, run: CheckRun): void {
  if (!isObject(search) || !isObject(resource)) return;
  const at = placeIn(place, 'resource');
  if (search['mode'] === 'outcome') {
    if (resource['resourceType'] !== 'OperationOutcome')
      run.report(at, bundleError('search-mode', 'invalid', 'The outcome of a search is an OperationOutcome.'));
  } else if (resource['id'] === undefined)
    run.report(at, bundleError('search-id', 'required', 'What a search finds has an id.'));
}

interface FoundReference {
  readonly reference: string;
  readonly place: ElementPlace;
}

/** References of an element that may repeat. */
function* referencesIn(object: JsonObject, name: string, above: ElementPlace): Generator<FoundReference> {
  const value = object[name];
  const many = Array.isArray(value);
  for (const [index, each] of (many ? value : [value]).entries())
    if (isObject(each) && typeof each['reference'] === 'string')
      yield { reference: each['reference'], place: placeIn(above, name, many ? index : -1) };
}

/** What a document must hold beside its Composition. https://hl7.org/fhir/R4/documents.html#content */
function* referencesOfComposition({ resource, place }: ResourceSite): Generator<FoundReference> {
  for (const name of ['subject', 'encounter', 'author', 'custodian']) yield* referencesIn(resource, name, place);
  for (const [name, inside] of [
    ['attester', 'party'],
    ['event', 'detail'],
  ] as const)
    for (const [index, each] of itemsOf(resource[name]).entries())
      if (isObject(each)) yield* referencesIn(each, inside, placeIn(place, name, index));
  yield* referencesOfSections(resource, place);
}

function* referencesOfSections(holder: JsonObject, above: ElementPlace): Generator<FoundReference> {
  for (const [index, section] of itemsOf(holder['section']).entries()) {
    if (!isObject(section)) continue;
    const place = placeIn(above, 'section', index);
    for (const name of ['author', 'focus', 'entry']) yield* referencesIn(section, name, place);
    yield* referencesOfSections(section, place);
  }
}

function mustResolve(reference: string, place: ElementPlace, from: ResourceSite, run: CheckRun): void {
  run.spend(1);
  if (reference.startsWith('#')) return;
  const { kind } = run.resolve(reference, from);
  if (kind === 'found') return;
  const text =
    kind === 'ambiguous'
      ? 'The reference leads to several entries of the Bundle: name a version.'
      : 'The reference must lead to an entry of the Bundle, whose fullUrl it is.';
  run.report(place, bundleError('reference-missing', 'not-found', text));
}
