/**
 * The resources inside a resource: contained ones, those of the entries of a Bundle, of Parameters, and the outcome that an entry
 * answers with. https://hl7.org/fhir/R4/references.html#contained, https://hl7.org/fhir/R4/bundle.html#references
 */
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { ElementPlace, ResourceSite } from '../run.js';

/** The outermost resource first, each before what is inside it. */
export function resourceSites(resource: Resource): ResourceSite[] {
  const root: ResourceSite = {
    resource,
    place: { above: undefined, name: resource.resourceType, index: -1 },
    outer: undefined,
    as: 'root',
    fullUrl: undefined,
  };
  const sites = [root];
  // What is inside is added to the end, and looked into in its turn.
  for (const site of sites) addInner(site, sites);
  return sites;
}

function addInner(site: ResourceSite, sites: ResourceSite[]): void {
  const { resource, place } = site;
  const add = (inner: Json | undefined, where: ElementPlace, as: ResourceSite['as'], fullUrl?: string): void => {
    if (isObject(inner) && typeof inner['resourceType'] === 'string')
      sites.push({ resource: inner as Resource, place: where, outer: site, as, fullUrl });
  };
  for (const [index, inner] of itemsOf(resource['contained']).entries())
    add(inner, { above: place, name: 'contained', index }, 'contained');
  if (resource.resourceType === 'Bundle')
    for (const [index, entry] of itemsOf(resource['entry']).entries()) {
      if (!isObject(entry)) continue;
      const above = { above: place, name: 'entry', index };
      const fullUrl = typeof entry['fullUrl'] === 'string' ? entry['fullUrl'] : undefined;
      add(entry['resource'], { above, name: 'resource', index: -1 }, 'entry', fullUrl);
      const response = entry['response'];
      if (isObject(response))
        add(response['outcome'], { above: { above, name: 'response', index: -1 }, name: 'outcome', index: -1 }, 'part');
    }
  if (resource.resourceType === 'Parameters') addParameters(resource, 'parameter', place, add);
}

function addParameters(
  holder: JsonObject,
  name: 'parameter' | 'part',
  above: ElementPlace,
  add: (inner: Json | undefined, where: ElementPlace, as: 'part') => void,
): void {
  for (const [index, parameter] of itemsOf(holder[name]).entries()) {
    if (!isObject(parameter)) continue;
    const place = { above, name, index };
    add(parameter['resource'], { above: place, name: 'resource', index: -1 }, 'part');
    addParameters(parameter, 'part', place, add);
  }
}
